"""Expressions that clever algebra likes to touch: on NaN, infinities, signed zeros, subnormals, largest and smallest.

Each is evaluated by NumPy, by every backend, and by the kernels of the graph as it was written: all must agree in every
bit, signs of zero included. The functions that C has of its own may differ in the last places, but not in these signs,
in what is NaN or in what is infinite.
"""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.interpreter import evaluate_graph

DTYPES = ("float32", "float64")
EXACT = ("interpreter", "numpy")
INEXACT = ("exp", "log", "tanh", "arctan2")  # where an expression has one of them, C and NumPy round differently


def specials(dtype):
    info = np.finfo(dtype)
    sizes = [
        0.0,
        info.smallest_subnormal,
        info.tiny / 4,
        info.tiny,
        info.eps,
        0.5,
        1.0,
        1.5,
        3.0,
        1e30,
        info.max,
        np.inf,
    ]
    return np.array([s * size for size in sizes for s in (1, -1)] + [np.nan], dtype)


# name: the expression on one tensor, `m` being minitorch or numpy
ONE = {
    "0 * x": lambda m, x: 0 * x,
    "x * 0": lambda m, x: x * 0,
    "x * 0.0": lambda m, x: x * 0.0,
    "x * -0.0": lambda m, x: x * -0.0,
    "x * 1": lambda m, x: x * 1,
    "x * -1": lambda m, x: x * -1,
    "x * 2": lambda m, x: x * 2,
    "x / 1": lambda m, x: x / 1,
    "x / 2": lambda m, x: x / 2,
    "x / 0": lambda m, x: x / 0,
    "x / -0.0": lambda m, x: x / -0.0,
    "0 / x": lambda m, x: 0 / x,
    "1 / x": lambda m, x: 1 / x,
    "1 / (1 / x)": lambda m, x: 1 / (1 / x),
    "x / x": lambda m, x: x / x,
    "x - x": lambda m, x: x - x,
    "x + x": lambda m, x: x + x,
    "x + (-x)": lambda m, x: x + (-x),
    "x - (-x)": lambda m, x: x - (-x),
    "-x + x": lambda m, x: -x + x,
    "(-x) * (-x)": lambda m, x: (-x) * (-x),
    "-(x - x)": lambda m, x: -(x - x),
    "x + 0": lambda m, x: x + 0,
    "x + 0.0": lambda m, x: x + 0.0,
    "x + -0.0": lambda m, x: x + -0.0,
    "0.0 + x": lambda m, x: 0.0 + x,
    "x - 0": lambda m, x: x - 0,
    "x - 0.0": lambda m, x: x - 0.0,
    "x - (-0.0)": lambda m, x: x - (-0.0),
    "0 - x": lambda m, x: 0 - x,
    "-0.0 - x": lambda m, x: -0.0 - x,
    "-x": lambda m, x: -x,
    "-(-x)": lambda m, x: -(-x),  # noqa: B002
    "-(0 * x)": lambda m, x: -(0 * x),
    "x ** 0": lambda m, x: x**0,
    "x ** 1": lambda m, x: x**1,
    "x ** 2": lambda m, x: x**2,
    "x ** -1": lambda m, x: x**-1,
    "x ** 0.5": lambda m, x: x**0.5,
    "x ** 3": lambda m, x: x**3,
    "(x * 1e200) * 1e-200": lambda m, x: (x * 1e30) * 1e-30 if x.dtype == np.float32 else (x * 1e200) * 1e-200,
    "(x * 3e-30) * 3e-30": lambda m, x: (x * 3e-30) * 3e-30,
    "(x / 3) / 7": lambda m, x: (x / 3) / 7,
    "(x + 1e8) - 1e8": lambda m, x: (x + 1e8) - 1e8,
    "(x * 0.1) * 0.3": lambda m, x: (x * 0.1) * 0.3,
    "x * x * x": lambda m, x: x * x * x,
    "x * (x * x)": lambda m, x: x * (x * x),
    "x * 3 + x * 5": lambda m, x: x * 3 + x * 5,
    "x / 3 * 3": lambda m, x: x / 3 * 3,
    "log(exp(x))": lambda m, x: m.log(m.exp(x)),
    "exp(log(x))": lambda m, x: m.exp(m.log(x)),
    "sqrt(x * x)": lambda m, x: m.sqrt(x * x),
    "sqrt(x) * sqrt(x)": lambda m, x: m.sqrt(x) * m.sqrt(x),
    "exp(x) * exp(-x)": lambda m, x: m.exp(x) * m.exp(-x),
    "expm1(log1p(x))": lambda m, x: m.expm1(m.log1p(x)),
    "tanh(-x)": lambda m, x: m.tanh(-x),
    "-tanh(x)": lambda m, x: -m.tanh(x),
    "maximum(x, x)": lambda m, x: m.maximum(x, x),
    "minimum(x, x)": lambda m, x: m.minimum(x, x),
    "maximum(x, 0)": lambda m, x: m.maximum(x, 0),
    "maximum(x, -0.0)": lambda m, x: m.maximum(x, -0.0),
    "minimum(x, inf)": lambda m, x: m.minimum(x, np.inf),
    "maximum(x, nan)": lambda m, x: m.maximum(x, np.nan),
    "abs(-x)": lambda m, x: abs(-x),
    "sign(x) * abs(x)": lambda m, x: m.sign(x) * abs(x),
    "where(x > 0, x, x)": lambda m, x: m.where(x > 0, x, x),
    "where(x == x, x, 0)": lambda m, x: m.where(x == x, x, x.dtype.type(0) if m is np else 0),
    "where(x < x, 1, x)": lambda m, x: m.where(x < x, x.dtype.type(1) if m is np else 1, x),
    "x == x": lambda m, x: x == x,
    "x != x": lambda m, x: x != x,
    "x <= x": lambda m, x: x <= x,
    "not (x < 0)": lambda m, x: m.logical_not(x < 0),
    "isfinite(x - x)": lambda m, x: m.isfinite(x - x),
    "isnan(0 * x)": lambda m, x: m.isnan(0 * x),
    "floor(x)": lambda m, x: m.floor(x),
    "ceil(-x)": lambda m, x: m.ceil(-x),
    "trunc(x) - x": lambda m, x: m.trunc(x) - x,
    "x % 1": lambda m, x: x % 1,
    "x // 1": lambda m, x: x // 1,
    "x % inf": lambda m, x: x % np.inf,
    "sum(x)": lambda m, x: m.sum(x),
    "sum(x - x)": lambda m, x: m.sum(x - x),
    "sum(x[::-1])": lambda m, x: m.sum(x[::-1]),
    "sum([inf, -inf])": lambda m, x: m.sum(x[22:24]),
    "sum([0.0, -0.0])": lambda m, x: m.sum(x[0:2]),
    "sum([-0.0])": lambda m, x: m.sum(x[1:2]),
    "sum over no axes": lambda m, x: m.sum(x, axis=()),
    "sum(prod)": lambda m, x: m.sum(m.prod(m.reshape(x[4:20], (4, 4)), axis=0)),
    "prod([0, inf])": lambda m, x: m.prod(x[::23][:2]),
    "max(x)": lambda m, x: m.max(x),
    "max over no axes": lambda m, x: m.max(x, axis=()),
    "max([-0.0, 0.0])": lambda m, x: m.max(x[1::-1]),
    "min(x[:-1])": lambda m, x: m.min(x[:-1]),
    "sum of nothing": lambda m, x: m.sum(x[:0]),
    "prod of nothing": lambda m, x: m.prod(x[:0]),
    "0 * sum of nothing": lambda m, x: -1 * m.sum(x[:0]),
}

