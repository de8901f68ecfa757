"""Shapes: reordering, joining, cutting and repeating axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from operator import index
from typing import Any, TypeGuard

import numpy as np

from minitorch import ops
from minitorch.errors import ArgumentError, DTypeError, OptionError, ShapeError
from minitorch.functional.arguments import Axis, axes_of, axis_of, fail, is_number, known_dtype, shape_of, speaking_as
from minitorch.graph.dim import Size, divide, equal, maximum, minimum
from minitorch.graph.tensor import Operand, Tensor, as_tensor
from minitorch.graph.text import counted, shown
from minitorch.graph.types import DTypeLike, Type, show_shape
from minitorch.ops.shape import Range

__all__ = [
    "broadcast_to", "concatenate", "expand_dims", "flip", "full_like", "moveaxis", "ones_like", "pad", "repeat",
    "reshape", "roll", "split", "squeeze", "stack", "swapaxes", "tile", "transpose", "zeros_like",
]  # fmt: skip


# ---- order and rank ----


def transpose(x: Operand, axes: Sequence[int] | int | None = None) -> Tensor:
    """The axes in another order, reversed unless told otherwise. Costs nothing at run time."""
    x = as_tensor(x, "transpose")
    order = range(x.ndim)[::-1] if axes is None else axes if isinstance(axes, list | tuple) else [axes]
    return ops.transpose(x, axes=tuple(axis_of(x, i, "transpose") for i in order))


def swapaxes(x: Operand, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged."""
    x = as_tensor(x, "swapaxes")
    order = list(range(x.ndim))
    a, b = axis_of(x, axis1, "swapaxes"), axis_of(x, axis2, "swapaxes")
    order[a], order[b] = order[b], order[a]
    return ops.transpose(x, axes=tuple(order))


def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Axes moved to new places; the others keep their order."""
    x = as_tensor(x, "moveaxis")
    sources = [axis_of(x, i, "moveaxis") for i in _listed(source)]
    places = [axis_of(x, i, "moveaxis") for i in _listed(destination)]
    if len(set(sources)) != len(places) or len(set(places)) != len(sources):
        raise fail(
            ShapeError, "moveaxis", f"{shown(source)} and {shown(destination)} do not pair one axis with one place", x
        )
    order = [i for i in range(x.ndim) if i not in sources]
    for place, i in sorted(zip(places, sources, strict=True)):
        order.insert(place, i)
    return ops.transpose(x, axes=tuple(order))


def _listed(axis: int | Sequence[int]) -> list[int]:
    return list(axis) if isinstance(axis, list | tuple) else [axis]  # type: ignore[list-item]


def reshape(x: Operand, shape: Any) -> Tensor:
    """The same elements in another shape. One size may be -1: what is left.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", ("batch", 4, 4))
    >>> str(reshape(x, (x.shape[0], -1)).type)
    'f32[batch, 16]'
    """
    x = as_tensor(x, "reshape")
    sizes = shape_of(shape, "reshape", x, hole=True)
    holes = [i for i, size in enumerate(sizes) if isinstance(size, int) and size == -1]
    if len(holes) > 1:
        raise fail(ShapeError, "reshape", f"{show_shape(sizes)} leaves more than one size open", x)
    for i in holes:
        rest = Type(sizes[:i] + sizes[i + 1 :], x.dtype).size
        sizes = (*sizes[:i], _quotient(x, rest), *sizes[i + 1 :])
    return ops.reshape(x, shape=sizes)


def _quotient(x: Tensor, rest: Size) -> Size:
    exact = divide(x.size, rest)
    if exact is not None:
        return exact
    if (isinstance(x.size, int) and isinstance(rest, int)) or rest == 0:
        raise fail(ShapeError, "reshape", f"{x.size} elements do not divide by {rest}", x)
    return x.size // rest  # the row checks at run time that nothing is left over


def expand_dims(x: Operand, axis: int | Sequence[int]) -> Tensor:
    """`x` with a new axis of size 1, or several, counted in the result."""
    x = as_tensor(x, "expand_dims")
    if isinstance(axis, list | tuple):
        axes = {axis_of(x, i, "expand_dims", extra=len(axis)) for i in axis}
        rest = iter(x.shape)
        return ops.reshape(x, shape=tuple(1 if i in axes else next(rest) for i in range(x.ndim + len(axes))))
    i = axis_of(x, axis, "expand_dims", extra=1)
    return ops.reshape(x, shape=(*x.shape[:i], 1, *x.shape[i:]))


def squeeze(x: Operand, axis: Axis = None) -> Tensor:
    """`x` without axes of size 1: those named, or all that are known to be 1."""
    x = as_tensor(x, "squeeze")
    ones = tuple(i for i, size in enumerate(x.shape) if size == 1)
    axes = ones if axis is None else axes_of(x, axis, "squeeze")
    wrong = [i for i in axes if i not in ones]
    if wrong:
        raise fail(ShapeError, "squeeze", f"axis {wrong[0]} of {x.type} is not of size 1, but {x.shape[wrong[0]]}", x)
    return ops.reshape(x, shape=tuple(size for i, size in enumerate(x.shape) if i not in axes))


# ---- joining and cutting ----


def concatenate(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Tensors joined along an axis that they have. Sizes along the others must agree."""
    parts = _parts(tensors, "concatenate")
    return ops.concatenate(*parts, axis=axis_of(parts[0], axis, "concatenate"))


