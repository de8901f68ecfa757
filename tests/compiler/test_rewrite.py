"""The traversal that passes share, and the verifier: rules apply everywhere, and broken passes are caught."""

import numpy as np
import pytest

import minitorch as mt
from minitorch import compiler, ops
from minitorch.compiler.rewrite import Interner, VerificationError, law, needed, reassociating, rewrite, verify
from minitorch.graph import Graph, Op


def body(graph):
    """The text of a graph without its title, a bar between lines."""
    _, *lines = graph.text(origins=False).split("\n")
    return " | ".join(line.removeprefix("  ") for line in lines)


def exp_to_tanh(node):
    """exp(x) = tanh(x), for a test.

    The second line is not part of the law.
    """
    return mt.tanh(node.inputs[0])


@pytest.fixture
def x():
    return mt.placeholder("x", ("n",))


# ---- rules ----


def test_a_rule_is_offered_every_node_of_its_operation(x):
    after, log = rewrite(Graph([mt.exp(mt.exp(mt.sin(mt.exp(x))))], name="g"), {ops.exp: [exp_to_tanh]})
    assert body(after) == (
        "x: f32[n] = placeholder | %0: f32[n] = tanh(x) | %1: f32[n] = sin(%0) | %2: f32[n] = tanh(%1)"
        " | %3: f32[n] = tanh(%2) | return %3"
    )
    assert [(r.reason, r.before.op.name, r.after.op.name) for r in log] == [
        ("exp(x) = tanh(x), for a test", "exp", "tanh")
    ] * 3


def test_what_a_rule_makes_is_offered_to_the_rules_again(x):
    def tanh_to_sin(node):
        """tanh(x) = sin(x * 2)"""
        return mt.sin(mt.exp(node.inputs[0]))

    def sin_to_cos(node):
        """sin(x) = cos(x)"""
        return mt.cos(node.inputs[0])

    rules = {ops.tanh: [tanh_to_sin], ops.sin: [sin_to_cos], ops.exp: [lambda node: mt.log(node.inputs[0])]}
    after, log = rewrite(Graph([mt.tanh(x)], name="g"), rules)
    assert body(after) == "x: f32[n] = placeholder | %0: f32[n] = log(x) | %1: f32[n] = cos(%0) | return %1"
    assert len(log) == 3


def test_the_first_rule_that_applies_wins(x):
    never = lambda node: None
    after, _ = rewrite(Graph([mt.exp(x)]), {ops.exp: [never, exp_to_tanh, lambda node: mt.log(node.inputs[0])]})
    assert after.outputs[0].op is ops.tanh


def test_new_nodes_take_the_place_of_the_old(x):
    with mt.scope("encoder"):
        node = mt.exp(x)
    after, _ = rewrite(Graph([node]), {ops.exp: [exp_to_tanh]})
    (new,) = after.outputs
    assert (new.origins, new.scope, new.role) == (node.origins, "encoder", "forward")
    gradient = mt.grad(mt.sum(mt.exp(x) * 2), x)
    after, _ = rewrite(Graph([gradient]), {ops.multiply: [lambda node: mt.tanh(node.inputs[0])]})
    assert after.outputs[0].role == "gradient"
    assert after.outputs[0].origins == gradient.origins


def test_without_rules_nothing_changes_but_doubles_and_the_dead(x):
    graph = Graph([mt.sin(mt.exp(x))])
    after, log = rewrite(graph)
    assert [a is b for a, b in zip(after.nodes, graph.nodes, strict=True)] == [True] * 3
    assert not log


def test_rules_that_run_in_circles_are_stopped(x):
    there, back = (lambda node: mt.log(node.inputs[0])), (lambda node: mt.exp(node.inputs[0]))
    with pytest.raises(AssertionError, match="circles"):
        rewrite(Graph([mt.exp(x)]), {ops.exp: [there], ops.log: [back]})


def test_a_rule_may_declare_that_it_reassociates(x):
    @reassociating
    def rule(node):
        """(a + b) + c = a + (b + c)"""
        return mt.tanh(node.inputs[0])

    _, log = rewrite(Graph([mt.exp(x)]), {ops.exp: [rule]})
    assert [r.reassociates for r in log] == [True]
    _, log = rewrite(Graph([mt.exp(x)]), {ops.exp: [exp_to_tanh]})
    assert [r.reassociates for r in log] == [False]


def test_the_law_is_the_first_line_of_the_docstring():
    assert law(exp_to_tanh) == "exp(x) = tanh(x), for a test"
    assert law(lambda node: None) == "<lambda>"


def test_a_rewrite_says_what_why_and_where(x):
    _, (entry,) = rewrite(Graph([mt.exp(x)]), {ops.exp: [exp_to_tanh]})
    assert str(entry).startswith("exp(x) = tanh(x), for a test: exp f32[n] made at test_rewrite.py:")
    assert " -> tanh f32[n] made at test_rewrite.py:" in str(entry)


