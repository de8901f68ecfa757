"""Randomness: dropout, and the uniform numbers it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import ops
from minitorch.errors import ArgumentError, OptionError
from minitorch.functional.arguments import fail, is_number, shape_of, speaking_as
from minitorch.graph.tensor import Operand, Tensor, as_tensor
from minitorch.graph.text import shown
from minitorch.graph.types import DTypeLike, dtype_of, is_float
from minitorch.lazy import lazy

__all__ = ["dropout", "random_uniform"]

secrets = lazy("secrets")


def random_uniform(shape: Any, seed: int | None = None, dtype: DTypeLike = "float32") -> Tensor:
    """Uniform numbers from [0, 1), new ones in every call of a program.

    The same `seed` gives the same numbers in the same calls; without one they differ from process to process.
    """
    key = secrets.randbits(63) if seed is None else key_of(seed, "random_uniform")
    target = dtype_of(dtype, "random_uniform")
    if not is_float(target):
        raise fail(ArgumentError, "random_uniform", f"random numbers are floats, but the dtype {target} was asked for")
    counter = ops.variable(0, name="calls", dtype="int64")
    return ops.random_uniform(counter, shape=shape_of(shape, "random_uniform"), seed=key, dtype=target)


def dropout(x: Operand, rate: float = 0.5, seed: int | None = None) -> Tensor:
    """In training, each element is 0 with probability `rate`, else divided by 1 - rate; in prediction x itself.

    A program with updates trains, one without predicts, unless `compile(..., training=...)` says otherwise
    (Srivastava et al. 2014; scaled in training so that prediction needs nothing). What is dropped is 0 whatever it was:
    a NaN does not survive, as it would in a product with 0.
    """
    x = as_tensor(x, "dropout")
    rate = rate_of(rate, "dropout", x)
    if not is_float(x.dtype):
        raise fail(ArgumentError, "dropout", f"floats are expected, but x is {x.dtype}", x)
    with speaking_as("dropout"):
        kept = random_uniform(x.shape, seed, x.dtype) >= rate
    scaled = ops.multiply(x, ops.in_training(ops.constant(1 / (1 - rate), dtype=x.dtype), 1))
    return ops.where(ops.in_training(kept, True), scaled, 0)


def key_of(seed: Any, function: str) -> int:
    """A seed of random numbers that are made while a program runs."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**64:
        raise fail(OptionError, function, f"a seed is an int from 0 to 2**64 - 1, but {shown(seed)} was given")
    return int(seed)


def rate_of(rate: Any, function: str, *tensors: Tensor) -> float:
    """The share that is dropped."""
    if not is_number(rate) or not 0 <= rate < 1:
        what = f"rate is a number from 0 up to, not including, 1, but {shown(rate)} was given"
        raise fail(OptionError, function, what, *tensors)
    return float(rate)
