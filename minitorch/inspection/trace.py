"""`trace`: every value of a program and its gradients, by tensor, by name, by line. Looking changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from minitorch.errors import NotTracedError
from minitorch.functional.arguments import flag_of
from minitorch.graph.graph import Graph, constant_text, expression
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor, traced
from minitorch.graph.text import printable, shown
from minitorch.inspection.recorded import recorded
from minitorch.inspection.summary import Summary, summary
from minitorch.inspection.survivors import Survivors
from minitorch.inspection.table import number, percent, short, table
from minitorch.inspection.values import Values, alive, evaluate, roles, with_gradients
from minitorch.program import Program

MOST_CONSTANT = 4  # elements of a constant that stands in the expressions that read it, not in a line of its own
ROLES = {"gradient": 1, "update": 2}
HEAD = ("line", "name", "computed by", "type", "min", "max", "mean", "norm", "zeros", "not finite")


@dataclass(frozen=True, eq=False)
class Traced:
    """One value: of which node, under which name, how it is computed, and what it is for."""

    node: Tensor
    name: str
    text: str
    role: str
    value: Array

    @property
    def line(self) -> str:
        """The user's line that made the node: `train.py:12`."""
        return str(self.node.origin)

    @cached_property
    def summary(self) -> Summary:
        """Range, mean, norm, the shares of zeros and of elements that are not finite."""
        return summary(self.value)

    def cells(self) -> tuple[str, ...]:
        s = self.summary
        numbers = [number(v) if s.count and s.bad < 1 else "" for v in (s.low, s.high, s.mean, s.norm)]
        words = self.line, short(self.name, 24), short(self.text, 44), str(self.node.type)
        return (*words, *numbers, percent(s.zeros), percent(s.bad))


class Known(NamedTuple):
    """What a trace knows of tensors that are not its own: which of its own has their value, and why none has."""

    same: Callable[[Tensor], Tensor]
    fate: Callable[[Tensor], str] = lambda node: ""


class Trace:
    """Values of one step, in the order in which they are computed.

    `trace[tensor]` and `trace["name"]` give an array; `trace.at("train.py:12")`, `trace.lines`, `trace.forward`,
    `trace.gradients` and `trace.updates` give the part of the trace that belongs to a line or a role. Iterating gives
    the rows, each with `.node`, `.name`, `.line`, `.value` and `.summary`. Printing shows a table; what it says of
    ranges, mean and norm is said of the finite elements.
    """

    def __init__(self, title: str, rows: Sequence[Traced], values: Values, known: Known) -> None:
        self.title, self.rows = title, tuple(rows)
        self._values, self._known = values, known
        self._names = {row.name: row for row in reversed(self.rows)}

    def __getitem__(self, key: Tensor | str) -> Array:
        if isinstance(key, Tensor):
            found = self._values.get(self._known.same(key))
            if found is None:
                fate = self._known.fate(key) or f"it is not part of this trace: {self.title}"
                raise NotTracedError(f"trace: {key.describe()} has no value here: {fate}\n  in {key.origin!r}")
            return found
        if not isinstance(key, str):
            raise NotTracedError(f"trace: a value is asked for by its tensor or its name, but {shown(key)} was given")
        if key not in self._names:
            known = ", ".join(row.name for row in self.rows if row.node.name) or "none"
            raise NotTracedError(
                f"trace: no value has the name {printable(key)!r}; names of this trace: {short(known, 400)}"
            )
        return self._names[key].value

    def __contains__(self, key: object) -> bool:
        if isinstance(key, Tensor):
            return self._known.same(key) in self._values
        return key in self._names

    def __iter__(self) -> Iterator[Traced]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    # ---- parts ----

    @property
    def forward(self) -> Trace:
        """What the outputs are computed from, inputs and parameters included."""
        return self._part("forward", [row for row in self.rows if row.role not in ROLES])

    @property
    def gradients(self) -> Trace:
        """What differentiation added."""
        return self._part("gradients", [row for row in self.rows if row.role == "gradient"])

    @property
    def updates(self) -> Trace:
        """The new values of parameters and variables, and what only they need."""
        return self._part("updates", [row for row in self.rows if row.role == "update"])

    @property
    def lines(self) -> dict[str, Trace]:
        """The part of each of the user's lines, by `train.py:12`."""
        found: dict[str, list[Traced]] = {}
        for row in self.rows:
            for line in dict.fromkeys(map(str, row.node.origins)):
                found.setdefault(line, []).append(row)
        return {line: self._part(line, rows) for line, rows in found.items()}

    def at(self, line: str | int) -> Trace:
        """The part of one of the user's lines: `"train.py:12"`, with the folders where that leaves a doubt, or 12."""
        if not isinstance(line, str | int) or isinstance(line, bool):
            what = f"a line is a number, or a text such as 'train.py:12', but {shown(line)} was given"
            raise NotTracedError(f"trace: {what}")
        rows = [row for row in self.rows if any(_names(line, o.filename, o.lineno) for o in row.node.origins)]
        if not rows:
            known = ", ".join(dict.fromkeys(row.line for row in self.rows))
            raise NotTracedError(
                f"trace: nothing was made at {printable(str(line), 200)}; lines of this trace: {known}"
            )
        return self._part(str(line), rows)

    def _part(self, what: str, rows: Sequence[Traced]) -> Trace:
        return Trace(f"{self.title}, {what}", rows, self._values, self._known)

    # ---- text ----

    def __str__(self) -> str:
        shown = [r for r in self.rows if r.node.op.name != "constant" or r.value.size > MOST_CONSTANT]
        bad = sum(not row.summary.finite for row in shown)
        trouble = f", {bad} not finite" if bad else ""
        lines = table(HEAD, [row.cells() for row in shown], left=4)
        return "\n".join([f"{self.title}: {len(shown)} values{trouble}", *(f"  {line}" for line in lines)])

    def __repr__(self) -> str:
        return f"<Trace {self.title}: {len(self.rows)} values>"


