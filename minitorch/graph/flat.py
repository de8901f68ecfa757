"""Copying and pickling without recursion: a graph as a flat list of rows, each naming its inputs by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

from minitorch.graph.order import depth_first
from minitorch.graph.tensor import Op, Tensor
from minitorch.graph.types import Type

Row = tuple[Op, tuple[int, ...], dict[str, Any], Type, str | None, tuple[Any, ...], str, str]


def to_rows(nodes: Sequence[Tensor]) -> list[Tensor | Row]:
    """Nodes in topological order as rows. Leaves stay objects, so that what shares them goes on sharing them."""
    number = {node: i for i, node in enumerate(nodes)}
    return [_row(node, number) if node.inputs else node for node in nodes]


def _row(node: Tensor, number: dict[Tensor, int]) -> Row:
    inputs = tuple(number[i] for i in node.inputs)
    return node.op, inputs, dict(node.attrs), node.type, node.name, node.origins, node.scope, node.role


def from_rows(rows: list[Tensor | Row]) -> list[Tensor]:
    """The nodes that `to_rows` wrote down, made anew."""
    nodes: list[Tensor] = []
    for row in rows:
        if isinstance(row, Tensor):
            nodes.append(row)
            continue
        op, inputs, attrs, type, name, origins, scope, role = row
        nodes.append(_node(op, tuple([nodes[i] for i in inputs]), attrs, type, name, origins, scope, role))
    return nodes


def _node(
    op: Op, inputs: tuple[Tensor, ...], attrs: dict[str, Any], type: Type,
    name: str | None, origins: tuple[Any, ...], scope: str, role: str,
) -> Tensor:  # fmt: skip
    made = Tensor(op, inputs, attrs, type, name, role)
    return made.replace(origins=origins, scope=scope)


def _last(rows: list[Tensor | Row]) -> Tensor:
    return from_rows(rows)[-1]


def reduce_tensor(tensor: Tensor) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
    """What pickle keeps of a tensor."""
    if tensor.inputs:
        return _last, (to_rows(depth_first((tensor,))),)
    attrs = dict(tensor.attrs)
    return _node, (tensor.op, (), attrs, tensor.type, tensor.name, tensor.origins, tensor.scope, tensor.role)


def deep_copy(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy with storage of its own: parameters, and what depends on them, are new; the rest is shared."""
    for node in depth_first((tensor,)):
        if id(node) in memo:
            continue
        inputs = tuple(memo[id(i)] for i in node.inputs)
        if "storage" in node.attrs:
            storage = node.attrs["storage"].__deepcopy__(memo)
            memo[id(node)] = node.replace(attrs=MappingProxyType({"storage": storage}))
        elif any(new is not old for new, old in zip(inputs, node.inputs, strict=True)):
            memo[id(node)] = node.replace(inputs=inputs)
        else:
            memo[id(node)] = node
    copied: Tensor = memo[id(tensor)]
    return copied
