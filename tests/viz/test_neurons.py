"""The level of neurons: which units and lines there are, and that the numbers in them are those of NumPy."""

import re
import shutil
import subprocess

import numpy as np
import pytest

import minitorch as mt
from minitorch.viz.levels import picture_of
from minitorch.viz.neurons import indices
from minitorch.viz.subject import graph_of

RNG = np.random.default_rng(5)


def pictured(what, inputs=None):
    return picture_of(graph_of(what), "neuron", inputs)


def units(picture):
    return [box for box in picture.boxes if box.round]


def network(nin=3, nouts=(4, 2), activation="relu", seed=0):
    x, y = mt.placeholder("x", ("batch", nin)), mt.placeholder("y", ("batch", nouts[-1]))
    model = mt.nn.MLP(nin, list(nouts), activation=activation, seed=seed)
    loss = mt.mse_loss(model(x), y)
    step = mt.compile([x, y], loss, updates=mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss))
    return model, step


def test_every_unit_and_every_weight_is_drawn():
    model, step = network(3, [4, 2])
    picture = pictured(step)
    assert [box.title for box in units(picture)] == ["x[0]", "x[1]", "x[2]", *["relu"] * 4, *["Σ"] * 2]
    assert {box.role for box in picture.boxes} == {"placeholder", "forward"}
    numbers = {i for i, box in enumerate(picture.boxes) if box.round}
    between = [(a.source, a.target) for a in picture.arrows if {a.source, a.target} <= numbers]
    assert len(between) == len(set(between)) == 3 * 4 + 4 * 2
    assert "level op" in picture.remark
    assert [len(row) for row in pictured(model).rows] == [3, 4, 2]


@pytest.mark.parametrize("kind", ["svg", "dot", "mmd"])
def test_the_numbers_are_those_of_numpy(kind, tmp_path):
    model, step = network(2, [3, 1], "tanh")
    X, Y = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 1))
    before = [p.data.copy() for p in model.parameters()]
    step.draw(tmp_path / f"a.{kind}", level="neuron", inputs=(X, Y))
    assert all((p.data == b).all() for p, b in zip(model.parameters(), before, strict=True))
    w0, b0, w1, b1 = (p.astype("float64") for p in before)
    hidden = np.tanh(X @ w0 + b0)
    out = hidden @ w1 + b1
    g_out = 2 * (out - Y) / 5
    g_hidden = g_out @ w1.T
    text = (tmp_path / f"a.{kind}").read_text("utf-8")
    shown = {
        float(n) for n in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text.replace("#45;", "-").replace("#46;", "."))
    }
    expected = [*X[0], *hidden[0], *(X @ w0)[0], *out[0], *g_out[0], *g_hidden[0], *w0.ravel(), *w1.ravel()]
    for value in expected:
        assert any(abs(value - s) <= 0.006 * abs(value) for s in shown), value


def test_values_come_by_name_too_and_a_tensor_without_a_loss_has_no_gradients():
    model, _ = network(2, [3, 1], "tanh")
    x = mt.placeholder("x", ("batch", 2))
    picture = pictured(model(x), {"x": np.ones((1, 2))})
    assert all(not detail.startswith("∂") for box in picture.boxes for detail in box.details)
    assert [box.details for box in units(picture)[:2]] == [("1",), ("1",)]


def test_a_neuron_alone_is_its_products_sum_bias_and_activation():
    neuron = mt.nn.Neuron(3, seed=1)
    x, y = mt.placeholder("x", ("batch", 3)), mt.placeholder("y", ("batch",))
    loss = mt.mse_loss(neuron(x), y)
    X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=4)
    program = mt.compile([x, y], loss, updates=mt.optim.SGD(neuron.parameters(), lr=0.1).minimize(loss))
    picture = pictured(program, (X, Y))
    titles = [box.title for box in picture.boxes]
    assert [titles.count(t) for t in ("×", "Σ", "+", "b", "tanh", "w[0]", "w[2]", "x[1]")] == [3, 1, 1, 1, 1, 1, 1, 1]
    w = neuron.weight.data.astype("float64")
    value = np.tanh(X @ w)
    gradient = 2 * (value - Y) / 4
    of = {box.title: box.details for box in picture.boxes}
    assert of["tanh"] == ("activation", f"{value[0]:.3g}", f"∂ {gradient[0]:.3g}")
    slope = gradient * (1 - value**2)
    assert of["Σ"] == ("weighted sum", f"{(X @ w)[0]:.3g}", f"∂ {slope[0]:.3g}")
    for i in range(3):
        assert of[f"w[{i}]"] == (f"{w[i]:.3g}", f"∂ {(X.T @ slope)[i]:.3g}")
    ends = [(titles[a.source], titles[a.target]) for a in picture.arrows]
    assert ends.count(("×", "Σ")) == 3
    assert {("Σ", "+"), ("b", "+"), ("+", "tanh"), ("x[0]", "×"), ("w[1]", "×")} <= set(ends)
    assert ends.count(("x[1]", "×")) == 1


