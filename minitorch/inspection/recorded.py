"""Backends that keep what each instruction made: the code that runs anyway, with a copy taken behind each call.

These are used by the trace of a compiled program alone; programs that were never traced are made by the backends as
they are. Of a view is kept what its memory held when that was written.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from minitorch.compiler.backends import Backend, Bound, Function, Memory
from minitorch.compiler.backends.base import known_shape
from minitorch.compiler.backends.c_source import CSource
from minitorch.compiler.backends.c_source.binding import Binding
from minitorch.compiler.backends.c_source.mixed import Mixed
from minitorch.compiler.backends.c_source.writer import Writer as CWriter
from minitorch.compiler.backends.c_source.written import Written
from minitorch.compiler.backends.interpreter import Interpreter, evaluate_graph, evaluate_node
from minitorch.compiler.backends.numpy_source import Lines, NumPySource
from minitorch.compiler.backends.numpy_source import Writer as NumPyWriter
from minitorch.compiler.plan import BIND, CALL, COMMIT, Instruction, Plan, Value
from minitorch.graph.dim import Symbol
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.inspection.copies import executor_of
from minitorch.inspection.values import Values
from minitorch.program import Program


class Recorder:
    """Copies of values, by the nodes of the plan whose values they are."""

    def __init__(self, plan: Plan) -> None:
        self.nodes = [v.node for v in plan.values]
        self.values: dict[Tensor, Array] = {}

    def keep(self, number: int, array: Array) -> None:
        """A copy of what the value of this number is at this moment."""
        self.values[self.nodes[number]] = np.array(array, order="C")


# ---- the interpreter ----


class RecordedInterpreter(Interpreter):
    """The interpreter has all values anyway."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.recorder = Recorder(plan)

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        def step(arrays: Sequence[Array]) -> list[Array]:
            values = evaluate_graph(self.graph, arrays, sizes)
            self.recorder.values.update((node, value.copy()) for node, value in values.items())
            for target, value in self.graph.updates:
                target.data[...] = self.recorder.values[value]
            return [values[t] for t in self.graph.outputs]

        return Function(step)


# ---- NumPy ----


class RecordedNumPyWriter(NumPyWriter):
    """Writes behind each call, and behind the commit, a line that keeps what was made."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.recorder = Recorder(plan)
        self.names["keep"] = self.recorder.keep

    def _instruction(self, i: Instruction) -> None:
        super()._instruction(i)
        if i.stage == CALL and not i.node.op.view:
            self.calls[-1][0].extend(map(self._keep, i.outputs))

    def _keep(self, value: Value) -> str:
        return f"keep({value.number}, {self.value_names[value]})"

    def _results(self) -> Lines:
        return [*super()._results(), *(self._keep(v) for v in self.plan.values if v.kind == "bound")]

    def _ending(self) -> Lines:
        *store, returned = super()._ending()
        stored = [self._keep(v) for i in self.plan.instructions if i.stage == COMMIT for v in i.outputs]
        return [*store, *stored, returned]


class RecordedNumPy(NumPySource):
    """The generated Python, with copies."""

    def __init__(self, plan: Plan) -> None:
        writer = RecordedNumPyWriter(plan)
        self.recorder = writer.recorder
        super().__init__(plan, writer)


# ---- C ----

KEEP = """struct kept { void *to; long bytes; };

