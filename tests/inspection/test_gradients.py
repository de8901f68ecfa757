"""The gradient check: every row of the registry agrees with its slope; a wrong one is named, and the first of two."""

import re
from pathlib import Path

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import GradientError, InputError
from tests.fuzz.planting import row
from tests.ops.test_rows import SAMPLES

HERE = Path(__file__).name


@pytest.fixture
def x():
    return mt.placeholder("x", ("n", 3), "float64")


X = np.linspace(0.3, 1.7, 6).reshape(2, 3)
DIFFERENTIABLE = {
    f"{name} {i}": sample
    for name, samples in SAMPLES.items()
    for i, sample in enumerate(samples)
    if mt.graph.registry[name].gradient is not None and name not in ("stop_gradient", "in_training")
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_rules_of_minitorch_are_right(name):
    call, _, operands = DIFFERENTIABLE[name]
    leaves = [mt.parameter(a, f"p{i}", str(np.asarray(a).dtype)) for i, a in enumerate(operands)]
    out = call(*leaves)
    report = mt.check_gradients((out * out).sum(), [p for p in leaves if p.dtype.kind == "f"], {})
    assert report.ok, str(report)
    assert report.compared > 2


def test_a_whole_model_agrees(x):
    model = mt.nn.MLP(3, [5, 4, 2], activation="gelu", seed=0)
    y = mt.placeholder("y", ("n",), "int64")
    report = mt.check_gradients(mt.cross_entropy(model(x.astype("float32")), y), model.parameters(), {x: X, y: [0, 1]})
    assert report.ok, str(report)
    assert "matmul" in str(report)
    assert report.compared > 100


def sine(name, gradient):
    return mt.ops.elementwise(name, np.sin, gradient)


def test_the_first_wrong_rule_is_named_with_its_line_and_both_numbers(x, added_rows):
    wrong = sine("wrong_sin", lambda g, y, a: (g * mt.sin(a),))
    other = sine("other_sin", lambda g, y, a: (g * 2 * mt.cos(a),))
    w = mt.parameter(np.full((3, 1), 0.5), "w", "float64")
    first = wrong(mt.tanh(x @ w))
    report = mt.check_gradients(mt.mse_loss(other(first), mt.zeros_like(first)), [w], {x: X})
    assert not report.ok
    assert report.wrong.node is first
    assert report.wrong.order == 1
    text = str(report)
    assert text.startswith("the first wrong gradient rule is that of wrong_sin")
    assert f"{__file__}:{first.origin.lineno} in test_the_first" in text
    by_rule, by_differences = map(float, re.search(r"is (\S+) by its rule, but (\S+) by differences", text).groups())
    a = np.tanh(X @ w.data)
    ratios = np.tan(a)  # of the rule to the slope
    assert np.isclose(by_rule / by_differences, ratios, rtol=1e-6).any()
    assert [n.op.name for n in report.nodes] == ["matmul", "tanh"]


def test_a_rule_that_is_right_once_and_wrong_twice_is_found(x, added_rows):
    flat = sine("flat_sin", lambda g, y, a: (g * mt.stop_gradient(mt.cos(a)) + 0 * g * mt.square(a),))
    report = mt.check_gradients(flat(x).sum(), [x], {x: X})
    assert report.wrong.order == 2
    assert "the second derivative" in str(report)


def test_only_one_operand_of_several_may_be_wrong(x, added_rows):
    plus = mt.ops.elementwise("half_plus", np.add, lambda g, y, a, b: (g, 0.5 * g))
    report = mt.check_gradients(plus(x * 2, x * 3).sum(), [x], {x: X})
    assert report.wrong.operand == 1
    assert report.wrong.by_rule / report.wrong.by_differences == pytest.approx(0.5)


def test_a_rule_with_the_wrong_number_of_gradients_is_a_finding(x, added_rows):
    few = mt.ops.elementwise("few_plus", np.add, lambda g, y, a, b: (g,))
    with pytest.raises(GradientError, match="few_plus"):
        mt.check_gradients(few(x, x).sum(), [x], {x: X})


def test_a_rule_of_minitorch_that_is_broken_is_found(x):
    with row(mt.ops.tanh, gradient=lambda g, y, a: (g * (1 + y * y),)):
        report = mt.check_gradients(mt.tanh(x).sum(), [x], {x: X})
    assert report.wrong.node.op is mt.ops.tanh


def test_kinks_and_ints_are_skipped_and_said_so(x):
    k = mt.placeholder("k", (2,), "int64")
    out = mt.relu(x - X).sum() + mt.take(x, k, 1).sum() + mt.stop_gradient(x).sum() + mt.sqrt(x * x - x * x).sum()
    report = mt.check_gradients(out, [x], {x: X, k: [0, 2]})
    assert report.ok
    text = str(report)
    for words in ("relu", "a kink", "int64", "nothing flows back", "sqrt"):
        assert words in text
    assert HERE in text


def test_float32_graphs_are_checked_in_float64():
    a = mt.parameter(np.linspace(0.1, 1, 4), "a")
    report = mt.check_gradients(mt.sin(mt.exp(a)).sum(), a, {})
    assert report.ok
    assert a.dtype == "float32"


def test_what_cannot_be_checked_is_refused(x):
    with pytest.raises(GradientError, match="not a scalar"):
        mt.check_gradients(x * 2, [x], {x: X})
    with pytest.raises(GradientError, match="does not depend"):
        mt.check_gradients(x.sum(), [mt.parameter(1.0, "w")], {x: X})
    with pytest.raises(InputError, match=r"x f64\[n, 3\] made at .* is not among"):
        mt.check_gradients(x.sum(), [x], {})
    with pytest.raises(InputError, match=r"given an array of shape \(2,\)"):
        mt.check_gradients(x.sum(), [x], {x: X[:, 0]})
    with pytest.raises(InputError, match=r"given an array of shape \(2, 2\)"):
        mt.check_gradients(x.sum(), [x], {x: X[:, :2]})
    with pytest.raises(InputError, match="inputs are"):
        mt.check_gradients(x.sum(), [x], [X])


def test_what_was_checked_is_unchanged(x):
    w = mt.parameter([1.0, 2.0, 3.0], "w")
    given = X.copy()
    mt.check_gradients((x * w).sum(), [w], {x: given})
    np.testing.assert_array_equal(given, X)
    assert w.data.tolist() == [1, 2, 3]
