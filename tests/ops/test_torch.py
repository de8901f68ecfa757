"""PyTorch as oracle: values and gradients of the rows, at ties, kinks and corners, on NaN and infinities."""

import math

import numpy as np
import pytest

import minitorch as mt

torch = pytest.importorskip("torch")

NAN, INF = math.nan, math.inf
PLAIN = [0.3, -1.7, 2.5, -0.4, 1.1, 0.9]
SPECIAL = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1e-40, 3e38, -3e38, 88.0, -88.0, 0.5]
UNARY = [
    "abs", "cos", "exp", "log", "relu", "sigmoid", "sin", "softplus", "sqrt", "square", "tanh", "negative", "sign",
    "tan", "arcsin", "arccos",
    "arctan", "sinh", "cosh", "arcsinh", "arccosh", "arctanh", "exp2", "expm1", "log2", "log10", "log1p", "reciprocal",
    "floor", "ceil", "trunc",
    "round", "erf", "gelu", "silu", "elu", "leaky_relu", "softsign", "hard_tanh",
]  # fmt: skip
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "arctan2", "mod"]
OTHER_NAMES = {
    "softplus": "nn.functional.softplus", "power": "pow", "negative": "neg", "mod": "remainder",
    "hard_tanh": "nn.functional.hardtanh",
    **{name: f"nn.functional.{name}" for name in ("gelu", "silu", "elu", "leaky_relu", "softsign")},
}  # fmt: skip
POSITIVE, BOUNDED = ("log", "sqrt", "log2", "log10", "log1p", "arccosh"), ("arcsin", "arccos", "arctanh")


def theirs(name):
    found = torch
    for part in OTHER_NAMES.get(name, name).split("."):
        found = getattr(found, part)
    return found


