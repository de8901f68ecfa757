"""PyTorch and NumPy as oracles: values, shapes, dtypes and gradients of the rows and functions that they have too."""

import math
from functools import partial

import numpy as np
import pytest

import minitorch as mt
from minitorch import ops

NAN, INF = math.nan, math.inf
DTYPES = ("float32", "float64")


def run(outputs, feeds, backend="numpy", training=None):
    """The values of compiled outputs."""
    return mt.compile(list(feeds), list(outputs), backend=backend, training=training)(*feeds.values())


def placed(arrays, dtype=None):
    return [mt.placeholder(f"x{i}", np.shape(a), dtype or np.asarray(a).dtype) for i, a in enumerate(arrays)]


def smooth(*shape, seed=0, low=-2.0, high=2.0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype("float32").astype("float64")


# ---- PyTorch: value, dtype, gradient and second gradient ----


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def ours_at(make, arrays, dtype, order=2):
    """The value, the gradients of its weighted sum, and the gradients of the gradients' sum of squares."""
    xs = placed(arrays, dtype)
    y = make(*xs)
    if y.dtype.kind != "f":
        return run([y], dict(zip(xs, arrays)))
    first = mt.vjp([y], xs, [weights(y.shape)])
    outputs = [y, *first]
    if order == 2:
        scalar = sum((g * g * 0.5).sum() for g in first) + sum((x * 0).sum() for x in xs)
        outputs += mt.grad(scalar, xs)
    return run(outputs, dict(zip(xs, [np.asarray(a, dtype) for a in arrays])))


def theirs_at(torch, make, arrays, dtype, order=2):
    xs = [torch.tensor(np.asarray(a, dtype), requires_grad=True) for a in arrays]
    y = make(*xs)
    if not y.is_floating_point():
        return [y.numpy()]
    if not y.requires_grad:
        return [y.detach().numpy()] + [np.zeros(np.shape(a), dtype) for a in arrays] * order
    w = torch.tensor(weights(tuple(y.shape)), dtype=y.dtype)
    first = torch.autograd.grad((y * w).sum(), xs, create_graph=True, materialize_grads=True)
    outputs = [y, *first]
    if order == 2:
        scalar = sum((g * g * 0.5).sum() for g in first) + sum((x * 0).sum() for x in xs)
        outputs += torch.autograd.grad(scalar, xs, materialize_grads=True)
    return [t.detach().numpy() for t in outputs]


def weights(shape):
    return (1 + np.arange(math.prod(shape)) % 3 * 0.5).reshape(shape)


def compare(torch, make, reference, arrays, dtype="float64", order=2, rtol=None, atol=None):
    rtol = rtol or {"float64": 1e-9, "float32": 2e-4}[dtype]
    atol = atol or {"float64": 1e-11, "float32": 1e-5}[dtype]
    got, want = ours_at(make, arrays, dtype, order), theirs_at(torch, reference, arrays, dtype, order)
    assert len(got) == len(want)
    for i, (a, b) in enumerate(list(zip(got, want))[: None if order else 1]):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), f"result {i}"
        np.testing.assert_allclose(
            a, b, rtol=rtol, atol=atol, err_msg=f"result {i}: value, gradients, second gradients"
        )


# Names that PyTorch spells alike, with numbers inside their domains. The lists hold kinks and corners as well.
ANY = [0.3, -1.7, 2.5, -0.4, 1.1, 0.0, -0.0, 3.0, -3.0, 20.0, -20.0]
SPECIAL = [INF, -INF, NAN, 1e-40, 80.0, -80.0]
NONNEGATIVE, WITHIN = [0.3, 1.7, 2.5, 1.1, 1e-30, 1e30], [0.3, -0.7, 0.5, 0.0, -0.99]
UNARY = {
    **dict.fromkeys(["abs", "arcsinh", "arctan", "cos", "cosh", "erf", "exp", "exp2", "expm1", "relu", "sigmoid",
        "sin", "sinh", "square"], ANY),
    **dict.fromkeys(["tanh", "floor", "ceil", "trunc", "negative", "sign", "isnan", "isinf", "isfinite",
        "logical_not"], ANY),
    "tan": ANY[:-2], "arccos": WITHIN, "arcsin": WITHIN, "arctanh": WITHIN, "arccosh": [1.5, 2.5, 20.0, 1.01],
    **dict.fromkeys(["log", "log10", "log2", "sqrt"], NONNEGATIVE), "log1p": [*NONNEGATIVE, -0.5, -0.99],
    "reciprocal": [0.3, -1.7, 1e10],
}  # fmt: skip
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "minimum", "arctan2", "power"]
BINARY += [
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
]


def theirs(torch, name):
    return {
        "arctan2": torch.atan2, "power": torch.pow, "equal": torch.eq, "not_equal": torch.ne, "mod": torch.remainder,
        "softplus": torch.nn.functional.softplus,
    }.get(name) or getattr(torch, name)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(UNARY))
