"""Kernels that fail while a program runs: the error names the operation, the instruction, the node and the line."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import InputError, OutOfRangeError


@pytest.fixture(params=["interpreter", "numpy", "c"])
def backend(request):
    return request.param


def _fails_on_large(a, out=None):
    if (a > 5).any():
        raise ZeroDivisionError("too large")
    return np.multiply(a, 2, out=out)


def row(name, kernel):
    return mt.ops.elementwise(name, kernel, lambda g, y, a: (g * 2,))


def refused(call, kind, op, node, instruction=True):
    with pytest.raises(kind) as found:
        call()
    lines = str(found.value).splitlines()
    assert lines[0].startswith(f"{op}: ")
    assert ("instruction" in lines[1] and f"{op}(" in lines[1]) == instruction
    assert lines[-2] == f"  {node.describe()}"
    assert lines[-1] == f"  in {node.origin!r}"
    return str(found.value)


def test_an_index_of_what_is_not_there(backend):
    i, w = mt.placeholder("i", ("n",), dtype="int64"), mt.parameter(np.ones(4), name="w")
    taken = mt.take(w, i)
    program = mt.compile([i], taken.sum(), updates={w: w + 1}, backend=backend)
    text = refused(lambda: program([1, 9]), OutOfRangeError, "take", taken)
    assert "index 9" in text
    assert "instruction 1 of" in text
    assert w.data.tolist() == [1] * 4
    refused(lambda: program.loop([1] * 7 + [8], batch_size=4), OutOfRangeError, "take", taken)


def test_powers_inside_a_region(backend):
    k, i = (mt.placeholder(name, ("n",), dtype="int64") for name in "ki")
    power = k**i
    program = mt.compile([k, i], (power + k).sum(), backend=backend)
    assert "negative integer powers" in refused(lambda: program([1, 2], [1, -1]), InputError, "power", power)


@pytest.mark.usefixtures("added_rows")
def test_a_users_own_kernel(backend):
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, name="w")
    own = row("fails_on_large", _fails_on_large)(x + 1)
    program = mt.compile([x], mt.tanh(own) * w, updates={w: w + 1}, backend=backend)
    text = refused(lambda: program([1.0, 7.0]), InputError, "fails_on_large", own)
    assert "ZeroDivisionError: too large" in text
    assert float(w.data) == 1
    assert program([1.0, 2.0]).shape == (2,)


@pytest.mark.usefixtures("added_rows")
def test_a_kernel_that_makes_another_shape(backend):
    x = mt.placeholder("x", ("n",))
    own = row("other_shape", lambda a: np.zeros(3))(x)
    program = mt.compile([x], own * 2, backend=backend)
    refused(lambda: program([1.0, 7.0]), InputError, "other_shape", own)


@pytest.mark.usefixtures("added_rows")
@pytest.mark.parametrize("many", [False, True])
def test_a_kernel_that_fails_on_constants_fails_when_the_program_runs(backend, many):
    x = mt.placeholder("x", ("n",), dtype="float64")
    own = row("fails_on_large", _fails_on_large)(mt.constant(np.full(3, 9.0)))
    program = mt.compile([x], own.sum() * x.sum(), backend=backend)
    run = (lambda: program.loop([1.0, 2.0], batch_size=1)) if many else (lambda: program([1.0]))
    refused(run, InputError, "fails_on_large", own)


@pytest.mark.usefixtures("added_rows")
def test_a_kernel_of_another_dtype_on_constants_is_no_accident_of_ours():
    own = row("other_dtype", lambda a: a.astype(np.int64))(mt.constant(np.full(3, 9.0)))
    np.testing.assert_array_equal(mt.compile([], own)(), [9.0] * 3)


@pytest.mark.usefixtures("added_rows")
def test_an_error_that_does_not_come_again_says_so():
    calls = itertools.count()

    def once(a):
        if next(calls) == 0:
            raise OSError("once")
        return a * 2

    x = mt.placeholder("x", ("n",))
    program = mt.compile([x], row("fails_once", once)(x), backend="numpy")
    with pytest.raises(OSError, match="once") as found:
        program([1.0])
    assert found.value.__notes__ == ["program: computed once more, node by node, it did not fail"]


@pytest.mark.parametrize("look", ["trace", "first_bad"])
def test_looking_names_the_node_too(look):
    i, w = mt.placeholder("i", ("n",), dtype="int64"), mt.parameter(np.ones(4), name="w")
    taken = mt.take(w, i)
    program = mt.compile([i], taken.sum())
    refused(lambda: getattr(program, look)([9]), OutOfRangeError, "take", taken, instruction=False)


def test_a_failed_size_check_names_the_node(backend):
    a, b = mt.placeholder("a", ("n",)), mt.placeholder("b", (None,))
    both = a + b
    program = mt.compile([a, b], both, backend=backend)
    with pytest.raises(InputError) as found:
        program([1.0, 2.0], [1.0, 2.0, 3.0])
    assert both.describe() in str(found.value)
    assert repr(both.origin) in str(found.value)


def test_inspection_is_not_even_loaded_where_nobody_looks():
    code = """
import sys, numpy as np, minitorch as mt
x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0)
loss = mt.mean((x * w) ** 2)
step = mt.compile([x], loss, updates={w: w - 0.1 * mt.grad(loss, w)}, backend="numpy")
mt.fit(step, np.ones(4), epochs=2, batch_size=2)
print([name for name in sys.modules if "inspection" in name and "minitorch" in name])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
