"""Threads that share a step: the same training for any number of them, and an end where they outnumber processors."""

import time

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.c_source import work


def trained(threads, monkeypatch):
    """The parameters of a network after some steps that are worth several threads."""
    monkeypatch.setenv("MINITORCH_THREADS", str(threads))
    model = mt.nn.MLP(300, [200, 200, 3], seed=1)
    x, y = mt.placeholder("x", ("batch", 300)), mt.placeholder("y", ("batch", 3))
    loss = mt.mse_loss(model(x), y)
    step = mt.compile([x, y], loss, updates=mt.optim.SGD(model.parameters(), lr=0.05).minimize(loss), backend="c")
    random = np.random.default_rng(2)
    rows, targets = random.normal(size=(1200, 300)).astype("f4"), random.normal(size=(1200, 3)).astype("f4")
    step.loop(rows, targets, batch_size=120, order=random.permutation(1200))
    step(rows[:120], targets[:120])
    assert ("struct team" in step.source, {b.threads() for b in step._executor.bound.values()}) == (True, {threads})
    return [p.data.copy() for p in model.parameters()]


@pytest.mark.parametrize("threads", [2, 3, 9])
def test_several_threads_train_as_one_does(threads, monkeypatch):
    alone, first, second = trained(1, monkeypatch), trained(threads, monkeypatch), trained(threads, monkeypatch)
    for a, b, c in zip(alone, first, second, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5)
        assert b.tobytes() == c.tobytes()


@pytest.mark.parametrize("threads", [2, 5])
def test_the_bits_are_the_same_if_the_first_goes_on_alone(threads, monkeypatch):
    """A team is dismissed where a core would compute a step in no time, and kept where it would take for ever."""
    found = []
    for fastest in (1e30, 1e-30):
        monkeypatch.setattr(work, "FASTEST", fastest)
        found.append([p.tobytes() for p in trained(threads, monkeypatch)])
    assert found[0] == found[1]


def test_a_team_is_dismissed_where_sharing_saves_nothing(monkeypatch):
    """Half of the work is done by another thread, wherever that runs, or none of it."""
    monkeypatch.setenv("MINITORCH_THREADS", "2")
    rows, targets = np.ones((8000, 256), "f4"), np.ones((8000, 256), "f4")
    found = []
    for fastest in (1e30, 1e-30):
        monkeypatch.setattr(work, "FASTEST", fastest)
        x, y = mt.placeholder("x", ("n", 256)), mt.placeholder("y", ("n", 256))
        w = mt.parameter(np.eye(256, dtype="f4"))
        step = mt.compile([x, y], mt.mse_loss(mt.tanh(x @ w), y), updates={w: w * 0.5}, backend="c")
        step.loop(rows, targets, batch_size=80)
        everybody, first = time.process_time(), time.thread_time()
        step.loop(rows, targets, batch_size=80)
        found.append((time.process_time() - everybody) / (time.thread_time() - first))
    dismissed, kept = found
    assert dismissed < 1.3 < 1.6 < kept, found


@pytest.mark.parametrize(("width", "layers", "shared"), [(64, 33, False), (256, 3, True)])
def test_a_single_step_is_shared_where_there_is_much_between_meetings(width, layers, shared, monkeypatch):
    """Both steps are large enough, but for one it could only be tried whether so many meetings pay."""
    monkeypatch.setenv("MINITORCH_THREADS", "2")
    x, y = mt.placeholder("x", ("n", width)), mt.placeholder("y", ("n", width))
    model = mt.nn.MLP(width, [width] * layers)
    loss = mt.mse_loss(model(x), y)
    updates = mt.optim.SGD(model.parameters(), lr=0.01).minimize(loss)
    step, rows = mt.compile([x, y], loss, updates, backend="c"), np.ones((80, width), "f4")
    step(rows, rows)
    (bound,) = step._executor.bound.values()
    assert (bound.parts, bound.flops > 4e7) == (2, True)
    everybody, first = time.process_time(), time.thread_time()
    for _ in range(50):
        step(rows, rows)
    ratio = (time.process_time() - everybody) / (time.thread_time() - first)
    assert ratio > 1.6 if shared else ratio < 1.3, ratio


def test_a_single_step_gives_the_bits_of_a_loop(monkeypatch):
    """It is too small for threads to be started, which share it in a loop."""
    monkeypatch.setenv("MINITORCH_THREADS", "3")
    monkeypatch.setattr(work, "FASTEST", 1e-30)
    random = np.random.default_rng(4)
    rows, targets = random.normal(size=(160, 64)).astype("f4"), random.normal(size=(160, 64)).astype("f4")
    found = []
    for one_by_one in (False, True):
        model = mt.nn.MLP(64, [64] * 5, seed=1)
        x, y = mt.placeholder("x", ("batch", 64)), mt.placeholder("y", ("batch", 64))
        loss = mt.mse_loss(model(x), y)
        step = mt.compile([x, y], loss, updates=mt.optim.SGD(model.parameters(), lr=0.05).minimize(loss), backend="c")
        if one_by_one:
            losses = [step(rows[i : i + 80], targets[i : i + 80]) for i in (0, 80)]
        else:
            losses = list(step.loop(rows, targets, batch_size=80))
        assert [b.parts for b in step._executor.bound.values()] == [3]
        found.append((np.array(losses).tobytes(), [p.data.tobytes() for p in model.parameters()]))
    assert found[0] == found[1]
