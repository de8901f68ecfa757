"""The loop of a program against the same steps made one by one: on one backend both give the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minitorch.errors import InputError, OutOfRangeError
from minitorch.graph.dim import evaluate
from tests.fuzz.case import Built
from tests.fuzz.finding import Found, difference, same_bits
from tests.fuzz.memory import fenced_copy
from tests.fuzz.run import restored

BATCHES = (1, 2, 3, 7, 64, 1000)
MOST_ELEMENTS = 50_000  # of one value, with the rows of a batch


def compare_loop(program: Any, built: Built, backend: str) -> None:
    """Batches of two sizes, shuffled more often than not, the last one ragged more often than not."""
    batched = program._executor.batched
    if not built.calls or not any(batched):
        return
    arrays = built.calls[-1]
    random = np.random.default_rng(len(built.outputs) + sum(a.size for a in arrays))
    sizes = [b for b in BATCHES if _largest(program, arrays, b) <= MOST_ELEMENTS] or [1]
    for batch in dict.fromkeys(random.choice(sizes, 2).tolist()):
        rows = int(random.choice([0, 2 * batch, 2 * batch + 1, batch + (batch + 1) // 2]))
        data = [_rows(a, rows, random) if b else a for a, b in zip(arrays, batched, strict=True)]
        orders = [None, random.permutation(rows), random.permutation(rows), random.integers(0, max(1, rows), rows)]
        _Comparison(program, data, orders[random.integers(4)], batch, backend).run()


def _largest(program: Any, arrays: Sequence[Any], batch: int) -> int:
    """The elements of the largest value where a batch has so many rows."""
    batched = zip(arrays, program._executor.batched, strict=True)
    shapes = [(batch, *a.shape[1:]) if by_rows else a.shape for a, by_rows in batched]
    try:
        sizes = program._executor.sizes(tuple(shapes))
    except InputError:
        return 0  # which is to be refused
    return max(evaluate(node.size, sizes) for node in (*program.inputs, *program.traced.nodes))


def _rows(array: Any, count: int, random: Any) -> Any:
    """So many rows, out of those that there are; small numbers where there are none."""
    if len(array):
        return fenced_copy(array[random.integers(0, len(array), count)])
    return fenced_copy(np.asarray(random.integers(0, 2, (count, *array.shape[1:]))).astype(array.dtype))


@dataclass
class _Comparison:
    program: Any
    data: Sequence[Any]
    order: Any
    batch: int
    backend: str

    def run(self) -> None:
        targets = [target for target, _ in self.program.traced.updates]
        with restored(targets):
            before = [t.data.copy() for t in targets]
            steps, error = self.one_by_one()
            after = [t.data.copy() for t in targets]
        if error is not None and not isinstance(error, OutOfRangeError):
            after = before  # the loop looks at all batches before it makes the first
        joined = self.joined(steps)
        if steps and any(values is None for values in joined):
            return  # results that do not fit together
        with restored(targets):
            results, raised = self.looped()
            if type(raised) is not type(error):
                self.fail(f"{raised!r}, but {error!r} step by step")
            for t, want in zip(targets, after, strict=True):
                self.same(t.data, want, t.describe())
        for i, (got, want) in enumerate(zip(results, joined, strict=True)) if raised is None and steps else ():
            self.same(got, want, f"output {i}")

    def one_by_one(self) -> tuple[list[list[Any]], Exception | None]:
        """The results of each step, and the error of the one that failed."""
        rows = np.arange(self.rows) if self.order is None else self.order
        done: list[list[Any]] = []
        for start in range(0, len(rows), self.batch):
            chosen = rows[start : start + self.batch]
            batched = zip(self.data, self.program._executor.batched, strict=True)
            try:
                done.append(list(self.program(*[a[chosen] if by_rows else a for a, by_rows in batched])))
            except Exception as error:  # whatever comes is compared
                return done, error
        return done, None

    @property
    def rows(self) -> int:
        return next(len(a) for a, by_rows in zip(self.data, self.program._executor.batched, strict=True) if by_rows)

    def joined(self, steps: Sequence[Sequence[Any]]) -> list[Any]:
        """Each output of all steps; None where the steps' values do not fit together."""
        found: list[Any] = []
        for i, output in enumerate(self.program.traced.outputs):
            values = [step[i] for step in steps]
            by_rows = bool(output.shape) and self.program._executor.counts_rows(output.shape[0])
            shapes = {v.shape[1:] if by_rows else v.shape for v in values}
            found.append(None if len(shapes) != 1 else np.concatenate(values) if by_rows else np.stack(values))
        return found

    def looped(self) -> tuple[list[Any], Exception | None]:
        try:
            return self.program.results(*self.data, order=self.order, batch_size=self.batch), None
        except Exception as error:  # whatever comes is compared
            return [], error

    def same(self, got: Any, want: Any, what: str) -> None:
        if not same_bits(got, want):
            self.fail(f"{what}: {difference(got, want)}")

    def fail(self, text: str) -> None:
        how = "in order" if self.order is None else "shuffled"
        raise Found(f"{self.backend}: loop", f"{self.rows} rows {how}, {self.batch} at a time: {text}")
