"""What verification found: numbers of two sides that were compared, and how many of them differ, and how."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import NamedTuple


class Tally(NamedTuple):
    """What comparing the numbers of two sides has found, on ordinary probes and on special ones.

    `values` were compared, `special` of them on probes with special values, and `infinite` of them are NaN or infinite.
    Of all, `rounded` differ by no more than rounding explains, and `unsettled` in what another order of a sum may make
    of overflow and of the sign of zeros: only where a law may change the last bits. `largest` is the largest difference
    of two numbers on ordinary probes.
    """

    values: int = 0
    special: int = 0
    infinite: int = 0
    rounded: int = 0
    unsettled: int = 0
    largest: float = 0.0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        values, special, infinite, rounded, unsettled, _ = map(operator.add, self, other)
        return Tally(values, special, infinite, rounded, unsettled, max(self.largest, other.largest))


class Check(NamedTuple):
    """What `Program.verify` found for one pass, with the floats named: by its graphs before and after, and by law."""

    floats: str
    graphs: Tally
    laws: Mapping[str, Tally]
