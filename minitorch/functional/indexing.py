"""Indexing: `x[...]` with ints, slices, `...`, None, arrays of ints and of bools; and functions that read by index."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.errors import ArgumentError, DTypeError, OptionError, ShapeError
from minitorch.functional.arguments import axis_of, fail, int_of, is_number, number, speaking_as
from minitorch.functional.shape import broadcast_to, expand_dims, moveaxis
from minitorch.graph.dim import Dim, Size, maximum, minimum
from minitorch.graph.tensor import Operand, Tensor, as_tensor
from minitorch.graph.text import counted, shown, told
from minitorch.graph.types import INT64, Check, DTypeLike, Type, broadcast, dtype_of, is_float, show_shape
from minitorch.ops.shape import Range

__all__ = [
    "arange", "diagonal", "getitem", "linspace", "one_hot", "take", "take_along_axis", "trace", "tril", "triu",
]  # fmt: skip


# ---- x[key] ----


def getitem(x: Tensor, key: Any) -> Tensor:
    """`x[key]` as in NumPy. Unknown sizes stay unknown; ints are checked when a program runs.

    Bool arrays must be known when the graph is built, for else the size of the result would not be; tensors of ints
    may be anything.
    """
    keys = [_plain(x, k) for k in (key if isinstance(key, tuple) else (key,))]
    keys = _without_masks(x, _without_ellipsis(x, keys))
    basic = [slice(None) if isinstance(k, Tensor) else k for k in keys]
    if not any(isinstance(k, Tensor) for k in keys):
        return _basic(x, basic)
    ints_too = [_as_index(k) if isinstance(k, int) else k for k in keys]  # an int beside arrays is one more array
    sliced = _basic(x, [slice(None) if isinstance(k, Tensor) else k for k in ints_too])
    return _gathered(sliced, ints_too, x)


def _plain(x: Tensor, key: Any) -> Any:
    """One index: an int, a slice, `...`, None, or a tensor of ints or bools."""
    if key is None or key is Ellipsis or isinstance(key, slice):
        return key
    if isinstance(key, int | np.integer) and not isinstance(key, bool | np.bool_):
        return index(key)
    if not isinstance(key, Tensor | np.ndarray | list | bool | np.bool_):
        expected = "an index is an int, a slice, ..., None or an array of ints or bools"
        raise fail(ArgumentError, "indexing", f"{expected}, but {told(key)} was given", x)
    if isinstance(key, list) and not key:
        key = np.empty(0, np.int64)
    try:
        t = as_tensor(key, "an index")
    except DTypeError as error:
        raise fail(DTypeError, "indexing", error.message.partition("\n")[0], x) from None
    if t.dtype.kind not in "iub":
        raise fail(DTypeError, "indexing", f"an index is made of ints or bools, but has the dtype {t.dtype}", x)
    return t


def _as_index(key: int) -> Tensor:
    return ops.constant(key, dtype="int64")


def _width(key: Any) -> int:
    """The number of axes that a key takes: a mask takes as many as it has."""
    if key is None or key is Ellipsis:
        return 0
    return key.ndim if isinstance(key, Tensor) and key.dtype.kind == "b" else 1


def _without_masks(x: Tensor, keys: list[Any]) -> list[Any]:
    """Arrays of bools as the arrays of ints that name their true elements."""
    plain: list[Any] = []
    for k in keys:
        if not isinstance(k, Tensor) or k.dtype.kind != "b":
            plain.append(k)
            continue
        if not k.ndim:
            what = "an index is an int, a slice, ..., None or an array of ints or bools, but a single bool was given"
            raise fail(ShapeError, "indexing", what, x)
        if k.op.name != "constant":
            how = "give it as an array, or use where"
            raise fail(ShapeError, "indexing", f"a mask that is not known yet leaves the size open; {how}", x, k)
        plain += [ops.constant(positions) for positions in np.nonzero(k.attrs["value"])]
        _require_mask_fits(x, k, plain)
    return plain


def _require_mask_fits(x: Tensor, mask: Tensor, before: list[Any]) -> None:
    at = builtins.sum(_width(k) for k in before) - mask.ndim
    sizes = x.shape[at : at + mask.ndim]
    if sizes != mask.shape:
        raise fail(
            ShapeError, "indexing", f"a mask of {mask.type} does not fit the axes {show_shape(sizes)} of {x.type}", x
        )


def _without_ellipsis(x: Tensor, keys: list[Any]) -> list[Any]:
    """The keys with one for each axis of `x`; `...`, or the end, stands for as many `:` as are missing."""
    used = builtins.sum(_width(k) for k in keys)
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    if len(dots) > 1:
        raise fail(ShapeError, "indexing", f"{len(dots)} ellipses (...) were given, but one at most is expected", x)
    if used > x.ndim:
        given = f"{counted(used, 'index', 'indices')}, but {x.type} has {counted(x.ndim, 'axis', 'axes')}"
        raise fail(ShapeError, "indexing", given, x)
    at = dots[0] if dots else len(keys)
    return keys[:at] + [slice(None)] * (x.ndim - used) + keys[at + 1 :]


def _basic(x: Tensor, keys: Sequence[Any]) -> Tensor:
    ranges: list[Range] = []
    shape: list[Size] = []
    least: list[int] = []
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        size = x.shape[len(ranges)]
        if isinstance(k, slice):
            ranges.append(_range(x, k, size))
            shape.append(ranges[-1].length)
            least.append(0)
        else:
            least.append(k + 1 if k >= 0 else -k)
            ranges.append(Range(_index(x, k, len(ranges), size), 1, 1))
    needs = {"least": tuple(least)} if any(least) else {}
    taken = ops.slice(x, ranges=tuple(ranges), **needs)
    return taken if taken.shape == tuple(shape) else ops.reshape(taken, shape=tuple(shape))


def _index(x: Tensor, key: int, axis: int, size: Size) -> Size:
    if isinstance(size, int) and not -size <= key < size:
        raise fail(ShapeError, "indexing", f"index {key} is out of range for axis {axis} of size {size}", x)
    return key if key >= 0 else size + key


def _range(x: Tensor, key: slice, size: Size) -> Range:
    """What `key` takes of an axis: Python's rules for slices, with sizes that may be unknown."""
    start, stop, step = (_part(x, part) for part in (key.start, key.stop, key.step))
    step = 1 if step is None else step
    if not isinstance(step, int) or step == 0:
        raise fail(OptionError, "indexing", f"a slice has the step {shown(step)}; an int other than 0 is expected", x)
    if step > 0:
        first = maximum(0, _from_start(start, 0, size))
        last = minimum(_from_start(stop, size, size), size)
        return Range(first, _count(last - first, step), step)
    first = minimum(_from_start(start, size - 1, size), size - 1)
    last = maximum(-1, _from_start(stop, -1, size)) if stop is not None else -1
    return Range(first, _count(first - last, -step), step)


