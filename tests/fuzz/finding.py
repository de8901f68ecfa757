"""What the fuzzer finds, and what it means for two values to be the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tests.fuzz.case import Built


class Buildable(Protocol):
    def build(self, wide: bool = False) -> Built: ...


@dataclass(frozen=True)
class Failure:
    """What went wrong. `kind` is what has to stay the same while a failing graph is made smaller."""

    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class Found(Exception):
    """Carries a failure out of a check."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.failure = Failure(kind, detail)


def attempt(what: str, call: Any) -> Any:
    try:
        return call()
    except Exception as error:  # whatever comes is a finding
        raise Found(f"{what} raised {type(error).__name__}", str(error)[:300]) from error


def same_bits(a: Any, b: Any) -> bool:
    """Equal shape, dtype and bits; any NaN equals any NaN."""
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    if a.dtype.kind != "f":
        return bool((a == b).all())
    with np.errstate(all="ignore"):
        same = (a == b) & (np.signbit(a) == np.signbit(b))
    return bool((same | (np.isnan(a) & np.isnan(b))).all())


def difference(a: Any, b: Any) -> str:
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return f"{a.dtype}{a.shape} instead of {b.dtype}{b.shape}"
    for index in np.ndindex(*a.shape):
        if not same_bits(a[index], b[index]):
            return f"at {index} {a[index]!r} instead of {b[index]!r}"
    return "nothing"
