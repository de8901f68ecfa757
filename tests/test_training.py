"""`fit`: equal to a loop by hand and to scikit-learn's SGD; history, order, validation, callbacks, early stopping."""

import numpy as np
import pytest

import minitorch as mt
from minitorch import training
from minitorch.errors import DTypeError, InputError
from minitorch.loop import Loop
from minitorch.training import EarlyStopping, History

BACKENDS = ["interpreter", "numpy", "c"]


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


R = np.random.default_rng(3)
X, Y = R.standard_normal((50, 3)), R.standard_normal((50, 1))


def regression(backend="numpy", lr=0.05, momentum=0.9, dtype="float64", outputs=lambda loss, prediction: loss):
    x, y = mt.placeholder("x", ("batch", 3), dtype), mt.placeholder("y", ("batch", 1), dtype)
    model = mt.nn.MLP(3, [6, 1], seed=0, dtype=dtype)
    prediction = model(x)
    loss = mt.mse_loss(prediction, y)
    updates = mt.optim.SGD(model.parameters(), lr=lr, momentum=momentum).minimize(loss)
    return model, mt.compile([x, y], outputs(loss, prediction), updates, backend=backend)


def values(model):
    return [p.data.copy() for p in model.parameters()]


# ---- what it does ----


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 50, 64])
def test_a_fit_is_a_loop_by_hand(backend, shuffle, batch_size):
    fitted, step = regression(backend)
    by_hand, step_by_hand = regression(backend)
    history = mt.fit(step, X, Y, epochs=3, batch_size=batch_size, shuffle=shuffle, seed=5)
    source = np.random.default_rng(5)
    batch_loss, loss = [], []
    for _ in range(3):
        order = source.permutation(50) if shuffle else np.arange(50)
        parts = [order[i : i + batch_size] for i in range(0, 50, batch_size)]
        losses = [float(step_by_hand(X[part], Y[part])) for part in parts]
        batch_loss += losses
        loss.append(sum(value * len(part) for value, part in zip(losses, parts)) / 50)
    assert history.batch_loss == batch_loss
    np.testing.assert_allclose(history.loss, loss, rtol=1e-14)
    for a, b in zip(values(fitted), values(by_hand), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_first_epoch_is_that_of_batches_with_the_same_seed():
    (a, fitted), (b, stepped) = regression(), regression()
    mt.fit(fitted, X, Y, epochs=1, batch_size=8, seed=2)
    for rows in mt.data.batches(X, Y, batch_size=8, shuffle=True, seed=2):
        stepped(*rows)
    assert all(np.array_equal(p, q) for p, q in zip(values(a), values(b), strict=True))


def test_the_same_seed_gives_the_same_bits():
    def run(seed):
        model, step = regression()
        history = mt.fit(step, X, Y, epochs=2, batch_size=8, seed=seed)
        return history.batch_loss, values(model)

    (first, weights), (second, again) = run(1), run(1)
    assert first == second
    assert all(np.array_equal(p, q) for p, q in zip(weights, again, strict=True))
    assert run(2)[0] != first
    assert run(None)[0] != run(None)[0]


def test_every_epoch_has_an_order_of_its_own(monkeypatch):
    seen = []

    class Seen(Loop):
        def __init__(self, executor, arrays, order, *sizes, **options):
            seen.append(list(order))
            super().__init__(executor, arrays, order, *sizes, **options)

    monkeypatch.setattr(training, "Loop", Seen)
    x = mt.placeholder("x", ("n",), "float64")
    mt.fit(mt.compile([x], mt.sum(x)), np.arange(30.0), epochs=3, batch_size=7, seed=0)
    assert len({tuple(order) for order in seen}) == 3
    assert all(sorted(order) == list(range(30)) for order in seen)


def test_the_mean_of_an_epoch_is_over_rows():
    x = mt.placeholder("x", ("n",), "float64")
    history = mt.fit(mt.compile([x], mt.mean(x)), [1.0, 2.0, 3.0, 10.0, 20.0], epochs=2, batch_size=2, shuffle=False)
    assert history.batch_loss == [1.5, 6.5, 20.0] * 2
    assert history.loss == [pytest.approx(36 / 5)] * 2


def test_the_loss_may_be_the_first_of_several_outputs():
    _, step = regression(outputs=lambda loss, prediction: [loss, prediction])
    assert len(mt.fit(step, X, Y, epochs=2, batch_size=16, seed=0, validation=(X, Y)).validation_loss) == 2


def test_a_fit_goes_on_where_the_last_one_ended():
    (a, one), (b, two) = regression(), regression()
    mt.fit(one, X, Y, epochs=4, batch_size=10, shuffle=False)
    for _ in range(2):
        mt.fit(two, X, Y, epochs=2, batch_size=10, shuffle=False)
    assert all(np.array_equal(p, q) for p, q in zip(values(a), values(b), strict=True))


def test_no_epochs_do_nothing():
    model, step = regression()
    before = values(model)
    history = mt.fit(step, X, Y, epochs=0, batch_size=10)
    assert (history.loss, history.batch_loss, history.validation_loss) == ([], [], [])
    assert str(history) == "no epoch yet"
    assert all(np.array_equal(p, q) for p, q in zip(values(model), before, strict=True))


def test_no_rows_have_no_loss():
    model, step = regression()
    before = values(model)
    history = mt.fit(step, X[:0], Y[:0], epochs=2, batch_size=10)
    assert np.isnan(history.loss).all()
    assert len(history.loss) == 2
    assert history.batch_loss == []
    assert all(np.array_equal(p, q) for p, q in zip(values(model), before, strict=True))


def test_a_history_says_how_it_went():
    assert str(History([2.0, 1.0], [2.0, 1.0], [])) == "2 epochs, loss 2 -> 1"
    assert str(History([2.0], [2.0], [0.5])) == "1 epochs, loss 2 -> 2, validation loss 0.5"


# ---- scikit-learn as oracle ----


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize(("activation", "theirs"), [("tanh", "tanh"), ("relu", "relu"), ("sigmoid", "logistic")])
def test_the_loss_curve_is_that_of_scikit_learn(momentum, nesterov, activation, theirs):
    """It takes the gradient of half the squared error, so the learning rate is twice ours (one output, no penalty)."""
    neural_network = pytest.importorskip("sklearn.neural_network")
    twin = neural_network.MLPRegressor(
        hidden_layer_sizes=(7, 5), activation=theirs, solver="sgd", alpha=0.0, batch_size=8, shuffle=False,
        learning_rate_init=0.02, momentum=momentum, nesterovs_momentum=nesterov, random_state=0,
    )  # fmt: skip
    twin.partial_fit(X, Y.ravel())
    x, y = mt.placeholder("x", ("batch", 3), "float64"), mt.placeholder("y", ("batch", 1), "float64")
    model = mt.nn.MLP(3, [7, 5, 1], activation, seed=0, dtype="float64")
    sgd = mt.optim.SGD(model.parameters(), lr=0.01, momentum=momentum, nesterov=nesterov)
    loss = mt.mse_loss(model(x), y)
    step = mt.compile([x, y], loss, sgd.minimize(loss))
    for layer, weight, bias in zip(model.layers, twin.coefs_, twin.intercepts_, strict=True):
        layer.weight.data[...], layer.bias.data[...] = weight, bias
    if momentum:  # its velocities are steps: -lr times ours; and weights come before biases
        theirs_in_order = [
            v for pair in zip(twin._optimizer.velocities[:3], twin._optimizer.velocities[3:]) for v in pair
        ]
        for mine, velocity in zip(sgd.state().values(), theirs_in_order, strict=True):
            mine.data[...] = velocity / -0.01
    for _ in range(30):
        twin.partial_fit(X, Y.ravel())
    history = mt.fit(step, X, Y, epochs=30, batch_size=8, shuffle=False)
    np.testing.assert_allclose(np.array(history.loss) / 2, twin.loss_curve_[1:], rtol=1e-10)
    np.testing.assert_allclose(model.predict(X).ravel(), twin.predict(X), rtol=1e-9)


# ---- validation ----


def test_validation_is_computed_after_each_epoch_without_training_on_it():
    model, step = regression()
    seen = []
    held_out = X[:20] * 2, Y[:20]

    def callback(state):
        seen.append(((model.predict(held_out[0]) - held_out[1]) ** 2).mean())

    history = mt.fit(step, X, Y, epochs=3, batch_size=7, seed=0, validation=held_out, callbacks=[callback])
    np.testing.assert_allclose(history.validation_loss, seen, rtol=1e-12)
    alone, step = regression()
    mt.fit(step, X, Y, epochs=3, batch_size=7, seed=0)
    assert all(np.array_equal(p, q) for p, q in zip(values(model), values(alone), strict=True))


# ---- callbacks ----


def test_a_callback_sees_where_the_fit_stands():
    _, step = regression()
    seen = []

    def callback(state):
        seen.append((state.epoch, state.step, state.loss, state.validation_loss, state.program, state.history.loss[-1]))

    history = mt.fit(step, X, Y, epochs=3, batch_size=20, seed=0, callbacks=[callback])
    assert [(epoch, steps) for epoch, steps, *_ in seen] == [(1, 3), (2, 6), (3, 9)]
    assert [s[2] for s in seen] == [s[5] for s in seen] == history.loss
    assert all(s[3] is None and s[4] is step for s in seen)


def test_callbacks_are_called_in_order_and_one_may_stop_the_fit():
    _, step = regression()
    seen = []

    def first(state):
        seen.append("first")
        if state.epoch == 2:
            state.stop()

    history = mt.fit(
        step, X, Y, epochs=10, batch_size=20, seed=0, callbacks=[first, lambda state: seen.append("second")]
    )
    assert len(history.loss) == 2
    assert seen == ["first", "second"] * 2


def test_an_error_in_a_callback_ends_the_fit():
    _, step = regression()
    with pytest.raises(ZeroDivisionError):
        mt.fit(step, X, Y, epochs=3, batch_size=10, callbacks=[lambda state: 1 / 0], progress=False)


class Losses:
    """A fit whose epochs have these losses."""

    def __init__(self, losses):
        self.losses = losses

    def epochs(self, callback):
        x, value = mt.placeholder("x", ("n",), "float64"), mt.variable(0.0, dtype="float64")
        position = mt.variable(0, dtype="int64")
        table = mt.constant(np.array(self.losses))
        current = mt.take(table, position)
        step = mt.compile([x], current + mt.sum(x) * 0, {position: position + 1, value: current})
        return len(mt.fit(step, [0.0], epochs=len(self.losses), batch_size=1, callbacks=[callback]).loss)


@pytest.mark.parametrize(
    ("losses", "patience", "tolerance", "epochs"),
    [
        ([5.0, 4.0, 3.0, 2.0, 1.0], 1, 0.0, 5), ([5.0, 5.0, 5.0, 5.0], 1, 0.0, 2), ([5.0, 5.0, 5.0, 5.0], 2, 0.0, 3),
        ([5.0, 6.0, 4.0, 6.0, 6.0, 6.0], 2, 0.0, 5), ([5.0, 4.9, 4.8, 4.7, 4.6], 2, 0.5, 3),
        ([5.0, float("nan"), float("nan"), 1.0], 2, 0.0, 3), ([float("nan")] * 4, 2, 0.0, 2),
    ],
)  # fmt: skip
def test_early_stopping_waits_for_an_improvement(losses, patience, tolerance, epochs):
    assert Losses(losses).epochs(EarlyStopping(patience, tolerance)) == epochs


def test_early_stopping_looks_at_the_validation_loss_where_there_is_one():
    _, step = regression(lr=0.01, momentum=0.0)
    worse = X, Y + 100.0  # training moves away from it, sooner or later
    history = mt.fit(
        step, X, Y - 100.0, epochs=50, batch_size=10, seed=0, validation=worse, callbacks=[EarlyStopping(3)]
    )
    assert len(history.loss) == 4
    assert history.loss == sorted(history.loss, reverse=True)


def test_early_stopping_starts_anew_with_each_fit():
    stopping = EarlyStopping(patience=2)
    assert Losses([1.0, 1.0, 1.0, 1.0]).epochs(stopping) == 3
    assert Losses([9.0, 8.0, 7.0, 6.0]).epochs(stopping) == 4


def stopped_at(losses, **options):
    """A fit with these losses, whose parameter is the number of the epoch: what it is when the fit is over."""
    x, value = mt.placeholder("x", ("n",), "float64"), mt.variable(0.0, dtype="float64")
    position = mt.variable(0, dtype="int64")
    epoch = mt.parameter(0.0)
    current = mt.take(mt.constant(np.array(losses)), position)
    loss = current + mt.sum(x) * 0 + mt.stop_gradient(mt.cast(epoch, "float64")) * 0
    step = mt.compile([x], loss, {position: position + 1, value: current, epoch: epoch + 1})
    stopping = EarlyStopping(**options)
    for _ in range(2):  # also a fit that goes on with the same callback
        position.data, epoch.data = 0, 0
        history = mt.fit(step, [0.0], epochs=len(losses), batch_size=1, callbacks=[stopping], snapshots=2)
    return float(epoch.data), len(history.loss), float(history.snapshots[-1].values[epoch])


@pytest.mark.parametrize(
    ("losses", "patience", "best", "epochs"),
    [
        ([5.0, 3.0, 4.0, 4.0, 1.0], 2, 2, 4), ([5.0, 3.0, 4.0, 2.0, 6.0], 2, 4, 5), ([5.0, 4.0, 3.0], 2, 3, 3),
        ([float("nan")] * 3, 2, 2, 2), ([1.0, 2.0, float("nan")], 5, 1, 3),
    ],
)  # fmt: skip
def test_early_stopping_puts_back_the_parameters_of_the_best_epoch(losses, patience, best, epochs):
    assert stopped_at(losses, patience=patience, restore=True) == (best, epochs, epochs)
    assert stopped_at(losses, patience=patience) == (epochs, epochs, epochs)


def test_the_best_epoch_is_the_one_of_the_lowest_loss_whatever_is_tolerated():
    losses = [5.0, 4.5, 4.0, 3.99, 3.5, 3.4, 3.3, 3.6]
    assert stopped_at(losses, patience=9, tolerance=1.0, restore=True) == (7, 8, 8)


def test_all_that_a_program_updates_is_put_back():
    """Also what no output reads: here a running mean of the parameters, and the velocities of momentum."""
    x, y = mt.placeholder("x", ("n", 3), "float64"), mt.placeholder("y", ("n", 1), "float64")
    layer = mt.nn.Linear(3, 1, seed=0, dtype="float64")
    sgd = mt.optim.SGD(layer.parameters(), lr=0.3, momentum=0.95)
    mean = mt.variable(layer.weight.data, dtype="float64")
    loss = mt.mse_loss(layer(x), y)
    step = mt.compile([x, y], loss, {**sgd.minimize(loss), mean: 0.5 * mean + 0.5 * layer.weight})
    held = {}

    def note(state):
        now = [t.data.copy() for t in (layer.weight, layer.bias, mean, *sgd.velocities)]
        held[state.epoch] = state.validation_loss, now

    stopping = EarlyStopping(50, restore=True)
    mt.fit(step, X, Y, epochs=12, batch_size=10, seed=0, validation=[X, Y], callbacks=[note, stopping])
    best, wanted = min(held.values(), key=lambda pair: pair[0])
    assert best < held[12][0]
    assert float(step.evaluate(X, Y)[0]) == pytest.approx(best)
    for t, value in zip((layer.weight, layer.bias, mean, *sgd.velocities), wanted, strict=True):
        np.testing.assert_array_equal(t.data, value)


def test_all_functions_at_the_end_are_called_even_if_one_raises():
    _, step = regression()
    done = []

    def callback(state):
        state.at_end += [lambda state: done.append(1), lambda state: 1 / 0, lambda state: done.append(2)]

    with pytest.raises(ZeroDivisionError):
        mt.fit(step, X, Y, epochs=1, batch_size=10, callbacks=[callback])
    assert done == [1, 2]


def test_what_is_to_be_done_at_the_end_is_done_when_another_callback_ends_the_fit():
    _, step = regression()
    done = []

    def callback(state):
        if state.epoch == 1:
            state.at_end.append(lambda state: done.append(state.epoch))
        if state.epoch == 3:
            state.stop()

    mt.fit(step, X, Y, epochs=9, batch_size=10, callbacks=[callback])
    assert done == [3]


# ---- progress ----


def test_a_progress_bar_shows_epochs_and_losses(capfd):
    pytest.importorskip("tqdm")
    _, step = regression()
    history = mt.fit(step, X, Y, epochs=3, batch_size=10, seed=0, progress=True, validation=(X, Y))
    shown = capfd.readouterr().err
    assert "3/3" in shown
    assert f"loss={history.loss[-1]:.4g}" in shown.replace("'", "")
    assert f"validation={history.validation_loss[-1]:.4g}" in shown.replace("'", "")
    mt.fit(step, X, Y, epochs=1, batch_size=10)
    assert capfd.readouterr().err == ""


# ---- bad input ----

BAD_FITS = {
    "rows that differ": ({"arrays": (X, Y[:30])}, ["x has 50", "y has 30"]),
    "too few arrays": ({"arrays": (X,)}, ["1 input was"]),
    "wrong columns": ({"arrays": (X[:, :2], Y)}, ["'x'", "axis 1"]),
    "strings": ({"arrays": (X, [["a"]] * 50)}, ["'y'", "strings"]),
    "negative epochs": ({"epochs": -1}, ["epochs", "-1"]),
    "epochs that are no int": ({"epochs": 2.5}, ["epochs", "2.5"]),
    "no batch size": ({"batch_size": 0}, ["batch size", "0"]),
    "a batch size that is no int": ({"batch_size": 2.5}, ["batch size"]),
    "no batch size, no epochs": ({"batch_size": 0, "epochs": 0}, ["batch size"]),
    "validation of other columns": ({"validation": (X[:, :2], Y)}, ["'x'", "axis 1"]),
    "validation rows that differ": ({"validation": (X, Y[:30])}, ["x has 50", "y has 30"]),
    "validation of too few arrays": ({"validation": (X,)}, ["1 input was"]),
    "validation that is a number": ({"validation": 3}, ["validation"]),
    "validation of strings": ({"validation": (X, [["a"]] * 50)}, ["'y'", "strings"]),
}


@pytest.mark.parametrize("case", BAD_FITS)
def test_a_bad_fit_changes_nothing(case):
    model, step = regression()
    before = values(model)
    changes, words = BAD_FITS[case]
    arguments = {"epochs": 2, "batch_size": 10} | changes
    with pytest.raises((InputError, DTypeError)) as error:
        mt.fit(step, *arguments.pop("arrays", (X, Y)), **arguments)
    assert [word for word in words if word not in str(error.value)] == []
    assert all(np.array_equal(p, q) for p, q in zip(values(model), before, strict=True))


def test_a_program_without_a_loss_is_refused():
    x = mt.placeholder("x", ("n",))
    for program in (mt.compile([x], x), mt.compile([x], []), mt.compile([x], [x, mt.sum(x)])):
        with pytest.raises(InputError, match="loss"):
            mt.fit(program, [1.0], epochs=1, batch_size=1)
