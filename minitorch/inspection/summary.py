"""What is in an array, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minitorch.graph.storage import Array

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Summary:
    """The range, mean and Euclidean norm of the finite elements, and the shares of zeros and of those not finite."""

    count: int
    low: float
    high: float
    mean: float
    norm: float
    zeros: float
    bad: float
    nans: int
    infinities: int

    @property
    def finite(self) -> bool:
        """Whether there is neither a NaN nor an infinity."""
        return not self.bad

    def __str__(self) -> str:
        """What went in or came out, in words: `from -1 to 0.5, mean -0.2, 2 of 6 elements are 0`."""
        if not self.count:
            return "no elements"
        parts = []
        if self.bad < 1:
            same = self.low == self.high
            parts = [f"all {self.low:.4g}" if same and not self.bad and self.count > 1 else f"{self.low:.4g}"]
            parts = parts if same else [f"from {self.low:.4g} to {self.high:.4g}, mean {self.mean:.4g}"]
            if self.zeros and not same:
                parts.append(f"{round(self.zeros * self.count)} of {self.count} elements are 0")
        parts += [self.trouble()] if self.bad else []
        return ", ".join(parts)

    def trouble(self) -> str:
        """How many elements are not finite, and what they are."""
        if self.count == 1:
            return "NaN" if self.nans else "infinite"
        kinds = [f"{self.nans} NaN"] if self.nans else []
        kinds += [f"{self.infinities} infinite"] if self.infinities else []
        return f"{self.nans + self.infinities} of {self.count} elements not finite ({', '.join(kinds)})"


def summary(array: Array) -> Summary:
    """The numbers of one array."""
    values = np.asarray(array, np.float64).ravel()
    count = values.size
    if not count:
        return Summary(0, NAN, NAN, NAN, NAN, 0.0, 0.0, 0, 0)
    finite = values[np.isfinite(values)]
    nans = int(np.isnan(values).sum())
    zeros, bad = float((values == 0).mean()), 1 - finite.size / count
    if not finite.size:
        return Summary(count, NAN, NAN, NAN, NAN, zeros, bad, nans, count - nans)
    low, high = float(finite.min()), float(finite.max())
    scale = max(abs(low), abs(high)) or 1.0  # so that squares neither overflow nor vanish
    mean = float((finite / scale).mean() * scale)
    with np.errstate(over="ignore"):
        norm = float(np.float64(np.linalg.norm(finite / scale)) * scale)
    return Summary(count, low, high, mean, norm, zeros, bad, nans, count - finite.size - nans)


def is_finite(array: Array) -> bool:
    """Whether there is neither a NaN nor an infinity in it."""
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
