"""A picture as a Graphviz graph: boxes in nested frames, typed arrows, names made harmless."""

from __future__ import annotations

import html
from itertools import chain, pairwise
from typing import Any

from minitorch.functional.arguments import speaking_as
from minitorch.lazy import lazy
from minitorch.viz import style
from minitorch.viz.levels import picture_of
from minitorch.viz.picture import LATE, Arrow, Box, Path, Picture
from minitorch.viz.style import LIGHT, NODE_STYLE, SMALL, Theme, theme_named
from minitorch.viz.subject import graph_of

graphviz = lazy("graphviz")
networkx = lazy("networkx")

# How much a straight and short edge is worth, by the roles of source and reader: the flow comes first.
WEIGHT = {
    ("placeholder", "forward"): "8", ("forward", "forward"): "8", ("gradient", "gradient"): "4",
    ("gradient", "update"): "4", ("update", "update"): "4",
}  # fmt: skip


def to_graphviz(what: Any, *, level: str | None = None, theme: str = "light", inputs: Any = None) -> Any:
    """A `graphviz.Digraph` of a tensor, a graph, a program, a plan or a module.

    `level` and `inputs` are as for `draw`, but every operation is there unless told otherwise; `theme` is "light" or
    "dark".
    Gradients climb beside what they are gradients of: their edges are written from the reader to the source and drawn
    backwards (`dir=back`), for that is how Graphviz is told who stands above whom. So read the structure from
    `to_networkx`, not from this.
    """
    with speaking_as("to_graphviz"):
        look = theme_named(theme)
        picture = picture_of(graph_of(what, "to_graphviz"), "op" if level is None else level, inputs)
    return digraph_of(picture, careful=not in_order(picture), theme=look)


def digraph_of(picture: Picture, careful: bool, theme: Theme = LIGHT) -> Any:
    """The Graphviz graph of a picture.

    Graphviz ranks frame by frame, which gives the better picture, but fails where frames are left and entered again.
    `careful` lets it rank all nodes at once.
    """
    settings = {**style.graph_attributes(theme), "label": _legend(picture, theme), "newrank": str(careful).lower()}
    settings |= style.ROWS if picture.rows else {}
    nodes, edges = style.node_attributes(theme), style.edge_attributes(theme)
    whole = graphviz.Digraph(graphviz.escape(picture.name), graph_attr=settings, node_attr=nodes, edge_attr=edges)
    frames: dict[Path, Any] = {(): whole}
    for number, box in enumerate(picture.boxes):
        _frame(frames, box, theme).node(f"n{number}", **_node(box, theme))
    for left, right in chain.from_iterable(map(pairwise, picture.rows)):
        _frame(frames, picture.boxes[left], theme).edge(f"n{left}", f"n{right}", style="invis", minlen="0")
    for path in sorted(frames, key=len, reverse=True)[:-1]:
        frames[path[:-1]].subgraph(frames[path])
    for arrow in picture.arrows:
        above, below = ends(arrow)
        whole.edge(f"n{above}", f"n{below}", **_edge(arrow, picture, careful, theme))
    return whole


def ends(arrow: Arrow) -> tuple[int, int]:
    """Its two boxes, the one that stands above first."""
    return (arrow.target, arrow.source) if arrow.upward else (arrow.source, arrow.target)


def in_order(picture: Picture) -> bool:
    """Whether one can walk through the frames, from the top, without coming back to one that was left."""
    between = networkx.DiGraph()
    for arrow in picture.arrows:
        source, target = picture.boxes[arrow.source], picture.boxes[arrow.target]
        if arrow.upward and source.role not in LATE and source.home != target.home:
            continue  # a value for a gradient elsewhere: it can be led around
        a, b = ((*picture.boxes[number].frame, number) for number in ends(arrow))
        parting = next((i for i, (left, right) in enumerate(zip(a, b, strict=False)) if left != right), None)
        if parting is not None:
            between.add_edge(a[: parting + 1], b[: parting + 1])
    return bool(networkx.is_directed_acyclic_graph(between))


# ---- frames ----


def _frame(frames: dict[Path, Any], box: Box, theme: Theme) -> Any:
    """The frame that a box stands in, made with those around it when first met."""
    path = box.frame
    for depth in range(1, len(path) + 1):
        if path[:depth] not in frames:
            section = box.section if depth > len(box.home) else ""
            look = {**style.frame_attributes(theme, section), "tooltip": " "}
            attributes = {"label": _plain(path[depth - 1]), **look}
            frames[path[:depth]] = graphviz.Digraph(f"cluster_{len(frames)}", graph_attr=attributes)
    return frames[path]


def _legend(picture: Picture, theme: Theme) -> str:
    """The name of the graph, and the colour of each role that occurs in it."""
    roles = {box.role for box in picture.boxes}
    cells = "".join(
        f'<TD BGCOLOR="{look.fill}" COLOR="{look.line}" BORDER="1" STYLE="ROUNDED">{_small(role, theme)}</TD>'
        for role, look in theme.looks.items() if role in roles
    )  # fmt: skip
    name = f'<TD><FONT COLOR="{theme.ink}">{_bold(picture.name)}</FONT></TD>'
    told = "".join(f"<TD>{_small(remark, theme)}</TD>" for remark in picture.remarks)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="4" CELLPADDING="3"><TR>{name}{cells}{told}</TR></TABLE>>'


# ---- nodes and edges ----


def _node(box: Box, theme: Theme) -> dict[str, str]:
    look = theme.looks[box.role]
    lines = "".join(f"<BR/>{_small(detail, theme)}" for detail in box.details)
    return {
        "label": f"<{_bold(box.title)}{_text(box.call)}{lines}>",
        "shape": "ellipse" if box.round else look.shape, "color": look.line, "fillcolor": look.fill,
        "tooltip": _plain(box.note), **({"peripheries": "2"} if box.output else {}),
        **({"style": f"{NODE_STYLE},dashed"} if box.repeated else {}),
    }  # fmt: skip


def _edge(arrow: Arrow, picture: Picture, careful: bool, theme: Theme) -> dict[str, str]:
    attributes = {"tooltip": _plain(arrow.note), **({"dir": "back"} if arrow.upward else {})}
    if arrow.writes:
        return {**attributes, "style": "dashed", "color": theme.looks["update"].line, "penwidth": "1.4", "weight": "2"}
    source = picture.boxes[arrow.source].role
    attributes["weight"] = WEIGHT.get((source, arrow.role), "1")
    beside = source == "placeholder" and not picture.boxes[arrow.source].round
    if beside and arrow.role == "forward" and not careful:
        attributes["minlen"] = "0"  # beside what reads it, not far above
    if arrow.role in LATE:
        attributes["color"] = theme.looks[arrow.role].line + "C0"
    return {**attributes, "label": f" {_plain(arrow.label)} "}


# ---- text ----


def _plain(text: str) -> str:
    """Text for an attribute: what Graphviz would take for an escape or an entity stands for itself."""
    escaped: str = graphviz.escape(html.escape(text, quote=False)).replace("\n", "\\n")
    return escaped


def _text(text: str) -> str:
    """Text for an HTML-like label; in one, too, a backslash starts an escape."""
    return html.escape(text).replace("\\", "\\\\")


def _bold(text: str) -> str:
    return f"<B>{_text(text) or ' '}</B>"  # an empty element is a syntax error


def _small(text: str, theme: Theme) -> str:
    return f'<FONT POINT-SIZE="{SMALL}" COLOR="{theme.quiet_ink}">{_text(text)}</FONT>'
