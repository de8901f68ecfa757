"""Topological orders: every node after its inputs. Nothing recurses, whatever the depth."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from minitorch.graph.tensor import Tensor

LEAVES = ("placeholder", "parameter", "constant")  # the roles of nodes whose value is given, not computed
PHASE = {"placeholder": 0, "parameter": 0, "constant": 0, "forward": 0, "gradient": 1, "update": 2}


def depth_first(outputs: Iterable[Tensor]) -> list[Tensor]:
    """The nodes that `outputs` need, in depth-first post-order (Tarjan 1976): each right after what it waits for."""
    order: list[Tensor] = []
    seen: set[Tensor] = set()
    for output in outputs:
        stack = [(output, iter(output.inputs))] if output not in seen else []
        seen.add(output)
        while stack:
            node, rest = stack[-1]
            for source in rest:
                if source not in seen:
                    seen.add(source)
                    stack.append((source, iter(source.inputs)))
                    break
            else:
                order.append(node)
                stack.pop()
    return order


def as_written(nodes: Iterable[Tensor]) -> list[Tensor]:
    """Kahn's algorithm (1962) with a queue: forward before gradients before updates, each in the order it was made."""
    nodes = list(nodes)
    waiting = {node: len(node.inputs) for node in nodes}
    readers: dict[Tensor, list[Tensor]] = {node: [] for node in nodes}
    for node in nodes:
        for source in node.inputs:
            readers[source].append(node)
    queue = [(PHASE[node.role], node.serial, node) for node in nodes if not node.inputs]
    heapify(queue)
    order: list[Tensor] = []
    while queue:
        node = heappop(queue)[2]
        order.append(node)
        for reader in readers[node]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(queue, (PHASE[reader.role], reader.serial, reader))
    return order
