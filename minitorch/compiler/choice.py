"""The choice of a backend: C where there is a compiler and it is worth its time, else NumPy and a line that says so."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from minitorch.compiler import optimise
from minitorch.compiler.backends import BACKENDS, Backend
from minitorch.compiler.plan import Plan, make_plan
from minitorch.compiler.rewrite import PassRecord
from minitorch.errors import CompilerError
from minitorch.graph.graph import Graph
from minitorch.lazy import lazy

logging = lazy("logging")
toolchain = lazy("minitorch.compiler.backends.c_source.toolchain")

Compiled = tuple[tuple[PassRecord, ...], Plan, Backend]

MOST_NODES = 4000  # of a graph that "auto" gives to a C compiler, which takes its time over long programs
VARIABLE = "MINITORCH_BACKEND"


def compiled(traced: Graph, backend: str) -> Compiled:
    """The passes, the plan and the code of a graph, by the backend of that name; "auto" takes the fastest there is.

    `MINITORCH_BACKEND` in the environment says what "auto" stands for.
    """
    if backend == "auto":
        backend = os.environ.get(VARIABLE) or "auto"
    if backend != "auto":
        return _by(traced, backend)
    if len(traced.nodes) > MOST_NODES:
        return _by(traced, "numpy")
    try:
        if toolchain.find() is not None:
            return _by(traced, "c")
        _say("no C compiler was found (cc, gcc, clang or $CC)")
    except CompilerError as error:
        _say(error.message)
    return _by(traced, "numpy")


def _by(traced: Graph, backend: str) -> Compiled:
    kind = BACKENDS[backend]
    with _uncollected():
        passes = optimise(traced, kind.lowering)
        plan = make_plan(passes[-1].after, kind.rules)
        return passes, plan, kind(plan)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage meanwhile: it would go through the growing graphs again and again, and they are in use."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@cache
def _say(why: str) -> None:
    """Once for each reason: programs run by NumPy, and why."""
    logging.getLogger("minitorch").warning("minitorch: %s; programs run by NumPy instead", why)
