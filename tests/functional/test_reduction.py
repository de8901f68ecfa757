"""Reductions over any axes of unknown sizes, against NumPy: values, gradients, corners, errors."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import minitorch as mt

X = mt.placeholder("rows", ("n", 3), "float64")
AXES = [None, 0, 1, -1, (0, 1), (-1, 0), ()]


def logsumexp(a, axis=None, keepdims=False):
    return np.log(np.exp(a).sum(axis, keepdims=keepdims))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_folds_of_unknown_sizes(through, name, axis, keepdims):
    through(
        lambda x: getattr(mt, name)(x, axis, keepdims),
        lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims),
        ("n", 3),
    )
    through(
        lambda x: getattr(mt, name)(x, axis, keepdims),
        lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims),
        ("n", "m"),
        m=2,
    )


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "var", "std"])
def test_methods_are_the_functions(through, name):
    through(
        lambda x: getattr(x, name)(axis=0, keepdims=True),
        lambda a: getattr(a, name)(axis=0, keepdims=True),
        ("n", 3),
        sizes=(2, 5),
    )


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES[:-1])
def test_moments_of_unknown_sizes(through, axis, keepdims):
    sizes = (3, 1, 2, 5)
    through(lambda x: mt.mean(x, axis, keepdims), lambda a: a.mean(axis, keepdims=keepdims), ("n", 3), sizes=sizes)
    through(
        lambda x: mt.var(x, axis, keepdims=keepdims), lambda a: a.var(axis, keepdims=keepdims), ("n", 3), sizes=sizes
    )
    through(
        lambda x: mt.std(x, axis, keepdims=keepdims),
        lambda a: a.std(axis, keepdims=keepdims),
        ("n", 3),
        sizes=(3, 2, 5),
    )
    through(
        lambda x: mt.var(x, axis, 1, keepdims),
        lambda a: a.var(axis, ddof=1, keepdims=keepdims),
        ("n", 3),
        sizes=(3, 2, 5),
    )
    through(
        lambda x: mt.std(x, axis, 2, keepdims), lambda a: a.std(axis, ddof=2, keepdims=keepdims), ("n", 3), sizes=(3, 5)
    )
    through(lambda x: mt.logsumexp(x, axis, keepdims), lambda a: logsumexp(a, axis, keepdims), ("n", 3), sizes=sizes)
    through(
        lambda x: mt.norm(x, None, axis, keepdims), lambda a: np.sqrt((a * a).sum(axis, keepdims=keepdims)), ("n", 3)
    )


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("ddof", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.filterwarnings(
    "ignore:Degrees of freedom", "ignore:invalid value", "ignore:divide by zero", "ignore:Mean of empty"
)
def test_too_few_degrees_of_freedom_give_what_numpy_gives(name, ddof, n):
    a = np.arange(3.0 * n).reshape(n, 3) ** 2
    np.testing.assert_allclose(mt.compile([X], getattr(mt, name)(X, 0, ddof))(a), getattr(np, name)(a, 0, ddof=ddof))


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 0.5, -1, 0, np.inf, -np.inf])
@pytest.mark.parametrize("axis", [0, 1])
def test_norms_of_unknown_sizes(through, ord, axis):
    sizes = (3, 1, 2, 5) if ord in (np.inf, -np.inf) and not axis else (3, 0, 1, 5)
    through(
        lambda x: mt.norm(x, ord, axis),
        lambda a: np.linalg.norm(a, ord, axis),
        ("n", 3),
        gradient=ord != 0,
        sizes=sizes if ord != -1 or axis else (3, 1),
    )


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_functions_of_one_axis(through, axis):
    through(lambda x: mt.cumsum(x, axis), lambda a: np.cumsum(a, axis), ("n", 3))
    for name in ("argmax", "argmin"):
        ours, numpys = (partial(getattr(module, name), axis=axis) for module in (mt, np))
        through(ours, numpys, ("n", 3), gradient=False)
        through(partial(ours, keepdims=True), partial(numpys, keepdims=True), ("n", 3), gradient=False)


@pytest.mark.parametrize("axis", AXES)
def test_any_and_all(through, axis):
    through(lambda x: mt.any(x > 0, axis), lambda a: np.any(a > 0, axis), ("n", 3), gradient=False)
    through(lambda x: mt.all(x > 0, axis), lambda a: np.all(a > 0, axis), ("n", 3), gradient=False)
    special = np.array([[np.nan, 0.0, -0.0], [np.inf, 0.0, 0.0]])
    for ours, numpys in ((mt.any, np.any), (mt.all, np.all)):
        got = mt.compile([X], ours(X, axis))(special)
        assert got.dtype == bool
        np.testing.assert_array_equal(got, numpys(special, axis=axis))


@given(array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=3), st.data())
def test_any_axes(shape, data):
    rank = len(shape)
    axis = data.draw(
        st.none() | st.sets(st.integers(0, rank - 1)).map(lambda s: tuple(i - rank * (i % 2) for i in s))
        if rank
        else st.none()
    )
    keepdims, a = data.draw(st.booleans()), np.random.default_rng(0).standard_normal(shape)
    x = mt.placeholder("x", [f"n{i}" if data.draw(st.booleans()) else n for i, n in enumerate(shape)], "float64")
    names = ("sum", "prod", "max", "min", "mean", "var", "std", "any", "all")
    outputs = [getattr(mt, name)(x, axis, keepdims=keepdims) for name in names] + [mt.logsumexp(x, axis, keepdims)]
    for got, reference in zip(
        mt.compile([x], outputs)(a), [*(getattr(np, name) for name in names), logsumexp], strict=True
    ):
        want = reference(a, axis=axis, keepdims=keepdims)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "logsumexp", "softmax", "log_softmax"])
def test_nothing_has_no_extreme(refused, name):
    function, empty = getattr(mt, name), mt.placeholder("empty", (0, 2))
    refused(lambda: function(empty, 0), name, "axis 0", "empty")
    program = mt.compile([X], function(X, 0))
    with pytest.raises(ValueError, match="axis 0 of 'rows', which is 0, must be at least 1"):
        program(np.ones((0, 3)))
    assert mt.compile([X], function(X, 1))(np.ones((0, 3))).shape in ((0,), (0, 3))


def test_mean_of_nothing_is_nan_and_sum_and_product_are_neutral():
    results = mt.compile(
        [X], [X.mean(0), X.sum(0), X.prod(0), mt.any(X, 0), mt.all(X, 0), mt.norm(X, None, 0), X.std(0)]
    )(np.ones((0, 3)))
    for got, want in zip(results, [np.nan, 0.0, 1.0, False, True, 0.0, np.nan], strict=True):
        np.testing.assert_array_equal(got, [want] * 3)


@pytest.mark.parametrize("row", [[0.0, 1.0], [1000.0, -1000.0], [-np.inf, -np.inf], [np.inf, 0.0], [-np.inf, 3.0]])
def test_logsumexp_of_infinities_does_not_overflow(row):
    x = mt.placeholder("x", (2,), "float64")
    np.testing.assert_allclose(mt.logsumexp(x).eval({x: row}), np.logaddexp(*row))


def test_var_of_numbers_far_from_zero_does_not_cancel():
    x = mt.placeholder("x", (1000,), "float64")
    a = np.random.default_rng(0).standard_normal(1000)
    np.testing.assert_allclose(mt.var(x).eval({x: a + 1e8}), a.var(), rtol=1e-6)


ERRORS = {
    **{name: (lambda name=name: getattr(mt, name)(X, axis=2), name, "axis 2", "f64[n, 3]",
        "2 axes") for name in ("sum", "max", "min", "prod", "any", "all", "mean", "var", "std", "norm", "logsumexp",
        "cumsum", "argmax", "argmin")},
    **{f"{name} float": (lambda name=name: getattr(mt, name)(X, axis=0.5), name, "0.5", "int") for name in ("sum",
        "max", "mean", "var", "cumsum", "argmax", "norm")},
    **{f"{name} twice": (lambda name=name: getattr(mt, name)(X, axis=(0, -2)), name, "(0, -2)",
        "twice") for name in ("sum", "max", "prod", "mean", "std", "logsumexp")},
    "cumsum of two": (lambda: mt.cumsum(X, (0, 1)), "cumsum", "(0, 1)", "int"),
    "sum bool": (lambda: mt.sum(X, True), "sum", "True", "int"),
    "norm order": (lambda: mt.norm(X, "nuc"), "norm", "'nuc'"),
    "norm matrix": (lambda: mt.norm(X, 1, (0, 1)), "norm", "1", "2 axes"),
    "norm three": (lambda: mt.norm(mt.placeholder("k", (1, 1, 1)), "fro", (0, 1, 2)), "norm", "'fro'", "3 axes"),
    "norm fro of a line": (lambda: mt.norm(X, "fro", 0), "norm", "'fro'"),
    "sum of a list of words": (lambda: mt.sum(["a"]), "sum", "strings"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_name_the_function_what_was_met_and_the_line(refused, name):
    call, function, *words = ERRORS[name]
    refused(call, function, *words)
