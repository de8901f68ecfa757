"""Functions made of operations: the arguments NumPy's users expect, activations, losses. No gradient rules here."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

from minitorch import ops
from minitorch.errors import DTypeError, ShapeError
from minitorch.graph.dim import Dim, Size, divide, equal, maximum, minimum
from minitorch.graph.origin import here
from minitorch.graph.tensor import Operand, Tensor, as_tensor
from minitorch.graph.types import FLOAT32, DTypeLike, Type, dtype_of, is_float, show_shape
from minitorch.ops.elementwise import raised
from minitorch.ops.reduction import reduced
from minitorch.ops.shape import Range

Axis = int | Sequence[int] | None


# ---- arguments ----


def _fail(error: type[Exception], function: str, message: str, *tensors: Tensor) -> Exception:
    """An error at the user's line, with the tensors that it is about."""
    about = "".join(f"\n  {t.describe()}" for t in tensors)
    return error(f"{function}: {message}{about}\n  in {here()!r}")


def _axes(x: Tensor, axis: Axis, function: str) -> tuple[int, ...]:
    """`axis` as a sorted tuple of axes counted from the left; None means all."""
    if axis is None:
        return tuple(range(x.ndim))
    given = [axis] if isinstance(axis, int) else list(axis)
    axes = sorted(_axis(x, i, function) for i in given)
    if len(set(axes)) < len(axes):
        raise _fail(ShapeError, function, f"the axes {axis} name one axis twice", x)
    return tuple(axes)


def _axis(x: Tensor, axis: int, function: str, extra: int = 0) -> int:
    rank = x.ndim + extra
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise _fail(ShapeError, function, f"axis {axis} does not exist: {x.type} has {x.ndim} axes", x)
    return axis % rank


# ---- elementwise ----


def power(a: Operand, b: Operand) -> Tensor:
    """`a ** b`. A number as exponent takes the short ways that NumPy takes: squares, roots.

    The gradient at `b = 0` is 0 for `a`; at `a = 0 <= b` it is 0 for `b` (PyTorch's convention).

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", (2,))
    >>> (x ** 3).eval({x: [1, 2]}).tolist()
    [1.0, 8.0]
    """
    if isinstance(a, Tensor) and isinstance(b, int | float) and not isinstance(b, bool):
        if is_float(a.dtype):
            return raised(a, b)
        if b == 2:
            return ops.square(a)
    return ops.power(a, b)


def clip(x: Operand, low: Operand = None, high: Operand = None) -> Tensor:
    """`x` held between `low` and `high`; None is no bound. At a bound the gradient goes to `x`, as in PyTorch.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", (3,))
    >>> mt.clip(x, -1, 1).eval({x: [-5, 0.5, 5]}).tolist()
    [-1.0, 0.5, 1.0]
    """
    low = -float("inf") if low is None else low
    return ops.clip(x, low, float("inf") if high is None else high)


def cast(x: Operand, dtype: DTypeLike) -> Tensor:
    """`x` in another dtype, converted as NumPy's `astype` does."""
    t, target = as_tensor(x, "cast"), dtype_of(dtype)
    return t if t.dtype == target and not t.type.weak else ops.cast(t, dtype=target)


# ---- reductions ----


