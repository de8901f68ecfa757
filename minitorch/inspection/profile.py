"""`Profile`: where the time of a step goes, beside what its instructions were predicted to cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minitorch.graph.tensor import Tensor
from minitorch.inspection.table import number, percent, short, table

HEAD = (
    "line", "instruction", "role", "µs", "share", "flops", "bytes", "GFLOP/s", "% of product", "GB/s", "% of copy",
)  # fmt: skip

ABOVE = ">100%"


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What this machine was measured to reach, at best of some rounds: a product of matrices in GFLOP/s, a copy of as
    many bytes in GB/s read and written. Neither is a law of nature, so a row may be above it, and then says so."""

    gflops: float
    gbytes: float
    rounds: int = 1


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

    @property
    def of_product(self) -> float:
        """The rate as a share of that of the best product."""
        return self.gflops / self.ceilings.gflops

    @property
    def of_copy(self) -> float:
        """The rate as a share of that of the best copy."""
        return self.gbytes / self.ceilings.gbytes

    def cells(self) -> tuple[str, ...]:
        words = short(self.line, 40), short(self.text, 60), self.role
        done = f"{self.flops:,}", f"{self.bytes:,}"
        rates = number(self.gflops), _ceiling_share(self.of_product)
        flow = number(self.gbytes), _ceiling_share(self.of_copy)
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
        lines += self._notes() if self.rows else []
        return "\n".join([head, *(f"  {line}" for line in lines)])

    def _notes(self) -> Iterator[str]:
        """What the ceilings are, how they were measured, and why one may be exceeded."""
        products = " or ".join(f"{g:.4g}" for g in dict.fromkeys(row.ceilings.gflops for row in self.rows))
        slow, *_, fast = sorted([row.ceilings.gbytes for row in self.rows] * 2)
        copies = f"{slow:.4g}" if slow == fast else f"{slow:.4g} to {fast:.4g}"
        rounds = min(row.ceilings.rounds for row in self.rows)
        yield f"% of product: of {products} GFLOP/s, which products of square matrices by NumPy reached on this machine"
        yield f"% of copy: of {copies} GB/s, at which NumPy copied as many bytes on it"
        yield f"both are the best of {rounds} rounds, before and after these steps: load can only make them too low"
        if any(row.of_product > 1 for row in self.rows):
            yield f"{ABOVE} of product: the ceiling was measured under load, or less was computed than predicted"
        if any(row.of_copy > 1 for row in self.rows):
            yield f"{ABOVE} of copy: likewise, or it reads more than it writes, or finds operands in a nearer cache"


def _ceiling_share(share: float) -> str:
    """A share of a ceiling. More than all of it is no figure to go by: the ceiling is what is wrong."""
    return ABOVE if share > 1 else f"{share:.0%}"