def test_unary_rows(torch, name, dtype):
    compare(torch, getattr(mt, name), theirs(torch, name), [UNARY[name]], dtype)


@pytest.mark.parametrize("name", sorted(UNARY))
def test_unary_rows_on_special_values(torch, name):
    order = 0 if name in ("arccos", "arcsin", "arctanh") else 1  # outside the domain: NaN, whatever the gradient
    got = ours_at(getattr(mt, name), [SPECIAL], "float64", order)
    want = theirs_at(torch, theirs(torch, name), [SPECIAL], "float64", order)
    for a, b in list(zip(got, want))[: 1 + order]:  # PyTorch's sign forgets a NaN, and so does its slope of abs
        np.testing.assert_allclose(a[~np.isnan(SPECIAL)], b[~np.isnan(SPECIAL)], rtol=1e-12, atol=1e-30)
    if hasattr(np, name):
        as_numpy(getattr(mt, name), getattr(np, name), [np.array(SPECIAL)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("shapes", [((4,), (4,)), ((2, 1), (3,)), ((), (3,)), ((0, 2), (2,))])
def test_binary_rows(torch, name, shapes, dtype):
    arrays = [smooth(*s, seed=i, low=0.3 if name == "power" and not i else -2.0) for i, s in enumerate(shapes)]
    compare(torch, getattr(mt, name), theirs(torch, name), arrays, dtype)


ACTIVATIONS = {
    "softmax": (mt.softmax, lambda t: t.softmax(-1)), "log_softmax": (mt.log_softmax, lambda t: t.log_softmax(-1)),
    "logsumexp": (lambda x: mt.logsumexp(x, -1), lambda t: t.logsumexp(-1)),
    "hard_tanh": (mt.hard_tanh, lambda t: _nn(t).hardtanh(t)),
    "gelu": (mt.gelu, lambda t: _nn(t).gelu(t)),
    "gelu tanh": (lambda x: mt.gelu(x, "tanh"), lambda t: _nn(t).gelu(t, approximate="tanh")),
    "elu": (mt.elu, lambda t: _nn(t).elu(t)), "elu 0.3": (lambda x: mt.elu(x, 0.3), lambda t: _nn(t).elu(t, 0.3)),
    "silu": (mt.silu, lambda t: _nn(t).silu(t)),
    "leaky_relu": (mt.leaky_relu, lambda t: _nn(t).leaky_relu(t)),
    "softsign": (mt.softsign, lambda t: _nn(t).softsign(t)), "softplus": (mt.softplus, lambda t: _nn(t).softplus(t)),
    "leaky_relu 0.3": (lambda x: mt.leaky_relu(x, 0.3), lambda t: _nn(t).leaky_relu(t, 0.3)),
    "hard_tanh narrow": (lambda x: mt.hard_tanh(x, -0.4, 1.1), lambda t: _nn(t).hardtanh(t, -0.4, 1.1)),
    "round": (mt.round, lambda t: t.round()), "round 1": (lambda x: mt.round(x, 1), lambda t: t.round(decimals=1)),
    "round -1": (lambda x: mt.round(x, -1), lambda t: t.round(decimals=-1)),
}  # fmt: skip


def _nn(tensor):
    return pytest.importorskip("torch").nn.functional


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(torch, name, dtype):
    compare(torch, *ACTIVATIONS[name], [[*ANY, 1.0, -1.0]], dtype, order=1)
    compare(torch, *ACTIVATIONS[name], [[0.3, -1.7, 2.5, -0.45, 1.2, 3.0, -3.0]], dtype)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize(
    "row",
    [[INF, 0.0], [-INF, 0.0], [NAN, 0.0], [INF, INF], [-INF, -INF], [INF, -INF], [800.0, -800.0], [1e300, -1e300]],
)
def test_activations_on_infinities(torch, name, row):
    if "round" in name and abs(row[0]) == 1e300:
        row = [1e200, -1e200]
    compare(torch, *ACTIVATIONS[name], [row], order=0 if math.isnan(row[0]) else 1)


# ---- reductions and products ----

REDUCTIONS = {
    "sum": (mt.sum, "sum"), "mean": (mt.mean, "mean"), "max": (mt.max, "amax"), "min": (mt.min, "amin"),
    "logsumexp": (mt.logsumexp, "logsumexp"),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, -1, (0, 2), (-1, 1, 0)])
@pytest.mark.parametrize("name", sorted(REDUCTIONS))
def test_reductions(torch, name, axis, keepdims, dtype):
    ours, other = REDUCTIONS[name]
    compare(
        torch,
        lambda x: ours(x, axis, keepdims=keepdims),
        lambda t: getattr(torch, other)(t, axis, keepdims),
        [smooth(2, 3, 2)],
        dtype,
    )


@pytest.mark.parametrize("ddof", [0, 1, 2])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("name", ["var", "std"])
def test_var_and_std(torch, name, axis, ddof):
    compare(
        torch,
        lambda x: getattr(mt, name)(x, axis, ddof, True),
        lambda t: getattr(torch, name)(t, axis, correction=ddof, keepdim=True),
        [smooth(3, 4)],
    )


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 2.5, 0.5, -1, -2, INF, -INF])
@pytest.mark.parametrize("axis", [0, -1])
def test_norms(torch, ord, axis):
    compare(
        torch,
        lambda x: mt.norm(x, ord, axis),
        lambda t: torch.linalg.vector_norm(t, 2 if ord is None else ord, axis),
        [smooth(3, 4)],
    )


