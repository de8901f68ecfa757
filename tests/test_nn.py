"""Modules: parameters and their names, initialisation, what they compute, neurons as views."""

import math

import numpy as np
import pytest

import minitorch as mt
from minitorch import nn


def rows(n=5, columns=3, seed=0):
    return np.random.default_rng(seed).standard_normal((n, columns))


# ---- parameters: order, names, shapes ----


def test_weight_then_bias_of_each_layer():
    model = nn.MLP(3, [4, 2], seed=0)
    named = list(model.named_parameters())
    assert [name for name, _ in named] == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert [p.shape for _, p in named] == [(3, 4), (4,), (4, 2), (2,)]
    assert [p.name for _, p in named] == [name for name, _ in named]
    assert all(a is b for a, (_, b) in zip(model.parameters(), named, strict=True))


def test_modules_in_lists_and_dicts_and_alone():
    class Both(nn.Module):
        def __init__(self):
            self.scale = mt.parameter(1.0, name="scale")
            self.parts = [nn.Linear(2, 2, seed=0), nn.Tanh(), nn.Linear(2, 2, seed=1)]
            self.heads = {"a": nn.Linear(2, 1, seed=2), "b": nn.Linear(2, 1, seed=3)}
            self.last = nn.Neuron(2, seed=4)
            self.note = "text"
            self.rate = mt.variable(0.5, name="rate")

        def forward(self, x):
            return self.last(self.parts[2](self.parts[1](self.parts[0](x * self.scale))))

    model = Both()
    names = [name for name, _ in model.named_parameters()]
    assert names == [
        "scale", "parts.0.weight", "parts.0.bias", "parts.2.weight", "parts.2.bias", "heads.a.weight", "heads.a.bias",
        "heads.b.weight", "heads.b.bias", "last.weight", "last.bias",
    ]  # fmt: skip
    assert list(model.state_dict()) == [*names, "rate"]
    assert model.predict(rows(4, 2)).shape == (4,)


def test_a_parameter_that_is_shared_is_counted_once():
    class Tied(nn.Module):
        def __init__(self):
            self.first = nn.Linear(2, 2, seed=0)
            self.second = self.first

        def forward(self, x):
            return self.second(self.first(x))

    assert [name for name, _ in Tied().named_parameters()] == ["first.weight", "first.bias"]


def test_parameters_of_a_network_lie_next_to_each_other():
    arrays = [p.data for p in nn.MLP(3, [5, 2], seed=0).parameters()]
    starts = [a.ctypes.data for a in arrays]
    assert starts == [starts[0] + 4 * sum(b.size for b in arrays[:i]) for i in range(4)]
    assert starts[0] % 64 == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_reaches_every_parameter_and_the_result(dtype):
    for model in (
        nn.Neuron(3, dtype=dtype),
        nn.Linear(3, 2, dtype=dtype),
        nn.Layer(3, 2, dtype=dtype),
        nn.MLP(3, [4, 2], dtype=dtype),
    ):
        assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}
        assert model.predict(rows()).dtype == dtype


# ---- initialisation ----


def test_the_same_seed_gives_the_same_weights():
    def weights(seed):
        return [p.data.copy() for p in nn.MLP(4, [5, 3], seed=seed).parameters()]

    same = zip(weights(7), weights(7), strict=True)
    assert all(np.array_equal(a, b) for a, b in same)
    assert any((a != b).any() for a, b in zip(weights(7), weights(8), strict=True))
    assert any((a != b).any() for a, b in zip(weights(None), weights(None), strict=True))
    first, second = nn.MLP(4, [4, 4, 4], seed=7).layers[:2]
    assert (first.weight.data != second.weight.data).any()
    generator = np.random.default_rng(7)
    assert (nn.Linear(4, 4, seed=generator).weight.data != nn.Linear(4, 4, seed=generator).weight.data).any()


FORMULAE = {  # the variance, and for uniform ones the bound sqrt(3 variance): of the papers
    "glorot_uniform": lambda nin, nout: 2 / (nin + nout), "glorot_normal": lambda nin, nout: 2 / (nin + nout),
    "he_uniform": lambda nin, nout: 2 / nin, "he_normal": lambda nin, nout: 2 / nin,
    "lecun_uniform": lambda nin, nout: 1 / nin, "lecun_normal": lambda nin, nout: 1 / nin,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAE)
