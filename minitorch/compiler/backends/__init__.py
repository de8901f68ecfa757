"""Backends: each makes of a plan a program that can be bound to sizes and called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from minitorch.compiler.backends.base import Backend, Batches, Bound, Function, Memory
from minitorch.compiler.backends.interpreter import Interpreter
from minitorch.lazy import lazy

numpy_source = lazy("minitorch.compiler.backends.numpy_source")
c_source = lazy("minitorch.compiler.backends.c_source")


class Backends(Mapping[str, type[Backend]]):
    """Backends by name, each imported when it is first asked for."""

    def __init__(self, found: Mapping[str, Callable[[], type[Backend]]]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> type[Backend]:
        return self._found[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


BACKENDS = Backends(
    {"interpreter": lambda: Interpreter, "numpy": lambda: numpy_source.NumPySource, "c": lambda: c_source.CSource}
)
"""A new backend is one file and one entry here."""

__all__ = ["BACKENDS", "Backend", "Batches", "Bound", "Function", "Memory"]
