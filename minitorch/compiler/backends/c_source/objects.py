"""C text to a loaded library: compile, link, load, each only where that has not been done before."""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Sequence

from minitorch.compiler.backends.c_source import cache, toolchain
from minitorch.compiler.backends.c_source.cache import Kept
from minitorch.compiler.backends.c_source.toolchain import Compiler
from minitorch.errors import CompilerError
from minitorch.lazy import lazy

process = lazy("minitorch.compiler.backends.c_source.process")
shlex = lazy("shlex")

LONGEST = 4000
"""Letters of a compiler's words that an error repeats."""

COMMENT = re.compile(r"[ \t]*//[^\n]*")
"""Programs name in them the user's lines, which change with each edit of a file."""

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
                _loaded[name] = open_library(built(compiler, name, source, parts))
    return _loaded[name]


def key(source: str, parts: Sequence[str] = ()) -> str:
    """The name of a library in the cache, for all that decides what it does, which comments do not."""
    return cache.digest("library", toolchain.require().key, COMMENT.sub("", source), *parts)


# ---- compile and link ----


def built(compiler: Compiler, name: str, source: str, parts: Sequence[str]) -> Kept:
    """The shared library of this name on disk, from the cache or made now."""
    if (found := cache.find(name, ".so")) is not None:
        return found
    try:
        with cache.workspace() as work:
            main = cache.write(work, name, "source.c", cache.encoded(source))
            return cache.keep(work, name, ".so", linked(compiler, main, tuple(dict.fromkeys(parts)), work))
    except OSError as error:
        raise CompilerError(f"a C program could not be compiled: {error}") from error


def linked(compiler: Compiler, main: str, parts: Sequence[str], work: str) -> bytes:
    """Compile what is missing, side by side, and link it."""
    names = {part: cache.digest("object", compiler.key, part) for part in parts}
    inputs = {part: kept.path for part, name in names.items() if (kept := cache.find(name, ".o")) is not None}
    if missing := [part for part in parts if part not in inputs]:
        texts = [cache.write(work, names[part], "source.c", cache.encoded(part)) for part in missing]
        start, *objects = compiled(compiler, [main, *texts], work)
        for part, made in zip(missing, objects, strict=True):
            inputs[part] = cache.keep(work, names[part], ".o", contents(made)).path
    else:
        start = main  # one run of the compiler does all
    made = os.path.join(work, "library.so")
    execute([compiler.link([start, *(inputs[part] for part in parts)], made)], [main], work)
    return contents(made)


def compiled(compiler: Compiler, sources: Sequence[str], work: str) -> list[str]:
    """An object for each source, in the working folder."""
    objects = [os.path.join(work, f"{i}.o") for i in range(len(sources))]
    execute([compiler.compile(s, o) for s, o in zip(sources, objects, strict=True)], sources, work)
    return objects


def contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def execute(commands: Sequence[list[str]], sources: Sequence[str], work: str) -> None:
    """Run compilers; raise where one did anything but its work in silence."""
    for command, source, outcome in zip(commands, sources, process.run(commands, work), strict=True):
        if not outcome.silent:
            said = outcome.words if len(outcome.words) <= LONGEST else outcome.words[:LONGEST] + " ..."
            problem = f"the C compiler {outcome.ended}; the source is kept in {source}"
            raise CompilerError(f"{problem}\n{said}\n{shlex.join(command)}".replace("\n\n", "\n"))


# ---- load ----


def open_library(kept: Kept) -> ctypes.CDLL:
    """Load a library from its place; where the system does not execute what lies there, from another."""
    problems = []
    for place in (in_cache, in_temporary, in_memory):
        try:
            return ctypes.CDLL(place(kept))
        except OSError as error:
            problems.append(str(error))
    advice = "MINITORCH_CACHE may name a folder from which programs can be executed"
    raise CompilerError("\n".join(["a compiled program could not be loaded:", *problems, advice]))


def in_cache(kept: Kept) -> str:
    return kept.path


def in_temporary(kept: Kept) -> str:
    return cache.write(cache.folder_in(cache.temporary()), "elsewhere", os.path.basename(kept.path), kept.content)


def in_memory(kept: Kept) -> str:
    """A file without a place. It stays open: the loader knows libraries by their paths, and this one must not recur."""
    if not hasattr(os, "memfd_create"):
        raise OSError("this system has no files in memory")
    memory = os.memfd_create(os.path.basename(kept.path))
    with open(memory, "wb", closefd=False) as file:
        file.write(kept.content)
    return f"/proc/self/fd/{memory}"