@pytest.mark.parametrize("ord", [1, 2, 3, 1.5, INF])
def test_the_gradient_of_a_norm_at_zero_is_zero(torch, ord):
    compare(
        torch,
        lambda x: mt.norm(x, ord, -1),
        lambda t: torch.linalg.vector_norm(t, ord, -1),
        [[[0.0, 0.0], [0.0, 3.0]]],
        order=1,
    )


@pytest.mark.parametrize("row", [[2.0, 3.0, 4.0], [2.0, 0.0, 4.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0], [5.0]])
def test_prod_at_zeros_to_second_order(torch, row):
    compare(torch, mt.prod, torch.prod, [row])
    compare(torch, lambda x: mt.prod(x, 0), lambda t: t.prod(0), [np.transpose([row, row])])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cumsum(torch, axis):
    compare(torch, lambda x: mt.cumsum(x, axis), lambda t: t.cumsum(axis), [smooth(2, 3)])


PRODUCTS = [
    ((2, 3), (3, 2)),
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 2, 3), (3,)),
    ((4, 2, 3), (3, 2)),
    ((4, 1, 2, 3), (2, 3, 1)),
    ((3,), (2, 3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 2)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", PRODUCTS)
def test_matmul(torch, shapes, dtype):
    compare(torch, mt.matmul, torch.matmul, [smooth(*s, seed=i) for i, s in enumerate(shapes)], dtype)


MOVES = {
    "tril": (lambda x: mt.tril(x, 1), lambda t: t.tril(1)), "triu": (lambda x: mt.triu(x, -1), lambda t: t.triu(-1)),
    "diagonal": (lambda x: mt.diagonal(x, 1), lambda t: t.diagonal(1)),
    "trace": (mt.trace, lambda t: t.trace()), "roll": (lambda x: mt.roll(x, 2, 1), lambda t: t.roll(2, 1)),
    "roll flat": (lambda x: mt.roll(x, -2), lambda t: t.roll(-2)),
    "flip": (lambda x: mt.flip(x, 1), lambda t: t.flip(1)),
    "tile": (lambda x: mt.tile(x, (2, 1)), lambda t: t.tile(2, 1)),
    "repeat": (lambda x: mt.repeat(x, 2, 1), lambda t: t.repeat_interleave(2, 1)),
    "pad": (lambda x: mt.pad(x, [(1, 0), (0, 2)], 3.0), lambda t: _nn(t).pad(t, (0, 2, 1, 0), value=3.0)),
    "split": (lambda x: mt.split(x, [1], 1)[1], lambda t: t.split([1, 2], 1)[1]),
    "moveaxis": (lambda x: mt.moveaxis(x, 0, -1), lambda t: t.movedim(0, -1)),
    "take": (lambda x: mt.take(x, [0, 5, 0, 2]), lambda t: t.flatten()[[0, 5, 0, 2]]),
    "index": (lambda x: x[[0, 1, 0], [2, -1, 2]], lambda t: t[[0, 1, 0], [2, -1, 2]]),
    "take_along_axis": (lambda x: mt.take_along_axis(x, np.array([[0, 2, 0], [1, 1, 1]]), 1),
        lambda t: t.gather(1, _ints([[0, 2, 0], [1, 1, 1]]))),
    "einsum": (lambda x: mt.einsum("ij,kj->ik", x, x),
        lambda t: pytest.importorskip("torch").einsum("ij,kj->ik", t, t)),
        "outer": (lambda x: mt.outer(x[0], x[1]), lambda t: t[0].outer(t[1])),
    "tensordot": (lambda x: mt.tensordot(x, x, ([0], [0])),
        lambda t: pytest.importorskip("torch").tensordot(t, t, ([0], [0]))),
        "stack": (lambda x: mt.stack([x, x * x], 1), lambda t: pytest.importorskip("torch").stack([t, t * t], 1)),
}  # fmt: skip


def _ints(rows):
    return pytest.importorskip("torch").tensor(rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(MOVES))
def test_moves_and_products(torch, name, dtype):
    compare(torch, *MOVES[name], [smooth(2, 3)], dtype)


LOSSES = {
    "mse_loss": (mt.mse_loss, lambda p, t: _nn(p).mse_loss(p, t), -2.0),
    "mae_loss": (mt.mae_loss, lambda p, t: _nn(p).l1_loss(p, t), -2.0),
    "huber_loss": (mt.huber_loss, lambda p, t: _nn(p).huber_loss(p, t), -2.0),
    "cross_entropy": (mt.cross_entropy, lambda p, t: _nn(p).cross_entropy(p, t), 0.1),
    "binary_cross_entropy": (lambda p, t: mt.binary_cross_entropy(p / 4, t / 4), lambda p,
        t: _nn(p).binary_cross_entropy(p / 4, t / 4), 0.1),
    "with logits": (lambda p, t: mt.binary_cross_entropy(p, t, from_logits=True), lambda p,
        t: _nn(p).binary_cross_entropy_with_logits(p, t), 0.1),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses(torch, name, dtype):
    ours, other, low = LOSSES[name]
    p, t = smooth(3, 4, low=low), smooth(3, 4, seed=1, low=low)
    compare(torch, lambda p: ours(p, t.astype(dtype)), lambda p: other(p, torch_tensor(t, dtype)), [p], dtype, order=1)


def torch_tensor(a, dtype):
    return pytest.importorskip("torch").tensor(np.asarray(a, dtype))


# ---- float32: as close to the truth as PyTorch, or within four units in the last place ----

WIDE = np.concatenate([np.linspace(-30, 30, 601), np.geomspace(1e-6, 80, 200), -np.geomspace(1e-6, 80, 200)])
SHARP = {
    **{name: getattr(mt, name) for name in ("tanh", "sigmoid", "exp", "exp2", "expm1", "sin", "cos", "sinh", "cosh",
        "arctan", "arcsinh", "erf", "softplus")},
    **{name: getattr(mt, name) for name in ("log", "log1p", "log2", "log10", "sqrt", "reciprocal", "arccosh",
        "arcsin", "arccos", "arctanh", "tan")},
}  # fmt: skip


def inside(name):
    """Numbers in the domain of a function."""
    size = np.abs(WIDE) + 1e-6
    domains = {
        "log1p": size - 0.5,
        "arccosh": 1.001 + size,
        "arcsin": np.tanh(WIDE) * 0.999,
        "arccos": np.tanh(WIDE) * 0.999,
        "arctanh": np.tanh(WIDE) * 0.999,
        "tan": np.tanh(WIDE) * 1.5,
    }
    return domains.get(name, size if name in ("log", "log2", "log10", "sqrt", "reciprocal") else WIDE)


def assert_as_close(torch, make, reference, arrays, factor=2.0, least=4.0, floor=1e-3):
    """Errors in units of float32's last place at the truth (PyTorch's float64 of the same numbers), or at `floor`.

    Below the floor, tails that cancel (1 - tanh^2) are wrong in every digit, in PyTorch as well.
    """
    arrays = [np.asarray(a, "float32") for a in arrays]
    got = ours_at(make, arrays, "float32", order=1)
    other, truth = (theirs_at(torch, reference, arrays, dtype, order=1) for dtype in DTYPES)
    for part, (a, b, t) in enumerate(list(zip(got, other, truth))):
        unit = np.spacing(np.maximum(np.abs(t), floor).astype("float32")).astype("float64")
        mine, yours = (float((np.abs(v - t) / unit).max()) for v in (a, b))
        assert mine <= max(factor * yours, least), f"{('value', 'gradient')[part]}: {mine:.1f} ulp, PyTorch {yours:.1f}"


@pytest.mark.parametrize("name", sorted(SHARP))
def test_float32_accuracy_of_functions(torch, name):
    assert_as_close(torch, SHARP[name], theirs(torch, name), [inside(name)])


@pytest.mark.parametrize("name", ["gelu", "gelu tanh", "silu", "elu", "softsign", "softplus"])
def test_float32_accuracy_of_activations(torch, name):
    assert_as_close(torch, *ACTIVATIONS[name], [WIDE], factor=4)


ROWS = {"near": smooth(20, 7), "far": smooth(20, 7) + 1000, "wide": smooth(20, 7) * 50, "offset": smooth(20, 7) - 3e4}


@pytest.mark.parametrize("rows", sorted(ROWS))
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_float32_accuracy_along_rows(torch, name, rows):
    assert_as_close(torch, *ACTIVATIONS[name], [ROWS[rows]], floor=0.5, least=6)  # gradients cancel from about 1


@pytest.mark.parametrize("rows", sorted(ROWS))
@pytest.mark.parametrize("name", ["var", "std", "mean", "sum"])
def test_float32_accuracy_of_moments(torch, name, rows):
    more = {"correction": 0} if name in ("var", "std") else {}
    assert_as_close(
        torch, lambda x: getattr(mt, name)(x, -1), lambda t: getattr(torch, name)(t, -1, **more), [ROWS[rows]], factor=4
    )


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("name", ["sum", "mean", "var", "norm"])
def test_float32_accuracy_of_long_reductions(torch, name, axis):
    a = smooth(20_000, 3, low=0.0)
    reference = {
        "norm": lambda t: torch.linalg.vector_norm(t, dim=axis),
        "var": lambda t: t.var(axis, correction=0),
    }.get(name, lambda t: getattr(t, name)(axis))
    assert_as_close(torch, lambda x: getattr(mt, name)(x, axis=axis), reference, [a], factor=8, least=16)


@pytest.mark.parametrize("size", ["n", None])
@pytest.mark.parametrize("rows", [1024, 1025, 1536, 5000, 100_000])
def test_products_of_a_row_or_a_column_stay_accurate_however_long(both, rows, size):
    """Both backends choose the same way of adding up when the size is unknown as when it is known."""
    a = smooth(rows, 3, low=0.0).astype("float32")
    ones = np.ones((rows, 1), "float32")
    x, o = (mt.placeholder(f"{k}", (rows if size is None else size, w)) for k, w in (("x", 3), ("o", 1)))
    truth = a.astype("float64").sum(0)
    results = both([mt.sum(x, 0), o.T @ x, x.T @ o, mt.sum(x.T, 1), x[::-1].T @ o], {x: a, o: ones})
    for got in results:
        error = np.abs(got.ravel() - truth) / np.spacing(truth.astype("float32"))
        assert error.max() <= 10


def test_long_products_of_ints_are_exact(both):
    x = mt.placeholder("x", ("n", 2), "int64")
    a = np.arange(6000).reshape(3000, 2)
    (got,) = both([mt.ones_like(x)[:, :1].T @ x], {x: a})
    np.testing.assert_array_equal(got, a.sum(0, keepdims=True))


@pytest.mark.parametrize("exponent", [2, 3, 0.5, -1, -0.5, 2.5, 1 / 3, 10])
def test_float32_accuracy_of_powers(torch, exponent):
    base = np.geomspace(1e-3, 1e3, 500)
    assert_as_close(torch, lambda x: x**exponent, lambda t: t**exponent, [base])
    assert_as_close(torch, mt.power, torch.pow, [base, np.full(500, exponent)])


# ---- ties and kinks: the documented values, which are PyTorch's where it has one ----

ROOT = 1 / math.sqrt(2)
KINKS = {  # what, the arguments, the gradients with respect to each of them
    "maximum, a tie": (mt.maximum, ([1.0, 0.0], [1.0, -0.0]), ([0.5, 0.5], [0.5, 0.5])),
    "minimum, a tie": (mt.minimum, ([1.0, 0.0], [1.0, -0.0]), ([0.5, 0.5], [0.5, 0.5])),
    "max, ties share evenly": (lambda x: mt.max(x), ([3.0, 1.0, 3.0, 3.0],), ([1 / 3, 0.0, 1 / 3, 1 / 3],)),
    "min, ties share evenly": (lambda x: mt.min(x), ([3.0, 1.0, 1.0, 3.0],), ([0.0, 0.5, 0.5, 0.0],)),
    "relu at 0": (mt.relu, ([0.0, -0.0, 1.0],), ([0.0, 0.0, 1.0],)),
    "abs at 0": (mt.abs, ([0.0, -0.0, -2.0],), ([0.0, 0.0, -1.0],)),
    "sign": (mt.sign, ([0.0, -0.0, -2.0],), ([0.0, 0.0, 0.0],)),
    "clip at bounds": (lambda x: mt.clip(x, -1, 1), ([-1.0, 1.0, 2.0, -2.0, 0.0],), ([1.0, 1.0, 0.0, 0.0, 1.0],)),
    "clip, tensors as bounds": (mt.clip, ([0.0, 5.0, -5.0], [0.0, -1.0, -1.0], [1.0, 1.0, 1.0]),
        ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0])),
    "clip, bounds crossed": (mt.clip, ([0.0], [2.0], [1.0]), ([0.0], [0.0], [1.0])),
    "clip, one bound": (lambda x: mt.clip(x, low=1.0), ([1.0, 0.0, 2.0],), ([1.0, 0.0, 1.0],)),
    "clip, other bound": (lambda x: mt.clip(x, high=1.0), ([1.0, 0.0, 2.0],), ([1.0, 1.0, 0.0],)),
    "hard_tanh at bounds": (mt.hard_tanh, ([-1.0, 1.0, 0.5, 2.0],), ([0.0, 0.0, 1.0, 0.0],)),
    "elu at 0": (lambda x: mt.elu(x, 0.3), ([0.0, 1.0],), ([0.3, 1.0],)),
    "leaky_relu at 0": (lambda x: mt.leaky_relu(x, 0.3), ([0.0, 1.0],), ([0.3, 1.0],)),
    "norm at 0": (lambda x: mt.norm(x), ([0.0, 0.0],), ([0.0, 0.0],)),
    "norm": (lambda x: mt.norm(x), ([1.0, 1.0],), ([ROOT, ROOT],)),
    "std of a constant": (lambda x: mt.std(x), ([2.0, 2.0],), ([0.0, 0.0],)),
    "sqrt at 0": (mt.sqrt, ([0.0, 4.0],), ([INF, 0.25],)),
    "power 0**0, 0**p, 0**1": (mt.power, ([0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 1.0, 0.5]),
        ([0.0, 0.0, 1.0, INF], [0.0, 0.0, 0.0, 0.0])),
    "power of a negative base": (mt.power, ([-2.0, -2.0, -2.0], [2.0, 3.0, 0.0]), ([-4.0, 12.0, 0.0], [NAN, NAN, NAN])),
    "number exponents": (lambda x: x**0 + x**1 + x**2 + x**3, ([0.0, -1.0],), ([1.0, 2.0],)),
    "number base 0": (lambda x: 0.0**x, ([0.0, 1.0],), ([0.0, 0.0],)),
    "arcsin at 1": (mt.arcsin, ([1.0, -1.0],), ([INF, INF],)),
    "arccos at 1": (mt.arccos, ([1.0, -1.0],), ([-INF, -INF],)),
    "arccosh at 1": (mt.arccosh, ([1.0],), ([INF],)), "arctanh at 1": (mt.arctanh, ([1.0, -1.0],), ([INF, INF],)),
    "arctan2 at the axes": (mt.arctan2, ([0.0, 1.0, -0.0], [1.0, 0.0, -1.0]), ([1.0, 0.0, -1.0], [0.0, -1.0, 0.0])),
    "arctan2 at (0, 0)": (mt.arctan2, ([0.0], [0.0]), ([0.0], [0.0])),
    "log at 0": (mt.log, ([0.0],), ([INF],)), "reciprocal at 0": (mt.reciprocal, ([0.0],), ([-INF],)),
    "mod": (mt.mod, ([-3.5, 3.5], [2.0, -2.0]), ([1.0, 1.0], [2.0, 2.0])),
    "round, floor": (lambda x: mt.round(x) + mt.floor(x) + mt.ceil(x) + mt.trunc(x), ([0.5, 1.0, -1.5],),
        ([0.0, 0.0, 0.0],)),
    "mae_loss of equals": (lambda x: mt.mae_loss(x, np.array([1.0, 1.0])), ([1.0, 3.0],), ([0.0, 0.5],)),
    "prod of zeros": (lambda x: mt.prod(x), ([0.0, 3.0, 2.0],), ([6.0, 0.0, 0.0],)),
    "huber_loss at delta": (lambda x: mt.huber_loss(x, np.zeros(2)), ([1.0, -1.0],), ([0.5, -0.5],)),
    "softsign at 0": (mt.softsign, ([0.0, -0.0],), ([1.0, 1.0],)),
    "where": (lambda a, b: mt.where(np.array([True, False]), a, b), ([NAN, 1.0], [1.0, NAN]), ([1.0, 0.0], [0.0, 1.0])),
    "take, twice the same": (lambda x: mt.take(x, [0, 0, 1]), ([1.0, 2.0, 3.0],), ([2.0, 1.0, 0.0],)),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "interpreter"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(KINKS))
