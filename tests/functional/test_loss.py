"""Losses against formulas in NumPy: unknown sizes, gradients, what they refuse."""

import numpy as np
import pytest

import minitorch as mt

P, T = mt.placeholder("p", ("n", 3), "float64"), mt.placeholder("t", ("n", 3), "float64")
LABELS = mt.placeholder("labels", ("n",), "int64")


def expit(a):
    return 1 / (1 + np.exp(-a))


def log_softmax(a):
    return a - np.log(np.exp(a).sum(1, keepdims=True))


def huber(delta):
    return lambda a, b: np.where(abs(a - b) <= delta, (a - b) ** 2 / 2, delta * (abs(a - b) - delta / 2)).mean()


CASES = {
    "mse": (mt.mse_loss, lambda a, b: ((a - b) ** 2).mean()), "mae": (mt.mae_loss, lambda a, b: abs(a - b).mean()),
    "huber": (mt.huber_loss, huber(1.0)), "huber 0.3": (lambda p, t: mt.huber_loss(p, t, 0.3), huber(0.3)),
    "logits": (lambda p, t: mt.binary_cross_entropy(p, t, from_logits=True), lambda a,
        b: (np.log1p(np.exp(a)) - a * b).mean()),
    "probabilities": (lambda p, t: mt.binary_cross_entropy(mt.sigmoid(p), mt.sigmoid(t)), lambda a,
        b: -(expit(b) * np.log(expit(a)) + (1 - expit(b)) * np.log(1 - expit(a))).mean()),
    "cross_entropy": (mt.cross_entropy, lambda a, b: -(b * log_softmax(a)).sum(1).mean()),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES))
def test_one_program_for_all_sizes(through, name):
    through(*CASES[name], ("n", 3), ("n", 3), sizes=(3, 1, 5))
    make, _ = CASES[name]
    assert np.isnan(mt.compile([P, T], make(P, T))(np.ones((0, 3)), np.ones((0, 3))))  # the mean of nothing


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_cross_entropy_of_labels_is_that_of_their_one_hot_rows(dtype):
    labels = mt.placeholder("labels", ("n",), dtype)
    program = mt.compile([P, labels], [mt.cross_entropy(P, labels), mt.grad(mt.cross_entropy(P, labels), P)])
    for n in (1, 4):
        a, k = np.random.default_rng(n).standard_normal((n, 3)), np.arange(n) % 3
        value, slope = program(a, k.astype(dtype))
        np.testing.assert_allclose(value, -log_softmax(a)[np.arange(n), k].mean(), rtol=1e-12)
        np.testing.assert_allclose(slope, (np.exp(log_softmax(a)) - np.eye(3)[k]) / n, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "interpreter"])
@pytest.mark.parametrize(("dtype", "label"), [("int64", -1), ("int8", -3), ("int32", 3), ("uint8", 255), ("uint8", 3)])
def test_a_class_that_is_not_there_is_out_of_range(dtype, label, backend):
    labels = mt.placeholder("labels", ("n",), dtype)
    program = mt.compile([P, labels], mt.cross_entropy(P, labels), backend=backend)
    with pytest.raises(
        mt.errors.OutOfRangeError, match=f"{label} is no class of the logits, which have 3, from 0 to 2"
    ):
        program(np.ones((2, 3)), [0, label])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["mse_loss", "mae_loss", "huber_loss", "cross_entropy"])
def test_losses_keep_the_dtype(name, dtype):
    p, t = mt.placeholder("p", (2, 3), dtype), mt.placeholder("t", (2, 3), dtype)
    loss = getattr(mt, name)(p, t)
    assert loss.dtype == dtype
    assert loss.shape == ()
    assert mt.grad(loss, p).dtype == dtype


def test_losses_of_far_logits_do_not_overflow():
    p, t = mt.placeholder("p", (3,)), mt.placeholder("t", (3,))
    loss = mt.binary_cross_entropy(p, t, from_logits=True)
    value, slope = mt.compile([p, t], [loss, mt.grad(loss, p)])([1e4, -1e4, 0.0], [1.0, 0.0, 0.5])
    np.testing.assert_allclose(value, np.log(2) / 3, rtol=1e-6)
    np.testing.assert_allclose(slope, [0, 0, 0], atol=1e-6)
    z = mt.placeholder("z", (1, 3))
    assert np.isfinite(mt.cross_entropy(z, np.array([1])).eval({z: [[1e30, -1e30, 0]]}))


def test_logarithms_of_probabilities_are_held_as_in_pytorch():
    p, t = mt.placeholder("p", (2,), "float64"), mt.placeholder("t", (2,), "float64")
    assert mt.binary_cross_entropy(p, t).eval({p: [0.0, 1.0], t: [1.0, 0.0]}) == 100.0


COLUMN, LINE, OTHER = (
    mt.placeholder("column", ("n", 1)),
    mt.placeholder("line", ("n",)),
    mt.placeholder("other", ("m", 3)),
)
LOSSES = ("mse_loss", "mae_loss", "huber_loss", "binary_cross_entropy")
ERRORS = {
    **{name: (lambda name=name: getattr(mt, name)(LINE, COLUMN), name, "(n,)", "(n, 1)",
        "differ") for name in LOSSES},
        **{f"{name} names": (lambda name=name: getattr(mt, name)(P, OTHER), name, "(n, 3)",
            "(m, 3)") for name in LOSSES},
    **{f"{name} of one": (lambda name=name: getattr(mt, name)(P, COLUMN), name, "(n, 3)",
        "(n, 1)") for name in LOSSES},
        "cross_entropy": (lambda: mt.cross_entropy(LINE, LABELS), "cross_entropy", "(n,)"),
        "cross_entropy rows": (lambda: mt.cross_entropy(OTHER, LABELS), "cross_entropy", "(m, 3)", "(n,)"),
    "cross_entropy classes": (lambda: mt.cross_entropy(P, mt.placeholder("q", ("n", 4))), "cross_entropy", "(n, 3)",
        "(n, 4)"), "cross_entropy of floats": (lambda: mt.cross_entropy(P, LINE), "cross_entropy", "(n,)"),
        "delta": (lambda: mt.huber_loss(P, T, 0), "huber_loss", "0"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_name_the_function_what_was_met_and_the_line(refused, name):
    call, function, *words = ERRORS[name]
    refused(call, function, *words)
