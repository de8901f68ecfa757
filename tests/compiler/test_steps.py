"""The steps of the chain rule: found again when somebody asks, and until then nothing is kept but the question."""

import copy
import gc
import threading
import weakref
from unittest.mock import patch

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler import autodiff
from minitorch.compiler.steps import steps_in, steps_of


@pytest.fixture
def noted(monkeypatch):
    """All that is noted from now on, by whatever sweep: the truth that is to be found again."""
    found = []
    plain = autodiff.sweep

    def sweep(outputs, seeds, wrt, noted=None):
        own = []
        result = plain(outputs, seeds, wrt, own)
        found.extend(own)
        return result

    monkeypatch.setattr(autodiff, "sweep", sweep)
    return found


def by_node(noted, nodes):
    """Notes of those nodes, in order."""
    found = {}
    for node, step in noted:
        if any(node is n for n in nodes):
            found.setdefault(node, []).append((step.node, step.operand))
    return found


def plain_steps(nodes):
    return {node: [(s.node, s.operand) for s in steps] for node, steps in steps_in(nodes).items()}


def network():
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n",), "int64")
    model = mt.nn.MLP(3, [4, 4, 2], activation="gelu", seed=0)
    h = model(x)
    loss = mt.cross_entropy(h, y) + 0.1 * mt.sum(model.layers[0].weight ** 2) + mt.mean(h * h + h)
    return model.parameters(), h, loss


def test_a_single_step():
    w = mt.parameter([1.0], name="w")
    e = mt.exp(w)
    g = mt.grad(e.sum(), w)
    (step,) = steps_of(g)
    assert step.node is e
    assert step.operand == 0
    assert steps_of(e) == steps_of(copy.deepcopy(g)) == []


@pytest.mark.parametrize("order", [1, 2])
def test_they_are_those_that_a_sweep_notes(noted, order):
    wrt, _, loss = network()
    gradients = mt.grad(loss, wrt)
    if order == 2:
        gradients = mt.grad(sum(mt.sum(g * g) for g in gradients), wrt)
    nodes = mt.Graph(gradients).nodes
    expected = by_node(noted, nodes)
    assert len(expected) > 30
    assert any(operand is None for steps in expected.values() for _, operand in steps)
    assert plain_steps(nodes) == expected


def test_they_are_those_of_backward_of_vectors_and_of_several_sweeps(noted):
    wrt, h, loss = network()
    v = mt.placeholder("v", h.shape)
    loss.backward()
    results = [p.grad for p in wrt]
    results += [*mt.vjp([h], wrt, [v]), *mt.vjp([h, loss], wrt, [v, 2.0]), *mt.hvp(loss, wrt[:1], [wrt[0]])]
    results.append(mt.grad(loss, wrt[1]))
    nodes = mt.Graph(results).nodes
    expected = by_node(noted, nodes)
    assert len(expected) > 100
    assert plain_steps(nodes) == expected


def test_asking_twice_gives_the_same_and_changes_nothing():
    wrt, _, loss = network()
    nodes = mt.Graph(mt.grad(loss, wrt)).nodes
    before = str(mt.Graph(nodes[-1:]))
    assert plain_steps(nodes) == plain_steps(nodes)
    assert str(mt.Graph(nodes[-1:])) == before
    assert mt.Graph(nodes[-1:]).nodes == mt.Graph(nodes[-1:]).nodes


def test_nodes_that_another_thread_made_meanwhile_are_mistaken_for_none():
    w = mt.parameter(np.ones(3), name="w")
    loss = mt.sum(mt.tanh(w) * mt.tanh(w + 1.0))
    plain, turn = autodiff._pull_back, []

    def interrupted(*arguments):
        if len(turn) < 4:
            turn.append(None)
            other = threading.Thread(target=lambda: mt.tanh(w) * 2.0)
            other.start()
            other.join()
        return plain(*arguments)

    with patch.object(autodiff, "_pull_back", interrupted):
        g = mt.grad(loss, w)
    nodes = mt.Graph([g]).nodes
    truth = plain_steps(mt.Graph([mt.grad(loss, w)]).nodes)
    found = plain_steps(nodes)
    assert len(found) < len(truth)  # some can no longer be told
    for node, steps in found.items():
        for of, operand in steps:
            assert of in set(mt.Graph([loss]).nodes)
            assert operand is None or node.shape == of.inputs[operand].shape


def test_a_rule_that_makes_something_else_the_second_time_is_not_believed():
    turns = iter(range(100))
    moody = mt.ops.elementwise("moody_rule", np.exp, lambda g, y, a: (g * y if next(turns) else g - y,))
    w = mt.parameter([1.0], name="w")
    assert steps_of(mt.grad(moody(w).sum(), w)) == []


# ---- what it costs ----


def test_differentiation_itself_notes_nothing():
    wrt, _, loss = network()
    gradients = mt.grad(loss, wrt)
    marked = [n for n in mt.Graph(gradients).nodes if hasattr(n, "_sweep")]
    assert [n.op.name for n in marked] == ["constant"]  # the seed
    with patch.object(autodiff, "Step", side_effect=AssertionError):
        mt.grad(loss, wrt)


def test_the_vector_of_a_user_keeps_no_gradients_alive():
    v, w = mt.placeholder("v", (3,)), mt.parameter(np.ones(3), "w")
    out = mt.tanh(w) * 2.0
    (g,) = mt.vjp([out], [w], [v])
    assert steps_of(g)
    ends = [weakref.ref(g), weakref.ref(out)]
    del g, out
    gc.collect()
    assert [end() for end in ends] == [None, None]


def test_gradients_of_parameters_keep_no_loss_alive():
    w = mt.parameter(np.ones(3), "w")
    loss = mt.sum(w * 3.0)
    loss.backward()
    nodes = mt.Graph([w.grad]).nodes
    assert steps_in(nodes)
    end = weakref.ref(loss)
    del loss
    gc.collect()
    assert end() is None
    assert steps_in(nodes) == {}
    assert w.grad.eval({}).tolist() == [3.0, 3.0, 3.0]


def test_what_was_differentiated_goes_with_its_gradients_and_waits_for_no_collector():
    w = mt.parameter(np.ones(3), "w")
    gc.collect()
    gc.disable()
    try:
        loss = mt.sum(w * 3.0)
        g = mt.grad(loss, w)
        ends = [weakref.ref(loss), weakref.ref(g)]
        del loss, g
        assert [end() for end in ends] == [None, None]
    finally:
        gc.enable()


def test_a_program_tells_its_steps_though_nobody_has_the_loss_any_more():
    def step():
        x, w = mt.placeholder("x", ("n", 3)), mt.parameter(np.ones(3), "w")
        return mt.compile([x], [], mt.optim.SGD([w], lr=0.1).minimize(mt.sum(mt.tanh(x * w))), backend="numpy")

    program = step()
    gc.collect()
    steps = steps_in(program.written.nodes)
    assert {s.node.op.name for found in steps.values() for s in found} >= {"sum", "tanh", "multiply"}
