"""Exchange: a graph as a networkx graph with plain attributes, for analysis and for other tools."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from minitorch.functional.arguments import speaking_as
from minitorch.graph.graph import expression
from minitorch.graph.text import printable
from minitorch.lazy import lazy
from minitorch.viz.subject import graph_of

networkx = lazy("networkx")


def to_networkx(what: Any) -> Any:
    """A `networkx.MultiDiGraph`: a node for each tensor, an edge for each operand, attributes of strings and numbers.

    `what` is a tensor, a graph, a program (as compiled) or a module. Nodes are numbered in the order of `graph.nodes`.
    A node has `label`, `op`, `role`, `shape`, `dtype`, `type`, `expression`, `scope`, `file`, `line`, `output` (whether
    it is one) and `updates` (the labels of the parameters whose new value it is); an edge has `operand`, its position,
    and `type`. The graph has no cycles: that a parameter takes its new value is no edge.
    """
    graph = graph_of(what, "to_networkx")
    number = {node: i for i, node in enumerate(graph.nodes)}
    labels, outputs = graph.labels(), set(graph.outputs)
    updates: dict[Any, list[str]] = {}
    for target, value in graph.updates:
        updates.setdefault(value, []).append(labels[target])
    result = networkx.MultiDiGraph(name=printable(graph.name))
    for node, i in number.items():
        inputs = [labels[source] for source in node.inputs]
        result.add_node(
            i, label=labels[node], op=_line(node.op.name), role=node.role, shape=_line(node.shape),
            dtype=str(node.dtype), type=_line(node.type), expression=_line(expression(node, inputs)),
            scope=_line(node.scope), file=_line(node.origin.filename), line=node.origin.lineno,
            output=node in outputs, updates=", ".join(updates.get(node, ())),
        )  # fmt: skip
        for operand, source in enumerate(node.inputs):
            result.add_edge(number[source], i, operand=operand, type=_line(source.type))
    return result


def to_graphml(what: Any) -> str:
    """The same as GraphML, for yEd, Gephi, igraph and others."""
    content = BytesIO()
    with speaking_as("to_graphml"):
        graph = to_networkx(what)
    networkx.write_graphml(graph, content)
    return content.getvalue().decode() + "\n"


def _line(value: object) -> str:
    """As text without control characters, which no exchange format takes."""
    return printable(str(value), most=1000)
