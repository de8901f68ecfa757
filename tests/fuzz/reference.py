"""What a graph means, node by node and without the compiler; and what its gradients are, by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minitorch.compiler.backends.base import resolve, takes_out
from minitorch.graph.dim import as_symbol

Values = dict[Any, Any]
Noise = Callable[[Any, list[Any], Any], Any]


def sizes_of(inputs: Sequence[Any], arrays: Sequence[Any]) -> dict[Any, int]:
    """The unknown sizes, read off the arrays."""
    found: dict[Any, int] = {}
    for placeholder, array in zip(inputs, arrays, strict=True):
        for size, got in zip(placeholder.shape, array.shape, strict=True):
            if not isinstance(size, int):
                found.setdefault(as_symbol(size), got)
    return found


def evaluate(
    graph: Any, feeds: Mapping[Any, Any], sizes: Mapping[Any, int], noise: Noise | None = None, ordered: bool = False
) -> Values:  # fmt: skip
    """The value of every node: what the kernel makes of the values of its inputs, in C order unless it is a view.

    `ordered` brings views into C order too. NumPy's sums, products and some functions differ in the last bit from one
    layout to another, so that is how two graphs are compared whose views differ.
    """
    values: Values = {t: np.array(a, order="C") for t, a in feeds.items()} if ordered else dict(feeds)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node not in values:
                value = _value(node, [values[i] for i in node.inputs], sizes, graph.training)
                value = np.array(value, order="C") if ordered and node.op.view else value
                values[node] = value if noise is None else noise(node, [values[i] for i in node.inputs], value)
    return values


def _value(node: Any, inputs: list[Any], sizes: Mapping[Any, int], training: bool) -> Any:
    if "storage" in node.attrs:
        return node.data.copy()
    if node.op.name == "constant":
        return node.attrs["value"]
    shape = resolve(node.shape, sizes)
    attrs: dict[str, Any] = {}
    if node.op.name == "in_training":
        value = np.array(np.broadcast_to(inputs[0 if training else 1], shape))
    else:
        attrs = {key: resolve(attr, sizes) for key, attr in node.attrs.items()}
        if not node.op.view and takes_out(node.op.kernel):
            attrs["out"] = np.full(shape, 77, node.dtype)
        value = node.op.kernel(*inputs, **attrs)
    if (value.shape, value.dtype) != (shape, node.dtype):
        raise AssertionError(f"{node.describe()} has a value of shape {value.shape} and dtype {value.dtype}")
    return value if node.op.view or "out" in attrs else np.array(value, order="C")


# ---- rounding: what a float32 result may differ by from the float64 one ----

ROUNDING = 2.0**-20  # 16 units in the last place of a float32, at every node
TINY, HUGE = 1e-30, 1e30  # outside of these a float32 may underflow or overflow where a float64 does not


class Rounding:
    """Disturbs every value as float32 rounding might, and notes which nodes no such disturbance can judge."""

    def __init__(self, sample: int, clean: Values) -> None:
        self.sample, self.clean = sample, clean
        self.random = np.random.default_rng(sample)
        self.doubtful: set[Any] = set()

    def leaves(self, feeds: Mapping[Any, Any]) -> Rounding:
        self.doubtful |= {t for t, a in feeds.items() if a.dtype.kind == "f" and not _middling(a)}
        return self

    def __call__(self, node: Any, inputs: list[Any], value: Any) -> Any:
        if any(i in self.doubtful for i in node.inputs) or node.op.name == "random_uniform":
            self.doubtful.add(node)
        if node.op.name in ("equal", "not_equal") and inputs[0].dtype.kind == "f" and self.sample == 0:
            close = np.asarray(np.isclose(inputs[0], inputs[1], 1e-5, 1e-12))
            return close if node.op.name == "equal" else np.logical_not(close)
        if node.dtype.kind != "f" or node.op.view:
            return value
        if not _middling(value) or self._cancelled(value, self.clean[node]):
            self.doubtful.add(node)
        return self.disturbed(value)

    def _cancelled(self, value: Any, clean: Any) -> bool:
        """Whether rounding has become a good part of the value: what is made of it may be anything."""
        return bool((np.abs(value - clean) > 0.01 * np.abs(clean)).any())

    def disturbed(self, value: Any) -> Any:
        if value.dtype.kind != "f":
            return value
        with np.errstate(all="ignore"):
            return np.asarray(value * (1 + ROUNDING * self._signs(value.shape))).astype(value.dtype)

    def _signs(self, shape: tuple[int, ...]) -> Any:
        if self.sample < 2:
            return 1.0 if self.sample else -1.0
        return self.random.uniform(-1, 1, shape)


def _middling(value: Any) -> bool:
    """Whether these are numbers that a float32 holds well."""
    size = np.abs(value)
    return bool(np.isfinite(value).all() and ((size == 0) | ((size > TINY) & (size < HUGE))).all())


def judged(
    graph: Any, feeds: Mapping[Any, Any], sizes: Mapping[Any, int], samples: int = 4
) -> list[tuple[Any, Any] | None]:  # fmt: skip
    """For each root of a float64 graph its value and how far float32 may be off; None where nothing can be said."""
    clean = evaluate(graph, feeds, sizes)
    doubtful: set[Any] = set()
    off = [np.zeros(np.shape(clean[t])) for t in graph.roots]
    for sample in range(samples):
        noise = Rounding(sample, clean).leaves(feeds)
        try:
            moved = evaluate(graph, {t: noise.disturbed(a) for t, a in feeds.items()}, sizes, noise)
        except IndexError:  # an index that is computed from floats has moved past the end
            return [None] * len(graph.roots)
        doubtful |= noise.doubtful
        with np.errstate(all="ignore"):
            off = [
                np.maximum(o, np.abs(np.subtract(moved[t], clean[t], dtype=np.float64)))
                for o, t in zip(off, graph.roots, strict=True)
            ]
    return [None if t in doubtful else (clean[t], o) for t, o in zip(graph.roots, off, strict=True)]


def off(got: Any, verdict: tuple[Any, Any]) -> Any:
    """Where a value is further off than rounding explains."""
    clean, most = verdict
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(got - clean) > 8 * most + 1e-5 * np.abs(clean) + 1e-6)


# ---- slopes: what a gradient is, from values alone ----

STEP = 1e-5
STEPS = (-1, -0.5, 0.5, 1)
LARGEST = 1e12  # of a loss: beyond it all numbers are whole, and steps such as ceil have a slope


def slope(loss_graph: Any, both: Any, at: Any, feeds: Mapping[Any, Any], sizes: Mapping[Any, int]) -> Any:
    """The gradient by `at` along a direction, the slope of the loss along it, and how large such slopes are.

    `both` returns the loss and its gradient. None where there is a kink, or too much noise. The point is moved a
    little first: at ties and at 0 there are kinks that no difference sees.
    """
    with np.errstate(all="ignore"):
        return _slope(loss_graph, both, at, feeds, sizes)


def _slope(loss_graph: Any, both: Any, at: Any, feeds: Mapping[Any, Any], sizes: Mapping[Any, int]) -> Any:
    loss, gradient = both.outputs
    base = evaluate(both, feeds, sizes)[at]
    if base.dtype != np.float64 or not base.size or not np.isfinite(base).all() or np.abs(base).max() > 1e6:
        return None
    random = np.random.default_rng(base.size)
    base = base + random.uniform(-0.01, 0.01, base.shape)
    direction = random.uniform(0.5, 1, base.shape) * np.sign(base)
    values = evaluate(both, {**feeds, at: base}, sizes)
    if any(v.dtype.kind == "f" and v.size and np.abs(v).max() > 1e10 for v in map(np.asarray, values.values())):
        return None  # a step is lost in numbers as large as these
    here, got = float(values[loss]), float((values[gradient] * direction).sum())
    ends = [float(evaluate(loss_graph, {**feeds, at: base + s * STEP * direction}, sizes)[loss]) for s in STEPS]
    if not np.isfinite([here, got, *ends]).all():
        return None
    whole, half = (ends[3] - ends[0]) / (2 * STEP), (ends[2] - ends[1]) / STEP
    left, right = (here - ends[0]) / STEP, (ends[3] - here) / STEP
    size = max(abs(left), abs(right), 1e-3 * abs(here), 1e-3)
    near = abs(here) < min(1e3 * size, LARGEST)
    smooth = near and abs(whole - half) < 1e-4 * size and abs(left - right) < 1e-2 * size
    return (got, half, size) if smooth else None
