"""Rows of a user run on every backend: whatever they are called, whatever attributes and operands they have."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.graph import Op
from minitorch.graph.tensor import registry
from minitorch.ops import elementwise


@pytest.fixture(autouse=True)
def rows_of_this_test():
    """Operations that a test adds are gone after it."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


ROWS = [
    "slot", "leaves", "sizes", "stored", "run", "bind", "part0", "x0", "p0", "c0", "r0", "b0", "n0", "s0", "f0", "a30",
    "k0", "v0", "len", "range", "print", "errstate", "window", "setitem", "partial", "commit", "empty", "np",
    "out", "int32", "lambda", "class", "not an identifier", "1+1", "", "π",
    "evil\nimport os; os._exit(3)", "kernel_40", "__name__",
]  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_row_may_have_any_name(name, backend):
    """With attributes and without, beside sizes that are computed and parameters that are stored."""
    row = elementwise(name, lambda a, out=None: np.negative(a, out=out))
    scaled = Op(f"{name}_scaled", lambda t, by: t, lambda t, by, out=None: np.multiply(t, by, out=out))
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, name="w")
    outputs = [row(x[:3]) * w, scaled(row(x), by=2.0), row(mt.constant(np.ones(20_000)))[:2]]
    program = mt.compile([x], outputs, {w: w + mt.sum(row(x))}, backend=backend)
    first, second, third = program([1.0, 2.0, 3.0, 4.0])
    assert first.tolist() == [-1, -2, -3]
    assert second.tolist() == [-2, -4, -6, -8]
    assert third.tolist() == [-1, -1]
    assert float(w.data) == 1 - 10


def test_two_rows_of_one_name_stay_apart(backend):
    x = mt.placeholder("x", (2,))
    first = elementwise("twice_of_a_test", lambda a, out=None: np.multiply(a, 2, out=out))(x)
    second = elementwise("twice_of_a_test", lambda a, out=None: np.multiply(a, 20, out=out))(x)
    assert [r.tolist() for r in mt.compile([x], [first, second], backend=backend)([1, 2])] == [[2, 4], [20, 40]]


class Odd:
    def __str__(self):
        return "odd\nimport os; os._exit(3)"


@pytest.mark.parametrize(
    "value",
    [
        0.5, float("nan"), float("-inf"), -0.0, 2**70, "text\n", None, True, np.arange(2000.0), np.float32(2), Odd(),
        (1, (2, "a"), np.dtype("int8")), [1, 2], {"a": 1}, len, np.dtype("float64"), b"bytes", 1 + 2j, (), (1,),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_an_attribute_may_be_any_object(value, backend):
    seen = []

    def kernel(a, value):
        seen.append(value)
        return a

    row = Op("attribute_of_any_kind", lambda t, value: t, kernel)
    x = mt.placeholder("x", ("n",))
    program = mt.compile([x], row(x, value=value), backend=backend)
    assert program([1, 2]).tolist() == [1, 2]
    assert type(seen[-1]) is type(value)
    assert seen[-1] is value or repr(seen[-1]) == repr(value)
    assert str(program.plan)


def test_sizes_in_attributes_are_numbers_when_the_kernel_runs(backend):
    seen = []

    def kernel(a, size):
        seen.append(size)
        return a

    row = Op("sized_of_a_test", lambda t, size: t, kernel)
    x = mt.placeholder("x", ("n",))
    (n,) = x.shape
    size = ((n * 2 - 1), (n // 2, "x"), n * n)
    program = mt.compile([x], row(x, size=size), backend=backend)
    for rows in (5, 2, 9):
        program(np.ones(rows))
        assert seen[-1] == (rows * 2 - 1, (rows // 2, "x"), rows * rows)


def test_a_row_without_operands(backend):
    counting = Op(
        "counting_of_a_test",
        lambda size: mt.Type((size,), np.dtype("float32")),
        lambda size: np.arange(size, dtype="f"),
    )
    x = mt.placeholder("x", ("n",))
    program = mt.compile([x], [x + counting(size=x.shape[0]), counting(size=3)], backend=backend)
    for rows in (4, 2):
        first, second = program(np.ones(rows))
        np.testing.assert_array_equal(first, 1 + np.arange(rows))
        np.testing.assert_array_equal(second, np.arange(3))


def test_a_row_that_draws_anew_in_every_call(backend):
    draws = iter(range(100))
    noise = Op("noise_of_calls", lambda t: t, lambda t: t + next(draws), distinct=True)
    program = mt.compile(
        [], [noise(mt.constant(np.zeros(2, "f"))), noise(mt.constant(np.zeros(2, "f")))], backend=backend
    )
    seen = [value for _ in range(3) for result in program() for value in set(result.tolist())]
    assert seen == [0, 1, 2, 3, 4, 5]


def test_a_row_whose_kernel_takes_no_out(backend):
    row = elementwise("plain_kernel_of_a_test", lambda a, b: a + b * 2)
    x, w = mt.placeholder("x", ("n",)), mt.parameter(3.0, name="w")
    program = mt.compile([x], row(row(x, x), w), {w: mt.sum(row(w, w))}, backend=backend)
    assert program([1, 2]).tolist() == [9, 12]
    assert float(w.data) == 9
