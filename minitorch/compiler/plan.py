"""The plan: a graph as a flat list of instructions over values, each value with a place in memory and a lifetime.

A place is an input, a parameter, a constant, a value computed once for each batch size, a slot of the arena, a fresh
result, or a view of one of these. Slots are shared by values that do not live at the same time; sizes are expressions
over unknown dimensions, so one plan serves every batch size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from minitorch import ops
from minitorch.compiler.schedule import root_of, schedule
from minitorch.compiler.slots import Slots
from minitorch.graph.dim import Size
from minitorch.graph.graph import Graph
from minitorch.graph.order import LEAVES
from minitorch.graph.tensor import Tensor
from minitorch.lazy import lazy

listing = lazy("minitorch.compiler.listing")

_NOTHING: Mapping[str, object] = MappingProxyType({})
BIND, CALL, COMMIT = "bind", "call", "commit"


@dataclass(eq=False, slots=True)
class Value:
    """The result of a node and where it lies.

    `kind` is input, parameter, constant, bound (computed once for each batch size), arena, result or view; `root` is
    the value whose memory a view reads, else the value itself. It is written at instruction `born` and last read at
    `dies`, counted along the calls of a step.
    """

    number: int
    node: Tensor
    kind: str
    root: Value = field(init=False)
    slot: int | None = None
    born: int = -1
    dies: int = -1

    def __post_init__(self) -> None:
        self.root = self


@dataclass(frozen=True, eq=False, slots=True)
class Instruction:
    """One kernel call: `output = node.op(*inputs)`.

    `stage` says when: "bind", once for each batch size; "call", in every step; "commit", at the end of every step,
    where parameters change all at once. `target` is the parameter that a commit writes.
    """

    node: Tensor
    inputs: tuple[Value, ...]
    output: Value
    stage: str
    in_place: bool = False
    target: Tensor | None = None

    @property
    def role(self) -> str:
        """forward, gradient or update."""
        return "update" if self.stage == COMMIT else self.node.role


@dataclass(frozen=True, eq=False)
class Plan:
    """Instructions in the order they run, the values they work on, and the slots of the arena."""

    graph: Graph
    instructions: tuple[Instruction, ...]
    values: tuple[Value, ...]
    outputs: tuple[Value, ...]
    slots: tuple[tuple[Size, ...], ...]
    """For each slot the sizes in bytes of the values that share it; it is as large as the largest."""

    @cached_property
    def forward(self) -> tuple[Instruction, ...]:
        """The instructions that compute the outputs from the inputs."""
        return self._with_role("forward", "constant")

    @cached_property
    def backward(self) -> tuple[Instruction, ...]:
        """The instructions that compute gradients."""
        return self._with_role("gradient")

    @cached_property
    def update(self) -> tuple[Instruction, ...]:
        """The instructions that compute and store new values of parameters."""
        return self._with_role("update")

    def _with_role(self, *roles: str) -> tuple[Instruction, ...]:
        return tuple(i for i in self.instructions if i.role in roles)

    @property
    def buffers(self) -> tuple[Value, ...]:
        """The values that lie in the arena."""
        return tuple(v for v in self.values if v.kind == "arena")

    def __str__(self) -> str:
        text: str = listing.describe(self)
        return text


# ---- making a plan ----


def make_plan(graph: Graph) -> Plan:
    """Choose the order, the lifetimes, the slots, and what is done in place. `graph` has been materialised."""
    direct = direct_updates(graph)
    order = schedule(graph, last={graph.updates[i][1] for i in direct})
    planner = _Planner(graph, {graph.updates[i][1]: graph.updates[i][0] for i in direct})
    for node in order:
        planner.add(node)
    stores = [pair for i, pair in enumerate(graph.updates) if i not in direct]
    return planner.finish(stores)


def direct_updates(graph: Graph) -> set[int]:
    """The updates whose last operation may write straight into the parameter, in the commit at the end of a step.

    All of them run after everything else, so it is enough that nobody else reads the new value, that one ufunc makes
    it (so that no interrupt can fall between two halves), that it reads no input and no result (commits are bound ahead
    of the call) and no parameter that another update changes, and that it
    reads its own parameter, if at all, as an operand that it may overwrite.
    """
    readers: dict[Tensor, int] = {}
    for node in graph.nodes:
        for source in node.inputs:
            readers[source] = readers.get(source, 0) + 1
    changed = {target for target, _ in graph.updates}
    wanted = set(graph.outputs)
    uses = Counter(value for _, value in graph.updates)
    direct: set[int] = set()
    for i, (target, value) in enumerate(graph.updates):
        alone = value not in readers and value not in wanted and uses[value] == 1
        if alone and isinstance(value.op.kernel, np.ufunc) and _reads_safely(value, target, changed, wanted):
            direct.add(i)
    return direct


def _reads_safely(value: Tensor, target: Tensor, changed: set[Tensor], wanted: set[Tensor]) -> bool:
    for position, operand in enumerate(value.inputs):
        root = root_of(operand)
        if root.role == "placeholder" or root in wanted:
            return False
        if root in changed and (root is not target or operand is not target or position not in value.op.inplace):
            return False
    return True


class _Planner:
    def __init__(self, graph: Graph, direct: dict[Tensor, Tensor]) -> None:
        self.graph = graph
        self.direct = direct
        self.results = set(graph.outputs)
        self.values: dict[Tensor, Value] = {}
        self.drafts: list[tuple[Tensor, Value, str, Tensor | None]] = []
        self.commits: list[tuple[Tensor, Value, str, Tensor | None]] = []

    def add(self, node: Tensor) -> None:
        """Give `node` a value, and an instruction unless it is a leaf."""
        kind, stage = self._placed(node)
        value = self.values[node] = Value(len(self.values), node, kind)
        if node.op.view:
            value.root = self.values[node.inputs[0]].root
        if node.role not in LEAVES:
            drafts = self.commits if stage == COMMIT else self.drafts
            drafts.append((node, value, stage, self.direct.get(node)))

    def _placed(self, node: Tensor) -> tuple[str, str]:
        """The kind of place that a node's value has, and the stage in which it is computed."""
        if node.role in LEAVES:
            return {"placeholder": "input"}.get(node.role, node.role), BIND
        roots = [self.values[i].root.kind for i in node.inputs]
        if node in self.direct:
            return "parameter", COMMIT
        if node.op.view:
            return "view", CALL if roots[0] in ("input", "result") else BIND
        if node in self.results:
            return "result", CALL
        if all(kind in ("constant", "bound") for kind in roots) and not node.op.distinct:
            return "bound", BIND
        return "arena", CALL

    def finish(self, stores: Sequence[tuple[Tensor, Tensor]]) -> Plan:
        for target, value in stores:
            self._store(target, value)
        drafts = [*self.drafts, *self.commits]
        self._lifetimes(drafts)
        slots = Slots()
        instructions = [self._instruction(i, draft, slots) for i, draft in enumerate(drafts)]
        outputs = tuple(self.values[t] for t in self.graph.outputs)
        values = tuple(self.values.values())
        return Plan(self.graph, tuple(instructions), values, outputs, slots.sizes())

    def _store(self, target: Tensor, value: Tensor) -> None:
        """A commit that copies a finished value into the parameter."""
        stored = value.replace(op=ops.copy, inputs=(value,), attrs=_NOTHING, role="update")
        self.values[stored] = Value(len(self.values), stored, "parameter")
        self.commits.append((stored, self.values[stored], COMMIT, target))

    def _lifetimes(self, drafts: Sequence[tuple[Tensor, Value, str, Tensor | None]]) -> None:
        for i, (node, value, stage, _) in enumerate(drafts):
            if stage == BIND:
                continue
            value.born = i
            for source in node.inputs:
                self.values[source].root.dies = i
        for t in self.graph.outputs:
            self.values[t].dies = len(drafts)

    def _instruction(self, i: int, draft: tuple[Tensor, Value, str, Tensor | None], slots: Slots) -> Instruction:
        node, value, stage, target = draft
        inputs = tuple(self.values[source] for source in node.inputs)
        reused = None
        if value.kind == "arena":
            reused = self._overwritten(i, node, inputs)
            value.slot = slots.reuse(reused.slot, value.node) if reused is not None else slots.take(value.node)
        if stage != BIND:
            for root in dict.fromkeys(v.root for v in (*inputs, value)):
                if root.kind == "arena" and root.dies <= i and root is not reused and root.slot is not None:
                    slots.free(root.slot)
        in_place = reused is not None or any(v.node is target for v in inputs)
        return Instruction(node, inputs, value, stage, in_place, target)

    def _overwritten(self, i: int, node: Tensor, inputs: tuple[Value, ...]) -> Value | None:
        """The operand whose memory the result may take: read here for the last time, and nowhere through a view."""
        for value in inputs:
            alone = all(v is value or v.root is not value for v in inputs)
            allowed = all(p in node.op.inplace for p, v in enumerate(inputs) if v is value)
            same = value.node.shape == node.shape and value.node.dtype == node.dtype
            if value.kind == "arena" and value.dies == i and alone and allowed and same:
                return value
        return None
