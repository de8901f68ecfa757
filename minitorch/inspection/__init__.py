"""Tools over the program that runs: values, blame, cost, reasons, checks."""

from __future__ import annotations

from minitorch.inspection.blame import FirstBad, first_bad
from minitorch.inspection.cost import Cost, MemoryUse, cost, memory
from minitorch.inspection.finite import finite_results
from minitorch.inspection.measure import profile
from minitorch.inspection.profile import Profile
from minitorch.inspection.trace import Trace, Traced, trace

__all__ = [
    "Cost", "FirstBad", "MemoryUse", "Profile", "Trace", "Traced", "cost", "finite_results", "first_bad", "memory",
    "profile", "trace",
]  # fmt: skip
