"""Plain helpers over arrays: batches, splits, scaling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minitorch.errors import ArgumentError, InputError, OptionError
from minitorch.functional.arguments import flag_of, is_number, source_of
from minitorch.graph.array import as_array
from minitorch.graph.storage import Array
from minitorch.graph.text import shown


def batches(
    *arrays: Any, batch_size: int, shuffle: bool = False, seed: int | None = None
) -> Iterator[tuple[Array, ...]]:
    """The rows of all arrays, `batch_size` at a time; the last batch holds what is left.

    Without `shuffle` batches are views. With it the rows come in a random order, the same for the same `seed`.
    Raises `InputError` where the arrays differ in length.

    >>> [x.tolist() for x, in batches([1, 2, 3], batch_size=2)]
    [[1, 2], [3]]
    """
    columns = rows_of(arrays, "batches")
    if not isinstance(batch_size, int | np.integer) or isinstance(batch_size, bool) or batch_size < 1:
        raise InputError(f"batches: a batch size is an int of 1 or more, but {shown(batch_size)} was given")
    shuffled = flag_of(shuffle, "shuffle", "batches")
    return _batches(columns, batch_size, order(len(columns[0]), shuffled, source_of(seed, "batches")))


def _batches(columns: Sequence[Array], batch_size: int, rows: Array | None) -> Iterator[tuple[Array, ...]]:
    for start in range(0, len(columns[0]), batch_size):
        chosen: Any = slice(start, start + batch_size) if rows is None else rows[start : start + batch_size]
        yield tuple(column[chosen] for column in columns)


def order(rows: int, shuffle: bool, source: Any) -> Array | None:
    """A random order of that many rows, or None for the order in which they stand."""
    chosen: Array | None = source.permutation(rows) if shuffle else None
    return chosen


def rows_of(arrays: Sequence[Any], function: str) -> list[Array]:
    """At least one array, all with the same number of rows."""
    columns: list[Array] = [_column(a, function) for a in arrays]
    lengths = [len(c) if c.ndim else 0 for c in columns]
    if not columns or len(set(lengths)) > 1 or not all(c.ndim for c in columns):
        shapes = ", ".join(str(c.shape) for c in columns)
        met = f"their shapes are {shapes}" if columns else "none was given"
        raise InputError(f"{function}: arrays of one length are expected, but {met}")
    return columns


def _column(value: Any, function: str) -> Array:
    """An array of whatever can be told by row: labels may be words."""
    try:
        return np.asarray(value)
    except Exception:
        raise InputError(f"{function}: an array is expected, but {shown(value)} makes none") from None


def train_test_split(*arrays: Any, test_size: float = 0.25, seed: int | None = None) -> list[Array]:
    """Each array in two parts, the same random rows held out from all: `X_train, X_test, y_train, y_test, ...`.

    >>> train, test = train_test_split(range(8), test_size=0.25, seed=0)
    >>> len(train), len(test)
    (6, 2)
    """
    columns = rows_of(arrays, "train_test_split")
    if not is_number(test_size) or not 0 < test_size < 1:
        raise OptionError(f"train_test_split: test_size is a share between 0 and 1, but {shown(test_size)} was given")
    rows = source_of(seed, "train_test_split").permutation(len(columns[0]))
    held_out = round(len(rows) * test_size)
    return [part for c in columns for part in (c[rows[held_out:]], c[rows[:held_out]])]


def standardize(train: Any, *others: Any) -> Any:
    """Each column shifted and scaled to mean 0 and deviation 1 as it is in `train`; the others by the same numbers.

    Columns that do not vary are only shifted. Returns one array, or a list where `others` were given.

    >>> standardize([[1.0], [3.0]]).tolist()
    [[-1.0], [1.0]]
    """
    arrays = [as_array(a, "standardize: an array of rows") for a in (train, *others)]
    first = arrays[0]
    if not first.ndim:
        raise ArgumentError(f"standardize: columns of numbers are expected, but {shown(train)} was given")
    for other in arrays[1:]:
        if not other.ndim or other.shape[1:] != first.shape[1:]:
            what = f"arrays with the columns of the first are expected, but their shapes are {first.shape}"
            raise InputError(f"standardize: {what} and {other.shape}")
    constant = (first == first[:1]).all(0) if len(first) else np.zeros(first.shape[1:], bool)
    mean = np.where(constant, first[0], first.mean(0)) if len(first) else first.sum(0)
    deviation = first.std(0) if len(first) else first.sum(0)
    scale = np.where(constant | (deviation == 0), 1, deviation).astype(deviation.dtype)
    scaled = [(a - mean) / scale for a in arrays]
    return scaled if others else scaled[0]
