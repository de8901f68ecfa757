"""The tables that are shown are those of the figures that are kept."""

from pathlib import Path

import pytest

from benchmarks import summary
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def machines():
    return summary.kept()


def test_every_file_of_figures_is_of_a_known_machine_and_complete(machines):
    assert {path.stem for path in (ROOT / "benchmarks" / "results").iterdir()} == set(summary.MACHINES)
    for found in machines.values():
        assert [run["machine"]["threads"] for run in found["time"]] == [1, 2]
        assert all([r["workload"]["name"] for r in run["results"]] == list(WORKLOADS) for run in found["time"])


def test_the_readme_shows_the_figures_that_are_kept(machines):
    readme = (ROOT / "README.md").read_text("utf-8")
    for table in summary.readme(machines):
        assert f"\n\n{table}\n\n" in readme


def test_all_figures_are_shown_as_they_are(machines):
    assert (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8") == summary.everything(machines)
