"""Gemm: a product of matrices that is added to something, as BLAS has it."""

from __future__ import annotations

import numpy as np

from minitorch import ops
from minitorch.graph.dim import Size
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op, made
from minitorch.graph.types import Type


def _gemm_type(a: Type, b: Type, c: Type, alpha: Type) -> Type:
    return ops.matmul.infer(a, b)


def _gemm_kernel(a: Array, b: Array, c: Array, alpha: Array, out: Array | None = None) -> Array:
    return np.asarray(np.add(c, np.multiply(alpha, ops.matmul.kernel(a, b)), out=out))


def _gemm_flops(out: Type, a: Type, b: Type, c: Type, alpha: Type) -> Size:
    return 2 * out.size * a.shape[1] + out.size


gemm = Op("gemm", _gemm_type, _gemm_kernel, flops=_gemm_flops, inplace=(2,))
"""`c + alpha * (a @ b)`; c may be a row that stands for every row, alpha is one number.

It is made by the compiler, after differentiation, of products that are too large for a loop of their own.
"""
made.add(gemm.name)