@pytest.mark.parametrize(("nin", "nout"), [(300, 100), (100, 300)])
def test_initialisers_have_the_variance_of_their_papers(name, nin, nout):
    weight = nn.Linear(nin, nout, init=name, seed=0, dtype="float64").weight.data
    variance = FORMULAE[name](nin, nout)
    np.testing.assert_allclose(weight.var(), variance, rtol=0.03)
    np.testing.assert_allclose(weight.mean(), 0, atol=4 * math.sqrt(variance / weight.size))
    if name.endswith("uniform"):
        bound = math.sqrt(3 * variance)
        assert 0.99 * bound < np.abs(weight).max() <= bound
    else:
        assert np.abs(weight).max() > 3.5 * math.sqrt(variance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("nin", "nout"), [(7, 5), (90, 1000), (3, 40_000), (70_000, 1), (0, 4), (4, 0)])
def test_weights_are_what_one_draw_of_all_gives(nin, nout, dtype):
    b = math.sqrt(3 / max(1, nin))
    whole = (np.random.default_rng(3).random((nin, nout)) * (2 * b) - b).astype(dtype)
    drawn = nn.Linear(nin, nout, init="lecun_uniform", seed=3, dtype=dtype).weight.data
    assert (drawn == whole).all()
    uniform = np.random.default_rng(3).uniform(-b, b, (nin, nout))  # NumPy may round once less
    np.testing.assert_allclose(drawn, uniform, rtol=0, atol=2 * b * np.finfo(dtype).eps)
    whole = np.random.default_rng(3).normal(0, math.sqrt(1 / max(1, nin)), (nin, 1)).astype(dtype)
    assert (nn.Neuron(nin, init="lecun_normal", seed=3, dtype=dtype).weight.data == whole[:, 0]).all()


def test_every_initialiser_is_tested_and_biases_are_zero():
    assert set(nn.initialisers) == {*FORMULAE, "zeros"}
    assert not nn.Linear(3, 2, init="zeros").weight.data.any()
    assert not any(layer.bias.data.any() for layer in nn.MLP(3, [4, 2], seed=0).layers)


def test_relu_is_initialised_by_he_and_the_rest_by_glorot():
    def bound(activation):
        return np.abs(nn.Layer(300, 100, activation, seed=0).weight.data).max()

    assert math.sqrt(6 / 400) < bound("relu") <= math.sqrt(6 / 300)
    for activation in ("tanh", "sigmoid", None, mt.tanh):
        assert bound(activation) <= math.sqrt(6 / 400)


# ---- what the modules compute ----


def dense(x, w, b, activation=lambda z: z):
    return activation(x @ w.data.astype("float64") + b.data)


def test_linear_layer_neuron_and_mlp_are_the_formulae():
    X = rows()
    linear, layer = nn.Linear(3, 2, seed=1, dtype="float64"), nn.Layer(3, 2, "tanh", seed=1, dtype="float64")
    neuron = nn.Neuron(3, "sigmoid", seed=1, dtype="float64")
    model = nn.MLP(3, [4, 2], "tanh", "relu", seed=1, dtype="float64")
    np.testing.assert_allclose(linear.predict(X), dense(X, linear.weight, linear.bias), rtol=1e-13)
    np.testing.assert_allclose(layer.predict(X), dense(X, layer.weight, layer.bias, np.tanh), rtol=1e-13)
    np.testing.assert_allclose(neuron.predict(X), 1 / (1 + np.exp(-dense(X, neuron.weight, neuron.bias))), rtol=1e-13)
    hidden = dense(X, model.layers[0].weight, model.layers[0].bias, np.tanh)
    output = dense(hidden, model.layers[1].weight, model.layers[1].bias, lambda z: np.maximum(z, 0))
    np.testing.assert_allclose(model.predict(X), output, rtol=1e-13)


def test_the_last_layer_is_linear_unless_told_otherwise():
    model = nn.MLP(3, [4, 2], seed=0)
    assert [layer.activation for layer in model.layers] == ["tanh", None]
    assert [layer.activation for layer in nn.MLP(3, [4, 2], "relu", "sigmoid").layers] == ["relu", "sigmoid"]


def test_activation_modules_apply_their_functions():
    X = rows()
    for kind, function in (
        (nn.Tanh, np.tanh), (nn.ReLU, lambda z: np.maximum(z, 0)), (nn.Sigmoid, lambda z: 1 / (1 + np.exp(-z))),
        (nn.Softplus, lambda z: np.log1p(np.exp(z))), (nn.Identity, lambda z: z),
        (nn.Softmax, lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True)),
    ):  # fmt: skip
        np.testing.assert_allclose(kind().predict(X), function(X), rtol=1e-5)
        assert repr(kind()) == f"{kind.__name__}()"
        assert kind().parameters() == []


def test_sequential_is_one_after_the_other():
    model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.ReLU(), nn.Linear(4, 1, seed=1))
    first, _, last = model.modules
    hidden = np.maximum(dense(rows(), first.weight, first.bias), 0)
    np.testing.assert_allclose(model.predict(rows()), dense(hidden, last.weight, last.bias), rtol=1e-5)
    assert nn.Sequential().predict([1.0]).tolist() == [1]
    with pytest.raises(TypeError, match="modules are expected"):
        nn.Sequential(nn.Tanh(), mt.tanh)


