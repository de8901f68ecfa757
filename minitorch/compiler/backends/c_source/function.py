"""A C function while it is written: its arguments, its lines, and what else it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from minitorch.compiler.backends.c_source.expressions import c_type
from minitorch.compiler.backends.c_source.layout import Key, Layout, Sizes
from minitorch.graph.dim import Size
from minitorch.graph.storage import ALIGNMENT
from minitorch.graph.types import DType

_SIZE = re.compile(r"\bn\d+\b")
SPECIAL = {"blas": "const struct blas *blas", "scratch": "void *restrict scratch"}
TEAM = ("long me", "struct team *team")


class Part(NamedTuple):
    """A function that others call: its name and its text, which comes before theirs. Of one that has a `unit` of C of
    its own, which is compiled once a machine, this is the declaration; `work` says about how long that takes."""

    name: str
    text: str
    unit: str = ""
    work: int = 0


class Function:
    """The lines of a function. Each piece of memory is one argument, whatever is read and written there.

    `team` is for functions whose loops are shared by threads: then `me` is the number of this one.
    """

    def __init__(self, sizes: Sizes, team: bool = False) -> None:
        self.size_text, self.team = sizes, team
        self.lines: list[str] = []
        self.depth = 1
        self.arguments: dict[Key, str] = {}
        self.types: dict[str, DType] = {}
        self.written: set[str] = set()
        self.needs: set[Part] = set()
        self.mathematics: set[tuple[str, str]] = set()
        self.checks = False  # whether it returns if all indices exist
        self.room: Size = 0  # bytes of scratch memory for each thread

    def argument(self, layout: Layout, written: bool) -> str:
        """The name of the argument for a piece of memory."""
        name = self.arguments.setdefault(layout.key, f"a{len(self.arguments)}")
        assert self.types.setdefault(name, layout.dtype) == layout.dtype, "a piece of memory read in two types"
        if written:
            self.written.add(name)
        return name

    def order(self, layout: Layout) -> str:
        """The name of the argument that says which rows of an input are meant; null where they lie one by one."""
        return self.arguments.setdefault(("order", layout.key[1]), f"order{len(self.arguments)}")

    def scratch(self, count: Size, dtype: DType) -> str:
        """Memory that is nobody's, for `count` elements: an offset into that of this thread, in bytes."""
        start = self.room
        self.room = start + (count * dtype.itemsize + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        self.arguments[("scratch", 0)] = "scratch"
        return self.size_text(start)

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def nest(self, heads: Iterable[str]) -> Iterator[None]:
        """Lines inside these loops; a head that is no loop is a line of its own inside the loop before it."""
        opened = 0
        for head in heads:
            if head.startswith("for"):
                self.line(head + " {")
                self.depth += 1
                opened += 1
            else:
                self.line(head)
        yield
        for _ in range(opened):
            self.depth -= 1
            self.line("}")

    # ---- the finished text ----

    def sizes(self) -> list[str]:
        """The names of the unknown sizes that the lines mention."""
        found = set(_SIZE.findall("\n".join([*self.lines, *self._memory()])))
        return sorted(found, key=lambda name: int(name[1:]))

    def text(self, name: str, apart: bool = False) -> str:
        """The definition, under a name. `apart` keeps compilers from writing it out again at each call."""
        sizes = [f"long {size}" for size in self.sizes()]
        pointers = [self._declared(argument) for argument in self.arguments.values()]
        result = f"{'APART ' if apart else ''}{'int' if self.checks else 'void'}"
        head = f"static {result} {name}({', '.join([*sizes, *pointers, *(TEAM if self.team else ())]) or 'void'})"
        ending = ["    return 0;"] if self.checks else []
        body = [*self._memory(), *self.lines]
        alone = self.team and not any("team" in line for line in body)  # the work is one thread's
        unused = ["    (void)team;"] if alone else []
        return "\n".join([head, "{", *unused, *body, *ending, "}"])

    def _memory(self) -> list[str]:
        """The scratch memory of this thread."""
        if "scratch" not in self.arguments.values():
            return []
        if not self.team:
            return ["    char *const mine = scratch;"]
        own = any("mine" in line for line in self.lines)  # parts of sums are found without it
        mine = ["    char *const mine = (char *)scratch + me * room;"] if own else []
        return [f"    const long room = {self.size_text(self.room)};", *mine]

    def _declared(self, argument: str) -> str:
        if argument in SPECIAL:
            return SPECIAL[argument]
        if argument.startswith("order"):
            return f"const int64_t *{argument}"
        const = "" if argument in self.written else "const "
        return f"{const}{c_type(self.types[argument])} *restrict {argument}"
