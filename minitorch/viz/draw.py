"""`draw`: a picture or an exchange file, of the kind that the suffix names; and what a notebook shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from minitorch.errors import OptionError
from minitorch.files import write_whole
from minitorch.viz.dot import digraph_of, in_order, theme_named
from minitorch.viz.engines import engine_names, render
from minitorch.viz.exchange import to_graphml
from minitorch.viz.levels import MOST_LEGIBLE, fitting, picture_of
from minitorch.viz.mermaid import to_mermaid
from minitorch.viz.notation import to_json
from minitorch.viz.picture import Picture
from minitorch.viz.style import dark_rules
from minitorch.viz.subject import graph_of
from minitorch.viz.svg import to_svg
from minitorch.viz.target import target_of

PICTURES = {"svg": "svg", "png": "png", "pdf": "pdf", "dot": "dot", "gv": "dot"}
TEXTS: dict[str, Callable[[Any], str]] = {"graphml": to_graphml, "json": to_json}
MERMAID = ("mmd", "mermaid")
KINDS = (*PICTURES, *TEXTS, *MERMAID)
MOST_BOXES = 1500
MOST_INCHES = {"png": "80", "pdf": "200"}  # what is larger is made smaller: programs that show them have limits


def draw(
    what: Any, path: str | os.PathLike[str], *, format: str | None = None, level: str | None = None,
    theme: str = "auto", inputs: Any = None,
) -> None:  # fmt: skip
    """Write a picture of a tensor, a graph, a program (as optimised), a plan or a module.

    The suffix of `path`, or `format`, says which kind: svg, png, pdf; dot or gv for Graphviz, mmd for Mermaid; graphml
    and json, which hold all that the graph does. The file appears whole or not at all, and is the same for the same
    graph.

    `level` is "op", every operation, "layer", a box for each module, or "neuron", each layer as its units and a neuron
    alone as weighted sum, bias and activation; unless told, operations, or layers where the operations are too many
    to be read, and the picture says so. At level "neuron", `inputs`, arrays in order or by name, puts the values and
    gradients of the first row into the units; nothing is changed by it. `theme` is "light", "dark", or "auto": an SVG
    then follows the reader's system, all else is light.

    Raises `ValueError` for a kind, a level or a theme that there is not and for a picture too large to be laid out, and
    `EngineError` that says what to install where there is no layout engine; only png and pdf need one.
    """
    path = target_of(path, "draw")
    kind = _kind(path, format)
    if theme != "auto":
        theme_named(theme)
    write_whole(path, _content(what, kind, level, theme, inputs))


def _content(what: Any, kind: str, level: str | None, theme: str, inputs: Any) -> bytes:
    if kind in TEXTS:
        return TEXTS[kind](what).encode()
    if kind in MERMAID:
        return to_mermaid(what, level=level, theme="light" if theme == "auto" else theme, inputs=inputs).encode()
    graph = graph_of(what)
    if kind == "dot":
        return _source(picture_of(graph, level or "op", inputs), theme)
    if level == "op":
        _require_drawable(sum(node.op.name != "constant" for node in graph.nodes), level)
    picture = fitting(graph) if level is inputs is None else picture_of(graph, level or "op", inputs)
    _require_drawable(len(picture.boxes), level)
    return rendered(picture, kind, theme)


def _require_drawable(boxes: int, level: str | None) -> None:
    if boxes > MOST_BOXES:
        how = "write it as .dot" + (', or draw it with level="layer"' if level == "op" else "")
        raise OptionError(f"draw: {boxes} boxes are more than can be laid out well ({MOST_BOXES}); {how}")


def _source(picture: Picture, theme: str) -> bytes:
    look = theme_named("light" if theme == "auto" else theme)
    return str(digraph_of(picture, careful=not in_order(picture), theme=look).source).encode()


def rendered(picture: Picture, kind: str, theme: str) -> bytes:
    """A picture as "svg", "png" or "pdf". Without an engine, an SVG is laid out by ourselves."""
    if kind == "svg" and not engine_names():
        return to_svg(picture, theme).encode()
    look = theme_named("light" if theme == "auto" else theme)
    ways = [digraph_of(picture, careful, look) for careful in ((False, True) if in_order(picture) else (True,))]
    for way in ways:
        way.attr(**({"size": MOST_INCHES[kind]} if kind in MOST_INCHES else {}))
    content = render([way.source for way in ways], kind)
    return _with_both_themes(content) if kind == "svg" and theme == "auto" else content


def _with_both_themes(svg: bytes) -> bytes:
    """An SVG in the light theme, with rules that put the dark one for it where the reader's system is dark."""
    start = svg.find(b"<svg")
    end = svg.find(b">", start) + 1
    if start < 0 or not end:
        return svg
    return svg[:end] + f"\n<style>{dark_rules()}</style>".encode() + svg[end:]


def _kind(path: Path, format: str | None) -> str:
    suffix = (path.suffix if format is None else format).removeprefix(".").lower()
    if suffix not in KINDS:
        known = ", ".join(f".{name}" for name in KINDS)
        shown = path.suffix if format is None else format
        raise OptionError(f"draw: no picture has the suffix {shown!r} of {path.name!r}; there are {known}")
    return PICTURES.get(suffix, suffix)


# ---- in a notebook ----


def mimebundle(
    what: Any, text: str, include: Collection[str] | None = None, exclude: Collection[str] | None = None
) -> dict[str, str]:
    """What a notebook shows: a picture where one can be drawn that can be read, and `text` in any case."""
    wanted = {"text/plain", "image/svg+xml"}
    wanted = wanted & set(include) if include else wanted
    wanted = wanted - set(exclude or ())
    bundle = {"text/plain": text} if "text/plain" in wanted else {}
    svg = _shown(what) if "image/svg+xml" in wanted else None
    return bundle if svg is None else {**bundle, "image/svg+xml": svg}


def _shown(what: Any) -> str | None:
    """An SVG, or None where there is none worth looking at. A cell that shows a thing never fails for want of it."""
    try:
        graph = graph_of(what)
        picture = fitting(graph)
        if len(picture.boxes) > MOST_LEGIBLE:
            return None
        return rendered(picture, "svg", "auto").decode()
    except Exception:  # whatever a user's own module, name or operation brings about
        return None
