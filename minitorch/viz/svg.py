"""A picture that our own layout has placed, as an SVG: no engine, light and dark in one file."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from minitorch.viz.layout import Layout, Rect, laid_out
from minitorch.viz.layout.lines import Point
from minitorch.viz.layout.metrics import DETAIL, LINE, ROOM, TITLE, text_width
from minitorch.viz.picture import LATE, Arrow, Box, Picture
from minitorch.viz.shapes import curve, outline, shape
from minitorch.viz.style import FONT, LIGHT, THEMES, Theme, scoped

TOP, REMARK = 34.0, 16.0  # room for the name and the legend, and for a line of remarks
EDGE_TEXT = 8.0
SCOPE = "minitorch-graph"
BEND = 8.0
CLEAR = 30.0  # how far a box may stand from the edge of its row for a label to be put there


def to_svg(picture: Picture, theme: str = "auto") -> str:
    """The picture as a standalone SVG; `theme` "auto" follows the reader's system. Same picture, same text."""
    layout = laid_out(picture)
    top = TOP + (REMARK if picture.remarks else 0.0)
    width, height = max(layout.width, _legend_width(picture)), layout.height + top
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{SCOPE}" role="img" width="{width:.0f}pt" '
            f'height="{height:.0f}pt" viewBox="0 0 {width:.0f} {height:.0f}">',
            f"<title>{_text(picture.name)}</title>",
            f"<style>{style(theme)}</style>",
            f"<defs>{_heads()}</defs>",
            '<rect class="paper" width="100%" height="100%"/>',
            *_legend(picture),
            f'<g transform="translate(0 {top:.0f})">',
            body(picture, layout),
            "</g>",
            "</svg>\n",
        ]
    )


def body(picture: Picture, layout: Layout, prefix: str = "") -> str:
    """Frames, arrows and boxes, without the document around them. `prefix` keeps the ids of several pictures apart."""
    parts = [_frame(i, "/".join(placed.path), placed.rect, prefix) for i, placed in enumerate(layout.frames)]
    told: set[tuple[int, str, Point]] = set()
    seats = {box: place / len(row) for row in picture.rows for place, box in enumerate(row)}
    for i, (arrow, points) in enumerate(zip(picture.arrows, layout.arrows, strict=True)):
        if _units(arrow, picture):
            a, b = layout.boxes[arrow.source], layout.boxes[arrow.target]
            parts.append(_line(i, arrow, a, b, seats.get(arrow.source, 0.0), prefix))
            continue
        parts.append(_arrow(i, arrow, points, picture, told, prefix))
    parts += _names(picture, layout)
    parts += [_box(i, box, rect, prefix) for i, (box, rect) in enumerate(zip(picture.boxes, layout.boxes, strict=True))]
    return "\n".join(parts)


# ---- frames, boxes, arrows ----


def _frame(number: int, path: str, r: Rect, prefix: str) -> str:
    return (
        f'<g class="frame" id="{prefix}f{number}"><title>{_text(path)}</title>'
        f'<rect x="{r.x:.1f}" y="{r.y:.1f}" width="{r.width:.1f}" height="{r.height:.1f}" rx="8"/></g>'
    )


def _names(picture: Picture, layout: Layout) -> Iterator[str]:
    """The names of frames, each over the lines that lead into it, and beside those that lead down through it."""
    drawn = (points for arrow, points in zip(picture.arrows, layout.arrows, strict=True) if not _units(arrow, picture))
    pieces = (piece for points in drawn for piece in pairwise(points))
    upright = sorted((x, min(b, d), max(b, d)) for (x, b), (c, d) in pieces if abs(x - c) < 0.05)
    for placed in layout.frames:
        left, line, width = placed.rect.x + 8, placed.rect.y + 14, text_width(placed.path[-1], 10.0)
        for x, top, bottom in upright:
            if left - 4 < x < left + width + 4 and top < line - 4 < bottom:
                left = x + 6
        yield f'<text class="module" x="{left:.1f}" y="{line:.1f}">{_text(placed.path[-1])}</text>'


def _box(number: int, box: Box, r: Rect, prefix: str) -> str:
    middle, y = r.x + r.width / 2, _middle(box, r) - LINE * len(box.details) / 2 + TITLE * 0.36
    details = "".join(
        f'<text class="detail" x="{middle:.1f}" y="{y + LINE * (i + 1):.1f}">{_text(line)}</text>'
        for i, line in enumerate(box.details)
    )
    inner = Rect(r.x + 3, r.y + 3, r.width - 6, r.height - 6)
    second = f'<path class="inner" d="{shape(box, inner)}"/>' if box.output else ""
    repeated = " repeated" if box.repeated else ""
    return (
        f'<g class="node {box.role}{repeated}" id="{prefix}n{number}" data-node="{number}" data-role="{box.role}">'
        f'<title>{_text(box.note)}</title><path d="{shape(box, r)}"/>{second}'
        f'<text x="{middle:.1f}" y="{y:.1f}"><tspan class="name">{_text(box.title)}</tspan>{_text(box.call)}</text>'
        f"{details}</g>"
    )


