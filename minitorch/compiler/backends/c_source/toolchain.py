"""The C compiler: which one, what it accepts, and what the processor it compiles for can do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache as once
from typing import NamedTuple

from minitorch.compiler import processor
from minitorch.compiler.backends.c_source import cache
from minitorch.errors import CompilerError
from minitorch.lazy import lazy

process = lazy("minitorch.compiler.backends.c_source.process")
shlex = lazy("shlex")

FORMAT = "2"
"""Changes with anything here that changes what is found, so that older findings are forgotten."""

REQUIRED = ("-std=gnu11", "-O2", "-fPIC")

OPTIONAL = (
    "-ftree-vectorize",
    "-fopenmp-simd",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fwrapv",
    "-march=native",
    "-fvect-cost-model=dynamic",  # gcc 12 and later vectorise at -O2 only what needs no check at run time
    "-mprefer-vector-width=512",
    "-w",  # what a compiler thinks of generated code helps nobody who runs it; our own tests ask for every warning
)
"""Flags that are used where the compiler takes them without a word."""

LINK = (
    "-Wl,-Bsymbolic",  # a library's own functions are called directly, whatever names the process has loaded
    "-Wl,-z,defs",  # a function that is nowhere is found out here, not when the library is loaded
)

FEATURES = (
    *("AVX512F", "AVX512DQ", "AVX512BW", "AVX512VL", "AVX2", "AVX", "FMA", "F16C", "SSE4_1", "SSE2"),
    *("ARM_NEON", "ARM_FEATURE_FMA", "ARM_FEATURE_SVE"),
)

TRIAL = """#include <math.h>
#include <stdint.h>
double trial(int64_t x) { return sqrt((double)x); }
"""

HINT = (
    "install one (Debian, Ubuntu: `apt install gcc libc6-dev`; Fedora: `dnf install gcc`; "
    "macOS: `xcode-select --install`) or name it in $CC"
)


class Compiler(NamedTuple):
    """A C compiler that works, with the flags that it takes."""

    command: tuple[str, ...]
    identity: str
    """A digest of what tells it from others: its files, their sizes and times, and the processor."""
    version: str
    """The first line of what it says of itself."""
    flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    features: tuple[str, ...]
    """Those of `FEATURES` that code may use."""

    @property
    def vector_bytes(self) -> int:
        """Bytes in the widest vector."""
        return 64 if "AVX512F" in self.features else 32 if "AVX" in self.features else 16

    def lanes(self, itemsize: int) -> int:
        """Elements in the widest vector."""
        return self.vector_bytes // itemsize

    @property
    def key(self) -> str:
        """A name for all that decides what becomes of a source."""
        return cache.digest(FORMAT, repr(tuple(self)))

    def compile(self, source: str, target: str) -> list[str]:
        """The command that makes an object of a source."""
        return [*self.command, *self.flags, "-c", source, "-o", target]

    def link(self, inputs: Sequence[str], target: str) -> list[str]:
        """The command that makes a shared library of objects and sources."""
        return [*self.command, *self.flags, "-shared", *inputs, "-o", target, *self.link_flags, "-lm"]


def find() -> Compiler | None:
    """The compiler to use: `$CC`, or else the first of cc, gcc and clang that works; None where there is none.

    A `$CC` that does not work is an error.
    """
    return search(os.environ.get("CC", "").strip(), os.environ.get("PATH"))[0]


def require() -> Compiler:
    """The compiler to use; where there is none, an error that says what to do."""
    compiler, problem = search(os.environ.get("CC", "").strip(), os.environ.get("PATH"))
    if compiler is None:
        raise CompilerError(problem)
    return compiler


@once
def search(chosen: str, path: str | None) -> tuple[Compiler | None, str]:
    """The compiler, or None and why. `path` is $PATH, on which the answer depends."""
    if os.name != "posix":
        return None, "the C backend needs Linux, macOS or another POSIX system"
    if chosen:
        return probe(words(chosen)), ""
    problems = ["no C compiler (cc, gcc, clang) was found on PATH"]
    for name in filter(which, ("cc", "gcc", "clang")):
        try:
            return probe((name,)), ""
        except CompilerError as error:
            problems.append(str(error))
    return None, f"{problems[-1]}; {HINT}"


def words(chosen: str) -> tuple[str, ...]:
    """The command that `$CC` holds: a path as it is, or a name with arguments."""
    try:
        command = (chosen,) if which(chosen) else tuple(shlex.split(chosen))
    except ValueError as error:
        raise CompilerError(f"$CC is {chosen!r}: {error}") from None
    if not which(command[0]):
        raise CompilerError(f"$CC is {chosen!r}, but {command[0]} is not a program that can be run")
    return (os.path.abspath(command[0]) if os.sep in command[0] else command[0], *command[1:])


def which(name: str) -> str | None:
    """The program that a command names. `shutil.which` finds it too, but takes longer to be imported than all else."""
    places = [""] if os.path.dirname(name) else os.get_exec_path()
    paths = (os.path.join(place, name) for place in places)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


# ---- what a compiler can do ----


def probe(command: tuple[str, ...]) -> Compiler:
    """What a compiler takes, from the cache, where no compiler is called at all, or by trial."""
    identity = identify(command)
    key = cache.digest("compiler", FORMAT, identity, repr((REQUIRED, OPTIONAL, LINK, FEATURES, TRIAL)))
    if (kept := cache.recall(key)) is None:
        kept = cache.remember(key, examine(command))
    return Compiler(command, identity, kept["version"], *(tuple(kept[k]) for k in ("flags", "link_flags", "features")))


def identify(command: tuple[str, ...]) -> str:
    """A text that changes when the compiler, or the processor, does."""
    files = []
    for word in command:
        if not word.startswith("-") and (found := which(word)):
            status = os.stat(found)
            files.append((os.path.realpath(found), status.st_size, status.st_mtime_ns))
    return cache.digest(repr((command, files, processor.identity())))


def examine(command: tuple[str, ...]) -> dict[str, str | list[str]]:
    """Call a compiler to see what it is and which flags it takes."""
    with cache.workspace() as work:
        with open(os.path.join(work, "trial.c"), "w", encoding="utf-8") as file:
            file.write(TRIAL)
        trials = [trial(command, work, OPTIONAL, LINK), defines(command, OPTIONAL)]
        version, everything, defined = process.run([[*command, "--version"], *trials], work)
        flags, link_flags = list(OPTIONAL), list(LINK)
        if not everything.silent:
            (plain,) = process.run([trial(command, work)], work)
            if not plain.silent:
                problem = f"the C compiler {shlex.join(command)} does not work: on a small program it {plain.ended}"
                raise CompilerError(f"{problem}\n{plain.words}".rstrip())
            flags = accepted(OPTIONAL, [trial(command, work, [flag]) for flag in OPTIONAL], work)
            link_flags = accepted(LINK, [trial(command, work, (), [flag]) for flag in LINK], work)
            (defined,) = process.run([defines(command, flags)], work)
    macros = {line.split()[1] for line in defined.words.splitlines() if line.startswith("#define __")}
    features = [name for name in FEATURES if f"__{name}__" in macros or f"__{name}" in macros]
    if "AVX512F" not in features:
        flags = [flag for flag in flags if flag != "-mprefer-vector-width=512"]
    first = version.words.partition("\n")[0]
    return {"version": first, "flags": [*REQUIRED, *flags], "link_flags": link_flags, "features": features}


def trial(command: Sequence[str], work: str, flags: Sequence[str] = (), link_flags: Sequence[str] = ()) -> list[str]:
    """The command that makes a library of the small program."""
    source, made = os.path.join(work, "trial.c"), os.path.join(work, "trial.so")
    return [*command, *REQUIRED, *flags, "-shared", source, "-o", made, *link_flags, "-lm"]


def defines(command: Sequence[str], flags: Sequence[str]) -> list[str]:
    """The command that prints the macros which tell what code may use."""
    return [*command, *REQUIRED, *flags, "-dM", "-E", "-x", "c", os.devnull]


def accepted(flags: Sequence[str], trials: Sequence[Sequence[str]], work: str) -> list[str]:
    """The flags whose trials passed without a word."""
    return [flag for flag, outcome in zip(flags, process.run(trials, work), strict=True) if outcome.silent]
