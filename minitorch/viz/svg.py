"""A picture that our own layout has placed, as an SVG: no engine, light and dark in one file."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from minitorch.viz.layout import Layout, Rect, laid_out
from minitorch.viz.layout.compose import Point
from minitorch.viz.layout.metrics import DETAIL, LINE, TITLE, text_width
from minitorch.viz.picture import LATE, Arrow, Box, Picture
from minitorch.viz.style import FONT, LIGHT, THEMES, Theme

TOP = 34.0  # room for the name and the legend
EDGE_TEXT = 8.0


def to_svg(picture: Picture, theme: str = "auto") -> str:
    """The picture as a standalone SVG; `theme` "auto" follows the reader's system. Same picture, same text."""
    layout = laid_out(picture)
    width, height = max(layout.width, _legend_width(picture)), layout.height + TOP
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}">',
            f"<title>{_text(picture.name)}</title>",
            f"<style>{style(theme)}</style>",
            f"<defs>{_heads()}</defs>",
            '<rect class="paper" width="100%" height="100%"/>',
            *_legend(picture),
            f'<g transform="translate(0 {TOP:.0f})">',
            body(picture, layout),
            "</g>",
            "</svg>\n",
        ]
    )


def body(picture: Picture, layout: Layout, prefix: str = "") -> str:
    """Frames, arrows and boxes, without the document around them. `prefix` keeps the ids of several pictures apart."""
    parts = [_frame(i, placed.path[-1], "/".join(placed.path), placed.rect, prefix)
             for i, placed in enumerate(layout.frames)]  # fmt: skip
    told: set[tuple[int, str, Point]] = set()
    for i, (arrow, points) in enumerate(zip(picture.arrows, layout.arrows, strict=True)):
        if picture.boxes[arrow.source].round and picture.boxes[arrow.target].round:
            parts.append(_line(i, arrow, layout.boxes[arrow.source], layout.boxes[arrow.target], prefix))
            continue
        parts.append(_arrow(i, arrow, points, picture, told, prefix))
    parts += [_box(i, box, rect, prefix) for i, (box, rect) in enumerate(zip(picture.boxes, layout.boxes, strict=True))]
    return "\n".join(parts)


# ---- frames, boxes, arrows ----


def _frame(number: int, name: str, path: str, r: Rect, prefix: str) -> str:
    return (
        f'<g class="frame" id="{prefix}f{number}"><title>{_text(path)}</title>'
        f'<rect x="{r.x:.1f}" y="{r.y:.1f}" width="{r.width:.1f}" height="{r.height:.1f}" rx="8"/>'
        f'<text x="{r.x + 8:.1f}" y="{r.y + 14:.1f}">{_text(name)}</text></g>'
    )


def _box(number: int, box: Box, r: Rect, prefix: str) -> str:
    middle, y = r.x + r.width / 2, r.y + r.height / 2 - LINE * len(box.details) / 2 + TITLE * 0.36
    details = "".join(
        f'<text class="detail" x="{middle:.1f}" y="{y + LINE * (i + 1):.1f}">{_text(line)}</text>'
        for i, line in enumerate(box.details)
    )
    inner = Rect(r.x + 3, r.y + 3, r.width - 6, r.height - 6)
    second = f'<path class="inner" d="{_shape(box, inner)}"/>' if box.output else ""
    repeated = " repeated" if box.repeated else ""
    return (
        f'<g class="node {box.role}{repeated}" id="{prefix}n{number}" data-node="{number}" data-role="{box.role}">'
        f'<title>{_text(box.note)}</title><path d="{_shape(box, r)}"/>{second}'
        f'<text x="{middle:.1f}" y="{y:.1f}"><tspan class="name">{_text(box.title)}</tspan>{_text(box.call)}</text>'
        f"{details}</g>"
    )


def _shape(box: Box, r: Rect) -> str:
    """The path of a unit, or of the shape that a role has."""
    if not box.round:
        return outline(box.role, r)
    arc = f"a{r.width / 2:.1f} {r.height / 2:.1f} 0 0 1"
    return f"M{r.x:.1f} {r.y + r.height / 2:.1f}{arc} {r.width:.1f} 0{arc} {-r.width:.1f} 0Z"


def outline(role: str, r: Rect) -> str:
    """The path of the shape that a role has."""
    a, b, x, y = r.x, r.y, r.x + r.width, r.y + r.height
    m, h = (a + x) / 2, (b + y) / 2
    shapes = {
        "placeholder": [(a, b), (x, b), (x, y - 6), (m, y), (a, y - 6)],
        "constant": [(a, b), (x - 7, b), (x, b + 7), (x, y), (a, y)],
        "gradient": [(a, h), (a + 9, b), (x - 9, b), (x, h), (x - 9, y), (a + 9, y)],
        "update": [(a, b + 6), (m, b), (x, b + 6), (x, y), (a, y)],
    }
    if role in shapes:
        return "M" + "L".join(f"{p:.1f} {q:.1f}" for p, q in shapes[role]) + "Z"
    w = r.width
    if role == "parameter":
        arc = f"a{w / 2:.1f} 4 0 0"
        return (f"M{a:.1f} {b + 4:.1f}{arc} 1 {w:.1f} 0V{y - 4:.1f}{arc} 1 {-w:.1f} 0Z"
                f"M{a:.1f} {b + 4:.1f}{arc} 0 {w:.1f} 0")  # fmt: skip
    return (f"M{a + 6:.1f} {b:.1f}H{x - 6:.1f}q6 0 6 6V{y - 6:.1f}q0 6 -6 6H{a + 6:.1f}q-6 0 -6 -6V{b + 6:.1f}"
            "q0 -6 6 -6Z")  # fmt: skip


