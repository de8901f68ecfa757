"""Random numbers and dropout: seeds, calls, training against prediction, expectation, gradients by the same mask."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minitorch as mt

X = mt.placeholder("rows", ("n", 4))
ONES = np.ones((500, 4), "float32")


@pytest.fixture(params=["numpy", "interpreter"])
def backend(request):
    return request.param


def dropped(rate=0.5, seed=7, x=X):
    return mt.dropout(x, rate, seed)


# ---- uniform numbers ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3,), (2, 0), (200, 50)])
def test_uniform_numbers_lie_in_the_unit_interval(shape, dtype, backend):
    program = mt.compile([], mt.random_uniform(shape, seed=1, dtype=dtype), backend=backend)
    first, second = program(), program()
    for value in (first, second):
        assert value.shape == shape
        assert value.dtype == dtype
        assert ((value >= 0) & (value < 1)).all()
    assert not first.size or (first != second).any()


def test_uniform_numbers_are_uniform_and_independent():
    program = mt.compile([], mt.random_uniform((100_000,), seed=3, dtype="float64"))
    a, b = program(), program()
    assert abs(a.mean() - 0.5) < 0.005
    assert abs(a.var() - 1 / 12) < 0.002
    counts = np.histogram(a, 20, (0, 1))[0]
    assert ((counts - 5000) ** 2 / 5000).sum() < 60  # chi squared, 19 degrees of freedom
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.02
    assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.02


def test_a_seed_gives_the_same_numbers_in_the_same_calls(backend):
    runs = []
    for _ in range(2):
        program = mt.compile([], mt.random_uniform((5,), seed=11), backend=backend)
        runs.append([program() for _ in range(4)])
    np.testing.assert_array_equal(*runs)
    other = mt.compile([], mt.random_uniform((5,), seed=12), backend=backend)
    assert (runs[0][0] != other()).any()
    assert len({tuple(r) for r in runs[0]}) == 4


def test_both_backends_draw_the_same():
    values = [mt.compile([], mt.random_uniform((5,), seed=11), backend=b)() for b in ("numpy", "interpreter")]
    np.testing.assert_array_equal(*values)


def test_seeded_numbers_are_those_of_another_process():
    code = "import minitorch as mt; print(mt.compile([], mt.random_uniform((3,), seed=5, dtype='float64'))().tolist())"
    here = str(mt.compile([], mt.random_uniform((3,), seed=5, dtype="float64"))().tolist())
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        assert (
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
            ).stdout.strip()
            == here
        )


def test_numbers_without_a_seed_differ():
    a, b = mt.compile([], [mt.random_uniform((4,)), mt.random_uniform((4,))])()
    assert (a != b).any()


def test_two_nodes_are_never_one_and_one_node_is_drawn_once(backend):
    u = mt.random_uniform((6,))
    v = mt.random_uniform((6,))
    program = mt.compile([], [u - u, u - v, u + 0, u], backend=backend)
    for _ in range(3):
        same, different, again, value = program()
        assert (same == 0).all()
        assert (different != 0).any()
        np.testing.assert_array_equal(again, value)


def test_numbers_of_unknown_shape():
    program = mt.compile([X], mt.random_uniform(X.shape, seed=2))
    for n in (0, 1, 3, 2):
        assert program(np.zeros((n, 4))).shape == (n, 4)


# ---- dropout ----


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_elements_are_dropped_or_scaled_and_their_mean_stays(rate, dtype, backend):
    x = mt.placeholder("x", ("n", 4), dtype)
    value = mt.compile([x], mt.dropout(x, rate, seed=1), training=True, backend=backend)(np.ones((5000, 4), dtype))
    assert value.dtype == dtype
    kept = value != 0
    np.testing.assert_allclose(value[kept], 1 / (1 - rate), rtol=1e-6)
    assert abs(kept.mean() - (1 - rate)) < 0.015
    assert abs(value.mean() - 1) < 0.05


def test_prediction_is_the_identity(backend):
    x = mt.placeholder("x", ("n", 4), "float64")
    a = np.random.default_rng(0).standard_normal((5, 4))
    for options in ({}, {"training": False}):
        program = mt.compile(
            [x], [mt.dropout(x, 0.9, seed=1), mt.grad(mt.dropout(x, 0.9).sum(), x)], backend=backend, **options
        )
        value, slope = program(a)
        np.testing.assert_array_equal(value, a)
        np.testing.assert_array_equal(slope, np.ones_like(a))
        assert not program.updates


def test_training_is_what_updates_or_the_caller_say():
    count = mt.variable(0.0)
    assert (mt.compile([X], dropped(), updates={count: count + 1})(ONES) == 0).any()
    assert (mt.compile([X], dropped(), updates={count: count + 1}, training=False)(ONES) == 1).all()
    assert (mt.compile([X], dropped(), training=True)(ONES) == 0).any()
    assert (dropped().eval({X: ONES}) == 1).all()


def test_every_call_has_a_fresh_mask_and_seeds_repeat_the_series(backend):
    series = []
    for _ in range(2):
        program = mt.compile([X], dropped(), training=True, backend=backend)
        series.append([program(ONES) for _ in range(5)])
    np.testing.assert_array_equal(*series)
    assert len({m.tobytes() for m in series[0]}) == 5
    other = mt.compile([X], dropped(seed=8), training=True, backend=backend)(ONES)
    assert (other != series[0][0]).any()


def test_two_dropouts_have_masks_of_their_own():
    a, b = mt.compile([X], [mt.dropout(X), mt.dropout(X)], training=True)(ONES)
    assert (a != b).any()


def test_masks_differ_from_row_to_row_and_batch_to_batch():
    program = mt.compile([X], dropped(), training=True)
    batches = program.loop(ONES[:64], batch_size=16).reshape(4, 16, 4)
    assert len({b.tobytes() for b in batches}) == 4
    assert len({r.tobytes() for r in batches[0]}) > 4


@pytest.mark.parametrize(
    "make",
    [lambda x: dropped(x=x), lambda x: mt.tanh(dropped(x=x * x)), lambda x: dropped(x=dropped(x=x, seed=1), rate=0.2)],
)
def test_gradients_use_the_mask_of_the_same_call(make, backend):
    x = mt.placeholder("x", ("n", 4), "float64")
    y = make(x)
    outputs = [y, mt.grad(y.sum(), x), *mt.jvp([y], [x], [mt.ones_like(x)])]
    program = mt.compile([x], outputs, training=True, backend=backend)
    for _ in range(3):
        value, slope, tangent = program(np.full((6, 4), 0.95))
        np.testing.assert_array_equal(value == 0, slope == 0)
        np.testing.assert_array_equal(slope, tangent)


def test_gradients_of_a_layer_use_the_mask_of_the_forward_pass():
    w = mt.parameter(np.ones((4, 2)), name="w", dtype="float64")
    x = mt.placeholder("x", ("n", 4), "float64")
    hidden = mt.dropout(x, 0.5, seed=1)
    step = mt.compile([x], [hidden, mt.grad((hidden @ w).sum(), w)], updates={w: w * 1.0})
    for _ in range(3):
        kept, slope = step(np.ones((5, 4)))
        np.testing.assert_allclose(slope, kept.sum(0)[:, None] * np.ones(2))


def test_evaluate_and_predict_do_not_drop_and_do_not_move_the_masks_on():
    w = mt.parameter(np.ones(4), name="w")
    loss = mt.dropout(X * w, 0.5, seed=4)
    step = mt.compile([X], loss, updates={w: w * 1})
    reference = mt.compile([X], mt.dropout(X, 0.5, seed=4), training=True)
    for _ in range(3):
        np.testing.assert_array_equal(step.evaluate(ONES), ONES)
        np.testing.assert_array_equal(step(ONES), reference(ONES))


def test_a_module_trains_with_dropout_and_predicts_without():
    class Net(mt.nn.Module):
        def __init__(self):
            self.linear = mt.nn.Linear(4, 1, seed=0)

        def __call__(self, x):
            return mt.dropout(self.linear(x), 0.5, seed=2)

    model = Net()
    x, y = mt.placeholder("x", ("n", 4)), mt.placeholder("y", ("n", 1))
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.01)
    step = mt.compile([x, y], loss, updates=sgd.minimize(loss))
    data, target = np.random.default_rng(0).standard_normal((64, 4)), np.ones((64, 1))
    history = mt.fit(step, data, target, epochs=5, batch_size=16, seed=0)
    assert history.loss[-1] < history.loss[0] * 2
    first, second = model.predict(data), model.predict(data)
    np.testing.assert_array_equal(first, second)
    weight, bias = (p.data for p in model.parameters())
    np.testing.assert_allclose(first, data.astype("float32") @ weight + bias, rtol=1e-4, atol=1e-5)


def test_a_nan_that_is_dropped_is_gone_and_infinities_scale():
    x = mt.placeholder("x", (1000,), "float64")
    value = mt.compile([x], mt.dropout(x, 0.5, seed=1), training=True)(np.full(1000, np.nan))
    assert (np.isnan(value) | (value == 0)).all()
    assert (value == 0).any()
    y = mt.dropout(x, 0.5, seed=1)
    infinite, slope = mt.compile([x], [y, mt.grad(y.sum(), x)], training=True)(np.full(1000, np.inf))
    np.testing.assert_array_equal(np.unique(infinite), [0, np.inf])
    np.testing.assert_array_equal(slope, np.where(infinite == 0, 0, 2))


def test_sizes_from_nothing_upward():
    program = mt.compile([X], [dropped(), mt.grad(dropped().sum(), X)], training=True)
    for n in (0, 1, 2, 0, 3):
        assert [v.shape for v in program(ONES[:n])] == [(n, 4), (n, 4)]


def test_numbers_of_other_kinds_as_rate_and_seed():
    for rate, seed in ((0, 1), (np.float32(0.5), 1), (np.float64(0.25), 1), (0.5, np.int64(3))):
        assert mt.dropout(X, rate, seed).shape == X.shape


INTS = mt.placeholder("ints", (2,), "int64")
ERRORS = {
    "rate 1": (lambda: mt.dropout(X, 1.0), "dropout", "1.0"),
    "rate below": (lambda: mt.dropout(X, -0.1), "dropout", "-0.1"),
    "rate nan": (lambda: mt.dropout(X, float("nan")), "dropout", "nan"),
    "rate word": (lambda: mt.dropout(X, "half"), "dropout", "'half'"),
    "rate tensor": (lambda: mt.dropout(X, X), "dropout", "rate"),
    "ints": (lambda: mt.dropout(INTS), "dropout", "int64", "floats"),
    "seed": (lambda: mt.random_uniform((2,), seed=-1), "random_uniform", "-1"),
    "seed of dropout": (lambda: mt.dropout(X, 0.5, seed=-1), "dropout", "-1"),
    "seed word": (lambda: mt.random_uniform((2,), seed="a"), "random_uniform", "'a'"),
    "dtype": (lambda: mt.random_uniform((2,), dtype="int64"), "random_uniform", "int64"),
    "shape": (lambda: mt.random_uniform((-2,)), "random_uniform", "(-2,)"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_name_the_function_what_was_met_and_the_line(refused, name):
    call, function, *words = ERRORS[name]
    refused(call, function, *words)
