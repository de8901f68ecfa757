"""Batches, splits and scaling of plain arrays."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.data import batches, standardize, train_test_split
from minitorch.errors import InputError

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


# ---- batches ----


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 64])
def test_batches_are_the_rows_in_order_the_last_with_what_is_left(batch_size):
    parts = list(batches(X, Y, batch_size=batch_size))
    assert len(parts) == -(-10 // batch_size)
    assert all(len(x) == len(y) == batch_size for x, y in parts[:-1])
    np.testing.assert_array_equal(np.concatenate([x for x, _ in parts]), X)
    np.testing.assert_array_equal(np.concatenate([y for _, y in parts]), Y)


def test_batches_without_shuffling_are_views():
    assert all(np.shares_memory(x, X) for x, _ in batches(X, Y, batch_size=3))


def test_shuffled_batches_hold_every_row_once_and_keep_rows_together():
    parts = list(batches(X, Y, batch_size=3, shuffle=True, seed=0))
    order = np.concatenate([y for _, y in parts])
    assert sorted(order) == list(range(10))
    assert order.tolist() != list(range(10))
    np.testing.assert_array_equal(np.concatenate([x for x, _ in parts]), X[order])
    np.testing.assert_array_equal(order, np.random.default_rng(0).permutation(10))


def test_the_same_seed_shuffles_the_same():
    def order(seed):
        return [int(y[0]) for (y,) in batches(Y, batch_size=1, shuffle=True, seed=seed)]

    assert order(3) == order(3)
    assert order(3) != order(4)


def test_no_rows_have_no_batches():
    assert list(batches(X[:0], Y[:0], batch_size=4)) == []


def test_lists_are_arrays():
    assert [x.tolist() for (x,) in batches([1, 2, 3], batch_size=2)] == [[1, 2], [3]]


@pytest.mark.parametrize(
    "call",
    [
        lambda: batches(X, Y[:5], batch_size=2), lambda: batches(batch_size=2), lambda: batches(3.0, batch_size=2),
        lambda: batches(X, batch_size=0), lambda: batches(X, batch_size=-2), lambda: batches(X, batch_size=2.5),
        lambda: train_test_split(X, Y[:5]), lambda: train_test_split(),
    ],
)  # fmt: skip
def test_what_has_no_rows_in_common_is_refused_at_once(call):
    with pytest.raises(InputError):
        call()


# ---- splits ----


@pytest.mark.parametrize(("share", "held_out"), [(0.25, 2), (0.5, 5), (0.1, 1), (0.9, 9)])
def test_a_split_holds_out_the_same_rows_of_every_array(share, held_out):
    x_train, x_test, y_train, y_test = train_test_split(X, Y, test_size=share, seed=0)
    assert len(x_test) == len(y_test) == held_out
    assert sorted([*y_train, *y_test]) == list(range(10))
    np.testing.assert_array_equal(x_train, X[y_train])
    np.testing.assert_array_equal(x_test, X[y_test])


def test_a_split_is_reproducible_and_copies():
    first, second = train_test_split(X, seed=1), train_test_split(X, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, train_test_split(X, seed=2), strict=True))
    assert not any(np.shares_memory(part, X) for part in first)


@pytest.mark.parametrize("share", [0, 1, -0.5, 2, 5, float("nan")])
def test_a_share_lies_between_nothing_and_all(share):
    with pytest.raises(ValueError, match="test_size"):
        train_test_split(X, test_size=share)


# ---- scaling ----


def test_columns_are_shifted_and_scaled_to_mean_0_and_deviation_1():
    train, test = np.random.default_rng(0).normal(5, 3, (100, 4)), np.random.default_rng(1).normal(5, 3, (50, 4))
    scaled, other = standardize(train, test)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-14)
    np.testing.assert_allclose(scaled.std(0), 1, rtol=1e-14)
    np.testing.assert_allclose(other, (test - train.mean(0)) / train.std(0), rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1e9 + 0.1, -7.3, 1e-300])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_that_do_not_vary_are_only_shifted(value, dtype):
    """The mean of n equal numbers is not always that number in floating point, nor their deviation 0."""
    for n in (3, 10, 1000):
        train = np.full((n, 1), value, dtype)
        scaled, other = standardize(train, train + np.array(2, dtype))
        assert np.abs(scaled).max() <= 1e-5 * abs(value)
        np.testing.assert_allclose(other, (train + np.array(2, dtype)) - train, rtol=1e-3, atol=1e-5 * abs(value))


def test_one_array_gives_one_and_several_a_list():
    assert isinstance(standardize(X), np.ndarray)
    assert [type(part) for part in standardize(X, X)] == [np.ndarray, np.ndarray]


def test_the_same_scaling_as_scikit_learn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    train, test = np.random.default_rng(0).normal(5, 3, (100, 4)), np.random.default_rng(1).normal(5, 3, (50, 4))
    train[:, 2] = 0.1
    scaler = preprocessing.StandardScaler().fit(train)
    for mine, theirs in zip(standardize(train, test), (scaler.transform(train), scaler.transform(test))):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)


def test_ints_become_floats_and_the_arrays_stay_as_they_are():
    before = Y.copy()
    scaled = mt.data.standardize(Y)
    assert scaled.dtype.kind == "f"
    np.testing.assert_array_equal(Y, before)
