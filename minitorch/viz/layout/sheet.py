"""One level of a layout: items in rows, in an order with few crossings, each over what it leads to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

GAP, THIN_GAP, CHANNEL, THIN_CHANNEL = 18.0, 9.0, 30.0, 14.0
SWEEPS, PULLS, SETTLING = 8, 12, 6
TALL = 120.0
STRAIGHT = (
    1.0,
    2.0,
    8.0,
)  # what a straight piece of a line is worth, by how many of its ends are points (Gansner 1993)

Near = tuple["Item", float, float, float]  # a neighbour, where the line meets it, where it meets oneself, its weight


@dataclass(eq=False)
class Item:
    """What stands in a row: a box, a frame that is laid out, or a point that a long link passes (of no width)."""

    width: float
    height: float
    lane: int = 0  # forward, gradient, update: from left to right
    row: int = 0
    x: float = 0.0  # its middle
    y: float = 0.0
    order: int = 0
    seat: tuple[int, int] | None = None  # in which row of units, and at which place of it
    beside: Item | None = None  # the item of the same row that reads it, and that it stands next to
    above: list[Near] = field(default_factory=list)
    below: list[Near] = field(default_factory=list)


@dataclass(eq=False)
class Link:
    """A line between two items, from the upper to the lower after `rank`; ports are offsets from their middles."""

    upper: Item
    lower: Item
    least: int = 1
    weight: float = 1.0  # how much a straight line is worth
    climbs: bool = False  # it leads from the lower to the upper
    ports: tuple[float, float] = (0.0, 0.0)
    points: list[Item] = field(default_factory=list)


class Sheet:
    """Items and links of one frame."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.links: list[Link] = []
        self.rows: list[list[Item]] = []
        self.width = self.height = 0.0
        self.tops: list[tuple[float, float]] = []

    # ---- rows ----

    def rank(self) -> None:
        """Rows by the longest path, then each item as near to its neighbours as the others let it."""
        links = self._acyclic()
        for item in self._sorted(links):
            item.row = max((link.upper.row + link.least for link in self._into[item]), default=0)
        ordered = self._sorted(links)
        for item in (*reversed(ordered), *ordered, *reversed(ordered)):
            self._tighten(item)
        lowest = min((item.row for item in self.items), default=0)
        for item in self.items:
            item.row -= lowest

    def _tighten(self, item: Item) -> None:
        into, out = self._into[item], self._out[item]
        up, down = (sum(link.weight for link in links) for links in (into, out))
        if out and down > up:
            item.row = min(link.lower.row - link.least for link in out)
        elif into and up > down:
            item.row = max(link.upper.row + link.least for link in into)

    def _acyclic(self) -> list[Link]:
        """The links that can all lead down: of a circle those against the order of the items are left out."""
        if len(self._sorted(self.links)) == len(self.items):
            return self.links
        place = {item: i for i, item in enumerate(self.items)}
        links = [link for link in self.links if (place[link.upper] < place[link.lower]) != link.climbs]
        self._sorted(links)
        return links

    def _sorted(self, links: list[Link]) -> list[Item]:
        """The items in topological order, as many as are in no circle."""
        self._into: dict[Item, list[Link]] = defaultdict(list)
        self._out: dict[Item, list[Link]] = defaultdict(list)
        for link in links:
            self._into[link.lower].append(link)
            self._out[link.upper].append(link)
        waiting = {item: len(self._into[item]) for item in self.items}
        ready = [item for item in self.items if not waiting[item]]
        for item in ready:
            for link in self._out[item]:
                waiting[link.lower] -= 1
                if not waiting[link.lower]:
                    ready.append(link.lower)
        return ready

    # ---- order in the rows ----

    def arrange(self) -> None:
        """Long links pass each row at a point of their own; then rows are ordered, and places found."""
        self._route()
        self.rows = [[] for _ in range(1 + max((item.row for item in self.items), default=0))]
        for item in self.items:
            self.rows[item.row].append(item)
        for sweep in range(SWEEPS):
            for row in self.rows if sweep % 2 == 0 else reversed(self.rows):
                self._sort(row, down=sweep % 2 == 0)
        self._place()
        self._stack()

    def _route(self) -> None:
        for link in self.links:
            if link.upper.row > link.lower.row:
                link.upper, link.lower, link.ports = link.lower, link.upper, link.ports[::-1]
            if link.upper.row == link.lower.row:
                continue
            lane = min(link.upper.lane, link.lower.lane)
            link.points = [Item(0.0, 0.0, lane, row) for row in range(link.upper.row + 1, link.lower.row)]
            self.items += link.points
            line = [link.upper, *link.points, link.lower]
            for i, (a, b) in enumerate(pairwise(line)):
                port_a, port_b = link.ports[0] if i == 0 else 0.0, link.ports[1] if i == len(line) - 2 else 0.0
                weight = link.weight * STRAIGHT[(not a.width) + (not b.width)]
                b.above.append((a, port_a, port_b, weight))
                a.below.append((b, port_b, port_a, weight))

    def _sort(self, row: list[Item], down: bool) -> None:
        def mean(item: Item) -> float:
            near = (item.above if down else item.below) or item.below or item.above
            places = [other.order + port / (other.width + 1.0) for other, port, _, _ in near]
            return sum(places) / len(places) if places else float(item.order)

        row.sort(key=lambda item: (item.lane, mean(item)))
        _seat(row)
        held: dict[Item | None, list[Item]] = defaultdict(list)
        for item in row:
            held[_holder(item)].append(item)
        if len(held) > 1:
            row[:] = [one for item in held[None] for one in (*held[item][1:], item, *held[item][:1])]
        for i, item in enumerate(row):
            item.order = i

    # ---- places ----

    def _place(self) -> None:
        for row in self.rows:
            for i, item in enumerate(row):
                item.x = row[i - 1].x + _apart(row[i - 1], item) if i else item.width / 2
        for pull in range(PULLS):
            for row in self.rows if pull % 2 == 0 else reversed(self.rows):
                self._pull(row, down=pull % 2 == 0)
        for settle in range(SETTLING):
            for row in self.rows if settle % 2 == 0 else reversed(self.rows):
                self._pull(row, down=settle % 2 == 0, settled=True)
        left = min((item.x - item.width / 2 for item in self.items), default=0.0)
        for item in self.items:
            item.x -= left
        self.width = max((item.x + item.width / 2 for item in self.items), default=0.0)

    def _pull(self, row: list[Item], down: bool, settled: bool = False) -> None:
        """The items of a row as near to where their neighbours want them as their order lets them: the sum of squares
        is least (isotonic regression, by merging neighbours that would overlap)."""
        groups: list[list[float]] = []  # weight, mean wanted place of the first, number of items
        offset, offsets = 0.0, [0.0]
        for left, right in pairwise(row):
            offset += _apart(left, right)
            offsets.append(offset)
        for item, shift in zip(row, offsets, strict=True):
            first, second = (item.above, item.below) if down else (item.below, item.above)
            middle, weight = _wanted(item, first or second, second if settled and first else [])
            groups.append([weight, middle - shift, 1])
            while len(groups) > 1 and groups[-2][1] > groups[-1][1]:
                b, a = groups.pop(), groups.pop()
                groups.append([a[0] + b[0], (a[0] * a[1] + b[0] * b[1]) / (a[0] + b[0]), a[2] + b[2]])
        places = [mean for _, mean, count in groups for _ in range(int(count))]
        for item, place, shift in zip(row, places, offsets, strict=True):
            item.x = place + shift

    def _stack(self) -> None:
        """Rows one under the other, with a channel for lines between them."""
        heights = [max((item.height for item in row), default=0.0) for row in self.rows]
        top = 0.0
        for row, height, below in zip(self.rows, heights, [*heights[1:], 0.0], strict=True):
            self.tops.append((top, top + height))
            for item in row:
                item.y = top + _rise(item, height)
            self.height = top + height
            top += height + (CHANNEL if height and below else THIN_CHANNEL)