def test_a_view_of_a_neuron_is_that_neuron():
    model, _ = network(2, [3, 1], "tanh")
    x = mt.placeholder("x", ("batch", 2))
    X = RNG.normal(size=(2, 2))
    picture = pictured(model.layers[0].neurons[1](x), X)
    of = {box.title: box.details for box in picture.boxes}
    w = model.layers[0].weight.data[:, 1].astype("float64")
    assert of["w[0]"] == (f"{w[0]:.3g}",)
    assert of["tanh"][1] == f"{np.tanh(X @ w)[0]:.3g}"


def test_of_wide_layers_the_first_and_the_last_units_are_drawn():
    assert indices(8) == list(range(8))
    assert indices(64) == [0, 1, 2, 3, 4, None, 62, 63]
    picture = pictured(mt.nn.MLP(64, [32, 10], seed=0))
    assert [box.details[0] for box in picture.boxes if box.title == "…"] == ["57 more", "25 more", "3 more"]
    assert len(picture.boxes) == 24
    assert len(picture.arrows) == 2 * 64


def test_what_is_no_layer_stays_an_operation():
    x = mt.placeholder("x", ("batch", 3))
    w, v = mt.parameter(np.ones((3, 2)), name="w"), mt.parameter(np.ones((3, 2)), name="v")
    picture = pictured(mt.softmax(x @ (w * v)) + x @ w)
    titles = [box.title for box in picture.boxes]
    assert "multiply" in titles  # a weight that is computed has its own box
    assert sum(box.title == "Σ" for box in units(picture)) == 4
    assert "exp" in titles
    assert not units(pictured(mt.exp(mt.placeholder("z", (3,)))))


@pytest.mark.parametrize("build", [
    lambda x: x @ x.T,
    lambda x: mt.stop_gradient(x @ mt.parameter(np.ones((3, 2)))).sum(),
    lambda x: mt.nn.Dropout(0.5, seed=1)(mt.nn.Layer(3, 4, seed=0)(x)),
    lambda x: mt.nn.Linear(3, 1, seed=0)(x),
    lambda x: mt.nn.Sequential(mt.nn.Linear(3, 4, seed=0), mt.nn.Softmax())(x),
    lambda x: x,
])  # fmt: skip
def test_any_graph_can_be_drawn_with_and_without_values(build, tmp_path):
    x = mt.placeholder("x", ("batch", 3))
    for inputs in (None, np.ones((2, 3))):
        mt.draw(build(x), tmp_path / "a.dot", level="neuron", inputs=inputs)
        assert "digraph" in (tmp_path / "a.dot").read_text("utf-8")


@pytest.mark.skipif(shutil.which("dot") is None, reason="there is no dot on PATH")
def test_dot_keeps_units_in_their_order():
    source = str(mt.nn.MLP(12, [9, 5], seed=0).to_graphviz(level="neuron").source)
    plain = subprocess.run(["dot", "-Tplain"], input=source, capture_output=True, text=True, check=True).stdout
    placed = [line.split()[1:4] for line in plain.splitlines() if line.startswith("node ")]
    for row in (range(8), range(8, 16), range(16, 21)):
        across = {name: float(x) for name, x, _ in placed if int(name[1:]) in row}
        assert sorted(across, key=across.get) == [f"n{i}" for i in row]


def test_our_own_layout_has_the_same_units(tmp_path):
    pytest.importorskip("pygraphviz")
    where = []
    for engine in (None, "dot"):
        mt.nn.MLP(3, [6, 5], seed=0).draw(tmp_path / "a.svg", level="neuron", engine=engine)
        text = (tmp_path / "a.svg").read_text("utf-8").replace("&#160;", " ").replace("\xa0", " ")
        where.append([len(re.findall(name, text)) for name in (r">x\[0\]<", ">tanh<", r">Σ w x \+ b<")])
    assert where[0] == where[1] == [1, 6, 11]


def test_the_same_network_has_the_same_bytes(tmp_path):
    for name in "ab":
        network(3, [4, 2])[1].draw(tmp_path / f"{name}.svg", level="neuron")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_bad_calls():
    model, step = network()
    with pytest.raises(ValueError, match="drawn at level=\"neuron\", not at 'op'"):
        mt.draw(step, "a.svg", level="op", inputs=(1, 2))
    with pytest.raises(ValueError, match=r"there is no level 'cell'; there are op, layer, neuron"):
        mt.draw(model, "a.svg", level="cell")