def test_documented_gradients(name, dtype, backend):
    make, arrays, expected = KINKS[name]
    xs = placed(arrays, dtype)
    got = run(mt.grad(make(*xs).sum(), xs), dict(zip(xs, arrays)), backend)
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a, b, rtol=1e-6, err_msg=name)


TORCH_KINKS = {
    "maximum, a tie": "maximum", "minimum, a tie": "minimum", "max, ties share evenly": "amax",
    "min, ties share evenly": "amin", "relu at 0": "relu", "abs at 0": "abs", "sign": "sign",
    "clip, tensors as bounds": "clamp", "clip, bounds crossed": "clamp", "sqrt at 0": "sqrt",
    "power 0**0, 0**p, 0**1": "pow", "power of a negative base": "pow", "arcsin at 1": "arcsin",
    "arccos at 1": "arccos", "arccosh at 1": "arccosh", "arctanh at 1": "arctanh", "arctan2 at the axes": "atan2",
    "arctan2 at (0, 0)": "atan2", "log at 0": "log", "reciprocal at 0": "reciprocal",
    "mod": "remainder", "prod of zeros": "prod", "norm at 0": "norm",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TORCH_KINKS))
def test_they_are_those_of_pytorch(torch, name):
    _, arrays, expected = KINKS[name]
    xs = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]
    for a, b in zip(
        torch.autograd.grad(getattr(torch, TORCH_KINKS[name])(*xs).sum(), xs, materialize_grads=True), expected
    ):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-12)


