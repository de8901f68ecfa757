"""`first_bad`: which node made a value that is not finite, told in one paragraph."""

import numpy as np
import pytest

import minitorch as mt


def placeholder(shape=("n",)):
    return mt.placeholder("x", shape, dtype="float64")


def test_nothing_is_blamed_where_all_is_finite(net, backend):
    assert net.compiled(backend).first_bad(net.X, net.Y) is None


def test_a_forward_node_with_its_line_its_text_and_what_went_in(backend):
    x = placeholder(("n", 2))
    z = mt.log(x * 2)  # the line that is shown
    bad = mt.compile([x], z.sum(), backend=backend).first_bad([[1.0, 2.0], [0.5, -3.0], [0.0, 1.0]])
    assert bad.node is z
    assert (bad.op.name, bad.role, bad.rows) == ("log", "forward", [1, 2])
    text = str(bad)
    assert "\n" not in text
    assert text.startswith("log made a value that is not finite: 2 of 6 elements not finite (1 NaN, 1 infinite)")
    assert "in rows 1, 2." in text
    assert f"{__file__}:{z.origin.lineno}" in text
    assert "`z = mt.log(x * 2)  # the line that is shown`" in text
    assert "multiply f64[n, 2]: from -6 to 4, mean 0.5" in text
    assert "in the" not in text


def test_a_gradient_names_the_rule_it_comes_from(backend):
    x, w = placeholder(()), mt.parameter(0.0, name="w", dtype="float64")
    root = mt.sqrt(w * x)
    step = mt.compile([x], root, updates={w: w - mt.grad(root, w)}, backend=backend)
    bad = step.first_bad(1.0)
    assert (bad.role, bad.rule_of) == ("gradient", root)
    assert "The gradient rule of sqrt made a value by divide" in str(bad)
    assert bad.origin == root.origin


def test_an_update_is_blamed_last(backend):
    x, w = placeholder(()), mt.parameter(1e308, name="w", dtype="float64")
    new = w - x * mt.grad(w * w * 1e-300, w)
    step = mt.compile([x], w * 1.0, updates={w: new}, backend=backend)
    bad = step.first_bad(-1e308)
    assert bad.role == "update"
    assert not np.isfinite(bad.value)
    assert all(np.isfinite(v).all() for v in bad.inputs)


def test_inputs_and_parameters_are_blamed_themselves(net, backend):
    step = net.compiled(backend)
    net.X[3, 1] = np.nan
    bad = step.first_bad(net.X, net.Y)
    assert bad.node is net.x
    assert str(bad).startswith("The input x is not finite: 1 of 15 elements not finite (1 NaN), in row 3.")
    net.X[3, 1] = 0
    net.w.data[0, 0] = np.inf
    bad = step.first_bad(net.X, net.Y)
    assert bad.node is net.w
    assert "The parameter w is not finite" in str(bad)


def test_infinities_that_are_meant_are_not_blamed():
    x = placeholder(("n", 3))
    masked = mt.where(x > 0, x, -np.inf)
    step = mt.compile([x], mt.softmax(masked, axis=1).sum())
    assert step.first_bad([[1.0, -1.0, 2.0]]) is None or not np.isnan(step([[1.0, -1.0, 2.0]]))
    bad = step.first_bad([[-1.0, -1.0, -2.0]])  # a row of nothing but infinities
    assert np.isnan(bad.value).any()
    assert not any(np.isnan(v).any() for v in bad.inputs)


def test_blame_changes_nothing(net, backend):
    step, before = net.compiled(backend), net.w.data.copy()
    step.first_bad(net.X, net.Y)
    np.testing.assert_array_equal(net.w.data, before)


@pytest.mark.parametrize("name", ["a\nb", "\u202e", "x" * 1000])
def test_names_of_every_kind_stay_on_the_line(name):
    w = mt.parameter(np.nan, name=name)
    text = str(mt.compile([], w * 2).first_bad())
    assert "\n" not in text
    assert "\u202e" not in text
    assert len(text) < 600
