"""A case on a backend that rounds in its own way: its values are near the reference's, all else is as everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.fuzz.case import Built
from tests.fuzz.finding import Found
from tests.fuzz.looped import compare_loop
from tests.fuzz.meaning import Expected, exact
from tests.fuzz.rounding import Verdict, verdicts, wrong
from tests.fuzz.run import Run


class Rounded(Run):
    """Every call starts from the parameters of the reference; what it may give is known before."""

    def __init__(self, program: Any, built: Built, expected: list[Expected], backend: str) -> None:
        super().__init__(program, built, expected, backend)
        self.exact = exact(program)
        self.verdicts: list[Verdict | None] = []

    def run(self) -> None:
        super().run()
        compare_loop(self.program, self.built, self.backend)

    def call(self, number: int, arrays: Sequence[Any], expected: Expected) -> None:
        feeds = dict(zip(self.reference.traced.inputs, arrays, strict=True))
        self.verdicts = [] if expected.error else verdicts(self.exact, feeds, expected.sizes)
        super().call(number, arrays, expected)
        for target, value in zip(self.targets, expected.stored, strict=True):
            target.data[...] = value

    def value(self, i: int, got: Any, expected: Expected, where: str) -> None:
        self.near("value", i, got, expected.results[i], f"{where}, output {i}")

    def stored(self, expected: Expected, where: str) -> None:
        if expected.error is not None:
            super().stored(expected, where)
        for i, (target, want) in (
            enumerate(zip(self.targets, expected.stored, strict=True)) if expected.error is None else ()
        ):
            self.near("update", len(expected.results) + i, target.data, want, f"{where}, {target.describe()}")

    def near(self, kind: str, i: int, got: Any, want: Any, where: str) -> None:
        if (got.shape, got.dtype) != (want.shape, want.dtype):
            expected = f"{want.dtype}{want.shape}"
            raise Found(f"{self.backend}: {kind}", f"{where}: {got.dtype}{got.shape} instead of {expected}")
        verdict = self.verdicts[i]
        if verdict is not None and (off := np.asarray(wrong(got, verdict))).any():
            at = tuple(np.argwhere(off)[0])
            allowed = f"{verdict.value[at]!r} +- {verdict.most[at]!r}"
            raise Found(f"{self.backend}: {kind}", f"{where}: at {at} {got[at]!r} instead of {allowed}")
