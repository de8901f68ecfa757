"""Job: what the functions of a program in C are given, as `run.c` declares it."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

from minitorch.graph.dim import Symbol
from minitorch.graph.storage import Array


class Blas(ctypes.Structure):
    """Where the products of NumPy's BLAS are, and whether they count by 64 bits."""

    _fields_ = (("sgemm", ctypes.c_void_p), ("dgemm", ctypes.c_void_p), ("wide", ctypes.c_long))


class Column(ctypes.Structure):
    """An input that is taken row by row."""

    _fields_ = (
        ("rows", ctypes.c_void_p), ("gathered", ctypes.c_void_p), ("bytes", ctypes.c_long), ("place", ctypes.c_long),
        ("order", ctypes.c_long),
    )  # fmt: skip


class Result(ctypes.Structure):
    """An output, a row or a step after the other."""

    _fields_ = (
        ("values", ctypes.c_void_p), ("bytes", ctypes.c_long), ("place", ctypes.c_long), ("by_rows", ctypes.c_long),
    )  # fmt: skip


class Job(ctypes.Structure):
    """Batches of one size: how many, of which rows, and by how many threads."""

    _fields_ = (
        ("n", ctypes.c_void_p), ("m", ctypes.c_void_p), ("order", ctypes.c_void_p), ("first", ctypes.c_long),
        ("steps", ctypes.c_long), ("size", ctypes.c_long), ("number", ctypes.c_long),
        ("columns", ctypes.POINTER(Column)), ("inputs", ctypes.c_long),
        ("results", ctypes.POINTER(Result)), ("outputs", ctypes.c_long), ("threads", ctypes.c_long),
        ("parts", ctypes.c_long),
    )  # fmt: skip


_PLACE = ctypes.c_char * 0  # which arrays of no elements have room for


def address(array: Array) -> int:
    """Where an array starts that lies in one piece. One that has memory of its own, which may be written, tells it in a
    quarter of the time that `array.ctypes.data` takes; a view may warn that it was not to be written."""
    if array.base is not None or not array.flags.writeable:
        return array.ctypes.data
    return ctypes.addressof(_PLACE.from_buffer(array))  # type: ignore[arg-type]  # NumPy does not declare it a buffer


def typed(library: ctypes.CDLL) -> ctypes.CDLL:
    """A program, told what its functions return."""
    library.run.restype = library.scratch_bytes.restype = ctypes.c_long
    library.flops.restype = ctypes.c_double
    return library


def numbers_of(symbols: Sequence[Symbol], sizes: Mapping[Symbol, int]) -> ctypes.Array[ctypes.c_long]:
    """The unknown sizes in the order in which programs are given them."""
    return (ctypes.c_long * max(1, len(symbols)))(*(sizes[s] for s in symbols))
