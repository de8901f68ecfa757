"""Verify: every pass and every rewrite, its two sides computed on the same values and compared.

Values are the interpreter's, on ordinary and special numbers, in the floats of the program and again with all floats
as float32 and as float64. Two sides agree when they have the same bits, any NaN for any NaN. Where a rewrite is
declared to reassociate, they may differ as far as rounding explains: as far as one side moves when what it adds up is
moved a little, a few times over (stochastic arithmetic, after Vignes 1974).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minitorch.compiler import optimise
from minitorch.compiler.backends import BACKENDS
from minitorch.compiler.rewrite import PassRecord, Rewrite, VerificationError
from minitorch.executor import Requirement
from minitorch.graph.origin import Origin
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.graph.types import FLOAT32, FLOAT64
from minitorch.inspection.evaluation import Moved, Values, magnitude
from minitorch.inspection.probe import Probe, probes
from minitorch.inspection.retype import retyped
from minitorch.inspection.sides import own
from minitorch.program import Program
from minitorch.tracing import requirements_of

SAMPLES = 4
SLACK = 16  # times as far as a value moved it may be off
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
    checked = _checked(program.passes, requirements)
    for dtype in (FLOAT32, FLOAT64):
        other, _ = retyped(program.traced, dtype)
        if any(new is not old for new, old in zip(other.nodes, program.traced.nodes, strict=True)):
            _checked(optimise(other, BACKENDS[program.backend].lowering), requirements)
    return checked


def _checked(passes: Sequence[PassRecord], requirements: Sequence[Requirement]) -> tuple[PassRecord, ...]:
    worst: dict[int, float] = {}
    owned = {id(r): set(own(r.before, r.after)) for p in passes for r in p.rewrites if r.reassociates}
    for probe in probes(passes[1].after, requirements):
        values = Values(probe.values, probe.sizes, passes[1].after.training)
        for record in passes[FIRST:]:
            for r in record.rewrites:
                found = _rewrite(record.name, r, values, probe, owned.get(id(r), set()))
                if found is not None:
                    worst[id(r)] = max(worst.get(id(r), 0.0), found)
            _pass(record, values, probe)
    return tuple(
        p._replace(rewrites=tuple(r._replace(difference=worst.get(id(r))) for r in p.rewrites)) for p in passes
    )


# ---- one rewrite, one pass ----


def _rewrite(name: str, rewrite: Rewrite, values: Values, probe: Probe, owned: set[Tensor]) -> float | None:
    """The largest difference that a rewrite makes to a value; None where the values are such that there is none."""
    pair = _both(values, rewrite.before, rewrite.after)
    if pair is None:
        return None
    a, b = pair
    wrong = ~_same(a, b)
    if rewrite.reassociates and wrong.any():
        wrong &= ~_explained(values, rewrite.before, a, b, owned)
    if wrong.any() or a.dtype != b.dtype:
        _raise(name, rewrite.reason, (rewrite.before, rewrite.after), pair, wrong, probe)
    return _largest(a, b)


def _pass(record: PassRecord, values: Values, probe: Probe) -> None:
    """The graph before and after a pass, root by root. Special values are not followed through sums in another order,
    which may overflow where the first did not; each rewrite has been held against them already."""
    loose = any(r.reassociates for r in record.rewrites)
    if loose and probe.special:
        return
    for before, after in zip(record.before.roots, record.after.roots, strict=True):
        pair = _both(values, before, after)
        if pair is None:
            continue
        wrong = ~_same(*pair)
        if loose and wrong.any():
            wrong &= ~_explained(values, before, *pair, None)
        if wrong.any():
            _raise(record.name, "the graphs before and after", (before, after), pair, wrong, probe)


def _both(values: Values, before: Tensor, after: Tensor) -> tuple[Any, Any] | None:
    """The values of two sides; None where the first has none, since an index or a power is not what it must be."""
    try:
        a = values[before]
    except (IndexError, ValueError):
        return None
    return a, values[after]


def _same(a: Any, b: Any) -> Any:
    """Where two values have the same bits; any NaN is any other."""
    if a.shape != b.shape:
        return np.zeros((), bool)
    if a.dtype.kind != "f":
        return np.asarray(a == b)
    return np.asarray(((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b)))


def _explained(values: Values, before: Tensor, a: Any, b: Any, owned: set[Tensor] | None) -> Any:
    """Where a difference is no more than rounding: of the `owned` nodes, or of all where it is None."""
    if a.shape != b.shape:
        return np.zeros((), bool)
    with np.errstate(all="ignore"):
        most = np.zeros(a.shape)
        for sample in range(SAMPLES):
            moved = Moved(values, sample, owned)[before]
            most = np.maximum(most, np.nan_to_num(np.abs(np.subtract(moved, a, dtype=np.float64))))
        if a.dtype.kind != "f":
            return np.asarray(most > 0)
        info, overflows = np.finfo(a.dtype), _overflows(values, before, owned)
        near = np.abs(np.subtract(b, a, dtype=np.float64)) <= SLACK * (most + info.eps * np.abs(a) + info.tiny)
        return np.asarray((a == b) | near | overflows)  # infinite alike, or zeros of both signs


def _overflows(values: Values, before: Tensor, owned: Iterable[Tensor] | None) -> bool:
    """Whether numbers were added that may overflow in one order and not in another."""
    for node in owned or ():
        if node.inputs and node.dtype.kind == "f":
            size: Any = magnitude(node, [values[i] for i in node.inputs], values[node], values.sizes)
            if (
                np.isfinite(size) & (size > 1e-3 * float(np.finfo(np.dtype(node.dtype.name)).max)) | np.isinf(size)
            ).any():
                return True
    return False


def _largest(a: Any, b: Any) -> float:
    if not a.size or a.shape != b.shape:
        return 0.0
    with np.errstate(all="ignore"):
        apart = np.abs(np.subtract(a, b, dtype=np.float64))
    return float(np.max(np.where(np.isfinite(apart), apart, 0)))


def _raise(name: str, law: str, sides: tuple[Tensor, Tensor], pair: tuple[Any, Any], wrong: Any, probe: Probe) -> None:
    a, b = pair
    if a.shape != b.shape:
        raise DisagreementError(name, law, Difference((), float(a.size), float(b.size), np.inf), sides, probe)
    at = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else ()
    found = Difference(at, a[at].item(), b[at].item(), _largest(a, b)) if a.size else Difference((), 0, 0, 0)
    raise DisagreementError(name, law, found, sides, probe)


def largest_differences(passes: Iterable[PassRecord]) -> Mapping[str, float]:
    """For each law the largest difference that it made to a value, as far as it was checked."""
    found: dict[str, float] = {}
    for r in (r for p in passes for r in p.rewrites):
        if r.difference is not None:
            found[r.reason] = max(found.get(r.reason, 0.0), r.difference)
    return found
