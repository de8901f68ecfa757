"""Contractions: matrix products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minitorch.errors import ShapeError
from minitorch.graph.dim import Size
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op, Tensor
from minitorch.graph.types import Check, Type, broadcast, common_dtype, show_shape, unify
from minitorch.ops.shape import transpose

__all__ = ["matmul", "swap"]

LONGEST = 1024  # terms that BLAS is trusted to add up one after the other
BLOCK = 512


def swap(x: Tensor) -> Tensor:
    """The last two axes of `x` exchanged."""
    n = x.ndim
    return transpose(x, axes=(*range(n - 2), n - 1, n - 2))


def _matmul_type(a: Type, b: Type) -> Type:
    checks: list[Check] = []
    if len(a.shape) < 2 or len(b.shape) < 2:
        raise ShapeError(f"{show_shape(a.shape)} and {show_shape(b.shape)} are not both matrices")
    *a_batch, m, k = a.shape
    *b_batch, l, n = b.shape
    if unify(k, l, checks) is None:
        shapes = f"{show_shape(a.shape)} and {show_shape(b.shape)}"
        raise ShapeError(f"{shapes} do not chain: the inner sizes {k} and {l} differ")
    batch = broadcast([tuple(a_batch), tuple(b_batch)], checks)
    return Type((*batch, m, n), a.dtype, a.weak and b.weak, tuple(checks))


def _matmul_kernel(a: Array, b: Array, out: Array | None = None) -> Array:
    if a.ndim == 2 and b.ndim == 2:
        return product_of(a.shape[0], *b.shape)(a, b, out)
    return np.asarray(np.matmul(a, b, out))


def product_of(rows: int, inner: int, columns: int) -> Callable[..., Array]:
    """The function that multiplies matrices of these sizes. It takes the two, and `out`."""
    thin = rows == 1 or columns == 1
    return _long_product if thin and inner > LONGEST else np.dot  # 0.3 us less overhead than np.matmul


def _long_product(a: Array, b: Array, out: Array | None = None) -> Array:
    """The product of a row, or with a column, as a sum of products of pieces.

    BLAS adds such products up term by term, so that the error grows with their number: 16 units in the last place in
    a sum of 20,000 float32 rows, where this has 3. Products of wide matrices it cuts into pieces by itself.
    """
    (m, inner), n = a.shape, b.shape[1]
    count = inner // BLOCK
    edge = count * BLOCK
    pieces = np.empty((count + 1, m, n), a.dtype)
    np.matmul(a[:, :edge].reshape(m, count, BLOCK).swapaxes(0, 1), b[:edge].reshape(count, BLOCK, n), pieces[:count])
    np.dot(a[:, edge:], b[edge:], pieces[count])
    total = _matmul_kernel(np.ones((1, count + 1), a.dtype), pieces.reshape(count + 1, m * n))
    out = np.empty((m, n), a.dtype) if out is None else out
    np.copyto(out, total.reshape(m, n))
    return out


def _matmul_flops(out: Type, a: Type, b: Type) -> Size:
    return 2 * out.size * a.shape[-1]


matmul = Op(  # (..., m, k) @ (..., k, n); functional.matmul brings vectors here
    "matmul", _matmul_type, _matmul_kernel, lambda g, y, a, b: (g @ swap(b), swap(a) @ g),
    operands=common_dtype, flops=_matmul_flops,
)  # fmt: skip
