"""What is kept of several machines as Markdown: the tables of the README, and all of it for `benchmarks/RESULTS.md`.

python -m benchmarks.summary
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import tables
from benchmarks.contestants import CONTESTANTS, OURS, PRODUCTS
from benchmarks.report import interval_text, table
from benchmarks.tables import Figures

HERE = Path(__file__).parent
BY_HAND = ("matmul", "dot", "tuned")
SHOWN = ("torch", "torch-compile", "jax", "jax-scan", PRODUCTS)
STARTED = (OURS, "jax", "torch-compile-default")


class Machine(NamedTuple):
    """Whose figures a file of `benchmarks/results/` has."""

    title: str
    description: str
    note: str = ""
    """Where its figures are not all of one run, of the newest version."""


MACHINES = {
    "epyc4": Machine(
        "EPYC, fourth",
        "Two cores of an AMD EPYC of the fourth generation: vectors of 64 bytes, of which it multiplies one at a time.",
    ),
    "epyc5": Machine(
        "EPYC, fifth",
        "Two cores of an AMD EPYC of the fifth generation: vectors of 64 bytes.",
        "By older versions, whose single calls and first steps took longer; memory was measured in another way. The"
        " epochs of digits, deep, entropy, momentum, float64, table and uneven are from a second run.",
    ),
    "epyc3": Machine(
        "EPYC, third",
        "Two cores of an AMD EPYC of the third generation: vectors of 32 bytes. Other work ran beside.",
        "Memory is from a second run.",
    ),
    "xeon": Machine(
        "Xeon",
        "Two cores of an Intel Xeon: vectors of 64 bytes.",
        "By an older version, whose single calls and first steps took longer; memory was measured in another way.",
    ),
}


def kept() -> dict[str, Figures]:
    """The figures of each machine."""
    return {name: json.loads((HERE / "results" / f"{name}.json").read_text()) for name in MACHINES}


# ---- the README's ----


def headline(results: Sequence[Figures], kind: str) -> str:
    """A row a workload: minitorch, the fastest by hand, and those that are read about most."""
    shown = [name for name in SHOWN if any(name in r[kind]["microseconds"] for r in results)]
    titles = ["minitorch", "by hand in NumPy", *(CONTESTANTS[name].title for name in shown)]
    rows = []
    for r in results:
        times = {name: values[0] for name, values in r[kind]["microseconds"].items()}
        by_hand = min(times[name] for name in BY_HAND if name in times)
        cells = [_short(times[OURS]), _short(by_hand), *(_short(times.get(name)) for name in shown)]
        ratios = r[kind]["ratios"]
        rows.append(
            [
                r["title"].replace(" (", ": ")[:-1],
                *cells,
                *(interval_text(ratios[k]) for k in (r[kind]["best"], PRODUCTS)),
            ]
        )
    return table(["workload", *titles, "minitorch / best peer", "minitorch / products"], rows)


def _short(microseconds: float | None) -> str:
    if microseconds is None:
        return ""
    return f"{microseconds:.1f}" if microseconds < 100 else f"{microseconds:.0f}"


def beside(machines: Mapping[str, Figures], kind: str, of: str = "") -> str:
    """A row a workload, a column a machine: minitorch's time over the best peer's, or that `of` another; with one
    thread, then with two."""
    first = next(iter(machines.values()))
    rows = []
    for k, workload in enumerate(first["time"][0]["results"]):
        cells = []
        for found in machines.values():
            own = [run["results"][k][kind] for run in found["time"]]
            cells.append(", ".join(f"{r['ratios'][of or r['best']][0]:.2f}" for r in own))
        rows.append([workload["workload"]["name"], *cells])
    return table(["", *(MACHINES[name].title for name in machines)], rows)


def first_steps(machines: Mapping[str, Figures]) -> str:
    """A row for each machine and framework: milliseconds to the first step of a few workloads, cold and warm."""
    rows = []
    for machine, found in machines.items():
        for name in STARTED:
            seconds = [f["seconds"][name] for f in found["first"]]
            title = f"{MACHINES[machine].title}: {CONTESTANTS[name].title}"
            rows.append([title, *(f"{1e3 * s['cold'][0]:,.0f}, then {1e3 * s['warm'][0]:,.0f}" for s in seconds)])
    workloads = [f["title"].split(" ")[0] for f in next(iter(machines.values()))["first"]]
    return table(["", *workloads], rows)


def readme(machines: Mapping[str, Figures]) -> list[str]:
    """The tables of the README."""
    alone = next(iter(machines.values()))["time"][0]["results"]
    return [
        headline(alone, "epoch"),
        headline(alone, "step"),
        beside(machines, "epoch"),
        beside(machines, "epoch", PRODUCTS),
        beside(machines, "step", "jax"),
        first_steps(machines),
    ]


# ---- all ----


def everything(machines: Mapping[str, Figures]) -> str:
    """The text of `benchmarks/RESULTS.md`."""
    parts = [
        "# What was measured, machine by machine",
        "Written by `python -m benchmarks.summary` from the figures in `benchmarks/results/`. Ratios are medians of"
        " those within rounds, with their 95 % intervals; only they can be compared between machines.",
    ]
    for name, found in machines.items():
        parts += _all_of(MACHINES[name], found)
    return "\n\n".join(parts) + "\n"


def _all_of(machine: Machine, found: Figures) -> list[str]:
    parts = [f"## {machine.title}", " ".join(text for text in (machine.description, machine.note) if text)]
    for run in found["time"]:
        threads = run["machine"]["threads"]
        parts += [f"### {threads} thread{'s' * (threads > 1)}", tables.text(run)]
    return [*parts, "### Memory", tables.memory(found["memory"]), "### First steps", tables.first_steps(found["first"])]


def main() -> None:
    """Write RESULTS.md, and print the tables of the README."""
    machines: dict[str, Any] = kept()
    (HERE / "RESULTS.md").write_text(everything(machines))
    print("\n\n".join(readme(machines)))


if __name__ == "__main__":
    main()
