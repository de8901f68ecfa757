"""Footing: what a program in C stands on: the memory that it is given, and what is computed before its first step."""

from __future__ import annotations

from typing import NamedTuple

from minitorch.compiler.backends.c_source.layout import Key, Layouts
from minitorch.compiler.plan import BIND
from minitorch.compiler.slots import SlotSizes
from minitorch.graph.dim import Symbol
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor


class Footing(NamedTuple):
    """What of a plan is needed to bind its program to sizes."""

    symbols: tuple[Symbol, ...]
    """The unknown sizes, in the order in which programs are given them."""
    slots: SlotSizes
    """What the arena holds."""
    leaves: dict[Key, Tensor]
    """The tensors whose memory the program is given: parameters and constants."""
    ahead: Graph
    """What depends on constants and sizes alone, and is computed once for each batch size."""
    places: tuple[tuple[int, Key], ...]
    """The numbers of those of its nodes that have memory in the table, and which."""


def footing_of(layouts: Layouts) -> Footing:
    """What a plan's program stands on."""
    plan = layouts.plan
    nodes: dict[Tensor, Key | None] = {}
    for i in plan.instructions:
        if i.stage == BIND and all(n in nodes or n.op.name == "constant" for n in i.node.inputs):
            for n in i.node.inputs:
                nodes.setdefault(n, None)
            for node, value in zip(i.nodes, i.outputs, strict=True):
                nodes[node] = layouts.keys[value] if value.kind == "bound" else None
    places = tuple((k, key) for k, key in enumerate(nodes.values()) if key is not None)
    return Footing(plan.symbols, plan.slots, layouts.leaves, Graph((), (), (), "ahead", tuple(nodes)), places)
