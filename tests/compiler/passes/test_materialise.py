"""Materialise, text in and text out: results, updates and reshapes get memory of their own where they need it."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.compiler.passes import materialise
from minitorch.graph import Graph, Symbol

RESULT = "a result is the caller's own"
STORED = "a new value is complete before any parameter changes"
RESHAPED = "a reshape of what does not lie in order in memory is a copy"


def body(graph):
    """The text of a graph without its title, a bar between lines."""
    _, *lines = graph.text(origins=False).split("\n")
    return " | ".join(line.removeprefix("  ") for line in lines)


def x():
    return mt.placeholder("x", ("n", 3))


def w():
    return mt.parameter([[1.0, 2.0], [3.0, 4.0]], name="w")


RESULTS = [
    (lambda: [x()], "x: f32[n, 3] = placeholder | %0: f32[n, 3] = copy(x) | return %0", 1),
    (lambda: [w()], "w: f32[2, 2] = parameter | %0: f32[2, 2] = copy(w) | return %0", 1),
    (lambda: [mt.constant(2.0)], "%0: f64[] = 2.0 | %1: f64[] = copy(%0) | return %1", 1),
    (
        lambda: [x().T],
        "x: f32[n, 3] = placeholder | %0: f32[3, n] = transpose(x, axes=(1, 0)) | %1: f32[3, n] = copy(%0) | return %1",
        1,
    ),
    (
        lambda: [mt.tanh(x()).T],
        "x: f32[n, 3] = placeholder | %0: f32[n, 3] = tanh(x) | %1: f32[3, n] = transpose(%0, axes=(1, 0))"
        " | %2: f32[3, n] = copy(%1) | return %2",
        1,
    ),
    (
        lambda: [mt.tanh(x())] * 2,
        "x: f32[n, 3] = placeholder | %0: f32[n, 3] = tanh(x) | %1: f32[n, 3] = copy(%0) | return %0, %1",
        1,
    ),
    (
        lambda: [mt.tanh(x())] * 3,
        "x: f32[n, 3] = placeholder | %0: f32[n, 3] = tanh(x) | %1: f32[n, 3] = copy(%0) | %2: f32[n, 3] = copy(%0)"
        " | return %0, %1, %2",
        2,
    ),
    (
        lambda: [x()] * 2,
        "x: f32[n, 3] = placeholder | %0: f32[n, 3] = copy(x) | %1: f32[n, 3] = copy(x) | return %0, %1",
        2,
    ),
    (lambda: [mt.tanh(x())], "x: f32[n, 3] = placeholder | %0: f32[n, 3] = tanh(x) | return %0", 0),
]


@pytest.mark.parametrize(("build", "after", "copies"), RESULTS)
def test_results_are_memory_of_their_own(build, after, copies):
    made, rewrites = materialise(Graph(build(), name="g"))
    assert body(made) == after
    assert len(rewrites) == copies
    assert all(r.reason.startswith(RESULT) for r in rewrites)


def test_new_values_that_are_views_or_leaves_are_copied():
    a, b = w(), w()
    made, rewrites = materialise(Graph([], [(a, b), (b, a.T)], name="g"))
    assert body(made) == (
        "w#2: f32[2, 2] = parameter | w: f32[2, 2] = parameter | %0: f32[2, 2] = transpose(w, axes=(1, 0))"
        " | %1: f32[2, 2] = copy(w#2) | %2: f32[2, 2] = copy(%0) | update w <- %1 | update w#2 <- %2"
    )
    assert [r.reason.startswith(STORED) for r in rewrites] == [True, True]
    assert [n.role for n in made.nodes if n.op.name == "copy"] == ["update", "update"]


def test_a_new_value_that_is_computed_is_left_as_it_is():
    a = w()
    graph = Graph([], [(a, a * 2.0)], name="g")
    made, rewrites = materialise(graph)
    assert body(made) == body(graph)
    assert not rewrites


def test_a_new_value_that_is_also_a_result_is_stored_from_a_copy():
    a = w()
    new = a * 2.0
    made, rewrites = materialise(Graph([new], [(a, new)], name="g"))
    assert len([n for n in made.nodes if n.op.name == "copy"]) == len(rewrites) == 1
    assert made.updates[0][1] is not made.outputs[0]


def test_a_reshape_is_a_view_where_the_elements_lie_in_order():
    graph = Graph([mt.tanh(mt.tanh(x()).reshape(-1).reshape(3, -1))], name="g")
    made, rewrites = materialise(graph)
    assert body(made) == body(graph)
    assert not rewrites


@pytest.mark.parametrize(
    "view",
    [lambda t: t.T, lambda t: t[::-1], lambda t: t[:, 1:], lambda t: mt.broadcast_to(t, (2, *t.shape))],
)
def test_a_reshape_of_anything_else_copies_first(view):
    seen = view(mt.tanh(x()))
    made, rewrites = materialise(Graph([mt.tanh(mt.ops.reshape(seen, shape=(seen.size,)))], name="g"))
    (flat,) = [n for n in made.nodes if n.op.name == "reshape" and n.ndim == 1]
    while flat.op.view:
        flat = flat.inputs[0]
    assert flat.op.name == "copy"
    assert [r.reason for r in rewrites][-1] == RESHAPED


def test_a_copy_keeps_the_line_and_the_scope():
    with mt.scope("outer"):
        t = mt.tanh(x()).T
    made, _ = materialise(Graph([t]))
    assert (made.outputs[0].origin, made.outputs[0].scope) == (t.origin, "outer")


@pytest.mark.parametrize("function", [mt.cosh, mt.sinh, mt.tan, mt.exp, mt.sin, mt.log1p, mt.arctan])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_before_a_reshape_changes_no_bit(function, dtype):
    """NumPy's functions may differ in the last bit between what lies in order in memory and what does not."""
    t = mt.placeholder("t", ("n", 1), dtype)
    graph = Graph([function(mt.reshape(mt.abs(t)[::-1], (-1,)))], inputs=[t])
    made, _ = materialise(graph)
    rows = np.random.default_rng(0).standard_normal((500, 1)).astype(dtype)
    values = [evaluate_graph(g, (rows,), {Symbol("n"): 500})[g.outputs[0]] for g in (graph, made)]
    np.testing.assert_array_equal(*values)
