"""Modules imported where they are first used: the one way to reach down a layer or to a heavy package."""

from __future__ import annotations

from importlib import import_module
from time import time_ns
from types import ModuleType
from typing import Any

LOADED = time_ns()
"""When minitorch began to be imported: files that have changed since are not what runs."""


class lazy(ModuleType):
    """A module that is imported when the first of its attributes is read.

    >>> json = lazy("json")
    >>> json.dumps([1, 2])
    '[1, 2]'
    """

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        if not name.startswith("__"):
            setattr(self, name, value)  # the next look-up is an ordinary one
        return value
