"""The plan: a graph as a flat list of instructions over values, each value with a place in memory and a lifetime.

A place is an input, a parameter, a constant, a value computed once for each batch size, a slot of the arena, a fresh
result, or a view of one of these. Slots are shared by values that do not live at the same time; sizes are expressions
over unknown dimensions, so one plan serves every batch size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from minitorch import ops
from minitorch.compiler.rewrite import ROLES
from minitorch.compiler.schedule import schedule
from minitorch.compiler.slots import Slots, SlotSizes
from minitorch.compiler.updates import direct_updates, fused_updates, may_raise, overwritable_operands, placed, siblings
from minitorch.graph.dim import Symbol, symbols_in
from minitorch.graph.graph import Graph, expression, place
from minitorch.graph.order import LEAVES
from minitorch.graph.tensor import Tensor
from minitorch.lazy import lazy

listing = lazy("minitorch.compiler.listing")
viz = lazy("minitorch.viz")

_NOTHING: Mapping[str, object] = MappingProxyType({})
BIND, CALL, COMMIT = "bind", "call", "commit"


class Value:
    """The result of a node and where it lies.

    `kind` is input, parameter, constant, bound (computed once for each batch size), arena, result or view; `root` is
    the value whose memory a view reads, else the value itself. It is written at instruction `born` and last read at
    `dies`, counted along the calls of a step.
    """

    __slots__ = ("born", "dies", "kind", "node", "number", "root", "slot")

    def __init__(self, number: int, node: Tensor, kind: str) -> None:
        self.number, self.node, self.kind = number, node, kind
        self.root: Value = self
        self.slot: int | None = None
        self.born = self.dies = -1


class Instruction:
    """One kernel call: `output = node.op(*inputs)`; several outputs where siblings are computed together.

    `stage` says when: "bind", once for each batch size; "call", in every step; "commit", at the end of every step,
    where parameters change all at once. `targets` are the parameters that the outputs are written to, where they are.
    `native` is false where a backend that generates code of its own falls back on the NumPy kernel of the row.
    """

    def __init__(
        self, nodes: tuple[Tensor, ...], inputs: tuple[Value, ...], outputs: tuple[Value, ...], stage: str,
        in_place: bool = False, targets: tuple[Tensor | None, ...] = (None,), native: bool = True,
    ) -> None:  # fmt: skip
        self.nodes, self.inputs, self.outputs, self.stage = nodes, inputs, outputs, stage
        self.in_place, self.targets, self.native = in_place, targets, native

    @property
    def node(self) -> Tensor:
        """The node, or the first of the siblings."""
        return self.nodes[0]

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def target(self) -> Tensor | None:
        return self.targets[0]

    @property
    def role(self) -> str:
        """forward, gradient or update: the latest among the results."""
        if self.stage == COMMIT:
            return "update"
        return max((node.role for node in self.nodes), key=ROLES.index)


class Plan:
    """Instructions in the order they run, the values they work on, and the slots of the arena."""

    def __init__(
        self, graph: Graph, instructions: tuple[Instruction, ...], values: tuple[Value, ...],
        outputs: tuple[Value, ...], slots: SlotSizes,
    ) -> None:  # fmt: skip
        self.graph, self.instructions, self.values, self.outputs = graph, instructions, values, outputs
        self.slots = slots
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

    @cached_property
    def calls(self) -> tuple[Instruction, ...]:
        """What a step computes: neither what was computed ahead, nor views."""
        return tuple(i for i in self.instructions if i.stage != BIND and not i.node.op.view)

    def _with_role(self, *roles: str) -> tuple[Instruction, ...]:
        return tuple(i for i in self.instructions if i.role in roles)

    @property
    def buffers(self) -> tuple[Value, ...]:
        """The values that lie in the arena."""
        return tuple(v for v in self.values if v.kind == "arena")

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The unknown sizes that it mentions, each once."""
        shapes = [t.shape for t in self.graph.inputs]
        mentioned = [(v.node.shape, *v.node.attrs.values()) for v in self.values]
        return tuple(dict.fromkeys(symbols_in((*shapes, *mentioned))))

    def line(self, node: Tensor) -> str:
        """A node as the graph's listing has it, and the user's line: what generated code says of it."""
        call = expression(node, [self._labels.get(i, "") for i in node.inputs])
        return f"{self._labels.get(node, 'stored')}: {node.type} = {call}  {place(node, role=False)}"

    @cached_property
    def _labels(self) -> dict[Tensor, str]:
        return self.graph.labels()

    def __str__(self) -> str:
        text: str = listing.describe(self)
        return text

    def draw(self, path: Any, size: int | None = None, /, **options: Any) -> None:
        """Write a picture of which value lies where and when, and of what it costs. See `minitorch.viz.draw_plan`."""
        viz.draw_plan(self, path, size, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture, where it can be read, and the plan in print."""
        bundle: dict[str, str] = viz.mimebundle(self, str(self), include, exclude)
        return bundle


# ---- making a plan ----


class Rules(NamedTuple):
    """What a backend makes of a plan.

    `early`: a step runs to its end once it has begun, so a parameter may change as soon as nobody needs the old value.
    `native`: whether the backend computes a node by code of its own.
    """

    early: bool = False
    native: Callable[[Tensor], bool] = lambda node: True


ANY = Rules()
"""What a backend is taken to allow that says nothing."""


def make_plan(graph: Graph, rules: Rules = ANY) -> Plan:
    """Choose the order, the lifetimes, the slots, and what is done in place. `graph` has been lowered."""
    direct = fused_updates(graph) if rules.early else direct_updates(graph)
    computed = [node for node in graph.nodes if not node.op.view]
    foreign = {node for node in computed if not rules.native(node)}
    early = rules.early and not foreign and not any(map(may_raise, computed))
    targets = {graph.updates[i][1]: graph.updates[i][0] for i in direct}
    order = schedule(graph, last=set(targets))
    planner = _Planner(graph, targets, CALL if early else COMMIT, foreign)
    for group in placed(order, targets, early) if rules.early else siblings(order):
        planner.add(group)
    stores = [pair for i, pair in enumerate(graph.updates) if i not in direct]
    return planner.finish(stores)


class _Draft(NamedTuple):
    nodes: tuple[Tensor, ...]
    values: tuple[Value, ...]
    stage: str
    targets: tuple[Tensor | None, ...]


class _Planner:
    def __init__(self, graph: Graph, direct: Mapping[Tensor, Tensor], stage: str, foreign: set[Tensor]) -> None:
        self.graph, self.direct, self.direct_stage, self.foreign = graph, direct, stage, foreign
        self.results = set(graph.outputs)
        self.values: dict[Tensor, Value] = {}
        self.drafts: list[_Draft] = []
        self.commits: list[_Draft] = []

    def add(self, nodes: tuple[Tensor, ...]) -> None:
        """Give each node a value, and all of them together an instruction unless it is a leaf."""
        kinds, stages = zip(*map(self._placed, nodes), strict=True)
        ahead = all(kind == "bound" for kind in kinds)  # siblings are computed together
        stage = stages[kinds.index("bound")] if ahead else next(s for k, s in zip(kinds, stages) if k != "bound")
        for node, kind in zip(nodes, kinds, strict=True):
            kind = "arena" if kind == "bound" and not ahead else kind
            value = self.values[node] = Value(len(self.values), node, kind)
            if node.op.view:
                value.root = self.values[node.inputs[0]].root
        if nodes[0].role not in LEAVES:
            targets = tuple(self.direct.get(node) for node in nodes)
            drafts = self.commits if stage == COMMIT else self.drafts
            drafts.append(_Draft(nodes, tuple(self.values[n] for n in nodes), stage, targets))

    def _placed(self, node: Tensor) -> tuple[str, str]:
        """The kind of place that a node's value has, and the stage in which it is computed."""
        if node.role in LEAVES:
            return {"placeholder": "input"}.get(node.role, node.role), BIND
        roots = [self.values[i].root.kind for i in node.inputs]
        if node in self.direct:
            return "parameter", self.direct_stage
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
        self.commits.append(_Draft((stored,), (self.values[stored],), COMMIT, (target,)))

    def _lifetimes(self, drafts: Sequence[_Draft]) -> None:
        for i, draft in enumerate(drafts):
            if draft.stage == BIND:
                continue
            for value in draft.values:
                value.born = i
            for source in draft.nodes[0].inputs:
                self.values[source].root.dies = i
        for t in self.graph.outputs:
            self.values[t].dies = len(drafts)

    def _instruction(self, i: int, draft: _Draft, slots: Slots) -> Instruction:
        nodes, values, stage, targets = draft
        inputs = tuple(self.values[source] for source in nodes[0].inputs)
        reused: list[Value] = []
        for node, value in zip(nodes, values, strict=True):
            if value.kind == "arena":
                operand = self._overwritten(i, node, inputs, reused)
                value.slot = slots.take(value.node) if operand is None else slots.reuse(operand.slot, value.node)
                reused += [] if operand is None else [operand]
        if stage != BIND:
            for root in dict.fromkeys(v.root for v in (*inputs, *values)):
                if root.kind == "arena" and root.dies <= i and root not in reused and root.slot is not None:
                    slots.free(root.slot)
        in_place = bool(reused) or any(v.node is t for v in inputs for t in targets if t is not None)
        return Instruction(nodes, inputs, values, stage, in_place, targets, nodes[0] not in self.foreign)

    def _overwritten(
        self, i: int, node: Tensor, inputs: tuple[Value, ...], reused: Sequence[Value]
    ) -> Value | None:  # fmt: skip
        """The operand whose memory the result may take: read here for the last time, and nowhere through a view."""
        overwritable = overwritable_operands(node)
        for value in inputs:
            alone = all(v is value or v.root is not value for v in inputs)
            allowed = all(p in overwritable for p, v in enumerate(inputs) if v is value) and value not in reused
            same = value.node.shape == node.shape and value.node.dtype == node.dtype
            if value.kind == "arena" and value.dies == i and alone and allowed and same:
                return value
        return None
