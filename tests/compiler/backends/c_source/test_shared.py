"""Programs whose loops threads share: what each adds up is joined, and what is small is left to one of them."""

import re

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.c_source import binding, work


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Threads share steps of any size."""
    monkeypatch.setattr(work, "SHARED", 0)
    monkeypatch.setattr(binding, "ALONE", 0)


@pytest.fixture(params=[1, 2, 3])
def threads(request, monkeypatch):
    monkeypatch.setenv("MINITORCH_THREADS", str(request.param))
    return request.param


def function(source, name):
    """The definition of the function of an instruction."""
    (text,) = re.findall(rf"^static [^\n]*\b{name}_\d+\([^\n]*\n{{.*?^}}$", source, re.MULTILINE | re.DOTALL)
    return text


def values(shape, dtype, seed=0):
    numbers = np.random.default_rng(seed).integers(-20, 20, shape)
    return numbers.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64"])
def test_what_threads_add_up_is_joined(threads, dtype):
    """Whole numbers, so that the order of sums does not matter."""
    x = mt.placeholder("x", ("n", 70), dtype)
    folds = [(f, axis) for f in (mt.sum, mt.max, mt.min, mt.prod) for axis in (None, 0, 1)]
    outputs = [f(x * 1, axis) for f, axis in folds]
    interpreted, compiled = (mt.compile([x], outputs, backend=b) for b in ("interpreter", "c"))
    assert f"join_{'f' if dtype[0] == 'f' else 'i'}" in compiled.source
    assert "part[k]" in compiled.source  # of what is no sum
    for n in (1, 2, 200):
        a = values((n, 70), dtype)
        if dtype[0] == "f":
            a = np.clip(a, -1, 1)
        for want, got in zip(interpreted(a), compiled(a), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("columns", [10, 64, 128, 300, 320])
def test_sums_of_columns_after_a_product(threads, columns):
    """Panels of columns, the last of them whole or narrower, and rows in blocks."""
    x, y = mt.placeholder("x", ("n", 150)), mt.placeholder("y", ("n", columns))
    w = mt.parameter(values((150, columns), "f4", 1))
    product = (x @ w) * y
    interpreted, compiled = (
        mt.compile([x, y], [mt.sum(product, 0), mt.sum(product), product], backend=b) for b in ("interpreter", "c")
    )
    assert ("width" in code(compiled.source)) == (columns == 300)
    for n in (0, 1, 40):
        a, b = values((n, 150), "f4", 2), values((n, columns), "f4", 3)
        for want, got in zip(interpreted(a, b), compiled(a, b), strict=True):
            np.testing.assert_array_equal(got, want)


def code(source):
    """The functions of the instructions."""
    return "\n".join(re.findall(r"^static \w+ void \w+_\d+\([^\n]*\n{.*?^}$", source, re.MULTILINE | re.DOTALL))


def test_a_few_elements_are_one_threads(threads):
    few, many = mt.parameter(values(1000, "f4")), mt.parameter(values(1100, "f4"))
    rate = mt.variable(0.5)
    step = mt.compile([], [], {few: few - rate * few, many: many / rate}, backend="c")
    assert "if (me) return;" in function(step.source, "multiply_subtract")
    assert "share(" in function(step.source, "divide")
    step()
    np.testing.assert_array_equal(few.data, values(1000, "f4") / 2)
    np.testing.assert_array_equal(many.data, values(1100, "f4") * 2)


def test_a_function_writes_over_its_operand_where_nothing_else_reads_or_writes_it(threads):
    start = values((70, 30), "f4") / 100
    old = mt.parameter(np.zeros((70, 30)))
    ws = [mt.parameter(start) for _ in range(5)]
    new = [mt.tanh(ws[0]), mt.tanh(ws[1]) + ws[1], mt.tanh(ws[2][::-1]), mt.tanh(mt.exp(ws[3])), mt.tanh(ws[4])]
    step = mt.compile([], [], {**dict(zip(ws, new, strict=True)), old: ws[4]}, backend="c")
    calls = re.findall(r"mt_tanh_f32\([^,]*, (a.+), \1\);", step.source)
    assert len(calls) >= 1
    step()
    tanh = np.tanh(start)
    wanted = [tanh, tanh + start, tanh[::-1], np.tanh(np.exp(start)), tanh, start]
    for want, got in zip(wanted, [*ws, old], strict=True):
        np.testing.assert_allclose(got.data, want, rtol=1e-6, atol=1e-6)


def test_what_threads_share_is_not_written_out_at_each_call():
    x = mt.placeholder("x", ("n", 30))
    source = mt.compile([x], mt.sum(mt.square(x), 0), backend="c").source
    assert re.search(r"^static PLAIN int part0\(", source, re.MULTILINE)
    assert re.search(r"^static APART void square_sum_0\(", source, re.MULTILINE)
