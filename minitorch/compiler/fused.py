"""Fused: a region of a graph as one node. What it does is a graph of its own, the body."""

from __future__ import annotations

import numpy as np

from minitorch.graph.dim import Size
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op, made
from minitorch.graph.types import Type


def _fused_type(*types: Type, body: Graph, result: int) -> Type:
    for placeholder, type in zip(body.inputs, types, strict=True):
        assert placeholder.type == type, f"{placeholder.describe()} stands for {type}"
    return body.outputs[result].type


def _fused_kernel(*arrays: Array, body: Graph, result: int, out: Array | None = None) -> Array:
    """The body, node by node, by the kernels of its own rows."""
    values = dict(zip(body.inputs, arrays, strict=True))
    for node in body.nodes:
        if node.op.name == "constant":
            values[node] = node.data
        elif node not in values:
            values[node] = np.asarray(node.op.kernel(*[values[i] for i in node.inputs], **node.attrs))
    value = values[body.outputs[result]]
    if out is None:
        return value
    np.copyto(out, value)
    return out


def _fused_flops(out: Type, *types: Type, body: Graph, result: int) -> Size:
    """What the whole body costs, counted at its first result."""
    if result:
        return 0
    total: Size = 0
    for node in body.nodes:
        if node.inputs:
            total = total + node.op.flops(node.type, *[i.type for i in node.inputs], **node.attrs)
    return total


fused = Op("fused", _fused_type, _fused_kernel, flops=_fused_flops)
"""Result number `result` of `body`, a graph without symbols in its attributes. Nodes of one body and the same inputs
are siblings: a backend that can computes them together. It is made by the compiler, after differentiation."""
made.add(fused.name)


def elementwise_inputs(body: Graph) -> set[int]:
    """The positions of inputs that the body reads element by element alone, each at the place that it writes."""
    position = {placeholder: i for i, placeholder in enumerate(body.inputs)}
    gathered = {position[i] for n in body.nodes if not n.op.elementwise for i in n.inputs if i in position}
    return set(position.values()) - gathered
