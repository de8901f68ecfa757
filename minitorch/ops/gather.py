"""Reading by index: elements picked by arrays of ints, and their gradients, which add to the places picked from."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch.errors import DTypeError, ShapeError
from minitorch.graph.dim import Shape, Size, equal
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op
from minitorch.graph.types import Check, Type, show_shape

__all__ = ["add_at", "add_along_axis", "in_range", "take", "take_along_axis"]


def _require_ints(indices: Type) -> None:
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"indices are ints, but have the dtype {indices.dtype}")


def _in_range_kernel(indices: Any, size: int, back: bool = True, out: Array | None = None) -> Array:
    """Negative indices counted from the start; an IndexError for what is not there."""
    wrong = indices[(indices < (-size if back else 0)) | (indices >= size)]
    if wrong.size and not back:
        raise IndexError(f"{wrong.flat[0]} is no class of the logits, which have {size}, from 0 to {size - 1}")
    if wrong.size:
        raise IndexError(f"index {wrong.flat[0]} is out of range for an axis of size {size}")
    return np.asarray(np.add(indices, np.where(indices < 0, size, 0), out=out))


in_range = Op("in_range", lambda indices, size, back=True: indices, _in_range_kernel, raises=True)
"""Indices (int64) that are counted from the start and are known to exist: what reading by several indices needs.

`back` says whether negative ones count from the end; else they are numbers of classes.
"""


# ---- take: whole slices along one axis ----


def _take_type(x: Type, indices: Type, axis: int) -> Type:
    _require_ints(indices)
    return Type(x.shape[:axis] + indices.shape + x.shape[axis + 1 :], x.dtype)


def _take_kernel(x: Array, indices: Any, axis: int, out: Array | None = None) -> Array:
    result: Any = np.take(x, indices, axis=axis, out=out)
    return np.asarray(result)


def _add_at_type(g: Type, indices: Type, axis: int, size: Size) -> Type:
    rank = len(indices.shape)
    return Type((*g.shape[:axis], size, *g.shape[axis + rank :]), g.dtype)


def _add_at_kernel(g: Array, indices: Any, axis: int, size: int, out: Array | None = None) -> Array:
    out = np.empty((*g.shape[:axis], size, *g.shape[axis + indices.ndim :]), g.dtype) if out is None else out
    out[...] = 0
    first = np.moveaxis(g, range(axis, axis + indices.ndim), range(indices.ndim))
    np.add.at(np.moveaxis(out, axis, 0), indices, first)
    return out


take: Op = Op(
    "take", _take_type, _take_kernel,
    lambda g, y, x, indices, axis: (add_at(g, indices, axis=axis, size=x.shape[axis]), None), raises=True,
)  # fmt: skip
add_at: Op = Op(  # zeros, with each slice of g added where `take` reads it
    "add_at", _add_at_type, _add_at_kernel, lambda g, y, x, indices, axis, size: (take(g, indices, axis=axis), None),
    flops=lambda out, g, *_, **__: g.size, raises=True,
)  # fmt: skip


# ---- take_along_axis: one index for each element of the result ----


def _along_type(x: Type, indices: Type, axis: int) -> Type:
    _require_ints(indices)
    checks: list[Check] = []
    for i, (a, b) in enumerate(zip(x.shape, indices.shape, strict=True)):
        verdict = True if i == axis else equal(a, b)
        if verdict is False:
            shapes = f"{show_shape(x.shape)} and {show_shape(indices.shape)}"
            raise ShapeError(f"{shapes} differ at axis {i}, which is not the axis {axis} that is read along")
        if verdict is None:
            checks.append(Check(a, "==", b))
    return Type(indices.shape, x.dtype, False, tuple(checks))


def _along_kernel(x: Array, indices: Any, axis: int, out: Array | None = None) -> Array:
    picked = np.take_along_axis(x, indices, axis)
    if out is None:
        return picked
    out[...] = picked
    return out


def _add_along_type(g: Type, indices: Type, axis: int, shape: Shape) -> Type:
    return Type(shape, g.dtype)


def _add_along_kernel(
    g: Array, indices: Any, axis: int, shape: tuple[int, ...], out: Array | None = None
) -> Array:  # fmt: skip
    out = np.empty(shape, g.dtype) if out is None else out
    out[...] = 0
    places: list[Any] = [
        indices if i == axis else np.arange(n).reshape(tuple(-1 if k == i else 1 for k in range(g.ndim)))
        for i, n in enumerate(g.shape)
    ]
    np.add.at(out, tuple(places), g)
    return out


take_along_axis: Op = Op(
    "take_along_axis", _along_type, _along_kernel,
    lambda g, y, x, indices, axis: (add_along_axis(g, indices, axis=axis, shape=x.shape), None), raises=True,
)  # fmt: skip
add_along_axis: Op = Op(  # zeros, with each element of g added where `take_along_axis` reads it
    "add_along_axis", _add_along_type, _add_along_kernel,
    lambda g, y, x, indices, axis, shape: (take_along_axis(g, indices, axis=axis), None),
    flops=lambda out, g, *_, **__: g.size, raises=True,
)  # fmt: skip
