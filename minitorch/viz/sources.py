"""The user's own lines, and the generated code, each linked with nodes: choose one and the others are known."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterable
from typing import Any

from minitorch.compiler.backends.c_source.writer import comment
from minitorch.compiler.plan import Instruction, Plan
from minitorch.graph.graph import expression, place
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.program import Program
from minitorch.viz.picture import placeless

AROUND = 3  # lines shown before and after one that made a node
LONGEST = 240  # letters of a line


class Lines:
    """The places that nodes come from, numbered as they are met."""

    def __init__(self) -> None:
        self.number: dict[tuple[str, int], int] = {}

    def __call__(self, node: Tensor) -> list[int]:
        places = [(o.filename, o.lineno) for o in node.origins]
        return [self.number.setdefault(place, len(self.number)) for place in dict.fromkeys(places)]

    def files(self) -> list[dict[str, Any]]:
        """Each file with the lines around those that made nodes: [line number, text, place or -1]."""
        at: dict[str, dict[int, int]] = {}
        for (name, line), number in self.number.items():
            at.setdefault(name, {})[line] = number
        names = _short(at)
        return [{"name": names[name], "lines": _excerpt(name, at[name])} for name in at]


def _excerpt(name: str, known: dict[int, int]) -> list[list[Any]]:
    text = linecache.getlines(name)
    if not text:
        return [[line, "(this file cannot be read)", number] for line, number in sorted(known.items())]
    near = {n for line in known for n in range(line - AROUND, line + AROUND + 1) if 1 <= n <= len(text)}
    rows = [[n, _tame(text[n - 1]), known.get(n, -1)] for n in sorted(near)]
    return rows + [[n, "(no such line)", number] for n, number in known.items() if n > len(text)]


def _short(names: Iterable[str]) -> dict[str, str]:
    """Files by their last name, with the folder where two are called the same."""
    all_names = list(names)
    last = [os.path.basename(name) for name in all_names]
    full = [os.path.join(os.path.basename(os.path.dirname(n)), os.path.basename(n)) for n in all_names]
    return {n: printable(a if last.count(a) == 1 else b, 80) for n, a, b in zip(all_names, last, full, strict=True)}


def _tame(line: str) -> str:
    return printable(placeless(line.rstrip("\r\n").expandtabs(4)), LONGEST)


# ---- the generated code ----

_DEFINITION = re.compile(r"static (?:int|void) (\w+)\(")
_CALL = re.compile(r"\b(\w+)\(")


def code_of(program: Program) -> list[list[Any]]:
    """The lines of the generated code that belong to the program: [line number, text, [instructions]].

    The code says in comments which node a line computes; where it calls a function of its own, the lines of that
    function belong to the same instruction. What all programs share, in C, is left out.
    """
    lines = program.source.splitlines()
    said = _comments(program.plan)
    if program.backend != "c":
        return [[n, _tame(line), _said(line, "#", said)] for n, line in enumerate(lines, 1)]
    return _c_rows(lines, said)


def _comments(plan: Plan) -> dict[str, int]:
    """What a comment says, by the number of the instruction that it is of; as Python and as C have it."""
    labels = plan.graph.labels()
    found: dict[str, int] = {}
    for number, instruction in enumerate(plan.instructions):
        for node in instruction.nodes:
            call = expression(node, [labels.get(i, "") for i in node.inputs])
            text = f"{labels.get(node, 'stored')}: {node.type} = {call}  {place(node, role=False)}"
            for form in (printable(text, 240).strip(), comment(text).strip()):
                found.setdefault(form, number)
    return found


def _said(line: str, mark: str, said: dict[str, int]) -> list[int]:
    """The instructions named by the comment at the end of a line."""
    parts = line.split(f"{mark} ")
    found = (said.get(f"{mark} ".join(parts[k:]).strip()) for k in range(1, len(parts)))
    return [number for number in found if number is not None][:1]


def _c_rows(lines: list[str], said: dict[str, int]) -> list[list[Any]]:
    links: dict[int, set[int]] = {}
    callers: dict[str, set[int]] = {}
    pending: list[int] = []
    for n, line in enumerate(lines, 1):
        told = _said(line, "//", said) if line.lstrip().startswith("//") else []
        if told:
            pending += told
            links.setdefault(n, set()).update(told)
        elif pending and line.strip() and not line.lstrip().startswith("//"):
            links.setdefault(n, set()).update(pending)
            called = _CALL.search(line.replace("if (", ""))
            if called:
                callers.setdefault(called[1], set()).update(pending)
            pending = []
    shown = set(links)
    for start, stop, name in _functions(lines):
        if name in callers:
            for n in range(start, stop + 1):
                links.setdefault(n, set()).update(callers[name])
        if name in callers or any(n in shown for n in range(start, stop + 1)):
            shown.update(range(start, stop + 1))
    return [[n, _tame(lines[n - 1]), sorted(links.get(n, ()))] for n in sorted(shown)]


def _functions(lines: list[str]) -> list[tuple[int, int, str]]:
    """The first and the last line of each function, and its name."""
    found: list[tuple[int, int, str]] = []
    start, name = 0, ""
    for n, line in enumerate(lines, 1):
        head = _DEFINITION.match(line)
        if head:
            start, name = n, head[1]
        elif line == "}" and start:
            found.append((start, n, name))
            start = 0
    return found


def text_of(instruction: Instruction, names: dict[Any, str]) -> str:
    """An instruction as the plan lists it, on one line."""
    inputs = [names[v] for v in instruction.inputs]
    parts = []
    for node, value, target in zip(instruction.nodes, instruction.outputs, instruction.targets, strict=True):
        goal = names[value] if target is None else f"{printable(target.name or 'parameter')} ←"
        parts.append(f"{goal}{' = ' if target is None else ' '}{expression(node, inputs)}")
    return printable(placeless(";  ".join(parts)), 400)
