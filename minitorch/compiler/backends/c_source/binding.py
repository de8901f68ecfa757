"""A C program bound to sizes: its table of pointers, how it is called, and how it loops over rows."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from operator import call, setitem
from typing import Any, NamedTuple

import numpy as np

from minitorch.compiler.backends.base import Batches, Memory, known_shape
from minitorch.compiler.backends.c_source.footing import Footing
from minitorch.compiler.backends.c_source.job import Blas, Column, Job, Result, address, numbers_of
from minitorch.compiler.backends.c_source.layout import Key
from minitorch.compiler.backends.c_source.written import Written
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.graph.dim import Shape, Symbol
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Array, aligned
from minitorch.graph.tensor import Tensor
from minitorch.lazy import lazy

blas = lazy("minitorch.compiler.backends.c_source.blas")

MOST_THREADS = 64
ALONE = 4e7  # floating-point operations of a single step for which threads are started
UNTRIED = 5  # times what may be worth the meetings of threads, where it is not tried whether it is
BRIEF = 2e5  # floating-point operations, and bytes, of a step that takes some microseconds
COPIED = 1 << 14  # bytes up to which copying an array costs less than asking NumPy where it lies


class _Looped(NamedTuple):
    """What the loop of one batch size is given: the inputs taken by rows, with their numbers; where the table has those
    that are taken whole; and the results."""

    job: Job
    columns: list[tuple[int, Column]]
    whole: list[tuple[int, int]]
    results: list[Result]


def team_size() -> int:
    """The threads that share a large step: `MINITORCH_THREADS` where it is set, else as many as BLAS takes."""
    given = os.environ.get("MINITORCH_THREADS", "")
    if given.isdigit():
        return min(max(1, int(given)), MOST_THREADS)
    found = blas.find()
    return min(found.threads() if found is not None else os.cpu_count() or 1, MOST_THREADS)


class Binding:
    """One program for one batch size. Whoever makes a step, or many, holds the locks of the parameters.

    `graph` tells what is given, returned and updated.
    """

    def __init__(
        self, graph: Graph, footing: Footing, written: Written, library: ctypes.CDLL, sizes: Mapping[Symbol, int],
        memory: Memory,
    ) -> None:  # fmt: skip
        self.graph, self.footing, self.written, self.library = graph, footing, written, library
        self.sizes = sizes
        self.table = (ctypes.c_void_p * len(written.table))()
        self.numbers = numbers_of(footing.symbols, sizes)
        self.kept: dict[Key, Array] = {}  # the arrays behind the table
        self.gathered: dict[int, tuple[int, Array]] = {}  # room for the rows of a batch, and where it lies
        self.looped: _Looped | None = None
        self.offsets, self.arena = memory.layout(sizes), memory.arena
        self._leaves()
        self._constants_of_sizes()
        self._slots()
        self.prepared: list[Callable[[], Array]] = []  # what makes room for results before a step
        self.inputs = [self._input(k, t) for k, t in enumerate(graph.inputs)]
        self.results = [self._result(k, t) for k, t in enumerate(graph.outputs)]
        self.steps = self._steps()

    # ---- many steps ----

    def run(self, batches: Batches, first: int, steps: int, size: int) -> int:
        """`steps` batches of `size` rows from row `first` on. Returns how many were made: fewer where one failed."""
        looped = self.looped = self.looped or self._looped(batches)
        job, table = looped.job, type(self.table).from_buffer_copy(self.table)
        job.m, job.order = ctypes.addressof(table), None if batches.order is None else address(batches.order)
        job.first, job.steps, job.size, job.number = first, steps, size, batches.steps(first)
        job.threads = self.threads()
        for k, column in looped.columns:
            column.rows = address(batches.arrays[k])
            if job.order is not None and not column.order:
                column.gathered = self._gathered(k)
        for k, place in looped.whole:
            table[place] = address(batches.arrays[k])
        for result, (values, _) in zip(looped.results, batches.results):
            result.values = address(values)
        made: int = self.library.run(ctypes.byref(job))
        return made

    def _looped(self, batches: Batches) -> _Looped:
        """What is the same whenever batches of this size are run: where the table has inputs and results."""
        places, graph = self.written.table, self.graph
        read = [(k, place) for k in range(len(graph.inputs)) if (place := places.get(("input", k))) is not None]
        taken = [(k, place) for k, place in read if batches.rows[k]]
        columns, results = (Column * len(taken))(), (Result * len(batches.results))()
        for (k, place), column in zip(taken, columns):
            column.place, column.order = place, places.get(("order", k), 0)
            column.bytes = self._bytes(graph.inputs[k].shape[1:], graph.inputs[k])
        for k, (result, (_, by_rows)) in enumerate(zip(results, batches.results)):
            result.place, result.by_rows = places[("result", k)], by_rows
            result.bytes = self._bytes(graph.outputs[k].shape[int(by_rows) :], graph.outputs[k])
        rows = {"columns": columns, "inputs": len(columns), "results": results, "outputs": len(results)}
        job = Job(n=ctypes.addressof(self.numbers), parts=self.parts, **rows)
        numbered = [(k, column) for (k, _), column in zip(taken, columns)]
        return _Looped(job, numbered, [x for x in read if x not in taken], list(results))

    def _bytes(self, shape: Shape, node: Tensor) -> int:
        return prod(known_shape(shape, self.sizes)) * node.dtype.itemsize

    def threads(self) -> int:
        """As many as BLAS would take, where the work of a step may be worth several."""
        return min(self.parts, team_size()) if self.parts > 1 else 1

    def _gathered(self, k: int) -> int:
        """Where the rows of a batch go that are taken out of order."""
        if k not in self.gathered:
            node = self.graph.inputs[k]
            room = aligned(self._bytes(node.shape, node))
            self.gathered[k] = address(room), room
        return self.gathered[k][0]

    # ---- the table ----

    def _keep(self, key: Key, array: Array) -> Array:
        self.kept[key] = array
        if key in self.written.table:
            self.table[self.written.table[key]] = address(array)
        return array

    def _leaves(self) -> None:
        found = blas.find() if self.written.blas else None
        pointers = Blas(found.sgemm, found.dgemm, found.wide) if found else Blas()
        self.blas = pointers
        self.table[0] = ctypes.addressof(pointers)
        for key, leaf in self.footing.leaves.items():
            self._keep(key, leaf.data)

    def _constants_of_sizes(self) -> None:
        """What depends on sizes and constants alone is computed now, by the kernels of the rows."""
        ahead = self.footing.ahead
        values = evaluate_graph(ahead, (), self.sizes)
        for number, key in self.footing.places:
            self._keep(key, np.ascontiguousarray(values[ahead.nodes[number]]))

    def _slots(self) -> None:
        base = address(self.arena)
        for (kind, slot), k in self.written.table.items():
            if kind == "slot":
                self.table[k] = base + self.offsets[slot]
        self.flops = self.library.flops(self.numbers)
        self.parts = team_size() if self.flops >= self.written.shared else 1
        self._keep(("scratch", 0), aligned(self.library.scratch_bytes(self.numbers) * self.parts))

    # ---- inputs and results ----

    def _input(self, k: int, node: Tensor) -> Callable[[Array], Any]:
        """How an array is handed over: small ones are copied into a buffer, large ones are read where they lie.

        What is returned has to live until the step is over.
        """
        shape, key = known_shape(node.shape, self.sizes), ("input", k)
        if key not in self.written.table:
            return type  # nobody reads it
        if (nbytes := prod(shape) * node.dtype.itemsize) <= COPIED:
            return partial(setitem, self._keep(key, aligned(nbytes).view(node.dtype).reshape(shape)), ...)
        table, place = self.table, self.written.table[key]
        written = [target.attrs["storage"].block.bytes for target, _ in self.graph.updates]

        def point(array: Array) -> Array:
            if not array.flags.c_contiguous or not array.flags.aligned:
                array = np.array(array, order="C")
            elif array.base is not None and any(np.may_share_memory(array, block) for block in written):
                array = array.copy()  # the data are parameters that the step changes
            table[place] = address(array)
            return array

        return point

    def _result(self, k: int, node: Tensor) -> Callable[[], Array]:
        """Where a result comes from: small ones are copied out of a buffer, large ones written into a fresh array."""
        shape, key = known_shape(node.shape, self.sizes), ("result", k)
        nbytes = prod(shape) * node.dtype.itemsize
        if nbytes <= COPIED:
            return self._keep(key, aligned(nbytes).view(node.dtype).reshape(shape)).copy
        table, place, dtype = self.table, self.written.table[key], node.dtype
        fresh: list[Array] = []

        def prepare() -> Array:
            array = np.empty(shape, dtype)
            table[place] = address(array)
            fresh[:] = [array]  # whatever a step that failed has left
            return array

        self.prepared.append(prepare)
        return fresh.pop

    # ---- a step ----

    def step(self, arrays: Sequence[Array]) -> Sequence[Array]:
        alive = list(map(call, self.inputs, arrays))
        for prepare in self.prepared:
            prepare()
        if any(map(call, self.steps)):  # no loop of Python, which an interrupt could leave between two of them
            raise IndexError("an index is out of range")
        del alive
        results = []
        for take in self.results:
            results.append(take())  # noqa: PERF401  # a comprehension, or `map`, takes 0.2 us longer for one
        return results

    def _steps(self) -> list[Callable[[], object]]:
        """What a step calls, one after the other; each returns whether it failed. Here one function is all of it."""
        sizes, table = ctypes.addressof(self.numbers), ctypes.addressof(self.table)
        job = Job(n=sizes, m=table, steps=1, threads=1, parts=self.parts)
        library = ctypes.PyDLL("", handle=self.library._handle) if self._brief() else self.library
        step = partial(library.step, ctypes.byref(job))
        if self.parts == 1 or self.flops < max(ALONE, UNTRIED * self.written.shared):
            return [step]

        def shared() -> object:
            job.threads = self.threads()
            return step()

        return [shared]

    def _brief(self) -> bool:
        """Whether a step takes some microseconds. Then it keeps the interpreter's lock: letting it go takes a tenth of
        one, and a thread that computes in Python would take it for five milliseconds."""
        touched = self.offsets[-1] + sum(leaf.data.nbytes for leaf in self.footing.leaves.values())
        return self.flops <= BRIEF and touched <= BRIEF and not self.prepared
