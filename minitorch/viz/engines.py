"""Engines: what turns DOT into SVG, PNG and PDF. `dot` where it is installed, else the one in pygraphviz."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from minitorch.errors import MinitorchError

# In a process of its own, because the engine writes to stderr as it pleases and serves one thread at a time.
_IN_PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog=sys.argv[2]))
"""

_TROUBLE = "trouble in init_rank"  # it draws nonetheless, but badly
_DATE = re.compile(rb"/CreationDate \([^)]{16,40}\)")
_HOW = "pip install pygraphviz, or install Graphviz itself (https://graphviz.org/download); .svg and .dot need neither"


class EngineError(MinitorchError, RuntimeError):
    """There is no engine, or none that could draw this."""


def render(sources: Sequence[str], kind: str, layout: str = "dot") -> bytes:
    """DOT as "svg", "png" or "pdf". `sources` are ways to write the same picture, the most careful last.

    `layout` is "dot", or "nop2" for what is in its place already.

    Raises `EngineError` that says what to install where there is no engine.
    """
    failures = []
    for name, command in _commands(kind, layout):
        for source in sources:
            run = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
            complaint = run.stderr.decode(errors="replace").strip()
            if run.returncode == 0 and run.stdout and not (_TROUBLE in complaint and source is not sources[-1]):
                return _undated(run.stdout) if kind == "pdf" else run.stdout
        failures.append(f"{name} could not draw it: {complaint[-300:] or f'it ended with {run.returncode}'}")
    raise EngineError("\n".join(failures) or f"{kind} needs Graphviz, and there is none: {_HOW}")


def engine_names() -> list[str]:
    """The engines that there are, the first tried first."""
    return [name for name, _ in _commands("svg")]


def _commands(kind: str, layout: str = "dot") -> list[tuple[str, list[str]]]:
    """The engines that there are, the fastest first, each as a command from DOT to a picture."""
    commands = []
    if (dot := shutil.which("dot")) is not None:
        commands.append(("dot", [dot, f"-K{layout}", f"-T{kind}"]))
    if _is_there("pygraphviz"):
        commands.append(("pygraphviz", [sys.executable, "-P", "-c", _IN_PYGRAPHVIZ, kind, layout]))
    return commands


def _undated(content: bytes) -> bytes:
    """Without the date that PDF files carry, and without moving anything: the same graph gives the same bytes."""
    return _DATE.sub(lambda date: b"/CreationDate (D:19700101000000Z)".ljust(len(date[0])), content)


def _is_there(package: str) -> bool:
    """Whether a package can be imported, without doing it."""
    try:
        return find_spec(package) is not None
    except ValueError:  # it is marked as missing
        return False
