"""What this machine can reach: the rates of products of matrices and of copies, measured in rounds, the best kept.

Other programs that run meanwhile make a round slower, none makes one faster: so every profile adds a round, and a rate
can only rise. Within a round each size has its turn, so that a moment's load does not fall on one of them alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from minitorch.graph.types import DType
from minitorch.inspection.profile import Ceilings

PRODUCTS = (128, 256, 512)  # rows and columns; the best of them counts
COPIES = tuple(1 << k for k in range(14, 26))  # bytes: from what the nearest cache holds to what none does
ROUNDS = 3  # at least
LONGEST = 0.003  # seconds that each is tried for in a round

Work = tuple[str, DType | None, int]
"""A product in a dtype, or a copy, and its size."""

_seconds: dict[Work, list[float]] = {}  # the shortest of each round


def ceilings(dtype: DType, nbytes: int) -> Ceilings:
    """The best product in this dtype, and the best copy of as many bytes, read and written.

    Of the sizes that were tried the one below is taken too: what has a few bytes more may still fit a cache.
    """
    measure([dtype])
    products, copies = _products(dtype), _copies()
    gflops = max(2 * work[2] ** 3 / min(_seconds[work]) / 1e9 for work in products)
    enough = [work for work in copies if 4 * work[2] > nbytes] or copies[-1:]
    gbytes = max(2 * work[2] / min(_seconds[work]) / 1e9 for work in enough)
    return Ceilings(gflops, gbytes, min(len(_seconds[work]) for work in (*products, *copies)))


def measure(dtypes: Collection[DType], more: int = 0) -> None:
    """Rounds as far as there are fewer than `ROUNDS`, and so many more."""
    works = [*_copies(), *(work for dtype in dict.fromkeys(dtypes) for work in _products(dtype))]
    done = min(len(_seconds.get(work, ())) for work in works)
    for _ in range(max(0, ROUNDS - done) + more):
        for work in works:
            _seconds.setdefault(work, []).append(_best(_task(work)))


def _products(dtype: DType) -> list[Work]:
    return [("product", dtype, n) for n in PRODUCTS]


def _copies() -> list[Work]:
    return [("copy", None, size) for size in COPIES]


def _task(work: Work) -> Callable[[], object]:
    kind, dtype, size = work
    if kind == "copy":
        source, target = np.ones(size, np.uint8), np.empty(size, np.uint8)  # zeros would be one page of memory
        return lambda: np.copyto(target, source)
    a: Any = np.ones((size, size), dtype)
    b, out = a.copy(), np.empty_like(a)
    return lambda: np.matmul(a, b, out=out)


def _best(work: Callable[[], object]) -> float:
    """The shortest of some runs, in seconds, after one that does not count."""
    work()
    best, end = float("inf"), time.perf_counter() + LONGEST
    while (start := time.perf_counter()) < end or best == float("inf"):
        work()
        best = min(best, time.perf_counter() - start)
    return max(best, 1e-9)
