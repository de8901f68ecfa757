"""A case on one backend: what its calls give, and whose memory they touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import minitorch as mt
from tests.fuzz.case import Built
from tests.fuzz.finding import Found, attempt, difference, same_bits
from tests.fuzz.meaning import Expected, targets


def compiled(built: Built, backend: str = "numpy") -> Any:
    """The program of a case."""
    return mt.compile(
        built.inputs, list(built.outputs), built.updates, backend=backend, training=built.training, name="fuzzed"
    )  # fmt: skip


@contextmanager
def restored(targets: Sequence[Any]) -> Iterator[None]:
    """Parameters are put back as they were."""
    start = [t.data.copy() for t in targets]
    try:
        yield
    finally:
        for target, value in zip(targets, start, strict=True):
            target.data[...] = value


class Run:
    """The calls of a case on one backend, held against the reference. `program` is NumPy's."""

    def __init__(self, program: Any, built: Built, expected: list[Expected], backend: str) -> None:
        self.built, self.expected, self.backend = built, expected, backend
        self.reference = program
        self.program = (
            program if backend == "numpy" else attempt(f"{backend}: compiling", lambda: compiled(built, backend))
        )
        self.targets = targets(program)
        self.kept: list[tuple[list[Any], list[Any]]] = []

    def run(self) -> None:
        with restored(self.targets):
            for number, (arrays, expected) in enumerate(zip(self.built.calls, self.expected, strict=True)):
                self.call(number, arrays, expected)

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
        for i, (got, _) in enumerate(zip(results, expected.results, strict=True)):
            self.value(i, got, expected, where)
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
            if expected.error is not None and isinstance(error, expected.error):
                self.stored(expected, "after an error")
                return None
            raise Found(f"{self.backend}: raised {type(error).__name__}", str(error)[:300]) from error
        if expected.error is not None:
            raise Found(f"{self.backend}: no {expected.error.__name__}", "the reference raises, the backend does not")
        return results

    def value(self, i: int, got: Any, expected: Expected, where: str) -> None:
        self.same("value", got, expected.results[i], f"{where}, output {i}")

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
