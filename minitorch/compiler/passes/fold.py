"""Fold: what depends on constants alone is computed now, by the kernel that would compute it later."""

from __future__ import annotations

import numpy as np

from minitorch import ops
from minitorch.compiler.rewrite import Rewrite, rewrite
from minitorch.graph.dim import symbols_in
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Op, Tensor, constant_of, registry

MOST_BYTES = 1 << 16  # a folded constant is kept with the program: not worth it for large ones


def fold(graph: Graph) -> tuple[Graph, list[Rewrite]]:
    """Evaluate operations whose inputs are all constants."""
    return rewrite(graph, {op: (folded,) for op in registry.values() if foldable(op)})


def foldable(op: Op) -> bool:
    """Not what is drawn anew each time, and not what costs nothing until it is stretched."""
    return not op.distinct and op is not ops.broadcast_to


def folded(node: Tensor) -> Tensor | None:
    """an operation on constants is a constant"""
    if not node.inputs or any(i.op.name != "constant" for i in node.inputs) or not _small(node):
        return None
    if any(symbols_in(tuple(node.attrs.values()))):
        return None
    with np.errstate(all="ignore"):
        value = np.asarray(node.op.kernel(*[i.attrs["value"] for i in node.inputs], **node.attrs))
    assert value.dtype == node.dtype, (node, value.dtype)
    return constant_of(value).replace(type=node.type)


def _small(node: Tensor) -> bool:
    return isinstance(node.size, int) and node.size * node.dtype.itemsize <= MOST_BYTES
