"""Snapshots and the film: the fit is the same with them, and the page shows what the model said at each of them."""

import base64
import copy
import json
import re

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import ArgumentError, InputError
from minitorch.training import spread

R = np.random.default_rng(4)
X = R.normal(0, 1, (120, 2))
SIGNS = np.where(X[:, :1] * X[:, 1:] > 0, 1.0, -1.0)
CLASSES = np.eye(3)[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]


def network(nin=2, nouts=(6, 1), backend="auto", momentum=0.9, loss=mt.mse_loss):
    x, y = mt.placeholder("x", ("batch", nin)), mt.placeholder("y", ("batch", nouts[-1]))
    model = mt.nn.MLP(nin, list(nouts), seed=0)
    value = loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.05, momentum=momentum)
    return model, mt.compile([x, y], value, sgd.minimize(value), backend=backend)


def filmed(tmp_path, nin=2, nouts=(6, 1), data=(X, SIGNS), epochs=6, loss=mt.mse_loss, **options):
    """A film's history, model and data, as they stand in the page."""
    model, step = network(nin, nouts, loss=loss)
    history = mt.fit(step, *data, epochs=epochs, batch_size=16, seed=1, snapshots=4)
    history.film(tmp_path / "film.html", model, *data, **options)
    text = (tmp_path / "film.html").read_text("utf-8")
    return history, model, json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def at(history, model, k):
    """A copy of the model as it was at a frame."""
    twin = copy.deepcopy(model)
    for tensor, own in zip(model.parameters(), twin.parameters(), strict=True):
        own.data = history.snapshots[k].values[tensor]
    return twin


# ---- snapshots ----


@pytest.mark.parametrize("backend", ["interpreter", "numpy", "c"])
def test_snapshots_are_what_shorter_fits_give_bit_for_bit(backend):
    model, step = network(backend=backend)
    start = [p.data.copy() for p in model.parameters()]
    history = mt.fit(step, X, SIGNS, epochs=5, batch_size=16, seed=2, snapshots=[0, 1, 3, 5])
    assert [s.epoch for s in history.snapshots] == [0, 1, 3, 5]
    for snapshot in history.snapshots:
        other, again = network(backend=backend)
        bare = mt.fit(again, X, SIGNS, epochs=snapshot.epoch, batch_size=16, seed=2)
        assert bare.batch_loss == history.batch_loss[: len(bare.batch_loss)]
        assert not bare.snapshots
        assert bare.program is None
        for p, q in zip(model.parameters(), other.parameters(), strict=True):
            np.testing.assert_array_equal(snapshot.values[p], q.data)
    for p, before in zip(model.parameters(), start, strict=True):
        np.testing.assert_array_equal(history.snapshots[0].values[p], before)
        assert not np.shares_memory(history.snapshots[-1].values[p], p.data)
        np.testing.assert_array_equal(history.snapshots[-1].values[p], p.data)


def test_an_optimisers_own_state_is_not_kept():
    model, step = network()
    (first, *_) = mt.fit(step, X, SIGNS, epochs=1, batch_size=16, snapshots=2).snapshots
    assert list(first.values) == model.parameters() or set(first.values) == set(model.parameters())
    assert len(step.updates) == 2 * len(model.parameters())


@pytest.mark.parametrize("epochs", [1, 2, 7, 60, 1000])
@pytest.mark.parametrize("most", [2, 3, 10, 60])
@pytest.mark.parametrize("early", [False, True])
def test_epochs_are_spread_from_the_start_to_the_end(epochs, most, early):
    chosen = spread(epochs, most, early=early)
    assert len(chosen) <= most
    assert chosen == sorted(set(chosen))
    assert (chosen[0], chosen[-1]) == (0, epochs)
    gaps = np.diff(chosen)
    assert early or max(gaps) - min(gaps) <= 1


def test_a_fit_that_ends_early_keeps_its_end():
    _, step = network()
    stop = lambda state: state.stop() if state.epoch == 3 else None
    history = mt.fit(step, X, SIGNS, epochs=100, batch_size=16, snapshots=5, callbacks=[stop])
    assert [s.epoch for s in history.snapshots] == [0, 3]


