"""Paths of SVG: the shape that each role has, that of a unit, and lines that are bent upright at both ends."""

from __future__ import annotations

from itertools import pairwise

from minitorch.viz.layout import Rect
from minitorch.viz.layout.lines import Point
from minitorch.viz.picture import Box


def shape(box: Box, r: Rect) -> str:
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
        cap = min(4.0, r.height / 8)
        arc = f"a{w / 2:.1f} {cap:.1f} 0 0"
        return (f"M{a:.1f} {b + cap:.1f}{arc} 1 {w:.1f} 0V{y - cap:.1f}{arc} 1 {-w:.1f} 0Z"
                f"M{a:.1f} {b + cap:.1f}{arc} 0 {w:.1f} 0")  # fmt: skip
    return (f"M{a + 6:.1f} {b:.1f}H{x - 6:.1f}q6 0 6 6V{y - 6:.1f}q0 6 -6 6H{a + 6:.1f}q-6 0 -6 -6V{b + 6:.1f}"
            "q0 -6 6 -6Z")  # fmt: skip


def curve(points: tuple[Point, ...]) -> str:
    """A path through the points: straight where two stand over or beside each other, else bent upright at both ends."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (a, b), (x, y) in pairwise(points):
        middle = (b + y) / 2
        straight = abs(a - x) < 0.05 or abs(b - y) < 0.05
        path += f"L{x:.1f} {y:.1f}" if straight else f"C{a:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {y:.1f}"
    return path
