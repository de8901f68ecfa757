"""What a backend may give that rounds in its own way: how far each result may be off, and where nothing can be said.

The graph is computed by the reference several times, every rounded value moved a little in each. So far as the results
move, a result may be off. Values that hang on how something was rounded, such as those made of what cancelled or of
what nearly overflowed, are doubtful: there is nothing to hold them against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minitorch import ops
from minitorch.compiler.backends.base import resolve
from tests.fuzz.reference import Values, evaluate

SAMPLES = 4
UNITS = 16  # units in the last place by which a value is moved
SLACK = 8  # times as far as a result moved it may be off
LINEAR = {ops.add, ops.subtract, ops.sum, ops.matmul, ops.cumsum, ops.add_at, ops.add_along_axis}
"""What adds up: off by as much as its operands, and, in another order, by a part of the sum of their sizes."""
MOVES = {ops.copy, ops.negative, ops.concatenate, ops.embed, ops.take, ops.take_along_axis}
"""What gives what it was given."""
CHOICES = {
    ops.max, ops.min, ops.maximum, ops.minimum, ops.clip, ops.where, ops.relu, ops.abs, ops.sign, ops.argmax,
    ops.argmin, ops.any, ops.all, ops.isnan, ops.isinf, ops.isfinite, ops.floor, ops.ceil, ops.trunc, ops.rint,
    ops.equal, ops.not_equal, ops.less, ops.less_equal, ops.greater, ops.greater_equal, ops.logical_not,
}  # fmt: skip
"""What rounds nothing, but jumps where its operands move."""


class Verdict(NamedTuple):
    """A result by the reference, and how far another may be off."""

    value: Any
    most: Any


def verdicts(graph: Any, feeds: Mapping[Any, Any], sizes: Mapping[Any, int]) -> list[Verdict | None]:
    """For each root what it must be; None where nothing can be said of it."""
    with np.errstate(all="ignore"):
        clean = evaluate(graph, feeds, sizes)
        most = [np.zeros(np.shape(clean[t])) for t in graph.roots]
        doubtful: set[Any] = set()
        for sample in range(SAMPLES):
            moved = Moved(sample, clean, sizes)
            moved.note_feeds(feeds)
            values = evaluate(graph, feeds, sizes, moved)
            doubtful |= moved.doubtful
            most = [np.maximum(m, _apart(values[t], clean[t])) for m, t in zip(most, graph.roots, strict=True)]
    pairs = zip(graph.roots, most, strict=True)
    return [None if t in doubtful else Verdict(clean[t], _allowed(clean[t], m)) for t, m in pairs]


def wrong(got: Any, verdict: Verdict) -> Any:
    """Where a result is off by more than rounding explains, or NaN or infinite where it must not be."""
    value, most = verdict
    with np.errstate(all="ignore"):
        if value.dtype.kind != "f":
            return (got != value) & (most == 0)
        numbers = np.isfinite(value)
        return np.where(numbers, ~(np.abs(got - value) <= most), ~((got == value) | (np.isnan(got) & np.isnan(value))))


def _apart(a: Any, b: Any) -> Any:
    if a.dtype.kind != "f":
        return np.asarray(a != b, np.float64)
    return np.where(np.isfinite(b), np.abs(a.astype(np.float64) - b), 0)


def _allowed(clean: Any, most: Any) -> Any:
    if clean.dtype.kind != "f":
        return most
    info = np.finfo(clean.dtype)
    return SLACK * (most + info.eps * np.abs(clean.astype(np.float64)) + info.smallest_subnormal)


class Moved:
    """Moves every value that was rounded, and notes what is doubtful."""

    def __init__(self, sample: int, clean: Values, sizes: Mapping[Any, int]) -> None:
        self.sample, self.clean, self.sizes = sample, clean, sizes
        self.random = np.random.default_rng(sample)
        self.doubtful: set[Any] = set()
        self.extreme: set[Any] = set()  # nearly too large, or too small
        self.cancelled: set[Any] = set()  # more rounding than value

    def note_feeds(self, feeds: Mapping[Any, Any]) -> None:
        self.extreme |= {t for t, a in feeds.items() if _extreme(a)}

    def __call__(self, node: Any, inputs: list[Any], value: Any) -> Any:
        moved = value if self._exact(node) else self._moved(node, inputs, value)
        clean = self.clean[node]
        if _extreme(moved) or _extreme(clean):
            self.extreme.add(node)
        if moved.dtype.kind == "f" and bool((np.abs(moved - clean) > 0.01 * np.abs(clean)).any()):
            self.cancelled.add(node)
        unsure = _undefined(node, inputs) or _left_out(node, inputs) or _differ(moved, clean)
        if unsure or any(self._spoils(node, i) for i in node.inputs):
            self.doubtful.add(node)
        return moved

    def _exact(self, node: Any) -> bool:
        plain = not node.inputs or node.op.view or node.op in MOVES or node.op in CHOICES
        return plain or node.dtype.kind != "f" or node.op is ops.random_uniform

    def _spoils(self, node: Any, source: Any) -> bool:
        """Whether nothing can be said of a node because of one that it reads."""
        if source in self.doubtful:
            return node.op is not ops.size_of
        if node.op in MOVES or node.op.view:
            return False
        if source in self.extreme:
            return node.op not in CHOICES or source in self.cancelled
        return source in self.cancelled and node.op not in LINEAR

    def _moved(self, node: Any, inputs: Sequence[Any], value: Any) -> Any:
        unit = UNITS * float(np.finfo(value.dtype).eps)
        size = np.abs(value)
        if node.op in LINEAR:
            size = self._summed(node, inputs)
        step = np.where(np.isfinite(value), unit * size * self._signs(value.shape), 0)
        return np.asarray(value + step).astype(value.dtype)

    def _summed(self, node: Any, inputs: Sequence[Any]) -> Any:
        """The sum of the sizes of what is added up."""
        sizes = [np.abs(x) if x.dtype.kind == "f" else x for x in inputs]  # others are indices
        if node.op in (ops.add, ops.subtract):
            return sizes[0] + sizes[1]
        return node.op.kernel(*sizes, **{key: resolve(attr, self.sizes) for key, attr in node.attrs.items()})

    def _signs(self, shape: tuple[int, ...]) -> Any:
        if self.sample < 2:
            return 1.0 if self.sample else -1.0
        return self.random.uniform(-1, 1, shape)


def _extreme(value: Any) -> bool:
    """Whether there are numbers so large or so small that what is made of them may overflow, or vanish."""
    if value.dtype.kind != "f":
        return False
    least, most = (1e-30, 1e30) if value.dtype == np.float32 else (1e-270, 1e270)
    size = np.abs(value)
    return bool((np.isfinite(value) & (size > 0) & ((size < least) | (size > most))).any())


def _undefined(node: Any, inputs: Sequence[Any]) -> bool:
    """Whether a float becomes an int that cannot hold it, which no standard defines."""
    if node.op is not ops.cast or node.dtype.kind not in "iu" or inputs[0].dtype.kind != "f":
        return False
    info = np.iinfo(node.dtype)
    return not bool(((inputs[0] > info.min - 1.0) & (inputs[0] < info.max)).all())


def _left_out(node: Any, inputs: Sequence[Any]) -> bool:
    """Whether NaN or infinity may be lost in a product: some of BLAS leave out what is multiplied by zero."""
    return node.op is ops.matmul and not all(bool(np.isfinite(x).all()) for x in inputs)


def _differ(a: Any, b: Any) -> bool:
    """Whether values are NaN or infinite at different places."""
    if a.dtype.kind != "f":
        return False
    same = (np.isfinite(a) & np.isfinite(b)) | (a == b) | (np.isnan(a) & np.isnan(b))
    return not bool(same.all())
