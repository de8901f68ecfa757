"""Reductions over any axes, with the arguments that NumPy's have."""

from __future__ import annotations

from typing import Any

from minitorch import ops
from minitorch.errors import ArgumentError, OptionError
from minitorch.functional.arguments import Axis, axes_of, axis_of, fail, flag_of, int_of, is_number, number, speaking_as
from minitorch.graph.dim import Size, maximum
from minitorch.graph.tensor import Op, Operand, Tensor, as_tensor
from minitorch.graph.text import counted, shown
from minitorch.graph.types import FLOAT32, Type, is_float
from minitorch.ops.reduction import reduced

__all__ = [
    "all", "any", "argmax", "argmin", "cumsum", "logsumexp", "max", "mean", "min", "norm", "prod", "std", "sum", "var",
]  # fmt: skip


def _reduce(op: Op, x: Operand, axis: Axis, keepdims: bool) -> Tensor:
    x = as_tensor(x, op.name)
    return op(x, axis=axes_of(x, axis, op.name), keepdims=flag_of(keepdims, "keepdims", op.name, x))


def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis`, all axes unless told otherwise. Ints and bools add up as int64."""
    return _reduce(ops.sum, x, axis, keepdims)


def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The greatest element over `axis`. Elements that tie share the gradient evenly (PyTorch's `amax`).

    Raises `ShapeError` where an axis is empty.
    """
    return _reduce(ops.max, x, axis, keepdims)


def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The least element over `axis`; else like `max`."""
    return _reduce(ops.min, x, axis, keepdims)


def any(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any element over `axis` is true, or not zero."""
    return _reduce(ops.any, x, axis, keepdims)


def all(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all elements over `axis` are true, or not zero."""
    return _reduce(ops.all, x, axis, keepdims)


def prod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product over `axis`. Gradients of every order are right where factors are 0. Ints multiply as int64."""
    x = as_tensor(x, "prod")
    axes, keepdims = axes_of(x, axis, "prod"), flag_of(keepdims, "keepdims", "prod", x)
    product = ops.prod(_as_last(x, axes), axis=(x.ndim - len(axes),), keepdims=False)
    return ops.reshape(product, shape=reduced(x.type, axes, True)) if keepdims else product


def _as_last(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The axes moved to the end and made one."""
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    moved = ops.transpose(x, axes=kept + axes)
    return ops.reshape(moved, shape=(*(x.shape[i] for i in kept), count(x, axes)))


def count(x: Tensor, axes: tuple[int, ...]) -> Size:
    """The number of elements that a reduction over these axes folds into one."""
    return Type(tuple(x.shape[i] for i in axes), x.dtype).size


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over `axis`; NaN over nothing. Sizes that are unknown are counted when a program runs."""
    x = as_tensor(x, "mean")
    axes = axes_of(x, axis, "mean")
    total = ops.sum(x, axis=axes, keepdims=flag_of(keepdims, "keepdims", "mean", x))
    return ops.divide(total, number(count(x, axes), total.dtype if is_float(total.dtype) else FLOAT32))


def var(x: Operand, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The variance over `axis`: squared distances from the mean, summed, divided by their number less `ddof`.

    Far from 0 the mean itself is rounded. So the mean of what is left is taken off as well; the first one, which moves
    all elements alike, needs no gradient.
    """
    x = as_tensor(x, "var")
    axes, keepdims = axes_of(x, axis, "var"), flag_of(keepdims, "keepdims", "var", x)
    ddof = int_of(ddof, "ddof", "var", x)
    near = x - ops.stop_gradient(mean(x, axes, keepdims=True))
    squares = ops.square(near - mean(near, axes, keepdims=True))
    total = ops.sum(squares, axis=axes, keepdims=keepdims)
    degrees = maximum(0, count(x, axes) - ddof)  # 0 gives NaN or infinity, as in NumPy
    return ops.divide(total, number(degrees, total.dtype))


def std(x: Operand, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The standard deviation, the root of `var`. The gradient where nothing varies is 0, as in PyTorch."""
    with speaking_as("std"):
        return _root(var(x, axis, ddof, keepdims))


def _root(square: Tensor) -> Tensor:
    """The square root, with 0 for its gradient at 0."""
    positive = square > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, square, 1)), square)


def norm(x: Operand, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The norm over `axis`, of vectors or (two axes) matrices: the root of the sum of squares unless `ord` differs.

    `ord` is a number p for (sum |x|^p)^(1/p), infinity for the greatest |x|, minus infinity for the least, 0 for the
    number of elements that are not 0, or "fro". The gradient of the 2-norm at 0 is 0, as in PyTorch. Over two axes
    only None and "fro" are there.
    """
    x = as_tensor(x, "norm")
    x = x if is_float(x.dtype) else ops.cast(x, dtype=FLOAT32)
    axes, keepdims = axes_of(x, axis, "norm"), flag_of(keepdims, "keepdims", "norm", x)
    named = ord is None or isinstance(ord, str)
    if not named and not is_number(ord):
        raise fail(ArgumentError, "norm", f"ord is a number, 'fro' or None, but {shown(ord)} was given", x)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return _root(ops.sum(ops.square(x), axis=axes, keepdims=keepdims))
    if len(axes) != 1 or named:
        what = f"there is no norm with ord={shown(ord)} over {counted(len(axes), 'axis', 'axes')}"
        raise fail(OptionError, "norm", f"{what}; over two axes there are None and 'fro', over one any number", x)
    size = ops.abs(x)
    if ord in (float("inf"), -float("inf")):
        return (max if ord > 0 else min)(size, axes, keepdims)
    if ord == 0:
        return sum(ops.cast(ops.not_equal(x, 0), dtype=x.dtype), axes, keepdims)
    if ord == 1:
        return sum(size, axes, keepdims)
    powers = sum(ops.raised(size, ord), axes, keepdims)
    nothing = ops.equal(powers, 0)  # there the gradient is 0, as in PyTorch
    root = ops.raised(ops.where(nothing, 1, powers), 1 / ord)
    return ops.where(nothing, ops.stop_gradient(ops.raised(powers, 1 / ord)), root)


def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over `axis`, shifted by the greatest element so that nothing overflows."""
    x = as_tensor(x, "logsumexp")
    axes, keepdims = axes_of(x, axis, "logsumexp"), flag_of(keepdims, "keepdims", "logsumexp", x)
    with speaking_as("logsumexp"):
        top = _peak(x, axes)
    total = ops.log(ops.sum(ops.exp(x - top), axis=axes, keepdims=True)) + top
    return total if keepdims else ops.reshape(total, shape=reduced(x.type, axes, False))


def _peak(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The greatest element over axes that stay as 1, without a gradient; 0 where it is infinite: inf - inf is NaN."""
    top = ops.stop_gradient(ops.max(x, axis=axes, keepdims=True))
    return ops.where(ops.abs(top) < float("inf"), top, 0)


def cumsum(x: Operand, axis: int | None = None) -> Tensor:
    """The running sum along `axis`; over the flattened elements where that is None."""
    x = as_tensor(x, "cumsum")
    if axis is None:
        x, axis = ops.reshape(x, shape=(x.size,)), 0
    return ops.cumsum(x, axis=axis_of(x, axis, "cumsum"), reverse=False)


def argmax(x: Operand, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the greatest element stands along `axis`, the first of those that tie; int64, without a gradient."""
    return _position(ops.argmax, x, axis, keepdims)


def argmin(x: Operand, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the least element stands; else like `argmax`."""
    return _position(ops.argmin, x, axis, keepdims)


def _position(op: Op, x: Operand, axis: int | None, keepdims: bool) -> Tensor:
    x = as_tensor(x, op.name)
    flag_of(keepdims, "keepdims", op.name, x)
    if axis is None:
        where = op(ops.reshape(x, shape=(x.size,)), axis=0)
        return ops.reshape(where, shape=(1,) * x.ndim) if keepdims else where
    i = axis_of(x, axis, op.name)
    where = op(x, axis=i)
    return ops.reshape(where, shape=reduced(x.type, (i,), True)) if keepdims else where
