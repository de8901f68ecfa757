"""Topological orders, with networkx as oracle on random graphs."""

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch as mt
from minitorch.graph import Graph
from minitorch.graph.order import as_written, depth_first

OPERATIONS = (
    mt.add,
    mt.multiply,
    mt.maximum,
    lambda a, b: mt.where(a > b, a, b),
    lambda a, b: mt.tanh(a),
    lambda a, b: a @ b.T,
)


@st.composite
def graphs(draw):
    """Random nodes over two placeholders and a parameter, and some of them as outputs."""
    nodes = [mt.placeholder("x", (2, 2)), mt.placeholder("y", (2, 2)), mt.parameter([[1.0, 2.0], [3.0, 4.0]], "w")]
    for _ in range(draw(st.integers(0, 25))):
        pick = st.sampled_from(nodes)
        nodes.append(draw(st.sampled_from(OPERATIONS))(draw(pick), draw(pick)))
    return nodes, draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=4))


def reference(outputs):
    """The part of the graph that outputs need, as networkx has it, by serial number."""
    found = networkx.DiGraph()
    waiting = list(outputs)
    seen = set()
    while waiting:
        node = waiting.pop()
        if node.serial not in seen:
            seen.add(node.serial)
            found.add_node(node.serial, node=node)
            found.add_edges_from((i.serial, node.serial) for i in node.inputs)
            waiting.extend(node.inputs)
    return found


def assert_topological(order, oracle):
    position = {node.serial: i for i, node in enumerate(order)}
    assert len(position) == len(order), "a node comes twice"
    assert position.keys() == set(oracle.nodes)
    assert all(position[a] < position[b] for a, b in oracle.edges)


@given(graphs())
def test_depth_first_is_a_topological_order_of_what_is_needed(made):
    _, outputs = made
    order = depth_first(outputs)
    assert_topological(order, reference(outputs))
    assert all(a is b for a, b in zip(order, Graph(outputs).nodes, strict=True))


@given(graphs(), st.randoms(use_true_random=False))
def test_as_written_is_the_order_of_making_whatever_order_it_is_given(made, random):
    _, outputs = made
    oracle = reference(outputs)
    shuffled = depth_first(outputs)
    random.shuffle(shuffled)
    order = as_written(shuffled)
    assert_topological(order, oracle)
    assert [node.serial for node in order] == list(networkx.lexicographical_topological_sort(oracle))


@given(graphs())
def test_gradients_come_after_forward_and_updates_last(made):
    _, outputs = made
    loss = sum((t.astype("float32").sum() for t in outputs), start=mt.constant(0.0))
    w = next((node for node in depth_first([loss]) if node.op.name == "parameter"), None)
    if w is None:
        return
    program = mt.compile(
        [n for n in depth_first([loss]) if n.op.name == "placeholder"],
        loss,
        updates=mt.optim.SGD([w], 0.1).minimize(loss),
    )
    record = next(p for p in program.passes if p.name == "sort")
    oracle = reference(record.before.roots)
    assert_topological(record.after.nodes, oracle)
    phase = {"gradient": 1, "update": 2}
    key = {n: (phase.get(data["node"].role, 0), n) for n, data in oracle.nodes(data=True)}
    want = list(networkx.lexicographical_topological_sort(oracle, key=key.__getitem__))
    assert [node.serial for node in record.after.nodes] == want


def test_each_input_comes_right_before_its_first_reader():
    x = mt.placeholder("x", ())
    a, b = mt.exp(x), mt.sin(x)
    assert [node.op.name for node in depth_first([mt.tanh(a) + mt.cos(b)])] == [
        "placeholder",
        "exp",
        "tanh",
        "sin",
        "cos",
        "add",
    ]


def test_a_node_read_twice_by_one_reader_is_counted_twice():
    x = mt.placeholder("x", ())
    square = x * x
    assert [node.op.name for node in as_written(depth_first([square + square]))] == ["placeholder", "multiply", "add"]


def test_nothing_is_ordered_where_nothing_is_asked_for():
    assert depth_first([]) == []
    assert as_written([]) == []
    assert Graph([]).nodes == ()


@pytest.mark.parametrize("order", [depth_first, lambda outputs: as_written(depth_first(outputs))])
def test_wide_and_deep_graphs_are_ordered_without_recursion(order):
    x = mt.placeholder("x", ())
    deep = x
    for _ in range(20_000):
        deep = deep + x
    wide = [mt.tanh(x) for _ in range(20_000)]
    assert len(order([deep, *wide])) == 40_001
