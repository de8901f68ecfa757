"""A graph as JSON: parsed again, it has the same nodes, edges, outputs and updates; the schema is held here."""

import json
from pathlib import Path

import pytest

import minitorch as mt
from minitorch.viz import to_json

MADE_IN = str(Path(__file__).with_name("conftest.py"))  # where the fixture `step` is


@pytest.mark.parametrize("which", ["graph", "traced", "optimised"])
def test_the_graph_can_be_built_again_from_it(step, which):
    graph = getattr(step, which)
    data, labels = json.loads(graph.to_json()), graph.labels()
    by_id = [node["label"] for node in data["nodes"]]
    assert [node["id"] for node in data["nodes"]] == list(range(len(by_id)))
    assert set(by_id) == {labels[node] for node in graph.nodes}
    edges = {(by_id[i], node["label"], k) for node in data["nodes"] for k, i in enumerate(node["inputs"])}
    assert edges == {(labels[i], labels[node], k) for node in graph.nodes for k, i in enumerate(node.inputs)}
    assert all(i < node["id"] for node in data["nodes"] for i in node["inputs"])
    assert [by_id[i] for i in data["inputs"]] == ["x", "y"]
    assert [by_id[i] for i in data["outputs"]] == [labels[t] for t in graph.outputs]
    updates = {by_id[pair["target"]]: by_id[pair["value"]] for pair in data["updates"]}
    assert updates == {labels[target]: labels[value] for target, value in graph.updates}
    for node in graph.nodes:
        told = data["nodes"][by_id.index(labels[node])]
        assert (told["op"], told["role"], told["type"]) == (node.op.name, node.role, str(node.type))
        assert told["shape"] == [size if isinstance(size, int) else str(size) for size in node.shape]


def test_the_schema_is_version_1(step):
    data = json.loads(step.to_json())
    assert list(data) == [
        "format", "version", "name", "training", "nodes", "inputs", "outputs", "updates", "passes",
    ]  # fmt: skip
    assert (data["format"], data["version"], data["name"], data["training"]) == ("minitorch.graph", 1, "step", True)
    assert all(list(node) == [
        "id", "label", "op", "role", "inputs", "type", "shape", "dtype", "scope", "origin", "attrs", "expression",
    ] for node in data["nodes"])  # fmt: skip
    x = data["nodes"][0]
    assert (x["shape"], x["dtype"], x["origin"][0]["file"], x["origin"][0]["function"]) == (
        ["batch", 2], "float32", MADE_IN, "step",
    )  # fmt: skip
    assert [record["name"] for record in data["passes"]] == [record.name for record in step.passes]
    assert data["passes"][-1]["nodes_after"] == len(step.graph.nodes)


def test_a_parameter_and_an_input_that_nothing_reads_are_there():
    a, x, z = mt.parameter(1.0, name="a"), mt.placeholder("x", ()), mt.placeholder("z", ())
    data = json.loads(mt.Graph([], [(a, x * 2.0)], [x, z]).to_json())
    assert {"a", "x", "z"} <= {node["label"] for node in data["nodes"]}
    assert data["nodes"][data["updates"][0]["target"]]["label"] == "a"


def test_attributes_are_texts_and_values_stay_out():
    t = mt.placeholder("x", ("n", 3)).sum(axis=1) * mt.constant([1.0] * 5).sum()
    nodes = {node["op"]: node for node in json.loads(to_json(t))["nodes"]}
    assert nodes["sum"]["attrs"]["axis"]
    assert nodes["constant"]["attrs"] == {}
    assert nodes["constant"]["expression"] == "constant(1, 1, 1, ...)"


@pytest.mark.parametrize("name", ["a\nb\x00", '"', "\\", "\ud800", "é漢🎉", "x" * 100_000, ""])
def test_any_name_makes_json_that_utf_8_can_hold(name):
    with mt.scope(name):
        t = mt.tanh(mt.placeholder(name, (name or "n",)))
    text = mt.Graph([t], name=name).to_json()
    assert len(json.loads(text.encode())["nodes"]) == 2
    assert len(text) < 10_000


def test_a_long_chain_and_modules():
    t = mt.placeholder("x", ("n",))
    for _ in range(20_000):
        t = mt.tanh(t)
    assert len(json.loads(to_json(t, indent=None))["nodes"]) == 20_001
    assert "passes" not in json.loads(mt.nn.Linear(3, 1).to_json())