TWO = {
    "x + y": lambda m, x, y: x + y,
    "x - y": lambda m, x, y: x - y,
    "x * y": lambda m, x, y: x * y,
    "x / y": lambda m, x, y: x / y,
    "x + (-y)": lambda m, x, y: x + (-y),
    "(-x) + y": lambda m, x, y: (-x) + y,
    "x - (-y)": lambda m, x, y: x - (-y),
    "(x + y) - y": lambda m, x, y: (x + y) - y,
    "(x * y) / y": lambda m, x, y: (x * y) / y,
    "x * (1 / y)": lambda m, x, y: x * (1 / y),
    "x * y + x * y": lambda m, x, y: x * y + x * y,
    "maximum(x, y)": lambda m, x, y: m.maximum(x, y),
    "minimum(y, x)": lambda m, x, y: m.minimum(y, x),
    "where(x < y, x, y)": lambda m, x, y: m.where(x < y, x, y),
    "not (x < y)": lambda m, x, y: m.logical_not(x < y),
    "x == y": lambda m, x, y: x == y,
    "(x - y) * 0": lambda m, x, y: (x - y) * 0,
    "arctan2(x, y)": lambda m, x, y: m.arctan2(x, y),
}


def same(a, b, what):
    assert (a.shape, a.dtype) == (b.shape, b.dtype), what
    np.testing.assert_array_equal(a, b, what)
    if a.dtype.kind == "f":
        numbers = ~np.isnan(a)
        np.testing.assert_array_equal(np.signbit(a)[numbers], np.signbit(b)[numbers], what)


