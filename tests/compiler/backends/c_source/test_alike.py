"""What is alike is written once, and the program is the one that it would be if each were written for itself."""

from contextlib import nullcontext

import pytest

import minitorch as mt
from minitorch.compiler import optimise
from minitorch.compiler.backends.c_source import CSource, alike
from minitorch.compiler.backends.c_source.layout import Layouts
from minitorch.compiler.backends.c_source.writer import Writer
from minitorch.compiler.plan import make_plan
from minitorch.graph.origin import derived
from minitorch.program import trace


def traced(inputs, outputs, updates=None, name="program"):
    return trace(inputs, outputs, updates, name)[0]


def layouts(graph):
    return Layouts(make_plan(optimise(graph, CSource.lowering)[-1].after, CSource.rules))


def writer(*given):
    return Writer(layouts(traced(*given)), 64)


def network(layers):
    x, y = mt.placeholder("x", ("batch", 8)), mt.placeholder("y", ("batch", 8))
    model = mt.nn.MLP(8, [8] * layers, seed=0)
    loss = mt.mse_loss(model(x), y)
    return [x, y], loss, mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9).minimize(loss)


def apart(monkeypatch):
    """Let no two instructions be alike."""
    monkeypatch.setattr(alike.Words, "operations", lambda words, calls: {i: k for k, i in enumerate(calls)})


@pytest.mark.parametrize("seed", range(120))
def test_the_program_is_that_of_functions_written_one_by_one(seed, random_graph, monkeypatch):
    shared = writer(*random_graph(seed)).write()
    apart(monkeypatch)
    assert writer(*random_graph(seed)).write() == shared


def test_so_it_is_for_layers_that_are_alike(monkeypatch):
    shared = writer(*network(12))
    written = shared.write()
    assert len(shared.shared) < len(shared.calls) / 3
    apart(monkeypatch)
    alone = writer(*network(12))
    assert alone.write() == written
    assert len(alone.shared) == len(alone.calls)


def operations(*outputs):
    x = mt.placeholder("x", ("n", 3), dtype="float64")
    return list(writer([x], [f(x) for f in outputs]).operations.values())


def test_what_differs_in_a_bit_is_not_alike():
    assert operations(lambda x: mt.sum(x * 0.0), lambda x: mt.sum(x * -0.0)) == [0, 1]
    assert operations(lambda x: mt.cumsum(x, axis=0), lambda x: mt.cumsum(x, axis=1)) == [0, 1]
    assert operations(lambda x: mt.sum(x, axis=0), lambda x: mt.sum(x, axis=1)) == [0, 1]
    assert operations(lambda x: mt.cumsum(x[:, :1], axis=0), lambda x: mt.cumsum(x[:, 1:2], axis=0)) == [0, 0]


# ---- whole graphs ----


@pytest.mark.parametrize("seed", range(60))
def test_the_same_graph_built_again_has_the_same_signature(seed, random_graph):
    first, second = (traced(*random_graph(seed)) for _ in range(2))
    assert alike.signature(first) == alike.signature(second)


def plain(n="n", m="m", x="x", dtype="float32", factor=3.0, weight="w", scope="", f=mt.exp, name="program"):
    """A graph of which each part can be another."""
    a, b = mt.placeholder(x, (n, 5), dtype), mt.placeholder("b", (m, 5), dtype)
    w = mt.parameter([0.5] * 5, dtype=dtype, name=weight)
    with mt.scope(scope) if scope else nullcontext():
        y = f(a * factor + w)
    return traced([a, b], [mt.sum(y, 0), mt.sum(b, 1)], {w: w - mt.sum(y)}, name)


def swapped(first, second):
    a, b = mt.placeholder("a", (first, 5)), mt.placeholder("b", (second, 5))
    return traced([a, b], [mt.concatenate([b, a])])


def of(*outputs, shape=(4, 5), dtype="float32"):
    """A graph of one operation."""
    x = mt.placeholder("x", shape, dtype)
    return traced([x], [f(x) for f in outputs])


def several(order):
    """The same nodes, made in the same order, of which others are asked for."""
    x, w, v = mt.placeholder("x", (4, 5)), mt.parameter([1.0] * 5), mt.parameter([2.0] * 5)
    asked = [y := mt.exp(x), mt.tanh(y)]
    return traced([x], [asked[k] for k in order[:2]], dict(zip([w, v], [[w * 2, v * 3][k] for k in order[2:]])))