@pytest.mark.parametrize("case", [([0.0, 0.0, 0.0, 3.0], [2.0, 1.0, 3.0, 0.0]), ([2.0, 3.0], [0.0, 1.0])])
def test_second_gradients_of_powers_at_corners(torch, case):
    compare(torch, mt.power, torch.pow, case)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4])
def test_second_gradients_of_known_powers_at_zero(torch, exponent):
    compare(torch, lambda x: x**exponent, lambda t: t**exponent, [[0.0, -0.0, 2.0, -1.0]])


# ---- NumPy: every function that it has, on its dtypes ----


def as_numpy(make, reference, arrays, exact=False, same_dtype=False, backend="numpy"):
    """Value and shape against NumPy's, for floats in float64; a float dtype is ours to choose for ints."""
    xs = placed(arrays)
    (got,) = run([make(*xs)], dict(zip(xs, arrays)), backend)
    with np.errstate(all="ignore"):
        want = np.asarray(reference(*[a.astype("float64") if a.dtype == "float32" else a for a in arrays]))
    assert got.shape == want.shape
    if want.dtype.kind != "f" or same_dtype:
        assert got.dtype == want.dtype, f"{got.dtype}, NumPy has {want.dtype}"
    if want.dtype.kind == "f":
        assert got.dtype == next((a.dtype for a in arrays if a.dtype == "float64"), np.dtype("float32")), got.dtype
    np.testing.assert_allclose(
        got,
        want,
        rtol=0 if exact else 5e-6 if got.dtype == "float32" else 1e-12,
        atol=0 if exact else 1e-6 if got.dtype == "float32" else 1e-13,
    )


