"""C text to a loaded library: compile, link, load, each only where that has not been done before."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from minitorch.compiler.backends.c_source import cache, toolchain
from minitorch.compiler.backends.c_source.cache import Kept
from minitorch.compiler.backends.c_source.process import Outcome, run
from minitorch.compiler.backends.c_source.toolchain import Compiler
from minitorch.errors import CompilerError
from minitorch.lazy import lazy

shlex = lazy("shlex")

LONGEST = 4000
"""Letters of a compiler's words that an error repeats."""

_loaded: dict[str, ctypes.CDLL] = {}
_lock = threading.Lock()


def renew_lock() -> None:
    """After a fork: whoever held the lock is not there to release it."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renew_lock)


def load(source: str, parts: Sequence[str] = ()) -> ctypes.CDLL:
    """The library made of a C text and of further complete ones, which are compiled once a machine.

    The same texts give the same library, once a process. Calls of its functions release the interpreter's lock.
    """
    compiler = toolchain.require()
    name = key(source, parts)
    if name not in _loaded:
        with _lock:
            if name not in _loaded:
                _loaded[name] = open_library(built(compiler, source, parts))
    return _loaded[name]


def key(source: str, parts: Sequence[str] = ()) -> str:
    """The name of a library in the cache, for all that decides what it does."""
    return cache.digest("library", toolchain.require().key, source, *parts)


# ---- compile and link ----


def built(compiler: Compiler, source: str, parts: Sequence[str]) -> Kept:
    """The shared library on disk, from the cache or made now."""
    name = key(source, parts)
    if (found := cache.find(name, ".so")) is not None:
        return found
    try:
        with cache.workspace() as work:
            return linked(compiler, name, source, parts, work)
    except OSError as error:
        raise CompilerError(f"a C program could not be compiled: {error}") from error


def linked(compiler: Compiler, name: str, source: str, parts: Sequence[str], work: Path) -> Kept:
    """Compile what is missing, side by side, and link it."""
    main = cache.write(work, name, "source.c", source.encode())
    names = {part: cache.digest("object", compiler.key, part) for part in parts}
    found = {part: cache.find(n, ".o") for part, n in names.items()}
    missing = [part for part, kept in found.items() if kept is None]
    if not missing:  # one run does all
        made = work / "library.so"
        return finished(compiler.link([main, *(k.path for k in found.values() if k)], made), main, name, ".so", work)
    sources = [main, *(cache.write(work, names[part], "source.c", part.encode()) for part in missing)]
    objects = [work / f"{i}.o" for i, _ in enumerate(sources)]
    commands = [compiler.compile(s, o) for s, o in zip(sources, objects, strict=True)]
    for command, s, outcome in zip(commands, sources, run(commands, work), strict=True):
        check(command, s, outcome)
    for part, made in zip(missing, objects[1:], strict=True):
        found[part] = cache.keep(work, names[part], ".o", made.read_bytes())
    inputs = [objects[0], *(kept.path for kept in found.values() if kept is not None)]
    return finished(compiler.link(inputs, work / "library.so"), main, name, ".so", work)


def finished(command: list[str], source: Path, name: str, suffix: str, work: Path) -> Kept:
    (outcome,) = run([command], work)
    check(command, source, outcome)
    return cache.keep(work, name, suffix, (work / "library.so").read_bytes())


def check(command: Sequence[str], source: Path, outcome: Outcome) -> None:
    """Raise where a compiler did anything but its work in silence."""
    if outcome.silent:
        return
    said = outcome.words if len(outcome.words) <= LONGEST else outcome.words[:LONGEST] + " ..."
    message = f"the C compiler {outcome.ended}; the source is kept in {source}\n{shlex.join(command)}\n{said}"
    raise CompilerError(message.rstrip())


# ---- load ----


def open_library(kept: Kept) -> ctypes.CDLL:
    """Load a library from its place; where the system does not execute files from there, from another."""
    problems = []
    for path in places(kept):
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:
            problems.append(str(error))
    raise CompilerError("a compiled program could not be loaded: " + "; ".join(problems))


def places(kept: Kept) -> Iterator[Path]:
    """Where a library can be loaded from: the cache, a temporary folder, memory."""
    yield kept.path
    work = cache.temporary()
    yield cache.write(work, "elsewhere", kept.path.name, kept.content)
    if hasattr(os, "memfd_create"):
        # Never closed: the loader knows libraries by their paths, and must not meet this one again.
        memory = os.memfd_create(kept.path.name)
        with open(memory, "wb", closefd=False) as file:
            file.write(kept.content)
        yield Path(f"/proc/self/fd/{memory}")
