"""`draw`: a picture in a file, of the kind that the suffix names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from minitorch.errors import ArgumentError, OptionError
from minitorch.files import write_whole
from minitorch.viz.dot import digraph_of, in_order
from minitorch.viz.engines import render
from minitorch.viz.levels import picture_of
from minitorch.viz.picture import Picture
from minitorch.viz.subject import graph_of

FORMATS = {"svg": "svg", "png": "png", "pdf": "pdf", "dot": "dot", "gv": "dot"}
MOST_BOXES = 1500
MOST_INCHES = {"png": "80", "pdf": "200"}  # what is larger is made smaller: programs that show them have limits


def draw(what: Any, path: str | os.PathLike[str], *, format: str | None = None, level: str = "op") -> None:
    """Write a picture of a tensor, a graph, a program (as compiled) or a module.

    The suffix of `path`, or `format`, says which kind: svg, png, pdf, dot or gv. `level` is "op", every operation, or
    "layer", a box for each module. The file appears whole or not at all, and is the same for the same graph.

    Raises `ValueError` for a kind or a level that there is not and for a picture too large to be laid out, and
    `EngineError` that says what to install where there is no layout engine; .dot needs none.
    """
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"draw: a path is expected, but {path!r} was given")
    path = Path(path)
    kind = _kind(path, format)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"draw: there is no folder {str(path.parent)!r}")
    graph = graph_of(what)
    if kind != "dot" and level == "op":
        _require_drawable(sum(node.op.name != "constant" for node in graph.nodes), level)
    picture = picture_of(graph, level)
    if kind != "dot":
        _require_drawable(len(picture.boxes), level)
    write_whole(path, _content(picture, kind))


def _require_drawable(boxes: int, level: str) -> None:
    if boxes > MOST_BOXES:
        how = "write it as .dot" + ("" if level == "layer" else ', or draw it with level="layer"')
        raise OptionError(f"draw: {boxes} boxes are more than can be laid out well ({MOST_BOXES}); {how}")


def _content(picture: Picture, kind: str) -> bytes:
    orderly = in_order(picture)
    ways = [digraph_of(picture, careful=not orderly)]
    if kind == "dot":
        return str(ways[0].source).encode()
    if orderly:
        ways.append(digraph_of(picture, careful=True))
    for way in ways:
        way.attr(**({"size": MOST_INCHES[kind]} if kind in MOST_INCHES else {}))
    return render([way.source for way in ways], kind)


def _kind(path: Path, format: str | None) -> str:
    suffix = path.suffix if format is None else format
    kind = FORMATS.get(suffix.removeprefix(".").lower())
    if kind is None:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise OptionError(f"draw: no picture has the suffix {suffix!r} of {path.name!r}; there are {known}")
    return kind
