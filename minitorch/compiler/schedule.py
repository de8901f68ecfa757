"""Schedule: the order in which a plan computes its nodes, chosen for the least memory alive at once."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from minitorch.graph.dim import Size, evaluate, symbols
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor

NOMINAL = 64  # what an unknown size is taken to be where sizes are compared


def nominal(size: Size) -> int:
    """A size with 64 for what is unknown."""
    return size if isinstance(size, int) else evaluate(size, dict.fromkeys(symbols(size), NOMINAL))


def root_of(node: Tensor) -> Tensor:
    """The node whose memory `node` reads: itself, unless it is a view."""
    while node.op.view:
        node = node.inputs[0]
    return node


def schedule(graph: Graph, last: set[Tensor]) -> list[Tensor]:
    """The graph's own order, which reads best, or a greedy one where that keeps a tenth less alive.

    `last` come at the end in any case.
    """
    given = [n for n in graph.nodes if n not in last] + [n for n in graph.nodes if n in last]
    costs = _Costs(graph, last)
    greedy = costs.greedy(given)
    return greedy if costs.peak(greedy) < 0.9 * costs.peak(given) else given


class _Costs:
    """Bytes that nodes bring to life, and who reads them."""

    def __init__(self, graph: Graph, last: set[Tensor]) -> None:
        self.last = last
        self.root: dict[Tensor, Tensor] = {}
        for node in graph.nodes:
            self.root[node] = self.root[node.inputs[0]] if node.op.view else node
        kept = set(graph.outputs)
        self.bytes = {n: 0 if not n.inputs or n.op.view or n in last or n in kept else _bytes(n) for n in graph.nodes}
        self.reads = {n: _distinct(self.root[i] for i in n.inputs) if not n.op.view else [] for n in graph.nodes}

    def peak(self, order: Iterable[Tensor]) -> int:
        """The most bytes alive at once in this order."""
        order = list(order)
        left = self._readers(order)
        alive = most = 0
        for node in order:
            alive += self.bytes[node]
            most = max(most, alive)
            for source in self.reads[node]:
                left[source] -= 1
                alive -= self.bytes[source] if not left[source] else 0
        return most

    def _readers(self, order: Iterable[Tensor]) -> dict[Tensor, int]:
        left = dict.fromkeys(self.root, 0)
        for node in order:
            for source in self.reads[node]:
                left[source] += 1
        return left

    def greedy(self, given: list[Tensor]) -> list[Tensor]:
        """List scheduling: of the nodes that are ready, the one that grows memory least; ties as given."""
        rank = {node: i for i, node in enumerate(given)}
        left = self._readers(given)
        waiting = {node: len(node.inputs) for node in given}
        readers: dict[Tensor, list[Tensor]] = {node: [] for node in given}
        users: dict[Tensor, list[Tensor]] = {node: [] for node in given}
        for node in given:
            for source in node.inputs:
                readers[source].append(node)
            for source in self.reads[node]:
                users[source].append(node)
        queue: list[tuple[bool, int, int, Tensor]] = []

        def offer(node: Tensor) -> None:
            freed = sum(self.bytes[s] for s in self.reads[node] if left[s] == 1)
            heappush(queue, (node in self.last, self.bytes[node] - freed, rank[node], node))

        for node in given:
            if not node.inputs:
                offer(node)
        done: set[Tensor] = set()
        order: list[Tensor] = []
        while queue:
            node = heappop(queue)[3]
            if node in done:
                continue
            done.add(node)
            order.append(node)
            for source in self.reads[node]:
                left[source] -= 1
                if left[source] == 1:  # whoever reads it last now frees it
                    for user in users[source]:
                        if user not in done and not waiting[user]:
                            offer(user)
            for reader in readers[node]:
                waiting[reader] -= 1
                if not waiting[reader]:
                    offer(reader)
        return order


def _bytes(node: Tensor) -> int:
    return nominal(node.size) * node.dtype.itemsize


def _distinct(nodes: Iterable[Tensor]) -> list[Tensor]:
    return list(dict.fromkeys(nodes))
