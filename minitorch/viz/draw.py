"""`draw`: a picture or an exchange file, of the kind that the suffix names; and what a notebook shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from minitorch.compiler.plan import Plan
from minitorch.errors import OptionError
from minitorch.files import write_whole
from minitorch.functional.arguments import speaking_as
from minitorch.graph.text import shown
from minitorch.viz.dot import digraph_of, in_order
from minitorch.viz.engines import render
from minitorch.viz.exchange import to_graphml
from minitorch.viz.levels import MOST_LEGIBLE, fitting, picture_of
from minitorch.viz.mermaid import to_mermaid
from minitorch.viz.notation import to_json
from minitorch.viz.picture import Picture
from minitorch.viz.plan import plan_svg
from minitorch.viz.style import dark_rules, theme_named, theme_of
from minitorch.viz.subject import graph_of
from minitorch.viz.svg import to_svg
from minitorch.viz.target import target_of
from minitorch.viz.xdot import KINDS as LAID_OUT
from minitorch.viz.xdot import MOST_INCHES, converted

PICTURES = {"svg": "svg", "png": "png", "pdf": "pdf", "dot": "dot", "gv": "dot"}
TEXTS: dict[str, Callable[[Any], str]] = {"graphml": to_graphml, "json": to_json}
MERMAID = ("mmd", "mermaid")
KINDS = (*PICTURES, *TEXTS, *MERMAID)
ENGINES = (None, "dot")
MOST_BOXES = 1500


def draw(
    what: Any, path: str | os.PathLike[str], *, format: str | None = None, level: str | None = None,
    theme: str = "auto", inputs: Any = None, engine: str | None = None,
) -> None:  # fmt: skip
    """Write a picture of a tensor, a graph, a program (as optimised), a plan or a module.

    The suffix of `path`, or `format`, says which kind: svg, png, pdf; dot or gv for Graphviz, mmd for Mermaid; graphml
    and json, which hold all that the graph does. As svg, png or pdf a plan is drawn by `draw_plan`, else it is its
    graph. The file appears whole or not at all, and is the same for the same graph.

    `level` is "op", every operation, "layer", a box for each module, or "neuron", each layer as its units and a neuron
    alone as weighted sum, bias and activation; unless told, operations, or layers where the operations are too many
    to be read, and the picture says so. At level "neuron", `inputs`, arrays in order or by name, puts the values and
    gradients of the first row into the units; nothing is changed by it. `theme` is "light", "dark", or "auto": an SVG
    then follows the reader's system, all else is light.

    Pictures are laid out by ourselves: forward down, gradients and updates climbing beside it, module under module;
    `engine="dot"` lets Graphviz do it. An SVG needs nothing else; PNG and PDF are rendered by Graphviz, by `dot` where
    it is on PATH, else by pygraphviz.

    Raises `ValueError` for a kind, a level, a theme or an engine that there is not and for a picture too large to be
    laid out, and `EngineError` that says what to install where Graphviz is needed and is missing.
    """
    path = target_of(path, "draw")
    kind = _kind(path, format)
    if not isinstance(theme, str) or theme != "auto":
        theme_named(theme, ", auto")
    if engine is not None and not (isinstance(engine, str) and engine in ENGINES):
        raise OptionError(f"draw: there is no engine {shown(engine)}; there is dot, or None for our own layout")
    with speaking_as("draw"):
        content = _content(what, kind, level, theme, inputs, engine)
    write_whole(path, content)


def _content(what: Any, kind: str, level: str | None, theme: str, inputs: Any, engine: str | None) -> bytes:
    if kind in TEXTS:
        return TEXTS[kind](what).encode()
    if kind in MERMAID:
        return to_mermaid(what, level=level, theme=theme_of(kind, theme), inputs=inputs).encode()
    if isinstance(what, Plan) and kind in LAID_OUT:
        return _plan(what, kind, theme, level=level, inputs=inputs, engine=engine)
    graph = graph_of(what)
    if kind == "dot":
        return _source(picture_of(graph, "op" if level is None else level, inputs), theme)
    if isinstance(level, str) and level == "op":
        _require_drawable(sum(node.op.name != "constant" for node in graph.nodes), level)
    picture = fitting(graph) if level is inputs is None else picture_of(graph, "op" if level is None else level, inputs)
    _require_drawable(len(picture.boxes), level)
    return rendered(picture, kind, theme, engine)


def _plan(plan: Plan, kind: str, theme: str, **options: Any) -> bytes:
    if told := [name for name, value in options.items() if value is not None]:
        raise OptionError(f"draw: the picture of a plan has no {told[0]}; for that of its graph, draw plan.graph")
    return converted(plan_svg(plan, theme=theme_of(kind, theme)), kind)


def _require_drawable(boxes: int, level: str | None) -> None:
    if boxes > MOST_BOXES:
        how = "write it as .dot" + (', or draw it with level="layer"' if level == "op" else "")
        raise OptionError(f"draw: {boxes} boxes are more than can be laid out well ({MOST_BOXES}); {how}")


def _source(picture: Picture, theme: str) -> bytes:
    look = theme_named(theme_of("dot", theme))
    return str(digraph_of(picture, careful=not in_order(picture), theme=look).source).encode()


def rendered(picture: Picture, kind: str, theme: str, engine: str | None = None) -> bytes:
    """A picture as "svg", "png" or "pdf", laid out by ourselves, unless Graphviz is asked for."""
    if engine is None:
        return converted(to_svg(picture, theme_of(kind, theme)), kind)
    look = theme_named(theme_of("dot", theme))
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
    given = path.suffix if format is None else format
    suffix = given.removeprefix(".").lower() if isinstance(given, str) else ""
    if suffix not in KINDS:
        known = ", ".join(f".{name}" for name in KINDS)
        what = f"the suffix {shown(given)} of {shown(path.name)}" if format is None else f"the format {shown(given)}"
        raise OptionError(f"draw: no picture has {what}; there are {known}")
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
        if isinstance(what, Plan):
            return plan_svg(what) if len(what.instructions) <= MOST_LEGIBLE else None
        picture = fitting(graph_of(what))
        return to_svg(picture) if len(picture.boxes) <= MOST_LEGIBLE else None
    except Exception:  # whatever a user's own module, name or operation brings about
        return None
