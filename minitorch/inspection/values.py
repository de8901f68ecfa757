"""The values of the user's own graph, as it was written: computed node by node, on copies, so that nothing changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from minitorch import ops
from minitorch.compiler.backends.base import known_shape
from minitorch.compiler.backends.interpreter import evaluate_node, node_error
from minitorch.errors import MinitorchError
from minitorch.graph.dim import Symbol, as_symbol, symbols_in
from minitorch.graph.graph import Graph
from minitorch.graph.order import depth_first
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.program import Program


class Values(dict[Tensor, Array]):
    """Values by tensor. Tensors refer to it weakly, to find their own."""

    __slots__ = ("__weakref__",)


def roles(program: Program) -> dict[Tensor, str]:
    """What each node of the graph as written is for: passes make some anew, in the same order."""
    return {node: known.role for node, known in zip(program.written.nodes, program.traced.nodes, strict=True)}


def alive(graph: Graph) -> list[Tensor]:
    """The nodes that a step computes: where training and prediction differ, those of the side that was chosen."""
    needed: set[Tensor] = set()
    leaves = (*graph.inputs, *(target for target, _ in graph.updates))
    stack = [*leaves, *graph.roots]
    while stack:
        node = stack.pop()
        if node not in needed:
            needed.add(node)
            stack.extend(_read(node, graph.training))
    return [node for node in dict.fromkeys((*leaves, *graph.nodes)) if node in needed]


def _read(node: Tensor, training: bool) -> tuple[Tensor, ...]:
    if node.op is ops.in_training:
        return (node.inputs[0 if training else 1],)
    return node.inputs


def with_gradients(graph: Graph) -> Graph:
    """The graph, and what `loss.backward()` found for its tensors, as far as these inputs tell."""
    wanted = dict.fromkeys(g for node in graph.nodes if (g := node._grad) is not None)
    given = set(graph.inputs)
    sizes = {as_symbol(size) for t in graph.inputs for size in t.shape}
    known: dict[Tensor, bool] = {}
    for node in depth_first(list(wanted)):
        own = node in given or node.op.name != "placeholder"
        own = own and sizes.issuperset(symbols_in((node.shape, *node.attrs.values())))
        known[node] = own and all(known[i] for i in node.inputs)
    extra = [g for g in wanted if known[g]]
    nodes = list(dict.fromkeys((*graph.nodes, *depth_first(extra))))
    return Graph((*graph.outputs, *extra), graph.updates, graph.inputs, graph.name, nodes, graph.training)


def evaluate(
    graph: Graph, nodes: Iterable[Tensor], arrays: Sequence[Array], sizes: Mapping[Symbol, int]
) -> Values:  # fmt: skip
    """The values of `nodes`, in an order in which they can be computed. None of them shares memory with storage."""
    values = Values(zip(graph.inputs, (a.copy() for a in arrays), strict=True))
    with np.errstate(all="ignore"):
        for node in nodes:
            if node not in values:
                values[node] = _evaluated(node, values, sizes, graph.training)
    for value in values.values():
        value.flags.writeable = False
    return values


def _evaluated(node: Tensor, values: Values, sizes: Mapping[Symbol, int], training: bool) -> Array:
    if node.op is ops.in_training:
        (chosen,) = _read(node, training)
        return np.broadcast_to(values[chosen], known_shape(node.shape, sizes)).astype(node.dtype)
    inputs = [values[i] for i in node.inputs]
    try:
        value = evaluate_node(node, inputs, sizes)
    except MinitorchError:
        raise
    except Exception as error:
        raise node_error(error, node) from error
    return value.copy() if "storage" in node.attrs else value
