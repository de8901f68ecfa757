"""Materialise: give memory of its own to what must not share any."""

from __future__ import annotations

from minitorch import ops
from minitorch.compiler.rewrite import Rewrite, on_inputs
from minitorch.graph.graph import Graph
from minitorch.graph.origin import derived
from minitorch.graph.tensor import Tensor

RESULT = "a result is the caller's own: what is a view, a leaf or a result already is copied"
STORED = "a new value is complete before any parameter changes: a view, a leaf or a result is copied"
RESHAPED = "a reshape of what does not lie in order in memory is a copy"


def materialise(graph: Graph) -> tuple[Graph, list[Rewrite]]:
    """Copy results that would alias something, updates that are views or leaves, and what cannot be reshaped in place.

    After it every output is computed by an instruction of its own, and every reshape is a view.
    """
    return _Materialise().run(graph)


class _Materialise:
    def __init__(self) -> None:
        self.nodes: list[Tensor] = []
        self.log: list[Rewrite] = []
        self.ordered: dict[Tensor, bool] = {}  # whether the elements lie in memory in the order of their indices

    def run(self, graph: Graph) -> tuple[Graph, list[Rewrite]]:
        becomes: dict[Tensor, Tensor] = {}
        for node in graph.nodes:
            new = on_inputs(node, becomes)
            if node.op is ops.reshape and not self.ordered[new.inputs[0]]:
                new = new.with_inputs((self.copy(new.inputs[0], RESHAPED),))
            becomes[node] = self.place(new)
        outputs: list[Tensor] = []
        for output in graph.outputs:
            new = becomes[output]
            shared = new.op.view or not new.inputs or any(new is other for other in outputs)
            outputs.append(self.copy(new, RESULT) if shared else new)
        results = set(outputs)
        updates = [(target, self.stored(becomes[value], results)) for target, value in graph.updates]
        return graph.rebuilt(outputs, updates, self.nodes), self.log

    def place(self, node: Tensor) -> Tensor:
        keeps_order = not node.op.view or (node.op is ops.reshape and self.ordered[node.inputs[0]])
        self.ordered[node] = keeps_order
        self.nodes.append(node)
        return node

    def stored(self, value: Tensor, results: set[Tensor]) -> Tensor:
        shared = value.op.view or not value.inputs or value in results
        return self.copy(value, STORED, role="update") if shared else value

    def copy(self, node: Tensor, reason: str, role: str | None = None) -> Tensor:
        with derived((node.origins, node.scope), role or ("forward" if not node.inputs else node.role)):
            made = self.place(ops.copy(node))
        self.log.append(Rewrite(reason, node, made))
        return made
