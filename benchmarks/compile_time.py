"""What it costs before the first step: import, compile, and the memory that a compiled program holds.

    python -m benchmarks.compile_time [--repeat 9] [--chain 25000 50000 100000] [--json FILE]

Takes some minutes. Imports, first compiles and chains are timed in fresh processes that take turns; chains by the time
of the processor, so that others on the machine count less. Memory is what tracemalloc sees, to which NumPy reports its
arrays; buffers inside BLAS are not among it.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import minitorch as mt
from benchmarks import memory, report
from benchmarks.peers.ours import traced
from benchmarks.processes import fresh
from benchmarks.workloads import FIVE, WORKLOADS

IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
OURS = "from benchmarks import compile_time as b; print(b.{})"
Figures = dict[str, Any]


# ---- import ----


def imports(repeat: int) -> Figures:
    """Seconds to import NumPy and minitorch, and the median of the ratios of neighbours.

    Both are read as bytecode, which a first round writes to a folder of its own, whatever the environment says of it.
    """
    with tempfile.TemporaryDirectory() as folder:
        cached = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
        both = [IMPORT.format(name) for name in ("numpy", "minitorch")]
        pairs = [[fresh(code, cached) for code in both] for _ in range(repeat + 1)][1:]
    ratio = report.median_and_interval([ours / numpy for numpy, ours in pairs])
    return {"numpy": median(p[0] for p in pairs), "minitorch": median(p[1] for p in pairs), "ratio": ratio}


# ---- compiling a step ----


def time_step(name: str = "moons") -> float:
    """Seconds that `compile` takes for the training step of a workload; that of moons is the quickstart's."""
    *_, arguments = traced(WORKLOADS[name])
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
        [f["title"], *(f"{f[name] / 1024:,.1f}" for name in names), f"{f['held'] / memory.needed(f):.3f}"]
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
        "memory": [memory.planned(w) for w in FIVE],
    }
    tables = (import_table(found["import"]), step_table(found["step"]), chain_table(found["chain"]))
    print("\n\n".join((report.title(here), *tables, memory_table(found["memory"]))))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
