"""Reductions in C: over every set of axes, over nothing, and long ones as accurate as NumPy's."""

from itertools import combinations

import numpy as np
import pytest

import minitorch as mt

FLOATS = ("float32", "float64")
CASES = [
    *(("sum", d) for d in ("bool", "int8", *FLOATS)), *(("prod", d) for d in ("uint8", "float32")),
    *((name, d) for name in ("max", "min") for d in ("int8", "uint8", "int64", "float32")),
    *((name, d) for name in ("any", "all") for d in ("bool", "float64")),
]  # fmt: skip
SETS = [axes for count in range(4) for axes in combinations(range(3), count)]
SHAPES = [(2, 3, 4), (1, 5, 1), (7, 1, 300), (64, 3, 1), (3, 2, 1100)]


def operands(t):
    """A tensor as it is, and as views lie in memory."""
    return [t, mt.transpose(t, (2, 0, 1)), t[:, ::-1, 1:]]


def values(shape, dtype, seed=0):
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return random.uniform(0.9, 1.1, shape).astype(dtype) * random.choice([-1, 1], shape).astype(dtype)
    return random.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)


def reduced(m, name, t, axis, keepdims):
    return getattr(m, name)(t, axis=axis, keepdims=keepdims)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_every_set_of_axes(name, dtype):
    shape = (2, 3, 4) if dtype == "float64" else ("a", "b", "c")
    x = mt.placeholder("x", shape, dtype)
    choices = [(t, axes) for t in operands(x) for axes in SETS]
    outputs = [reduced(mt, name, t, axes, k % 2 == 0) for k, (t, axes) in enumerate(choices)]
    interpreted, compiled = (mt.compile([x], outputs, backend=b) for b in ("interpreter", "c"))
    for size in SHAPES[:1] if dtype == "float64" else SHAPES:
        if name in ("max", "min") and size[2] == 1:
            continue  # nothing is left of the last axis
        a = values(size, dtype)
        for got, want in zip(compiled(a), interpreted(a), strict=True):
            assert (got.shape, got.dtype) == (want.shape, want.dtype)
            np.testing.assert_allclose(got, want, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-3)


@pytest.mark.parametrize("size", [(0, 3, 2), (2, 0, 2), (2, 3, 0), (0, 0, 0)])
def test_over_nothing(size):
    for dtype in ("bool", "float32"):
        x = mt.placeholder("x", ("a", "b", "c"), dtype)
        outputs = [reduced(mt, name, x, axes, k) for name in ("sum", "prod", "any", "all") for axes in SETS
                   for k in (bool(sum(size)),)]  # fmt: skip
        interpreted, compiled = (mt.compile([x], outputs, backend=b) for b in ("interpreter", "c"))
        a = values(size, dtype)
        for got, want in zip(compiled(a), interpreted(a), strict=True):
            assert (got.shape, got.dtype) == (want.shape, want.dtype)
            np.testing.assert_array_equal(got, want)


def test_the_largest_of_nothing_is_refused():
    x = mt.placeholder("x", ("n", 3))
    program = mt.compile([x], mt.max(x), backend="c")
    with pytest.raises(mt.errors.InputError, match="max"):
        program(np.ones((0, 3), "f"))


def test_nan_is_the_largest_and_the_smallest():
    x = mt.placeholder("x", ("n", "m"))
    program = mt.compile([x], [f(x, a) for f in (mt.max, mt.min) for a in (None, 0, 1)], backend="c")
    for shape in ((3, 5), (40, 40), (5, 2000)):
        for at in ((0, 0), (1, 3), (2, shape[1] - 1)):
            a = np.random.default_rng(0).standard_normal(shape).astype("f")
            a[at] = np.nan
            wanted = [f(a, axis) for f in (np.max, np.min) for axis in (None, 0, 1)]
            for got, want in zip(program(a), wanted, strict=True):
                np.testing.assert_array_equal(got, want)


LONG = {
    "all of a vector": ((3_000_000,), lambda m, x: m.sum(x)),
    "a mean": ((3_000_000,), lambda m, x: m.mean(x)),
    "all of a narrow matrix": ((600_000, 5), lambda m, x: m.sum(x)),
    "a loss": ((600_000, 5), lambda m, x: m.mean(m.square(x - x[0]))),
    "what lies crosswise": ((5, 600_000), lambda m, x: m.sum(m.tanh(x.T) * x.T)),
    "long rows": ((3, 1_000_000), lambda m, x: m.sum(x, axis=1)),
    "functions of long rows": ((3, 1_000_000), lambda m, x: m.sum(m.exp(-x), axis=1)),
    "short rows of many": ((1000, 1000, 3), lambda m, x: m.sum(x, axis=(0, 2))),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_long_sums_are_as_accurate_as_those_of_numpy(name):
    """Against float64. Twice as far off is as good: what is compared is luck in the last place."""
    shape, make = LONG[name]
    a = np.random.default_rng(0).random(shape, "float32")
    x = mt.placeholder("x", ("n", *shape[1:]) if len(shape) > 1 and shape[0] > 5 else shape)
    got = mt.compile([x], make(mt, x), backend="c")(a)
    truth = make(np, a.astype("float64"))
    error, numpys = (np.abs(value / truth - 1).max() for value in (got, make(np, a)))
    assert error <= max(2 * numpys, 4 * np.finfo("float32").eps)
