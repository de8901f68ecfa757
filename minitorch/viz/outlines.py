"""Shapes of an SVG as lines of points: each with whether it is closed; curves are cut into straight pieces."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

STEPS = 12  # straight pieces of a curve
HEAD = ((-5.7, -2.6), (0.8, 0.0), (-5.7, 2.6))  # an arrowhead that points to the right, from where the line ends
LENGTHS = frozenset(("x", "y", "width", "height", "rx", "cx", "cy", "r", "x1", "y1", "x2", "y2"))
COUNTS = {"m": 2, "l": 2, "h": 1, "v": 1, "c": 6, "q": 4, "a": 7, "z": 0}  # numbers that a command of a path takes

Point = tuple[float, float]
Lines = list[tuple[list[Point], bool]]


def _rectangle(n: Mapping[str, float]) -> Lines:
    x, y, w, h = n.get("x", 0.0), n.get("y", 0.0), n["width"], n["height"]
    r = min(n.get("rx", 0.0), w / 2, h / 2)
    if not r:
        return [([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], True)]
    middles = ((x + w - r, y + r, -90), (x + w - r, y + h - r, 0), (x + r, y + h - r, 90), (x + r, y + r, 180))
    turns = [(cx, cy, math.radians(start + 90 * i / 4)) for cx, cy, start in middles for i in range(5)]
    return [([(cx + r * math.cos(a), cy + r * math.sin(a)) for cx, cy, a in turns], True)]


def _circle(n: Mapping[str, float]) -> Lines:
    turns = [2 * math.pi * i / 24 for i in range(24)]
    return [([(n["cx"] + n["r"] * math.cos(a), n["cy"] + n["r"] * math.sin(a)) for a in turns], True)]


def _straight(n: Mapping[str, float]) -> Lines:
    return [([(n["x1"], n["y1"]), (n["x2"], n["y2"])], False)]


OUTLINES: dict[str, Callable[[Mapping[str, float]], Lines]] = {
    "rect": _rectangle, "circle": _circle, "line": _straight,
}  # fmt: skip


def path(d: str) -> Lines:
    """The points of a path: lower case counts from where the path is; curves are cut into straight pieces."""
    lines: Lines = []
    for letter, text in re.findall(r"([a-zA-Z])([^a-zA-Z]*)", d):
        name, numbers = letter.lower(), [float(n) for n in re.findall(r"-?[\d.]+", text)]
        if name == "z":
            lines[-1] = lines[-1][0], True
            continue
        for k in range(0, len(numbers), COUNTS[name]):
            here = lines[-1][0][-1] if lines else (0.0, 0.0)
            base = here if letter.islower() else (0.0, 0.0)
            points = list(_piece(name, numbers[k : k + COUNTS[name]], here, base))
            if name == "m":
                lines.append((points, False))
            else:
                lines[-1][0].extend(points)
    return lines


def _piece(name: str, n: list[float], here: Point, base: Point) -> Iterator[Point]:
    if name == "h":
        yield n[0] + base[0], here[1]
    elif name == "v":
        yield here[0], n[0] + base[1]
    elif name == "a":
        yield from _arc(n, here, base)
    else:
        ends = [(x + base[0], y + base[1]) for x, y in zip(n[::2], n[1::2], strict=True)]
        yield from ends if len(ends) == 1 else _bezier([here, *ends])


def _arc(n: list[float], here: Point, base: Point) -> Iterator[Point]:
    """Half an ellipse between two points of one height, the only arcs that we draw."""
    across = n[5] + base[0] - here[0]
    side = -1 if bool(n[4]) == (across > 0) else 1
    for i in range(1, 2 * STEPS + 1):
        a = math.pi * i / (2 * STEPS)
        yield here[0] + across / 2 * (1 - math.cos(a)), here[1] + side * n[1] * math.sin(a)


def _bezier(ends: list[Point]) -> Iterator[Point]:
    for i in range(1, STEPS + 1):
        t, points = i / STEPS, ends
        while len(points) > 1:  # de Casteljau
            points = [(a + (c - a) * t, b + (d - b) * t) for (a, b), (c, d) in pairwise(points)]
        yield points[0]


def head(line: list[Point]) -> list[Point]:
    """An arrowhead at the end of a line."""
    (a, b), (x, y) = next(p for p in reversed(line[:-1]) if p != line[-1]), line[-1]
    length = math.hypot(x - a, y - b)
    u, v = (x - a) / length, (y - b) / length
    return [(x + u * p - v * q, y + v * p + u * q) for p, q in HEAD]
