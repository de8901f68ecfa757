"""What is alike is written once, and the program is the one that it would be if each were written for itself."""

import pytest

import minitorch as mt
from minitorch.compiler import optimise
from minitorch.compiler.backends.c_source import CSource, alike
from minitorch.compiler.backends.c_source.writer import Writer
from minitorch.compiler.plan import make_plan
from minitorch.program import trace


def writer(inputs, outputs, updates):
    graph, _ = trace(inputs, outputs, updates, "program")
    return Writer(make_plan(optimise(graph, CSource.lowering)[-1].after, CSource.rules), 64)


def network(layers):
    x, y = mt.placeholder("x", ("batch", 8)), mt.placeholder("y", ("batch", 8))
    model = mt.nn.MLP(8, [8] * layers, seed=0)
    loss = mt.mse_loss(model(x), y)
    return [x, y], loss, mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9).minimize(loss)


def apart(monkeypatch):
    """Let no two instructions be alike."""
    monkeypatch.setattr(alike, "operations", lambda calls: {i: k for k, i in enumerate(calls)})


@pytest.mark.parametrize("seed", range(120))
def test_the_program_is_that_of_functions_written_one_by_one(seed, random_graph, monkeypatch):
    shared = writer(*random_graph(seed))
    text, table = shared.write(), list(shared.table.values())
    apart(monkeypatch)
    alone = writer(*random_graph(seed))
    assert alone.write() == text
    assert list(alone.table.values()) == table
    assert set(alone.scratch) == set(shared.scratch)


def test_so_it_is_for_layers_that_are_alike(monkeypatch):
    shared = writer(*network(12))
    text = shared.write()
    assert len(shared.shared) < len(shared.calls) / 3
    apart(monkeypatch)
    alone = writer(*network(12))
    assert alone.write() == text
    assert len(alone.shared) == len(alone.calls)


def operations(*outputs):
    x = mt.placeholder("x", ("n", 3), dtype="float64")
    calls = writer([x], [f(x) for f in outputs], None).calls
    return list(alike.operations(calls).values())


def test_what_differs_in_a_bit_is_not_alike():
    assert operations(lambda x: mt.sum(x * 0.0), lambda x: mt.sum(x * -0.0)) == [0, 1]
    assert operations(lambda x: mt.cumsum(x, axis=0), lambda x: mt.cumsum(x, axis=1)) == [0, 1]
    assert operations(lambda x: mt.sum(x, axis=0), lambda x: mt.sum(x, axis=1)) == [0, 1]
    assert operations(lambda x: mt.cumsum(x[:, :1], axis=0), lambda x: mt.cumsum(x[:, 1:2], axis=0)) == [0, 0]
