"""Where a node comes from: the user's line, the scope it was made in, and the node it was derived from."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

from minitorch.errors import ArgumentError
from minitorch.graph.text import printable, shown

PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
BETWEEN = PACKAGE, contextlib.__file__, copy.__file__  # files that call us on behalf of others
MOST_ORIGINS = 8


class Origin:
    """A place in the user's code. Only the code object and an offset are kept; the line is looked up when asked for."""

    __slots__ = ("_code", "_offset", "_where")

    def __init__(self, code: CodeType | None, offset: int, where: tuple[str, int, str] | None = None) -> None:
        self._code, self._offset, self._where = code, offset, where

    def _resolve(self) -> tuple[str, int, str]:
        if self._where is None:
            assert self._code is not None
            line = next((n for start, end, n in self._code.co_lines() if start <= self._offset < end), None)
            self._where = self._code.co_filename, line or self._code.co_firstlineno, self._code.co_name
        return self._where

    @property
    def filename(self) -> str:
        """The file, as Python names it."""
        return self._resolve()[0]

    @property
    def lineno(self) -> int:
        """The line, counted from 1."""
        return self._resolve()[1]

    @property
    def function(self) -> str:
        """The function, or `<module>`."""
        return self._resolve()[2]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Origin):
            return False
        same = self._code is other._code and self._offset == other._offset and self._code is not None
        return same or self._resolve() == other._resolve()

    def __hash__(self) -> int:
        return hash(self._resolve())

    def __str__(self) -> str:
        return f"{printable(os.path.basename(self.filename))}:{self.lineno}"

    def __repr__(self) -> str:
        return f"{printable(self.filename, 200)}:{self.lineno} in {printable(self.function)}"

    def __reduce__(self) -> tuple[type[Origin], tuple[None, int, tuple[str, int, str]]]:
        return Origin, (None, 0, self._resolve())


def here() -> Origin:
    """The innermost frame that is not minitorch's own."""
    frame = sys._getframe(1)
    while _is_between(frame) and frame.f_back is not None:
        frame = frame.f_back
    return Origin(frame.f_code, frame.f_lasti)


def _is_between(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file == "<string>":  # dataclasses
        return bool(frame.f_globals.get("__name__", "").startswith("minitorch."))
    return file.startswith(BETWEEN)


Source = tuple[tuple[Origin, ...], str]
"""The origins and the scope that a derived node takes over."""


class _Context(threading.local):
    """What the nodes made now inherit, a thread at a time."""

    scope: str = ""
    source: Source | None = None  # what the nodes made now are derived from, when they are
    role: str = "forward"


context = _Context()


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Group the nodes made inside under `name`, in print and in pictures. Scopes nest; modules open one each.

    >>> import minitorch as mt
    >>> with mt.scope("encoder"):
    ...     h = mt.tanh(mt.placeholder("x", (3,)))
    >>> h.scope
    'encoder'
    """
    if not isinstance(name, str):
        raise ArgumentError(f"scope: a name is a str, but {shown(name)} was given")
    outer = context.scope
    context.scope = f"{outer}/{name}" if outer else name
    try:
        yield
    finally:
        context.scope = outer


@contextmanager
def derived(source: Source | None, role: str) -> Iterator[None]:
    """Nodes made inside take the origins and scope of `source` (where there is one) and the given role."""
    outer = context.source, context.role
    context.source, context.role = source, role
    try:
        yield
    finally:
        context.source, context.role = outer


def merge_origins(a: tuple[Origin, ...], b: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """The origins of a node that stands for two: each once, at most 8."""
    if a is b or a == b:
        return a
    return tuple(dict.fromkeys(a + b))[:MOST_ORIGINS]