@pytest.mark.parametrize("wrong", [-1, 1.5, "all", [7], [-1], [True], None, True])
def test_what_is_no_wish_for_snapshots_changes_nothing(wrong):
    model, step = network()
    before = [p.data.copy() for p in model.parameters()]
    with pytest.raises(InputError, match="how many to keep, or a list of epochs from 0 to 6"):
        mt.fit(step, X, SIGNS, epochs=6, batch_size=16, snapshots=wrong)
    assert all(np.array_equal(p.data, b) for p, b in zip(model.parameters(), before, strict=True))


# ---- what the page shows ----


def test_losses_frames_and_weights_are_those_of_the_history(tmp_path):
    history, model, data = filmed(tmp_path)
    assert data["frames"] == [s.epoch for s in history.snapshots] == [0, 2, 4, 6]
    np.testing.assert_allclose(data["loss"], history.loss, rtol=1e-6)
    assert data["network"]["chain"]
    for layer, module in zip(data["network"]["layers"], model.layers, strict=True):
        kept = np.stack([s.values[module.weight] for s in history.snapshots])
        np.testing.assert_array_equal(numbers(layer["values"], "<f4").reshape(kept.shape), kept)
    for k, snapshot in enumerate(history.snapshots):
        for i, layer in enumerate(model.layers):
            np.testing.assert_allclose(data["network"]["biases"][i][k], snapshot.values[layer.bias], rtol=1e-6)
            norm = np.linalg.norm(snapshot.values[layer.weight])
            np.testing.assert_allclose(data["norms"]["weights"][i][k], norm, rtol=1e-6)


def test_the_plane_is_what_the_model_predicts_at_each_frame(tmp_path):
    history, model, data = filmed(tmp_path)
    plane = data["plane"]
    size = plane["grid"]
    values = numbers(plane["values"], np.uint8).reshape(len(history.snapshots), size, size)
    step = (plane["high"] - plane["low"]) / 255
    assert step > 0
    across, up = (np.linspace(*plane[axis], size) for axis in "xy")
    for k in range(len(history.snapshots)):
        expected = at(history, model, k).predict([[a, b] for b in up for a in across]).reshape(size, size)
        assert np.abs(plane["low"] + values[k] * step - expected).max() <= step * 0.51
    assert plane["boundary"] == 0
    assert plane["classes"] == ["-1", "1"]


def test_scores_and_wrong_points_are_the_models(tmp_path):
    history, model, data = filmed(tmp_path)
    wrong = np.unpackbits(numbers(data["plane"]["wrong"], np.uint8).reshape(4, -1), axis=1)[:, : len(X)].astype(bool)
    for k in range(4):
        missed = np.sign(at(history, model, k).predict(X)) != SIGNS
        np.testing.assert_array_equal(wrong[k], missed[:, 0])
        assert data["score"]["values"][k] == pytest.approx(1 - missed.mean(), rel=1e-6)
    assert data["score"]["name"] == "accuracy"
    np.testing.assert_allclose(data["plane"]["points"], X, atol=1e-4)


def test_gradients_are_those_of_the_loss_over_the_data(tmp_path):
    history, model, data = filmed(tmp_path)
    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", 1))
    for k in range(4):
        twin = at(history, model, k)
        weights = [layer.weight for layer in twin.layers]
        gradients = mt.compile([x, y], mt.grad(mt.mse_loss(twin(x), y), weights))(X, SIGNS)
        shown = [column[k] for column in data["norms"]["gradients"]]
        np.testing.assert_allclose(shown, [np.linalg.norm(g) for g in gradients], rtol=1e-5)


def test_classes_are_told_by_the_largest_output(tmp_path):
    history, model, data = filmed(tmp_path, nouts=(6, 3), data=(X, CLASSES), loss=mt.cross_entropy)
    plane = data["plane"]
    values = numbers(plane["values"], np.uint8).reshape(4, plane["grid"], plane["grid"])
    across, up = (np.linspace(*plane[axis], plane["grid"]) for axis in "xy")
    for k in range(4):
        expected = at(history, model, k).predict([[a, b] for b in up for a in across]).argmax(1)
        np.testing.assert_array_equal(values[k].ravel() // 16, expected)
    assert plane["classes"] == ["0", "1", "2"]


def test_values_are_followed_by_their_error(tmp_path):
    targets = np.sin(X[:, :1])
    history, model, data = filmed(tmp_path, data=(X, targets))
    assert data["score"]["name"] == "root mean square error"
    error = at(history, model, 3).predict(X) - targets
    assert data["score"]["values"][3] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)
    assert data["plane"]["classes"] == []


