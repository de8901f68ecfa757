"""`fit(check_finite=True)`: stops where a number is lost, and keeps what was there before."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import NotFiniteError


@pytest.fixture
def roots(backend):
    """A fit that breaks at the first negative row: the logarithm of a row times a parameter."""
    x, w = mt.placeholder("x", ("n",), dtype="float64"), mt.parameter(1.0, name="w", dtype="float64")
    loss = mt.mean(mt.log(x * w))
    return w, mt.compile([x], loss, updates={w: w - 0.01 * mt.grad(loss, w)}, backend=backend)


def test_it_stops_at_the_batch_and_keeps_the_step_before(roots):
    w, step = roots
    rows = np.arange(1.0, 13.0)
    rows[7] = -1
    with pytest.raises(NotFiniteError) as found:
        mt.fit(step, rows, epochs=3, batch_size=3, shuffle=False, check_finite=True)
    error = found.value
    assert isinstance(error, ValueError)
    assert (error.epoch, error.batch, list(error.rows)) == (1, 3, [6, 7, 8])
    assert error.first_bad.op.name == "log"
    kept = float(w.data)
    w.data = 1.0
    step(rows[:3])
    step(rows[3:6])
    assert kept == float(w.data)
    text = str(error)
    assert text.startswith(
        "fit: the loss is not finite in epoch 1, batch 3, rows 6, 7, 8 of the data; the parameters are"
    )
    assert "log made a value that is not finite" in text
    assert "In the data: row 7." in text
    assert f"in {__file__}:" in text.splitlines()[-1]  # where fit was called


def test_rows_are_those_of_the_data_when_shuffled(roots):
    _, step = roots
    rows = np.arange(1.0, 101.0)
    rows[42] = -1
    with pytest.raises(NotFiniteError) as found:
        mt.fit(step, rows, epochs=1, batch_size=20, seed=0, check_finite=True)
    assert 42 in found.value.rows
    assert "and 12 more of the data" in str(found.value)


def test_a_parameter_that_is_lost_is_named_though_the_loss_is_finite(backend):
    x, w = mt.placeholder("x", ("n",), dtype="float64"), mt.parameter(1.0, name="w", dtype="float64")
    step = mt.compile([x], mt.mean(x * w), updates={w: w / mt.mean(x)}, backend=backend)
    with pytest.raises(
        NotFiniteError, match="the new value of w is not finite in epoch 1, batch 2, rows 2, 3"
    ) as found:
        mt.fit(step, [1.0, 3.0, -1.0, 1.0], epochs=1, batch_size=2, shuffle=False, check_finite=True)
    assert float(w.data) == 0.5
    assert found.value.first_bad.role == "update"


def test_a_later_epoch_is_counted(backend):
    x, w = mt.placeholder("x", ("n",), dtype="float64"), mt.parameter(1.0, name="w", dtype="float64")
    step = mt.compile([x], mt.mean(x * w), updates={w: w * 1e200}, backend=backend)
    with pytest.raises(NotFiniteError) as found:
        mt.fit(step, [1.0, 1.0], epochs=9, batch_size=2, check_finite=True)
    assert (found.value.epoch, found.value.batch) == (2, 1)
    assert float(w.data) == 1e200


def test_random_counters_are_taken_back_too():
    x, w = mt.placeholder("x", ("n",), dtype="float64"), mt.parameter(1.0, name="w", dtype="float64")
    loss = mt.mean(mt.log(mt.dropout(x, 0.5, seed=0) * w + 1))
    step = mt.compile([x], loss, updates={w: w - 0.01 * mt.grad(loss, w)}, backend="numpy")
    counters = [t for t in step.updates if t is not w]
    assert counters
    with pytest.raises(NotFiniteError):
        mt.fit(step, np.full(8, -9.0), epochs=1, batch_size=8, check_finite=True)
    assert [int(t.data) for t in counters] == [0]


def test_a_fit_without_trouble_has_the_same_bits(net, backend):
    start, fits = net.w.data.copy(), []
    for check in (False, True):
        net.w.data = start
        step = net.compiled(backend)
        history = mt.fit(step, net.X, net.Y, epochs=4, batch_size=2, seed=3, check_finite=check)
        fits.append((history.loss, history.batch_loss, net.w.data.tolist()))
    assert fits[0] == fits[1]


# ---- the state of an optimiser ----

OPTIONS = {
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "dampening": {"momentum": 0.9, "dampening": 0.5},
}


class Momentum:
    """A small network that is fitted with momentum, and its data: 20 rows, 6 batches of 3 and one of 2."""

    def __init__(self, backend, dtype="float32", **options):
        x, y = mt.placeholder("x", ("n", 2), dtype), mt.placeholder("y", ("n", 1), dtype)
        self.model = mt.nn.MLP(2, [3, 1], seed=0, dtype=dtype)
        self.sgd = mt.optim.SGD(self.model.parameters(), lr=0.05, **options)
        loss = mt.mse_loss(self.model(x), y)
        self.step = mt.compile([x, y], loss, self.sgd.minimize(loss), backend=backend)
        draw = np.random.default_rng(3)
        self.X, self.Y = (draw.standard_normal((20, n)).astype(dtype) for n in (2, 1))

    def state(self):
        """The bits of parameters and of the optimiser's own variables, by name."""
        tensors = {t.name: t for t in self.model.parameters()} | self.sgd.state()
        assert set(tensors.values()) == set(self.step.updates)
        return {name: t.data.tobytes() for name, t in tensors.items()}

    def fit(self, Y, **options):
        options = {"epochs": 1, "batch_size": 3, "shuffle": False, "check_finite": True} | options
        return mt.fit(self.step, self.X, Y, **options)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -1e300])
