"""Rows that a loop need not gather: which inputs they are taken of, and that it makes no difference."""

import numpy as np
import pytest

import minitorch as mt

ROWS, BATCH, INNER = 37, 8, 9
WIDTHS = [10, 16, 300]  # with a rest of a vector, without, and in panels


def weight(shape, seed=0):
    return mt.parameter(np.random.default_rng(seed).standard_normal(shape) / 3, dtype="float32")


def difference(x, y, width):
    return [mt.mean(mt.square(x @ weight((INNER, width)) - y))]


GRAPHS = {  # what a step computes of x (n, INNER) and y (n, width), and the inputs whose rows are taken where they lie
    "left side and target": (difference, "xy"),
    "both sides of a product": (lambda x, y, n: [*difference(x, y, n), (x.T @ y) * 2], "x"),
    "argument of a function": (lambda x, y, n: [mt.tanh(y) * (x @ weight((INNER, n)))], "xy"),
    "left side and term": (lambda x, y, n: [(x @ weight((INNER, INNER))) * x, y * 1], "x"),
    "turned target": (lambda x, y, n: [weight((n, INNER)) @ x.T + y.T], ""),
    "some columns": (lambda x, y, n: [x[:, 1:] @ weight((INNER - 1, n)) + y[:, ::-1]], ""),
    "one column for all": (lambda x, y, n: [x @ weight((INNER, n)) + y[:, :1]], "x"),
    "in a sum": (lambda x, y, n: [mt.sum((x @ weight((INNER, n))) * y, 0), mt.sum(y, 1)], "x"),
}


def taken(program):
    table = program._executor.backend.written.table
    return "".join(sorted("xy"[k] for kind, k in table if kind == "order"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", GRAPHS)
def test_rows_in_an_order_are_those_of_single_steps(name, width):
    make, expected = GRAPHS[name]
    width = INNER if name == "left side and term" else width
    x, y = mt.placeholder("x", ("n", INNER)), mt.placeholder("y", ("n", width))
    program = mt.compile([x, y], [*make(x, y, width), mt.constant(1.0)], backend="c")
    assert taken(program) == expected
    random = np.random.default_rng(1)
    arrays = [random.standard_normal((ROWS, n)).astype("f") for n in (INNER, width)]
    for order in (None, random.integers(0, ROWS, 5 * BATCH)):
        rows = np.arange(BATCH * (ROWS // BATCH)) if order is None else order
        given = [a[rows] for a in arrays] if order is None else arrays
        looped = program.loop(*given, order=order, batch_size=BATCH)
        steps = [program(*[a[part] for a in arrays]) for part in rows.reshape(-1, BATCH)]
        for got, values in zip(looped, zip(*steps, strict=True), strict=True):
            joined = np.concatenate if got.shape[:1] == rows.shape else np.stack
            np.testing.assert_array_equal(got, joined(values))