def _rise(item: Item, height: float) -> float:
    """Where an item has its middle in a row: beside something tall, at the end where its lines are."""
    if height < TALL or item.beside is not None or bool(item.above) == bool(item.below):
        return height / 2
    return item.height / 2 if item.above else height - item.height / 2


def _apart(left: Item, right: Item) -> float:
    gap = GAP if left.width and right.width else THIN_GAP
    return (left.width + right.width) / 2 + gap * (2 if left.lane != right.lane else 1)


def _wanted(item: Item, first: list[Near], second: list[Near]) -> tuple[float, float]:
    """Where an item would stand best, the weighted median of what its lines ask for, and how much that is worth.

    Between two of equal weight it is the middle; but between the first neighbours and the second it is where the first
    ask for, so that lines are straight one after the other, not all a little bent.
    """
    if (holder := _holder(item)) is not None:
        return holder.x, 0.001  # as near as the order lets it, without holding back what it stands next to
    near = [(n, True) for n in first] + [(n, False) for n in second]
    wants = sorted((other.x + port - own, weight, early) for (other, port, own, weight), early in near)
    total, passed = sum(weight for _, weight, _ in wants), 0.0
    for i, (place, weight, early) in enumerate(wants):
        passed += weight
        if passed * 2 == total:
            after, _, late = wants[i + 1]
            return (place + after) / 2 if early == late else place if early else after, total
        if passed * 2 > total:
            return place, total
    return item.x, 0.1


def _seat(row: list[Item]) -> None:
    """Units keep their order, at the places that they have together."""
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for i, item in enumerate(row):
        if item.seat is not None:
            groups[item.seat[0]].append((item.seat[1], i))
    for group in groups.values():
        units = [row[i] for _, i in sorted(group)]
        for (_, i), unit in zip(group, units, strict=True):
            row[i] = unit


def _holder(item: Item) -> Item | None:
    """What an item stands next to, where both came into the same row."""
    return item.beside if item.beside is not None and item.beside.row == item.row else None
