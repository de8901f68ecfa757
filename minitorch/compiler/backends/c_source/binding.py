"""A C program bound to sizes: its table of pointers, how it is called, and how it loops over rows."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minitorch.compiler.backends.base import Batches, Memory, known_shape
from minitorch.compiler.backends.c_source import blas
from minitorch.compiler.backends.c_source.layout import Key, Layout
from minitorch.compiler.backends.c_source.writer import Segment, Writer
from minitorch.compiler.backends.interpreter import evaluate_node
from minitorch.compiler.plan import BIND, Instruction
from minitorch.graph.dim import Symbol, evaluate
from minitorch.graph.storage import Array, aligned
from minitorch.graph.tensor import Tensor

COPIED = 1 << 14  # bytes up to which copying an array costs less than asking NumPy where it lies


class _Blas(ctypes.Structure):
    _fields_ = (("sgemm", ctypes.c_void_p), ("dgemm", ctypes.c_void_p), ("wide", ctypes.c_long))


class _Column(ctypes.Structure):
    _fields_ = (
        ("rows", ctypes.c_void_p), ("gathered", ctypes.c_void_p), ("bytes", ctypes.c_long), ("place", ctypes.c_long),
    )  # fmt: skip


class _Result(ctypes.Structure):
    _fields_ = (
        ("values", ctypes.c_void_p), ("bytes", ctypes.c_long), ("place", ctypes.c_long), ("by_rows", ctypes.c_long),
    )  # fmt: skip


class Binding:
    """One program for one batch size. Calling it makes a step; the caller holds the locks of the parameters."""

    def __init__(self, writer: Writer, library: ctypes.CDLL, sizes: Mapping[Symbol, int], memory: Memory) -> None:
        self.writer, self.library, self.sizes = writer, library, sizes
        self.plan = writer.plan
        self.table = (ctypes.c_void_p * len(writer.table))()
        self.numbers = (ctypes.c_long * max(1, len(writer.symbols)))(*(sizes[s] for s in writer.symbols))
        self.kept: dict[Key, Array] = {}  # the arrays behind the table
        self.lent: list[Key] = []  # those that belong to a caller, for the time of a call
        self.offsets, self.arena = memory.layout(sizes), memory.arena
        self._leaves()
        self._constants_of_sizes()
        self._slots()
        self.inputs = [self._input(k, t) for k, t in enumerate(self.plan.graph.inputs)]
        self.results = [self._result(k, v.node) for k, v in enumerate(self.plan.outputs)]
        self.whole = all(s.fallback is None for s in writer.segments)
        self.steps = [self._native(library.step)] if self.whole else [self._segment(s) for s in writer.segments]

    # ---- many steps ----

    def run(self, batches: Batches, first: int, steps: int, size: int) -> int:
        """`steps` batches of `size` rows from row `first` on. Returns how many were made: fewer where one failed."""
        table = type(self.table).from_buffer_copy(self.table)
        columns = [c for k, x in enumerate(batches.arrays) if (c := self._column(k, x, batches, table)) is not None]
        results = [self._values(k, values, by_rows) for k, (values, by_rows) in enumerate(batches.results)]
        function = self.library.run
        function.restype = ctypes.c_long
        order = None if batches.order is None else batches.order.ctypes.data
        made: int = function(
            ctypes.byref(self.numbers), ctypes.byref(table), ctypes.c_void_p(order), *map(ctypes.c_long, (first, steps,
            size, batches.steps(first))), (_Column * len(columns))(*columns), ctypes.c_long(len(columns)),
            (_Result * len(results))(*results), ctypes.c_long(len(results)),
        )  # fmt: skip
        return made

    def _column(self, k: int, array: Array, batches: Batches, table: Any) -> _Column | None:
        place = self.writer.table.get(("input", k))
        if place is None:
            return None
        if not batches.rows[k]:
            table[place] = array.ctypes.data
            return None
        gathered = batches.gathered[k]
        room = None if gathered is None else gathered.ctypes.data
        return _Column(array.ctypes.data, room, array.nbytes // max(1, len(array)), place)

    def _values(self, k: int, values: Array, by_rows: bool) -> _Result:
        return _Result(
            values.ctypes.data, values.nbytes // max(1, len(values)), self.writer.table[("result", k)], by_rows
        )  # fmt: skip

    # ---- the table ----

    def _keep(self, key: Key, array: Array) -> Array:
        self.kept[key] = array
        if key in self.writer.table:
            self.table[self.writer.table[key]] = array.ctypes.data
        return array

    def _leaves(self) -> None:
        found = blas.find()
        pointers = _Blas(found.sgemm, found.dgemm, found.wide) if found else _Blas()
        self.blas = pointers
        self.table[0] = ctypes.addressof(pointers)
        for key in self.writer.value_keys.values():
            if key[0] in ("parameter", "constant") and key not in self.kept:
                assert isinstance(key[1], Tensor)
                self._keep(key, key[1].data)

    def _constants_of_sizes(self) -> None:
        """What depends on sizes and constants alone is computed now, by the kernels of the rows."""
        values: dict[Tensor, Array] = {}
        for i in self.plan.instructions:
            if i.stage != BIND or not all(self._known(n, values) for n in i.node.inputs):
                continue
            inputs = [values[n] if n in values else n.data for n in i.node.inputs]  # noqa: SIM401  # most nodes have no data
            for node, value in zip(i.nodes, i.outputs, strict=True):
                with np.errstate(all="ignore"):
                    values[node] = np.asarray(evaluate_node(node, inputs, self.sizes))
                if value.kind == "bound":
                    self._keep(self.writer.value_keys[value], np.ascontiguousarray(values[node]))

    def _known(self, node: Tensor, values: Mapping[Tensor, Array]) -> bool:
        return node in values or node.op.name == "constant"

    def _slots(self) -> None:
        base = self.arena.ctypes.data
        for key, k in self.writer.table.items():
            if key[0] == "slot":
                assert isinstance(key[1], int)
                self.table[k] = base + self.offsets[key[1]]

    # ---- inputs and results ----

    def _input(self, k: int, node: Tensor) -> Callable[[Array], None]:
        """How an array is handed over: small ones are copied into a buffer, large ones are read where they lie."""
        shape, key = known_shape(node.shape, self.sizes), ("input", k)
        if key not in self.writer.table:
            return lambda array: None
        nbytes = int(np.prod(shape)) * node.dtype.itemsize
        if nbytes <= COPIED:
            buffer = self._keep(key, aligned(nbytes).view(node.dtype).reshape(shape))
            return lambda array: np.copyto(buffer, array)
        self.lent.append(key)
        place, guarded = self.writer.table[key], self._written_blocks()

        def point(array: Array) -> None:
            if not array.flags.c_contiguous or not array.flags.aligned:
                array = np.array(array, order="C")
            elif array.base is not None and any(np.may_share_memory(array, block) for block in guarded):
                array = array.copy()  # the data are parameters that the step changes
            self.kept[key] = array
            self.table[place] = array.ctypes.data

        return point

    def _written_blocks(self) -> list[Array]:
        return [target.attrs["storage"].block.bytes for target, _ in self.plan.graph.updates]

    def _result(self, k: int, node: Tensor) -> Callable[[], Callable[[], Array]]:
        """Where a result goes: small ones through a buffer, large ones into a fresh array."""
        shape, key = known_shape(node.shape, self.sizes), ("result", k)
        dtype, nbytes = node.dtype, int(np.prod(shape)) * node.dtype.itemsize
        if nbytes <= COPIED:
            buffer = self._keep(key, aligned(nbytes).view(dtype).reshape(shape))
            return lambda: buffer.copy
        place = self.writer.table[key]

        def fresh() -> Callable[[], Array]:
            array = np.empty(shape, dtype)
            self.kept[key] = array
            self.table[place] = array.ctypes.data
            return lambda: self.kept.pop(key)

        return fresh

    # ---- a step ----

    def __call__(self, *arrays: Array) -> Sequence[Array]:
        for hand_over, array in zip(self.inputs, arrays, strict=True):
            hand_over(array)
        finished = [prepare() for prepare in self.results]
        for step in self.steps:
            step()
        for key in self.lent:
            del self.kept[key]
        return [finish() for finish in finished]

    def _segment(self, segment: Segment) -> Callable[[], None]:
        if segment.fallback is not None:
            return self._fallback(segment.fallback)
        return self._native(getattr(self.library, f"{segment.name}_alone"))

    def _native(self, function: Any) -> Callable[[], None]:
        numbers, table = ctypes.addressof(self.numbers), ctypes.addressof(self.table)
        function.argtypes = (ctypes.c_void_p, ctypes.c_void_p)

        def call() -> None:
            if function(numbers, table):
                raise IndexError("an index is out of range")

        return call

    def _fallback(self, i: Instruction) -> Callable[[], None]:
        def compute() -> None:
            inputs = [self._array(self.writer.layouts[v]) for v in i.inputs]
            with np.errstate(all="ignore"):
                values = [evaluate_node(node, inputs, self.sizes) for node in i.nodes]
            for value, v in zip(values, i.outputs, strict=True):
                self._array(self.writer.output(v))[...] = value

        return compute

    def _array(self, layout: Layout) -> Array:
        """The elements of a layout as an array over its memory."""
        shape = known_shape(layout.shape, self.sizes)
        strides = tuple(evaluate(s, self.sizes) * layout.dtype.itemsize for s in layout.strides)
        start = evaluate(layout.offset, self.sizes) * layout.dtype.itemsize
        kind, which = layout.key
        if kind == "slot":
            assert isinstance(which, int)
            return np.ndarray(shape, layout.dtype, self.arena.data, self.offsets[which] + start, strides)
        if 0 in shape:
            return np.empty(shape, layout.dtype)
        return np.ndarray(shape, layout.dtype, self.kept[layout.key], start, strides)
