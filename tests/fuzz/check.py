"""One graph, run in every way there is: all must agree, and nobody's memory may be touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.fuzz.finding import Buildable, Failure, Found, attempt
from tests.fuzz.judge import judge
from tests.fuzz.meaning import expected_calls
from tests.fuzz.memory import fences
from tests.fuzz.rounded import Rounded
from tests.fuzz.run import Run, compiled

FUZZED = {"interpreter": Run, "numpy": Run, "c": Rounded}
"""The backends that are held against the reference, in every bit or but for rounding. Another one joins here."""
EXACT = ("interpreter", "numpy")


def check(case: Buildable, backends: Sequence[str] = EXACT, judging: bool = True) -> Failure | None:
    """The first thing that is wrong with a case, or None."""
    with fences():
        return _checked(case, backends, judging)


def _checked(case: Buildable, backends: Sequence[str], judging: bool) -> Failure | None:
    try:
        built = attempt("building", case.build)
        program = attempt("compiling", lambda: compiled(built))
        expected = expected_calls(program, built)
        _dtypes(case, program)
        _repeats(case, program)
        for backend in backends:
            run = FUZZED[backend](program, built, expected, backend)
            if backend not in EXACT:
                _repeats(case, run.program, backend)
            run.run()
        if judging and all(e.error is None for e in expected):
            judge(case, built, program, expected[-1])
    except Found as found:
        return found.failure
    return None


def _dtypes(case: Buildable, program: Any) -> None:
    """Where nothing is float64, nothing becomes float64."""
    steps = getattr(case, "steps", ())
    wide = [s for s in steps if "float64" in s.code or getattr(s.value, "dtype", None) == np.float64]
    for t in program.traced.roots if steps and not wide else ():
        if t.dtype == np.float64:
            raise Found("a float64 out of nothing", t.describe())


def _repeats(case: Buildable, program: Any, backend: str = "numpy") -> None:
    """The same graph, built once more, gives the same plan and the same source, whatever the addresses of its nodes."""
    again = compiled(case.build(), backend)
    if str(again.plan) != str(program.plan):
        raise Found("another plan", "the plan depends on more than the graph")
    if again.source != program.source:
        raise Found("another source", "the source depends on more than the graph")