def test_a_module_opens_a_scope_of_its_name():
    model = nn.MLP(3, [4, 2], seed=0)
    scopes = {node.scope for node in mt.Graph([model(mt.placeholder("x", ("n", 3)))]).nodes if node.op.name == "tanh"}
    assert scopes == {"mlp/layers.0"}


# ---- neurons of a layer ----


def test_neurons_are_views_of_their_layer():
    layer = nn.Layer(3, 4, "relu", seed=2)
    assert len(layer.neurons) == 4
    columns = np.stack([neuron.predict(rows()) for neuron in layer.neurons], axis=1)
    np.testing.assert_allclose(columns, layer.predict(rows()), rtol=1e-5, atol=1e-6)
    assert all(neuron.parameters() == [] for neuron in layer.neurons)
    layer.weight.data[:, 2] = 0
    layer.bias.data[2] = 5
    np.testing.assert_array_equal(layer.neurons[2].predict(rows()), np.full(5, 5))
    assert repr(layer.neurons[0]) == "Neuron(3, 'relu')"


def test_a_neuron_that_was_taken_earlier_sees_what_training_does():
    layer = nn.Layer(2, 2, None, seed=0, dtype="float64")
    neuron = layer.neurons[1]
    before = neuron.predict([[1.0, 1.0]])
    x = mt.placeholder("x", ("n", 2), "float64")
    mt.compile([x], [], {layer.weight: layer.weight + 1})([[0, 0]])
    np.testing.assert_allclose(neuron.predict([[1.0, 1.0]]), before + 2, rtol=1e-12)


def test_a_gradient_through_a_neuron_reaches_the_layer():
    layer = nn.Layer(3, 4, None, seed=0, dtype="float64")
    x = mt.placeholder("x", ("n", 3), "float64")
    gradient = mt.compile([x], mt.grad(mt.sum(layer.neurons[1](x)), layer.weight))(rows())
    want = np.zeros((3, 4))
    want[:, 1] = rows().sum(0)
    np.testing.assert_allclose(gradient, want, rtol=1e-12)


# ---- bad arguments ----


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: nn.Linear(-1, 2), "Linear: nin .*-1"), (lambda: nn.Linear(2, 1.5), "Linear: nout .*1.5"),
        (lambda: nn.Neuron("3"), "Neuron: nin .*'3'"), (lambda: nn.Layer(True, 1), "Layer: nin .*True"),
        (lambda: nn.MLP(2, []), "MLP: nouts"), (lambda: nn.MLP(2, [3, -1]), "MLP: .*nouts .*-1"),
        (lambda: nn.MLP(2, [3, 1], "tahn"), "'tahn'; .*tanh.*relu"), (lambda: nn.Layer(2, 1, "?"), "activation.*tanh"),
        (lambda: nn.Linear(2, 1, init="xavier"), "'xavier'; .*glorot_uniform"), (lambda: nn.Neuron(2, "tahn"), "tahn"),
    ],
)  # fmt: skip
def test_bad_arguments(build, words):
    with pytest.raises(ValueError, match=words):
        build()


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Bare"):
        type("Bare", (nn.Module,), {})()(mt.placeholder("x", ()))


def test_layers_of_no_width_work():
    assert nn.MLP(0, [2], seed=0).predict(np.empty((3, 0))).tolist() == [[0, 0]] * 3
    assert nn.MLP(2, [0], seed=0).predict(np.ones((3, 2))).shape == (3, 0)


# ---- text ----


def test_summary_is_a_table():
    assert nn.MLP(3, [4, 2], seed=0).summary().splitlines() == [
        "module    kind                 parameters",
        "(all)     MLP(3, [4, 2])",
        "layers.0  Layer(3, 4, 'tanh')  16          weight (3, 4), bias (4,)",
        "layers.1  Layer(4, 2, None)    10          weight (4, 2), bias (2,)",
        "26 parameters, 104 bytes",
    ]


def test_modules_print_as_they_are_made():
    assert repr(nn.MLP(3, [4, 2])) == "MLP(3, [4, 2])"
    assert repr(nn.Linear(3, 2)) == "Linear(3, 2)"
    assert repr(nn.Layer(3, 2, "relu")) == "Layer(3, 2, 'relu')"
    assert repr(nn.Sequential(nn.Linear(3, 2), nn.Tanh())) == "Sequential(Linear(3, 2), Tanh())"
    assert "tanh" in repr(nn.Layer(3, 2, mt.tanh))
