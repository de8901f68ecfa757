"""The two sides of a rewrite: the nodes that only one of them has, and what these cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable
from typing import NamedTuple

from minitorch.compiler.fused import fused
from minitorch.compiler.schedule import nominal
from minitorch.graph.tensor import Tensor

MOST = 256  # nodes that are looked at; a law reads a few


def own(side: Tensor, other: Tensor) -> list[Tensor]:
    """The nodes that `side` is made of and `other` is not, the side's result first."""
    return _reached(side, frozenset(_reached(other, frozenset())))


def _reached(root: Tensor, stop: Container[Tensor]) -> list[Tensor]:
    """Breadth first, so that what is near comes before what is far."""
    found: dict[Tensor, None] = {}
    queue = deque([root])
    while queue and len(found) < MOST:
        node = queue.popleft()
        if node not in found and node not in stop:
            found[node] = None
            queue.extend(node.inputs)
    return list(found)


class Work(NamedTuple):
    """Floating-point operations, and bytes that are read and written. Unknown sizes are taken to be 64."""

    flops: int
    bytes: int

    def less(self, other: Work) -> Work:
        return Work(self.flops - other.flops, self.bytes - other.bytes)


def work(nodes: Iterable[Tensor]) -> Work:
    """What it takes to compute these nodes one by one; those of one fused body together."""
    flops = moved = 0
    seen: set[tuple[int, tuple[Tensor, ...]]] = set()
    for node in nodes:
        if not node.inputs or node.op.view:
            continue
        flops += nominal(node.op.flops(node.type, *[i.type for i in node.inputs], **node.attrs))
        moved += _bytes(node)
        key = (id(node.attrs["body"]), node.inputs) if node.op is fused else None
        if key is None or key not in seen:
            moved += sum(_bytes(i) for i in dict.fromkeys(node.inputs))
        if key is not None:
            seen.add(key)
    return Work(flops, moved)


def _bytes(node: Tensor) -> int:
    return nominal(node.size) * node.dtype.itemsize
