"""Graphs: what `print` shows, names that are unique, and copies that stand for themselves."""

import copy
import pickle

import numpy as np
import pytest

import minitorch as mt
from minitorch.graph import Graph


def lines(text):
    """The text without the line numbers of this file."""
    return [line.split("  # ")[0].rstrip() for line in text.splitlines()]


@pytest.fixture
def step():
    """x @ w + b, its loss, gradients and updates."""
    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", 1))
    w, b = mt.parameter(np.ones((2, 1)), "w"), mt.parameter([0.0], "b")
    loss = mt.mse_loss(mt.tanh(x @ w + b), y)
    gw, gb = mt.grad(loss, [w, b])
    return Graph([loss], [(w, w - 0.1 * gw), (b, b - 0.1 * gb)], [x, y], "step")


def test_a_graph_prints_one_typed_line_a_node():
    x = mt.placeholder("x", ("batch", 2))
    w = mt.parameter([[1.0], [2.0]], name="w")
    h = mt.tanh(x @ w + 0.5)
    mask = h > 0
    graph = Graph([h[1:, 0].sum(), mt.where(mask, h, 0)], name="example")
    assert lines(str(graph)) == [
        "example: 13 nodes",
        "  x: f32[batch, 2] = placeholder",
        "  w: f32[2, 1] = parameter",
        "  %0: f32[batch, 1] = matmul(x, w)",
        "  %1: f32[] = 0.5",
        "  %2: f32[batch, 1] = add(%0, %1)",
        "  %3: f32[batch, 1] = tanh(%2)",
        "  %4: f32[max(0, batch - 1), 1] = slice(%3, ranges=(max(0, batch - 1) from 1, 1 from 0), least=(0, 1))",
        "  %5: f32[max(0, batch - 1)] = reshape(%4, shape=(max(0, batch - 1),))",
        "  %6: f32[] = sum(%5, axis=(0,), keepdims=False)",
        "  %7: f32[] = 0.0",
        "  %8: bool[batch, 1] = greater(%3, %7)",
        "  %9: f32[] = 0.0",
        "  %10: f32[batch, 1] = where(%8, %3, %9)",
        "  return %6, %10",
    ]


def test_every_line_ends_with_the_users_line_and_the_role(step):
    rows = str(step).splitlines()[1:-3]
    assert all("  # test_graph.py:" in row for row in rows)
    assert any(row.endswith("gradient") for row in rows)
    assert not rows[0].endswith("gradient")
    assert "#" not in step.text(origins=False)


def test_updates_and_returns_are_printed(step):
    assert lines(str(step))[-3].startswith("  return %")
    assert lines(str(step))[-2].startswith("  update w <- %")
    assert lines(str(Graph([])))[1:] == ["  return nothing"]
    w = mt.parameter(1.0, "w")
    assert lines(str(Graph([], [(w, w + 1)]))) == [
        "graph: 3 nodes", "  w: f32[] = parameter", "  %0: f32[] = 1.0", "  %1: f32[] = add(w, %0)", "  update w <- %1",
    ]  # fmt: skip


def test_scopes_are_printed():
    model, x = mt.nn.MLP(2, [3, 1], seed=0), mt.placeholder("x", ("batch", 2))
    with mt.scope("outer"):
        text = str(Graph([model(x)]))
    assert "outer/mlp/layers.0" in text
    assert "outer/mlp/layers.1" in text


def test_repr_is_short(step):
    assert repr(step) == f"<Graph step: {len(step.nodes)} nodes, 1 outputs, 2 updates>"


def test_constants_print_their_values_where_they_are_few():
    text = str(Graph([mt.constant([1, 2]) + mt.constant(np.arange(100.0)).sum().astype("int64")]))
    assert "= [1, 2]" in text
    assert "constant(0, 1, 2, ...)" in text
    assert "= True" in str(Graph([mt.constant(True)]))
    assert "= -0.0" in str(Graph([mt.constant(-0.0)]))


@pytest.mark.parametrize(
    "names",
    [
        ("x", "x", "x"),
        ("x", "x", "x#2"),
        ("x#2", "x", "x"),
        ("%0", "%1", "x"),
        ("a" * 100, "a" * 101, "a" * 102),
        ("a\nb", "a\\nb", "b"),
    ],
)
def test_labels_are_unique_and_on_one_line(names):
    tensors = [mt.placeholder(name, ()) for name in names]
    graph = Graph([tensors[0] + tensors[1] * tensors[2]])
    labels = list(graph.labels().values())
    assert len(set(labels)) == len(labels) == 5
    assert len(str(graph).splitlines()) == 7


def test_nodes_are_in_topological_order_and_each_once(step):
    position = {node: i for i, node in enumerate(step.nodes)}
    assert len(position) == len(step.nodes)
    assert all(position[i] < position[node] for node in step.nodes for i in node.inputs)


def test_the_networkx_view_has_the_same_nodes_and_edges(step):
    view = step.to_networkx()
    assert view.number_of_nodes() == len(step.nodes)
    assert view.number_of_edges() == sum(len(n.inputs) for n in step.nodes)
    for i, node in enumerate(step.nodes):
        sources = sorted((data["operand"], source) for source, _, data in view.in_edges(i, data=True))
        assert len(sources) == len(node.inputs)
        assert all(step.nodes[source] is node.inputs[operand] for operand, source in sources)
        assert view.nodes[i]["type"] == str(node.type)
        assert view.nodes[i]["line"] == node.origin.lineno


# ---- copies ----


def values(graph, feeds):
    program = mt.compile(list(graph.inputs), list(graph.outputs), graph.updates)
    result = program(*feeds)
    return result, [target.data.copy() for target, _ in graph.updates]


@pytest.mark.parametrize("duplicate", [lambda g: pickle.loads(pickle.dumps(g)), copy.deepcopy])
def test_copies_print_and_compute_the_same_and_share_no_storage(step, duplicate):
    twin = duplicate(step)
    assert str(twin) == str(step)
    assert twin.name == "step"
    assert len(twin.updates) == 2
    assert all(a is not b for (a, _), (b, _) in zip(twin.updates, step.updates))
    feeds = np.ones((4, 2)), np.zeros((4, 1))
    before = [target.data.copy() for target, _ in step.updates]
    got, changed = values(twin, feeds)
    for (target, _), value in zip(step.updates, before):
        np.testing.assert_array_equal(target.data, value)
    want, also_changed = values(step, feeds)
    np.testing.assert_array_equal(got, want)
    for a, b in zip(changed, also_changed):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("duplicate", [lambda g: pickle.loads(pickle.dumps(g)), copy.deepcopy])
def test_copies_keep_unnamed_sizes_linked(duplicate):
    a, b = mt.placeholder("a", (None, 2)), mt.placeholder("b", (None, 2))
    w = mt.parameter(2.0, "w")
    twin = duplicate(Graph([((a + b) * w)[1:].mean()], [(w, w + 1)], [a, b]))
    program = mt.compile(list(twin.inputs), list(twin.outputs), twin.updates)
    assert program(np.ones((3, 2)), np.ones((3, 2))) == [4.0]
    with pytest.raises(ValueError, match=r"a.*b"):
        program(np.ones((3, 2)), np.ones((4, 2)))
