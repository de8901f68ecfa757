"""The figures as a bar chart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.contestants import CONTESTANTS, PRODUCTS

COLOURS = {
    "minitorch": "#d62728", "matmul": "#555555", "dot": "#888888", "tuned": "#bbbbbb", "torch": "#ff7f0e",
    "torch-compile": "#ffbb78", "jax": "#98df8a", "jax-scan": "#2ca02c", "pytensor": "#9467bd", "tinygrad": "#8c564b",
    "sklearn": "#1f77b4",
}  # fmt: skip


def draw(runs: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel a process: the time of a step in an epoch over that of its products alone, on a logarithmic scale."""
    figure = Figure(figsize=(12, 4.2 * len(runs)), layout="constrained")  # without pyplot: no window, no screen needed
    panels = figure.subplots(len(runs), squeeze=False)[:, 0]
    for axes, run in zip(panels, runs, strict=True):
        _panel(axes, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _panel(axes: Any, run: dict[str, Any]) -> None:
    results = [r for r in run["results"] if r["epoch"]["microseconds"]]
    names = [n for n in CONTESTANTS if n != PRODUCTS and any(n in r["epoch"]["microseconds"] for r in results)]
    width = 0.85 / len(names)
    for i, name in enumerate(names):
        found = [(place, _height(r["epoch"], name)) for place, r in enumerate(results)]
        places = [place + (i + 0.5 - len(names) / 2) * width for place, height in found if height]
        heights = [height for _, height in found if height]
        axes.bar(places, heights, width, label=CONTESTANTS[name].title, color=COLOURS.get(name))
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(results)), [r["workload"]["name"] for r in results])
    count = run["machine"]["threads"]
    unit = "products alone = 1" if all(PRODUCTS in r["epoch"]["microseconds"] for r in results) else "microseconds"
    axes.set(yscale="log", ylabel=f"a step in an epoch\n{unit}", title=f"{count} thread{'s' * (count > 1)}")
    axes.legend(fontsize="small", ncols=6, loc="upper center")
    axes.margins(y=0.25)


def _height(found: dict[str, Any], name: str) -> float | None:
    """The time of a contestant over that of the products, or as it is where those were not measured."""
    if name not in found["microseconds"]:
        return None
    products = found["microseconds"].get(PRODUCTS, [1.0])[0]
    return float(found["microseconds"][name][0] / products)