def _arrow(number: int, arrow: Arrow, points: tuple[Point, ...], picture: Picture, told: set[tuple[int, str, Point]],
           prefix: str) -> str:  # fmt: skip
    kind = "write" if arrow.writes else arrow.role if arrow.role in LATE else "flow"
    key = arrow.source, arrow.label, points[0]
    shown = arrow.label and arrow.label not in picture.boxes[arrow.source].details and key not in told
    told.add(key)
    return _edge(number, arrow, kind, curve(points), _label(arrow.label, points) if shown else "", prefix)


def _line(number: int, arrow: Arrow, a: Rect, b: Rect, prefix: str) -> str:
    """A straight line between two units, its label where the lines to and from other units are apart."""
    x, y, u, v = a.x + a.width / 2, a.y + a.height, b.x + b.width / 2, b.y
    part = 0.2 + 0.15 * (number % 3)  # not all in one line, where they would cover each other
    label = f'<text x="{x + part * (u - x):.1f}" y="{y + part * (v - y):.1f}">{_text(arrow.label)}</text>'
    line = f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}"
    return _edge(number, arrow, "flow", line, label if arrow.label else "", prefix)


def _edge(number: int, arrow: Arrow, kind: str, path: str, label: str, prefix: str) -> str:
    return (
        f'<g class="edge {kind}" id="{prefix}e{number}" data-source="{arrow.source}" data-target="{arrow.target}">'
        f'<title>{_text(arrow.note)}</title><path d="{path}" marker-end="url(#head-{kind})"/>{label}</g>'
    )


def curve(points: tuple[Point, ...]) -> str:
    """A path through the points: straight where two stand over or beside each other, else bent upright at both ends."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (a, b), (x, y) in pairwise(points):
        middle = (b + y) / 2
        straight = abs(a - x) < 0.05 or abs(b - y) < 0.05
        path += f"L{x:.1f} {y:.1f}" if straight else f"C{a:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {y:.1f}"
    return path


def _label(label: str, points: tuple[Point, ...]) -> str:
    (x, y), down = points[0], points[1][1] > points[0][1]
    lines = label.split("\n")
    first = y + 10 if down else y - 5 - LINE * (len(lines) - 1)
    return "".join(
        f'<text x="{x + 4:.1f}" y="{first + 9 * i:.1f}">{_text(line)}</text>' for i, line in enumerate(lines)
    )


def _heads() -> str:
    return "".join(
        f'<marker id="head-{kind}" class="head {kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6.5" '
        'markerHeight="6.5" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.8L8 4L0 7.2Z"/></marker>'
        for kind in ("flow", *LATE, "write")
    )


# ---- legend and colours ----


def _legend(picture: Picture) -> list[str]:
    present = {box.role for box in picture.boxes}
    parts = [f'<text class="title" x="16" y="24">{_text(picture.name)}</text>']
    x = 28 + text_width(picture.name, 12) * 1.1
    for role in (role for role in LIGHT.looks if role in present):
        width = text_width(role) + 26
        parts.append(
            f'<g class="node {role}"><path d="{outline(role, Rect(x, 10, width, 20))}"/>'
            f'<text class="detail" x="{x + width / 2:.1f}" y="23.5">{role}</text></g>'
        )
        x += width + 6
    return [*parts, f'<text class="remark" x="{x + 4:.1f}" y="23.5">{_text(picture.remark)}</text>']


def _legend_width(picture: Picture) -> float:
    roles = sum(text_width(role) + 32 for role in {box.role for box in picture.boxes})
    return 60 + text_width(picture.name, 12) * 1.1 + roles + text_width(picture.remark)


def style(theme: str = "auto") -> str:
    """The rules of all pictures; for "auto" the dark ones stand behind the reader's wish for them."""
    if theme != "auto":
        return _SHARED + _colours(THEMES[theme])
    return f"{_SHARED}{_colours(LIGHT)}@media (prefers-color-scheme:dark){{{_colours(THEMES['dark'])}}}"


_SHARED = (
    f"text{{font-family:{FONT}}}.node text{{font-size:{TITLE}px;text-anchor:middle}}"
    ".node .name{font-weight:bold}"
    f".node .detail{{font-size:{DETAIL}px}}.node path{{stroke-width:1.3;stroke-linejoin:round}}"
    ".node .inner{fill:none}"
    ".repeated path{stroke-dasharray:4 2}.frame text{font-size:10px}.title{font-size:12px;font-weight:bold}"
    f".remark{{font-size:{DETAIL}px}}"
    ".frame rect{stroke-width:1}.edge path{fill:none;stroke-width:1}.edge.write path{stroke-dasharray:5 3}"
    f".edge text{{font-size:{EDGE_TEXT}px;paint-order:stroke;stroke-width:3px;stroke-linejoin:round}}"
)


def _colours(theme: Theme) -> str:
    rules = [
        f".paper{{fill:{theme.paper}}}.title,.node text{{fill:{theme.ink}}}",
        f".node .detail,.frame text,.edge text,.remark{{fill:{theme.quiet_ink}}}",
        f".edge text{{stroke:{theme.frame_fill}}}",
        f".frame rect{{fill:{theme.frame_fill};stroke:{theme.frame_line}}}",
        f".edge path{{stroke:{theme.edge}}}.head path{{fill:{theme.edge}}}",
    ]
    for role, look in theme.looks.items():
        rules.append(f".{role} path{{fill:{look.fill};stroke:{look.line}}}")
    for kind, role in (("gradient", "gradient"), ("update", "update"), ("write", "update")):
        line = theme.looks[role].line
        rules.append(f".edge.{kind} path{{fill:none;stroke:{line}}}.head.{kind} path{{fill:{line};stroke:none}}")
    return "".join(rules) + ".node .inner{fill:none}"


def _text(text: str) -> str:
    return escape(text, quote=False)
