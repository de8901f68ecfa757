"""What it costs before the first step: import, compile, and the memory that a compiled program holds.

    python -m benchmarks.compile_time [--repeat 9] [--chain 25000 50000 100000] [--json FILE]

Takes some minutes. Imports, first compiles and chains are timed in fresh processes that take turns; chains by the time
of the processor, so that others on the machine count less. Memory is what tracemalloc sees, to which NumPy reports its
arrays; buffers inside BLAS are not among it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import minitorch as mt
from benchmarks import report
from benchmarks.workloads import RATE, WORKLOADS, Workload, random_batch
from minitorch.compiler.backends import Memory
from minitorch.compiler.plan import Plan
from minitorch.graph import Symbol, Tensor
from minitorch.graph.dim import evaluate

ROOT = Path(__file__).resolve().parent.parent
IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
OURS = "from benchmarks import compile_time as b; print(b.{})"
Figures = dict[str, Any]


def fresh(code: str, **environment: str) -> Any:
    """What a new process prints, read as JSON."""
    command, settings = [sys.executable, "-c", code], {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


# ---- import ----


def imports(repeat: int) -> Figures:
    """Seconds to import NumPy and minitorch, and the median of the ratios of neighbours.

    Both are read as bytecode, which a first round writes to a folder of its own, whatever the environment says of it.
    """
    with tempfile.TemporaryDirectory() as folder:
        cached = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
        both = [IMPORT.format(name) for name in ("numpy", "minitorch")]
        pairs = [[fresh(code, **cached) for code in both] for _ in range(repeat + 1)][1:]
    ratio = report.median_and_interval([ours / numpy for numpy, ours in pairs])
    return {"numpy": median(p[0] for p in pairs), "minitorch": median(p[1] for p in pairs), "ratio": ratio}


# ---- compiling a step ----


def traced(workload: Workload) -> tuple[list[Tensor], Tensor, dict[Tensor, Tensor]]:
    """The arguments of `compile` for a training step."""
    nin, *nouts = workload.sizes
    x = mt.placeholder("x", ("batch", nin))
    y = mt.placeholder("y", ("batch", nouts[-1]))
    model = mt.nn.MLP(nin, nouts, activation="tanh", seed=0)
    loss = mt.mse_loss(model(x), y)
    return [x, y], loss, mt.optim.SGD(model.parameters(), lr=RATE).minimize(loss)


def time_step(name: str = "moons") -> float:
    """Seconds that `compile` takes for the training step of a workload; that of moons is the quickstart's."""
    arguments = traced(WORKLOADS[name])
    start = time.perf_counter()
    mt.compile(*arguments)
    return time.perf_counter() - start


def steps(repeat: int) -> Figures:
    """Seconds to compile the quickstart's step: the first time in a process, and once everything is loaded."""
    first = [fresh(OURS.format("time_step()")) for _ in range(repeat)]
    return {"first": report.median_and_interval(first), "later": report.median_and_interval(_later(5 * repeat))}


def _later(repeat: int) -> list[float]:
    return [time_step() for _ in range(repeat + 1)][1:]


# ---- compiling a chain ----


