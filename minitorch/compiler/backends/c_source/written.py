"""Written: a plan as C in plain values, so that it is written once a machine: it stays on disk under the digest of all
that it was made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache as once
from typing import NamedTuple

from minitorch.compiler.backends.c_source import alike, cache
from minitorch.compiler.backends.c_source.layout import Key, Layouts
from minitorch.lazy import lazy

writer = lazy("minitorch.compiler.backends.c_source.writer")

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
PARTS = ("graph", "ops", "compiler")
"""The folders of minitorch that decide what is written."""


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


def found_or_made(layouts: Layouts, vector_bytes: int) -> Written:
    """What was written of an equal plan by an equal minitorch, now or at another time."""
    key = cache.digest("written", package(), str(vector_bytes), alike.signature(layouts))
    if (kept := cache.recall(key)) is None:
        kept = cache.remember(key, tuple(writer.Writer(layouts, vector_bytes).write()))
    return Written(*kept)


@once
def package() -> str:
    """A text that changes with the files of minitorch: their sizes and times, as Python tells whether code is stale."""
    return repr(sorted(file for part in PARTS for file in _files(os.path.join(PACKAGE, part))))


def _files(folder: str) -> Iterator[tuple[str, int, int, int]]:
    for entry in os.scandir(folder):
        if entry.name.endswith((".py", ".c")):
            status = entry.stat()
            yield entry.path, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        elif entry.is_dir():
            yield from _files(entry.path)
