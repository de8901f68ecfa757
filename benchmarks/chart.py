"""The figures as a bar chart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.contestants import CONTESTANTS, PRODUCTS

COLOURS = {
    "minitorch": "#d62728", "matmul": "#555555", "dot": "#888888", "tuned": "#bbbbbb", "torch": "#ff7f0e",
    "torch-compile": "#ffbb78", "jax": "#98df8a", "jax-scan": "#2ca02c", "pytensor": "#9467bd", "tinygrad": "#8c564b",
    "sklearn": "#1f77b4",
}  # fmt: skip


def draw(runs: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel a process: the time of a step in an epoch over that of its products alone, on a logarithmic scale, where
    bars grow downward from one that stands for these."""
    figure = Figure(figsize=(12, 4.2 * len(runs)), layout="constrained")  # without pyplot: no window, no screen needed
    panels = figure.subplots(len(runs), squeeze=False)[:, 0]
    for axes, run in zip(panels, runs, strict=True):
        _panel(axes, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "chart"}):  # words as words; the same bytes each time
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panel(axes: Any, run: dict[str, Any]) -> None:
    results = [r for r in run["results"] if r["epoch"]["microseconds"]]
    names = [n for n in CONTESTANTS if n != PRODUCTS and any(n in r["epoch"]["microseconds"] for r in results)]
    width = 0.85 / len(names)
    for i, name in enumerate(names):
        found = [(place, _height(r["epoch"], name)) for place, r in enumerate(results)]
        places = [place + (i + 0.5 - len(names) / 2) * width for place, height in found if height]
        above = [height - 1 for _, height in found if height]
        axes.bar(places, above, width, bottom=1, label=CONTESTANTS[name].title, color=COLOURS.get(name), zorder=2)
    axes.axhline(1, color="black", linewidth=0.8, zorder=3)
    axes.set_xticks(range(len(results)), [r["workload"]["name"] for r in results])
    axes.tick_params(axis="x", length=0)
    axes.set(yscale="log", title=_title(run, results))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(axis="y", color="#dddddd", zorder=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.legend(fontsize="small", ncols=6, loc="upper center", frameon=False)
    axes.margins(x=0.01, y=0.2)


def _title(run: dict[str, Any], results: Sequence[dict[str, Any]]) -> str:
    count = run["machine"]["threads"]
    over = all(PRODUCTS in r["epoch"]["microseconds"] for r in results)
    unit = "over the time of its matrix products alone (less is better)" if over else "in microseconds"
    return f"A step in an epoch with {count} thread{'s' * (count > 1)}, {unit}"


def _height(found: dict[str, Any], name: str) -> float | None:
    """The time of a contestant over that of the products, or as it is where those were not measured."""
    if name not in found["microseconds"]:
        return None
    products = found["microseconds"].get(PRODUCTS, [1.0])[0]
    return float(found["microseconds"][name][0] / products)
