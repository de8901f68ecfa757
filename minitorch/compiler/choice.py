"""Compilation by a backend of choice: C where there is a compiler and it is worth its time, else NumPy and a line that
says so."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from minitorch.compiler import optimise
from minitorch.compiler.backends import BACKENDS, Backend
from minitorch.compiler.plan import Plan, make_plan
from minitorch.compiler.rewrite import PassRecord
from minitorch.errors import CompilerError, OptionError
from minitorch.graph.graph import Graph
from minitorch.graph.origin import here
from minitorch.graph.text import shown
from minitorch.lazy import lazy

logging = lazy("logging")
toolchain = lazy("minitorch.compiler.backends.c_source.toolchain")

MOST_NODES = 4000  # of a graph that "auto" gives to a C compiler, which takes its time over long programs
VARIABLE = "MINITORCH_BACKEND"


class Compilation:
    """A graph on its way to a backend: what the passes did, and the plan. Both are made when one is asked for, which a
    backend does not do that finds the code of an equal graph."""

    def __init__(self, traced: Graph, kind: type[Backend]) -> None:
        self.traced, self.kind = traced, kind
        self._made: list[tuple[tuple[PassRecord, ...], Plan]] = []

    def passes(self) -> tuple[PassRecord, ...]:
        """What each pass did, in order."""
        return self._both()[0]

    def plan(self) -> Plan:
        """The instructions that the backend is given."""
        return self._both()[1]

    def _both(self) -> tuple[tuple[PassRecord, ...], Plan]:
        if not self._made:
            passes = optimise(self.traced, self.kind.lowering)
            self._made.append((passes, make_plan(passes[-1].after, self.kind.rules)))
        return self._made[0]  # the first, where two threads made one


def compiled(traced: Graph, backend: str) -> tuple[Compilation, Backend]:
    """A graph's compilation and its code, by the backend of that name; "auto" takes the fastest there is.

    `MINITORCH_BACKEND` in the environment says what "auto" stands for.
    """
    if backend == "auto":
        backend = os.environ.get(VARIABLE) or "auto"
        require(backend, VARIABLE)
    if backend != "auto":
        return _by(traced, backend)
    if len(traced.nodes) > MOST_NODES:
        _say(f"a C compiler takes long over more than {MOST_NODES:,} operations")
        return _by(traced, "numpy")
    try:
        if toolchain.find() is not None:
            return _by(traced, "c")
        _say("no C compiler was found (cc, gcc, clang or $CC)")
    except CompilerError as error:
        _say(error.message)
    return _by(traced, "numpy")


def require(backend: Any, title: str) -> None:
    """An error, under this title, for what is no backend's name, nor "auto"."""
    if not isinstance(backend, str) or (backend != "auto" and backend not in BACKENDS):
        known = f"there are auto, {', '.join(BACKENDS)}"
        raise OptionError(f"{title}: there is no backend {shown(backend)}; {known}\n  in {here()!r}")


def _by(traced: Graph, backend: str) -> tuple[Compilation, Backend]:
    made = Compilation(traced, BACKENDS[backend])
    return made, made.kind.of(traced, made.plan)


@cache
def _say(why: str) -> None:
    """Once for each reason: programs run by NumPy, and why."""
    logging.getLogger("minitorch").warning("minitorch: %s; programs run by NumPy instead", why)
