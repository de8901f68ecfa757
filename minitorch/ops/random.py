"""Random numbers, drawn anew in every call of a program; and what differs between training and prediction."""

from __future__ import annotations

import numpy as np

from minitorch.graph.dim import Shape
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op
from minitorch.graph.types import DType, Type, common_dtype
from minitorch.lazy import lazy
from minitorch.ops.elementwise import elementwise

__all__ = ["in_training", "random_uniform"]

random = lazy("numpy.random")


def _uniform_type(counter: Type, shape: Shape, seed: int, dtype: DType) -> Type:
    return Type(shape, dtype)


def _uniform_kernel(
    counter: Array, shape: tuple[int, ...], seed: int, dtype: DType, out: Array | None = None
) -> Array:  # fmt: skip
    """Philox (Salmon et al. 2011) is a function of a key and a counter, so the same two give the same numbers."""
    out = np.empty(shape, dtype) if out is None else out
    source = random.Generator(random.Philox(key=seed, counter=[0, int(counter), 0, 0]))
    source.random(out=out, dtype=dtype)
    return out


random_uniform = Op("random_uniform", _uniform_type, _uniform_kernel, distinct=True)
"""Uniform numbers from [0, 1). `counter` is a variable that every call of a program moves on by one."""


def _choice_kernel(training: Array, prediction: Array, out: Array | None = None) -> Array:
    if out is None:
        return np.where(True, training, prediction)
    np.copyto(out, training)
    return out


in_training: Op = elementwise(
    "in_training", _choice_kernel, lambda g, y, a, b: (in_training(g, 0), in_training(0, g)),
    operands=common_dtype, flops=0, inplace=(),
)  # fmt: skip
"""Its first operand in a program that trains, its second in one that predicts; compilation chooses."""
