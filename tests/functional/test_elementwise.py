"""Powers, bounds, rounding and activations of unknown sizes, against formulas in NumPy: values, gradients, errors."""

import math

import numpy as np
import pytest

import minitorch as mt

X = mt.placeholder("rows", ("n", 3), "float64")


def expit(a):
    return 1 / (1 + np.exp(-a))


def erf(a):
    return np.vectorize(math.erf, otypes=[float])(a)


def softmax(a, axis=-1):
    e = np.exp(a)
    return e / e.sum(axis, keepdims=True)


CASES = {
    "softmax": (mt.softmax, softmax), "softmax 0": (lambda x: mt.softmax(x, 0), lambda a: softmax(a, 0)),
    "log_softmax": (mt.log_softmax, lambda a: np.log(softmax(a))),
    "log_softmax 0": (lambda x: mt.log_softmax(x, -2), lambda a: np.log(softmax(a, 0))),
    "gelu": (mt.gelu, lambda a: a * 0.5 * (1 + erf(a / math.sqrt(2)))),
    "gelu tanh": (lambda x: mt.gelu(x, approximate="tanh"),
        lambda a: a * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))),
    "silu": (mt.silu, lambda a: a * expit(a)), "elu": (mt.elu, lambda a: np.where(a > 0, a, np.exp(a) - 1)),
    "elu alpha": (lambda x: mt.elu(x, 0.5), lambda a: np.where(a > 0, a, 0.5 * (np.exp(a) - 1))),
    "leaky_relu": (mt.leaky_relu, lambda a: np.where(a > 0, a, 0.01 * a)),
    "leaky_relu slope": (lambda x: mt.leaky_relu(x, -0.5), lambda a: np.where(a > 0, a, -0.5 * a)),
    "softsign": (mt.softsign, lambda a: a / (1 + abs(a))),
    "hard_tanh": (mt.hard_tanh, lambda a: np.clip(a, -1, 1)),
    "hard_tanh bounds": (lambda x: mt.hard_tanh(x, -0.73, 1.33), lambda a: np.clip(a, -0.73, 1.33)),
    "clip": (lambda x: mt.clip(x, -0.9, 0.8), lambda a: np.clip(a, -0.9, 0.8)),
    "clip low": (lambda x: mt.clip(x, low=0.7), lambda a: np.clip(a, 0.7, None)),
    "clip high": (lambda x: mt.clip(x, high=0.7), lambda a: np.clip(a, None, 0.7)),
    "clip by rows": (lambda x: mt.clip(x, x.min(0) / 2, 0.9), lambda a: np.clip(a, a.min(0) / 2, 0.9)),
    "power": (lambda x: mt.power(mt.abs(x), x), lambda a: abs(a) ** a), "power 3": (lambda x: x**3, lambda a: a**3),
    "power -2": (lambda x: x**-2, lambda a: a**-2.0), "power 0": (lambda x: x**0, lambda a: a**0),
    "base 2": (lambda x: 2**x, lambda a: 2**a),
    "root": (lambda x: mt.abs(x) ** 0.5, lambda a: abs(a) ** 0.5),
    "exponents": (lambda x: x ** np.array([1.0, 2.0, 3.0]), lambda a: a ** np.array([1.0, 2.0, 3.0])),
    "identity": (mt.activations["identity"], lambda a: a),
    "cast": (lambda x: mt.cast(mt.cast(x, "float64"), float), lambda a: a),
    "mod": (lambda x: x % 0.9, lambda a: a % 0.9), "floor_divide": (lambda x: x // 0.9 + 0 * x, lambda a: a // 0.9),
    "mod of": (lambda x: 5.03 % x, lambda a: 5.03 % a),
    "arctan2": (lambda x: mt.arctan2(x, x[:, ::-1]), lambda a: np.arctan2(a, a[:, ::-1])), "erf": (mt.erf, erf),
    "log1p": (lambda x: mt.log1p(x * x), lambda a: np.log1p(a * a)), "expm1": (mt.expm1, np.expm1),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES))
def test_one_program_for_all_sizes(through, name):
    make, reference = CASES[name]
    empty = name in ("softmax 0", "log_softmax 0", "clip by rows")
    through(make, reference, ("n", 3), sizes=(3, 1, 5) if empty else (3, 0, 1, 5))