def test_a_long_chain_is_rewritten(x):
    t = x
    for _ in range(15_000):
        t = mt.exp(mt.sin(t))
    after, log = rewrite(Graph([t]), {ops.exp: [exp_to_tanh]})
    assert len(after.nodes) == 30_001
    assert len(log) == 15_000


def test_an_interned_node_stands_for_itself(x):
    intern = Interner()
    a, b = mt.exp(x), mt.exp(x)
    assert intern(a) is a
    assert intern(b) is a
    assert intern(x) is x
    assert intern(a) is a


def test_needed_keeps_the_order(x):
    a, b, c = mt.exp(x), mt.log(x), mt.sin(x)
    assert [n.op.name for n in needed([x, c, b, a], [a, c])] == ["placeholder", "sin", "exp"]


# ---- the verifier ----


def graph_with_updates():
    x, w, v = mt.placeholder("x", ("n", 2)), mt.parameter([1.0, 2.0], name="w"), mt.parameter([3.0, 4.0], name="v")
    h = mt.tanh(x * w)
    total = mt.sum(h, axis=0)
    return Graph([h], [(w, w - total), (v, v + total)], [x], "g")


def broken(change):
    before = graph_with_updates()
    return before, change(before)


def with_node(graph, new):
    """The graph with one more node computed, on which nothing depends."""
    return Graph(graph.outputs, graph.updates, graph.inputs, graph.name, (*graph.nodes, new))


def wrong_shape(g):
    (h,) = g.outputs
    return with_node(g, mt.exp(h).replace(type=mt.Type((2,), h.dtype)))


def wrong_dtype(g):
    (h,) = g.outputs
    return with_node(g, mt.exp(h).replace(type=mt.Type(h.shape, np.dtype("float64"))))


def another_output(g):
    return Graph([mt.sum(g.outputs[0])], g.updates, g.inputs)


def without_output(g):
    return Graph([], g.updates, g.inputs, nodes=g.nodes)


def wrong_order(g):
    return Graph(g.outputs, g.updates, g.inputs, nodes=g.nodes[::-1])


def output_not_computed(g):
    return Graph(g.outputs, g.updates, g.inputs, nodes=[n for n in g.nodes if n is not g.outputs[0]])


def update_not_computed(g):
    return Graph(g.outputs, g.updates, g.inputs, nodes=[n for n in g.nodes if n is not g.updates[1][1]])


def lost_update(g):
    return Graph(g.outputs, g.updates[:1], g.inputs, nodes=g.nodes)


def doubled_update(g):
    return Graph(g.outputs, [g.updates[0], g.updates[0]], g.inputs, nodes=g.nodes)


def swapped_targets(g):
    (w, a), (v, b) = g.updates
    return Graph(g.outputs, [(v, a), (w, b)], g.inputs, nodes=g.nodes)


def new_leaf(g):
    return with_node(g, mt.placeholder("y", (2,)))


def copied_parameter(g):
    return with_node(g, g.updates[0][0].replace())


BREAKS = [
    wrong_shape, wrong_dtype, another_output, without_output, wrong_order, output_not_computed, update_not_computed,
    lost_update, doubled_update, swapped_targets, new_leaf, copied_parameter,
]  # fmt: skip


@pytest.mark.parametrize("change", BREAKS)
def test_the_verifier_catches(change):
    before, after = broken(change)
    with pytest.raises((VerificationError, ValueError)) as caught:
        verify(before, after, "broken")
    assert isinstance(caught.value, VerificationError), "the verifier must say which pass it was"
    assert str(caught.value).startswith("broken: ")


def test_the_verifier_lets_a_good_pass_through():
    graph = graph_with_updates()
    verify(graph, graph, "nothing")
    verify(graph, rewrite(graph)[0], "rewrite")


@pytest.mark.parametrize("change", [wrong_dtype, wrong_order, lost_update, new_leaf])
def test_the_pipeline_verifies_each_pass(monkeypatch, change):
    def broken_pass(graph):
        return change(graph), []

    monkeypatch.setattr(compiler, "PIPELINE", (*compiler.PIPELINE[:2], broken_pass))
    g = graph_with_updates()
    with pytest.raises(VerificationError, match="broken_pass"):
        mt.compile(g.inputs, g.outputs, g.updates)


def test_a_rule_that_changes_a_type_is_caught(monkeypatch, x):
    def bad(graph):
        return rewrite(graph, {ops.exp: [lambda node: mt.cast(mt.sum(node.inputs[0]), "float64")]})

    monkeypatch.setattr(compiler, "PIPELINE", (bad,))
    with pytest.raises(VerificationError, match="bad"):
        mt.compile([x], mt.exp(x))


def test_an_operation_whose_type_depends_on_attributes_is_verified_with_them(x):
    odd = Op("odd_of_a_test", infer=lambda t, k: mt.Type((*t.shape, k), t.dtype), kernel=lambda t, k, out=None: t)
    graph = Graph([odd(x, k=3)])
    verify(graph, rewrite(graph)[0], "fine")
    bad = graph.outputs[0].replace(attrs={"k": 4})
    with pytest.raises(VerificationError):
        verify(graph, Graph([bad]), "bad")
