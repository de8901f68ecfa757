"""Many steps: batch after batch of the rows of arrays, in compiled code where the backend has a loop of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minitorch.compiler.backends import Batches
from minitorch.errors import InputError
from minitorch.executor import Executor
from minitorch.graph.storage import Array, aligned

CHUNK = 0.05  # seconds that compiled code runs before Python has a look at signals, and other threads at parameters


class Loop:
    """The batches of an executor's inputs. `rows` are taken `batch_size` at a time, in `order` where there is one.

    Inputs whose first size is the batch's are taken row by row, others whole. Of the outputs the first so many are
    `wanted`, or all.
    """

    def __init__(
        self, executor: Executor, arrays: Sequence[Array], order: Array | None, rows: int, batch_size: int,
        wanted: int | None = None,
    ) -> None:  # fmt: skip
        self.executor, self.arrays, self.batch_size = executor, arrays, batch_size
        self.wanted = executor.outputs[:wanted]
        self.order: Any = order
        self.count = rows if order is None else len(order)
        self.steps = -(-self.count // batch_size)
        self.cut = executor.cut(tuple([a.shape for a in arrays]), self.count, batch_size)

    def run(self) -> list[Array]:
        """The results of all steps, an array for each output: joined where they have rows, else stacked.

        Raises `InputError` before the first step where those of one output differ in their shapes.
        """
        for i, shapes in enumerate(self.cut.shapes[: len(self.wanted)]):
            if len(shapes) > 1:
                raise self._cannot_join(i)
        compiled = self.executor.backend.loops and not any(map(self._changes, self.arrays))
        results = self._room() if compiled else None
        if results is None:
            return self._joined([list(self.executor.run(batch)) for batch in self._batches()])
        self._run_compiled(results)
        return [values for values, _ in results[: len(self.wanted)]]

    def _cannot_join(self, i: int) -> InputError:
        output, (full, last) = self.executor.outputs[i], [own[i] for own in self.cut.results]
        which = f"output {i + 1} of {len(self.executor.outputs)}, {output.type}"
        met = f"has the shape {full} for a full batch and {last} for the last one, which cannot be joined"
        how = "take rows that fill all batches, or call the program with single batches"
        return InputError(f"{self.executor.title}: {which}, {met}: {how}\n  in {output.origin!r}")

    # ---- in Python ----

    def _batches(self) -> Iterator[list[Array]]:
        """The inputs of each step: views where rows are taken in their order, else copies in buffers used again."""
        room = self._gathered()
        for start in range(0, self.count, self.batch_size):
            taken = slice(start, min(start + self.batch_size, self.count))
            yield [self._batch(k, taken, room[k]) for k in range(len(self.arrays))]

    def _batch(self, k: int, taken: slice, room: Array | None) -> Array:
        array = self.arrays[k]
        if not self.executor.batched[k]:
            return array
        if self.order is None:
            return array[taken]
        chosen = self.order[taken]
        if room is None:  # its rows have no elements
            nothing: Array = array[chosen]
            return nothing
        rows: Array = room[: len(chosen)]
        np.take(array, chosen, axis=0, out=rows, mode="clip")
        return rows

    def _gathered(self) -> list[Array | None]:
        """Room for the rows of a batch, for each input whose rows are taken out of order."""
        size = min(self.batch_size, self.count)
        return [
            aligned(size * a[:1].nbytes).view(a.dtype).reshape(size, *a.shape[1:])
            if by_rows and self.order is not None and a[:1].nbytes else None
            for a, by_rows in zip(self.arrays, self.executor.batched, strict=True)
        ]  # fmt: skip

    def _joined(self, batches: Sequence[Sequence[Array]]) -> list[Array]:
        results = []
        for i, output in enumerate(self.wanted):
            values = [batch[i] for batch in batches]
            joined = self.executor.joined[i]
            if not values:
                rest = output.shape[1:] if joined else output.shape
                results.append(np.empty((0, *(s if isinstance(s, int) else 0 for s in rest)), output.dtype))
            else:
                results.append(np.concatenate(values) if joined else np.stack(values))
        return results

    # ---- in compiled code ----

    def _room(self) -> list[tuple[Array, bool]] | None:
        """Memory for all results, and whether each has rows; None where the steps' results differ in their shapes."""
        results = []
        executor = self.executor
        for output, joined, shapes in zip(executor.outputs, executor.joined, self.cut.shapes, strict=True):
            if len(shapes) != 1:
                return None
            (shape,) = shapes
            results.append((np.empty((self.count if joined else self.steps, *shape), output.dtype), joined))
        return results

    def _run_compiled(self, results: list[tuple[Array, bool]]) -> None:
        arrays = [a if a.flags.c_contiguous and a.flags.aligned else np.array(a, order="C") for a in self.arrays]
        batches = Batches(arrays, self.executor.batched, self.order, self.batch_size, results)
        for (first, steps, size), kinds in zip(self.cut.parts, self.cut.inputs, strict=True):
            pace = self.executor.paces.setdefault(size, 0.0)  # steps in a second, as far as is known
            while steps:
                chunk = min(steps, max(1, int(pace * CHUNK)))
                start = time.perf_counter()
                self.executor.run_steps(kinds, batches, first, chunk, size)
                pace = chunk / max(time.perf_counter() - start, 1e-9)
                first, steps = first + chunk * size, steps - chunk
            self.executor.paces[size] = pace

    def _changes(self, array: Array) -> bool:
        """Whether steps change an array: then each is to read what the one before has left."""
        return any(np.may_share_memory(array, block.bytes) for block in self.executor.written)
