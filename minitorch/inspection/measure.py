"""`profile`: a program's instructions measured one by one, over copies of its parameters."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from minitorch.compiler.backends import BACKENDS
from minitorch.compiler.listing import value_names
from minitorch.errors import InputError
from minitorch.executor import Executor
from minitorch.graph.dim import Symbol, evaluate
from minitorch.graph.graph import expression
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable, shown
from minitorch.graph.types import FLOAT32, FLOAT64
from minitorch.inspection.copies import executor_of
from minitorch.inspection.cost import flops, nbytes, traffic
from minitorch.inspection.machine import ceilings, measure
from minitorch.inspection.profile import Profile, Row
from minitorch.inspection.timed import TIMED, computed_nodes
from minitorch.program import Program

WARM = 2  # steps that do not count


def profile(program: Program, arrays: Sequence[Array], repeat: int = 10) -> Profile:
    """A row for each instruction: predicted flops and bytes, measured seconds, and the rates against this machine's.

    The interpreter is measured node by node, NumPy and C inside the generated code, which is made once more for it.
    Steps run on copies of the parameters, so nothing changes. A clock is read around each instruction, which adds
    some 0.1 µs to each in Python, and 0.03 µs in C.
    """
    if not isinstance(repeat, int | np.integer) or isinstance(repeat, bool) or repeat < 1:
        raise InputError(f"profile: repeat is an int of 1 or more, but {shown(repeat)} was given")
    dtypes = [FLOAT64 if n.dtype == FLOAT64 else FLOAT32 for n in program.graph.nodes if n.inputs]
    measure(dtypes)
    step = float(np.median(_spent(executor_of(program, BACKENDS[program.backend]), arrays, repeat)))
    executor = executor_of(program, TIMED[program.backend])
    _spent(executor, arrays, 0)
    clock = executor.backend.clock  # type: ignore[attr-defined]  # those of TIMED have one
    samples = np.empty((repeat, len(clock.seconds)))
    for sample in samples:
        clock.seconds[:] = 0
        executor.run(arrays)
        sample[:] = clock.seconds
    measure(dtypes, more=1)
    title = f"{printable(program.graph.name)} on {program.backend}"
    return Profile(title, _rows(program, arrays, np.median(samples, axis=0)), step, int(repeat))


def _spent(executor: Executor, arrays: Sequence[Array], repeat: int) -> list[float]:
    """Seconds of each call, without any clock inside, after some that do not count."""
    times = []
    for _ in range(WARM + repeat):
        start = time.perf_counter()
        executor.run(arrays)
        times.append(time.perf_counter() - start)
    return times[WARM:]


def _rows(program: Program, arrays: Sequence[Array], seconds: Array) -> list[Row]:
    sizes = program._executor.sizes(tuple(a.shape for a in arrays))
    total = float(seconds.sum()) or 1.0
    rows = []
    predicted = _nodes(program, sizes) if program.backend == "interpreter" else _instructions(program, sizes)
    for (nodes, text, role, work, moved), spent in zip(predicted, seconds.tolist(), strict=True):
        dtype = FLOAT64 if nodes[0].dtype == FLOAT64 else FLOAT32
        lines = ", ".join(dict.fromkeys(str(o) for node in nodes for o in node.origins))
        rows.append(Row(nodes[0], text, lines, role, work, moved, spent, spent / total, ceilings(dtype, moved)))
    return rows


Predicted = tuple[tuple[Tensor, ...], str, str, int, int]


def _instructions(program: Program, sizes: dict[Symbol, int]) -> list[Predicted]:
    names = value_names(program.plan)
    found = []
    for i in program.plan.calls:
        inputs = [names[v] for v in i.inputs]
        text = " and ".join(expression(node, inputs) for node in i.nodes)
        text += "" if i.native else " by NumPy"
        found.append((i.nodes, text, i.role, flops(i.nodes, sizes), traffic(i, sizes)))
    return found


def _nodes(program: Program, sizes: dict[Symbol, int]) -> list[Predicted]:
    labels = program.graph.labels()
    found: list[Predicted] = []
    for node in computed_nodes(program.plan):
        text = expression(node, [labels[i] for i in node.inputs])
        operands = dict.fromkeys(node.inputs)
        moved = 0 if node.op.view else sum(evaluate(nbytes(t), sizes) for t in (node, *operands))
        found.append(((node,), text, node.role, flops([node], sizes), moved))
    return found