def of_dtype(dtype, *shape, seed=0):
    random = np.random.default_rng(seed)
    values = (
        random.integers(-4, 5, shape)
        if dtype == "int64"
        else random.integers(0, 2, shape)
        if dtype == "bool"
        else random.uniform(-2, 2, shape)
    )
    return np.asarray(values).astype(dtype)


KINDS = ["float32", "float64", "int64", "bool"]
SHAPES = [(), (3,), (2, 3), (2, 1, 3), (1,), (3, 1, 2, 2)]
FOLDS = {  # name: NumPy's, dtypes that it takes, whether nothing can be folded
    "sum": (np.sum, KINDS, True), "prod": (np.prod, KINDS, True), "max": (np.max, KINDS, False),
    "min": (np.min, KINDS, False), "any": (np.any, KINDS, True), "all": (np.all, KINDS, True),
    "mean": (np.mean, KINDS, False), "var": (np.var, ["float32", "float64", "int64"], False),
    "std": (np.std, ["float32", "float64", "int64"], False),
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), [(name, dtype) for name in sorted(FOLDS) for dtype in FOLDS[name][1]])
def test_reductions_as_numpy(name, dtype):
    reference, _, empty = FOLDS[name]
    for shape in [*SHAPES, *([(0,), (2, 0), (0, 3)] if empty else [])]:
        rank = len(shape)
        axes = [
            None,
            (),
            *range(-rank, rank),
            *[(i, j) for i in range(rank) for j in range(-rank, rank) if j % rank != i],
        ]
        for axis in axes:
            for keepdims in (False, True):
                ours, numpys = (partial(f, axis=axis, keepdims=keepdims) for f in (getattr(mt, name), reference))
                as_numpy(ours, numpys, [of_dtype(dtype, *shape)])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("name", ["argmax", "argmin", "cumsum"])