def stack(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis."""
    parts = _parts(tensors, "stack")
    first = parts[0].shape
    for part in parts[1:]:
        if part.ndim != len(first) or any(equal(a, b) is False for a, b in zip(part.shape, first, strict=True)):
            shapes = f"{show_shape(first)} and {show_shape(part.shape)}"
            raise fail(ShapeError, "stack", f"{shapes} differ; tensors of one shape are stacked", parts[0], part)
    i = axis_of(parts[0], axis, "stack", extra=1)
    return concatenate([expand_dims(t, i) for t in parts], i)


def _parts(tensors: Any, function: str) -> list[Tensor]:
    """What is to be joined: at least one tensor, in a list or whatever else yields them."""
    if isinstance(tensors, Tensor):
        raise fail(ArgumentError, function, "takes a list of tensors, but was given one tensor", tensors)
    if not isinstance(tensors, Iterable) or isinstance(tensors, str | bytes | set | frozenset | Mapping):
        raise fail(ArgumentError, function, f"takes a list of tensors, but was given {shown(tensors)}")
    parts = [as_tensor(t, function) for t in tensors]
    if not parts:
        raise fail(ShapeError, function, "one tensor or more is expected, but there is nothing to join")
    return parts


def split(x: Operand, sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """`x` cut along an axis: into that many equal parts, or at these places; negative ones count from the end.

    Whether a size that is unknown divides into equal parts is checked when a program runs.

    >>> import minitorch as mt
    >>> [str(part.type) for part in split(mt.placeholder("x", ("batch", 5)), [2], axis=1)]
    ['f32[batch, 2]', 'f32[batch, 3]']
    """
    x = as_tensor(x, "split")
    i = axis_of(x, axis, "split")
    if _is_int(sections):
        return _equal_parts(x, i, sections)
    if not isinstance(sections, list | tuple | np.ndarray) or not all(_is_int(place) for place in sections):
        raise fail(ArgumentError, "split", f"an int or a list of ints is expected, but {shown(sections)} was given", x)
    size = x.shape[i]
    places = [0, *(_place(index(place), size) for place in sections), size]
    return [_cut(x, i, a, maximum(0, b - a)) for a, b in pairwise(places)]


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _equal_parts(x: Tensor, axis: int, sections: int) -> list[Tensor]:
    size, count = x.shape[axis], index(sections)
    part = divide(size, count) if count > 0 else None
    if part is None:
        if isinstance(size, int) or count <= 0:
            raise fail(ShapeError, "split", f"axis {axis} of size {size} does not divide into {count} parts", x)
        part = size // count
        whole = (*x.shape[:axis], part * count, *x.shape[axis + 1 :])
        x = ops.broadcast_to(x, shape=whole)  # the row checks when a program runs that nothing is left over
    return [_cut(x, axis, part * k, part) for k in range(count)]


def _place(place: int, size: Size) -> Size:
    """A place to cut at, as Python's slices have it."""
    return minimum(place, size) if place >= 0 else maximum(0, size + place)


def _cut(x: Tensor, axis: int, start: Size, length: Size) -> Tensor:
    ranges = tuple(Range(start, length, 1) if i == axis else Range(0, n, 1) for i, n in enumerate(x.shape))
    return ops.slice(x, ranges=ranges)


def flip(x: Operand, axis: Axis = None) -> Tensor:
    """The elements in reverse order along `axis`, all axes unless told otherwise."""
    x = as_tensor(x, "flip")
    axes = axes_of(x, axis, "flip")
    ranges = (Range(n - 1, n, -1) if i in axes else Range(0, n, 1) for i, n in enumerate(x.shape))
    return ops.slice(x, ranges=tuple(ranges))


def roll(x: Operand, shift: int | Sequence[int], axis: Axis = None) -> Tensor:
    """The elements moved on by `shift` along an axis, those that leave at one end entering at the other.

    Several axes are rolled one after the other, each by its own shift, or all by the same. Without an axis the
    flattened elements are.
    """
    t = as_tensor(x, "roll")
    shifts: list[Any] = list(shift) if isinstance(shift, list | tuple) else [shift]
    if not all(_is_int(n) for n in shifts):
        raise fail(ArgumentError, "roll", f"a shift is an int, or one for each axis, but {shown(shift)} was given", t)
    if axis is None:
        flat = ops.reshape(t, shape=(t.size,))
        return ops.reshape(_rolled(flat, sum(map(index, shifts)), 0), shape=t.shape)
    axes = [axis_of(t, i, "roll") for i in _listed(axis)]
    if len(shifts) != len(axes) and (1 not in (len(shifts), len(axes)) or not shifts or not axes):
        raise fail(ShapeError, "roll", f"{shown(shift)} and {shown(axis)} do not pair one shift with one axis", t)
    for k in range(max(len(shifts), len(axes))):
        t = _rolled(t, index(shifts[k % len(shifts)]), axes[k % len(axes)])
    return t


def _rolled(x: Tensor, shift: int, axis: int) -> Tensor:
    size = x.shape[axis]
    at: Size = (-shift % size if size else 0) if isinstance(size, int) else _modulo(-shift, size)
    return concatenate([_cut(x, axis, at, size - at), _cut(x, axis, 0, at)], axis)


def _modulo(n: int, size: Size) -> Size:
    """n % size; 0 where the size turns out to be 0."""
    return maximum(0, minimum(size, n - size * (n // size)))


# ---- repeating ----


def broadcast_to(x: Operand, shape: Any) -> Tensor:
    """`x` stretched to `shape`: axes of size 1 and missing leading axes repeat."""
    x = as_tensor(x, "broadcast_to")
    return ops.broadcast_to(x, shape=shape_of(shape, "broadcast_to", x))


def repeat(x: Operand, repeats: int, axis: int | None = None) -> Tensor:
    """Every element `repeats` times in a row, along an axis or over the flattened elements."""
    x = as_tensor(x, "repeat")
    times = _times(x, repeats, "repeat")
    if axis is None:
        x, axis = ops.reshape(x, shape=(x.size,)), 0
    i = axis_of(x, axis, "repeat")
    before, size, after = x.shape[:i], x.shape[i], x.shape[i + 1 :]
    spread = ops.reshape(x, shape=(*before, size, 1, *after))
    copies = ops.broadcast_to(spread, shape=(*before, size, times, *after))
    return ops.reshape(copies, shape=(*before, size * times, *after))


def tile(x: Operand, repeats: int | Sequence[int]) -> Tensor:
    """`x` laid beside itself that many times along each axis, counted from the last."""
    x = as_tensor(x, "tile")
    times = [_times(x, n, "tile") for n in (repeats if isinstance(repeats, list | tuple) else [repeats])]
    rank = max(len(times), x.ndim)
    times = [1] * (rank - len(times)) + times
    sizes = (1,) * (rank - x.ndim) + x.shape
    spread = ops.reshape(x, shape=tuple(s for size in sizes for s in (1, size)))
    shape = tuple(s for n, size in zip(times, sizes, strict=True) for s in (n, size))
    joined = tuple(n * size for n, size in zip(times, sizes, strict=True))
    return ops.reshape(ops.broadcast_to(spread, shape=shape), shape=joined)


def _times(x: Tensor, times: Any, function: str) -> int:
    if not _is_int(times) or times < 0:
        what = f"a number of repetitions is an int of 0 or more, but {shown(times)} was given"
        raise fail(OptionError, function, what, x)
    return index(times)


def pad(x: Operand, width: Any, value: float = 0.0) -> Tensor:
    """`x` with a border of `value`: `width` elements on every side, or (before, after), or a pair for each axis."""
    x = as_tensor(x, "pad")
    pairs = _widths(x, width)
    shape = tuple(before + size + after for (before, after), size in zip(pairs, x.shape, strict=True))
    ranges = tuple(Range(before, size, 1) for (before, _), size in zip(pairs, x.shape, strict=True))
    padded = ops.embed(x, ranges=ranges, shape=shape)
    if not is_number(value) and not (isinstance(value, bool) and x.dtype.kind == "b"):
        raise fail(ArgumentError, "pad", f"value is a number, but {shown(value)} was given", x)
    if value == 0 and not str(value).startswith("-"):
        return padded
    inside = ops.embed(ops.broadcast_to(ops.constant(True), shape=x.shape), ranges=ranges, shape=shape)
    return ops.where(inside, padded, ops.constant(np.asarray(value).astype(x.dtype)))


def _widths(x: Tensor, width: Any) -> list[tuple[int, int]]:
    """(before, after) for each axis, as NumPy's `pad` reads a width."""
    if not _is_int(width) and not isinstance(width, list | tuple):
        what = f"a width is an int, a pair, or a pair for each axis, but {shown(width)} was given"
        raise fail(ArgumentError, "pad", what, x)
    given: list[Any] = list(width) if isinstance(width, list | tuple) else [width]
    if len(given) <= 2 and all(_is_int(w) for w in given):
        given = [(given[0], given[-1])] if given else []
    pairs = given * x.ndim if len(given) == 1 else given
    if len(pairs) != x.ndim or not all(_is_width(p) for p in pairs):
        axes = counted(x.ndim, "axis", "axes")
        what = f"{shown(width)} is no width for {axes}: ints of 0 or more are, one, a pair, or a pair for each axis"
        raise fail(OptionError, "pad", what, x)
    return [(index(before), index(after)) for before, after in pairs]


def _is_width(pair: Any) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(_is_int(w) and w >= 0 for w in pair)


# ---- like another ----


def full_like(x: Operand, value: float, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of the shape of `x` with one value everywhere, in its dtype unless told otherwise."""
    return _filled(as_tensor(x, "full_like"), value, dtype, "full_like")


def zeros_like(x: Operand, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros of the shape and dtype of `x`."""
    return _filled(as_tensor(x, "zeros_like"), 0, dtype, "zeros_like")


def ones_like(x: Operand, dtype: DTypeLike | None = None) -> Tensor:
    """Ones of the shape and dtype of `x`."""
    return _filled(as_tensor(x, "ones_like"), 1, dtype, "ones_like")


def _filled(x: Tensor, value: float, dtype: DTypeLike | None, function: str) -> Tensor:
    target = x.dtype if dtype is None else known_dtype(dtype, function, x)
    if not isinstance(value, int | float | np.bool_ | np.number) or np.iscomplexobj(value):
        raise fail(DTypeError, function, f"a value is a number, but {shown(value)} was given", x)
    with speaking_as(function):
        return ops.broadcast_to(ops.constant(value, dtype=target), shape=x.shape)