def compare(ours, theirs, arrays, both, rtol, atol=0.0, dtype="float64"):
    """Values, dtypes and the gradients of the sum, ours against theirs."""
    xs = [mt.placeholder(f"x{i}", np.shape(a), dtype) for i, a in enumerate(arrays)]
    ts = [torch.tensor(a, dtype=getattr(torch, dtype), requires_grad=True) for a in arrays]
    out, want = ours(*xs), theirs(*ts)
    slopes = torch.autograd.grad(want.sum(), ts)
    results = both([out, *mt.grad(out.sum(), xs)], {x: np.array(a, dtype) for x, a in zip(xs, arrays)})
    for got, expected in zip(results, (want.detach(), *slopes)):
        assert str(got.dtype) == str(expected.dtype).removeprefix("torch.")
        np.testing.assert_allclose(got, expected.numpy(), rtol=rtol, atol=atol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_operand(name, dtype, both):
    rtol = 3e-6 if dtype == "float32" else 1e-13
    values = (
        np.abs(PLAIN) + (name == "arccosh") if name in POSITIVE else np.divide(PLAIN, 3) if name in BOUNDED else PLAIN
    )
    compare(getattr(mt, name), theirs(name), [values], both, rtol, 1e-7 if dtype == "float32" else 1e-15, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_operands(name, dtype, both):
    rtol = 5e-6 if dtype == "float32" else 1e-13
    a, b = (np.abs(PLAIN) if name == "power" else PLAIN), PLAIN[::-1]
    compare(getattr(mt, name), theirs(name), [a, b], both, rtol, 1e-7 if dtype == "float32" else 0, dtype)


# ---- special values ----

NOT_COMPARED = {  # PyTorch's sign of NaN is 0, ours, as NumPy's, is NaN; so with the slopes of elu and hard_tanh
    "sign": math.isnan, "abs": math.isnan, "elu": math.isnan, "hard_tanh": math.isnan,
    "gelu": lambda v: abs(v) > 1e30,  # where PyTorch overflows in float32
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_special_values_of_one_operand(name, dtype, both):
    values = [v for v in SPECIAL if not NOT_COMPARED.get(name, lambda v: False)(v)]
    if dtype == "float32" and name in ("sin", "cos", "tan"):
        values = [v for v in values if abs(v) < 1e30 or not math.isfinite(v)]
    compare(
        getattr(mt, name), theirs(name), [values], both, 4e-6 if dtype == "float32" else 1e-12, 1.2e-38, dtype=dtype
    )


@pytest.mark.parametrize("name", BINARY)
def test_special_values_of_two_operands(name, both):
    values = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.0, INF, -INF, NAN]
    a, b = (g.ravel() for g in np.meshgrid(values, values))
    compare(getattr(mt, name), theirs(name), [a, b], both, 1e-13)


@pytest.mark.parametrize("name", ["elu", "silu", "softplus", "sigmoid", "gelu"])
def test_slopes_keep_their_accuracy_in_float32_where_they_are_small(name, both):
    values = np.array([-3.0, -5.0, -8.0, -12.0, -15.0, -20.0])
    found = []
    for dtype in ("float32", "float64"):
        t = torch.tensor(values, dtype=getattr(torch, dtype), requires_grad=True)
        theirs(name)(t).sum().backward()
        found.append(t.grad.numpy().astype("float64"))
    x = mt.placeholder("x", ("n",))
    (got,) = both([mt.grad(getattr(mt, name)(x).sum(), x)], {x: values})
    other, truth = found
    spacing = np.spacing(np.abs(truth).astype("float32"))
    assert (np.abs(got - truth) <= np.maximum(2 * np.abs(other - truth), 16 * spacing) + 1e-38).all(), (got, truth)


def test_nan_goes_through_sign_and_abs():
    x = mt.placeholder("x", (1,))
    assert np.isnan(mt.sign(x).eval({x: [NAN]}))
    assert np.isnan(mt.abs(x).eval({x: [NAN]}))
    assert np.isnan(mt.grad(mt.abs(x).sum(), x).eval({x: [NAN]}))


# ---- ties and kinks ----


def test_maximum_and_minimum_share_a_tie_in_halves(both):
    for ours, them in ((mt.maximum, torch.maximum), (mt.minimum, torch.minimum)):
        compare(ours, them, [[1.0, 2.0, 0.0, -0.0], [1.0, 1.0, -0.0, 0.0]], both, 0)


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_max_shares_a_tie_evenly_as_amax_does(axis, both):
    ties = [[1.0, 3.0, 3.0], [3.0, 3.0, 0.0], [1.0, 2.0, 3.0]]
    compare(lambda x: mt.max(x, axis), lambda x: torch.amax(x, axis), [ties], both, 1e-15)
    with_nan = [[1.0, NAN, 3.0], [3.0, 3.0, 0.0], [INF, INF, -INF]]
    compare(lambda x: mt.max(x, axis), lambda x: torch.amax(x, axis), [with_nan], both, 1e-15)


@pytest.mark.parametrize(
    ("name", "slope"), [("relu", 0.0), ("abs", 0.0), ("sign", 0.0), ("sqrt", INF), ("square", 0.0)]
)
def test_slopes_at_zero(name, slope, both):
    x = mt.placeholder("x", (2,), "float64")
    (got,) = both([mt.grad(getattr(mt, name)(x).sum(), x)], {x: [0.0, -0.0]})
    assert np.abs(got).tolist() == [slope, slope]
    compare(getattr(mt, name), theirs(name), [[0.0, -0.0]], both, 0)


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (1.0, 1.0), (2.0, -2.0), (-INF, 0.5), (0.5, INF), (NAN, 1.0)])
def test_clip_is_clamp(bounds, both):
    values = [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0, NAN, INF, -INF, -0.0]
    low, high = ([b] * len(values) for b in bounds)
    compare(mt.clip, torch.clamp, [values, low, high], both, 0)
    compare(lambda x: mt.clip(x, *bounds), lambda x: torch.clamp(x, *bounds), [values], both, 0)


def test_clip_with_one_bound_is_clamp_with_one(both):
    compare(lambda x: mt.clip(x, 0.5), lambda x: torch.clamp(x, min=0.5), [PLAIN], both, 0)
    compare(lambda x: mt.clip(x, high=0.5), lambda x: torch.clamp(x, max=0.5), [PLAIN], both, 0)
    x = mt.placeholder("x", (3,), "int64")
    (got,) = both([mt.clip(x, 0)], {x: [-5, 0, 5]})
    assert got.tolist() == [0, 0, 5]
    assert got.dtype == "int64"


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, 1.5, 2.5, -0.5, 0.0, 2.0])
def test_powers_with_a_number_as_exponent(exponent, both):
    values = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.3, INF, -INF, NAN]
    if exponent == -0.5:  # PyTorch takes 1 / sqrt here, which differs from IEEE's pow at -0.0 and -inf
        values = [v for v in values if v > 0]
    compare(lambda x: x**exponent, lambda x: x**exponent, [values], both, 1e-13)
    compare(lambda x: x**exponent, lambda x: x**exponent, [[0.3, 1.0, 2.0]], both, 2e-6, dtype="float32")


