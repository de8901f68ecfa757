"""One graph, run in every way there is: all must agree, and nobody's memory may be touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import minitorch as mt
from minitorch.compiler.backends import base
from tests.fuzz.case import Built
from tests.fuzz.finding import Buildable, Failure, Found, attempt, difference, same_bits
from tests.fuzz.judge import judge
from tests.fuzz.meaning import Expected, expected_calls, targets

FUZZED = ("interpreter", "numpy")
"""The backends that are held against the reference. Another one joins here."""


def check(case: Buildable, backends: Sequence[str] = FUZZED, judging: bool = True) -> Failure | None:
    """The first thing that is wrong with a case, or None."""
    try:
        built = attempt("building", case.build)
        program = attempt("compiling", lambda: _compiled(built))
        expected = expected_calls(program, built)
        _dtypes(case, program)
        _repeats(case, program)
        for backend in backends:
            _Run(program, built, expected, backend).run()
        if judging and all(e.error is None for e in expected):
            judge(case, built, program, expected[-1])
    except Found as found:
        return found.failure
    return None


def _compiled(built: Built, backend: str = "numpy") -> Any:
    return mt.compile(
        built.inputs, list(built.outputs), built.updates, backend=backend, training=built.training, name="fuzzed"
    )  # fmt: skip


def _dtypes(case: Buildable, program: Any) -> None:
    """Where nothing is float64, nothing becomes float64."""
    steps = getattr(case, "steps", ())
    wide = [s for s in steps if "float64" in s.code or getattr(s.value, "dtype", None) == np.float64]
    for t in program.traced.roots if steps and not wide else ():
        if t.dtype == np.float64:
            raise Found("a float64 out of nothing", t.describe())


def _repeats(case: Buildable, program: Any) -> None:
    """The same graph, built once more, gives the same plan and the same source, whatever the addresses of its nodes."""
    again = _compiled(case.build())
    if str(again.plan) != str(program.plan):
        raise Found("another plan", "the plan depends on more than the graph")
    if again.source != program.source:
        raise Found("another source", "the source depends on more than the graph")


# ---- a backend ----


@contextmanager
def poisoned() -> Iterator[None]:
    """Fresh arenas hold garbage."""
    plain = base.aligned

    def garbage(nbytes: int) -> Any:
        memory = plain(nbytes)
        memory[...] = 0xFF
        return memory

    base.aligned = garbage
    try:
        yield
    finally:
        base.aligned = plain


class _Run:
    def __init__(self, program: Any, built: Built, expected: list[Expected], backend: str) -> None:
        self.built, self.expected, self.backend = built, expected, backend
        self.program = (
            program if backend == "numpy" else attempt(f"{backend}: compiling", lambda: _compiled(built, backend))
        )
        self.targets = targets(program)
        self.kept: list[tuple[list[Any], list[Any]]] = []

    def run(self) -> None:
        start = [t.data.copy() for t in self.targets]
        try:
            with poisoned():
                for number, (arrays, expected) in enumerate(zip(self.built.calls, self.expected, strict=True)):
                    self.call(number, arrays, expected)
        finally:
            for target, value in zip(self.targets, start, strict=True):
                target.data[...] = value

    def call(self, number: int, arrays: Sequence[Any], expected: Expected) -> None:
        if number == 3:  # results are the caller's: what it does with them changes nothing
            for results, _ in self.kept:
                for r in results:
                    r[...] = r.dtype.type(1)
            self.kept = []
        given = [_read_only(a) for a in arrays]
        before = [a.copy() for a in given]
        self.program._executor.memory.arena[...] = 0xFF
        results = self.results(given, expected)
        if results is None:
            return
        where = f"call {number}"
        for i, (got, want) in enumerate(zip(results, expected.results, strict=True)):
            self.same("value", got, want, f"{where}, output {i}")
        self.stored(expected, where)
        for i, (a, b) in enumerate(zip(given, before, strict=True)):
            self.same("input changed", a, b, f"{where}, input {i}")
        self.apart(results, given, where)
        for old, copies in self.kept:
            for a, b in zip(old, copies, strict=True):
                self.same("earlier result changed", a, b, where)
        self.kept.append((results, [r.copy() for r in results]))

    def results(self, given: list[Any], expected: Expected) -> list[Any] | None:
        try:
            results = list(self.program(*given))
        except Exception as error:  # whatever comes is compared
            if expected.error is not None and type(error) is expected.error:
                self.stored(expected, "after an error")
                return None
            raise Found(f"{self.backend}: raised {type(error).__name__}", str(error)[:300]) from error
        if expected.error is not None:
            raise Found(f"{self.backend}: no {expected.error.__name__}", "the reference raises, the backend does not")
        return results

    def stored(self, expected: Expected, where: str) -> None:
        for target, want in zip(self.targets, expected.stored, strict=True):
            self.same("update", target.data, want, f"{where}, {target.describe()}")

    def same(self, kind: str, got: Any, want: Any, where: str) -> None:
        if not same_bits(got, want):
            raise Found(f"{self.backend}: {kind}", f"{where}: {difference(got, want)}")

    def apart(self, results: list[Any], given: list[Any], where: str) -> None:
        """Results share no memory with anything else, nor with each other."""
        others = {"an input": given, "an earlier result": [r for old, _ in self.kept for r in old]}
        others["a leaf"] = [t.data for t in self.program.graph.nodes if "storage" in t.attrs or "value" in t.attrs]
        others["a leaf"] += [t.data for t in self.targets]
        others["the arena"] = [self.program._executor.memory.arena]
        for i, result in enumerate(results):
            if not result.flags.writeable:
                raise Found(f"{self.backend}: a result that cannot be written", f"{where}, output {i}")
            for what, arrays in {**others, "another result": results[:i]}.items():
                if any(np.may_share_memory(result, a) for a in arrays):
                    raise Found(f"{self.backend}: shared memory", f"{where}, output {i} with {what}")


def _read_only(array: Any) -> Any:
    view = array.view()
    view.flags.writeable = False
    return view
