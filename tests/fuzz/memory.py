"""Memory that tells on whoever misuses it: full of garbage, and with a page behind it that nobody may touch."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from minitorch.graph.storage import aligned

USERS = (
    "minitorch.graph.storage", "minitorch.compiler.backends.base", "minitorch.compiler.backends.c_source.binding",
    "minitorch.loop",
)  # fmt: skip
"""The modules that ask for memory."""


def fenced(nbytes: int) -> Any:
    """Bytes that end where the process may not go on; reading or writing past them kills it."""
    if os.name != "posix" or not nbytes:
        return filled(aligned(nbytes))
    whole = -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = np.frombuffer(mmap.mmap(-1, whole + mmap.PAGESIZE), np.uint8)
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(memory.ctypes.data + whole), ctypes.c_size_t(mmap.PAGESIZE), 0):
        raise OSError("a page cannot be closed")
    start = whole - -(-nbytes // 8) * 8
    return filled(memory[start : start + nbytes])


def filled(memory: Any) -> Any:
    """Memory full of NaN, and of numbers that are no indices."""
    memory[...] = 0xFF
    return memory


def fenced_copy(array: Any) -> Any:
    """The values of an array, in order, with a fence behind them."""
    copy = fenced(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@contextmanager
def fences() -> Iterator[None]:
    """Parameters, arenas and buffers have fences."""
    with ExitStack() as stack:
        for module in USERS:
            stack.enter_context(patch(f"{module}.aligned", fenced))
        yield
