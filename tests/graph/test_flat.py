"""Copies and pickles of tensors and modules; and a chain of any depth, through which nothing recurses."""

import copy
import gc
import io
import pickle
import weakref

import numpy as np
import pytest

import minitorch as mt
from minitorch.graph import Graph
from minitorch.graph.order import depth_first

DEPTH = 30_000


def reloaded(value):
    return pickle.loads(pickle.dumps(value))


DUPLICATES = pytest.mark.parametrize("duplicate", [reloaded, copy.deepcopy])


# ---- tensors ----


@DUPLICATES
def test_a_copy_of_a_tensor_computes_the_same(duplicate):
    w = mt.parameter(np.arange(6.0).reshape(2, 3), "w", "float64")
    with mt.scope("encoder"):
        h = mt.concatenate([mt.tanh(w @ w.T), mt.where(w > 1, w, 0)[:, ::2]], axis=1).sum(0, keepdims=True)
    twin = duplicate(h)
    assert twin is not h
    assert str(Graph([twin])) == str(Graph([h]))
    np.testing.assert_array_equal(twin.eval(), h.eval())
    assert twin.scope == "encoder"
    assert twin.origin == h.origin


@DUPLICATES
def test_a_copy_has_storage_of_its_own(duplicate):
    w = mt.parameter([1.0, 2.0], "w")
    h = w * 2
    twin = duplicate(h)
    w.data = [5, 5]
    assert twin.eval().tolist() == [2, 4]
    assert h.eval().tolist() == [10, 10]
    twin.inputs[0].data = [7, 7]
    assert w.data.tolist() == [5, 5]
    assert twin.inputs[0].name == "w"
    assert twin.inputs[0].op.name == "parameter"


@DUPLICATES
def test_what_is_copied_together_goes_on_sharing(duplicate):
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, "w")
    h = x * w
    loss = (h * h).sum()
    x2, w2, h2, loss2 = duplicate((x, w, h, loss))
    program = mt.compile([x2], [h2, loss2], updates={w2: w2 + 1})
    program(np.ones(3))
    assert float(w2.data) == 2.0
    assert float(w.data) == 1.0
    assert [float(v) for v in program([3.0])[1:]] == [36.0]
    assert mt.grad(loss2, w2) is not None


def test_a_deep_copy_shares_what_holds_no_storage():
    x = mt.placeholder("x", ("n",))
    h, w = mt.tanh(x), mt.parameter(1.0)
    assert copy.deepcopy(h) is h
    assert copy.deepcopy(x) is x
    twin = copy.deepcopy(h * w)
    assert twin.inputs[0] is h
    assert twin.inputs[1] is not w


def test_gradients_can_be_copied():
    w = mt.parameter([1.0, 2.0], "w")
    g = mt.grad((w**3).sum(), w)
    assert reloaded(g).eval().tolist() == [3.0, 12.0]
    assert copy.deepcopy(g).eval().tolist() == [3.0, 12.0]


def test_operations_are_pickled_by_name_and_unknown_ones_are_named(added_rows):
    assert reloaded(mt.tanh) is mt.tanh
    assert copy.deepcopy(mt.ops.sum) is mt.ops.sum
    row = mt.ops.elementwise("fleeting", np.sin)
    saved = pickle.dumps(row(mt.parameter(1.0)))
    del added_rows["fleeting"]
    with pytest.raises(ValueError, match="fleeting"):
        pickle.loads(saved)


def test_a_pickle_holds_the_shared_part_once():
    w = mt.parameter(np.ones(10_000))
    assert len(pickle.dumps((w, w + 1, w * 2))) < 1.2 * w.data.nbytes


# ---- modules ----


@DUPLICATES
def test_a_copy_of_a_model_predicts_the_same_and_trains_alone(duplicate):
    model = mt.nn.MLP(3, [4, 2], seed=0)
    X = np.random.default_rng(0).standard_normal((5, 3))
    want = model.predict(X)
    twin = duplicate(model)
    np.testing.assert_array_equal(twin.predict(X), want)
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 2))
    loss = mt.mse_loss(twin(x), y)
    mt.compile([x, y], loss, updates=mt.optim.SGD(twin.parameters(), 0.1).minimize(loss))(X, np.ones((5, 2)))
    assert not np.array_equal(twin.predict(X), want)
    np.testing.assert_array_equal(model.predict(X), want)
    assert list(dict(twin.named_parameters())) == list(dict(model.named_parameters()))


