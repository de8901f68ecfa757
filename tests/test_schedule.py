"""Schedules: the rates of PyTorch's, epoch by epoch, and in a fit the epochs that they belong to."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.optim import schedule


def rates(make, lr=0.5, epochs=30):
    """The learning rate of each epoch of a fit."""
    x, w = mt.placeholder("x", ("n",)), mt.parameter(0.0)
    sgd = mt.optim.SGD([w], lr=lr)
    moving, met = make(sgd), [sgd.lr]
    step = mt.compile([x], mt.mean(x * w), sgd.minimize(mt.mean(x * w)))
    mt.fit(step, [1.0], epochs=epochs, batch_size=1, callbacks=[moving, lambda state: met.append(sgd.lr)])
    assert float(w.data) == pytest.approx(-sum(met[:-1]), rel=1e-5)
    return met


def torch_rates(make, lr=0.5, epochs=30):
    torch = pytest.importorskip("torch")
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    moving, met = make(torch.optim.lr_scheduler, sgd), [sgd.param_groups[0]["lr"]]
    for _ in range(epochs):
        sgd.step()
        moving.step()
        met.append(sgd.param_groups[0]["lr"])
    return met


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (lambda o: schedule.Step(o, 7, 0.3), lambda t, o: t.StepLR(o, 7, 0.3)),
        (lambda o: schedule.Step(o, 1), lambda t, o: t.StepLR(o, 1)),
        (lambda o: schedule.Exponential(o, 0.9), lambda t, o: t.ExponentialLR(o, 0.9)),
        (lambda o: schedule.Cosine(o, 30), lambda t, o: t.CosineAnnealingLR(o, 30)),
        (lambda o: schedule.Cosine(o, 30, 0.1), lambda t, o: t.CosineAnnealingLR(o, 30, 0.1)),
        (lambda o: schedule.Warmup(o, 5), lambda t, o: t.LambdaLR(o, lambda e: min(1.0, (e + 1) / 5))),
    ],
)
def test_rates_are_those_of_pytorch(mine, theirs):
    np.testing.assert_allclose(rates(mine), torch_rates(theirs), rtol=1e-12, atol=1e-16)


def test_after_the_last_epoch_of_a_cosine_the_rate_stays():
    assert rates(lambda o: schedule.Cosine(o, 4, 0.125), epochs=8)[4:] == [0.125] * 5
    assert rates(lambda o: schedule.Cosine(o, 4, 0.125), lr=0.0, epochs=2) == [0, 0, 0]


def test_a_schedule_follows_a_warm_up():
    met = rates(lambda o: schedule.Warmup(o, 3, schedule.Exponential(o, 0.5)), lr=0.75, epochs=6)
    np.testing.assert_allclose(met, [0.25, 0.5, 0.75, 0.75, 0.375, 0.1875, 0.09375], rtol=1e-15)
