"""Reductions: operations that fold axes. `axis` is a sorted tuple of the axes folded; `functional` normalises it."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch.errors import ShapeError
from minitorch.graph.dim import Size
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op, Operand, Tensor
from minitorch.graph.types import INT64, Check, Type, is_float
from minitorch.ops.elementwise import cast, equal
from minitorch.ops.shape import broadcast_to, reshape

__all__ = ["max", "sum"]

Axes = tuple[int, ...]


def reduced(x: Type, axis: Axes, keepdims: bool) -> tuple[Size, ...]:
    """The shape without the axes, or with 1 in their place."""
    if keepdims:
        return tuple(1 if i in axis else size for i, size in enumerate(x.shape))
    return tuple(size for i, size in enumerate(x.shape) if i not in axis)


def stretched(t: Tensor, x: Tensor, axis: Axes) -> Tensor:
    """`t`, a result of reducing `x`, with the reduced axes back in place as 1."""
    return reshape(t, shape=reduced(x.type, axis, keepdims=True))


# ---- sum ----


def _sum_type(x: Type, axis: Axes, keepdims: bool) -> Type:
    return Type(reduced(x, axis, keepdims), x.dtype if is_float(x.dtype) else INT64, x.weak)


def _sum_kernel(x: Array, axis: Axes, keepdims: bool, out: Array | None = None) -> Array:
    reduce: Any = np.add.reduce
    return np.asarray(reduce(x, axis, None, out, keepdims))


def sum_gradient(g: Tensor, y: Tensor, x: Tensor, axis: Axes, keepdims: bool) -> tuple[Tensor]:
    """Every element that was added gets the gradient of its sum."""
    return (broadcast_to(stretched(g, x, axis), shape=x.shape),)


sum = Op("sum", _sum_type, _sum_kernel, sum_gradient, flops=lambda out, x, **_: x.size)


# ---- max ----


def _max_type(x: Type, axis: Axes, keepdims: bool) -> Type:
    checks = []
    for i in axis:
        if x.shape[i] == 0:
            raise ShapeError(f"axis {i} of {x} is empty: there is no greatest element")
        if not isinstance(x.shape[i], int):
            checks.append(Check(x.shape[i], ">=", 1))
    return Type(reduced(x, axis, keepdims), x.dtype, x.weak, tuple(checks))


def _max_kernel(x: Array, axis: Axes, keepdims: bool, out: Array | None = None) -> Array:
    reduce: Any = np.maximum.reduce
    return np.asarray(reduce(x, axis, None, out, keepdims))


def max_gradient(g: Tensor, y: Tensor, x: Tensor, axis: Axes, keepdims: bool) -> tuple[Operand]:
    """The elements that equal the greatest share the gradient evenly, as PyTorch's `amax` has it."""
    greatest = cast(equal(x, stretched(y, x, axis)), dtype=x.dtype)
    return (stretched(g, x, axis) * greatest / sum(greatest, axis=axis, keepdims=True),)


max = Op("max", _max_type, _max_kernel, max_gradient, flops=lambda out, x, **_: x.size)
