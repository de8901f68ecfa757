"""Kept: what the compiler made of a graph, on disk under a digest of the graph, so that it is made once a machine.

Where an equal graph is traced again, no pass runs, nothing is planned and nothing is written.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from functools import cache as once
from io import BytesIO
from typing import Any

import numpy as np

from minitorch.compiler import processor
from minitorch.compiler.backends.c_source import cache
from minitorch.compiler.backends.c_source.alike import signature
from minitorch.compiler.backends.c_source.footing import Footing
from minitorch.compiler.backends.c_source.written import Written
from minitorch.graph.dim import Symbol, symbols_in
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor, reserved
from minitorch.lazy import LOADED

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
PARTS = ("graph", "ops", "compiler")
"""The folders of minitorch that decide what is made of a graph."""

Made = tuple[Written, Footing]


def name(traced: Graph, vector_bytes: int) -> str | None:
    """The name under which is kept what was made of such a graph; None where a user's own operation has part in it."""
    files = package()
    if files is None or any(node.op.name not in reserved for node in traced.nodes):
        return None
    machine = (vector_bytes, processor.identity(), processor.outruns_second_cache(), np.__version__)
    return cache.digest("made", files, repr(machine), signature(traced))


def recall(name: str, traced: Graph) -> Made | None:
    """What was made of an equal graph by an equal minitorch, now or at another time, on the leaves of this one.

    Reading it runs code as much as the libraries beside it do: `cache` lets nobody else write either.
    """
    found = cache.recall(name)
    made: Made | None = None if found is None else _Reader(found, traced).load()
    return made


def remember(name: str, traced: Graph, made: Made) -> None:
    """Keep what was made of a graph."""
    content = BytesIO()
    _Writer(content, traced).dump(made)
    cache.remember(name, content.getvalue())


class _Writer(pickle.Pickler):
    """Writes what is the traced graph's own, its leaves and unknown sizes, as numbers."""

    def __init__(self, file: BytesIO, traced: Graph) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.numbers = {each: k for k, each in enumerate(_own(traced))}

    def persistent_id(self, value: Any) -> int | None:
        return self.numbers.get(value) if isinstance(value, Tensor | Symbol) else None


class _Reader(pickle.Unpickler):
    """Reads it, with those of another graph that is equal."""

    def __init__(self, content: bytes, traced: Graph) -> None:
        super().__init__(BytesIO(content))
        self.own = list(_own(traced))

    def persistent_load(self, number: int) -> Any:
        return self.own[number]


def _own(graph: Graph) -> dict[Tensor | Symbol, None]:
    """What stands for itself, in the order in which equal graphs have it."""
    leaves = [node for node in graph.mentioned if not node.inputs]
    return dict.fromkeys([*leaves, *symbols_in(tuple(t.shape for t in graph.inputs))])


@once
def package() -> str | None:
    """A text that changes with the files of minitorch: their sizes and times, as Python tells whether code is stale.
    None where one has changed since this process began to import them: what runs here is not what they say."""
    files = sorted(file for part in PARTS for file in _files(os.path.join(PACKAGE, part)))
    return None if any(max(times) > LOADED for _, _, *times in files) else repr(files)


def _files(folder: str) -> Iterator[tuple[str, int, int, int]]:
    for entry in os.scandir(folder):
        if entry.name.endswith((".py", ".c")):
            status = entry.stat()
            yield entry.path, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        elif entry.is_dir():
            yield from _files(entry.path)
