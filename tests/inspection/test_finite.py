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
