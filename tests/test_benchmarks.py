"""The benchmarks measure what they say: the same computation, every workload, every row. No figure is judged here."""

import importlib
import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
WORKLOADS = ["moons", "digits", "mnist", "wide", "deep"]


@pytest.fixture
def load(monkeypatch):
    """A module of benchmarks/ by its name."""
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def small(load):
    return load("workloads").Workload("small", (3, 5, 4, 2), 7)


def run(module, *arguments):
    command = [sys.executable, "-W", "error", "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def markdown_rows(printed):
    """The first cells of all rows, with how many cells there are."""
    rows = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("|")]
    return [(cells[0].strip(), len(cells)) for cells in rows]


# ---- the steps ----


def torch_steps(parameters, batch, rate, steps):
    """The same training by PyTorch: losses and final parameters."""
    torch = pytest.importorskip("torch")
    x, y = (torch.from_numpy(a) for a in batch)
    tensors = [torch.tensor(p, requires_grad=True) for p in parameters]
    sgd = torch.optim.SGD(tensors, lr=rate)
    losses = []
    for _ in range(steps):
        h = x
        for i in range(0, len(tensors), 2):
            h = h @ tensors[i] + tensors[i + 1]
            h = torch.tanh(h) if i < len(tensors) - 2 else h
        loss = torch.nn.functional.mse_loss(h, y)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return losses, [t.detach().numpy() for t in tensors]


@pytest.mark.parametrize("who", ["matmul", "dot", "tuned", "minitorch"])
def test_every_contestant_trains_as_pytorch_does(who, load, small):
    step, workloads = load("step"), load("workloads")
    initial, batch = workloads.initial_parameters(small), workloads.random_batch(small)
    losses, parameters = torch_steps(initial, batch, workloads.RATE, 20)
    contestant = step.contestants(small, "numpy")[who]
    contestant.reset(initial)
    found = [contestant.step(*batch) for _ in range(20)]
    np.testing.assert_allclose([float(value) for value in found], losses, rtol=1e-5)
    assert losses[-1] < 0.95 * losses[0]
    for ours, theirs in zip(contestant.parameters, parameters, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    assert len({id(value) for value in found}) == 20  # a fresh result each time
    assert float(found[0]) != float(found[1])


def test_contestants_share_no_parameters(load, small):
    step = load("step")
    entered = step.contestants(small, "numpy")
    parameters = [p for contestant in entered.values() for p in contestant.parameters]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(parameters) for b in parameters[:i])


def test_products_alone_are_the_products_of_a_step(load, small, monkeypatch):
    hand_written, workloads = load("hand_written"), load("workloads")
    calls = []

    def recorded(a, b, out):
        calls.append((a.shape, b.shape, out.shape, a.flags.c_contiguous, b.flags.c_contiguous))
        return np.dot(a, b, out)

    batch, parameters = workloads.random_batch(small), workloads.initial_parameters(small)
    hand_written.plain_step(parameters, small.batch, 0.1, recorded)(*batch)
    of_step = sorted(calls)
    calls.clear()
    monkeypatch.setattr(np, "matmul", recorded)
    hand_written.products_alone(parameters, small.batch)(*batch)
    assert len(of_step) == 8
    assert sorted(calls) == of_step


def test_a_contestant_that_computes_something_else_is_found(load, small):
    step = load("step")
    entered = step.contestants(small, "numpy")
    step.check(small, entered)
    honest = entered["dot"].step
    entered["dot"].step = lambda x, y: honest(x, y) * np.float32(1.001)
    with pytest.raises(AssertionError, match="losses of dot"):
        step.check(small, entered)