class CompiledTrace(Trace):
    """The values of the nodes of the compiled graph, as the instructions of the backend really made them.

    They are copied behind each instruction, by the generated code, which is made once more for it. `trace[tensor]`
    takes the user's own tensors too, where some node of the compiled graph has their value.
    """

    outputs: list[Array]
    """What the backend returned."""
    new_values: dict[Tensor, Array]
    """By parameter and variable, the new value that the backend stored, in a copy of it."""


def _names(line: str | int, filename: str, lineno: int) -> bool:
    """Whether `line` means that place: a number, or the end of the file's path and a number."""
    if isinstance(line, int):
        return line == lineno
    path, _, at = line.rpartition(":")
    whole, wanted = filename.replace("\\", "/"), path.replace("\\", "/")
    return at == str(lineno) and bool(path) and (whole == wanted or whole.endswith("/" + wanted))


# ---- taking a trace ----


def trace(program: Program, arrays: Sequence[Array], compiled: bool = False) -> Trace:
    """Every value of one step, of the graph as the user wrote it, with what `loss.backward()` found; or as compiled.

    Nothing changes, neither parameters nor the counters of random numbers: a call that follows sees the same numbers.
    Afterwards, and for as long as the trace is kept, every tensor in it has its value as `.data`.
    """
    if flag_of(compiled, "compiled", "trace"):
        return _compiled(program, arrays)
    graph = with_gradients(program.written)
    nodes = alive(graph)
    values = _held(program, graph, nodes, arrays)
    known = roles(program)
    rows = _rows(graph, nodes, values, {node: known.get(node, node.role) for node in nodes})
    for node in nodes:
        traced[node.serial] = values
    same = dict(zip(program.traced.nodes, program.written.nodes, strict=True))
    return Trace(f"{printable(graph.name)}, as written", rows, values, Known(lambda node: same.get(node, node)))


def _held(program: Program, graph: Graph, nodes: Sequence[Tensor], arrays: Sequence[Array]) -> Values:
    """The values, with parameters as they stand between two steps."""
    executor = program._executor
    sizes = executor.sizes(tuple(a.shape for a in arrays))
    found: Values = executor.guarded(lambda given: evaluate(graph, nodes, given, sizes))(arrays)
    return found


def _rows(graph: Graph, nodes: Sequence[Tensor], values: Values, known: Mapping[Tensor, str]) -> list[Traced]:
    labels: dict[Tensor, str] = graph.labels()
    texts = {n: constant_text(n) if n.op.name == "constant" else labels[n] for n in labels}
    targets = {value: target for target, value in graph.updates}
    role = _with_constants(nodes, known)
    rows = []
    for node in sorted(nodes, key=lambda n: ROLES.get(role[n], 0)):  # stable: in order within a role
        name = f"{labels[node]} -> {labels[targets[node]]}" if node in targets else labels[node]
        call = expression(node, [texts.get(i, "") for i in node.inputs])
        rows.append(Traced(node, name, call, role[node], values[node]))
    return rows


def _with_constants(nodes: Sequence[Tensor], known: Mapping[Tensor, str]) -> dict[Tensor, str]:
    """Roles, in which a constant has that of the first who reads it."""
    found = dict(known)
    for node in sorted(nodes, key=lambda n: -ROLES.get(known[n], 0)):
        found.update((i, known[node]) for i in node.inputs if i.op.name == "constant")
    return found


def _compiled(program: Program, arrays: Sequence[Array]) -> CompiledTrace:
    graph = program.graph
    made = recorded(program, arrays)
    nodes = list(made.values)
    rows = _rows(graph, nodes, made.values, {node: node.role for node in nodes})
    survivors = Survivors(program)
    title = f"{printable(graph.name)}, as compiled for {program.backend}"
    found = CompiledTrace(title, rows, made.values, Known(survivors.get, survivors.fate))
    found.outputs, found.new_values = made.outputs, made.new_values
    return found
