"""The figures of `python -m benchmarks` as Markdown."""

from collections.abc import Sequence
from typing import Any

from benchmarks.contestants import CONTESTANTS, OURS, PRODUCTS
from benchmarks.report import interval_text, table, title

Figures = dict[str, Any]
HEADINGS = {
    "step": "Single calls `step(xb, yb)`: microseconds",
    "epoch": "Whole epochs: microseconds a step, batches gathered in a random order",
}


def text(found: Figures) -> str:
    """All that one process measured."""
    versions = ", ".join(f"{name} {version}" for name, version in found["libraries"].items()) or "no peers installed"
    backends = " and ".join(dict.fromkeys(r["backend"] for r in found["results"]))
    head = f"{title(found['machine'])}; {versions}; minitorch backend {backends}, {found['rounds']} rounds"
    names = [name for name in CONTESTANTS if any(_took_part(r, name) for r in found["results"])]
    parts = [head]
    for kind, heading in HEADINGS.items():
        shown = [name for name in names if any(name in r[kind]["microseconds"] for r in found["results"])]
        parts += [f"{heading}.", times(found["results"], kind, shown)]
    return "\n\n".join([*parts, *_left_out(found["results"]), *_crowded(found["results"])])


def _took_part(result: Figures, name: str) -> bool:
    return any(name in result[kind]["microseconds"] for kind in HEADINGS)


def times(results: Sequence[Figures], kind: str, names: Sequence[str]) -> str:
    """A row a workload: the medians, minitorch over the best that trains, and over the products alone."""
    columns = ["workload", *(CONTESTANTS[name].title for name in names), "minitorch / best peer", "best peer"]
    return table([*columns, "minitorch / products"], [_row(r, kind, names) for r in results])


def _row(result: Figures, kind: str, names: Sequence[str]) -> list[str]:
    found = result[kind]
    best = found["best"]
    cells = [f"{found['microseconds'][n][0]:.1f}" if n in found["microseconds"] else "" for n in names]
    ratio = interval_text(found["ratios"][best]) if best else ""
    products = interval_text(found["ratios"][PRODUCTS]) if PRODUCTS in found["ratios"] else ""
    return [result["title"], *cells, ratio, CONTESTANTS[best].title if best else "", products]


def _left_out(results: Sequence[Figures]) -> list[str]:
    """A line for each reason why somebody did not take part."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for name, reason in result["left_out"].items():
            reasons.setdefault((name, reason), []).append(result["title"].split(" ")[0])
    return [
        f"{CONTESTANTS[name].title} did not take part in {', '.join(workloads)}: {reason}."
        for (name, reason), workloads in reasons.items()
    ]


def _crowded(results: Sequence[Figures]) -> list[str]:
    """A warning where contestants got much less than a core, so that figures say little."""
    shares = [share for r in results for kind in HEADINGS for share in r[kind]["cores"].values()]
    if min(shares, default=1.0) > 0.7:
        return []
    return [f"The machine was busy: a contestant got {min(shares):.2f} of a core, so these figures say little."]


def memory(found: Sequence[Figures]) -> str:
    """MiB: what the plan says, and by how much processes grew."""
    names = [name for name in CONTESTANTS if any(name in f["growth"] for f in found)]
    grown = [f"{CONTESTANTS[name].title} grew by" for name in names]
    columns = ["MiB", "parameters", "arena", "sum of buffers", *grown, "minitorch / PyTorch"]
    rows = []
    for f in found:
        growth = [_mebibytes(f["growth"].get(name)) for name in names]
        both = f["growth"].get(OURS), f["growth"].get("torch")
        ratio = f"{both[0] / both[1]:.2f}" if both[0] and both[1] else ""
        rows.append([f["title"], *(_mebibytes(f[k]) for k in ("parameters", "arena", "without_reuse")), *growth, ratio])
    heading = "Peak growth of resident memory while building and training."
    return "\n\n".join([heading, table(columns, rows), *_left_out(found)])


def _mebibytes(size: int | None) -> str:
    return "" if size is None else f"{size / 2**20:.2f}"


def first_steps(found: Sequence[Figures]) -> str:
    """Seconds, cold and warm."""
    columns = ["seconds", "import", "to the first step, cold", "from", "to", "warm", "from", "to"]
    rows = []
    for f in found:
        for name, seconds in f["seconds"].items():
            cold, warm = ([f"{v:.3f}" for v in seconds[k]] for k in ("cold", "warm"))
            label = f"{f['title']}, {CONTESTANTS[name].title}"
            rows.append([label, f"{seconds['import'][0]:.2f}", *cold, *warm])
    heading = "From building the graph to the end of the first step, in a fresh process with its libraries imported."
    return "\n\n".join([heading, table(columns, rows), *_left_out(found)])