def test_step_reports_every_workload(tmp_path):
    printed = run("step", "--repeat", 2, "--json", tmp_path / "step.json")
    assert re.match(r".*BLAS \S+ \S+, \S+, 1 thread; NumPy \S+, Python 3\S+; backend numpy, 2 rounds\n", printed)
    rows = markdown_rows(printed)
    assert [name.split()[0] for name, _ in rows] == ["workload", "---", *WORKLOADS]
    assert {cells for _, cells in rows} == {8}
    found = json.loads((tmp_path / "step.json").read_text())
    assert [r["workload"]["name"] for r in found["results"]] == WORKLOADS
    for r in found["results"]:
        assert set(r["microseconds"]) == {"minitorch", "matmul", "dot", "tuned", "products"}
        assert set(r["ratios"]) == {"matmul", "dot", "tuned", "products"}
        assert all(
            0 < low <= middle <= high for middle, low, high in [*r["microseconds"].values(), *r["ratios"].values()]
        )


def test_step_takes_names_and_threads_and_refuses_what_it_does_not_know():
    printed = run("step", "--repeat", 1, "--threads", 2, "moons")
    assert [name.split()[0] for name, _ in markdown_rows(printed)] == ["workload", "---", "moons"]
    command = [sys.executable, "-m", "benchmarks.step", "sun"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 2
    assert "there is no workload sun; there are moons, digits, mnist, wide, deep" in done.stderr


def test_the_interval_holds_the_median_19_times_in_20(load):
    report, random = load("report"), np.random.default_rng(0)
    intervals = [report.median_and_interval(random.exponential(size=40).tolist()) for _ in range(2000)]
    held = np.mean([low <= np.log(2) <= high for _, low, high in intervals])  # the median of an exponential
    assert 0.93 < held < 0.98
    assert report.median_and_interval([3.0, 1.0, 2.0])[0] == 2.0
    assert report.median_and_interval([5.0]) == (5.0, 5.0, 5.0)


# ---- before the first step ----


def test_compile_time_reports_everything(tmp_path):
    printed = run("compile_time", "--repeat", 1, "--chain", 100, 200, "--json", tmp_path / "compile.json")
    titles = [name for name, _ in markdown_rows(printed) if not name.startswith("---")]
    assert titles[:4] == ["import", "", "compile of the quickstart's step", "first"]
    assert [t for t in titles if "operations" in t] == [
        f"{n} operations, {kind}" for kind in ("forward", "forward and gradient") for n in (100, 200)
    ]
    assert [t.split()[0] for t in titles[-5:]] == WORKLOADS
    found = json.loads((tmp_path / "compile.json").read_text())
    assert found["import"]["numpy"] > 0
    assert found["import"]["minitorch"] > 0
    assert len(found["memory"]) == 5


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_program_holds_its_parameters_its_arena_and_its_results(name, load):
    compile_time, workloads = load("compile_time"), load("workloads")
    found = compile_time.memory(workloads.WORKLOADS[name])
    sizes, batch = workloads.WORKLOADS[name].sizes, workloads.WORKLOADS[name].batch
    by_hand = 4 * (batch * (sum(sizes[1:]) + sum(sizes[1:-1])) + sum(a * b + b for a, b in pairwise(sizes)))
    assert found["parameters"] == 4 * sum(a * b + b for a, b in pairwise(sizes))
    assert found["arena"] < by_hand, "the buffers of the hand-written step: values, and slopes of all"
    assert found["arena"] < found["without_reuse"]
    assert found["constants"] <= 4 * batch + 64
    assert found["held"] <= compile_time.needed(found) + found["constants"] + 2048  # the learning rate, alignment
    assert found["held"] >= found["parameters"] + found["arena"]
    assert found["beyond"] < 40_000


def test_a_chain_that_computes_something_else_is_found(load):
    compile_time = load("compile_time")
    assert len(compile_time.time_chain(100, True)) == 4
    compile_time._check_chain(4, [1.0001 * (1.0001 + 0.0001) + 0.0001, 1.0001**2])
    with pytest.raises(AssertionError):
        compile_time._check_chain(4, [1.0001 * (1.0001 + 0.0001) + 0.0001, 1.0001])
