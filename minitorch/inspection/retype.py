"""A graph in another float type: what checks compute in, whatever the program computes in."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor
from minitorch.graph.types import DType, Type, is_float


def retyped(graph: Graph, dtype: DType) -> tuple[Graph, dict[Tensor, Tensor]]:
    """The same graph with every float in `dtype`, and what its nodes have become. Stored values are not looked at."""
    becomes: dict[Tensor, Tensor] = {}
    for node in (*graph.nodes, *graph.inputs, *(target for target, _ in graph.updates)):
        if node not in becomes:
            becomes[node] = _retyped(node, becomes, dtype)
    updates = [(becomes[target], becomes[value]) for target, value in graph.updates]
    inputs, outputs = ([becomes[t] for t in tensors] for tensors in (graph.inputs, graph.outputs))
    nodes = [becomes[node] for node in graph.nodes]
    return Graph(outputs, updates, inputs, graph.name, nodes, graph.training), becomes


def _retyped(node: Tensor, becomes: dict[Tensor, Tensor], dtype: DType) -> Tensor:
    inputs = tuple([becomes[i] for i in node.inputs])
    attrs: dict[str, Any] = {key: dtype if _is_float_type(v) else v for key, v in node.attrs.items()}
    if node.op.name == "constant" and is_float(node.dtype):
        with np.errstate(all="ignore"):
            attrs["value"] = node.data.astype(dtype)
    if node.op.name in ("placeholder", "parameter", "variable", "constant"):
        type = Type(node.shape, dtype if is_float(node.dtype) else node.dtype, node.type.weak)
    else:
        type = node.op.infer(*[i.type for i in inputs], **attrs)
    unchanged = type == node.type and all(new is old for new, old in zip(inputs, node.inputs, strict=True))
    return node if unchanged else node.replace(inputs=inputs, attrs=MappingProxyType(attrs), type=type)


def _is_float_type(value: object) -> bool:
    return isinstance(value, np.dtype) and is_float(value)
