"""What training holds in memory: by the plan, by tracemalloc, and by how much a process grows, beside peers.

tracemalloc sees what NumPy reports to it, which is all of minitorch's arrays but no buffer inside BLAS. How a process
grows is what Linux says is resident, at the highest, in a fresh process that has imported its library and trained
something tiny.
"""

import ctypes
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import minitorch as mt
from benchmarks.contestants import build
from benchmarks.peers.ours import traced
from benchmarks.processes import fresh, threads
from benchmarks.workloads import WORKLOADS, Problem, Workload, random_batch
from minitorch.compiler.backends import Memory
from minitorch.compiler.plan import Plan
from minitorch.graph import Symbol
from minitorch.graph.dim import evaluate

WHO = ("minitorch", "matmul", "torch", "jax-scan")
STATUS = Path("/proc/self/status")
CODE = "from benchmarks import memory as m; print(m.growth({!r}, {!r}, {!r}, {}))"
Figures = dict[str, Any]


# ---- by the plan ----


def planned(workload: Workload, backend: str = "numpy") -> Figures:
    """Bytes: what the plan says that a program needs, what its arrays hold, and what a step takes beyond that.

    What a step takes is arguments, lists and results, and up to 34 KiB in which NumPy stretches a bias for a moment.
    """
    batch = random_batch(workload)
    tracemalloc.start()
    before = _arrays_held()
    *_, arguments = traced(workload)
    program = mt.compile(*arguments, backend=backend)
    program(*batch)
    held = _arrays_held() - before
    tracemalloc.reset_peak()
    start = tracemalloc.get_traced_memory()[0]
    result = program(*batch)  # counts as beyond, being fresh
    beyond = tracemalloc.get_traced_memory()[1] - start
    tracemalloc.stop()
    sizes = {Symbol("batch"): workload.batch}
    return {
        "title": str(workload),
        "parameters": sum(target.data.nbytes for target in program.updates),
        "arena": Memory(program.plan.slots).layout(sizes)[-1],
        "results": result.nbytes,
        "constants": _bytes(program.plan, workload, "constant", "bound"),
        "held": held,
        "beyond": beyond,
        "without_reuse": _bytes(program.plan, workload, "arena"),
    }


def _arrays_held() -> int:
    """The bytes of all NumPy arrays that are alive."""
    only_numpy = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([only_numpy]).traces)


def _bytes(plan: Plan, workload: Workload, *kinds: str) -> int:
    """The values of these kinds, each with memory of its own."""
    nodes = [v.node for v in plan.values if v.kind in kinds]
    return sum(evaluate(node.size, {Symbol("batch"): workload.batch}) * node.dtype.itemsize for node in nodes)


def needed(found: Figures) -> int:
    """What a program should hold at most."""
    return int(found["parameters"] + found["arena"] + found["results"])


# ---- by the process ----


def growth(name: str, workload: str, backend: str, count: int) -> int:
    """The bytes by which this process grows, at the highest, while it builds and trains two epochs of two steps."""
    tiny = Problem(Workload("tiny", (2, 3, 1), 4, steps=2), backend, count)
    _train(name, tiny)
    problem = Problem(replace(WORKLOADS[workload], steps=2), backend, count)
    assert problem.parameters
    assert len(problem.order)
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)  # else what making the problem has freed is used again, and counts for nothing
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten: man 5 proc
    before = resident("VmRSS")
    _train(name, problem)
    return resident("VmHWM") - before


def _train(name: str, problem: Problem) -> None:
    contestant = build(name, problem)
    assert contestant.epoch is not None
    rows = contestant.rows(problem.order)
    for _ in range(2):
        contestant.epoch(rows)


def resident(what: str) -> int:
    """A figure of this process in bytes, by its name in /proc."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(what + ":"))
    return 1024 * int(line.split()[1])


def measure(workload: str, backend: str, count: int, names: Sequence[str] = WHO) -> Figures:
    """What the plan says, and how processes grow, on Linux."""
    found: Figures = {**planned(WORKLOADS[workload], backend), "growth": {}, "left_out": {}}
    for name in names:
        try:
            found["growth"][name] = fresh(CODE.format(name, workload, backend, count), threads(count))
        except RuntimeError as error:
            found["left_out"][name] = str(error).strip().splitlines()[-1]
    return found
