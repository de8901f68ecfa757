"""Contract, text in and text out: sums as products, to rounding, and declared as such."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.compiler.passes import contract
from minitorch.graph import Graph, Symbol


def body(graph):
    """The text of a graph without its title, a bar between lines."""
    _, *lines = graph.text(origins=False).split("\n")
    return " | ".join(line.removeprefix("  ") for line in lines)


def x(shape=("n", 3), dtype="float32"):
    return mt.placeholder("x", shape, dtype)


def test_the_sum_over_rows():
    graph = Graph([mt.sum(x(), axis=0)], name="g")
    assert body(graph) == "x: f32[n, 3] = placeholder | %0: f32[3] = sum(x, axis=(0,), keepdims=False) | return %0"
    after, (rewrite,) = contract(graph)
    assert body(after) == (
        "x: f32[n, 3] = placeholder | %0: f32[] = 1.0 | %1: f32[1, n] = broadcast_to(%0, shape=(1, n))"
        " | %2: f32[1, n] = copy(%1) | %3: f32[1, 3] = matmul(%2, x) | %4: f32[3] = reshape(%3, shape=(3,))"
        " | return %4"
    )
    assert (rewrite.reason, rewrite.reassociates) == ("the sum of x over its rows = (1, ..., 1) x", True)


def test_the_sum_over_columns():
    after, (rewrite,) = contract(Graph([mt.sum(x(), axis=1, keepdims=True)], name="g"))
    assert body(after) == (
        "x: f32[n, 3] = placeholder | %0: f32[] = 1.0 | %1: f32[3, 1] = broadcast_to(%0, shape=(3, 1))"
        " | %2: f32[3, 1] = copy(%1) | %3: f32[n, 1] = matmul(x, %2) | %4: f32[n, 1] = reshape(%3, shape=(n, 1))"
        " | return %4"
    )
    assert rewrite.reassociates


@pytest.mark.parametrize(
    ("axis", "matrix"), [(0, "n, 6"), ((0, 1), "2*n, 3"), (2, "2*n, 3"), ((1, 2), "n, 6"), (-1, "2*n, 3")]
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_over_the_first_or_the_last_of_several_axes(axis, matrix, keepdims):
    t = x(("n", 2, 3), "float64")
    graph = Graph([mt.sum(mt.tanh(t), axis, keepdims)], inputs=[t])
    after, (rewrite,) = contract(graph)
    assert rewrite.reassociates
    assert f"f64[{matrix}] = reshape" in body(after)
    for rows in (0, 1, 3000):
        a = np.random.default_rng(rows).standard_normal((rows, 2, 3))
        got, want = (evaluate_graph(g, (a,), {Symbol("n"): rows})[g.outputs[0]] for g in (after, graph))
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-11)


def test_the_sum_of_squares():
    after, (rewrite,) = contract(Graph([mt.sum(mt.square(mt.tanh(x())))], name="g"))
    assert body(after) == (
        "x: f32[n, 3] = placeholder | %0: f32[n, 3] = tanh(x) | %1: f32[1, 3*n] = reshape(%0, shape=(1, 3*n))"
        " | %2: f32[3*n, 1] = reshape(%0, shape=(3*n, 1)) | %3: f32[1, 1] = matmul(%1, %2)"
        " | %4: f32[] = reshape(%3, shape=()) | return %4"
    )
    assert (rewrite.reason, rewrite.reassociates) == ("the sum of all x^2 = x . x", True)


STAY = {
    "ints": lambda: mt.sum(x(dtype="int64"), axis=0),
    "bools": lambda: mt.sum(x(dtype="bool"), axis=1),
    "all axes": lambda: mt.sum(x()),
    "no axes": lambda: mt.sum(x(), axis=()),
    "a vector": lambda: mt.sum(x(("n",)), axis=0),
    "three axes of a caller's array": lambda: mt.sum(x(("n", 2, 3)), axis=0),
    "three axes of a view": lambda: mt.sum(mt.tanh(x(("n", 2, 3))).T, axis=0),
    "an axis in the middle": lambda: mt.sum(mt.tanh(x(("n", 2, 3))), axis=1),
    "the first and the last axis": lambda: mt.sum(mt.tanh(x(("n", 2, 3))), axis=(0, 2)),
    "all of three axes": lambda: mt.sum(mt.tanh(x(("n", 2, 3)))),
    "max": lambda: mt.max(x(), axis=0),
    "prod": lambda: mt.prod(x(), axis=0),
    "squares of a caller's array": lambda: mt.sum(mt.square(x())),
    "squares of a view": lambda: mt.sum(mt.square(mt.tanh(x()).T)),
    "squares of ints": lambda: mt.sum(mt.square(mt.abs(x(dtype="int64")))),
}


@pytest.mark.parametrize("case", STAY)
def test_what_stays(case):
    graph = Graph([STAY[case]()], name="g")
    after, rewrites = contract(graph)
    assert body(after) == body(graph)
    assert not rewrites


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("build", [lambda t: mt.sum(t, 0), lambda t: mt.sum(t, 1), lambda t: mt.sum(mt.square(t * 2))])
def test_the_value_is_that_of_the_sum_to_rounding(build, dtype):
    t = x(dtype=dtype)
    graph = Graph([build(t)], inputs=[t])
    after, _ = contract(graph)
    for rows in (0, 1, 7, 1000):
        arrays = (np.random.default_rng(rows).standard_normal((rows, 3)).astype(dtype),)
        got, want = (evaluate_graph(g, arrays, {Symbol("n"): rows})[g.outputs[0]] for g in (after, graph))
        np.testing.assert_allclose(
            got, want, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-4 if dtype == "float32" else 1e-12
        )


def test_nan_and_infinity_reach_the_sums_they_are_in_and_no_other():
    t = x(("n", 4), "float64")
    after, _ = contract(Graph([mt.sum(t, 0)], inputs=[t]))
    rows = np.array([[np.nan, np.inf, -np.inf, 1.0], [1.0, np.inf, np.inf, 2.0]])
    got = evaluate_graph(after, (rows,), {Symbol("n"): 2})[after.outputs[0]]
    np.testing.assert_array_equal(got, [np.nan, np.inf, np.nan, 3.0])