def test_functions_of_one_axis_as_numpy(name, dtype):
    for shape in SHAPES[1:]:
        for axis in [None, *range(-len(shape), len(shape))]:
            ours, numpys = (partial(getattr(module, name), axis=axis) for module in (mt, np))
            as_numpy(ours, numpys, [of_dtype(dtype, *shape)])
            if name != "cumsum":
                as_numpy(partial(ours, keepdims=True), partial(numpys, keepdims=True), [of_dtype(dtype, *shape)])


@pytest.mark.parametrize(
    "row", [[1.0, 3.0, 3.0], [NAN, 5.0, NAN], [1.0, NAN, 2.0], [INF, INF, -INF], [-0.0, 0.0, 0.0], [-INF, -INF, NAN]]
)
@pytest.mark.parametrize("name", ["argmax", "argmin", "max", "min"])
def test_ties_and_nan_in_extremes(name, row):
    as_numpy(getattr(mt, name), getattr(np, name), [np.array(row)], exact=True)
    as_numpy(
        lambda x: getattr(mt, name)(x, 0), lambda a: getattr(np, name)(a, 0), [np.transpose([row, row])], exact=True
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize(
    "name", ["mod", "floor_divide", "divide", "maximum", "minimum", "subtract", "add", "multiply", "power", "arctan2"]
)
def test_pairs_as_numpy(name, dtype):
    a, b = (
        np.array(v)
        for v in np.meshgrid([-7, -3, -1, 1, 2, 3, 7], [-3, -2, 2, 3, 5] if name != "power" else [0, 1, 2, 3])
    )
    as_numpy(getattr(mt, name), getattr(np, name), [a.astype(dtype), b.astype(dtype)])
    if dtype != "int64" and name != "power":
        as_numpy(getattr(mt, name), getattr(np, name), [a.astype(dtype) / 3, b.astype(dtype) / 2])


@pytest.mark.parametrize("name", ["mod", "floor_divide", "maximum", "minimum", "arctan2", "power"])
def test_pairs_of_special_values_as_numpy(name):
    values = np.array([0.0, -0.0, 1.0, -1.0, 2.5, -2.5, INF, -INF, NAN, 1e-310, 1e308])
    a, b = np.meshgrid(values, values)
    as_numpy(getattr(mt, name), getattr(np, name), [a, b], exact=name not in ("arctan2", "power"))


@pytest.mark.parametrize("name", ["mod", "floor_divide"])
def test_division_of_ints_by_zero_as_numpy(name):
    as_numpy(getattr(mt, name), getattr(np, name), [np.array([5, -5, 0]), np.array([0, 0, 0])], exact=True)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize(
    "name",
    [
        "isnan",
        "isinf",
        "isfinite",
        "logical_not",
        "floor",
        "ceil",
        "trunc",
        "abs",
        "square",
        "sign",
        "negative",
        "log1p",
        "exp",
        "sqrt",
        "arctan",
    ],
)
def test_functions_of_every_dtype_as_numpy(name, dtype):
    a = np.abs(of_dtype(dtype, 5)) if dtype != "bool" else of_dtype(dtype, 5)
    if dtype == "bool" and name in ("floor", "ceil", "trunc", "sign", "negative", "square"):
        with pytest.raises(TypeError, match=name):
            getattr(mt, name)(*placed([a]))
        return
    wide = name in ("log1p", "exp", "sqrt", "arctan") and dtype == "bool"  # NumPy would answer in float16
    as_numpy(getattr(mt, name), lambda a: getattr(np, name)(a.astype("int64") if wide else a), [a])


@pytest.mark.parametrize("decimals", [0, 1, 2, -1, -2])
def test_round_goes_to_even_as_numpy(decimals):
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.25, 0.35, 15.0, 25.0, 150.0, 250.0, -15.0, INF, NAN])
    as_numpy(lambda x: mt.round(x, decimals), lambda a: np.round(a, decimals), [halves], exact=True)


