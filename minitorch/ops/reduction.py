"""Reductions: operations that fold axes. `axis` is a sorted tuple of the axes folded; `functional` normalises it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch.errors import ShapeError
from minitorch.graph.dim import Size
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op, Operand, Tensor
from minitorch.graph.types import BOOL, INT64, Check, DType, Type, is_float
from minitorch.ops.elementwise import cast, equal, where
from minitorch.ops.leaf import iota
from minitorch.ops.shape import broadcast_to, reshape, transpose

__all__ = ["all", "any", "argmax", "argmin", "cumsum", "max", "min", "prod", "prod_of_others", "sum"]

Axes = tuple[int, ...]


def reduced(x: Type, axis: Axes, keepdims: bool) -> tuple[Size, ...]:
    """The shape without the axes, or with 1 in their place."""
    if keepdims:
        return tuple(1 if i in axis else size for i, size in enumerate(x.shape))
    return tuple(size for i, size in enumerate(x.shape) if i not in axis)


def stretched(t: Tensor, x: Tensor, axis: Axes) -> Tensor:
    """`t`, a result of reducing `x`, with the reduced axes back in place as 1."""
    return reshape(t, shape=reduced(x.type, axis, keepdims=True))


def reduction(name: str, ufunc: np.ufunc, result: Callable[[DType], DType], gradient: Any, nonempty: bool) -> Op:
    """A row for a ufunc folded over axes. `nonempty`: there is no result over nothing."""

    def infer(x: Type, axis: Axes, keepdims: bool) -> Type:
        checks = _require_elements(x, axis) if nonempty else ()
        return Type(reduced(x, axis, keepdims), result(x.dtype), x.weak and result(x.dtype) != BOOL, checks)

    def kernel(x: Array, axis: Axes, keepdims: bool, out: Array | None = None) -> Array:
        fold: Any = ufunc.reduce
        return np.asarray(fold(x, axis, result(x.dtype), out, keepdims))

    return Op(name, infer, kernel, gradient, flops=lambda out, x, **_: x.size)


def _require_elements(x: Type, axis: Axes) -> tuple[Check, ...]:
    for i in axis:
        if x.shape[i] == 0:
            raise ShapeError(f"axis {i} of {x} is empty; one element or more is expected to choose from")
    return tuple(Check(x.shape[i], ">=", 1) for i in axis if not isinstance(x.shape[i], int))


def _accumulated(dtype: DType) -> DType:
    """Ints and bools add up, and multiply, as int64."""
    return dtype if is_float(dtype) else INT64


def _same(dtype: DType) -> DType:
    return dtype


def _truth(dtype: DType) -> DType:
    return BOOL


# ---- the rows ----


def sum_gradient(g: Tensor, y: Tensor, x: Tensor, axis: Axes, keepdims: bool) -> tuple[Tensor]:
    """Every element that was added gets the gradient of its sum."""
    return (broadcast_to(stretched(g, x, axis), shape=x.shape),)


def extreme_gradient(g: Tensor, y: Tensor, x: Tensor, axis: Axes, keepdims: bool) -> tuple[Operand]:
    """The elements that equal the extreme one share the gradient evenly, as PyTorch's `amax` has it."""
    extreme = cast(equal(x, stretched(y, x, axis)), dtype=x.dtype)
    return (stretched(g, x, axis) * extreme / sum(extreme, axis=axis, keepdims=True),)


def prod_gradient(g: Tensor, y: Tensor, x: Tensor, axis: Axes, keepdims: bool) -> tuple[Tensor]:
    """Every factor gets the gradient times the product of the others: right at zeros too, unlike y / x."""
    others = along_last(x, axis, prod_of_others)
    return (stretched(g, x, axis) * others,)


def along_last(x: Tensor, axis: Axes, function: Callable[[Tensor], Tensor]) -> Tensor:
    """What `function` makes of `x` with the one axis moved to the end; the result with the axis where it was."""
    (i,) = axis
    there = (*(k for k in range(x.ndim) if k != i), i)
    back = tuple(there.index(k) for k in range(x.ndim))
    return transpose(function(transpose(x, axes=there)), axes=back)


sum = reduction("sum", np.add, _accumulated, sum_gradient, nonempty=False)
prod = reduction("prod", np.multiply, _accumulated, prod_gradient, nonempty=False)
max = reduction("max", np.maximum, _same, extreme_gradient, nonempty=True)
min = reduction("min", np.minimum, _same, extreme_gradient, nonempty=True)
any = reduction("any", np.logical_or, _truth, None, nonempty=False)
all = reduction("all", np.logical_and, _truth, None, nonempty=False)


# ---- the product of the others: each element's factor in a product along the last axis ----


def _others_kernel(x: Array, out: Array | None = None) -> Array:
    """Products from the left times products from the right, each without the element itself."""
    out = np.empty(x.shape, x.dtype) if out is None else out
    right = np.ones_like(x)
    right[..., :-1] = np.multiply.accumulate(x[..., :0:-1], -1)[..., ::-1]
    out[..., :1] = 1
    np.multiply.accumulate(x[..., :-1], -1, None, out[..., 1:])
    return np.multiply(out, right, out=out)


def others_gradient(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
    """dP_i / dx_k is the product of all but i and k: the product of others once more, with x_i = 1, for every i."""
    n = x.shape[-1]
    rows, columns = (reshape(iota(size=n, dtype=INT64), shape=shape) for shape in ((n, 1), (1, n)))
    same = equal(rows, columns)
    without = where(same, 1, reshape(x, shape=(*x.shape[:-1], 1, n)))
    pairs = where(same, 0, prod_of_others(without))
    return (sum(reshape(g, shape=(*g.shape, 1)) * pairs, axis=(x.ndim - 1,), keepdims=False),)


prod_of_others: Op = Op("prod_of_others", lambda x: x, _others_kernel, others_gradient, flops=lambda out, x: 3 * x.size)


# ---- along one axis, which stays ----


def _cumsum_type(x: Type, axis: int, reverse: bool) -> Type:
    return Type(x.shape, _accumulated(x.dtype), x.weak)


def _cumsum_kernel(x: Array, axis: int, reverse: bool, out: Array | None = None) -> Array:
    out = np.empty(x.shape, _accumulated(x.dtype)) if out is None else out
    if reverse:
        np.add.accumulate(np.flip(x, axis), axis, None, np.flip(out, axis))
    else:
        np.add.accumulate(x, axis, None, out)
    return out


cumsum: Op = Op(
    "cumsum", _cumsum_type, _cumsum_kernel,
    lambda g, y, x, axis, reverse: (cumsum(g, axis=axis, reverse=not reverse),), flops=lambda out, x, **_: x.size,
)  # fmt: skip


# ---- where the extreme element stands: the first of those that tie, the first NaN where there is one ----


def _position(name: str, find: Callable[..., Any]) -> Op:
    def infer(x: Type, axis: int) -> Type:
        return Type(reduced(x, (axis,), False), INT64, False, _require_elements(x, (axis,)))

    def kernel(x: Array, axis: int, out: Array | None = None) -> Array:
        return np.asarray(find(x, axis, out))

    return Op(name, infer, kernel, flops=lambda out, x, **_: x.size)


argmax, argmin = _position("argmax", np.argmax), _position("argmin", np.argmin)
