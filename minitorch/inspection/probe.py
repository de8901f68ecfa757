"""Probes: sizes and values to try a graph on, ordinary numbers and special ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minitorch.compiler.backends.base import known_shape
from minitorch.graph.dim import Symbol, evaluate, symbols_in
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.types import DType
from minitorch.inputs import Requirement

SIZES = (0, 1, 2, 7)
LARGER = range(3, 65)  # where a graph needs more rows than any of these
KINDS = ("usual", "half", "alone", "alone", "alone", "alone")
"""Of the probes for each size, which floats are special: none, half of all, one alone. Half of all show what operations
make of each other's special values, but most sums are NaN then; of one alone something is left at the end."""

Sizes = dict[Symbol, int]


class Probe(NamedTuple):
    """A value for every leaf, and for every unknown size. `special` where floats are special."""

    sizes: Sizes
    values: dict[Tensor, Array]
    special: bool


def probes(graph: Graph, requirements: Sequence[Requirement]) -> Iterator[Probe]:
    """The same probes for the same graph, whatever was probed before."""
    leaves = list(dict.fromkeys((*graph.inputs, *(n for n in graph.nodes if _is_given(n)))))
    for number, sizes in enumerate(_all_sizes(leaves, requirements)):
        for round, kind in enumerate(KINDS):
            random = np.random.default_rng([number, round])
            values = {t: _values(random, known_shape(t.shape, sizes), t.dtype) for t in leaves}
            floats = [v for v in values.values() if v.dtype.kind == "f" and v.size]
            if kind == "half":
                _half_special(random, floats)
            elif kind == "alone" and floats:
                _one_special(random, floats, number * KINDS.count("alone") + round)
            yield Probe(sizes, values, kind != "usual")


def _is_given(node: Tensor) -> bool:
    return node.op.name == "placeholder" or "storage" in node.attrs


def _all_sizes(leaves: Iterable[Tensor], requirements: Sequence[Requirement]) -> list[Sizes]:
    """Sizes that a call could have: all unknown ones equal, and, where there are several, each another."""
    unknown = list(dict.fromkeys(s for t in leaves for s in symbols_in(t.shape)))
    if not unknown:
        return [{}, {}]
    equal = [dict.fromkeys(unknown, n) for n in SIZES]
    apart = [{s: 1 + (i + k) % (len(unknown) + 1) for i, s in enumerate(unknown)} for k in range(2)]
    tried = [sizes for sizes in (*equal, *(apart if len(unknown) > 1 else ())) if _fits(sizes, requirements)]
    return tried or [s for n in LARGER if _fits(s := dict.fromkeys(unknown, n), requirements)][:2]


def _fits(sizes: Mapping[Symbol, int], requirements: Iterable[Requirement]) -> bool:
    for (left, relation, right), _ in requirements:
        a, b = evaluate(left, sizes), evaluate(right, sizes)
        if not (a == b if relation == "==" else a >= b):
            return False
    return True


def _values(random: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> Array:
    """Numbers of a dtype; small ints, since they may be indices."""
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    if dtype.kind in "iu":
        return random.integers(0, 3, shape).astype(dtype)
    return np.asarray(random.standard_normal(shape), dtype)


def _half_special(random: np.random.Generator, floats: Iterable[Array]) -> None:
    """Put special numbers in the place of half of each."""
    for value in floats:
        rare = random.permutation(value.size)[: -(-value.size // 2)]
        value.flat[rare] = np.resize(random.permutation(_special(value.dtype)), rare.size)


def _one_special(random: np.random.Generator, floats: Sequence[Array], turn: int) -> None:
    """Put one special number somewhere: in turn, so that each comes up."""
    value = floats[int(random.integers(len(floats)))]
    special = _special(value.dtype)
    value.flat[int(random.integers(value.size))] = special[turn % len(special)]


def _special(dtype: DType) -> Array:
    info: Any = np.finfo(dtype.name)
    few = [0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, info.smallest_subnormal, -info.tiny, info.max, info.min]
    return np.array(few, dtype)
