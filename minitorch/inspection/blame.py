"""`first_bad`: the node where a value stopped being finite, and why, in one paragraph."""

from __future__ import annotations

import linecache
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minitorch.graph.graph import constant_text, expression
from minitorch.graph.origin import Origin
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op, Tensor
from minitorch.graph.text import printable
from minitorch.inspection.summary import is_finite, summary
from minitorch.inspection.table import short
from minitorch.inspection.values import Values, alive, evaluate, roles
from minitorch.program import Program

ORDER = {"gradient": 1, "update": 2}
MOST_ROWS = 8  # row numbers and operands that are named


@dataclass(frozen=True, eq=False)
class FirstBad:
    """The first node that is not finite though what went into it was. As text it is a paragraph that says why.

    `role` is forward, gradient or update, or placeholder or parameter where what was given is not finite; `rows` are
    the numbers of the rows of `value` that are not; `rule_of` is the node whose gradient rule made this one.
    """

    node: Tensor
    role: str
    value: Array
    inputs: tuple[Array, ...]
    call: str
    rule_of: Tensor | None = None

    @property
    def op(self) -> Op:
        """The operation that made the value."""
        return self.node.op

    @property
    def origin(self) -> Origin:
        """The user's line."""
        return self.node.origin

    @property
    def rows(self) -> list[int]:
        """The rows with an element that is not finite; none for a single number."""
        bad = ~np.isfinite(self.value)
        return np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1)).tolist() if bad.ndim else []

    def __str__(self) -> str:
        return " ".join([self._what(), self._where(), *self._given()])

    def _what(self) -> str:
        name = printable(self.node.name or "")
        if self.role in ("placeholder", "parameter"):
            kind = "input" if self.role == "placeholder" else self.op.name
            start = f"The {kind} {name or 'without a name'} is not finite"
        elif self.role == "update" and name:
            start = f"The new value of {name}, made by {self.op.name},"
        elif self.rule_of is not None:
            start = f"The gradient rule of {self.rule_of.op.name} made a value by {self.op.name} that is not finite"
        else:
            start = f"{self.op.name} made a value that is not finite"
            start += f", in the {self.role}s" if self.role != "forward" else ""
        which = f", in {row_text(self.rows)}" if self.rows else ""
        return f"{start}: {summary(self.value).trouble()}{which}."

    def _where(self) -> str:
        source = source_line(self.origin)
        text = f", `{source}`" if source else ""
        call = f": {short(self.call, 120)}, {self.node.type}" if self.node.inputs else ""
        return f"It was made in {self.origin!r}{text}{call}."

    def _given(self) -> list[str]:
        parts = []
        for operand, value in zip(self.node.inputs, self.inputs, strict=True):
            if operand.op.name == "constant":
                continue
            name = printable(operand.name or operand.op.name)
            made = f" (made at {operand.origin})" if operand.origin != self.origin and operand.inputs else ""
            parts.append(f"{name} {operand.type}{made}: {summary(value)}")
        extra = len(parts) - MOST_ROWS
        parts = parts[:MOST_ROWS] + ([f"and {extra} more"] if extra > 0 else [])
        start = "What went in was finite" if all(map(is_finite, self.inputs)) else "What went in"
        return [f"{start}: {'; '.join(parts)}."] if parts else []


def row_text(rows: Sequence[int]) -> str:
    """`rows 3, 4 and 18 more`."""
    extra = f" and {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(str(r) for r in rows[:MOST_ROWS])}{extra}"


def source_line(origin: Origin) -> str:
    """The text of the user's line, where the file can be read."""
    return printable(linecache.getline(origin.filename, origin.lineno).strip(), 120)


def first_bad(program: Program, arrays: Sequence[Array]) -> FirstBad | None:
    """The first node, forward, then gradient, then update, that is not finite where its inputs were; None if all are.

    An input or parameter that is not finite is blamed itself. Constants never are: an infinity in a mask is meant.
    Where infinities are all that went in, it is the first that makes a NaN of them. Nothing changes.
    """
    graph = program.written
    nodes, known = alive(graph), roles(program)
    executor = program._executor
    sizes = executor.sizes(tuple(a.shape for a in arrays))
    values: Values = executor.guarded(lambda given: evaluate(graph, nodes, given, sizes))(arrays)
    order = sorted(nodes, key=lambda node: ORDER.get(known.get(node, ""), 0))
    node = _first_not_finite(order, values)
    node = _first_nan(order, values) if node is None else node
    if node is None:
        return None
    call = expression(node, [_operand(i) for i in node.inputs])
    inputs = tuple(values[i] for i in node.inputs)
    return FirstBad(node, known.get(node, node.role), values[node], inputs, call, _rule_of(node, nodes, known))


def _operand(node: Tensor) -> str:
    """An operand in an expression: its name, or the operation that made it."""
    if node.name is not None or not node.inputs:
        return constant_text(node) if node.op.name == "constant" else printable(node.name or node.op.name)
    return f"{printable(node.op.name)}(...)"


def _first_not_finite(order: Sequence[Tensor], values: Values) -> Tensor | None:
    bad: set[Tensor] = set()
    for node in order:
        if not is_finite(values[node]):
            if node.op.name != "constant" and bad.isdisjoint(node.inputs):
                return node
            bad.add(node)
    return None


def _first_nan(order: Sequence[Tensor], values: Values) -> Tensor | None:
    """The first to make a NaN of what was infinite: a mask of infinities hides it from the rule above."""
    bad: set[Tensor] = set()
    for node in order:
        if values[node].dtype.kind == "f" and np.isnan(values[node]).any():
            if node.op.name != "constant" and bad.isdisjoint(node.inputs):
                return node
            bad.add(node)
    return None


def _rule_of(node: Tensor, nodes: Sequence[Tensor], known: Mapping[Tensor, str]) -> Tensor | None:
    """The forward node whose gradient rule made this one: what a rule makes takes over its very origins."""
    if known.get(node) != "gradient":
        return None
    return next((n for n in nodes if n.origins is node.origins and known.get(n) == "forward"), None)
