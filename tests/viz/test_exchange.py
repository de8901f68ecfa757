"""A graph as networkx sees it: the same nodes and edges, plain attributes, fit for GraphML."""

from pathlib import Path

import networkx as nx
import pytest

import minitorch as mt
from minitorch.viz import to_networkx

MADE_IN = str(Path(__file__).with_name("conftest.py"))  # where the fixture `step` is


def test_every_operand_is_an_edge_and_nothing_else(step):
    view = step.to_networkx()
    nodes = step.graph.nodes
    number = {node: i for i, node in enumerate(nodes)}
    expected = sorted(
        (number[source], i, operand) for i, node in enumerate(nodes) for operand, source in enumerate(node.inputs)
    )
    assert isinstance(view, nx.MultiDiGraph)
    assert list(view) == list(range(len(nodes)))
    assert sorted((a, b, d["operand"]) for a, b, d in view.edges(data=True)) == expected
    assert all(d["type"] == str(nodes[a].type) for a, _, d in view.edges(data=True))


def test_the_order_of_the_graph_is_topological_by_networkx(step):
    for graph in (step.graph, step.traced):
        view = graph.to_networkx()
        assert nx.is_directed_acyclic_graph(view)
        assert all(a < b for a, b in view.edges())


def test_attributes_say_what_the_node_is(step):
    view = step.to_networkx()
    roles = {d["role"] for _, d in view.nodes(data=True)}
    assert roles >= {"placeholder", "parameter", "forward", "gradient", "update"}
    by_label = {d["label"]: d for _, d in view.nodes(data=True)}
    weight = by_label["layers.0.weight"]
    assert (weight["op"], weight["type"], weight["dtype"]) == ("parameter", "f32[2, 4]", "float32")
    assert weight["file"] == MADE_IN
    assert weight["line"] > 1
    tanh = next(d for d in by_label.values() if d["op"] == "tanh")
    assert (tanh["shape"], tanh["scope"]) == ("(batch, 4)", "mlp/layers.0")
    assert tanh["expression"].startswith("tanh(%")


def test_outputs_and_updates_are_marked(step):
    view, graph = step.to_networkx(), step.graph
    outputs = [graph.nodes[i] for i, d in view.nodes(data=True) if d["output"]]
    assert all(a is b for a, b in zip(outputs, graph.outputs, strict=True))
    updates = {d["updates"]: graph.nodes[i] for i, d in view.nodes(data=True) if d["updates"]}
    assert len(updates) == len(graph.updates) == 4
    assert all(updates[target.name] is value for target, value in graph.updates)


def test_a_value_that_goes_to_two_parameters_names_both():
    a, b = mt.parameter(1.0, name="a"), mt.parameter(2.0, name="b")
    new = a * 0.5 + b
    view = mt.Graph([], [(a, new), (b, new)]).to_networkx()
    assert [d["updates"] for _, d in view.nodes(data=True) if d["updates"]] == ["a, b"]


def test_attributes_are_plain_and_survive_graphml(step, tmp_path):
    view = step.to_networkx()
    assert all(type(v) in (str, int, bool) for _, d in view.nodes(data=True) for v in d.values())
    assert all(type(v) in (str, int) for *_, d in view.edges(data=True) for v in d.values())
    nx.write_graphml(view, tmp_path / "step.graphml")
    read = nx.read_graphml(tmp_path / "step.graphml", node_type=int, force_multigraph=True)
    assert dict(read.nodes(data=True)) == dict(view.nodes(data=True))
    assert sorted(read.edges(data="operand")) == sorted(view.edges(data="operand"))


@pytest.mark.parametrize("name", ["a\nb\x00\x1b", "\ud800\ufffe", "<&\"'>", "x" * 100_000, ""])
def test_any_name_can_be_written_as_graphml(name, tmp_path):
    with mt.scope(name):
        y = mt.tanh(mt.placeholder(name, (name or "n",)))
    nx.write_graphml(to_networkx(y), tmp_path / "y.graphml")
    assert len(nx.read_graphml(tmp_path / "y.graphml")) == 2


def test_tensors_and_modules_have_a_view_too():
    x = mt.placeholder("x", ("n", 3))
    assert to_networkx(mt.tanh(x) + x).number_of_edges() == 3
    assert len(to_networkx([mt.exp(x), mt.log(x)])) == 3
    assert {d["op"] for _, d in to_networkx(mt.nn.Linear(3, 1)).nodes(data=True)} == {
        "placeholder", "parameter", "matmul", "add",
    }  # fmt: skip


def test_a_long_chain():
    t = mt.placeholder("x", ("n",))
    for _ in range(20_000):
        t = mt.tanh(t)
    view = to_networkx(t)
    assert nx.dag_longest_path_length(view, weight=None, default_weight=1) == 20_000
