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
from minitorch.graph.tensor import Op, Tensor

UNITS = 16  # units in the last place by which a value is moved to see what rounding may do
SUMS = {ops.add, ops.subtract, ops.sum, ops.matmul, ops.cumsum, ops.add_at, ops.add_along_axis, gemm}
"""What adds up: in another order, off by a part of the sum of the sizes of what is added."""
PRODUCTS = {ops.matmul, gemm}
"""Those of them whose terms are rounded themselves, and may underflow."""


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
    """The same, with what a law may change moved a little: `only` those nodes, all unless told otherwise.

    A value is moved by some units in the last place of what it was added up from. Sums of operations in `reordered`
    are given, where their terms may overflow in one order and not in another, what that other order may make of them;
    and zeros that are sums of zeros the other sign.
    """

    def __init__(
        self, base: Values, sample: int, only: Container[Tensor] | None = None, reordered: Container[Op] = SUMS
    ) -> None:  # fmt: skip
        kept = base if only is not None else {n: v for n, v in base.items() if not n.inputs}
        super().__init__({n: v for n, v in kept.items() if only is None or n not in only}, base.sizes, base.training)
        self.sample, self.random, self.reordered = sample, np.random.default_rng(sample), reordered

    def compute(self, node: Tensor, inputs: list[Array]) -> Array:
        value: Any = super().compute(node, inputs)
        if not node.inputs or node.op.view or value.dtype.kind != "f":
            return np.asarray(value)
        info = np.finfo(value.dtype)
        with np.errstate(all="ignore"):
            size = magnitude(node, inputs, value, self.sizes)
            least = 0 if node.op in SUMS and node.op not in PRODUCTS else info.smallest_subnormal * (size > 0)
            step = UNITS * (info.eps * size + least) * self._signs(value.shape)
            moved = np.where(np.isfinite(value + step) & (step != 0), value + step, value)  # -0 + 0 is 0
            if node.op in SUMS and node.op in self.reordered:
                moved = self._in_another_order(moved, value, size, skeleton(node, inputs, self.sizes))
        return np.asarray(moved, dtype=value.dtype)

    def _signs(self, shape: tuple[int, ...]) -> Any:
        if self.sample < 2:
            return 1.0 if self.sample else -1.0
        return self.random.uniform(-1, 1, shape)

    def _in_another_order(self, moved: Any, value: Any, size: Any, infinite: Any) -> Any:
        """Where parts of a sum overflow it may be infinite, or no number, or large; not where terms are that already,
        which no order changes, but for infinities of both signs where there was one."""
        most = np.finfo(value.dtype).max
        settled = size <= most / 8
        large = most * self.random.uniform(-1, 1, value.shape)
        made = (np.inf, -np.inf, np.nan, large)[self.sample % 4]
        made = np.where(np.isfinite(infinite), made, np.nan if self.sample % 4 == 2 else infinite)
        moved = np.where(settled, moved, made)
        return np.where((value == 0) & (size == 0) & bool(self.sample % 2), -value, moved)


def magnitude(node: Tensor, inputs: Sequence[Any], value: Any, sizes: Mapping[Symbol, int]) -> Any:
    """How large the numbers were that rounding of a node is a part of: for sums, those that were added."""
    if node.op not in SUMS:
        return np.asarray(np.abs(value))
    finite = [np.where(np.isfinite(x), np.abs(x), 0) for x in inputs]
    return np.asarray(finite[0] + finite[1]) if node.op is ops.subtract else _summed(node, finite, inputs, sizes)


def skeleton(node: Tensor, inputs: Sequence[Any], sizes: Mapping[Symbol, int]) -> Any:
    """What of a sum is not finite whatever the order, since terms are not: every finite number is no more than 1."""
    return _summed(node, [np.where(np.isfinite(x), np.sign(x), x) for x in inputs], inputs, sizes)


def _summed(node: Tensor, changed: Sequence[Any], inputs: Sequence[Any], sizes: Mapping[Symbol, int]) -> Any:
    """A sum of other numbers in the place of the floats that were added; what is an index stays."""
    terms = [c.astype(x.dtype) if x.dtype.kind == "f" else x for c, x in zip(changed, inputs, strict=True)]
    attrs = {key: resolve(attr, sizes) for key, attr in node.attrs.items()}
    return np.asarray(node.op.kernel(*terms, **attrs))
