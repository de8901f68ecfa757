"""A graph as JSON, by a schema that stays: for other programs, for diffs, for the record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from minitorch.functional.arguments import int_of
from minitorch.graph.graph import Graph, attr_text, expression
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.program import Program
from minitorch.viz.picture import placeless
from minitorch.viz.subject import graph_of

FORMAT, VERSION = "minitorch.graph", 1
MOST = 1000  # characters of a text


def to_json(what: Any, *, indent: int | None = 1) -> str:
    """A tensor, a graph, a program (as compiled), a plan or a module as JSON text.

    The object at the top has

    `format`, `version`: "minitorch.graph" and 1. A field may be added in the same version, none is changed or removed.
    `name`, `training`: the name of the graph, and which side of dropout and its like it is.
    `nodes`: in an order in which they can be computed. Each has `id`, its place in the list, and `inputs`, the ids of
    its operands in their order; `label`, its name in print; `op`, `role`, `type`, and the parts of the type: `shape`, a
    list of ints and of texts for unknown sizes, and `dtype`; `scope`; `origin`, a list of `{file, line, function}`;
    `attrs`, what the operation is told besides, as texts; `expression`, the call that makes it.
    `inputs`, `outputs`: ids, in the order of the program. `updates`: `{target, value}`, ids.
    `passes`, of a program alone: `{name, nodes_before, nodes_after, rewrites}`, `rewrites` being how many.
    """
    if indent is not None:
        indent = int_of(indent, "indent", "to_json", least=0)
    graph = what.graph if isinstance(what, Program) else graph_of(what, "to_json")
    document = as_data(graph)
    if isinstance(what, Program):
        document["passes"] = [
            {
                "name": record.name, "nodes_before": len(record.before.nodes), "nodes_after": len(record.after.nodes),
                "rewrites": len(record.rewrites),
            }
            for record in what.passes
        ]  # fmt: skip
    return json.dumps(document, indent=indent, ensure_ascii=False) + "\n"


def as_data(graph: Graph) -> dict[str, Any]:
    """A graph as dicts and lists of plain values."""
    targets = [target for target, _ in graph.updates]
    nodes = list(dict.fromkeys((*graph.inputs, *targets, *graph.nodes)))
    number = {node: i for i, node in enumerate(nodes)}
    labels = graph.labels()
    return {
        "format": FORMAT, "version": VERSION, "name": _text(graph.name), "training": graph.training,
        "nodes": [_node(node, number, labels) for node in nodes],
        "inputs": [number[node] for node in graph.inputs],
        "outputs": [number[node] for node in graph.outputs],
        "updates": [{"target": number[target], "value": number[value]} for target, value in graph.updates],
    }  # fmt: skip


def _node(node: Tensor, number: Mapping[Tensor, int], labels: Mapping[Tensor, str]) -> dict[str, Any]:
    inputs = [labels[source] for source in node.inputs]
    return {
        "id": number[node], "label": labels[node], "op": _text(node.op.name), "role": node.role,
        "inputs": [number[source] for source in node.inputs], "type": _text(node.type),
        "shape": [size if isinstance(size, int) else _text(size) for size in node.shape], "dtype": str(node.dtype),
        "scope": _text(node.scope), "origin": list(_origins(node)), "attrs": _attributes(node),
        "expression": _text(expression(node, inputs)),
    }  # fmt: skip


def _origins(node: Tensor) -> Iterator[dict[str, Any]]:
    for origin in node.origins:
        yield {"file": _text(origin.filename), "line": origin.lineno, "function": _text(origin.function)}


def _attributes(node: Tensor) -> dict[str, Any]:
    """What the operation is told, as texts; values of constants and parameters are data, and stay out."""
    told = {key: value for key, value in node.attrs.items() if key not in ("storage", "value", "body")}
    return {key: _text(attr_text(value)) for key, value in told.items()}


def _text(value: object) -> str:
    return placeless(printable(str(value), MOST))
