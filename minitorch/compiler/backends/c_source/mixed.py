"""A C program of which NumPy's kernels compute some instructions, bound to sizes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from minitorch.compiler.backends.base import Memory, known_shape
from minitorch.compiler.backends.c_source.binding import Binding
from minitorch.compiler.backends.c_source.footing import Footing
from minitorch.compiler.backends.c_source.layout import Key, Layout, Layouts
from minitorch.compiler.backends.c_source.written import Written
from minitorch.compiler.backends.interpreter import evaluate_node
from minitorch.compiler.plan import Instruction
from minitorch.graph.dim import Symbol, evaluate
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor


class Mixed(Binding):
    """A step is functions in C and, between them, calls of Python, which find their arrays by their layouts."""

    def __init__(
        self, graph: Graph, footing: Footing, written: Written, library: ctypes.CDLL, sizes: Mapping[Symbol, int],
        memory: Memory, layouts: Layouts,
    ) -> None:  # fmt: skip
        self.layouts = layouts
        self.outside: dict[Key, Array] = {}
        """While a step runs, the arrays of the caller that it reads or writes where they lie."""
        super().__init__(graph, footing, written, library, sizes, memory)

    def step(self, arrays: Sequence[Array]) -> Sequence[Array]:
        try:
            return super().step(arrays)
        finally:
            self.outside.clear()

    def _input(self, k: int, node: Tensor) -> Callable[[Array], Any]:
        hand_over, key = super()._input(k, node), ("input", k)
        if key in self.kept or key not in self.written.table:
            return hand_over

        def note(array: Array) -> Array:
            read: Array = hand_over(array)
            self.outside[key] = read
            return read

        return note

    def _result(self, k: int, node: Tensor) -> Callable[[], Array]:
        take, key = super()._result(k, node), ("result", k)
        if key not in self.kept:
            prepare = self.prepared.pop()

            def note() -> Array:
                made = self.outside[key] = prepare()
                return made

            self.prepared.append(note)
        return take

    def _steps(self) -> list[Callable[[], object]]:
        return [self._segment(segment) for segment in self.written.segments]

    def _segment(self, segment: str | int) -> Callable[[], object]:
        if isinstance(segment, int):
            return self._kernels(self.layouts.plan.instructions[segment])
        return partial(getattr(self.library, f"{segment}_alone"), ctypes.byref(self.numbers), ctypes.byref(self.table))

    def _kernels(self, i: Instruction) -> Callable[[], None]:
        """An instruction by NumPy's kernels, node by node."""

        def compute() -> None:
            inputs = [self.array(self.layouts[v]) for v in i.inputs]
            with np.errstate(all="ignore"):
                values = [evaluate_node(node, inputs, self.sizes) for node in i.nodes]
            for value, v in zip(values, i.outputs, strict=True):
                self.array(self.layouts.own(v))[...] = value

        return compute

    def array(self, layout: Layout) -> Array:
        """The elements of a layout as an array over its memory."""
        shape = known_shape(layout.shape, self.sizes)
        if 0 in shape:
            return np.empty(shape, layout.dtype)  # a view of nothing may start outside of its memory
        strides = tuple(evaluate(s, self.sizes) * layout.dtype.itemsize for s in layout.strides)
        start = evaluate(layout.offset, self.sizes) * layout.dtype.itemsize
        kind, which = layout.key
        if kind == "slot":
            return np.ndarray(shape, layout.dtype, self.arena.data, self.offsets[which] + start, strides)
        memory = self.kept[layout.key] if layout.key in self.kept else self.outside[layout.key]
        return np.ndarray(shape, layout.dtype, memory, start, strides)
