"""A C function while it is written: its arguments, its lines, and what else it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from minitorch.compiler.backends.c_source.expressions import c_type
from minitorch.compiler.backends.c_source.layout import Key, Layout
from minitorch.graph.dim import Size
from minitorch.graph.types import DType

_SIZE = re.compile(r"\bn\d+\b")


@dataclass(frozen=True)
class Part:
    """A function that others call: its name and its text, which comes before theirs."""

    name: str
    text: str


class Function:
    """The lines of a function. Each piece of memory is one argument, whatever is read and written there."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.arguments: dict[Key, str] = {}
        self.types: dict[str, DType] = {}
        self.written: set[str] = set()
        self.needs: set[Part] = set()
        self.mathematics: set[tuple[str, str]] = set()
        self.checks = False  # whether it returns if all indices exist
        self.room: list[Size] = []  # bytes of scratch memory, each by itself

    def argument(self, layout: Layout, written: bool) -> str:
        """The name of the argument for a piece of memory."""
        name = self.arguments.setdefault(layout.key, f"a{len(self.arguments)}")
        assert self.types.setdefault(name, layout.dtype) == layout.dtype, "a piece of memory read in two types"
        if written:
            self.written.add(name)
        return name

    def scratch(self, nbytes: Size) -> str:
        """The name of the argument for memory that is nobody's."""
        self.room.append(nbytes)
        self.arguments[("scratch", 0)] = "scratch"
        return "scratch"

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def nest(self, heads: Iterable[str]) -> Iterator[None]:
        """Lines inside these loops; a head that ends in `;` is a line of its own inside the loop before it."""
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
        found = {name for line in self.lines for name in _SIZE.findall(line)}
        return sorted(found, key=lambda name: int(name[1:]))

    def text(self, name: str) -> str:
        """The definition, under a name."""
        sizes = [f"long {size}" for size in self.sizes()]
        pointers = [self._declared(argument) for argument in self.arguments.values()]
        result = "int" if self.checks else "void"
        head = f"static {result} {name}({', '.join([*sizes, *pointers]) or 'void'})"
        ending = ["    return 0;"] if self.checks else []
        return "\n".join([head, "{", *self.lines, *ending, "}"])

    def _declared(self, argument: str) -> str:
        if argument == "blas":
            return "const struct blas *blas"
        if argument == "scratch":
            return "void *restrict scratch"
        const = "" if argument in self.written else "const "
        return f"{const}{c_type(self.types[argument])} *restrict {argument}"
