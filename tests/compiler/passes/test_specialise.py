"""Specialise: a program that trains drops out, one that predicts does not."""

import numpy as np

import minitorch as mt
from minitorch.compiler.passes import specialise
from minitorch.graph import Graph


def body(graph):
    """The text of a graph without its title, a bar between lines."""
    _, *lines = graph.text(origins=False).split("\n")
    return " | ".join(line.removeprefix("  ") for line in lines)


def choice():
    x, y = mt.placeholder("x", ("n",)), mt.placeholder("y", ("n",))
    return mt.ops.in_training(mt.exp(x), mt.log(y)) + 1.0


def test_both_sides_of_a_choice():
    graph = Graph([choice()], name="g")
    assert body(graph) == (
        "x: f32[n] = placeholder | %0: f32[n] = exp(x) | y: f32[n] = placeholder | %1: f32[n] = log(y)"
        " | %2: f32[n] = in_training(%0, %1) | %3: f32[] = 1.0 | %4: f32[n] = add(%2, %3) | return %4"
    )
    after, rewrites = specialise(Graph([choice()], name="g", training=True))
    assert body(after) == (
        "x: f32[n] = placeholder | %0: f32[n] = exp(x) | %1: f32[] = 1.0 | %2: f32[n] = add(%0, %1) | return %2"
    )
    assert [r.reason for r in rewrites] == ["this program trains: the first of two meanings"]
    after, rewrites = specialise(Graph([choice()], name="g", training=False))
    assert body(after) == (
        "y: f32[n] = placeholder | %0: f32[n] = log(y) | %1: f32[] = 1.0 | %2: f32[n] = add(%0, %1) | return %2"
    )
    assert [r.reason for r in rewrites] == ["this program predicts: the second of two meanings"]


def test_a_program_with_updates_trains_and_evaluate_predicts(backend):
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, name="w")
    output = mt.ops.in_training(x * 2, x * 3)
    step = mt.compile([x], output, {w: w + 1}, backend=backend)
    assert step([1.0]).tolist() == [2]
    assert step.evaluate([1.0]).tolist() == [3]
    assert mt.compile([x], output, backend=backend)([1.0]).tolist() == [3]
    assert mt.compile([x], output, backend=backend, training=True)([1.0]).tolist() == [2]
    assert mt.compile([x], output, {w: w + 1}, backend=backend, training=False)([1.0]).tolist() == [3]


def test_the_side_that_is_stretched_is_stretched(backend):
    x = mt.placeholder("x", ("n", 2))
    output = mt.ops.in_training(x, 5.0)
    np.testing.assert_array_equal(mt.compile([x], output, backend=backend)(np.ones((3, 2))), np.full((3, 2), 5))


def test_dropout_drops_in_training_alone(backend):
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, name="w")
    step = mt.compile([x], mt.dropout(x, 0.5, seed=1), {w: w + 1}, backend=backend)
    rows = np.ones(1000)
    first, second = step(rows), step(rows)
    assert set(first.tolist()) == {0.0, 2.0}
    assert (first != second).any()
    assert 350 < (first == 0).sum() < 650
    np.testing.assert_array_equal(step.evaluate(rows), rows)