def agrees(expression, arrays):
    """NumPy, the graph as written and the exact backends, on inputs, on parameters and on constants."""
    with np.errstate(all="ignore"):
        want = np.asarray(expression(np, *arrays))
    dtype = arrays[0].dtype
    inputs = [mt.placeholder(f"x{i}", a.shape, dtype=dtype) for i, a in enumerate(arrays)]
    shapes = [tuple("n" if k == 0 and size > 1 else size for k, size in enumerate(a.shape)) for a in arrays]
    unknown = [mt.placeholder(f"u{i}", shape, dtype=dtype) for i, shape in enumerate(shapes)]
    leaves = [mt.parameter(a, dtype=dtype) for a in arrays]
    constants = [mt.constant(a) for a in arrays]
    for given, values in ((inputs, arrays), (unknown, arrays), (leaves, []), (constants, [])):
        output = expression(mt, *given)
        for backend in EXACT:
            program = mt.compile(given if len(values) else [], output, backend=backend)
            same(program(*values), want, backend)
        sizes = program._executor.sizes([a.shape for a in values])
        traced = evaluate_graph(program.traced, tuple(values), sizes)
        same(np.asarray(traced[program.traced.outputs[0]]), want, "as written")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ONE)
def test_one_operand(name, dtype):
    agrees(ONE[name], [specials(dtype)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TWO)
def test_every_pair(name, dtype):
    x = specials(dtype)
    agrees(TWO[name], [x[:, None], x[None, :]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in ONE if "sum" not in name and "of " not in name])
def test_numbers_without_axes(name, dtype):
    """The same on a value without axes, where NumPy makes scalars."""
    elementwise = ONE[name](mt, mt.placeholder("x", (25,), dtype=dtype)).shape == (25,)
    for value in specials(dtype) if elementwise else ():
        x = mt.placeholder("x", (), dtype=dtype)
        compiled = [mt.compile([x], ONE[name](mt, x), backend=b)(value) for b in EXACT]
        with np.errstate(all="ignore"):
            want = np.asarray(ONE[name](np, np.array([value], dtype)))[0]
        for got in compiled:
            same(np.asarray(got), np.asarray(want), name)


# ---- C: all expressions in one program ----


def leaves(kind, arrays, dtype):
    """Operands of these values, and what a program over them is called with."""
    match kind:
        case "inputs":
            return [mt.placeholder(f"x{i}", a.shape, dtype) for i, a in enumerate(arrays)], arrays
        case "unknown":
            shapes = [tuple("n" if k == 0 and size > 1 else size for k, size in enumerate(a.shape)) for a in arrays]
            return [mt.placeholder(f"x{i}", shape, dtype) for i, shape in enumerate(shapes)], arrays
        case "parameters":
            return [mt.parameter(a, dtype=dtype) for a in arrays], []
    return [mt.constant(a) for a in arrays], []


def close(got, want, what):
    """Equal but for a few roundings: of the value, or of 1 where a logarithm is taken of what is near 1."""
    assert (got.shape, got.dtype) == (want.shape, want.dtype), what
    eps = np.finfo(want.dtype).eps
    np.testing.assert_allclose(got, want, rtol=16 * eps, atol=8 * eps if "log(exp" in what else 0, err_msg=what)
    numbers = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(want)[numbers], what)


@pytest.mark.parametrize("kind", ["inputs", "unknown", "parameters", "constants"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("table", [ONE, TWO], ids=["one operand", "every pair"])
def test_in_c(table, dtype, kind):
    x = specials(dtype)
    arrays = [x] if table is ONE else [x[:, None], x[None, :]]
    given, values = leaves(kind, arrays, dtype)
    program = mt.compile(given if values else [], [make(mt, *given) for make in table.values()], backend="c")
    with np.errstate(all="ignore"):
        wanted = [np.asarray(make(np, *arrays)) for make in table.values()]
    for name, got, want in zip(table, program(*values), wanted, strict=True):
        judge = close if any(function in name for function in INEXACT) else same
        judge(got, want, name)


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_without_axes_in_c(dtype):
    table = {name: make for name, make in ONE.items() if "sum" not in name and "of " not in name}
    x = mt.placeholder("x", (), dtype)
    whole = mt.placeholder("x", (25,), dtype=dtype)
    table = {name: make for name, make in table.items() if make(mt, whole).shape == (25,)}
    program = mt.compile([x], [make(mt, x) for make in table.values()], backend="c")
    for value in specials(dtype):
        with np.errstate(all="ignore"):
            wanted = [np.asarray(make(np, np.array([value], dtype)))[0] for make in table.values()]
        for name, got, want in zip(table, program(value), wanted, strict=True):
            judge = close if any(function in name for function in INEXACT) else same
            judge(got, np.asarray(want), name)
