"""minitorch beside every peer that is installed: time, memory, and how long until the first step.

python -m benchmarks [--threads 1 2] [--workloads moons digits] [--json out/benchmarks.json]
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import chart, first_step, memory, tables
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.processes import fresh, threads
from benchmarks.workloads import FIVE, WORKLOADS

PARTS = ("time", "memory", "first")
CODE = "import json; from benchmarks import measure as m; print(json.dumps(m.run_all({}, {}, {}, {!r}, {})))"


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for; an error for names that do not exist."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    known = f"of {', '.join(WORKLOADS)}"
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), metavar="NAME", help=known)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="a process for each")
    peers = [name for name in CONTESTANTS if name != OURS]
    parser.add_argument(
        "--peers",
        nargs="*",
        default=[name for name in peers if CONTESTANTS[name].usual],
        metavar="NAME",
        help=f"of {', '.join(peers)}",
    )
    parser.add_argument("--backend", default="auto", help="of minitorch")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS, help="what to measure")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--chart", type=Path, help="a file for a bar chart: .svg, .png or .pdf")
    found = parser.parse_args(arguments)
    for what, given, names in (("workload", found.workloads, WORKLOADS), ("peer", found.peers, peers)):
        if unknown := [name for name in given if name not in names]:
            parser.error(f"there is no {what} {unknown[0]}; there are {', '.join(names)}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print tables, and write what was asked for."""
    wanted = options(arguments)
    found: dict[str, Any] = {}
    if "time" in wanted.parts:
        found["time"] = [_timed(wanted, count) for count in wanted.threads]
    if "memory" in wanted.parts:
        of = [w.name for w in FIVE if w.name in wanted.workloads]
        found["memory"] = [_noted("memory", memory.measure, name, wanted) for name in of]
        print(f"{tables.memory(found['memory'])}\n")
    if "first" in wanted.parts:
        of = [name for name in first_step.WHICH if name in wanted.workloads]
        found["first"] = [
            _noted("first step", first_step.measure, name, wanted, max(1, wanted.rounds // 6)) for name in of
        ]
        print(f"{tables.first_steps(found['first'])}\n")
    if wanted.json is not None:
        wanted.json.parent.mkdir(parents=True, exist_ok=True)
        wanted.json.write_text(json.dumps(found, indent=1))
    if wanted.chart is not None and "time" in found:
        chart.draw(found["time"], wanted.chart)


def _timed(wanted: argparse.Namespace, count: int) -> Any:
    """One process with this many threads, which holds all contestants at once; its tables are printed."""
    names = [name for name in CONTESTANTS if name == OURS or name in wanted.peers]
    code = CODE.format(wanted.workloads, names, count, wanted.backend, wanted.rounds)
    found = fresh(code, threads(count), watched=True)
    print(f"{tables.text(found)}\n")
    return found


def _noted(part: str, measure: Any, workload: str, wanted: argparse.Namespace, *rest: Any) -> Any:
    print(f"{part}: {workload}", file=sys.stderr)
    return measure(workload, wanted.backend, wanted.threads[0], *rest)


if __name__ == "__main__":
    main()
