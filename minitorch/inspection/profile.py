"""`Profile`: where the time of a step goes, beside what its instructions were predicted to cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minitorch.graph.tensor import Tensor
from minitorch.inspection.table import number, percent, short, table

HEAD = (
    "line", "instruction", "role", "µs", "share", "flops", "bytes", "GFLOP/s", "% of product", "GB/s", "% of copy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What this machine was measured to reach: a product of matrices in GFLOP/s, a copy in GB/s read and written."""

    gflops: float
    gbytes: float


@dataclass(frozen=True, eq=False, slots=True)
class Row:
    """One instruction: predicted `flops` and `bytes`, measured `seconds` of a step, and its `share` of all of them."""

    node: Tensor
    text: str
    line: str
    role: str
    flops: int
    bytes: int
    seconds: float
    share: float
    ceilings: Ceilings

    @property
    def gflops(self) -> float:
        """Billions of floating-point operations a second."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def gbytes(self) -> float:
        """Billions of bytes a second."""
        return self.bytes / self.seconds / 1e9 if self.seconds else 0.0

    def cells(self) -> tuple[str, ...]:
        words = short(self.line, 40), short(self.text, 60), self.role
        done = f"{self.flops:,}", f"{self.bytes:,}"
        rates = number(self.gflops), f"{self.gflops / self.ceilings.gflops:.0%}"
        flow = number(self.gbytes), f"{self.gbytes / self.ceilings.gbytes:.0%}"
        return (*words, f"{self.seconds * 1e6:.2f}", percent(self.share), *done, *rates, *flow)


class Profile(Sequence[Row]):
    """A row for each instruction, in the order in which they run. Printing shows a table."""

    def __init__(self, title: str, rows: Sequence[Row], step: float, repeat: int) -> None:
        self.title, self.rows, self.step, self.repeat = title, tuple(rows), step, repeat
        self.seconds = sum(row.seconds for row in self.rows)

    def __getitem__(self, key):  # type: ignore[no-untyped-def]  # an index or a slice
        return self.rows[key]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __str__(self) -> str:
        total = f"{self.seconds * 1e6:.2f} µs in instructions, {self.step * 1e6:.2f} µs a call"
        head = f"{self.title}: {total}, the median of {self.repeat} steps"
        lines = table(HEAD, [row.cells() for row in self.rows], left=3)
        if self.rows:
            best = max(row.ceilings.gflops for row in self.rows)
            lines.append(f"% of product: of {best:.4g} GFLOP/s, which a product of matrices reached on this machine")
            lines.append("% of copy: of the rate at which as many bytes were copied on it")
        return "\n".join([head, *(f"  {line}" for line in lines)])
