"""Modules: state, copies, and predictions that see what has changed."""

import copy
import pickle

import numpy as np
import pytest

import minitorch as mt
from minitorch import module, nn
from minitorch.errors import DTypeError, FileError, InputError


def rows(n=5, columns=3, seed=0):
    return np.random.default_rng(seed).standard_normal((n, columns))


# ---- state ----


def test_state_goes_round():
    a, b = nn.MLP(3, [4, 2], seed=0), nn.MLP(3, [4, 2], seed=1)
    state = a.state_dict()
    b.load_state_dict(state)
    np.testing.assert_array_equal(a.predict(rows()), b.predict(rows()))
    state["layers.0.weight"][...] = 0
    assert a.layers[0].weight.data.any()
    assert b.layers[0].weight.data.any()


def changed(name, value):
    return lambda state: state | {name: value}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {k: v for k, v in s.items() if k != "layers.1.bias"}, ["layers.1.bias is missing"]),
        (changed("extra", np.zeros(1)), ["extra is unknown"]),
        (changed("layers.1.bias", np.zeros(3)), ["layers.1.bias is f32[2]", "(3,)"]),
        (changed("layers.1.bias", np.zeros((1, 2))), ["layers.1.bias", "(1, 2)"]),
        (changed("layers.1.bias", 0.0), ["layers.1.bias", "()"]),
        (changed("layers.1.bias", np.zeros(2, complex)), ["layers.1.bias", "complex"]),
        (changed("layers.1.bias", ["a", "b"]), ["layers.1.bias", "strings"]),
        (changed("layers.1.bias", [[1], [2, 3]]), ["layers.1.bias"]),
        (changed("layers.1.bias", None), ["layers.1.bias"]),
    ],
)  # fmt: skip
def test_a_state_that_does_not_fit_changes_nothing(change, words):
    model = nn.MLP(3, [4, 2], seed=0)
    before = model.state_dict()
    with pytest.raises((FileError, DTypeError)) as error:
        model.load_state_dict(change({k: v + 1 for k, v in before.items()}))
    assert [word for word in words if word not in str(error.value)] == []
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_wider_float_is_taken_and_an_int_too():
    model = nn.Linear(2, 1, seed=0)
    model.load_state_dict({"weight": np.array([[0.1], [0.2]]), "bias": [3]})
    assert model.weight.data.ravel().tolist() == [np.float32(0.1), np.float32(0.2)]
    assert model.bias.data.tolist() == [3]


# ---- copies ----


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_a_copy_computes_the_same_with_parameters_of_its_own(how):
    model = nn.Sequential(nn.MLP(3, [4, 2], seed=0), nn.Tanh(), nn.Layer(2, 2, mt.relu, seed=1), nn.Neuron(2, seed=2))
    want = model.predict(rows())
    twin = how(model)
    np.testing.assert_array_equal(twin.predict(rows()), want)
    assert [n for n, _ in twin.named_parameters()] == [n for n, _ in model.named_parameters()]
    for p in twin.parameters():
        p.data[...] = 0
    np.testing.assert_array_equal(model.predict(rows()), want)
    assert not any(np.shares_memory(p.data, q.data) for p in twin.parameters() for q in model.parameters())


def test_what_is_shared_inside_a_module_is_shared_inside_its_copy():
    class Tied(nn.Module):
        def __init__(self):
            self.layer = nn.Layer(2, 2, None, seed=0)
            self.again = self.layer
            self.first = self.layer.neurons[0]

        def forward(self, x):
            return self.first(x)

    twin = copy.deepcopy(Tied())
    twin.layer.weight.data[...] = 1
    twin.layer.bias.data[...] = 0
    assert twin.again is twin.layer
    np.testing.assert_array_equal(twin.predict([[2.0, 3.0]]), [5])


# ---- predict ----


def test_predict_compiles_once_for_each_shape_of_a_row(monkeypatch):
    count = []
    compile = module.compile
    monkeypatch.setattr(module, "compile", lambda *a, **k: count.append(1) or compile(*a, **k))
    model = nn.MLP(3, [4, 2], seed=0)
    for n in (1, 5, 100, 0):
        assert model.predict(rows(n)).shape == (n, 2)
    assert len(count) == 1
    assert nn.Tanh().predict(rows()).shape == (5, 3)
    np.testing.assert_array_equal(mt.predict(model, rows()), model.predict(rows()))


class Weighted(nn.Module):
    """Two inputs, of which one is a number a row."""

    def __init__(self):
        self.inner = nn.Linear(3, 2, seed=0)

    def forward(self, x, weight):
        return self.inner(x) * mt.expand_dims(weight, 1)


