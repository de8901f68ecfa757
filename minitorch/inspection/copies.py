"""A program's plan over copies of its parameters: what runs there changes nothing that anybody else sees."""

from __future__ import annotations

from collections.abc import Callable

from minitorch.compiler.backends import BACKENDS, Backend
from minitorch.compiler.plan import Plan, make_plan
from minitorch.executor import Executor
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Storage
from minitorch.graph.tensor import Tensor
from minitorch.program import Program


def copied_plan(program: Program) -> Plan:
    """The same instructions in the same order, on the parameters as they stand between two steps."""
    graph: Graph = program._executor.guarded(_copied)(program.graph)
    return make_plan(graph, BACKENDS[program.backend].rules)


def _copied(graph: Graph) -> Graph:
    copies: dict[Tensor, Tensor] = {}
    for node in dict.fromkeys((*(target for target, _ in graph.updates), *graph.nodes)):
        if "storage" in node.attrs:
            attrs = {**node.attrs, "storage": Storage(node.attrs["storage"].array)}
            copies[node] = node.replace(attrs=attrs)
        elif any(copies.get(i, i) is not i for i in node.inputs):
            copies[node] = node.replace(inputs=tuple(copies.get(i, i) for i in node.inputs))
    outputs = [copies.get(t, t) for t in graph.outputs]
    updates = [(copies[target], copies.get(value, value)) for target, value in graph.updates]
    return graph.rebuilt(outputs, updates, [copies.get(n, n) for n in graph.nodes])


def executor_of(program: Program, backend: Callable[[Plan], Backend]) -> Executor:
    """An executor of the same plan on copies of the parameters."""
    return Executor(backend(copied_plan(program)), program._executor.requirements)
