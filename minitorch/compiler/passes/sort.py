"""Sort: one topological order for everything after it."""

from __future__ import annotations

from minitorch.compiler.rewrite import Rewrite
from minitorch.graph.graph import Graph
from minitorch.graph.order import as_written


def sort(graph: Graph) -> tuple[Graph, list[Rewrite]]:
    """Every node after its inputs: forward, then gradients, then updates, each in the order it was written."""
    return graph.rebuilt(graph.outputs, graph.updates, as_written(graph.nodes)), []
