"""The executor: conversions, batches, sharing, threads, interrupts, forks."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import DTypeError, InputError


@pytest.fixture(params=["interpreter", "numpy"])
def backend(request):
    return request.param


# ---- conversions ----


@pytest.mark.parametrize(
    ("dtype", "value", "want"),
    [
        ("float32", np.array([0.1], "f8"), np.float32(0.1)), ("float32", [1], 1), ("float32", [True], 1),
        ("float32", np.array([0.5], "f2"), 0.5), ("float32", np.array([3], ">f4"), 3), ("float32", [], None),
        ("float32", np.array([2**24 + 1]), 2**24), ("float32", np.array([1e300]), np.inf), ("float32", range(2), 1),
        ("float64", np.array([0.1], "f4"), float(np.float32(0.1))), ("float64", np.array([7], "u1"), 7),
        ("int64", np.array([7], "i1"), 7), ("int32", np.array([7], "i8"), 7), ("int64", [True], 1), ("int64", [], None),
        ("int8", [-128], -128), ("uint8", [0, 255], 255), ("uint8", np.array([255]), 255),
        ("int32", np.array([7], ">i4"), 7), ("bool", [True], True), ("bool", [0, 1], True), ("bool", [], None),
    ],
)  # fmt: skip
def test_conversions_that_are_safe(dtype, value, want):
    x = mt.placeholder("x", ("n",), dtype)
    result = mt.compile([x], x)(value)
    assert result.dtype == dtype
    assert want is None or result[-1] == want


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int64", [0.5]), ("int64", [1.0]), ("int64", np.array([1.0], "f4")), ("uint8", [256]), ("uint8", [-1]),
        ("int8", [128]), ("int32", [2**31]), ("bool", [2]), ("bool", [1.0]), ("int64", np.array([2**63], "u8")),
    ],
)  # fmt: skip
def test_conversions_that_are_not(dtype, value):
    x = mt.placeholder("x", ("n",), dtype)
    with pytest.raises(DTypeError, match="'x'"):
        mt.compile([x], x)(value)


class Likeness:
    """Something with the kind of an array that is none."""

    __class__ = np.ndarray

    def __init__(self, array, shape=None):
        self.array, self.dtype, self.shape = array, array.dtype, shape or array.shape

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)


class Hostile(Likeness):
    @property
    def shape(self):
        raise RuntimeError("nobody's business")

    @shape.setter
    def shape(self, value):
        pass


@pytest.mark.parametrize("backend", ["interpreter", "numpy", "auto"])
@pytest.mark.parametrize("make", [
    lambda a: a.view(np.matrix), lambda a: a.astype(">f4"), lambda a: a.tolist(), Likeness, Hostile,
    lambda a: Likeness(a, list(a.shape)), memoryview,
])  # fmt: skip
def test_what_is_no_plain_array_is_converted_even_where_its_kind_was_met(backend, make):
    x = mt.placeholder("x", ("n", 2))
    program, rows = mt.compile([x], [x * 2, mt.sum(x)], backend=backend), np.arange(6, dtype="f").reshape(3, 2)
    for value in (rows, make(rows), rows):
        doubled, total = program(value)
        assert (type(doubled), doubled.tolist(), total) == (np.ndarray, (rows * 2).tolist(), 15)
    with pytest.raises(DTypeError, match="without a mask"):
        program(np.ma.masked_array(rows, rows > 2))


# ---- loop, evaluate, batches ----


@pytest.fixture
def step(backend):
    """Outputs by row, by batch and of known size; one input is taken whole; `w` counts the steps."""
    x, y, whole = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch",)), mt.placeholder("whole", (3,))
    w = mt.parameter(0.0, name="w")
    outputs = [x * 2 + w, mt.sum(y), whole * 1, mt.mean(x, axis=0)]
    program = mt.compile([x, y, whole], outputs, {w: w + 1}, backend=backend)
    return program, w


X, Y, WHOLE = np.arange(14.0).reshape(7, 2), np.arange(7), np.array([1.0, 2.0, 3.0])


def test_a_loop_takes_rows_batch_by_batch(step):
    program, w = step
    rows, sums, whole, means = program.loop(X, Y, WHOLE, batch_size=3)
    assert float(w.data) == 3
    np.testing.assert_array_equal(rows, 2 * X + np.repeat([0, 1, 2], [3, 3, 1])[:, None])
    np.testing.assert_array_equal(sums, [3, 12, 6])
    np.testing.assert_array_equal(whole, np.tile(WHOLE, (3, 1)))
    np.testing.assert_allclose(means, [X[:3].mean(0), X[3:6].mean(0), X[6:].mean(0)])


def test_a_loop_takes_rows_in_the_order_given(step):
    program, w = step
    order = [6, 0, 0, 3]
    rows, sums, *_ = program.loop(X, Y, WHOLE, order=order, batch_size=3)
    np.testing.assert_array_equal(rows, 2 * X[order] + np.array([0, 0, 0, 1])[:, None])
    np.testing.assert_array_equal(sums, [6, 3])
    assert float(w.data) == 2


@pytest.mark.parametrize("order", [None, []])
def test_a_loop_over_nothing(step, order):
    program, w = step
    rows = (X[:0], Y[:0], WHOLE) if order is None else (X, Y, WHOLE)
    results = program.loop(*rows, order=order)
    assert [r.shape for r in results] == [(0, 2), (0,), (0, 3), (0, 2)]
    assert all(r.dtype == np.float32 for r in results)
    assert float(w.data) == 0


def test_one_batch_may_hold_more_than_all_rows(step):
    program, w = step
    rows, *_ = program.loop(X, Y, WHOLE, batch_size=1000)
    np.testing.assert_array_equal(rows, 2 * X)
    assert float(w.data) == 1


BAD_LOOPS = {
    "rows that differ": ((X, Y[:5], WHOLE), {}, ["x has 7", "y has 5"]),
    "too few inputs": ((X, Y), {}, ["2 inputs"]),
    "too many inputs": ((X, Y, WHOLE, X), {}, ["4 inputs"]),
    "a whole input of another size": ((X, Y, WHOLE[:2]), {}, ["'whole'"]),
    "wrong columns": ((X[:, :1], Y, WHOLE), {}, ["'x'", "axis 1"]),
    "wrong rank": ((X[0], Y, WHOLE), {}, ["'x'", "(2,)"]),
    "strings": ((X, ["a"] * 7, WHOLE), {}, ["'y'", "strings"]),
    "batch size 0": ((X, Y, WHOLE), {"batch_size": 0}, ["batch size", "0"]),
    "batch size -1": ((X, Y, WHOLE), {"batch_size": -1}, ["batch size"]),
    "batch size 2.5": ((X, Y, WHOLE), {"batch_size": 2.5}, ["batch size", "2.5"]),
    "batch size None": ((X, Y, WHOLE), {"batch_size": None}, ["batch size"]),
    "a row too far": ((X, Y, WHOLE), {"order": [0, 7]}, ["order", "7"]),
    "a row before the first": ((X, Y, WHOLE), {"order": [-1]}, ["order", "-1"]),
    "an order of floats": ((X, Y, WHOLE), {"order": [0.0, 1.0]}, ["order", "float64"]),
    "an order of bools": ((X, Y, WHOLE), {"order": [True, False]}, ["order", "bool"]),
    "an order of two axes": ((X, Y, WHOLE), {"order": [[0, 1]]}, ["order", "(1, 2)"]),
    "an order that is a number": ((X, Y, WHOLE), {"order": 3}, ["order"]),
    "an order of strings": ((X, Y, WHOLE), {"order": ["a"]}, ["order"]),
}


@pytest.mark.parametrize("case", BAD_LOOPS)
def test_a_bad_loop_changes_nothing(step, case):
    program, w = step
    values, named, words = BAD_LOOPS[case]
    with pytest.raises((InputError, DTypeError)) as error:
        program.loop(*values, **named)
    assert [word for word in words if word not in str(error.value)] == []
    assert float(w.data) == 0


def test_a_loop_whose_last_batch_does_not_fit_changes_nothing(backend):
    """The sizes of every batch are known before the first one runs."""
    x, w = mt.placeholder("x", ("batch",)), mt.parameter(0.0, name="w")
    program = mt.compile([x], mt.sum(mt.reshape(x, (-1, 2))), {w: w + 1}, backend=backend)
    with pytest.raises(InputError, match="reshape"):
        program.loop(np.ones(7), batch_size=4)
    assert float(w.data) == 0


def test_a_program_without_rows_has_no_batches(backend):
    x = mt.placeholder("x", (3,))
    with pytest.raises(InputError, match="first dimension"):
        mt.compile([x], x * 2, backend=backend).loop([1, 2, 3])


def test_unnamed_rows_are_linked_where_the_graph_links_them(backend):
    a, b = mt.placeholder("a", (None, 2)), mt.placeholder("b", (None, 2))
    program = mt.compile([a, b], a - b, backend=backend)
    np.testing.assert_array_equal(program.loop(X, X / 2, batch_size=3), X / 2)


def test_results_of_a_loop_are_the_callers_own(backend):
    x = mt.placeholder("x", ("n",), "float64")
    program = mt.compile([x], [x, x[::-1]], backend=backend)
    rows = np.arange(6.0)
    same, turned = program.loop(rows, batch_size=2, order=[0, 1, 2, 3, 4, 5])
    same[...] = -1
    assert rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert turned.tolist() == [1, 0, 3, 2, 5, 4]
