"""What is measured beside the time of a step: compile time, the first step, memory."""

import json
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import compile_time, first_step, memory, tables, workloads

FIVE = ["moons", "digits", "mnist", "wide", "deep"]

# ---- before the first step ----


def test_compile_time_reports_everything(tmp_path, run, markdown_rows):
    printed = run("benchmarks.compile_time", "--repeat", 1, "--chain", 100, 200, "--json", tmp_path / "compile.json")
    titles = [name for name, _ in markdown_rows(printed) if not name.startswith("---")]
    assert titles[:4] == ["import", "", "compile of the quickstart's step", "first"]
    assert [t for t in titles if "operations" in t] == [
        f"{n} operations, {kind}" for kind in ("forward", "forward and gradient") for n in (100, 200)
    ]
    assert [t.split()[0] for t in titles[-5:]] == FIVE
    found = json.loads((tmp_path / "compile.json").read_text())
    assert found["import"]["numpy"] > 0
    assert found["import"]["minitorch"] > 0
    assert len(found["memory"]) == 5


def test_a_chain_that_computes_something_else_is_found():
    assert len(compile_time.time_chain(100, True)) == 4
    compile_time._check_chain(4, [1.0001 * (1.0001 + 0.0001) + 0.0001, 1.0001**2])
    with pytest.raises(AssertionError):
        compile_time._check_chain(4, [1.0001 * (1.0001 + 0.0001) + 0.0001, 1.0001])


def test_the_first_step_is_timed_cold_and_warm(markdown_rows):
    found = first_step.measure("moons", "numpy", 1, 2, ["minitorch", "jax"])
    assert set(found["seconds"]["minitorch"]) == {"import", "cold", "warm"}
    if find_spec("jax") is None:
        assert "JAX jit did not take part in moons: ModuleNotFoundError: No module" in tables.first_steps([found])
        assert found["left_out"] == {"jax": "ModuleNotFoundError: No module named 'jax'"}
    for middle, low, high in found["seconds"]["minitorch"].values():
        assert 0 < low <= middle <= high
    names = [name for name, cells in markdown_rows(tables.first_steps([found])) if cells == 8]
    assert names[2] == "moons (2-16-16-1, batch 32), minitorch"


# ---- memory ----


@pytest.mark.parametrize("name", FIVE)
def test_a_program_holds_its_parameters_its_arena_and_its_results(name):
    found = memory.planned(workloads.WORKLOADS[name])
    sizes, batch = workloads.WORKLOADS[name].sizes, workloads.WORKLOADS[name].batch
    by_hand = 4 * (batch * (sum(sizes[1:]) + sum(sizes[1:-1])) + sum(a * b + b for a, b in pairwise(sizes)))
    assert found["parameters"] == 4 * sum(a * b + b for a, b in pairwise(sizes))
    assert found["arena"] < by_hand, "the buffers of the hand-written step: values, and slopes of all"
    assert found["arena"] < found["without_reuse"]
    assert found["constants"] <= 4 * batch + 64
    assert found["held"] <= memory.needed(found) + found["constants"] + 2048  # the learning rate, alignment
    assert found["held"] >= found["parameters"] + found["arena"]
    assert found["beyond"] < 40_000


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux what is resident")
def test_the_growth_of_a_process_is_what_training_needs():
    found = memory.measure("wide", "numpy", 1, ["minitorch", "jax"])
    least = found["parameters"] + found["arena"]
    assert least <= found["growth"]["minitorch"] < 3 * least
    assert set(found["growth"]) | set(found["left_out"]) == {"minitorch", "jax"}
    text = tables.memory([found])
    assert "| MiB | parameters | arena | sum of buffers | minitorch grew by |" in text
    assert f"| {found['parameters'] / 2**20:.2f} | {found['arena'] / 2**20:.2f} |" in text
