"""The slope of a function along a direction, as exactly as can be told without a rule, and how far it may be off.

Central differences are extrapolated from two steps (Richardson 1911); where the function takes complex numbers, its
slope is that of a complex step (Squire and Trapp 1998), which cancels nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minitorch.graph.storage import Array

STEP = 1e-4  # relative to the numbers that move; the error of an extrapolated difference is of order STEP^4
COMPLEX_STEP = 1e-20
MOST_ELEMENTS = 12  # directions along single elements; two more are random


class Slope(NamedTuple):
    value: float
    error: float


def directions(random: np.random.Generator, shape: tuple[int, ...]) -> Iterator[Array]:
    """A few single elements, then all at once."""
    count = int(np.prod(shape))
    for i in random.permutation(count)[:MOST_ELEMENTS]:
        direction = np.zeros(count)
        direction[i] = 1
        yield direction.reshape(shape)
    for _ in range(2):
        yield random.uniform(-1, 1, shape)


def slope_along(f: Callable[[list[Array]], Any], arrays: list[Array], operand: int, direction: Array) -> Slope | None:
    """The slope along a direction, with what it may be off; None where there is none, or none that can be told."""
    moving = np.abs(arrays[operand])[direction != 0]
    h = STEP * max(float(moving.max(initial=0)), 1e-3)
    at = partial(_along, f, arrays, operand, direction)
    with np.errstate(all="ignore"):
        here = float(at(0.0))
        ends = [float(at(t * h)) for t in (-1, -0.5, 0.5, 1)]
        if not np.isfinite([here, *ends]).all():
            return None
        whole, half = (ends[3] - ends[0]) / (2 * h), (ends[2] - ends[1]) / h
        noise = 50 * np.finfo(np.float64).eps * max(abs(here), *map(abs, ends)) / h
        scale = max(abs(whole), abs(half), (abs(ends[3] - here) + abs(here - ends[0])) / h)
        bend, inner = abs(ends[3] - 2 * here + ends[0]) / h, 2 * abs(ends[2] - 2 * here + ends[1]) / h
        if bend > 1e-3 * scale + 20 * noise and inner > 0.75 * bend:
            return None  # a bend that stays as sharp when looked at closer
        if abs(whole - half) > 1e-3 * scale + 10 * noise:
            return None
        value = half + (half - whole) / 3
        step = _complex_step(at)
    if step is not None and abs(step - value) <= 1e-4 * scale + 10 * noise:
        return Slope(step, 1e-9 * scale)
    return Slope(value, 0.1 * abs(whole - half) + noise)


def _along(
    f: Callable[[list[Array]], Any], arrays: Sequence[Any], operand: int, direction: Any, t: complex
) -> Any:  # fmt: skip
    return f([a + t * direction if i == operand else a for i, a in enumerate(arrays)])


def _complex_step(at: Callable[[Any], Any]) -> float | None:
    """The slope as the imaginary part of the value at an imaginary step; None where the kernel takes none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a kernel that drops the imaginary part says so
            value = at(1j * COMPLEX_STEP)
    except (TypeError, ValueError, AttributeError, IndexError, Warning):
        return None
    if not np.iscomplexobj(value) or not np.isfinite(value):
        return None
    return float(np.imag(value)) / COMPLEX_STEP