def test_predict_takes_as_many_inputs_as_a_module():
    model = Weighted()
    for n in (5, 2):
        weights = np.arange(n)
        expected = model.inner.predict(rows(n)) * weights[:, None].astype("float32")
        np.testing.assert_allclose(model.predict(rows(n), weights), expected, rtol=1e-6)
        np.testing.assert_allclose(mt.predict(model, rows(n), weights.tolist()), expected, rtol=1e-6)
    with pytest.raises(InputError, match=r"X2.* has the size 4; batch is 5"):
        model.predict(rows(5), np.arange(4))
    np.testing.assert_array_equal(model.inner.predict(X=rows()), mt.predict(model.inner, X=rows()))


def test_predict_sees_new_values_and_new_parameters():
    model = nn.Linear(2, 1, seed=0)
    model.predict([[1.0, 1.0]])
    model.weight.data[...] = 3
    assert model.predict([[1.0, 1.0]]).tolist() == [[6]]
    model.weight = mt.parameter([[1.0], [1.0]], name="weight")
    assert model.predict([[1.0, 1.0]]).tolist() == [[2]]


def test_predict_sees_another_activation_inside():
    model = nn.MLP(2, [2, 1], seed=0)
    model.predict([[1.0, 1.0]])
    model.layers[1] = nn.Layer(2, 1, None, init="zeros")
    assert model.predict([[1.0, 1.0]]).tolist() == [[0]]


def test_predict_sees_every_function_that_took_the_place_of_another():
    """A function that is gone leaves its number to another one."""
    model = nn.MLP(2, [1], activation="identity", seed=0)
    weight = model.layers[0].weight.data
    for k in range(20):
        model.layers[0].activation = lambda z, k=k: z * k
        np.testing.assert_allclose(model.predict([[1.0, 1.0]])[0], k * weight.sum(0), rtol=1e-6)
    assert len(vars(model)["_programs"]) == 20


def test_predict_keeps_so_many_programs(monkeypatch):
    monkeypatch.setattr(module, "MOST_PROGRAMS", 3)
    model = nn.Linear(2, 1, seed=0)
    for k in range(5):
        model.extra = k
        model.predict([[1.0, 1.0]])
        assert len(vars(model)["_programs"]) == min(k + 1, 3)


class Scaled(nn.Module):
    def __init__(self, by):
        self.by = by

    def forward(self, x):
        return x * self.by


def test_predict_sees_what_was_written_into_an_array():
    model = Scaled(np.ones(2))
    assert model.predict([[3.0, 4.0]]).tolist() == [[3, 4]]
    model.by[1] = 0
    assert model.predict([[3.0, 4.0]]).tolist() == [[3, 0]]


def test_predict_sees_another_large_array(monkeypatch):
    monkeypatch.setattr(module, "MOST_COMPARED", 4)
    model = Scaled(np.ones(2))
    assert model.predict([[3.0, 4.0]]).tolist() == [[3, 4]]
    model.by = np.array([1.0, 0.0])
    assert model.predict([[3.0, 4.0]]).tolist() == [[3, 0]]


def test_predict_tells_numbers_apart_that_are_equal():
    model = Scaled(0.0)
    assert not np.signbit(model.predict([[1.0]])).any()
    model.by = -0.0
    assert np.signbit(model.predict([[1.0]])).all()


class Nested(nn.Module):
    def __init__(self):
        self.weights = [mt.parameter(1.0), mt.parameter(2.0)]
        self.inside = {"a": [[nn.Linear(1, 1, seed=0)]]}

    def forward(self, x):
        return self.inside["a"][0][0](x) * self.weights[0] + self.weights[1]


def test_parameters_and_modules_in_lists_and_dicts_are_the_modules_own():
    model = Nested()
    names = ["weights.0", "weights.1", "inside.a.0.0.weight", "inside.a.0.0.bias"]
    assert [name for name, _ in model.named_parameters()] == names == list(model.state_dict())
    assert "4 parameters" in model.summary()
    model.load_state_dict({name: value + 1 for name, value in model.state_dict().items()})
    assert [float(w.data) for w in model.weights] == [2, 3]


@pytest.mark.parametrize("bad", [[["a", "b", "c"]], [[1, 2], [3]], None, [[1j, 0, 0]], [[1.0, 2.0]], 1.0])
def test_predict_refuses_what_does_not_fit(bad):
    with pytest.raises((TypeError, ValueError)):
        nn.MLP(3, [2], seed=0).predict(bad)
