"""Written: a plan as C, in plain values."""

from __future__ import annotations

from typing import NamedTuple

from minitorch.compiler.backends.c_source.layout import Key


class Written(NamedTuple):
    """The program of a plan, and what a binding has to know of it."""

    source: str
    units: tuple[str, ...]
    """Further texts of C, which it is linked with."""
    table: dict[Key, int]
    """The places of the pieces of memory in the table that the program is given."""
    segments: tuple[str | int, ...]
    """What a step consists of: names of C functions, and numbers of instructions that NumPy's kernels compute."""
    shared: float
    """The floating-point operations from which on threads share a step."""
    blas: bool
    """Whether it calls BLAS."""

    @property
    def whole(self) -> bool:
        """Whether Python has no part in a step."""
        return not any(isinstance(segment, int) for segment in self.segments)
