"""Outputs over the plane of two inputs, frame by frame, and how good they are for the data that stands on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitorch.viz.page import encoded

Array = NDArray[Any]  # which says more to a type checker than that of the graph
GRID = 64  # outputs along each side of the plane
MOST_POINTS = 800  # of the data that are shown
MARGIN = 0.08  # of the data's width, left free around it
LEVELS = 15  # steps from a class's edge to its inside


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """What the outputs should be: classes, told by the largest output or by the side of a boundary; or values."""

    values: Array
    classes: tuple[str, ...] = ()
    boundary: float | None = None

    @property
    def measure(self) -> str:
        return "accuracy" if self.classes else "root mean square error"

    def decided(self, outputs: Array) -> Array:
        """The class of each row of outputs."""
        if self.boundary is None:
            chosen: Array = outputs.argmax(1)
            return chosen
        return (outputs.reshape(len(outputs)) > self.boundary).astype(np.intp)


def truth_of(y: Array, output: Array, boundary: float | None) -> Truth:
    """What targets mean for a model with such an output."""
    wide = int(np.prod(output.shape[1:]))
    flat = y.reshape(len(y), -1)
    if wide > 1 and flat.shape[1] == wide:
        return Truth(flat.argmax(1), tuple(map(str, range(wide))))
    if wide > 1 and flat.shape[1] == 1 and y.dtype.kind in "iu":
        return Truth(flat[:, 0], tuple(map(str, range(wide))))
    kinds = np.unique(flat)
    if wide == 1 and flat.shape[1] == 1 and len(kinds) == 2:
        edge = float(kinds.mean()) if boundary is None else float(boundary)
        return Truth((flat[:, 0] == kinds[1]).astype(np.intp), tuple(f"{k:g}" for k in kinds), edge)
    return Truth(flat)


def score_of(truth: Truth, outputs: Array) -> float:
    """The share of rows that are told right, or the root of the mean squared error."""
    if truth.classes:
        return float(np.mean(truth.decided(outputs.reshape(len(outputs), -1)) == truth.values))
    error = outputs.reshape(truth.values.shape).astype(np.float64) - truth.values
    return float(np.sqrt(np.mean(error * error)))


def plane_of(X: Array, truth: Truth | None, predict: Callable[[Array], Array]) -> Plane | None:
    """The plane that the data spans, or None where a model gives many outputs that are no classes."""
    outputs = predict(X[:1])
    single = int(np.prod(outputs.shape[1:])) == 1
    return Plane(X, truth, predict, single) if single or (truth is not None and truth.classes) else None


class Plane:
    """A grid over the data. `look` keeps the outputs on it as they are now."""

    def __init__(self, X: Array, truth: Truth | None, predict: Callable[[Array], Array], single: bool) -> None:
        self.X, self.truth, self.predict, self.single = X, truth, predict, single
        low, high = X.min(0).astype(float), X.max(0).astype(float)
        room = np.where(high > low, (high - low) * MARGIN, 0.5)
        self.low, self.high = low - room, high + room
        across, up = (np.linspace(a, b, GRID) for a, b in zip(self.low, self.high, strict=True))
        self.grid = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)  # a row after the other, the lowest first
        self.chosen = np.unique(np.linspace(0, len(X) - 1, min(len(X), MOST_POINTS)).astype(int))
        self.frames: list[Array] = []
        self.wrong: list[Array] = []

    def look(self) -> None:
        outputs = self.predict(self.grid).reshape(len(self.grid), -1)
        self.frames.append(outputs[:, 0] if self.single else self._margins(outputs))
        if self.truth is not None and self.truth.classes:
            shown = self.predict(self.X)[self.chosen].reshape(len(self.chosen), -1)
            right: Array = np.asarray(self.truth.decided(shown) == self.truth.values[self.chosen])
            self.wrong.append(~right)

    @staticmethod
    def _margins(outputs: Array) -> Array:
        """The class, and how far it is ahead of the next, as a share of the farthest that any is."""
        two = np.sort(outputs, 1).astype(np.float64)[:, -2:]
        ahead: Array = np.nan_to_num(two[:, 1] - two[:, 0])
        share: Array = ahead / max(float(ahead.max()), 1e-30)
        margins: Array = outputs.argmax(1) * (LEVELS + 1) + np.round(share * LEVELS)
        return margins

    def data(self) -> dict[str, Any]:
        """What the page shows: a byte for each place of the grid, the points, and which of them are told wrong."""
        frames: Array = np.stack(self.frames)
        known = frames[np.isfinite(frames)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        if self.single:
            frames = np.nan_to_num((frames - low) / ((high - low) or 1.0), nan=0.5, posinf=1, neginf=0) * 255
        points = np.round(self.X[self.chosen].astype(float), 4).tolist()
        truth = self.truth
        marks = [] if truth is None else truth.values[self.chosen].ravel()
        return {
            "grid": GRID, "x": [self.low[0], self.high[0]], "y": [self.low[1], self.high[1]],
            "single": self.single, "low": low, "high": high, "levels": LEVELS,
            "values": encoded(np.round(frames).astype(np.uint8)), "points": points,
            "marks": [round(float(m), 5) for m in marks],
            "classes": list(truth.classes) if truth else [], "boundary": truth.boundary if truth else None,
            "wrong": encoded(np.packbits(np.stack(self.wrong), axis=1)) if self.wrong else "",
        }  # fmt: skip
