"""Backends: each makes of a plan a program that can be bound to sizes and called."""

from minitorch.compiler.backends.base import Backend, Batches, Bound, Memory
from minitorch.compiler.backends.c_source import CSource
from minitorch.compiler.backends.interpreter import Interpreter
from minitorch.compiler.backends.numpy_source import NumPySource

BACKENDS: dict[str, type[Backend]] = {"interpreter": Interpreter, "numpy": NumPySource, "c": CSource}
"""A new backend is one file and one row here."""

__all__ = ["BACKENDS", "Backend", "Batches", "Bound", "Memory"]
