"""Exchange: a graph as a networkx graph with plain attributes, for analysis and for other tools."""

from typing import Any

from minitorch.graph.graph import Graph, expression
from minitorch.graph.text import printable
from minitorch.lazy import lazy

networkx = lazy("networkx")


def to_networkx(graph: Graph) -> Any:
    """A `networkx.MultiDiGraph`: a node for each tensor, an edge for each operand, attributes of strings and numbers.

    Nodes are numbered in the order of `graph.nodes`. A node has `label`, `op`, `role`, `shape`, `dtype`, `type`,
    `expression`, `scope`, `file`, `line` and `output` (whether it is one); an edge has `operand`, its position, and
    `type`.
    """
    number = {node: i for i, node in enumerate(graph.nodes)}
    labels = graph.labels()
    result = networkx.MultiDiGraph(name=printable(graph.name))
    outputs = set(graph.outputs)
    for node, i in number.items():
        inputs = [labels[source] for source in node.inputs]
        result.add_node(
            i, label=labels[node], op=node.op.name, role=node.role, shape=str(node.shape), dtype=str(node.dtype),
            type=str(node.type), expression=expression(node, inputs), scope=printable(node.scope),
            file=node.origin.filename, line=node.origin.lineno, output=node in outputs,
        )  # fmt: skip
        for operand, source in enumerate(node.inputs):
            result.add_edge(number[source], i, operand=operand, type=str(source.type))
    return result
