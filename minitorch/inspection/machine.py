"""What this machine can reach: the rates of a product of matrices and of a copy, measured once."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np

from minitorch.graph.types import DType
from minitorch.inspection.profile import Ceilings

PRODUCTS = (128, 256, 512)  # rows and columns; the best of them counts, for threads may be busy elsewhere
COPIES = tuple(1 << k for k in (14, 16, 18, 20, 22, 25))  # bytes: from what the nearest cache holds to what none does
LONGEST = 0.02  # seconds that each is tried for


def ceilings(dtype: DType, nbytes: int) -> Ceilings:
    """What a product in this dtype reaches, and the best copy of at least so many bytes, read and written."""
    enough = [rate for size, rate in _copies() if 2 * size >= min(nbytes, 2 * COPIES[-1])]
    return Ceilings(_product(dtype), max(enough))


@cache
def _product(dtype: DType) -> float:
    """Billions of floating-point operations a second, with as many threads as BLAS takes."""
    return max(2 * n**3 / _best(_multiply(n, dtype)) / 1e9 for n in PRODUCTS)


def _multiply(n: int, dtype: DType) -> Callable[[], object]:
    a, b, out = np.ones((n, n), dtype), np.ones((n, n), dtype), np.empty((n, n), dtype)
    return lambda: np.matmul(a, b, out=out)


@cache
def _copies() -> list[tuple[int, float]]:
    """By the bytes of an array, the billions of bytes that copying it reads and writes in a second."""
    return [(size, 2 * size / _best(_copy(size)) / 1e9) for size in COPIES]


def _copy(size: int) -> Callable[[], object]:
    source, target = np.zeros(size, np.uint8), np.empty(size, np.uint8)
    return lambda: np.copyto(target, source)


def _best(work: Callable[[], object]) -> float:
    """The shortest of some runs, in seconds, after one that does not count."""
    work()
    best, end = float("inf"), time.perf_counter() + LONGEST
    while (start := time.perf_counter()) < end or best == float("inf"):
        work()
        best = min(best, time.perf_counter() - start)
    return max(best, 1e-9)
