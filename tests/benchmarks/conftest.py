"""What tests of the benchmarks share: small problems, running a command, reading its tables."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.workloads import Problem, Workload

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = {
    "plain": {},
    "one column": {"sizes": (3, 5, 1)},
    "relu": {"activation": "relu"},
    "entropy": {"loss": "cross_entropy", "sizes": (3, 5, 4, 3)},
    "momentum": {"momentum": 0.9},
    "float64": {"dtype": "float64"},
    "all": {"activation": "relu", "loss": "cross_entropy", "momentum": 0.5, "dtype": "float64", "sizes": (3, 4, 4)},
}


@pytest.fixture
def small():
    """A small problem."""
    return Problem(Workload("small", (3, 5, 4, 2), 7, steps=6))


@pytest.fixture(params=list(VARIANTS))
def every(request, small):
    """The small problem in every variant."""
    return Problem(replace(small.workload, **VARIANTS[request.param]))


@pytest.fixture(scope="session")
def run():
    """`run(module, *arguments, status=0)`: what a command prints, to standard error if it should fail."""

    def call(module, *arguments, status=0):
        command = [sys.executable, "-W", "error", "-m", module, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
        assert done.returncode == status, done.stderr
        return done.stderr if status else done.stdout

    return call


@pytest.fixture(scope="session")
def markdown_rows():
    """`markdown_rows(printed)`: the first cells of all rows, with how many cells there are."""

    def rows(printed):
        found = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("|")]
        return [(cells[0].strip(), len(cells)) for cells in found]

    return rows
