"""The lines of a layout: the points of each piece of an arrow in its sheet, and one line of all the pieces."""

from __future__ import annotations

from dataclasses import dataclass, field

from minitorch.viz.layout.sheet import Item, Link, Sheet

UNDER = 3.5  # how far under its row a line runs that leads along it
Point = tuple[float, float]


@dataclass(eq=False)
class Piece:
    """The part of an arrow that lies in one sheet. `side` tells how deep, below 0 on the side of the source."""

    number: int
    side: int
    link: Link
    first: Item  # the end nearer the source
    doors: list[Item | None] = field(default_factory=lambda: [None, None])


def line_of(piece: Piece, sheet: Sheet, origin: Point) -> list[Point]:
    """The points of a piece, from the source on."""
    link = piece.link
    a, b = link.upper, link.lower
    x, y = a.x + link.ports[0], b.x + link.ports[1]
    if a.row == b.row:
        next_to = abs(a.order - b.order) == 1 and a.y == b.y and piece.doors == [None, None]
        line = _beside(a, b) if next_to else _under(a, b, x, y, sheet)
    else:
        passed = [(point.x, edge) for point in link.points for edge in sheet.tops[point.row]]
        start = [(x, a.y + a.height / 2), (x, sheet.tops[a.row][1])]
        line = [*start, *passed, (y, sheet.tops[b.row][0]), (y, b.y - b.height / 2)]
    line = line if piece.first is a else line[::-1]
    return [(origin[0] + px, origin[1] + py) for px, py in line]


def _beside(a: Item, b: Item) -> list[Point]:
    """Between two boxes that stand next to each other."""
    side = 1 if b.x > a.x else -1
    return [(a.x + side * a.width / 2, a.y), (b.x - side * b.width / 2, b.y)]


def _under(a: Item, b: Item, x: float, y: float, sheet: Sheet) -> list[Point]:
    """Between two items of a row, under what stands between them."""
    under = sheet.tops[a.row][1] + UNDER
    return [(x, a.y + a.height / 2), (x, under), (y, under), (y, b.y + b.height / 2)]


def joined(lines: list[list[Point]]) -> tuple[Point, ...]:
    """One line of several, without points that stand on one spot."""
    points = [point for line in lines for point in line]
    kept = points[:1]
    for point in points[1:]:
        if abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) > 1e-6:
            kept.append(point)
    return tuple(kept)
