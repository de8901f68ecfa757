"""The interpreter: the compiled graph, node by node, by the kernels in the rows. It defines what programs mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from operator import setitem

import numpy as np

from minitorch.compiler.backends.base import (
    Backend,
    Bound,
    Function,
    Memory,
    commit,
    known_shape,
    resolve,
    takes_out,
    written,
)
from minitorch.compiler.plan import Plan
from minitorch.errors import InputError, OutOfRangeError
from minitorch.graph.dim import Symbol
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor


class Interpreter(Backend):
    """Runs the graph of a plan and ignores the rest of it: no order but the graph's, no sharing of memory."""

    name = "interpreter"

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        def step(arrays: Sequence[Array]) -> list[Array]:
            values = evaluate_graph(self.graph, arrays, sizes)
            commit([partial(setitem, target.data, ..., values[value]) for target, value in self.graph.updates])
            return [values[t] for t in self.graph.outputs]

        return Function(step)


def evaluate_graph(graph: Graph, arrays: Sequence[Array], sizes: Mapping[Symbol, int]) -> dict[Tensor, Array]:
    """The value of every node. Arrays that are computed lie in memory in the order of their indices."""
    values = dict(zip(graph.inputs, arrays, strict=True))
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node not in values:
                values[node] = evaluate_node(node, [values[i] for i in node.inputs], sizes)
    return values


def evaluate_node(node: Tensor, inputs: Sequence[Array], sizes: Mapping[Symbol, int]) -> Array:
    """What the kernel of one node makes of arrays; the stored value of a leaf."""
    if "storage" in node.attrs or node.op.name == "constant":
        return node.data
    attrs = {key: resolve(value, sizes) for key, value in node.attrs.items()}
    if node.op.view:
        return node.op.kernel(*inputs, **attrs)
    out = np.empty(known_shape(node.shape, sizes), node.dtype)
    keywords = {"out": out} if takes_out(node.op.kernel) else {}
    written(out, node.op.kernel(*inputs, **keywords, **attrs))
    return out


# ---- errors ----


def node_error(error: Exception, node: Tensor, instruction: str = "") -> Exception:
    """The error of a kernel with the node, the instruction where there is one, and the user's line."""
    kind = "" if isinstance(error, ValueError | IndexError) else f"{type(error).__name__}: "
    where = f"{node.op.name}: {kind}{error}\n{instruction}  {node.describe()}\n  in {node.origin!r}"
    return OutOfRangeError(where) if isinstance(error, IndexError) else InputError(where)
