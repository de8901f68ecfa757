"""How long until the first step has run: cold, with empty caches on disk, and warm, as a later process finds them."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.contestants import build, load
from benchmarks.processes import caches, fresh, threads
from benchmarks.workloads import WORKLOADS, Problem

WHO = ("minitorch", "torch", "torch-compile-default", "jax")
WHICH = ("moons", "mnist", "wide", "deep")
CODE = "import json; from benchmarks import first_step as f; print(json.dumps(f.here({!r}, {!r}, {!r}, {})))"


def here(name: str, workload: str, backend: str, count: int) -> tuple[float, float]:
    """Seconds to import the library, and from there to the end of the first step, in this process."""
    problem = Problem(WORKLOADS[workload], backend, count)
    x, y = problem.batch
    assert problem.parameters
    assert len(problem.data[0])
    start = time.perf_counter()
    load(name)
    loaded = time.perf_counter()
    contestant = build(name, problem)
    assert contestant.step is not None
    float(contestant.step(*contestant.batch(x, y)))
    return loaded - start, time.perf_counter() - loaded


def measure(workload: str, backend: str, count: int, repeat: int, names: Sequence[str] = WHO) -> dict[str, Any]:
    """For each that is installed, fresh processes in pairs: the second finds the caches of the first."""
    found: dict[str, Any] = {}
    left_out = {}
    for name in names:
        try:
            pairs = [_pair(CODE.format(name, workload, backend, count), count) for _ in range(repeat)]
        except RuntimeError as error:
            left_out[name] = str(error).strip().splitlines()[-1]
            continue
        found[name] = {
            "import": report.median_and_interval([imported for pair in pairs for imported, _ in pair]),
            "cold": report.median_and_interval([cold for (_, cold), _ in pairs]),
            "warm": report.median_and_interval([warm for _, (_, warm) in pairs]),
        }
    return {"title": str(WORKLOADS[workload]), "seconds": found, "left_out": left_out}


def _pair(code: str, count: int) -> list[list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        return [fresh(code, threads(count) | caches(Path(folder))) for _ in range(2)]
