"""The memory that parameters and variables live in: allocated once, never moved, guarded by one lock a block."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from math import prod
from weakref import WeakValueDictionary

import numpy as np

from minitorch.graph.types import DType

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register
Array = np.ndarray[tuple[int, ...], DType]

_serial = count()


def aligned(nbytes: int) -> Array:
    """Fresh bytes whose address is a multiple of 64. Their values are arbitrary."""
    raw = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + nbytes]


class Guard:
    """A lock with a number. Whoever takes several takes them in the order of their numbers; so does `fork`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.serial = next(_serial)
        _guards[self.serial] = self


_guards: WeakValueDictionary[int, Guard] = WeakValueDictionary()
_held: list[Guard] = []


def _before_fork() -> None:
    """Wait until no step is under way, so that a child has the parameters of whole steps and no lock is lost."""
    for _, guard in sorted(_guards.items()):
        guard.lock.acquire()
        _held.append(guard)


def _after_fork() -> None:
    while _held:
        _held.pop().lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


class _Current(threading.local):
    block: Block | None = None
    guard: Guard | None = None


_current = _Current()


class Block:
    """One allocation that storages are cut from, one after the other, with the lock that guards them."""

    def __init__(self, nbytes: int) -> None:
        self.bytes = aligned(nbytes)
        self.used = 0
        self.guard = _current.guard or Guard()

    def cut(self, shape: tuple[int, ...], dtype: DType) -> Array | None:
        nbytes = prod(shape) * dtype.itemsize
        start = -(-self.used // dtype.itemsize) * dtype.itemsize
        if start + nbytes > self.bytes.size:
            return None
        self.used = start + nbytes
        return self.bytes[start : start + nbytes].view(dtype).reshape(shape)


@contextmanager
def one_block(nbytes: int) -> Iterator[None]:
    """Storages made inside lie next to each other in one block of `nbytes`, as long as they fit."""
    outer = _current.block
    _current.block = Block(nbytes) if outer is None else outer
    try:
        yield
    finally:
        _current.block = outer


@contextmanager
def guarded_with(storage: Storage) -> Iterator[None]:
    """Storages made inside are guarded by the lock of `storage`: programs that use both take one lock for them."""
    outer = _current.guard
    _current.guard = storage.block.guard
    try:
        yield
    finally:
        _current.guard = outer


class Storage:
    """The array of a parameter or variable, and the block that it lies in."""

    __slots__ = ("__weakref__", "array", "block")

    def __init__(self, value: Array) -> None:
        block = _current.block
        array = block.cut(value.shape, value.dtype) if block is not None else None
        if block is None or array is None:
            block = Block(value.nbytes)
            array = block.cut(value.shape, value.dtype)
        assert array is not None
        array[...] = value
        self.array, self.block = array, block

    def __reduce__(self) -> tuple[type[Storage], tuple[Array]]:
        return Storage, (self.array.copy(),)

    def __deepcopy__(self, memo: object) -> Storage:
        return Storage(self.array)
