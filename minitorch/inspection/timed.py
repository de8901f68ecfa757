"""Backends that measure each of their instructions: the code that runs anyway, with a clock around each call.

These are used by a profile alone; programs that were never profiled are made by the backends as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from minitorch.compiler.backends import Backend, Bound, Function, Memory
from minitorch.compiler.backends.c_source import CSource
from minitorch.compiler.backends.c_source.binding import Binding
from minitorch.compiler.backends.c_source.layout import Layouts
from minitorch.compiler.backends.c_source.writer import Writer as CWriter
from minitorch.compiler.backends.c_source.written import Written
from minitorch.compiler.backends.interpreter import Interpreter, evaluate_node
from minitorch.compiler.backends.numpy_source import Lines, NumPySource
from minitorch.compiler.backends.numpy_source import Writer as NumPyWriter
from minitorch.compiler.plan import CALL, COMMIT, Instruction, Plan
from minitorch.graph.dim import Symbol
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor


class Clock:
    """Seconds by the number of the instruction. `start` begins a step, `lap` gives the time since to an instruction."""

    def __init__(self, count: int) -> None:
        self.seconds = np.zeros(count)
        self.since = 0.0

    def start(self) -> None:
        self.since = time.perf_counter()

    def lap(self, number: int) -> None:
        self.seconds[number] += time.perf_counter() - self.since
        self.since = time.perf_counter()

    def commit(self, numbers: Sequence[int], stores: Iterable[Callable[[], object]]) -> None:
        """Store new values, each on its own time."""
        for number, store in zip(numbers, stores, strict=True):
            store()
            self.lap(number)


# ---- the interpreter ----


class TimedInterpreter(Interpreter):
    """Times each node that is computed. The stores of new values are nobody's."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.nodes = computed_nodes(plan)
        self.clock = Clock(len(self.nodes))

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        numbers = {node: k for k, node in enumerate(self.nodes)}

        def step(arrays: Sequence[Array]) -> list[Array]:
            values: dict[Tensor, Array] = dict(zip(self.graph.inputs, arrays, strict=True))
            with np.errstate(all="ignore"):
                for node in self.graph.nodes:
                    if node not in values:
                        inputs = [values[i] for i in node.inputs]
                        self.clock.start()
                        values[node] = evaluate_node(node, inputs, sizes)
                        if node in numbers:
                            self.clock.lap(numbers[node])
            for target, value in [(target, values[value]) for target, value in self.graph.updates]:
                target.data[...] = value
            return [values[t] for t in self.graph.outputs]

        return Function(step)


def computed_nodes(plan: Plan) -> list[Tensor]:
    """What the interpreter computes, node by node."""
    leaves = ("placeholder", "parameter", "constant")
    return [node for node in plan.graph.nodes if node.role not in leaves]


# ---- NumPy ----


class TimedNumPyWriter(NumPyWriter):
    """Writes a lap behind each call."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.numbers = {i: k for k, i in enumerate(plan.calls)}
        self.clock = Clock(len(self.numbers))
        self.names.update(start=self.clock.start, lap=self.clock.lap, commit=self.clock.commit)

    def _instruction(self, i: Instruction) -> None:
        super()._instruction(i)
        if i.stage == CALL and not i.node.op.view:
            self.calls[-1][0].append(f"lap({self.numbers[i]})")

    def _results(self) -> Lines:
        return [*super()._results(), "start()"]

    def _ending(self) -> Lines:
        numbers = [k for i, k in self.numbers.items() if i.stage == COMMIT]
        return [line.replace("commit(stored)", f"commit({numbers}, stored)") for line in super()._ending()]


class TimedNumPy(NumPySource):
    """The generated Python, with laps."""

    def __init__(self, plan: Plan) -> None:
        writer = TimedNumPyWriter(plan)
        self.clock = writer.clock
        super().__init__(plan, writer)


# ---- C ----

NOW = """#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}"""


class TimedCWriter(CWriter):
    """Writes around each call what adds its time to a table. Of threads that share the work, the first measures."""

    def __init__(self, layouts: Layouts, vector_bytes: int) -> None:
        super().__init__(layouts, vector_bytes)
        self.numbers = {i: k for k, i in enumerate(self.calls)}

    def _call(self, i: Instruction) -> list[str]:
        lines = super()._call(i)
        texts = [line for line in lines if line.lstrip().startswith("//")]
        calls = [line for line in lines if not line.lstrip().startswith("//")]
        mine = "if (me == 0) " if self.team else ""
        end = f"    {mine}SECONDS[{self.numbers[i]}] += now() - began;"
        return [*texts, "\n".join(["    {", "    const double began = now();", *calls, end, "    }"])]

    def _assembled(self) -> list[str]:
        place = self._index(("seconds", 0))  # the last of the table, so that all else stays where it is
        self.definitions.append(f"{NOW}\n\n#define SECONDS ((double *)m[{place}])")
        return super()._assembled()


class TimedC(CSource):
    """The generated C, compiled once more, with a clock around each call."""

    def write(self, vector_bytes: int) -> Written:
        writer = TimedCWriter(self.layouts, vector_bytes)
        self.numbers = writer.numbers
        return writer.write()

    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        binding = super().bind(sizes, memory)
        assert isinstance(binding, Binding)
        self.clock = Clock(len(self.numbers))
        binding.table[self.written.table["seconds", 0]] = self.clock.seconds.ctypes.data
        for k, segment in enumerate(self.written.segments):
            if isinstance(segment, int):
                binding.steps[k] = self._timed(binding.steps[k], self.numbers[self.plan.instructions[segment]])
        return binding

    def _timed(self, step: Callable[[], object], number: int) -> Callable[[], object]:
        def run() -> object:
            self.clock.start()
            failed = step()
            self.clock.lap(number)
            return failed

        return run


TIMED: dict[str, type[Backend]] = {"interpreter": TimedInterpreter, "numpy": TimedNumPy, "c": TimedC}