def test_parameters_and_optimiser_are_those_of_the_step_before(backend, dtype, options, value):
    first, other = (Momentum(backend, dtype, **options) for _ in range(2))
    bad = first.Y.astype("float64")
    bad[13] = value  # in float32 and squared in float64 alike too large
    with np.errstate(over="ignore"), pytest.raises(NotFiniteError) as found:
        first.fit(bad.astype(dtype))
    assert (found.value.epoch, found.value.batch, list(found.value.rows)) == (1, 5, [12, 13, 14])
    assert "rows 12, 13, 14 of the data" in str(found.value)
    for start in range(0, 12, 3):  # the four steps before, by calls that look at nothing
        other.step(other.X[start : start + 3], other.Y[start : start + 3])
    assert first.state() == other.state()
    assert first.state() != Momentum(backend, dtype, **options).state()


def test_a_fit_goes_on_from_there_as_if_nothing_had_happened(backend):
    first, other = (Momentum(backend, momentum=0.9) for _ in range(2))
    bad = first.Y.copy()
    bad[19] = np.nan
    with pytest.raises(NotFiniteError, match="epoch 1, batch 7, rows 18, 19 of the data"):
        first.fit(bad)
    first.step(first.X[18:], first.Y[18:])  # the batch that was lost, as it should have been
    again = first.fit(first.Y, epochs=2)
    assert other.fit(other.Y, epochs=3, check_finite=False).batch_loss[7:] == again.batch_loss
    assert first.state() == other.state()


def test_a_later_epoch_with_shuffled_rows_is_taken_back_to_its_step(backend):
    first, other = (Momentum(backend, momentum=0.9) for _ in range(2))
    order = np.random.default_rng(8)
    orders = [order.permutation(20) for _ in range(3)]
    seen = []

    def spoil(state):
        if state.epoch == 2:
            first.X[11] = np.inf

    with pytest.raises(NotFiniteError) as found:
        first.fit(first.Y, epochs=3, shuffle=True, seed=8, callbacks=[spoil])
    for epoch, rows in enumerate(orders, 1):
        for start in range(0, 20, 3):
            batch = rows[start : start + 3]
            if epoch == 3 and 11 in batch:
                seen.append((epoch, start // 3 + 1, batch.tolist()))
                break
            other.step(other.X[batch], other.Y[batch])
    assert seen == [(found.value.epoch, found.value.batch, list(found.value.rows))]
    assert "In the data: row 11." in str(found.value)
    assert first.state() == other.state()


def test_a_velocity_that_is_lost_is_named_though_the_loss_is_finite(backend):
    x, w = mt.placeholder("x", ("n",), dtype="float64"), mt.parameter(1.0, name="w", dtype="float64")
    loss = mt.mean(x * w)
    sgd = mt.optim.SGD([w], lr=1e-320, momentum=0.9)
    step = mt.compile([x], loss, sgd.minimize(loss), backend=backend)
    with pytest.raises(NotFiniteError, match=r"new value of .*w\.velocity.* is not finite in epoch 1, batch 3, row 2"):
        mt.fit(step, np.full(5, 0.9e308), epochs=1, batch_size=1, shuffle=False, check_finite=True)
    kept = [float(t.data) for t in (w, *sgd.velocities)]
    w.data, sgd.velocities[0].data = 1.0, 0.0
    step([0.9e308]), step([0.9e308])
    assert kept == [float(t.data) for t in (w, *sgd.velocities)]
    assert np.isfinite(kept).all()
