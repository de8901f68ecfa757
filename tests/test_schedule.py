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


def test_a_second_fit_goes_on_where_the_first_one_ended():
    x, w = mt.placeholder("x", ("n",)), mt.parameter(0.0)
    sgd = mt.optim.SGD([w], lr=1.0)
    step = mt.compile([x], mt.mean(x * w), sgd.minimize(mt.mean(x * w)))
    halves, met = schedule.Exponential(sgd, 0.5), []
    for _ in range(2):
        mt.fit(step, [1.0], epochs=3, batch_size=1, callbacks=[lambda state: met.append(sgd.lr), halves])
    assert met == [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125]


def test_a_rate_set_by_hand_is_heeded():
    sgd = mt.optim.SGD([mt.parameter(0.0)], lr=1.0)
    halves = schedule.Exponential(sgd, 0.5)
    sgd.lr = 0.5
    halves()
    assert sgd.lr == 0.25
    sgd.lr *= 3
    halves()
    assert sgd.lr == 0.375
    cosine = schedule.Cosine(sgd, 1)
    cosine()
    assert sgd.lr == 0.0
    sgd.lr = 0.5  # which what it made it of cannot be scaled to
    cosine()
    assert (cosine.first, sgd.lr) == (0.5, 0.0)


def test_schedules_of_one_optimiser_multiply_as_in_pytorch():
    torch = pytest.importorskip("torch")
    sgd, other = mt.optim.SGD([mt.parameter(0.0)], lr=0.8), torch.optim.SGD([torch.zeros(1)], lr=0.8)
    mine = schedule.Warmup(sgd, 4), schedule.Step(sgd, 3, 0.5), schedule.Exponential(sgd, 0.9)
    theirs = torch.optim.lr_scheduler.StepLR(other, 3, 0.5), torch.optim.lr_scheduler.ExponentialLR(other, 0.9)
    for epoch in range(12):
        assert sgd.lr == pytest.approx(other.param_groups[0]["lr"] * min(1.0, (epoch + 1) / 4), rel=1e-12)
        for moving in mine:
            moving()
        other.step()
        for moving in theirs:
            moving.step()


def test_a_warm_up_before_a_warm_up_and_one_before_a_rate_set_by_hand():
    sgd = mt.optim.SGD([mt.parameter(0.0)], lr=1.0)
    inner = schedule.Warmup(sgd, 2, schedule.Exponential(sgd, 0.5))
    outer = schedule.Warmup(sgd, 2, inner)
    assert [outer.first * outer.share(epochs) for epochs in range(6)] == [0.5, 1.0, 0.5, 1.0, 1.0, 0.5]
    cosine = schedule.Cosine(sgd, 3)
    sgd.lr = 0.25
    assert schedule.Warmup(sgd, 2, cosine).first == 0.25


def test_a_schedule_tells_its_options():
    sgd = mt.optim.SGD([mt.parameter(0.0)], lr=1.0)
    assert repr(schedule.Step(sgd, 3)) == "Step(SGD(1 parameter, lr=1), every=3, factor=0.1)"
    other = schedule.Cosine(mt.optim.SGD([mt.parameter(0.0)], lr=1.0), 3)
    with pytest.raises(TypeError, match=r"Warmup: then .* Cosine\(.*\) is of another"):
        schedule.Warmup(sgd, 2, other)