def _part(x: Tensor, part: Any) -> Any:
    if part is None or isinstance(part, Dim):
        return part
    try:
        return index(part)
    except TypeError:
        raise fail(ArgumentError, "indexing", f"a slice is made of ints, but {shown(part)} was given", x) from None


def _from_start(bound: Size | None, default: Size, size: Size) -> Size:
    """A bound of a slice counted from the start of the axis."""
    if bound is None:
        return default
    return size + bound if isinstance(bound, int) and bound < 0 else bound


def _count(distance: Size, step: int) -> Size:
    return maximum(0, (distance + (step - 1)) // step)


# ---- arrays of ints: the axes they index become one, read by one linear index ----


def _gathered(x: Tensor, keys: Sequence[Any], whole: Tensor) -> Tensor:
    """`x`, sliced already, read by the tensors among `keys`, which stand at their axes."""
    axes = [i for i, k in enumerate(keys) if isinstance(k, Tensor)]
    checks: list[Check] = []
    try:
        common = broadcast([keys[i].shape for i in axes], checks)
    except ShapeError as error:
        raise fail(ShapeError, "indexing", f"indices {error.message}", whole) from None
    for i in axes if 0 not in common else ():  # where nothing is read, nothing can be out of range
        _require_in_range(x.shape[i], keys[i], i, "indexing", whole)
    tensors = [broadcast_to(keys[i], common) for i in axes]
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    front = ops.transpose(x, axes=(*axes, *rest))
    sizes = tuple(x.shape[i] for i in axes)
    flat = ops.reshape(front, shape=(Type(sizes, x.dtype).size, *(x.shape[i] for i in rest)))
    picked = ops.take(flat, _linear(tensors, sizes), axis=0)
    together = axes == list(range(axes[0], axes[0] + len(axes)))
    return _moved(picked, len(common), axes[0]) if together else picked


def _linear(tensors: Sequence[Tensor], sizes: Sequence[Size]) -> Tensor:
    """The position that indices of several axes name when those axes are one."""
    total: Tensor | None = None
    for t, size in zip(tensors, sizes, strict=True):
        wide = t if t.dtype == INT64 else ops.cast(t, dtype=INT64)
        if len(tensors) > 1:
            wide = ops.in_range(wide, size=size)
        total = wide if total is None else total * number(size, INT64) + wide
    assert total is not None
    return total


def _require_in_range(size: Size, indices: Tensor, axis: int, function: str, x: Tensor) -> None:
    """Refuse indices that are known to name what is not there."""
    if indices.op.name == "constant" and isinstance(size, int):
        values = indices.attrs["value"]
        wrong = values[(values < -size) | (values >= size)]
        if wrong.size:
            message = f"index {wrong.flat[0]} is out of range for axis {axis} of size {size}"
            raise fail(ShapeError, function, message, x)


def _moved(picked: Tensor, count: int, at: int) -> Tensor:
    """The axes of the index, which stand first, moved to where the indexed axes stood."""
    order = [*range(count, count + at), *range(count), *range(count + at, picked.ndim)]
    return ops.transpose(picked, axes=tuple(order))


# ---- functions that read by index ----


def take(x: Operand, indices: Operand, axis: int | None = None) -> Tensor:
    """The slices of `x` that `indices` name along an axis, or elements of the flattened x. Negative ones count back.

    An index that is not there raises when the program runs. The gradient adds up where an index comes twice.
    """
    x, t = as_tensor(x, "take"), as_tensor(indices, "take")
    _require_ints(t, "take", x)
    i = 0 if axis is None else axis_of(x, axis, "take")
    size = x.size if axis is None else x.shape[i]
    _require_in_range(size, t, i, "take", x)
    return ops.take(ops.reshape(x, shape=(size,)) if axis is None else x, t, axis=i)


def take_along_axis(x: Operand, indices: Operand, axis: int) -> Tensor:
    """For each element of the result its own index along an axis: what `argmax` gives, `take_along_axis` reads."""
    x, t = as_tensor(x, "take_along_axis"), as_tensor(indices, "take_along_axis")
    _require_ints(t, "take_along_axis", x)
    if x.ndim != t.ndim:
        raise fail(ShapeError, "take_along_axis", f"{x.type} and {t.type} differ in rank", x, t)
    i = axis_of(x, axis, "take_along_axis")
    _require_in_range(x.shape[i], t, i, "take_along_axis", x)
    shape = tuple(x.shape[k] if k != i and t.shape[k] == 1 else size for k, size in enumerate(t.shape))
    wide = tuple(t.shape[k] if k != i and x.shape[k] == 1 else size for k, size in enumerate(x.shape))
    return ops.take_along_axis(broadcast_to(x, wide), broadcast_to(t, shape), axis=i)


def _require_ints(indices: Tensor, function: str, x: Tensor) -> None:
    if indices.dtype.kind not in "iu":
        about = [t for t in (x, indices) if t.op.name != "constant"]
        raise fail(DTypeError, function, f"indices are ints, but have the dtype {indices.dtype}", *about)


def arange(start: Size, stop: Size | None = None, step: int = 1, dtype: DTypeLike = "int64") -> Tensor:
    """start, start + step, ... before `stop`; from 0 where only one number is given. Sizes may be unknown ones.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", ("batch",))
    >>> arange(x.shape[0]).eval({x: [5, 5, 5]}).tolist()
    [0, 1, 2]
    """
    first, last = (0, start) if stop is None else (start, stop)
    ends = [n if isinstance(n, Dim) else int_of(n, "each of start, stop and step", "arange") for n in (first, last)]
    first, last, step = *ends, int_of(step, "each of start, stop and step", "arange")
    if step == 0:
        raise fail(OptionError, "arange", "step is an int other than 0, but 0 was given")
    length = _count(last - first, step) if step > 0 else _count(first - last, -step)
    numbers = ops.iota(size=length, dtype=INT64) * step + number(first, INT64)
    return numbers if dtype_of(dtype, "arange") == INT64 else ops.cast(numbers, dtype=dtype_of(dtype, "arange"))


def linspace(start: float, stop: float, num: int = 50, dtype: DTypeLike = "float32") -> Tensor:
    """`num` numbers at equal distances, both ends included."""
    num, target = int_of(num, "num", "linspace", least=0), dtype_of(dtype, "linspace")
    for end in (start, stop):
        if not is_number(end) or not np.isfinite(float(end)):
            raise fail(ArgumentError, "linspace", f"start and stop are finite numbers, but {shown(end)} was given")
    return ops.constant(np.linspace(float(start), float(stop), num), dtype=target)


def one_hot(labels: Operand, classes: Size, dtype: DTypeLike = "float32") -> Tensor:
    """Rows of zeros with a 1 at the label: ints of shape s become (*s, classes). Labels out of range give zeros.

    >>> import minitorch as mt
    >>> k = mt.placeholder("k", (2,), dtype="int64")
    >>> one_hot(k, 3).eval({k: [2, 0]}).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    labels = as_tensor(labels, "one_hot")
    if labels.dtype.kind not in "iu":
        raise fail(DTypeError, "one_hot", f"labels are ints, but have the dtype {labels.dtype}", labels)
    if not isinstance(classes, Dim):
        classes = int_of(classes, "the number of classes", "one_hot", labels, least=0)
    numbers = ops.iota(size=classes, dtype=INT64)
    return ops.cast(ops.equal(expand_dims(labels, -1), numbers), dtype=dtype_of(dtype, "one_hot"))


# ---- matrices: diagonals and triangles of the last two axes ----


def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements of a diagonal, along a last axis of their own. `offset` counts columns to the right."""
    x = as_tensor(x, "diagonal")
    a, b, offset = axis_of(x, axis1, "diagonal"), axis_of(x, axis2, "diagonal"), int_of(offset, "offset", "diagonal", x)
    if a == b:
        raise fail(ShapeError, "diagonal", f"axis1 and axis2 are both axis {a}", x)
    last = moveaxis(x, (a, b), (-2, -1))
    rows, columns = last.shape[-2:]
    down, right = maximum(0, -offset), maximum(0, offset)
    length = maximum(0, minimum(rows - down, columns - right))
    steps = ops.iota(size=length, dtype=INT64) * (number(columns, INT64) + 1)
    flat = ops.reshape(last, shape=(*last.shape[:-2], rows * columns))
    return ops.take(flat, steps + (number(down * columns, INT64) + right), axis=flat.ndim - 1)


def trace(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of a diagonal."""
    with speaking_as("trace"):
        line = diagonal(x, offset, axis1, axis2)
    return ops.sum(line, axis=(line.ndim - 1,), keepdims=False)


def tril(x: Operand, k: int = 0) -> Tensor:
    """`x` with zeros above the k-th diagonal of its last two axes."""
    return _triangle(x, k, "tril")


def triu(x: Operand, k: int = 0) -> Tensor:
    """`x` with zeros below the k-th diagonal of its last two axes."""
    return _triangle(x, k, "triu")


def _triangle(x: Operand, k: int, function: str) -> Tensor:
    x = as_tensor(x, function)
    if x.ndim < 2:
        raise fail(ShapeError, function, f"a matrix is expected, but {x.type} was given", x)
    k = int_of(k, "k", function, x)
    rows = expand_dims(ops.iota(size=x.shape[-2], dtype=INT64), -1)
    columns = ops.iota(size=x.shape[-1], dtype=INT64)
    kept = columns - rows <= k if function == "tril" else columns - rows >= k
    return ops.where(kept, x, 0 if is_float(x.dtype) or x.dtype.kind in "iu" else False)
