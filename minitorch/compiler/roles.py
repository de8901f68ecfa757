"""Roles: what a node is for. Every node is placeholder, parameter, constant, forward, gradient or update."""

from __future__ import annotations

from minitorch.compiler.rewrite import needed, on_inputs
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor


def with_roles(graph: Graph) -> Graph:
    """The graph with what serves updates alone told from forward, and what is made of gradients from both."""
    roles = _settled(graph)
    becomes: dict[Tensor, Tensor] = {}
    for node in graph.nodes:
        new = on_inputs(node, becomes)
        becomes[node] = new if new.role == roles[node] else new.replace(role=roles[node], inputs=new.inputs)
    updates = [(target, becomes[value]) for target, value in graph.updates]
    return graph.rebuilt([becomes[t] for t in graph.outputs], updates, becomes.values())


def _settled(graph: Graph) -> dict[Tensor, str]:
    gradients = [node for node in graph.nodes if node.role == "gradient"]
    shared = set(needed(graph.nodes, (*graph.outputs, *gradients)))
    roles: dict[Tensor, str] = {}
    for node in graph.nodes:
        role = node.role
        if role == "forward" and node not in shared:
            role = "update"
        elif role == "forward" and any(roles[i] == "gradient" for i in node.inputs):
            role = "gradient"
        roles[node] = role
    return roles


def forward_part(graph: Graph) -> Graph:
    """What was there before differentiation: the nodes that are made of no gradient."""
    nodes = [node for node in graph.nodes if node.role not in ("gradient", "update")]
    read = {i for node in nodes for i in node.inputs}
    outputs = [node for node in nodes if node not in read and node.role == "forward"]
    kept = needed(nodes, outputs)
    return graph.rebuilt(outputs, (), kept)