def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis`, all axes unless told otherwise. Ints and bools add up as int64."""
    x = as_tensor(x, "sum")
    return ops.sum(x, axis=_axes(x, axis, "sum"), keepdims=bool(keepdims))


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over `axis`; NaN over nothing. Sizes that are unknown are counted when a program runs."""
    x = as_tensor(x, "mean")
    axes = _axes(x, axis, "mean")
    count = Type(tuple(x.shape[i] for i in axes), x.dtype).size
    total = ops.sum(x, axis=axes, keepdims=bool(keepdims))
    return ops.divide(total, _number(count, total))


def _number(size: Size, like: Tensor) -> Operand:
    if isinstance(size, int):
        return size
    return ops.size_of(size=size, dtype=like.dtype if is_float(like.dtype) else FLOAT32)


def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The greatest element over `axis`. Elements that tie share the gradient evenly (PyTorch's `amax`).

    Raises `ShapeError` where an axis is empty.
    """
    x = as_tensor(x, "max")
    return ops.max(x, axis=_axes(x, axis, "max"), keepdims=bool(keepdims))


def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over `axis`, shifted by the greatest element so that nothing overflows."""
    x = as_tensor(x, "logsumexp")
    axes = _axes(x, axis, "logsumexp")
    top = ops.stop_gradient(ops.max(x, axis=axes, keepdims=True))
    top = ops.where(ops.abs(top) < float("inf"), top, 0)  # inf - inf would be NaN
    total = ops.log(ops.sum(ops.exp(x - top), axis=axes, keepdims=True)) + top
    return total if keepdims else ops.reshape(total, shape=reduced(x.type, axes, False))


def log_softmax(x: Operand, axis: int = -1) -> Tensor:
    """x - logsumexp(x): the logarithm of `softmax`, without its underflow."""
    x = as_tensor(x, "log_softmax")
    return ops.subtract(x, logsumexp(x, axis, keepdims=True))


def softmax(x: Operand, axis: int = -1) -> Tensor:
    """exp(x) divided by its sum over `axis`.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", (2,))
    >>> softmax(x).eval({x: [3, 3]}).tolist()
    [0.5, 0.5]
    """
    return ops.exp(log_softmax(x, axis))


# ---- products ----


def matmul(a: Operand, b: Operand) -> Tensor:
    """`a @ b` as in NumPy: matrices, vectors on either side, batches of matrices that broadcast.

    Raises `ShapeError` where the inner sizes differ or an operand is a scalar.

    >>> import minitorch as mt
    >>> x, w = mt.placeholder("x", ("batch", 3)), mt.parameter([1.0, 2.0, 3.0])
    >>> str((x @ w).type)
    'f32[batch]'
    """
    a, b = as_tensor(a, "matmul"), as_tensor(b, "matmul")
    if not a.ndim or not b.ndim:
        raise _fail(ShapeError, "matmul", "a scalar has no axis to multiply along; use *", a, b)
    if a.ndim > 1 and b.ndim > 1:
        return ops.matmul(a, b)
    left = a if a.ndim > 1 else ops.reshape(a, shape=(1, *a.shape))
    right = b if b.ndim > 1 else ops.reshape(b, shape=(*b.shape, 1))
    product = ops.matmul(left, right)
    rows = product.shape[:-2] + (product.shape[-2],) * (a.ndim > 1)
    return ops.reshape(product, shape=rows + (product.shape[-1],) * (b.ndim > 1))


# ---- shape ----


def transpose(x: Operand, axes: Sequence[int] | int | None = None) -> Tensor:
    """The axes in another order, reversed unless told otherwise. Costs nothing at run time."""
    x = as_tensor(x, "transpose")
    order = tuple(range(x.ndim))[::-1] if axes is None else [axes] if isinstance(axes, int) else axes
    return ops.transpose(x, axes=tuple(_axis(x, i, "transpose") for i in order))


def reshape(x: Operand, shape: Any) -> Tensor:
    """The same elements in another shape. One size may be -1: what is left.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", ("batch", 4, 4))
    >>> str(reshape(x, (x.shape[0], -1)).type)
    'f32[batch, 16]'
    """
    x = as_tensor(x, "reshape")
    sizes = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    if not all(isinstance(s, Dim) or (isinstance(s, int) and s >= -1) for s in sizes):
        raise _fail(ShapeError, "reshape", f"{show_shape(sizes)} is not a shape: sizes of 0 or more, or one -1", x)
    holes = [i for i, size in enumerate(sizes) if isinstance(size, int) and size == -1]
    if len(holes) > 1:
        raise _fail(ShapeError, "reshape", f"{show_shape(sizes)} leaves more than one size open", x)
    for i in holes:
        rest = Type(sizes[:i] + sizes[i + 1 :], x.dtype).size
        sizes = (*sizes[:i], _quotient(x, rest), *sizes[i + 1 :])
    return ops.reshape(x, shape=sizes)


def _quotient(x: Tensor, rest: Size) -> Size:
    exact = divide(x.size, rest)
    if exact is not None:
        return exact
    if isinstance(x.size, int):
        raise _fail(ShapeError, "reshape", f"{x.size} elements do not divide by {rest}", x)
    return x.size // rest  # the row checks at run time that nothing is left over


def broadcast_to(x: Operand, shape: Any) -> Tensor:
    """`x` stretched to `shape`: axes of size 1 and missing leading axes repeat."""
    sizes = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    return ops.broadcast_to(as_tensor(x, "broadcast_to"), shape=sizes)


def expand_dims(x: Operand, axis: int) -> Tensor:
    """`x` with a new axis of size 1."""
    x = as_tensor(x, "expand_dims")
    i = _axis(x, axis, "expand_dims", extra=1)
    return ops.reshape(x, shape=(*x.shape[:i], 1, *x.shape[i:]))


def concatenate(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Tensors joined along an axis that they have. Sizes along the others must agree."""
    parts = [as_tensor(t, "concatenate") for t in tensors]
    if not parts:
        raise _fail(ShapeError, "concatenate", "there is nothing to join")
    return ops.concatenate(*parts, axis=_axis(parts[0], axis, "concatenate"))


def stack(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis."""
    if not tensors:
        raise _fail(ShapeError, "stack", "there is nothing to join")
    i = _axis(as_tensor(tensors[0], "stack"), axis, "stack", extra=1)
    return concatenate([expand_dims(t, i) for t in tensors], i)


# ---- indexing ----


def getitem(x: Tensor, key: Any) -> Tensor:
    """`x[key]` for ints, slices with any step, `...` and None. Unknown sizes stay unknown; ints are checked at run."""
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = _without_ellipsis(x, keys)
    ranges: list[Range] = []
    shape: list[Size] = []
    least: list[int] = []
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        size = x.shape[len(ranges)]
        if isinstance(k, slice):
            ranges.append(_range(k, size))
            shape.append(ranges[-1].length)
            least.append(0)
        else:
            least.append(k + 1 if k >= 0 else -k)
            ranges.append(Range(_index(x, k, len(ranges), size), 1, 1))
    needs = {"least": tuple(least)} if any(least) else {}
    return ops.reshape(ops.slice(x, ranges=tuple(ranges), **needs), shape=tuple(shape))


def _without_ellipsis(x: Tensor, keys: list[Any]) -> list[Any]:
    """The keys with one for each axis of `x`; `...`, or the end, stands for as many `:` as are missing."""
    for k in keys:
        if (k is not None and k is not Ellipsis and not isinstance(k, int | slice)) or isinstance(k, bool):
            kind = type(k).__name__
            raise _fail(TypeError, "indexing", f"{kind} is not an index: ints, slices, ... and None are", x)
    used = builtins.sum(k is not None and k is not Ellipsis for k in keys)
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    if used > x.ndim or len(dots) > 1:
        raise _fail(ShapeError, "indexing", f"{used} indices, but {x.type} has {x.ndim} axes", x)
    at = dots[0] if dots else len(keys)
    return keys[:at] + [slice(None)] * (x.ndim - used) + keys[at + 1 :]


def _index(x: Tensor, index: int, axis: int, size: Size) -> Size:
    if isinstance(size, int) and not -size <= index < size:
        raise _fail(ShapeError, "indexing", f"index {index} is out of range for axis {axis} of size {size}", x)
    return index if index >= 0 else size + index


def _range(key: slice, size: Size) -> Range:
    """What `key` takes of an axis: Python's rules for slices, with sizes that may be unknown."""
    step = 1 if key.step is None else key.step
    if step == 0:
        raise ValueError("indexing: a slice cannot have the step 0")
    if step > 0:
        start = maximum(0, _from_start(key.start, 0, size))
        stop = minimum(_from_start(key.stop, size, size), size)
        return Range(start, _count(stop - start, step), step)
    start = minimum(_from_start(key.start, size - 1, size), size - 1)
    stop = maximum(-1, _from_start(key.stop, -1, size)) if key.stop is not None else -1
    return Range(start, _count(start - stop, -step), step)


def _from_start(bound: Size | None, default: Size, size: Size) -> Size:
    """A bound of a slice counted from the start of the axis."""
    if bound is None:
        return default
    return size + bound if isinstance(bound, int) and bound < 0 else bound


def _count(distance: Size, step: int) -> Size:
    return maximum(0, (distance + (step - 1)) // step)


# ---- activations ----


def identity(x: Tensor) -> Tensor:
    """x."""
    return x


activations: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": identity, "tanh": ops.tanh, "relu": ops.relu, "sigmoid": ops.sigmoid, "softplus": ops.softplus,
    "softmax": softmax, "sin": ops.sin, "exp": ops.exp,
}  # fmt: skip
"""The activations that modules know by name."""


# ---- losses: each the mean over all elements, or over rows where it says so ----


def _same_shape(loss: str, prediction: Operand, target: Operand) -> tuple[Tensor, Tensor]:
    """Both as tensors, or an error: (n,) against (n, 1) would broadcast to (n, n) and train on nonsense."""
    p, t = as_tensor(prediction, loss), as_tensor(target, loss)
    if p.ndim != t.ndim or not all(_could_equal(a, b) for a, b in zip(p.shape, t.shape, strict=True)):
        shapes = f"prediction {show_shape(p.shape)} and target {show_shape(t.shape)}"
        raise _fail(ShapeError, loss, f"{shapes} differ in shape; reshape one so that they agree", p, t)
    return p, t


def _could_equal(a: Size, b: Size) -> bool:
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    return 1 not in (a, b) and equal(a, b) is not False


def mse_loss(prediction: Operand, target: Operand) -> Tensor:
    """The mean of (prediction - target)^2 over all elements. Both must have one shape; a scalar comes back.

    Raises `ShapeError` where the shapes differ: nothing broadcasts here.

    >>> import minitorch as mt
    >>> p, t = mt.placeholder("p", ("n", 1)), mt.placeholder("t", ("n", 1))
    >>> float(mse_loss(p, t).eval({p: [[1.0], [2.0]], t: [[1.0], [4.0]]}))
    2.0
    """
    p, t = _same_shape("mse_loss", prediction, target)
    return mean(ops.square(p - t))


def mae_loss(prediction: Operand, target: Operand) -> Tensor:
    """The mean of |prediction - target|; the gradient is 0 where the two are equal."""
    p, t = _same_shape("mae_loss", prediction, target)
    return mean(ops.abs(p - t))


def huber_loss(prediction: Operand, target: Operand, delta: float = 1.0) -> Tensor:
    """The mean of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2) (Huber 1964), e the difference."""
    p, t = _same_shape("huber_loss", prediction, target)
    if not delta > 0:
        raise _fail(ValueError, "huber_loss", f"delta is {delta}; a number greater than 0 is expected")
    distance = ops.abs(p - t)
    return mean(ops.where(distance <= delta, ops.square(distance) * 0.5, delta * (distance - 0.5 * delta)))


def binary_cross_entropy(prediction: Operand, target: Operand, from_logits: bool = False) -> Tensor:
    """The mean of -t log(p) - (1 - t) log(1 - p) for probabilities `p`; logarithms are held at -100, as in PyTorch.

    With `from_logits` the prediction is the argument of a sigmoid: softplus(z) - t z, which neither overflows nor
    needs the bound.
    """
    p, t = _same_shape("binary_cross_entropy", prediction, target)
    if from_logits:
        return mean(ops.softplus(p) - t * p)
    log_p, log_q = ops.maximum(ops.log(p), -100.0), ops.maximum(ops.log(1 - p), -100.0)
    return mean(-(t * log_p + (1 - t) * log_q))


def cross_entropy(logits: Operand, target: Operand) -> Tensor:
    """The mean over rows of -sum(t * log_softmax(logits)).

    `logits` are (rows, classes). `target` is of the same shape (probabilities, one-hot rows) or, as ints, of shape
    (rows,): the number of the class.
    """
    z, t = as_tensor(logits, "cross_entropy"), as_tensor(target, "cross_entropy")
    if z.ndim != 2:
        raise _fail(ShapeError, "cross_entropy", f"logits are (rows, classes), but have {show_shape(z.shape)}", z)
    if t.dtype.kind in "iu" and t.ndim == 1:
        t = one_hot(t, z.shape[1], dtype=z.dtype if is_float(z.dtype) else FLOAT32)
    z, t = _same_shape("cross_entropy", z, t)
    return mean(-ops.sum(t * log_softmax(z), axis=(1,), keepdims=False))


def one_hot(labels: Operand, classes: Size, dtype: DTypeLike = "float32") -> Tensor:
    """Rows of zeros with a 1 at the label: ints of shape s become (*s, classes). Labels out of range give zeros.

    >>> import minitorch as mt
    >>> k = mt.placeholder("k", (2,), dtype="int64")
    >>> one_hot(k, 3).eval({k: [2, 0]}).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    labels = as_tensor(labels, "one_hot")
    if labels.dtype.kind not in "iu":
        raise _fail(DTypeError, "one_hot", f"labels are ints, but have the dtype {labels.dtype}", labels)
    if not isinstance(classes, int):
        raise _fail(ShapeError, "one_hot", f"the number of classes must be known, but is {classes}", labels)
    numbers = ops.constant(list(range(classes)), dtype=labels.dtype)
    return cast(ops.equal(expand_dims(labels, -1), numbers), dtype)