def chosen(training):
    x = mt.placeholder("x", ("n", 5))
    return trace([x], mt.dropout(x, 0.5, seed=0), None, "chosen", training)[0]


def made_in_turn(*functions):
    """The same nodes, made in this order, as results in the order of their names."""
    x = mt.placeholder("x", (4, 5))
    made = {f(x).op.name: mt.sum(f(x)) for f in functions}
    return traced([x], [made[name] for name in sorted(made)])


def unnamed(turn):
    """Two unknown sizes that only their numbers tell apart, added up."""
    first, second = [mt.Dim.unnamed("a", 0) for _ in range(2)][::turn]
    a, b = mt.placeholder("a", (first,)), mt.placeholder("b", (second,))
    return traced([a, b], mt.exp(mt.concatenate([a, b])))


def of_role(role):
    x = mt.placeholder("x", (4, 5))
    with derived(None, role):
        y = mt.sum(x, 0)
    return traced([x], [y, mt.sum(mt.exp(x))])


GRAPHS = [
    plain, lambda: plain(n="k"), lambda: plain(n=7), lambda: plain(n=None), lambda: plain(m="n"), lambda: plain(x="z"),
    lambda: plain(n=None, m=None),
    lambda: plain(x="x\n"), lambda: plain(dtype="float64"), lambda: plain(factor=3.0000002), lambda: plain(factor=-0.0),
    lambda: plain(factor=0.0), lambda: plain(weight="v"), lambda: plain(scope="part"), lambda: plain(f=mt.tanh),
    lambda: plain(f=lambda x: mt.exp(x) * 1), lambda: plain(name="another"), lambda: plain(name="part/b"),
    lambda: swapped("n", "m"), lambda: swapped("m", "n"), lambda: swapped(None, None), lambda: swapped("n", "n"),
    lambda: of(lambda x: x[1:]), lambda: of(lambda x: x[:3]), lambda: of(lambda x: x[::-1] + 1),
    lambda: of(lambda x: x[::1] + 1), lambda: of(lambda x: x.T + 1), lambda: of(lambda x: x.T + 1, shape=(5, 4)),
    lambda: of(lambda x: mt.sum(x, 0)), lambda: of(lambda x: mt.sum(x, 0, keepdims=True)),
    lambda: of(lambda x: mt.sum(x, 1)), lambda: of(lambda x: mt.sum(x, 0), lambda x: mt.sum(x, 1)),
    lambda: of(lambda x: mt.sum(x, 1), lambda x: mt.sum(x, 0)), lambda: of(lambda x: x.astype("int8")),
    lambda: of(lambda x: x.astype("int16")), lambda: of(lambda x: x**2.5), lambda: of(lambda x: x**3.5),
    lambda: of(lambda x: x + mt.constant([1.0] * 5)), lambda: of(lambda x: x + mt.constant([[1.0]] * 4)),
    lambda: of(lambda x: x // 2, dtype="int64"), lambda: of(lambda x: x**2, dtype="int64"),
    lambda: of(lambda x: x + x), lambda: of(lambda x: x + x * 0.5),
    lambda: several((0, 1, 0, 1)), lambda: several((1, 0, 0, 1)), lambda: several((0, 1, 1, 0)), lambda: chosen(True),
    lambda: chosen(False), lambda: made_in_turn(mt.exp, mt.tanh), lambda: made_in_turn(mt.tanh, mt.exp),
    lambda: unnamed(1), lambda: unnamed(-1), lambda: of_role("forward"), lambda: of_role("gradient"),
]  # fmt: skip


def test_graphs_have_the_same_signature_where_their_programs_are_the_same():
    made = [graph() for graph in GRAPHS for _ in range(2)]
    texts = [alike.signature(each) for each in made]
    programs = [Writer(layouts(each), 64).write() for each in made]
    different = 0
    for k, program in enumerate(programs):
        for j in range(k):
            assert texts[k] != texts[j] or program == programs[j], (k // 2, j // 2)
            different += texts[k] != texts[j] and program == programs[j]
    assert len(set(texts)) == len(GRAPHS)
    assert different == 4  # a factor of 1 is simplified away
