"""Sort: the order of a program is that of networkx' lexicographical topological sort."""

import networkx
import pytest

import minitorch as mt
from minitorch.compiler.passes import sort
from minitorch.graph import Graph
from minitorch.program import trace

PHASE = {"gradient": 1, "update": 2}


def as_networkx(graph):
    view = networkx.MultiDiGraph()
    view.add_nodes_from(range(len(graph.nodes)))
    number = {node: i for i, node in enumerate(graph.nodes)}
    view.add_edges_from((number[i], number[node]) for node in graph.nodes for i in node.inputs)
    return view


@pytest.mark.parametrize("seed", range(40))
def test_the_order_is_that_of_networkx(random_graph, seed):
    inputs, outputs, updates = random_graph(seed)
    graph, _ = trace(inputs, outputs, updates, "g")
    after, rewrites = sort(graph)
    key = lambda i: (PHASE.get(graph.nodes[i].role, 0), graph.nodes[i].serial)
    wanted = [graph.nodes[i] for i in networkx.lexicographical_topological_sort(as_networkx(graph), key)]
    assert [n.serial for n in after.nodes] == [n.serial for n in wanted]
    assert not rewrites


def test_forward_then_gradients_then_updates():
    x = mt.placeholder("x", ("n", 3))
    w = mt.parameter([1.0, 2.0, 3.0], name="w")
    loss = mt.mean(mt.tanh(x @ w))
    new = w - 0.1 * mt.grad(loss, w)
    (after,) = [record.after for record in mt.compile([x], loss, {w: new}).passes if record.name == "sort"]
    phases = [PHASE.get(n.role, 0) for n in after.nodes]
    assert phases == sorted(phases)
    assert set(phases) == {0, 1, 2}


def test_text_in_text_out():
    x, y = mt.placeholder("x", ()), mt.placeholder("y", ())
    first, second = mt.exp(x), mt.log(y)
    last = second * first
    graph = Graph([last], name="g", nodes=[y, second, x, first, last])
    assert sort(graph)[0].text(origins=False).splitlines() == [
        "g: 5 nodes",
        "  x: f32[] = placeholder",
        "  y: f32[] = placeholder",
        "  %0: f32[] = exp(x)",
        "  %1: f32[] = log(y)",
        "  %2: f32[] = multiply(%1, %0)",
        "  return %2",
    ]


def test_a_long_chain_is_sorted():
    t = mt.placeholder("x", ())
    for _ in range(30_000):
        t = mt.negative(t)
    after, _ = sort(Graph([t]))
    assert len(after.nodes) == 30_001
    assert all(node.inputs[0] is before for before, node in zip(after.nodes, after.nodes[1:]))
