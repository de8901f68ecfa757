"""Operations that move elements and compute nothing. Most are views: they cost nothing when a program runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minitorch.errors import ShapeError
from minitorch.graph.dim import Shape, Size, at_least, equal
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op, Tensor
from minitorch.graph.text import counted
from minitorch.graph.types import Check, Type, common_dtype, show_shape, unify

__all__ = ["Range", "broadcast_to", "concatenate", "embed", "reshape", "slice", "transpose"]


# ---- transpose, reshape, broadcast_to ----


def _transpose_type(x: Type, axes: tuple[int, ...]) -> Type:
    if sorted(axes) != list(range(len(x.shape))):
        rank = counted(len(x.shape), "axis", "axes")
        raise ShapeError(f"the axes {axes} are not a permutation of the {rank} of {x}")
    return Type(tuple(x.shape[i] for i in axes), x.dtype, x.weak)


def _reshape_type(x: Type, shape: Shape) -> Type:
    target = Type(shape, x.dtype, x.weak)
    verdict = equal(x.size, target.size)
    if verdict is False:
        raise ShapeError(f"{x} has {x.size} element{'s' * (x.size != 1)}, but {show_shape(shape)} has {target.size}")
    checks = () if verdict else (Check(x.size, "==", target.size),)
    return Type(shape, x.dtype, x.weak, checks)


def _broadcast_type(x: Type, shape: Shape) -> Type:
    checks: list[Check] = []
    if len(x.shape) > len(shape):
        raise ShapeError(f"{x} has more axes than {show_shape(shape)}")
    for mine, target in zip(x.shape[::-1], shape[::-1], strict=False):
        if mine != 1 and unify(mine, target, checks) is None:
            raise ShapeError(f"{x} does not broadcast to {show_shape(shape)}: the sizes {mine} and {target} differ")
    return Type(shape, x.dtype, x.weak, tuple(checks))


def _reshape_kernel(x: Array, shape: tuple[int, ...], out: Array | None = None) -> Array:
    """In order in memory, as a copy of x is: NumPy's functions and sums take other paths where elements lie apart."""
    return np.ascontiguousarray(x).reshape(shape)


def _broadcast_kernel(x: Array, shape: tuple[int, ...], out: Array | None = None) -> Array:
    return np.broadcast_to(x, shape)


transpose: Op = Op(
    "transpose", _transpose_type, lambda x, axes, out=None: x.transpose(axes),
    lambda g, y, x, axes: (transpose(g, axes=tuple(axes.index(i) for i in range(len(axes)))),), view=True,
)  # fmt: skip
reshape: Op = Op(
    "reshape", _reshape_type, _reshape_kernel, lambda g, y, x, shape: (reshape(g, shape=x.shape),), view=True
)
broadcast_to = Op(  # differentiation sums over what was stretched, as it does after every operation
    "broadcast_to", _broadcast_type, _broadcast_kernel, lambda g, y, x, shape: (g,), view=True
)


# ---- concatenate ----


def _concatenate_type(*xs: Type, axis: int) -> Type:
    first = xs[0]
    checks: list[Check] = []
    sizes = list(first.shape)
    for x in xs[1:]:
        if len(x.shape) != len(first.shape):
            raise ShapeError(f"{first} and {x} differ in rank")
        for i, (a, b) in enumerate(zip(sizes, x.shape, strict=True)):
            size = a + b if i == axis else unify(a, b, checks)
            if size is None:
                raise ShapeError(f"{first} and {x} differ at axis {i}, which is not the axis {axis} they are joined at")
            sizes[i] = size
    return Type(tuple(sizes), first.dtype, all(x.weak for x in xs), tuple(checks))


def _concatenate_kernel(*xs: Array, axis: int, out: Array | None = None) -> Array:
    return np.concatenate(xs, axis, out=out)


def concatenate_gradient(g: Tensor, y: Tensor, *xs: Tensor, axis: int) -> Sequence[Tensor]:
    """Each part gets its part of the gradient."""
    parts: list[Tensor] = []
    start: Size = 0
    for x in xs:
        ranges = tuple(Range(start if i == axis else 0, size, 1) for i, size in enumerate(x.shape))
        parts.append(slice(g, ranges=ranges))
        start = start + x.shape[axis]
    return parts


concatenate = Op("concatenate", _concatenate_type, _concatenate_kernel, concatenate_gradient, operands=common_dtype)


# ---- slices: an axis is read from `start`, `length` elements, `step` apart ----


class Range(NamedTuple):
    """What a slice takes of one axis. Unlike Python's slices it needs no special case for negative steps."""

    start: Size
    length: Size
    step: int

    def __str__(self) -> str:
        step = f" step {self.step}" if self.step != 1 else ""
        return f"{self.length} from {self.start}{step}"


def window(ranges: Sequence[Range]) -> tuple[object, ...]:
    """The Python slices of ranges whose sizes are ints."""
    keys = []
    for start, length, step in ranges:
        assert isinstance(start, int)
        assert isinstance(length, int)
        stop = start + length * step
        keys.append(np.s_[start : stop if stop >= 0 else None : step] if length else np.s_[0:0])
    return tuple(keys)


def _slice_type(x: Type, ranges: tuple[Range, ...], least: Shape = ()) -> Type:
    checks = tuple(Check(a, ">=", b) for a, b in zip(x.shape, least, strict=False) if not at_least(a, b))
    return Type(tuple(r.length for r in ranges), x.dtype, x.weak, checks)


def _slice_kernel(x: Array, ranges: tuple[Range, ...], least: Shape = (), out: Array | None = None) -> Array:
    return x[window(ranges)]  # type: ignore[index]  # a tuple of slices is an index


def _embed_type(x: Type, ranges: tuple[Range, ...], shape: Shape) -> Type:
    return Type(shape, x.dtype, x.weak)


def _embed_kernel(x: Array, ranges: tuple[Range, ...], shape: tuple[int, ...], out: Array | None = None) -> Array:
    out = np.empty(shape, x.dtype) if out is None else out
    out[...] = 0
    out[window(ranges)] = x  # type: ignore[index]
    return out


slice = Op(  # `least`: the sizes that the axes of x must have for its indices to exist
    "slice", _slice_type, _slice_kernel,
    lambda g, y, x, ranges, least=(): (embed(g, ranges=ranges, shape=x.shape),), view=True,
)  # fmt: skip
embed: Op = Op(  # zeros, but for the elements that the slice reads
    "embed", _embed_type, _embed_kernel, lambda g, y, x, ranges, shape: (slice(g, ranges=ranges),)
)
