"""Tables from files: CSV with or without a header, and npz with arrays X and y."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minitorch.errors import FileError
from minitorch.graph.storage import Array


class Table(NamedTuple):
    """Columns of finite numbers with their names, where they have any, and what is to be learned, as it stands in the
    file, where it is there."""

    X: Array
    names: tuple[str, ...]
    y: Array | None
    target: str


def read_table(path: Path, target: str | None, *, needs_target: bool) -> Table:
    """A table, its target split off: the column of that name or number, the last unless told otherwise.

    Where no target is needed, a column of that name is left out if it is there.
    """
    if path.suffix.lower() == ".npz":
        return _from_npz(path, needs_target)
    if path.suffix.lower() == ".csv":
        return _from_csv(path, target, needs_target)
    raise FileError(f"{path}: a table is a .csv or an .npz file")


def _from_npz(path: Path, needs_target: bool) -> Table:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name.lower(): file[name] for name in file.files}
    except (ValueError, EOFError) as error:
        raise FileError(f"{path}: this is no npz file of plain arrays ({error})") from None
    for name in ("x", "y") if needs_target else ("x",):
        if name not in arrays:
            raise FileError(f"{path}: an array {name!r} is expected; there are {', '.join(arrays) or 'none'}")
    X, y = arrays["x"], arrays.get("y")
    if X.ndim < 2 or X.dtype.kind not in "biuf":
        raise FileError(f"{path}: X is rows of numbers, but has the shape {X.shape} and the dtype {X.dtype}")
    if y is not None and (y.ndim == 0 or len(y) != len(X)):
        raise FileError(f"{path}: X has {len(X)} rows, but y has the shape {y.shape}")
    X = _finite(path, X.reshape(len(X), -1).astype("float64"), "X")
    return Table(X, (), None if y is None else y.reshape(len(y), -1), "y")


def _from_csv(path: Path, target: str | None, needs_target: bool) -> Table:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: this is no text in UTF-8 ({error.reason} at byte {error.start})") from None
    if not rows:
        raise FileError(f"{path}: the file is empty")
    titled = not any(_is_number(cell) for cell in rows[0])
    names = [cell.strip() for cell in rows[0]] if titled else [str(i) for i in range(len(rows[0]))]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise FileError(f"{path}: two columns have the name {twice!r}")
    body = rows[1:] if titled else rows
    for i, row in enumerate(body, 1 + titled):
        if len(row) != len(names):
            raise FileError(f"{path}: row {i} has {len(row)} cells, but the first has {len(names)}")
    column = _column(path, names, target, needs_target)
    kept = [i for i in range(len(names)) if i != column]
    X = _numbers(path, body, names, kept, titled)
    y = None if column is None else np.array([row[column].strip() for row in body], dtype=object)[:, None]
    return Table(X, tuple(names[i] for i in kept) if titled else (), y, "" if column is None else names[column])


def _column(path: Path, names: Sequence[str], target: str | None, needs_target: bool) -> int | None:
    if target is None:
        return len(names) - 1 if needs_target else None
    if target in names:
        return names.index(target)
    if target.lstrip("-").isdigit() and -len(names) <= int(target) < len(names):
        return int(target) % len(names)
    if not needs_target:
        return None
    raise FileError(f"{path}: there is no column {target!r}; there are {', '.join(names)}")


def _numbers(
    path: Path, body: Sequence[Sequence[str]], names: Sequence[str], kept: Sequence[int], titled: bool
) -> Array:  # fmt: skip
    X = np.empty((len(body), len(kept)))

    def cell(r: int, c: int) -> str:
        return f"{path}: row {r + 1 + titled}, column {names[kept[c]]}: {body[r][kept[c]]!r}"

    for r, row in enumerate(body):
        for c, i in enumerate(kept):
            try:
                X[r, c] = float(row[i])
            except ValueError:
                raise FileError(f"{cell(r, c)} is no number") from None
    for r, c in np.argwhere(~np.isfinite(X)):
        raise FileError(f"{cell(r, c)} is not finite")
    return X


def _finite(path: Path, values: Array, what: str) -> Array:
    for row, column in np.argwhere(~np.isfinite(values)):
        raise FileError(f"{path}: {what} is not finite in row {row + 1}, column {column + 1}: {values[row, column]}")
    return values


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def numbers_of(path: Path, y: Array) -> Array:
    """A target as finite numbers."""
    try:
        return _finite(path, np.asarray(y, "float64"), "the target")
    except ValueError as error:
        raise FileError(f"{path}: the target is to be numbers ({error}); for labels use --loss cross_entropy") from None