static void keep(const struct kept *kept, long value, const void *from)
{
    if (kept[value].bytes > 0) memcpy(kept[value].to, from, (size_t)kept[value].bytes);
}"""


class _Kept(ctypes.Structure):
    _fields_ = (("to", ctypes.c_void_p), ("bytes", ctypes.c_long))


class RecordedCWriter(CWriter):
    """Writes behind each call what copies its results to memory of the caller's. Of threads that share the work, the
    first copies, and the others wait for it."""

    def _call(self, i: Instruction) -> list[str]:
        mine = "if (me == 0) " if self.team else ""
        places = [(v.number, self._index(self.layouts.keys[v])) for v in i.outputs]
        copies = [f"    {mine}keep(KEPT, {number}, m[{place}]);" for number, place in places]
        return [*super()._call(i), *copies, *(["    barrier(team);"] if self.team else [])]

    def _assembled(self) -> list[str]:
        place = self._index(("kept", 0))  # the last of the table, so that all else stays where it is
        self.definitions.append(f"{KEEP}\n\n#define KEPT ((const struct kept *)m[{place}])")
        return super()._assembled()


class RecordedC(CSource):
    """The generated C, compiled once more, with a copy behind each call."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.recorder = Recorder(plan)

    def write(self, vector_bytes: int) -> Written:
        return RecordedCWriter(self.layouts, vector_bytes).write()

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        binding = super().bind(sizes, memory)
        assert isinstance(binding, Binding)
        self.table = (_Kept * max(1, len(self.plan.values)))()  # alive for as long as the program points to it
        binding.table[self.written.table["kept", 0]] = ctypes.addressof(self.table)
        for i in self.plan.instructions:
            if i.node.op.view:
                continue
            for v in i.outputs:
                self._room(v, i, binding)
        for k, segment in enumerate(self.written.segments):
            if isinstance(segment, int):
                assert isinstance(binding, Mixed)
                binding.steps[k] = self._kept(binding, binding.steps[k], self.plan.instructions[segment])
        return binding

    def _room(self, value: Value, i: Instruction, binding: Binding) -> None:
        """Memory for what a call makes; what was computed ahead is there already."""
        if i.stage == BIND:
            self.recorder.keep(value.number, binding.kept[self.layouts.keys[value]])
            return
        array = np.empty(known_shape(value.node.shape, binding.sizes), value.node.dtype)
        self.recorder.values[value.node] = array
        self.table[value.number] = _Kept(array.ctypes.data, array.nbytes)

    def _kept(self, binding: Mixed, step: Callable[[], object], i: Instruction) -> Callable[[], object]:
        """What the kernels of NumPy made is taken from where they left it."""

        def run() -> object:
            failed = step()
            for v in i.outputs:
                self.recorder.keep(v.number, binding.array(self.layouts.own(v)))
            return failed

        return run


RECORDED: dict[str, type[Backend]] = {"interpreter": RecordedInterpreter, "numpy": RecordedNumPy, "c": RecordedC}


# ---- a step ----


class Recording(NamedTuple):
    """What a backend made of one step: a value for each node of the compiled graph, the results, the new values."""

    values: Values
    outputs: list[Array]
    new_values: dict[Tensor, Array]


def recorded(program: Program, arrays: Sequence[Array]) -> Recording:
    """One step of the compiled program, on copies of its parameters, with all that its instructions made."""
    executor = executor_of(program, RECORDED[program.backend])
    graph = executor.plan.graph
    leaves = (*(target for target, _ in graph.updates), *graph.nodes)
    given = {n: n.data.copy() for n in leaves if "storage" in n.attrs or n.op.name == "constant"}
    given.update((t, a.copy()) for t, a in zip(graph.inputs, arrays, strict=True))
    outputs = list(executor.run(arrays))
    known = {**executor.backend.recorder.values, **given}  # type: ignore[attr-defined]  # those of RECORDED have one
    sizes = executor.sizes(tuple(a.shape for a in arrays))
    for node in graph.nodes:
        if node not in known:
            assert node.op.view, f"nobody kept {node.describe()}"
            known[node] = evaluate_node(node, [known[i] for i in node.inputs], sizes)
    own = program.graph
    pairs = [*zip(own.nodes, graph.nodes, strict=True), *zip(own.inputs, graph.inputs, strict=True)]
    values = Values((mine, known[copy]) for mine, copy in pairs)
    for value in values.values():
        value.flags.writeable = False
    new = [target.attrs["storage"].array for target, _ in graph.updates]
    return Recording(values, outputs, dict(zip((target for target, _ in own.updates), new, strict=True)))
