"""What a figure needs beside it: the machine, the libraries, an interval, a table."""

import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

LIBRARIES = ("torch", "jax", "jaxlib", "pytensor", "numba", "tinygrad", "scikit-learn", "scipy")


def machine() -> dict[str, Any]:
    """What decides how fast arithmetic is, by name. BLAS as it is set at this moment."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    blas = [f"{b['internal_api']} {b['version']}, {b.get('architecture', '?')}" for b in libraries]
    return {
        "cpu": _cpu(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "blas": "; ".join(blas) or "unknown",
        "threads": max((b["num_threads"] for b in libraries), default=1),
    }


def libraries() -> dict[str, str]:
    """The versions of the peers' libraries that are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    """The model as Linux names it, else what Python knows."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{named[0]}, {len(named)} cores" if named else platform.processor() or platform.machine()


def title(machine: dict[str, Any]) -> str:
    """One line to stand above a table."""
    threads = f"{machine['threads']} thread{'s' if machine['threads'] != 1 else ''}"
    return f"{machine['cpu']}; BLAS {machine['blas']}, {threads}; NumPy {machine['numpy']}, Python {machine['python']}"


def median_and_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, and order statistics that hold the true one with a probability of about 0.95."""
    ordered = sorted(values)
    n = len(ordered)
    reach = 0.98 * n**0.5  # 1.96 deviations of a binomial count of n halves
    low, high = max(0, int(n / 2 - reach)), min(n - 1, int(n / 2 + reach))
    return float(np.median(ordered)), ordered[low], ordered[high]


def interval_text(values: tuple[float, float, float]) -> str:
    middle, low, high = values
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown: the first column to the left, figures to the right."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, rule, *rows))
