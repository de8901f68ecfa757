"""Threads that share a step: the same training for any number of them, and an end where they outnumber processors."""

import numpy as np
import pytest

import minitorch as mt


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
