"""A plan at known sizes: a row for each instruction, a bar for each value of the arena, and the bytes of it all."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from minitorch.compiler.backends import Memory
from minitorch.compiler.listing import value_names
from minitorch.compiler.plan import BIND, Instruction, Plan, Value
from minitorch.graph.dim import Symbol, evaluate
from minitorch.graph.graph import Graph, expression, place
from minitorch.graph.storage import ALIGNMENT
from minitorch.graph.text import printable
from minitorch.inspection.cost import flops, nbytes, traffic

PHASES = {"forward": "forward", "constant": "forward", "gradient": "backward", "update": "update"}


@dataclass(frozen=True, eq=False, slots=True)
class Row:
    """An instruction: a short name, the whole of it, its cost, and the slots it `reads`: whether through a view."""

    name: str
    note: str
    role: str
    flops: int
    bytes: int
    reads: Mapping[int, bool]


@dataclass(frozen=True, eq=False, slots=True)
class Bar:
    """A value in its slot, from the row that writes it to the last that reads it. `over`: it takes the place of one
    that is read for the last time in the very row that writes it."""

    name: str
    type: str
    note: str
    role: str
    slot: int
    first: int
    last: int
    bytes: int
    over: bool = False


class Lifetimes:
    """What there is to see of a plan: `rows`, `bars`, and bytes: `alive` at each row, of `slots`, of the `arena`, and
    `without` reuse."""

    def __init__(self, plan: Plan, sizes: Mapping[Symbol, int]) -> None:
        self.plan, self.sizes = plan, sizes
        self.names = value_names(plan)
        self.by_node = {v.node: v for v in plan.values}
        calls = set(plan.calls)
        self.places = [k for k, i in enumerate(plan.instructions) if i in calls]
        self.calls = [plan.instructions[k] for k in self.places]
        self.rows = [self._row(i) for i in self.calls]
        offsets = Memory(plan.slots).layout(sizes)
        self.slots = [b - a for a, b in pairwise(offsets)]
        self.arena = offsets[-1]
        self.bars = self._bars()
        self.without = sum(bar.bytes for bar in self.bars)
        self.alive = self._alive()

    def _row(self, i: Instruction) -> Row:
        whole = [expression(node, [self.names[v] for v in i.inputs]) for node in i.nodes]
        reads: dict[int, bool] = {}
        for value in i.inputs:
            if value.root.slot is not None:
                reads[value.root.slot] = reads.get(value.root.slot, False) or value.root is not value
        goals = [
            f"{printable(t.name or 'parameter')} ←" if t is not None else f"{self.names[v]} ="
            for t, v in zip(i.targets, i.outputs, strict=False)
        ]
        role = "forward" if i.role == "constant" else i.role
        ending = " in place" if i.in_place else ""
        lines = [f"{goal} {call}{ending}" for goal, call in zip(goals, whole, strict=False)]
        name = f"{', '.join(g.split(' ')[0] for g in goals)} {goals[0].split(' ')[1]} {_called(i, whole[0])}"
        work, moved = flops(i.nodes, self.sizes), traffic(i, self.sizes)
        return Row(name, "\n".join([*lines, place(i.node)]), role, work, moved, reads)

    def _bars(self) -> list[Bar]:
        """Slot by slot in the order in which they are written."""
        values = sorted(self.plan.buffers, key=lambda v: (v.slot or 0, v.born, v.number))
        bars: list[Bar] = []
        for value in values:
            first, last = self._at(value.born), max(self._at(value.born), self._at(value.dies))
            before = bars[-1] if bars and bars[-1].slot == value.slot else None
            bars.append(self._bar(value, first, last, before is not None and before.last >= first))
        return bars

    def _bar(self, value: Value, first: int, last: int, over: bool) -> Bar:
        size = -(-evaluate(nbytes(value.node), self.sizes) // ALIGNMENT) * ALIGNMENT
        role = value.node.role if value.node.role in ("gradient", "update") else "forward"
        called = expression(value.node, [self.names[self.by_node[n]] for n in value.node.inputs])
        note = f"{self.names[value]}: {value.node.type} = {called}"
        assert value.slot is not None
        return Bar(self.names[value], str(value.node.type), note, role, value.slot, first, last, size, over)

    def _at(self, instruction: int) -> int:
        """The row of an instruction; of a view, that of the one before."""
        return max(0, bisect_right(self.places, instruction) - 1)

    def _alive(self) -> list[int]:
        """Bytes in use at each row: of what shares a slot, in a row where one takes over from another, the larger."""
        most: list[dict[int, int]] = [{} for _ in self.rows]
        for bar in self.bars:
            for row in range(bar.first, bar.last + 1):
                most[row][bar.slot] = max(most[row].get(bar.slot, 0), bar.bytes)
        return [sum(slots.values()) for slots in most]

    @property
    def peak(self) -> int:
        """The first row in which the most is alive."""
        return max(range(len(self.alive)), key=lambda r: self.alive[r], default=0)


def _called(i: Instruction, whole: str) -> str:
    """What an instruction does, on one short line: the call, or of a region the operations in it."""
    body = i.node.attrs.get("body")
    if not isinstance(body, Graph):
        return whole
    steps = [node.op.name for node in body.nodes if node.inputs and not node.op.view]
    return " · ".join(dict.fromkeys(steps))


def ahead(plan: Plan) -> Sequence[Instruction]:
    """What is computed once for each batch size."""
    return [i for i in plan.instructions if i.stage == BIND and not i.node.op.view]