def test_other_inputs_have_no_plane_and_square_ones_are_images(tmp_path):
    data = filmed(tmp_path, nin=36, nouts=(80, 1), data=(R.normal(0, 1, (40, 36)), np.ones((40, 1))), epochs=2)[2]
    assert data["plane"] is None
    assert data["image"] == [6, 6]
    layer = data["network"]["layers"][0]
    assert (layer["rows"], layer["columns"]) == (36, 64)
    plain = (R.normal(0, 1, (40, 36)), np.ones((40, 1)))
    assert filmed(tmp_path, nin=36, data=plain, image=(4, 9))[2]["image"] == [4, 9]
    assert filmed(tmp_path, nin=36, data=plain, image=(0, 0))[2]["image"] is None
    with pytest.raises(InputError, match="images of 5 by 5 are not 2 inputs"):
        filmed(tmp_path, image=(5, 5))


def test_many_weights_are_kept_in_steps_of_the_largest(tmp_path):
    history, model, data = filmed(tmp_path, nin=2, nouts=(64, 64, 1))
    for layer, module in zip(data["network"]["layers"], model.layers, strict=True):
        kept = np.stack([s.values[module.weight] for s in history.snapshots])
        shown = numbers(layer["values"], np.int8).reshape(kept.shape) * (layer["largest"] / 127)
        assert layer["largest"] == pytest.approx(np.abs(kept).max(), rel=1e-6)
        assert np.abs(shown - kept).max() <= layer["largest"] / 127 * 0.51


def test_a_film_without_data_shows_the_rest(tmp_path):
    model, step = network()
    history = mt.fit(step, X, SIGNS, epochs=3, batch_size=16, snapshots=2)
    before = [p.data.copy() for p in model.parameters()]
    history.film(tmp_path / "a.html", model)
    mt.viz.film(history, tmp_path / "b.html", model)
    text = (tmp_path / "a.html").read_text("utf-8")
    assert text == (tmp_path / "b.html").read_text("utf-8")
    assert '"plane":null' in text
    assert '"gradients":null' in text
    assert all(np.array_equal(p.data, b) for p, b in zip(model.parameters(), before, strict=True))


def test_a_loss_that_is_not_finite_is_shown_as_such(tmp_path):
    model, step = network()
    model.layers[0].weight.data = np.full((2, 6), np.nan)
    history = mt.fit(step, X, SIGNS, epochs=2, batch_size=16, snapshots=2)
    history.film(tmp_path / "a.html", model, X, SIGNS)
    assert '"loss":[null,null]' in (tmp_path / "a.html").read_text("utf-8")


def test_what_no_film_can_be_made_of(tmp_path):
    model, step = network()
    bare = mt.fit(step, X, SIGNS, epochs=1, batch_size=16)
    with pytest.raises(ArgumentError, match=r"take some with fit\(\.\.\., snapshots=60\)"):
        bare.film(tmp_path / "a.html", model)
    history = mt.fit(step, X, SIGNS, epochs=1, batch_size=16, snapshots=2)
    with pytest.raises(ArgumentError, match="the model that was trained is expected"):
        history.film(tmp_path / "a.html", X)
    with pytest.raises(ArgumentError, match="did not train"):
        history.film(tmp_path / "a.html", mt.nn.MLP(2, [1]))
    with pytest.raises(InputError, match="X has 120 rows, but y has 3"):
        history.film(tmp_path / "a.html", model, X, SIGNS[:3])
    with pytest.raises(InputError, match="X is an array of rows, one or more"):
        history.film(tmp_path / "a.html", model, X[:0], SIGNS[:0])
    assert not list(tmp_path.iterdir())


def test_titles_do_no_harm(tmp_path):
    filmed(tmp_path, title="</title><script>alert(1)</script>")
    assert "<script>alert(1)" not in (tmp_path / "film.html").read_text("utf-8")