@pytest.mark.parametrize("name", sorted(mt.activations))
def test_every_activation_by_name_keeps_shape_and_dtype(name):
    for dtype in ("float32", "float64"):
        x = mt.placeholder("x", ("n", 3), dtype)
        out = mt.activations[name](x)
        assert out.shape == x.shape
        assert out.dtype == dtype
        value, slope = mt.compile([x], [out, mt.grad(out.sum(), x)])(np.linspace(-2, 2, 6).reshape(2, 3))
        assert np.isfinite(value).all()
        assert np.isfinite(slope).all()
        assert slope.dtype == dtype


@pytest.mark.parametrize(
    "name", ["softmax", "log_softmax", "gelu", "silu", "elu", "leaky_relu", "softsign", "hard_tanh"]
)
def test_activations_of_ints_are_floats(name):
    k, x = mt.placeholder("k", (3,), "int64"), mt.placeholder("x", (3,), "float32")
    ours = mt.compile([k], getattr(mt, name)(k))([-2, 0, 3])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, mt.compile([x], getattr(mt, name)(x))([-2.0, 0.0, 3.0]), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_powers_of_ints(dtype):
    k = mt.placeholder("k", (4,), dtype)
    a = np.array([0, 1, 2, 5], dtype)
    for exponent in (0, 1, 2, 3, 0.5, 2.0):
        got, want = mt.compile([k], k**exponent)(a), a**exponent
        assert got.dtype.kind == want.dtype.kind, exponent
        np.testing.assert_allclose(got, want, rtol=1e-6)
    np.testing.assert_array_equal(
        mt.compile([k], mt.power(k, k))(a), a.astype("int64") ** a.astype("int64") % 256 if dtype == "uint8" else a**a
    )
    np.testing.assert_array_equal(mt.compile([k], 2**k)(a), 2**a)


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_clip_of_ints(dtype):
    k, a = mt.placeholder("k", (4,), dtype), np.array([0, 1, 2, 5], dtype)
    for bounds in ((1, 3), (None, 2), (2, None)):
        got, want = mt.compile([k], mt.clip(k, *bounds))(a), np.clip(a, *bounds)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "bool", "uint8"])
def test_cast_is_astype(dtype):
    a = np.array([0.0, 1.0, 2.7, 3.2])
    assert mt.cast(X, "float64") is X
    got = mt.compile([x := mt.placeholder("x", (4,), "float64")], [mt.cast(x, dtype), x.astype(dtype)])(a)
    for value in got:
        assert value.dtype == dtype
        np.testing.assert_array_equal(value, a.astype(dtype))


def test_softmax_rows_add_up_to_one_however_large():
    x = mt.placeholder("x", ("n", 4))
    value = mt.compile([x], mt.softmax(x))(
        np.array([[1e30, -1e30, 0, 1], [88, 89, 90, 1000], [-1e38, -1e38, -1e38, -1e38]])
    )
    np.testing.assert_allclose(value.sum(1), 1, rtol=1e-6)


ERRORS = {
    "clip": (lambda: mt.clip(X), "clip", "bound"), "gelu": (lambda: mt.gelu(X, "fast"), "gelu", "'fast'", "'tanh'"),
    "softmax": (lambda: mt.softmax(X, 2), "softmax", "axis 2", "2 axes"),
    "softmax none": (lambda: mt.softmax(X, None), "softmax", "None", "int"),
    "log_softmax": (lambda: mt.log_softmax(X, -3), "log_softmax", "axis -3"),
    "softmax scalar": (lambda: mt.softmax(mt.placeholder("s", ())), "softmax", "axis -1", "0 axes"),
    "power": (lambda: mt.placeholder("k", (2,), "int64") ** -1, "power", "-1", "float"),
    "power shapes": (lambda: mt.power(X, np.ones(4)), "power", "(n, 3)", "(4,)"),
    "clip shapes": (lambda: mt.clip(X, np.ones(4), 1), "clip", "(4,)"),
    "cast": (lambda: mt.cast(X, "complex64"), "cast", "complex64"),
    "where": (lambda: mt.where(X > 0, X, np.ones(4)), "where", "(4,)"),
    "word": (lambda: mt.gelu("a"), "gelu", "'a'"), "round word": (lambda: mt.round(X, "a"), "round", "'a'"),
    "round float": (lambda: mt.round(X, 0.5), "round", "0.5"), "silu object": (lambda: mt.silu(None), "silu", "None"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_name_the_function_what_was_met_and_the_line(refused, name):
    call, function, *words = ERRORS[name]
    refused(call, function, *words)
