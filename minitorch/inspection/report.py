"""`Verification`: what `verify` has found, as a table: each pass and each law, what was compared, and what differed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minitorch.compiler.checked import Tally
from minitorch.compiler.rewrite import PassRecord
from minitorch.graph.text import printable
from minitorch.inspection.table import number, short, table
from minitorch.program import Program

HEAD = ("pass, law", "rewrites", "values", "special", "not finite", "last bits", "overflow, ±0")
MOST = 56  # characters of a law
WORDS = """\
values: numbers that were compared before and after, in all float types, on probes of several sizes
special: on probes with NaN, infinities, zeros of both signs, subnormal and the largest numbers among them
not finite: of all values; NaN is held against NaN, and an infinity against the same infinity
last bits: differ by no more than rounding explains, where a law adds up in another order; all else is equal bit for bit
overflow, ±0: differ otherwise, where a sum may overflow in one order and not in another, or is a zero of either sign
largest: the largest difference on ordinary probes, with all floats of that type"""


@dataclass(frozen=True, slots=True)
class Line:
    """A pass, or one of its laws: how many rewrites it stands for, and what was found with each float type."""

    name: str
    rewrites: int
    found: tuple[Tally, ...]

    @property
    def all(self) -> Tally:
        """All float types together."""
        total = Tally()
        for tally in self.found:
            total = total.plus(tally)
        return total

    def cells(self) -> tuple[str, ...]:
        *counts, _ = self.all
        words = short(self.name, MOST), f"{self.rewrites:,}", *(f"{n:,}" for n in counts)
        return (*words, *(number(t.largest) for t in self.found))


class Verification(Sequence[Line]):
    """A line for each pass that was checked, and below it one for each of its laws. Printing shows a table.

    `floats` names what was computed with: "float32", "float64", and "as written" where the program mixes them.
    """

    def __init__(self, program: Program) -> None:
        checked = [p for p in program.passes if any(c.graphs.values or c.laws for c in p.checks)]
        self.title = f"{printable(program.graph.name)} on {program.backend}"
        self.floats = tuple(c.floats for c in checked[0].checks) if checked else ()
        self.lines = tuple(line for record in checked for line in _lines(record))
        self.passes = len(checked)

    def __getitem__(self, key):  # type: ignore[no-untyped-def]  # an index or a slice
        return self.lines[key]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __str__(self) -> str:
        if not self.lines:
            return f"{self.title}: nothing is verified yet, see verify()"
        head = f"{self.title}: {self.passes} passes verified, no difference but those that a law declares"
        columns = (*HEAD, *(f"largest, {name}" for name in self.floats))
        lines = table(columns, [line.cells() for line in self.lines], left=1)
        return "\n".join([head, *(f"  {line}" for line in [*lines, *WORDS.splitlines()])])


def _lines(record: PassRecord) -> Iterator[Line]:
    yield Line(record.name, len(record.rewrites), tuple(c.graphs for c in record.checks))
    laws = dict.fromkeys(law for c in record.checks for law in c.laws)
    for law in laws:
        count = sum(r.reason == law for r in record.rewrites)
        yield Line(f"  {law}", count, tuple(c.laws.get(law, Tally()) for c in record.checks))