@pytest.mark.parametrize("decimals", [0, 1, -1])
def test_round_of_ints_as_numpy(decimals):
    as_numpy(
        lambda x: mt.round(x, decimals),
        lambda a: np.round(a, decimals),
        [np.array([15, 25, -15, 7, 1_000_000_005])],
        exact=True,
    )


@pytest.mark.parametrize(
    "bounds", [(-1, 1), (None, 1), (-1, None), (2, -2), (NAN, 1.0), (None, NAN), (NAN, None), (-INF, INF)]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_clip_as_numpy(bounds, dtype):
    as_numpy(
        lambda x: mt.clip(x, *bounds),
        lambda a: np.clip(a, *bounds),
        [np.array([-3.0, -1.0, 0.0, 1.0, 3.0, INF, NAN], dtype)],
        exact=True,
    )


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 0.5, 2.5, -1, -2, 0, INF, -INF])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_norms_as_numpy(ord, dtype):
    a = np.array([[1, -2, 3], [4, 5, -6]], dtype)
    for axis in (0, 1, -1):
        for keepdims in (False, True):
            more = {"ord": ord, "axis": axis, "keepdims": keepdims}
            as_numpy(partial(mt.norm, **more), partial(np.linalg.norm, **more), [a])
    as_numpy(lambda x: mt.norm(x[0], ord), lambda a: np.linalg.norm(a[0], ord), [a])


@pytest.mark.parametrize("axis", [None, (0, 1), (1, 0)])
@pytest.mark.parametrize("ord", [None, "fro"])
def test_matrix_norms_as_numpy(ord, axis):
    as_numpy(lambda x: mt.norm(x, ord, axis), lambda a: np.linalg.norm(a, ord, axis), [smooth(2, 3)])


@pytest.mark.parametrize(
    "row",
    [
        [0.0, 1.0],
        [1000.0, 1001.0],
        [-INF, 0.0],
        [-INF, -INF],
        [INF, 0.0],
        [INF, -INF],
        [NAN, 1.0],
        [-1e308, -1e308],
        [1e308, 1e308],
    ],
)
def test_logsumexp_is_numpys_logaddexp(row):
    as_numpy(mt.logsumexp, np.logaddexp.reduce, [np.array(row)])


def test_kernels_of_ints_do_not_fail_when_they_run():
    x = mt.placeholder("x", (3,), "int64")
    for name in ("floor", "ceil", "trunc", "rint", "abs", "sign", "square", "negative"):
        (got,) = run([getattr(ops, name)(x)], {x: [1, -2, 3]})
        np.testing.assert_array_equal(got, getattr(np, name)(np.array([1, -2, 3])))