def time_chain(operations: int, gradient: bool) -> list[float]:
    """Seconds of the processor to trace, differentiate, compile and first run a chain of scalar operations."""
    times = [time.process_time()]
    x = mt.placeholder("x", (), dtype="float64")
    t = x
    for _ in range(operations // 2):
        t = t * 1.0001 + 0.0001
    times.append(time.process_time())
    slopes = mt.grad(t, [x] if gradient else [])
    times.append(time.process_time())
    program = mt.compile([x], [t, *slopes])
    times.append(time.process_time())
    results = program(1.0)
    times.append(time.process_time())
    _check_chain(operations, [float(r) for r in results])
    return [after - before for before, after in pairwise(times)]


def _check_chain(operations: int, results: Sequence[float]) -> None:
    """Against the sums that the chain amounts to: a^n x + b (a^n - 1) / (a - 1), with the slope a^n."""
    slope = 1.0001 ** (operations // 2)
    np.testing.assert_allclose(results, [slope + (slope - 1), slope][: len(results)], rtol=1e-8)


def chains(sizes: Sequence[int], repeat: int) -> list[Figures]:
    """For each kind of chain the medians of each stage, by size, and how compile time grows between the last two."""
    found = []
    for gradient in (False, True):
        code = [OURS.format(f"time_chain({n}, {gradient})") for n in sizes]
        rounds = [[fresh(line) for line in code] for _ in range(repeat)]  # rounds[i][size][stage]
        stages = [[median(one[k][s] for one in rounds) for s in range(4)] for k in range(len(sizes))]
        growth = report.median_and_interval([one[-1][2] / one[-2][2] for one in rounds]) if len(sizes) > 1 else None
        found.append({"gradient": gradient, "sizes": list(sizes), "stages": stages, "growth": growth})
    return found


# ---- memory ----


def memory(workload: Workload) -> Figures:
    """Bytes: what the plan says that a program needs, what its arrays hold, and what a step takes beyond that.

    What a step takes is arguments, lists and results, and up to 34 KiB in which NumPy stretches a bias for a moment.
    """
    batch = random_batch(workload)
    tracemalloc.start()
    before = _arrays_held()
    arguments = traced(workload)
    program = mt.compile(*arguments)
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
        "arena": Memory(program.plan).layout(sizes)[-1],
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


# ---- reporting ----


def import_table(found: Figures) -> str:
    row = [f"{1000 * found['numpy']:.0f}", f"{1000 * found['minitorch']:.0f}", report.interval_text(found["ratio"])]
    return report.table(("import", "numpy ms", "minitorch ms", "ratio"), [["", *row]])


def step_table(found: Figures) -> str:
    rows = [[when, *(f"{1000 * v:.1f}" for v in found[when])] for when in ("first", "later")]
    return report.table(("compile of the quickstart's step", "ms", "from", "to"), rows)


def chain_table(found: Sequence[Figures]) -> str:
    rows = []
    for chain in found:
        kind = "forward and gradient" if chain["gradient"] else "forward"
        for i, (n, stages) in enumerate(zip(chain["sizes"], chain["stages"], strict=True)):
            last = i == len(chain["sizes"]) - 1 and chain["growth"] is not None
            growth = report.interval_text(chain["growth"]) if last else ""
            rows.append([f"{n:,} operations, {kind}", *(f"{s:.2f}" for s in stages), growth])
    return report.table(
        ("chain", "trace s", "differentiate s", "compile s", "first call s", "compile / row above"), rows
    )


def memory_table(found: Sequence[Figures]) -> str:
    names = ("parameters", "arena", "results", "constants", "held", "beyond", "without_reuse")
    rows = [
        [f["title"], *(f"{f[name] / 1024:,.1f}" for name in names), f"{f['held'] / needed(f):.3f}"]
        for f in found
    ]  # fmt: skip
    head = (
        "KiB",
        "parameters",
        "arena",
        "results",
        "constants",
        "arrays held",
        "more in a step",
        "arena without reuse",
    )
    return report.table((*head, "held / (parameters + arena + results)"), rows)


def needed(found: Figures) -> int:
    """What a program should hold at most."""
    return int(found["parameters"] + found["arena"] + found["results"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything before the first step."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compile_time", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--repeat", type=int, default=9, help="rounds; a third as many for chains")
    parser.add_argument("--chain", type=int, nargs="*", default=[25_000, 50_000, 100_000], help="operations")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    options = parser.parse_args(arguments)
    here = report.machine()
    found: Figures = {
        "machine": here,
        "import": imports(options.repeat),
        "step": steps(options.repeat),
        "chain": chains(options.chain, max(1, options.repeat // 3)),
        "memory": [memory(w) for w in WORKLOADS.values()],
    }
    tables = (import_table(found["import"]), step_table(found["step"]), chain_table(found["chain"]))
    print("\n\n".join((report.title(here), *tables, memory_table(found["memory"]))))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