@pytest.mark.parametrize("base", [0.0, 1.0, 2.0, 0.5, -2.0])
def test_powers_with_a_number_as_base(base, both):
    compare(lambda x: base**x, lambda x: base**x, [[0.0, 1.0, -1.0, 2.5, INF, -INF, NAN]], both, 1e-13)


def test_zero_to_the_zero(both):
    compare(mt.power, torch.pow, [[0.0, 0.0, 0.0, 2.0, -2.0], [0.0, 2.0, 0.5, 0.0, 0.0]], both, 1e-15)
    x, y = mt.placeholder("x", (), "float64"), mt.placeholder("y", (), "float64")
    assert both([x**y, x**0], {x: 0.0, y: 0.0}) == [1.0, 1.0]


def test_where_keeps_nan_of_the_side_not_taken_out_of_values_and_gradients(both):
    mask = [True, False, True]
    compare(
        lambda a, b: mt.where(np.array(mask), a, b),
        lambda a, b: torch.where(torch.tensor(mask), a, b),
        [[1.0, NAN, 3.0], [NAN, 2.0, INF]],
        both,
        0,
    )


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1, (0, 1), (-1,)])
@pytest.mark.parametrize("name", ["sum", "mean", "amax"])
def test_reductions(name, axis, keepdims, both):
    a = np.arange(6.0).reshape(2, 3) * [1, -1, 0.5]
    ours = getattr(mt, name.removeprefix("a"))
    compare(lambda x: ours(x, axis, keepdims), lambda x: getattr(torch, name)(x, axis, keepdims), [a], both, 1e-14)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3), (3, 2)),
        ((3,), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((2, 2, 3), (3,)),
        ((4, 2, 3), (3, 2)),
        ((4, 1, 2, 3), (2, 3, 1)),
        ((3,), (2, 3, 2)),
    ],
)
def test_matmul(shapes, both):
    random = np.random.default_rng(0)
    compare(mt.matmul, torch.matmul, [random.standard_normal(s) for s in shapes], both, 1e-12)


@pytest.mark.parametrize(
    ("ours", "them"),
    [(mt.softmax, torch.softmax), (mt.log_softmax, torch.log_softmax), (mt.logsumexp, torch.logsumexp)],
)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_and_its_kin(ours, them, axis, both):
    a = [[1.0, 2.0, -3.0], [1000.0, 1001.0, -1000.0], [-INF, 0.0, 1.0]]
    compare(lambda x: ours(x, axis), lambda x: them(x, axis), [a], both, 1e-12, 1e-15)


def test_second_gradients(both):
    for ours, them in (
        (lambda x: mt.tanh(x) * mt.exp(x), lambda x: torch.tanh(x) * torch.exp(x)),
        (lambda x: mt.softplus(x) ** 2, lambda x: torch.nn.functional.softplus(x) ** 2),
        (mt.softmax, lambda x: torch.softmax(x, -1)),
        (lambda x: mt.sqrt(mt.square(x) + 1), lambda x: torch.sqrt(x**2 + 1)), (lambda x: x**2.5, lambda x: x**2.5),
    ):  # fmt: skip
        x = mt.placeholder("x", (3,), "float64")
        t = torch.tensor([0.3, 1.2, 2.0], dtype=torch.float64, requires_grad=True)
        first = mt.grad((ours(x) * np.array([1.0, 2.0, -1.0])).sum(), x)
        (got,) = both([mt.grad(mt.square(first).sum(), x)], {x: t.detach().numpy()})
        (slope,) = torch.autograd.grad((them(t) * torch.tensor([1.0, 2.0, -1.0])).sum(), t, create_graph=True)
        (want,) = torch.autograd.grad((slope**2).sum(), t)
        np.testing.assert_allclose(got, want.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "softplus", "sqrt", "sin", "cos"])
def test_float32_is_as_close_to_the_truth_as_pytorch_or_within_three_ulp(name, both):
    values = np.concatenate([np.linspace(-30, 30, 2001), np.geomspace(1e-6, 80, 500), [-87.0, -80.0, 80.0]]).astype(
        "float32"
    )
    values = np.abs(values) + np.float32(1e-6) if name in ("log", "sqrt") else values
    x = mt.placeholder("x", ("n",))
    (got,) = both([getattr(mt, name)(x)], {x: values})
    truth = theirs(name)(torch.tensor(values.astype("float64"))).numpy()
    other = theirs(name)(torch.tensor(values)).numpy()
    ulp = np.spacing(np.abs(truth).astype("float32"))
    mine, others = (np.abs(v.astype("float64") - truth) / ulp for v in (got, other))
    assert (mine <= np.maximum(others.max(), 3)).all(), (mine.max(), others.max())