def _middle(box: Box, r: Rect) -> float:
    """The height at which the text of a box has its middle: in the room that the shape leaves."""
    return r.y + r.height / 2 + (0.0 if box.round else ROOM.get(box.role, 0.0) / 2)


def _arrow(number: int, arrow: Arrow, points: tuple[Point, ...], picture: Picture, told: set[tuple[int, str, Point]],
           prefix: str) -> str:  # fmt: skip
    kind = "write" if arrow.writes else arrow.role if arrow.role in LATE else "flow"
    key = arrow.source, arrow.label, points[0]
    shown = arrow.label and arrow.label not in picture.boxes[arrow.source].details and key not in told
    told.add(key)
    return _edge(number, arrow, kind, curve(points), _label(arrow.label, points) if shown else "", prefix)


def _units(arrow: Arrow, picture: Picture) -> bool:
    """Whether an arrow leads from unit to unit."""
    return picture.boxes[arrow.source].round and picture.boxes[arrow.target].round


def _line(number: int, arrow: Arrow, a: Rect, b: Rect, seat: float, prefix: str) -> str:
    """A straight line between two units. Labels are at the same height for one source, and at another for each."""
    x, y, u, v = a.x + a.width / 2, a.y + a.height, b.x + b.width / 2, b.y
    part = 0.3 + 0.55 * seat
    at = f'x="{x + part * (u - x):.1f}" y="{y + part * (v - y) + EDGE_TEXT * 0.35:.1f}"'
    label = f'<text {at} text-anchor="middle">{_text(arrow.label)}</text>'
    line = f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}"
    return _edge(number, arrow, "flow", line, label if arrow.label else "", prefix)


def _edge(number: int, arrow: Arrow, kind: str, path: str, label: str, prefix: str) -> str:
    return (
        f'<g class="edge {kind}" id="{prefix}e{number}" data-source="{arrow.source}" data-target="{arrow.target}">'
        f'<title>{_text(arrow.note)}</title><path d="{path}" marker-end="url(#head-{kind})"/>{label}</g>'
    )


def _label(label: str, points: tuple[Point, ...]) -> str:
    """Beside the start of the line, clear of the row that it starts from, on the side to which it does not bend."""
    (x, y), (u, v) = points[:2]
    down, level = v > y, v == y
    if abs(u - x) < 0.05 and abs(v - y) < CLEAR:
        y = v
    bend = next((point[0] - x for point in points if abs(point[0] - x) > 0.05), 0.0)
    lines = label.split("\n")
    first = y + 10 if down else y - 5 - LINE * (len(lines) - 1)
    side, anchor = (-4, ' text-anchor="end"') if bend > BEND and not level else (4, "")
    return "".join(
        f'<text x="{x + side:.1f}" y="{first + 9 * i:.1f}"{anchor}>{_text(line)}</text>' for i, line in enumerate(lines)
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
            f'<text class="detail" x="{x + width / 2:.1f}" y="{23.5 + ROOM.get(role, 0.0) * 0.4:.1f}">{role}</text></g>'
        )
        x += width + 6
    remarks = _text("; ".join(picture.remarks))
    return [*parts, *([f'<text class="remark" x="16" y="{TOP + 10:.1f}">{remarks}</text>'] if remarks else [])]


def _legend_width(picture: Picture) -> float:
    roles = sum(text_width(role) + 32 for role in {box.role for box in picture.boxes})
    remarks = text_width("; ".join(picture.remarks))
    return max(60 + text_width(picture.name, 12) * 1.1 + roles, 32 + remarks)


def style(theme: str = "auto") -> str:
    """The rules of all pictures; for "auto" the dark ones stand behind the reader's wish for them."""
    if theme != "auto":
        return scoped(_SHARED + _colours(THEMES[theme]), SCOPE)
    light, dark = (scoped(rules, SCOPE) for rules in (_SHARED + _colours(LIGHT), _colours(THEMES["dark"])))
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}"


_SHARED = (
    f"text{{font-family:{FONT}}}.node text{{font-size:{TITLE}px;text-anchor:middle}}"
    ".node .name{font-weight:bold}"
    f".node .detail{{font-size:{DETAIL}px}}.node path{{stroke-width:1.3;stroke-linejoin:round}}"
    ".node .inner{fill:none}"
    ".repeated path{stroke-dasharray:4 2}.module{font-size:10px}.title{font-size:12px;font-weight:bold}"
    f".remark{{font-size:{DETAIL}px}}"
    ".frame rect{stroke-width:1}.edge path{fill:none;stroke-width:1}.edge.write path{stroke-dasharray:5 3}"
    f".edge text{{font-size:{EDGE_TEXT}px}}"
    ".edge text,.module{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}"
)


def _colours(theme: Theme) -> str:
    rules = [
        f".paper{{fill:{theme.paper}}}.title,.node text{{fill:{theme.ink}}}",
        f".node .detail,.module,.edge text,.remark{{fill:{theme.quiet_ink}}}",
        f".edge text,.module{{stroke:{theme.frame_fill}}}",
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