class Tied(mt.nn.Module):
    def __init__(self):
        self.first = mt.nn.Linear(2, 2, seed=0)
        self.second = mt.nn.Linear(2, 2, seed=1)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x))


@DUPLICATES
def test_a_copy_keeps_weights_that_are_tied(duplicate):
    model = Tied()
    twin = duplicate(model)
    assert twin.first.weight is twin.second.weight is not model.first.weight
    assert len(twin.parameters()) == 3


@DUPLICATES
def test_a_copy_of_model_and_optimiser_trains_on(duplicate):
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 1))
    X, Y = np.random.default_rng(0).standard_normal((8, 3)), np.ones((8, 1))
    model = mt.nn.Linear(3, 1, seed=0)
    sgd = mt.optim.SGD(model.parameters(), 0.1, momentum=0.9)

    def train(model, sgd):
        loss = mt.mse_loss(model(x), y)
        step = mt.compile([x, y], loss, updates=sgd.minimize(loss))
        return [float(step(X, Y)) for _ in range(3)]

    train(model, sgd)
    twin, twin_sgd = duplicate((model, sgd))
    assert all(a is b for a, b in zip(twin_sgd.parameters, twin.parameters()))
    assert train(twin, twin_sgd) == train(model, sgd)


# ---- depth ----


def test_nothing_recurses():
    """Build, differentiate, compile, run, print, copy, pickle and drop a chain far deeper than Python's stack."""
    x, w = mt.placeholder("x", (), "float64"), mt.parameter(1.00001, "w", "float64")
    t = x
    for _ in range(DEPTH // 2):
        t = t * w + 0.0001
    gradients = mt.grad(t, [x, w])
    t.backward()
    want = chain(3.0, 1.00001, 0.0001, DEPTH // 2)
    for backend, outputs in (
        ("interpreter", [t, *gradients]),
        ("numpy", [t]),
    ):  # less for numpy: Python compiles its source
        program = mt.compile([x], outputs, backend=backend)
        np.testing.assert_allclose(program(3.0), want[: len(outputs)], rtol=1e-9)
        assert len(str(program.traced).splitlines()) > DEPTH
        assert len(str(program.plan)) > DEPTH
        assert program.to_networkx().number_of_nodes() == len(program.graph.nodes)
    assert len(repr(t)) < 200
    assert copy.copy(t) is t
    twins = [
        copy.deepcopy(t),
        reloaded(t),
        *reloaded(Graph([t], inputs=[x])).outputs,
        *copy.deepcopy(Graph([t], inputs=[x])).outputs,
    ]
    assert {len(depth_first([twin])) for twin in twins} == {len(depth_first([t]))}
    twins[0].inputs[0].inputs[1].data = 2.0
    assert float(w.data) == 1.00001
    ends = [weakref.ref(t), *map(weakref.ref, twins)]
    del t, gradients, program, outputs, twins
    gc.collect()
    assert all(end() is None for end in ends)
    assert len(ends) == 5


def chain(x, w, c, steps):
    """t <- t w + c, with its slopes by x and by w."""
    by_w, by_x = 0.0, 1.0
    for _ in range(steps):
        by_w = by_w * w + x
        by_x *= w
        x = x * w + c
    return [x, by_x, by_w]


def test_pickle_writes_deep_graphs_to_files():
    t = mt.parameter(1.0, "w")
    for _ in range(5_000):
        t = mt.tanh(t)
    file = io.BytesIO()
    pickle.dump({"chain": t, "again": t}, file)
    file.seek(0)
    loaded = pickle.load(file)
    assert loaded["chain"] is loaded["again"]
    assert len(depth_first([loaded["chain"]])) == 5_001
