"""Evaluation: what nodes are on one probe, by their kernels; each is computed once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.compiler.backends.base import known_shape, resolve
from minitorch.compiler.backends.interpreter import evaluate_node
from minitorch.compiler.gemm import gemm
from minitorch.graph.dim import Symbol
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor

UNITS = 16  # units in the last place by which a value is moved to see what rounding may do
SUMS = {ops.add, ops.subtract, ops.sum, ops.matmul, ops.cumsum, ops.add_at, ops.add_along_axis, gemm}
"""What adds up: in another order, off by a part of the sum of the sizes of what is added."""


class Values(dict[Tensor, Array]):
    """The values of nodes, found when they are asked for. Starts from those of the leaves."""

    def __init__(self, leaves: Mapping[Tensor, Array], sizes: Mapping[Symbol, int], training: bool = True) -> None:
        super().__init__(leaves)
        self.sizes, self.training = sizes, training

    def __missing__(self, node: Tensor) -> Array:
        stack = [node]
        while stack:
            top = stack[-1]
            waiting = [i for i in top.inputs if i not in self]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            if top not in self:
                self[top] = self.compute(top, [self[i] for i in top.inputs])
        return self[node]

    def compute(self, node: Tensor, inputs: list[Array]) -> Array:
        if node.op is ops.in_training:  # a copy, as its kernel makes one
            shape = known_shape(node.shape, self.sizes)
            return np.array(np.broadcast_to(inputs[0 if self.training else 1], shape))
        with np.errstate(all="ignore"):
            return np.asarray(evaluate_node(node, inputs, self.sizes))


class Moved(Values):
    """The same, with every value that was rounded moved a little: `only` those nodes, all unless told otherwise."""

    def __init__(self, base: Values, sample: int, only: Container[Tensor] | None = None) -> None:
        kept = base if only is not None else {n: v for n, v in base.items() if not n.inputs}
        super().__init__({n: v for n, v in kept.items() if only is None or n not in only}, base.sizes, base.training)
        self.sample, self.random = sample, np.random.default_rng(sample)

    def compute(self, node: Tensor, inputs: list[Array]) -> Array:
        value: Any = super().compute(node, inputs)
        if not node.inputs or node.op.view or value.dtype.kind != "f":
            return np.asarray(value)
        with np.errstate(all="ignore"):
            step = UNITS * np.finfo(value.dtype).eps * magnitude(node, inputs, value, self.sizes)
            moved = value + step * self._signs(value.shape)
        return np.asarray(np.where(np.isfinite(moved), moved, value), dtype=value.dtype)

    def _signs(self, shape: tuple[int, ...]) -> Any:
        if self.sample < 2:
            return 1.0 if self.sample else -1.0
        return self.random.uniform(-1, 1, shape)


def magnitude(node: Tensor, inputs: Sequence[Any], value: Any, sizes: Mapping[Symbol, int]) -> Any:
    """How large the numbers were that rounding of a node is a part of: for sums, those that were added."""
    if node.op not in SUMS:
        return np.asarray(np.abs(value))
    finite: list[Any] = [
        np.where(np.isfinite(x), np.abs(x), 0).astype(x.dtype) if x.dtype.kind == "f" else x for x in inputs
    ]
    if node.op in (ops.add, ops.subtract):
        return np.asarray(finite[0] + finite[1])
    attrs = {key: resolve(attr, sizes) for key, attr in node.attrs.items()}
    return np.asarray(node.op.kernel(*finite, **attrs))
