"""Functions made of operations, against NumPy; losses, against PyTorch."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes

import minitorch as mt

RANDOM = np.random.default_rng(0)


def numbers(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# ---- reductions ----


@st.composite
def reductions(draw):
    """A shape, the axes to reduce as NumPy takes them, and keepdims."""
    shape = draw(array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
    rank = len(shape)
    axes = st.sets(st.integers(0, max(rank - 1, 0)), max_size=rank).flatmap(
        lambda s: st.tuples(*[st.sampled_from([i, i - rank]) for i in sorted(s)])
    )
    axis = draw(
        st.none() | axes.map(lambda t: t if rank else ()) | (st.integers(-rank, rank - 1) if rank else st.nothing())
    )
    return shape, axis, draw(st.booleans())


@given(reductions())
def test_sum_mean_and_max_over_any_axes(both, case):
    shape, axis, keepdims = case
    a, x = numbers(shape), mt.placeholder("x", shape, "float64")
    (total,) = both([mt.sum(x, axis, keepdims)], {x: a})
    np.testing.assert_allclose(total, a.sum(axis, keepdims=keepdims), rtol=1e-13, atol=1e-14)
    with np.errstate(all="ignore"):
        count = a.size / max(1, total.size)
        (average,) = both([mt.mean(x, axis, keepdims)], {x: a})
        np.testing.assert_allclose(average, total / count if count else np.full(total.shape, np.nan), rtol=1e-13)
    try:
        want = a.max(axis, keepdims=keepdims)
    except ValueError:
        with pytest.raises(ValueError, match=r"max: axis .* is empty"):
            mt.max(x, axis, keepdims)
    else:
        np.testing.assert_array_equal(both([mt.max(x, axis, keepdims)], {x: a})[0], want)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), (), -1])
def test_unknown_sizes_are_counted_when_a_program_runs(n, axis, both):
    x, a = mt.placeholder("x", ("n", 3), "float64"), numbers((n, 3))
    out = [mt.sum(x, axis), mt.mean(x, axis), mt.grad(mt.mean(x, axis).sum(), x)]
    total, average, slope = both(out, {x: a})
    np.testing.assert_allclose(total, a.sum(axis), rtol=1e-13)
    if n or axis in (1, -1, ()):
        np.testing.assert_allclose(average, a.mean(axis), rtol=1e-13)
        np.testing.assert_allclose(slope, np.full(a.shape, average.size / a.size if a.size else 1), rtol=1e-13)
    else:
        assert np.isnan(average).all()
        assert slope.shape == (0, 3)


def test_the_mean_of_ints_is_a_float_and_counts_exactly(both):
    k = mt.placeholder("k", ("n",), "int64")
    assert both([k.mean(), k.sum(), k.max()], {k: [1, 2, 4]}) == [np.float32(7 / 3), 7, 4]
    mask = mt.placeholder("mask", ("n",), "bool")
    assert both([mask.mean(), mask.sum()], {mask: [True, False, True, True]}) == [0.75, 3]


def test_max_of_nothing_is_refused_when_it_runs():
    x = mt.placeholder("rows", ("n", 2))
    program = mt.compile([x], mt.max(x, 0))
    with pytest.raises(ValueError, match="max: axis 0 of 'rows', which is 0, must be at least 1"):
        program(np.ones((0, 2)))
    assert program(np.ones((1, 2))).tolist() == [1, 1]
    assert mt.compile([x], mt.max(x, 1))(np.ones((0, 2))).shape == (0,)


# ---- products ----


@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3), st.tuples(*[st.integers(0, 3)] * 3))
def test_matmul_of_batches_that_broadcast(both, batch, sizes):
    m, k, n = sizes
    a, b = (
        numbers((*shape, *matrix), i) for i, (shape, matrix) in enumerate(zip(batch.input_shapes, ((m, k), (k, n))))
    )
    x, y = mt.placeholder("x", a.shape, "float64"), mt.placeholder("y", b.shape, "float64")
    out = x @ y
    (got,) = both([out], {x: a, y: b})
    assert out.shape == got.shape
    np.testing.assert_allclose(got, a @ b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "shapes",
    [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2)), ((0,), (0,)), ((2, 0), (0,))],
)
def test_matmul_with_vectors(shapes, both):
    a, b = (numbers(shape, i) for i, shape in enumerate(shapes))
    x, y = (mt.placeholder(name, shape, "float64") for name, shape in zip("xy", shapes))
    out = x @ y
    assert out.shape == (a @ b).shape
    np.testing.assert_allclose(both([out], {x: a, y: b})[0], a @ b, rtol=1e-13)
    gx, gy = both(mt.grad(out.sum(), [x, y]), {x: a, y: b})
    assert gx.shape == a.shape
    assert gy.shape == b.shape


def test_matmul_with_unknown_sizes(both):
    x, w, v = (
        mt.placeholder("x", ("n", 3), "float64"),
        mt.parameter(numbers((3, 2)), dtype="float64"),
        mt.placeholder("v", ("n",), "float64"),
    )
    for n in (0, 1, 4):
        a, b = numbers((n, 3)), numbers(n)
        for got, want in zip(
            both([x @ w, v @ x, x.T @ v, x.T @ x], {x: a, v: b}), (a @ w.data, b @ a, a.T @ b, a.T @ a)
        ):
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", ["int64", "int8", "bool", "float32"])
def test_matmul_of_every_kind(dtype, both):
    a = np.array([[1, 0], [1, 1]]).astype(dtype)
    x = mt.placeholder("x", ("n", 2), dtype)
    (got,) = both([x @ x], {x: a})
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, a @ a)


# ---- shapes ----


@given(st.permutations([2, 3, 1, 2]), st.integers(0, 3))
def test_reshape_with_a_size_left_open(both, shape, hole):
    a, x = numbers((4, 3), 1), mt.placeholder("x", (4, 3), "float64")
    target = [-1 if i == hole else size for i, size in enumerate(shape)]
    out = x.reshape(*target)
    np.testing.assert_array_equal(both([out], {x: a})[0], a.reshape(target))
    assert out.shape == tuple(shape)
    assert mt.reshape(x, target).shape == out.shape


@pytest.mark.parametrize(
    ("build", "reference"),
    [
        (lambda x: x.reshape(-1), lambda a: a.reshape(-1)),
        (lambda x: x.reshape(x.shape[0], -1), lambda a: a.reshape(len(a), 12)),
        (lambda x: x.reshape(-1, 6), lambda a: a.reshape(-1, 6)),
        (lambda x: x.reshape(-1, 12, 1), lambda a: a.reshape(-1, 12, 1)),
        (lambda x: x.reshape(2, -1), lambda a: a.reshape(2, 6 * len(a))),
        (lambda x: x.reshape(x.shape[0] * 2, 6), lambda a: a.reshape(len(a) * 2, 6)),
        (lambda x: x.reshape(-1, x.shape[0]), lambda a: a.reshape(12, len(a))),
        (lambda x: x.T.reshape(-1), lambda a: a.T.reshape(-1)),
        (lambda x: x.reshape(3, x.shape[0], -1), lambda a: a.reshape(3, len(a), 4)),
    ],
)  # fmt: skip
def test_reshape_of_unknown_sizes(build, reference, both):
    x = mt.placeholder("x", ("n", 3, 4), "float64")
    out = build(x)
    for n in (0, 1, 2, 5):
        a = numbers((n, 3, 4))
        got, slope = both([out, mt.grad(mt.square(out).sum(), x)], {x: a})
        np.testing.assert_array_equal(got, reference(a))
        np.testing.assert_array_equal(slope, 2 * a)


def test_reshape_to_sizes_that_only_a_run_can_check():
    x = mt.placeholder("x", ("n", 4), "float64")
    program = mt.compile([x], x.reshape(-1, 3))
    np.testing.assert_array_equal(program(numbers((3, 4))), numbers((3, 4)).reshape(4, 3))
    with pytest.raises(ValueError, match=r"reshape.*x") as error:
        program(numbers((2, 4)))
    assert "test_functional.py" in str(error.value)


def test_reshape_of_a_known_size_to_an_unknown_one():
    x, y = mt.placeholder("x", (12,)), mt.placeholder("y", ("n",))
    program = mt.compile([x, y], x.reshape(y.shape[0], -1) * y.reshape(-1, 1))
    assert program(np.ones(12), np.arange(4.0)).sum(1).tolist() == [0, 3, 6, 9]
    with pytest.raises(ValueError, match=r"reshape.*y"):
        program(np.ones(12), np.arange(5.0))


def test_shapes_may_be_written_with_ints_of_numpy():
    x = mt.placeholder("x", (4, 3))
    assert x.reshape(np.int64(3), np.int64(4)).shape == (3, 4)
    assert x.reshape(np.prod([4, 3])).shape == (12,)
    assert x.sum(np.int64(0)).shape == (3,)
    assert x.transpose(np.int64(1), np.int64(0)).shape == (3, 4)
    assert mt.broadcast_to(x, tuple(np.array([2, 4, 3]))).shape == (2, 4, 3)
    assert mt.expand_dims(x, np.int64(0)).shape == (1, 4, 3)


@given(st.permutations(range(3)), st.lists(st.booleans(), min_size=3, max_size=3))
def test_transpose(both, axes, negative):
    a, x = numbers((2, 3, 4)), mt.placeholder("x", (2, 3, 4), "float64")
    axes = [i - 3 if flip else i for i, flip in zip(axes, negative)]
    for out, want in (
        (x.transpose(*axes), a.transpose(axes)),
        (mt.transpose(x, axes), a.transpose(axes)),
        (x.T, a.T),
        (mt.transpose(x), a.T),
    ):
        np.testing.assert_array_equal(both([out], {x: a})[0], want)


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("sizes", [(2, 3), (1, 0), (0, 0), (4, 1)])
def test_concatenate_and_stack(axis, sizes, both):
    i = axis % 2
    x, y = (mt.placeholder(name, tuple(name if j == i else 2 for j in range(2)), "float64") for name in "xy")
    a, b = (numbers(tuple(n if j == i else 2 for j in range(2)), n) for n in sizes)
    out = mt.concatenate([x, y, x, a], axis)
    got, slope, other = both([out, *mt.grad((out * out).sum(), [x, y])], {x: a, y: b})
    np.testing.assert_array_equal(got, np.concatenate([a, b, a, a], axis))
    np.testing.assert_array_equal(slope, 4 * a)
    np.testing.assert_array_equal(other, 2 * b)
    (got,) = both([mt.stack([x, 2 * x, a], axis)], {x: a})
    np.testing.assert_array_equal(got, np.stack([a, 2 * a, a], axis))


def test_stack_and_concatenate_of_generators_and_scalars(both):
    x = mt.placeholder("x", (), "float64")
    assert both([mt.stack([x, x * 2, 3.0])], {x: 1.0})[0].tolist() == [1, 2, 3]
    assert both([mt.concatenate(t.reshape(1) for t in (x, x))], {x: 1.0})[0].tolist() == [1, 1]
    assert both([mt.stack(t for t in (x, x))], {x: 1.0})[0].tolist() == [1, 1]


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_expand_dims_and_broadcast_to(axis, both):
    a, x = numbers((2, 3)), mt.placeholder("x", ("n", 3), "float64")
    wide = mt.broadcast_to(x, (4, x.shape[0], 3))
    got, stretched, slope = both([mt.expand_dims(x, axis), wide, mt.grad((wide * 2).sum(), x)], {x: a})
    np.testing.assert_array_equal(got, np.expand_dims(a, axis))
    np.testing.assert_array_equal(stretched, np.broadcast_to(a, (4, 2, 3)))
    np.testing.assert_array_equal(slope, np.full((2, 3), 8.0))


def test_one_hot(both):
    k = mt.placeholder("k", ("n", 2), "int64")
    labels = np.array([[0, 2], [1, 1]])
    (got,) = both([mt.one_hot(k, 3)], {k: labels})
    np.testing.assert_array_equal(got, np.eye(3, dtype="float32")[labels])


def test_one_hot_of_small_ints_with_many_classes(both):
    k = mt.placeholder("k", (3,), "uint8")
    (got,) = both([mt.one_hot(k, 300)], {k: np.array([0, 44, 255], "uint8")})
    np.testing.assert_array_equal(got, np.eye(300, dtype="float32")[[0, 44, 255]])


# ---- losses ----


def against_torch(ours, theirs, prediction, target, both, rtol=1e-12):
    """The loss and its gradient by the prediction, in float64."""
    torch = pytest.importorskip("torch")
    prediction, target = np.asarray(prediction, "float64"), np.asarray(target)
    p = mt.placeholder("p", ("n", *prediction.shape[1:]), "float64")
    t = mt.placeholder("t", ("n", *target.shape[1:]), target.dtype)
    loss = ours(p, t)
    assert loss.shape == ()
    value, slope = both([loss, mt.grad(loss, p)], {p: prediction, t: target})
    theirs_p = torch.tensor(prediction, requires_grad=True)
    want = theirs(torch.nn.functional, theirs_p, torch.tensor(target))
    want.backward()
    np.testing.assert_allclose(value, want.item(), rtol=rtol)
    np.testing.assert_allclose(slope, theirs_p.grad.numpy(), rtol=rtol, atol=1e-15)


P, T = numbers((5, 3)) * 2, numbers((5, 3), 1)
PROBABILITIES = 1 / (1 + np.exp(-P))
ROWS = np.exp(T) / np.exp(T).sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("ours", "theirs", "prediction", "target"),
    [
        (mt.mse_loss, lambda F, p, t: F.mse_loss(p, t), P, T), (mt.mae_loss, lambda F, p, t: F.l1_loss(p, t), P, T),
        (mt.mae_loss, lambda F, p, t: F.l1_loss(p, t), P, P),
        (mt.huber_loss, lambda F, p, t: F.huber_loss(p, t), P, T),
        (lambda p, t: mt.huber_loss(p, t, 0.3), lambda F, p, t: F.huber_loss(p, t, delta=0.3), P, T),
        (mt.huber_loss, lambda F, p, t: F.huber_loss(p, t), [[0.0, 1.0, -1.0]], [[0.0, 0.0, 0.0]]),
        (
            mt.binary_cross_entropy, lambda F, p, t: F.binary_cross_entropy(p, t), PROBABILITIES,
            (T > 0).astype("float64"),
        ),
        (mt.binary_cross_entropy, lambda F, p, t: F.binary_cross_entropy(p, t), PROBABILITIES, ROWS),
        (
            lambda p, t: mt.binary_cross_entropy(p, t, from_logits=True), lambda F, p,
            t: F.binary_cross_entropy_with_logits(p, t), P * 30, ROWS,
        ),
        (mt.cross_entropy, lambda F, p, t: F.cross_entropy(p, t), P, ROWS),
        (mt.cross_entropy, lambda F, p, t: F.cross_entropy(p, t), P, np.array([0, 2, 1, 1, 0])),
        (mt.cross_entropy, lambda F, p, t: F.cross_entropy(p, t), P * 400, np.array([0, 2, 1, 1, 0])),
    ],
)  # fmt: skip
def test_losses(ours, theirs, prediction, target, both):
    against_torch(ours, theirs, prediction, target, both)


def test_binary_cross_entropy_of_certain_predictions_has_a_finite_gradient(both):
    """A sigmoid rounds to 0 or 1 for arguments that are not even large."""
    prediction, target = [[0.0, 0.0, 1.0, 1.0]], [[0.0, 1.0, 0.0, 1.0]]
    against_torch(
        mt.binary_cross_entropy, lambda F, p, t: F.binary_cross_entropy(p, t), prediction, target, both, rtol=1e-8
    )


def test_training_goes_on_where_a_probability_has_rounded_to_one():
    x, y, w = mt.placeholder("x", ("n",)), mt.placeholder("y", ("n",)), mt.parameter(20.0, "w")
    loss = mt.binary_cross_entropy(mt.sigmoid(x * w), y)
    mt.compile([x, y], loss, updates=mt.optim.SGD([w], 0.1).minimize(loss))([1.0, -1.0], [1.0, 0.0])
    assert np.isfinite(w.data)


def test_cross_entropy_of_masked_classes(both):
    """A class with the logit -inf is out of the question; its gradient is 0."""
    logits = np.array([[1.0, -math.inf, 2.0], [0.5, 1.0, -math.inf]])
    against_torch(mt.cross_entropy, lambda F, p, t: F.cross_entropy(p, t), logits, np.array([2, 1]), both)


@pytest.mark.parametrize("huge", [1e30, 1e200, math.inf])
def test_huber_has_a_finite_gradient_for_every_outlier(huge, both):
    against_torch(mt.huber_loss, lambda F, p, t: F.huber_loss(p, t), [[huge, -huge, 0.1]], [[0.0, 0.0, 0.0]], both)


@pytest.mark.parametrize("loss", [mt.mse_loss, mt.mae_loss, mt.huber_loss, mt.binary_cross_entropy, mt.cross_entropy])
@pytest.mark.parametrize(
    "shapes",
    [
        (("n", 1), ("n",)),
        (("n",), ("n", 1)),
        (("n", 3), ("n", 1)),
        (("n", 2), ("n", 3)),
        (("n", 2), ("m", 2)),
        ((4, 2), (1, 2)),
        (("n", 1), ("n", None)),
    ],
)
def test_losses_refuse_shapes_that_differ(loss, shapes):
    p, t = mt.placeholder("p", shapes[0]), mt.placeholder("target", shapes[1])
    with pytest.raises(ValueError, match=loss.__name__) as error:
        loss(p, t)
    assert "test_functional.py" in str(error.value)


def test_losses_check_unnamed_sizes_when_they_run():
    p, t = mt.placeholder("p", (None, 2)), mt.placeholder("t", (None, 2))
    program = mt.compile([p, t], mt.mse_loss(p, t))
    assert float(program(np.ones((3, 2)), np.zeros((3, 2)))) == 1.0
    with pytest.raises(ValueError, match=r"p.*t"):
        program(np.ones((1, 2)), np.zeros((3, 2)))


def test_the_loss_of_no_rows_is_nan_as_the_mean_of_nothing_is():
    p, t = mt.placeholder("p", ("n", 2)), mt.placeholder("t", ("n", 2))
    assert np.isnan(mt.mse_loss(p, t).eval({p: np.ones((0, 2)), t: np.ones((0, 2))}))


def test_softmax_neither_overflows_nor_divides_by_zero(both):
    x = mt.placeholder("x", ("n", 3))
    rows = [[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0, 1e-30, -1e-30], [3e38, 3e38, -3e38]]
    got, slope = both([mt.softmax(x), mt.grad(mt.square(mt.softmax(x)).sum(), x)], {x: rows})
    np.testing.assert_allclose(got, [[0.5, 0.5, 0], [1 / 3] * 3, [1 / 3] * 3, [0.5, 0.5, 0]], rtol=1e-6)
    assert np.isfinite(slope).all()
    assert np.exp(both([mt.logsumexp(mt.constant([-np.inf, -np.inf]))], {})[0]) == 0


@pytest.mark.parametrize("shift", [0, 100, 1e4, -1e4, 1e6])
def test_what_is_added_to_all_logits_changes_nothing_in_float32(shift, both):
    x, k = mt.placeholder("x", ("n", 3)), mt.placeholder("k", ("n",), "int64")
    logits, labels = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]]) + shift, [0, 1]
    truth = logits - shift - np.log(np.exp(logits - shift).sum(1, keepdims=True))
    probabilities, logarithms, loss = both(
        [mt.softmax(x), mt.log_softmax(x), mt.cross_entropy(x, k)], {x: logits, k: labels}
    )
    np.testing.assert_allclose(probabilities, np.exp(truth), rtol=1e-6)
    np.testing.assert_allclose(logarithms, truth, rtol=1e-6)
    np.testing.assert_allclose(loss, -truth[[0, 1], labels].mean(), rtol=1e-6)


@pytest.mark.parametrize("backend", ["interpreter", "numpy"])
@pytest.mark.parametrize("label", [3, -1, -100])
def test_a_class_that_is_not_there_is_refused_when_it_runs(label, backend):
    """A label of -1 must not train towards the last class."""
    x, k = mt.placeholder("x", ("n", 3)), mt.placeholder("labels", ("n",), "int64")
    program = mt.compile([x, k], mt.cross_entropy(x, k), backend=backend)
    with pytest.raises((ValueError, IndexError), match=str(label)) as error:
        program(np.ones((2, 3)), [0, label])
    assert "test_functional.py" in str(error.value)
