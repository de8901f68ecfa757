"""Specialise: choose what a program that trains, or one that predicts, does where the two differ."""

from __future__ import annotations

from minitorch import ops
from minitorch.compiler.rewrite import Rewrite, rewrite
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor


def specialise(graph: Graph) -> tuple[Graph, list[Rewrite]]:
    """Keep of every choice the side that the graph is for."""
    return rewrite(graph, {ops.in_training: (trained if graph.training else predicted,)})


def trained(node: Tensor) -> Tensor | None:
    """this program trains: the first of two meanings"""
    return _as(node, node.inputs[0])


def predicted(node: Tensor) -> Tensor | None:
    """this program predicts: the second of two meanings"""
    return _as(node, node.inputs[1])


def _as(node: Tensor, chosen: Tensor) -> Tensor:
    return chosen if chosen.type == node.type else ops.broadcast_to(chosen, shape=node.shape)
