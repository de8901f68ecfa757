"""Functions that NumPy has too: values against NumPy's, slopes against finite differences, known and unknown sizes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch as mt
from minitorch import functional

W = np.random.default_rng(5).standard_normal((3, 4))
PLACES = np.array([[1, 0, 1, 2]])


def along(x):
    return np.take_along_axis(x, np.broadcast_to(PLACES, (len(x), 4)), 1)


# What a function does with `x` of shape (n, 3); `m` is minitorch or NumPy, which agree in names and arguments.
BOTH = {
    "all": lambda m, x: m.all(x > 0, axis=1), "any": lambda m, x: m.any(x > 1, axis=0), "argmax": lambda m,
    x: m.argmax(x, axis=1),
    "argmin": lambda m, x: m.argmin(x, axis=1, keepdims=True), "arange": lambda m, x: x * m.arange(3),
    "cumsum": lambda m, x: m.cumsum(x, axis=1),
    "cumsum, flat": lambda m, x: m.cumsum(x), "cumsum, rows": lambda m, x: m.cumsum(x, axis=0), "diagonal": lambda m,
    x: m.diagonal(x[:, :2], offset=1),
    "diagonal below": lambda m, x: m.diagonal(x, offset=-1), "dot": lambda m, x: m.dot(x, W), "einsum": lambda m,
    x: m.einsum("bi,ij->jb", x, W),
    "einsum, sum": lambda m, x: m.einsum("bi->i", x), "einsum, implied": lambda m, x: m.einsum("bi,ic", x, W),
    "einsum, square": lambda m, x: m.einsum("bi,bi->b", x, x), "einsum, three": lambda m,
    x: m.einsum("bi,ij,bk->kj", x, W, x),
    "einsum, diagonal": lambda m, x: m.einsum("ii->i", x.T @ x), "einsum, trace": lambda m,
    x: m.einsum("iji->j", m.stack([x.T @ x] * 3)),
    "expand_dims": lambda m, x: m.expand_dims(x, 1), "flip": lambda m, x: m.flip(x), "flip, axis": lambda m,
    x: m.flip(x, 0),
    "full_like": lambda m, x: x * m.full_like(x, 2.5), "linspace": lambda m, x: x + m.linspace(0, 1, 3),
    "matmul": lambda m, x: m.matmul(x, W),
    "max": lambda m, x: m.max(x, axis=1), "mean": lambda m, x: m.mean(x, axis=1), "min": lambda m,
    x: m.min(x, axis=1, keepdims=True),
    "moveaxis": lambda m, x: m.moveaxis(x[None], 0, -1), "ones_like": lambda m, x: m.ones_like(x) - x,
    "outer": lambda m, x: m.outer(x, W[0]),
    "power": lambda m, x: m.power(x, 3), "prod": lambda m, x: m.prod(x, axis=1), "prod, all": lambda m, x: m.prod(x),
    "repeat": lambda m, x: m.repeat(x, 2, axis=0), "repeat, flat": lambda m, x: m.repeat(x, 3), "reshape": lambda m,
    x: m.reshape(x, (3, -1)),
    "roll": lambda m, x: m.roll(x, 1, axis=1), "roll back": lambda m, x: m.roll(x, -4, axis=1), "round": lambda m,
    x: m.round(x * 10.3 + 0.01, 1),
    "split": lambda m, x: m.split(x, 3, axis=1)[1], "split, places": lambda m, x: m.split(x, [1, 1, 5], axis=1)[2],
    "squeeze": lambda m, x: m.squeeze(x[:, None], (1,)), "squeeze, axis": lambda m, x: m.squeeze(x[None], 0),
    "stack": lambda m, x: m.stack([x, 2 * x], axis=1),
    "std": lambda m, x: m.std(x, axis=1), "sum": lambda m, x: m.sum(x, axis=0), "swapaxes": lambda m,
    x: m.swapaxes(x[None], 0, 2),
    "take": lambda m, x: m.take(x, [2, 0, 2], axis=1), "tensordot": lambda m, x: m.tensordot(x, W, axes=1),
    "tensordot, axes": lambda m, x: m.tensordot(W, x, axes=([0], [1])), "tile": lambda m, x: m.tile(x, (2, 1, 2)),
    "trace": lambda m, x: m.trace(x),
    "transpose": lambda m, x: m.transpose(x[None], (2, 0, 1)), "tril": lambda m, x: m.tril(x), "triu": lambda m,
    x: m.triu(x, 1),
    "var": lambda m, x: m.var(x, axis=1), "var, ddof": lambda m, x: m.var(x, axis=1, ddof=1, keepdims=True),
    "zeros_like": lambda m, x: x + m.zeros_like(x),
    "broadcast_to": lambda m, x: m.broadcast_to(x, (2, *x.shape)), "clip": lambda m, x: m.clip(x, -0.5, 0.5),
    "concatenate": lambda m, x: m.concatenate([x, x[:1]]),
    "pad": lambda m, x: m.pad(x, ((1, 2), (0, 1))),
}  # fmt: skip
PAIRS = {
    "norm": (lambda x: mt.norm(x, axis=1), lambda a: np.linalg.norm(a, axis=1)),
    "norm, all": (mt.norm, lambda a: np.linalg.norm(a)),
    **{
        f"norm {p}": (lambda x, p=p: mt.norm(x, p, 1), lambda a, p=p: np.linalg.norm(a, p, 1))
        for p in (0, 1, 2, 3, np.inf, -np.inf)
    },
    "logsumexp": (lambda x: mt.logsumexp(x, 1), lambda a: np.log(np.exp(a).sum(1))),
    "softmax": (mt.softmax, lambda a: np.exp(a) / np.exp(a).sum(1, keepdims=True)),
    "log_softmax": (mt.log_softmax, lambda a: a - np.log(np.exp(a).sum(1, keepdims=True))),
    "take_along_axis": (lambda x: mt.take_along_axis(x, PLACES, 1), along),
    "cast": (lambda x: mt.cast(x, "float64") * 2, lambda a: a * 2),
    "one_hot": (lambda x: x * mt.one_hot(mt.argmax(x, 1), 3), lambda a: a * np.eye(3)[a.argmax(1)]),
    "identity": (functional.identity, lambda a: a),
    "pad, value": (lambda x: mt.pad(x, 1, 7.0), lambda a: np.pad(a, 1, constant_values=7.0)),
}  # fmt: skip
CASES = {**{name: (lambda x, f=f: f(mt, x), lambda a, f=f: f(np, a)) for name, f in BOTH.items()}, **PAIRS}
ELSEWHERE = {  # tested with rows, losses, indices, or against PyTorch
    "activations", "binary_cross_entropy", "cross_entropy", "dropout", "elu", "gelu", "getitem", "hard_tanh",
    "huber_loss", "leaky_relu", "mae_loss",
    "mse_loss", "random_uniform", "silu", "softsign",
}  # fmt: skip
CONSTANT = {"all", "any", "argmax", "argmin", "norm 0"}  # nothing flows back


def test_every_function_is_tested():
    public = {
        name
        for name in vars(functional)
        if getattr(vars(functional)[name], "__module__", "").startswith("minitorch.functional") and name[0] != "_"
    }
    assert public - {name.split(",")[0].split()[0] for name in CASES} - ELSEWHERE == set()


@pytest.mark.parametrize("n", [0, 1, 2, 4])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_values_and_slopes(case, known, n, both, slopes):
    ours, theirs = CASES[case]
    a = np.random.default_rng(n).permutation(np.linspace(-2, 2, 3 * n + 1)[:-1] + 0.013).reshape(n, 3)
    x = mt.placeholder("x", (n if known else "n", 3), "float64")
    try:
        with np.errstate(all="ignore"):
            want = np.asarray(theirs(a))
    except ValueError:  # nothing to take the greatest of, nothing to cut
        with pytest.raises(ValueError, match=r"\w"):
            mt.compile([x], ours(x))(a)
        return
    out = ours(x)
    (got,) = both([out], {x: a})
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    assert out.ndim == got.ndim
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    if case in CONSTANT or not n:
        return
    weights = mt.constant(np.random.default_rng(9).standard_normal(want.shape))
    loss = (out * weights).sum() + 0 * x.sum()
    (gradient,) = both([mt.grad(loss, x)], {x: a})
    np.testing.assert_allclose(
        gradient, slopes(mt.compile([x], loss, backend="interpreter"), [a], 0), rtol=1e-6, atol=1e-7
    )


# ---- einsum on random subscripts ----


@st.composite
def contractions(draw):
    letters = "abcd"
    terms = draw(
        st.lists(
            st.permutations(letters).flatmap(lambda p: st.integers(0, 3).map(lambda k: "".join(p[:k]))),
            min_size=1,
            max_size=3,
        )
    )
    found = sorted(set("".join(terms)))
    result = draw(st.permutations(found).flatmap(lambda p: st.integers(0, len(p)).map(lambda k: "".join(p[:k]))))
    return terms, result


@given(contractions(), st.booleans())
def test_einsum_on_random_subscripts(both, case, unknown):
    terms, result = case
    sizes = dict(zip("abcd", (2, 3, 1, 4)))
    arrays = [np.random.default_rng(i).standard_normal([sizes[c] for c in term]) for i, term in enumerate(terms)]
    xs = [
        mt.placeholder(f"x{i}", [c if unknown else sizes[c] for c in term], "float64") for i, term in enumerate(terms)
    ]
    text = f"{','.join(terms)}->{result}"
    out = mt.einsum(text, *xs)
    weights = np.random.default_rng(7).standard_normal([sizes[c] for c in result])
    got, *gradients = both(
        [out, *mt.grad((out * weights).sum() + sum(0 * x.sum() for x in xs), xs)], dict(zip(xs, arrays))
    )
    np.testing.assert_allclose(got, np.einsum(text, *arrays), rtol=1e-11, atol=1e-12)
    for i, gradient in enumerate(gradients):
        rest = [*(t for k, t in enumerate(terms) if k != i), result]
        own = "".join(c for c in terms[i] if c in "".join(rest))
        partial = np.einsum(f"{','.join(rest)}->{own}", *(a for k, a in enumerate(arrays) if k != i), weights)
        shape = [sizes[c] if c in own else 1 for c in terms[i]]
        np.testing.assert_allclose(
            gradient, np.broadcast_to(partial.reshape(shape), arrays[i].shape), rtol=1e-10, atol=1e-11
        )


# ---- where zeros, ties and nothing meet ----


@pytest.mark.parametrize("row", [[0.0, 0.0, 3.0], [0.0, 2.0, 3.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
def test_products_have_slopes_of_every_order_at_zeros(row, both):
    torch = pytest.importorskip("torch")
    x, a = mt.placeholder("x", (3,), "float64"), np.array(row)
    first = mt.grad(mt.prod(x), x)
    second = mt.grad((first * np.array([1.0, 2.0, -1.0])).sum(), x)
    third = mt.grad((second * np.array([3.0, 1.0, 2.0])).sum(), x)
    t = torch.tensor(a, requires_grad=True)
    p = t[0] * t[1] * t[2]
    (g1,) = torch.autograd.grad(p, t, create_graph=True)
    (g2,) = torch.autograd.grad((g1 * torch.tensor([1.0, 2.0, -1.0])).sum(), t, create_graph=True)
    (g3,) = torch.autograd.grad((g2 * torch.tensor([3.0, 1.0, 2.0])).sum(), t)
    for got, want in zip(both([first, second, third], {x: a}), (g1, g2, g3)):
        np.testing.assert_allclose(got, want.detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize("function", [mt.norm, mt.std])
def test_roots_have_the_slope_zero_where_nothing_varies(function, both):
    x = mt.placeholder("x", (3,), "float64")
    (slope,) = both([mt.grad(function(x), x)], {x: np.zeros(3)})
    assert slope.tolist() == [0, 0, 0]


def test_positions_are_the_first_of_those_that_tie_as_in_numpy(both):
    x = mt.placeholder("x", ("n", 3), "float64")
    a = np.array([[1.0, 3.0, 3.0], [2.0, np.nan, 5.0], [0.0, 0.0, 0.0]])
    for got, want in zip(
        both([mt.argmax(x, 1), mt.argmin(x, 1), mt.argmax(x), mt.max(x, 1)], {x: a}),
        (a.argmax(1), a.argmin(1), a.argmax(), a.max(1)),
    ):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("start", "stop", "step"), list(itertools.product((0, 2, -3), (0, 5, -4), (1, 2, -1, -3))))
def test_arange_of_all_kinds(start, stop, step):
    np.testing.assert_array_equal(mt.arange(start, stop, step).eval(), np.arange(start, stop, step))


# ---- random numbers ----


def test_random_numbers_are_uniform_new_in_every_call_and_the_same_for_a_seed():
    def program(seed, backend):
        x = mt.placeholder("x", ("n",))
        return mt.compile([x], mt.random_uniform((x.shape[0], 50), seed=seed), backend=backend)

    draws = {backend: [program(3, backend)(np.ones(200))] for backend in ("interpreter", "numpy")}
    np.testing.assert_array_equal(draws["numpy"][0], draws["interpreter"][0])
    values = draws["numpy"][0]
    assert values.shape == (200, 50)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() < 1
    counts = np.histogram(values, 10, (0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 40  # chi-squared with 9 degrees of freedom
    one = program(3, "numpy")
    first, second = one(np.ones(4)), one(np.ones(4))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, program(4, "numpy")(np.ones(4)))
    np.testing.assert_array_equal(program(3, "numpy")(np.ones(4)), first)


def test_two_draws_are_two_and_one_draw_is_one():
    a, b = mt.random_uniform((50,), seed=0), mt.random_uniform((50,), seed=1)
    different, same = mt.compile([], [a - b, a - a])()
    assert different.any()
    assert not same.any()


def test_dropout_keeps_the_mean_in_training_and_everything_in_prediction():
    x, w = mt.placeholder("x", ("n",)), mt.parameter(0.0, "w")
    out = mt.dropout(x, 0.25, seed=0)
    ones = np.ones(40_000)
    assert (mt.compile([x], out)(ones) == 1).all()
    kept = mt.compile([x], out, {w: w + 1})(ones)
    assert set(np.unique(kept)) == {0, np.float32(1 / 0.75)}
    assert abs(kept.mean() - 1) < 0.02
    value, slope = mt.compile([x], [out, mt.grad(out.sum(), x)], {w: w + 1})(ones)
    np.testing.assert_array_equal(value, slope)
