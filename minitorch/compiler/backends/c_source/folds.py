"""Folds: the reductions that a region can hold, and how each combines elements."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minitorch import ops
from minitorch.compiler.backends.c_source.expressions import literal, suffix
from minitorch.graph.tensor import Tensor


class Fold(NamedTuple):
    """`combine` joins a result so far with an element. `clause` is what OpenMP calls it, where the order may change."""

    combine: str
    identity: str
    clause: str = ""

    def joined(self, target: str, element: str) -> str:
        """The statement that adds an element to a result."""
        return f"{target} = {self.combine.format(target, element)};"


def fold_of(node: Tensor) -> Fold:
    """How a reduction combines the elements of its type."""
    dtype = node.dtype
    t = suffix(dtype)
    least, most = ("-__builtin_inf()", "__builtin_inf()") if dtype.kind == "f" else ("0", "1")
    if dtype.kind in "iu":
        info = np.iinfo(str(dtype))
        least, most = literal(np.int64(info.min), dtype), literal(np.int64(info.max), dtype)
    return {
        ops.sum: Fold("{0} + {1}", "0", "+"), ops.prod: Fold("{0} * {1}", "1", "*"),
        ops.any: Fold("{0} | ({1} != 0)", "0"), ops.all: Fold("{0} & ({1} != 0)", "1"),
        ops.max: Fold(f"maximum_{t}({{0}}, {{1}})", least), ops.min: Fold(f"minimum_{t}({{0}}, {{1}})", most),
    }[node.op]  # fmt: skip
