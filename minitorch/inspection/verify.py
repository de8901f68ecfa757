"""Verify: every pass and every rewrite, its two sides computed on the same values and compared.

Values are the interpreter's, on ordinary and special numbers, in the floats of the program and again with all floats
as float32 and as float64. What may differ, and how far, is said in `minitorch.inspection.agreement`. The graphs of
tracing and of differentiation have no other side: `check_gradients` holds the rules of gradients against slopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minitorch.compiler import optimise
from minitorch.compiler.backends import BACKENDS
from minitorch.compiler.checked import Check, Tally
from minitorch.compiler.rewrite import PassRecord, Rewrite, VerificationError
from minitorch.graph.graph import Graph
from minitorch.graph.origin import Origin
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.graph.types import FLOAT32, FLOAT64
from minitorch.inputs import Requirement
from minitorch.inspection.agreement import Licence, agreement, largest
from minitorch.inspection.evaluation import Values
from minitorch.inspection.probe import Probe, probes
from minitorch.inspection.retype import retyped
from minitorch.inspection.sides import own
from minitorch.program import Program
from minitorch.tracing import requirements_of

FIRST = 2  # the records that have one graph: tracing and differentiation


class DisagreementError(VerificationError):
    """Two sides of a rewrite, or the graphs before and after a pass, have different values: a bug of the compiler."""

    def __init__(self, pass_name: str, law: str, found: Difference, sides: Sequence[Tensor], probe: Probe) -> None:
        self.pass_name, self.law, self.difference = pass_name, law, found.largest
        self.origins: tuple[Origin, ...] = tuple(dict.fromkeys(o for t in sides for o in t.origins))
        self.inputs: dict[str, Array] = {t.name or f"stored {i}": v for i, (t, v) in enumerate(probe.values.items())}
        lines = [f"{pass_name}: {law}: {sides[0].describe()} became {sides[1].describe()}, with another value"]
        lines += [f"  before {found.before!r}, after {found.after!r} at {found.at}; off by {found.largest:g} at most"]
        lines += [f"  in {origin!r}" for origin in self.origins]
        lines += [f"  on {printable(name)} = {_short(value)}" for name, value in self.inputs.items()]
        super().__init__("\n".join(lines))


class Difference(NamedTuple):
    """Where two values are furthest apart: what each is there, and how far apart numbers are anywhere."""

    at: tuple[int, ...]
    before: float
    after: float
    largest: float


def _short(value: Array) -> str:
    text = np.array2string(value, threshold=8, edgeitems=2, separator=", ").replace("\n", " ")
    return f"{value.dtype}{list(value.shape)} {text}"


# ---- a program ----


def verified(program: Program) -> tuple[PassRecord, ...]:
    """The program's record of its passes with every rewrite checked; `DisagreementError` where one is wrong."""
    requirements = requirements_of(program.traced)
    own_floats, others = _other_floats(program.traced)
    mine = _Checker(own_floats, program.passes, requirements)
    checkers = [mine, *(_Checker(f, optimise(g, BACKENDS[program.backend].lowering), requirements) for f, g in others)]
    for checker in checkers:
        checker.run()
    return tuple(
        p._replace(
            rewrites=tuple(r._replace(difference=mine.differences.get(id(r))) for r in p.rewrites),
            checks=tuple(checker.check(k) for checker in checkers),
        )
        for k, p in enumerate(program.passes)
    )


def _other_floats(graph: Graph) -> tuple[str, list[tuple[str, Graph]]]:
    """What the floats of a graph are called, and the graph with all of them float32, and float64, where that is
    another one."""
    found = [(str(dtype), retyped(graph, dtype)[0]) for dtype in (FLOAT32, FLOAT64)]
    others = [(name, g) for name, g in found if any(a is not b for a, b in zip(g.nodes, graph.nodes, strict=True))]
    same = [name for name, _ in found if name not in dict(others)]
    return ("no floats" if len(same) == 2 else same[0] if same else "as written"), others


class _Checker:
    """The passes of a program with one choice of floats, and what comparing their sides has found."""

    def __init__(self, floats: str, passes: Sequence[PassRecord], requirements: Sequence[Requirement]) -> None:
        self.floats, self.passes, self.requirements = floats, passes, requirements
        self.graphs = [Tally() for _ in passes]
        self.laws: list[dict[str, Tally]] = [{} for _ in passes]
        self.differences: dict[int, float] = {}  # by the id of a rewrite
        loose = [r for p in passes for r in p.rewrites if r.reassociates]
        self.own = {id(r): set(own(r.before, r.after)) for r in loose}
        self.licences = [self._licence(p) for p in passes]

    def _licence(self, record: PassRecord) -> Licence | None:
        """What of a whole pass may differ: whatever is added up in another order by one of its rewrites."""
        loose = [r for r in record.rewrites if r.reassociates]
        return Licence(None, {node.op for r in loose for node in self.own[id(r)]}) if loose else None

    def check(self, k: int) -> Check:
        return Check(self.floats, self.graphs[k], self.laws[k])

    def run(self) -> None:
        """Compare on every probe; a pass is held to its rewrites first, which say more."""
        graph = self.passes[1].after
        for probe in probes(graph, self.requirements):
            values = Values(probe.values, probe.sizes, graph.training)
            for k, record in enumerate(self.passes[FIRST:], FIRST):
                for r in record.rewrites:
                    self._rewrite(k, r, values, probe)
                for before, after in zip(record.before.roots, record.after.roots, strict=True):
                    law = "the graphs before and after"
                    found = _compared(record.name, law, (before, after), values, probe, self.licences[k])
                    self.graphs[k] = self.graphs[k].plus(found or Tally())

    def _rewrite(self, k: int, r: Rewrite, values: Values, probe: Probe) -> None:
        licence = Licence(self.own[id(r)]) if r.reassociates else None
        found = _compared(self.passes[k].name, r.reason, (r.before, r.after), values, probe, licence)
        if found is not None:
            self.laws[k][r.reason] = self.laws[k].get(r.reason, Tally()).plus(found)
            self.differences[id(r)] = max(self.differences.get(id(r), 0.0), found.largest)


# ---- two sides ----


def _compared(
    name: str, law: str, sides: tuple[Tensor, Tensor], values: Values, probe: Probe, licence: Licence | None
) -> Tally | None:
    """What comparing two sides finds; None where the first has no value, for an index or a power is not what it must
    be. Raises where they disagree."""
    try:
        a: Any = values[sides[0]]
    except (IndexError, ValueError):
        return None
    b: Any = values[sides[1]]
    found = agreement(values, sides[0], a, b, licence)
    if found.wrong.any() or a.shape != b.shape or a.dtype != b.dtype:
        raise DisagreementError(name, law, _furthest(a, b, found.wrong), sides, probe)
    return found.tally(a, b, probe.special)


def _furthest(a: Any, b: Any, wrong: Any) -> Difference:
    if a.shape != b.shape:
        return Difference((), float(a.size), float(b.size), np.inf)
    if not a.size:
        return Difference((), 0, 0, 0)
    at = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else (0,) * a.ndim
    return Difference(at, a[at].item(), b[at].item(), largest(a, b))


def largest_differences(passes: Iterable[PassRecord]) -> Mapping[str, float]:
    """For each law the largest difference that it made to a value, as far as it was checked."""
    found: dict[str, float] = {}
    for r in (r for p in passes for r in p.rewrites):
        if r.difference is not None:
            found[r.reason] = max(found.get(r.reason, 0.0), r.difference)
    return found
