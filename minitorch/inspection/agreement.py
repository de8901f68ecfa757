"""Agreement: whether two sides have the same values, and where they do not, whether rounding or overflow explains it.

Two sides agree when they have the same bits, any NaN for any NaN. Where a law adds up in another order, they may differ
as far as rounding explains: as far as one side moves when what it adds up is moved a little, a few times over
(stochastic arithmetic, after Vignes 1974). Another order makes no other number of NaN and of infinite terms; but where
the terms of a sum are so large that they may overflow on the way, it may be infinite, or no number, and where all are
zeros, their sum may have the other sign. What that may change further on is found by computing it with such values.
"""

from __future__ import annotations

from collections.abc import Collection, Container
from typing import Any, NamedTuple

import numpy as np

from minitorch.compiler.checked import Tally
from minitorch.graph.tensor import Op, Tensor
from minitorch.inspection.evaluation import SUMS, Moved, Values

SAMPLES = 8
SLACK = 16  # times as far as a value moved it may be off


class Licence(NamedTuple):
    """What may differ: values of the `own` nodes of a rewrite, or of all where it is None, and what depends on them;
    sums of the operations in `reordered` may be added up in another order."""

    own: Container[Tensor] | None
    reordered: Collection[Op] = SUMS


class Agreement(NamedTuple):
    """The elements of two sides that are wrong; those that differ by rounding, and those that overflow explains."""

    wrong: Any
    rounded: Any
    unsettled: Any

    def tally(self, a: Any, b: Any, special: bool) -> Tally:
        """How many, and the largest difference."""
        infinite = ~np.isfinite(a) if a.dtype.kind == "f" else np.zeros((), bool)
        infinities, rounded, unsettled = map(int, map(np.count_nonzero, (infinite, self.rounded, self.unsettled)))
        apart = 0.0 if special else largest(a, b)
        return Tally(a.size, a.size if special else 0, infinities, rounded, unsettled, apart)


def agreement(values: Values, before: Tensor, a: Any, b: Any, licence: Licence | None) -> Agreement:
    """The values of the two sides, element by element; without a licence every other bit is wrong."""
    wrong = ~same(a, b)
    none = np.zeros(wrong.shape, bool)
    if licence is None or not wrong.any() or a.shape != b.shape:
        return Agreement(wrong, none, none)
    near, unsettled = _explained(values, before, a, b, licence)
    return Agreement(wrong & ~near & ~unsettled, wrong & near, wrong & unsettled & ~near)


def same(a: Any, b: Any) -> Any:
    """Where two values have the same bits; any NaN is any other."""
    if a.shape != b.shape:
        return np.zeros((), bool)
    if a.dtype.kind != "f":
        return np.asarray(a == b)
    return np.asarray(((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b)))


def largest(a: Any, b: Any) -> float:
    """The largest difference of two numbers; of what is not finite there is none."""
    if not a.size or a.shape != b.shape:
        return 0.0
    with np.errstate(all="ignore"):
        apart = np.abs(np.subtract(a, b, dtype=np.float64))
    return float(np.max(np.where(np.isfinite(apart), apart, 0)))


def _explained(values: Values, before: Tensor, a: Any, b: Any, licence: Licence) -> tuple[Any, Any]:
    """Where a difference is no more than rounding, and where a value may be of another kind altogether."""
    most, other, signs = np.zeros(a.shape), np.zeros(a.shape, bool), np.zeros(a.shape, bool)
    with np.errstate(all="ignore"):
        for sample in range(SAMPLES):
            moved: Any = Moved(values, sample, licence.own, licence.reordered)[before]
            apart = np.abs(np.subtract(moved, a, dtype=np.float64))
            finite = np.isfinite(moved) & np.isfinite(a)
            most = np.maximum(most, np.where(finite, apart, 0))
            other |= ~same(moved, a) & ~finite
            signs |= np.signbit(moved) != np.signbit(a) if a.dtype.kind == "f" else False
        if a.dtype.kind != "f":
            return np.zeros(a.shape, bool), most > 0
        info = np.finfo(a.dtype)
        allowed = SLACK * (most + info.eps * np.abs(a) + info.smallest_subnormal)
        near = np.isfinite(a) & np.isfinite(b) & (np.abs(np.subtract(b, a, dtype=np.float64)) <= allowed)
        zeros = (a == 0) & (b == 0)  # of other signs, or nobody would ask
        return near & ~zeros, other | (zeros & signs)
