"""All contestants compute the same training, and whoever does not is left out with the reason."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import contestants, hand_written, reference, workloads
from benchmarks.peers import hand

FIVE = ["moons", "digits", "mnist", "wide", "deep"]
SLOW = ["torch-compile", "torch-compile-default"]  # most of a minute, so they are tested without compiling
WHO = ["minitorch", "matmul", "dot", "tuned", "torch", "jax", "jax-scan", "pytensor", "tinygrad", "sklearn", "products"]


# ---- the computation ----


def torch_losses(problem, rate, steps):
    """The same training by PyTorch in float64, with its own optimiser."""
    torch = pytest.importorskip("torch")
    workload = problem.workload
    x, y = (torch.from_numpy(a).double() for a in problem.batch)
    tensors = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in problem.parameters]
    sgd = torch.optim.SGD(tensors, lr=rate, momentum=workload.momentum)
    losses = []
    for _ in range(steps):
        h = x
        for i in range(0, len(tensors), 2):
            h = h @ tensors[i] + tensors[i + 1]
            h = getattr(torch, workload.activation)(h) if i < len(tensors) - 2 else h
        loss = {"mse": torch.nn.functional.mse_loss, "cross_entropy": torch.nn.functional.cross_entropy}[workload.loss](
            h, y
        )
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return losses


def test_the_reference_trains_as_pytorch_does(every):
    expected = torch_losses(every, workloads.RATE, 20)
    found = reference.losses(every, [every.batch] * 20)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert expected[-1] < 0.97 * expected[0]


@pytest.mark.parametrize("who", WHO)
def test_every_contestant_trains_as_the_reference_does(who, every):
    before = [a.copy() for a in (*every.parameters, *every.data, *every.batch)]
    if who == "tuned" and not every.workload.plain:
        with pytest.raises(contestants.UnsupportedError):
            contestants.build(who, every)
        return
    try:
        contestant = contestants.build(who, every)
    except ImportError as error:
        pytest.skip(f"not installed: {error}")
    contestants.check(who, contestant, every, steps=20)
    if who == "products":
        assert contestant.step(*every.batch) is None
        assert contestant.epoch(every.order) is None
    for a, b in zip((*every.parameters, *every.data, *every.batch), before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="what all share was written")


@pytest.mark.parametrize("who", SLOW)
def test_torch_compile_is_given_the_same_training(who, every, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    monkeypatch.setattr(torch.compiler, "reset", lambda: None)
    contestants.check(who, contestants.build(who, every), every, steps=20)


def test_the_table_of_contestants_is_what_is_tested_here():
    assert sorted(contestants.CONTESTANTS) == sorted([*WHO, *SLOW])


def test_the_backend_is_passed_on(small):
    assert contestants.build("minitorch", replace(small, backend="interpreter")).step.backend == "interpreter"


def test_products_alone_are_the_products_of_a_step(small, monkeypatch):
    calls = []

    def recorded(a, b, out):
        calls.append((a.shape, b.shape, out.shape, a.flags.c_contiguous, b.flags.c_contiguous))
        return np.dot(a, b, out)

    parameters = [p.copy() for p in small.parameters]
    velocities = [np.zeros_like(p) for p in parameters]
    hand_written.plain_step(small.workload, parameters, velocities, recorded)(*small.batch)
    of_step = sorted(calls)
    calls.clear()
    monkeypatch.setattr(np, "matmul", recorded)
    hand_written.products_alone(small.workload, parameters)(*small.batch)
    assert len(of_step) == 8
    assert sorted(calls) == of_step


def test_the_workloads_are_those_of_the_design():
    assert [w.name for w in workloads.FIVE] == FIVE
    assert all(w.plain and w.dtype == "float32" for w in workloads.FIVE)
    assert [str(w) for w in workloads.FIVE] == [
        "moons (2-16-16-1, batch 32)", "digits (64-64-10, batch 64)", "mnist (784-256-128-10, batch 128)",
        "wide (1024-1024-1024-10, batch 512)", "deep (32 x 64, batch 64)",
    ]  # fmt: skip
    assert [str(w).split(", ")[2] for w in workloads.VARIANTS] == [
        "relu)", "cross_entropy)", "momentum 0.9)", "float64)",
    ]  # fmt: skip
    for workload in (*workloads.VARIANTS, *workloads.SHAPES):
        problem = workloads.Problem(workload)
        assert {a.dtype for a in (*problem.parameters, *problem.data)} == {np.dtype(workload.dtype)}
        assert sum(len(x) == workload.batch for x, _ in problem.batches()) == workload.steps


# ---- who takes part ----


def scaled(kind, factor):
    """A contestant whose step, or epoch, has other losses."""

    def build(problem):
        honest = hand.matmul(problem)
        call = getattr(honest, kind)
        return replace(honest, **{kind: lambda *given: np.asarray(call(*given)) * np.float32(factor)})

    return build


@pytest.mark.parametrize(("kind", "said"), [("step", "dot, step by step"), ("epoch", "dot, an epoch")])
def test_a_contestant_that_computes_something_else_is_left_out(kind, said, small, monkeypatch):
    monkeypatch.setattr(hand, "dot", scaled(kind, 1.005))
    entered, left_out = contestants.enter(["minitorch", "matmul", "dot"], small)
    assert list(entered) == ["minitorch", "matmul"]
    assert left_out["dot"].startswith(f"failed: WrongLossesError: small: losses of {said}: ")


def test_a_contestant_that_does_not_train_or_start_again_is_found(small):
    honest = contestants.build("matmul", small)
    idle = replace(honest, step=lambda x, y: [honest.reset(small.parameters), honest.step(x, y)][1])
    with pytest.raises(contestants.WrongLossesError, match="step by step"):
        contestants.check("matmul", idle, small)
    new = replace(contestants.build("matmul", small), reset=lambda initial: None)
    with pytest.raises(contestants.WrongLossesError, match="an epoch"):
        contestants.check("matmul", new, small)


def test_an_epoch_in_another_order_is_found(small):
    honest = contestants.build("matmul", small)
    with pytest.raises(contestants.WrongLossesError, match="an epoch"):
        contestants.check("matmul", replace(honest, rows=lambda order: order[::-1]), small)


def test_those_that_are_missing_or_fail_are_left_out_with_the_reason(small, monkeypatch):
    relu = replace(small, workload=replace(small.workload, activation="relu"))
    reasons = {"jax": ImportError("No module named 'jax'"), "torch": OSError("\n  no such library\nmore")}
    honest = contestants.load

    def refuse(name):
        if name in reasons:
            raise reasons[name]
        return honest(name)

    monkeypatch.setattr(contestants, "load", refuse)
    entered, left_out = contestants.enter(["minitorch", "jax", "torch", "tuned"], relu)
    assert list(entered) == ["minitorch"]
    assert left_out == {
        "jax": "not installed: No module named 'jax'",
        "torch": "failed: OSError: no such library",
        "tuned": "tuned for tanh, mean squared error and plain SGD alone",
    }
    reasons["minitorch"] = RuntimeError("ours")
    with pytest.raises(RuntimeError, match="ours"):
        contestants.enter(["minitorch"], small)
