"""The pipeline and its records: every pass says what it did, and what it did is what it says."""

import os
import subprocess
import sys
from itertools import pairwise

import pytest

import minitorch as mt
from minitorch import compiler
from minitorch.compiler import optimise
from minitorch.compiler.backends import BACKENDS
from minitorch.compiler.roles import forward_part, with_roles
from minitorch.graph import Graph
from minitorch.program import trace

ROLES = {"placeholder", "parameter", "constant", "forward", "gradient", "update"}


def step():
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 1))
    model = mt.nn.Linear(3, 1, seed=0)
    loss = mt.mse_loss(mt.tanh(model(x)), y)
    updates = mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss)
    return mt.compile([x, y], [loss, model(x)], updates, backend="numpy")


def test_a_record_for_every_pass_in_order():
    passes = step().passes
    names = [record.name for record in passes]
    assert names == [
        "trace",
        "differentiate",
        *(run.__name__ for run in (*compiler.PIPELINE, *BACKENDS["numpy"].lowering)),
    ]
    assert len(set(names)) == len(names) >= 5
    assert "sort" in names
    for earlier, later in pairwise(passes):
        assert later.before is earlier.after
    for record in passes:
        counts = f"{len(record.before.nodes)} -> {len(record.after.nodes)} nodes, {len(record.rewrites)} rewrites"
        assert str(record) == f"{record.name}: {counts}"


def test_the_graphs_of_a_program_are_those_of_its_records():
    program = step()
    assert program.traced is program.passes[1].after
    assert program.graph is program.passes[-1].after
    assert program.plan.graph is program.graph


@pytest.mark.parametrize("seed", range(30))
def test_what_a_pass_replaced_is_gone_and_what_it_made_is_there(random_graph, seed):
    for record in optimise(trace(*random_graph(seed), "g")[0])[2:]:
        before, after = set(record.before.nodes), set(record.after.nodes)
        assert all(r.reason and "\n" not in r.reason for r in record.rewrites)
        assert all(r.before.type == r.after.type or r.before.type.dtype == r.after.type.dtype for r in record.rewrites)
        if record.name in ("deduplicate", "fold", "simplify"):
            assert not {r.before for r in record.rewrites} & after
            assert bool(record.rewrites) == (len(before) != len(after) or before != after)
        if record.name == "materialise":
            assert {r.after for r in record.rewrites} == after - before - {n for n in after if n.op.name != "copy"}


def test_a_pass_leaves_its_input_as_it_was():
    program = step()
    texts = [record.before.text() for record in program.passes]
    optimise(program.traced)
    assert [record.before.text() for record in program.passes] == texts


@pytest.mark.parametrize("run", compiler.PIPELINE)
@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_a_second_run_of_a_pass_finds_nothing_more(random_graph, run, seed):
    graph = run(with_roles(trace(*random_graph(seed), "g")[0]))[0]
    again, rewrites = run(graph)
    assert again.text(origins=False) == graph.text(origins=False)
    assert not rewrites


def test_origins_survive_every_pass():
    program = step()
    for record in program.passes:
        assert all(node.origins and node.origin.filename == __file__ for node in record.after.nodes if node.inputs)


# ---- roles ----


def test_every_node_has_a_role_and_all_occur():
    nodes = step().traced.nodes
    assert {node.role for node in nodes} == ROLES


def test_an_update_written_by_hand_is_an_update():
    """What serves updates alone is update, what is made of gradients and asked for is gradient: nobody said so."""
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, name="w")
    loss = mt.mean(mt.square(x - w))
    clipped = mt.clip(mt.grad(loss, w), -1, 1)
    momentum = mt.variable(0.0, name="momentum")
    decay = momentum * 0.9
    for outputs, clip in (([loss], "update"), ([loss, clipped], "gradient")):
        graph = with_roles(Graph(outputs, [(w, w - 0.1 * clipped), (momentum, decay)], [x]))
        role = {node.op.name: node.role for node in graph.nodes}
        assert (role["square"], role["clip"]) == ("forward", clip)
        assert [value.role for _, value in graph.updates] == ["update", "update"]


def test_roles_do_not_change_a_node_that_has_its_role():
    x = mt.placeholder("x", ("n",))
    graph = Graph([mt.tanh(x)], inputs=[x])
    assert with_roles(graph).nodes == graph.nodes


def test_the_forward_part_is_what_was_there_before_differentiation():
    program = step()
    before = program.passes[1].before
    assert {n.role for n in before.nodes} <= {"placeholder", "parameter", "constant", "forward"}
    assert any(n.op.name == "tanh" for n in before.nodes)
    assert forward_part(program.traced).text() == before.text()


# ---- determinism ----


def test_the_same_program_twice_has_the_same_text_and_source():
    a, b = step(), step()
    assert str(a.graph) == str(b.graph)
    assert str(a.plan) == str(b.plan)
    assert a.source == b.source


PRINTED = """
import minitorch as mt
x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 2))
model = mt.nn.MLP(3, [8, 8, 2], seed=0)
loss = mt.mse_loss(model(x), y) + sum(mt.mean(mt.square(p)) for p in model.parameters())
step = mt.compile([x, y], [loss, model(x)], mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9).minimize(loss))
print(step, step.plan, step.source, [str(r) for p in step.passes for r in p.rewrites], sep="\\\\n")
"""


def test_no_hash_decides_anything():
    """The same program in processes whose hashes differ has the same graph, plan, source and rewrites."""
    texts = set()
    for seed in ("0", "1", "12345"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", PRINTED], capture_output=True, text=True, env=environment, timeout=120
        )
        assert done.returncode == 0, done.stderr
        texts.add(done.stdout)
    assert len(texts) == 1
