"""A whole picture: the sheet of each frame, laid out from the innermost, and put in its place from the outermost."""

from __future__ import annotations

from dataclasses import dataclass

from minitorch.viz.layout.lines import Piece, Point, joined, line_of
from minitorch.viz.layout.metrics import box_size, text_width
from minitorch.viz.layout.sheet import Item, Link, Sheet
from minitorch.viz.picture import LANES, LATE, Arrow, Path, Picture

# What a straight line is worth, by the roles of source and reader: the flow comes first, then that of gradients.
WEIGHT = {
    ("placeholder", "forward"): 1024.0, ("forward", "forward"): 4096.0, ("parameter", "forward"): 4096.0,
    ("constant", "forward"): 4096.0, ("gradient", "gradient"): 8.0, ("gradient", "update"): 2.0,
    ("update", "update"): 2.0,
}  # fmt: skip
PAD, HEAD = 16.0, 22.0
Door = tuple[Path, int, bool, bool]  # in which frame, the box that the line leaves, whether it writes, whether above


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its left upper corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame in its place: the names around it, its own the last."""

    path: Path
    rect: Rect


@dataclass(frozen=True, slots=True)
class Layout:
    """Where all is: a rectangle for each box, the points of each arrow from source to target, frames outermost first.

    Between two points a line is upright, level, or a curve that leaves and arrives upright.
    """

    width: float
    height: float
    boxes: tuple[Rect, ...]
    arrows: tuple[tuple[Point, ...], ...]
    frames: tuple[Placed, ...]


def laid_out(picture: Picture) -> Layout:
    """The places of all that is in a picture; the same for the same picture."""
    return _Composition(picture).layout()


class _Composition:
    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.homes = [box.home for box in picture.boxes]
        self.boxes = [Item(*box_size(box), LANES.get(box.role, 0)) for box in picture.boxes]
        for number, row in enumerate(picture.rows):
            for place, box in enumerate(row):
                self.boxes[box].seat = number, place
        self.frames = {path: Item(0.0, 0.0) for home in self.homes for path in _around(home)}
        self.paths: list[Path] = [(), *sorted(self.frames, key=len)]
        self.sheets = {path: Sheet() for path in self.paths}
        self.doors: dict[Door, Item] = {}
        self.middle: dict[Item, float] = {}  # by door, the middle of its frame
        self.ends: dict[Path, list[tuple[int, int, Item, Item]]] = {path: [] for path in self.paths}
        self.pieces: dict[Path, list[Piece]] = {path: [] for path in self.paths}

    def layout(self) -> Layout:
        self._fill()
        self._pair()
        for path in self.paths:
            self._rank(path)
        for path in reversed(self.paths):
            self._arrange(path)
        return self._placed()

    # ---- rows, from the outermost frame ----

    def _fill(self) -> None:
        """Items into the sheets, in the order of the graph, and each arrow to the innermost sheet around both ends."""
        seen: set[Path] = set()
        for item, home in zip(self.boxes, self.homes, strict=True):
            for path in (path for path in _around(home) if path not in seen):
                seen.add(path)
                self.sheets[path[:-1]].items.append(self.frames[path])
            self.sheets[home].items.append(item)
        for number, arrow in enumerate(self.picture.arrows):
            a, b = self.homes[arrow.source], self.homes[arrow.target]
            depth = next((i for i, (p, q) in enumerate(zip(a, b, strict=False)) if p != q), min(len(a), len(b)))
            self.ends[a[:depth]].append((number, 0, self._at(arrow.source, depth), self._at(arrow.target, depth)))

    def _at(self, box: int, depth: int) -> Item:
        """What stands for a box in the sheet of that depth: itself, or the frame that it is in."""
        home = self.homes[box]
        return self.boxes[box] if len(home) == depth else self.frames[home[: depth + 1]]

    def _pair(self) -> None:
        """Parameters stand beside the operation that reads them first, at most two, if it has another operand."""
        taken: dict[int, int] = {}
        boxes = self.picture.boxes
        flowing = {a.target for a in self.picture.arrows if boxes[a.source].role in ("forward", "placeholder")}
        for arrow in self.picture.arrows:
            leaf, reader = self.boxes[arrow.source], self.boxes[arrow.target]
            held = boxes[arrow.source].role in ("parameter", "constant") and arrow.role == "forward"
            if held and arrow.target in flowing and self.homes[arrow.source] == self.homes[arrow.target]:
                taken[arrow.target] = taken.get(arrow.target, 0) + 1
                if taken[arrow.target] <= 2 and leaf.beside is None:
                    leaf.beside = reader

    def _rank(self, path: Path) -> None:
        sheet, doors = self.sheets[path], {door for key, door in self.doors.items() if key[0] == path}
        late: list[Link] = []
        for number, side, source, target in self.ends[path]:
            arrow = self.picture.arrows[number]
            upper, lower = (target, source) if arrow.upward else (source, target)
            link = Link(upper, lower, self._least(arrow, upper, lower), self._weight(arrow), arrow.upward)
            (late if doors & {source, target} or self._around(arrow, source, target) else sheet.links).append(link)
            self.pieces[path].append(Piece(number, side, link, source))
        sheet.rank()
        sheet.links += late
        self._doors_to_the_edge(path)
        for piece, (_, side, source, target) in zip(self.pieces[path], self.ends[path], strict=True):
            if side <= 0:
                piece.doors[0] = self._go_in(piece.number, path, source, target, leaving=True)
            if side >= 0:
                piece.doors[1] = self._go_in(piece.number, path, target, source, leaving=False)

    def _least(self, arrow: Arrow, upper: Item, lower: Item) -> int:
        """How many rows apart: none where a gradient stands beside what it reads of the forward graph."""
        if lower.width and upper.beside is lower:
            return 0
        beside = upper.lane == 1 and lower.lane == 0 and arrow.upward and bool(upper.width and lower.width)
        return 0 if beside else 1

    def _around(self, arrow: Arrow, source: Item, target: Item) -> bool:
        """A forward value for a gradient of another module is led around: modules stand in the order of the flow."""
        early = self.picture.boxes[arrow.source].role not in LATE
        return arrow.upward and early and not (source.width and target.width)

    def _weight(self, arrow: Arrow) -> float:
        return WEIGHT.get((self.picture.boxes[arrow.source].role, arrow.role), 1.0) if not arrow.writes else 1.0

    def _doors_to_the_edge(self, path: Path) -> None:
        """The doors of a frame stand in rows of their own, above and below all else."""
        above = [door for key, door in self.doors.items() if key[0] == path and key[3]]
        below = [door for key, door in self.doors.items() if key[0] == path and not key[3]]
        edge = {*above, *below}
        others = [item for item in self.sheets[path].items if item not in edge]
        low = min(item.row for item in others) if others else 0
        for item in others:
            item.row += bool(above) - low
        for door in below:
            door.row = 1 + max(item.row for item in others)
        for door in above:
            door.row = 0

    def _go_in(self, number: int, path: Path, mine: Item, other: Item, leaving: bool) -> Item | None:
        """Where an end of an arrow is inside a frame: a door in that frame, and the piece from it to the end."""
        arrow = self.picture.arrows[number]
        box = arrow.source if leaving else arrow.target
        if mine is self.boxes[box]:
            return None
        inside = self.homes[box][: len(path) + 1]
        key = inside, arrow.source, arrow.writes, other.row < mine.row
        if key not in self.doors:
            role = "" if arrow.writes else self.picture.boxes[arrow.source].role
            self.doors[key] = Item(0.0, 0.0, LANES.get(role, 0))
            self.sheets[inside].items.append(self.doors[key])
        door, inner = self.doors[key], self._at(box, len(inside))
        depth = len(inside)
        self.ends[inside].append((number, -depth, inner, door) if leaving else (number, depth, door, inner))
        return door

    # ---- places, from the innermost frame ----

    def _arrange(self, path: Path) -> None:
        sheet = self.sheets[path]
        for piece in self.pieces[path]:
            ports = tuple(self._port(door) for door in piece.doors)
            piece.link.ports = ports if piece.link.upper is piece.first else ports[::-1]  # type: ignore[assignment]
        sheet.arrange()
        if path:
            frame = self.frames[path]
            frame.width = max(sheet.width, text_width(path[-1], 10.0)) + 2 * PAD
            frame.height = sheet.height + PAD + HEAD
            self.middle.update((door, sheet.width / 2) for key, door in self.doors.items() if key[0] == path)

    def _port(self, door: Item | None) -> float:
        """Where a door is, from the middle of its frame."""
        return 0.0 if door is None else door.x - self.middle[door]

    # ---- all in their places ----

    def _placed(self) -> Layout:
        origin: dict[Path, Point] = {(): (PAD, PAD)}
        frames = []
        for path in self.paths[1:]:
            rect = _rect(self.frames[path], origin[path[:-1]])
            origin[path] = rect.x + (rect.width - self.sheets[path].width) / 2, rect.y + HEAD
            frames.append(Placed(path, rect))
        boxes = [_rect(item, origin[home]) for item, home in zip(self.boxes, self.homes, strict=True)]
        lines: list[list[tuple[int, list[Point]]]] = [[] for _ in self.picture.arrows]
        for path, pieces in self.pieces.items():
            for piece in pieces:
                lines[piece.number].append((piece.side, line_of(piece, self.sheets[path], origin[path])))
        arrows = [joined([line for _, line in sorted(found, key=lambda f: f[0])]) for found in lines]
        whole = self.sheets[()]
        return Layout(whole.width + 2 * PAD, whole.height + 2 * PAD, tuple(boxes), tuple(arrows), tuple(frames))


def _around(home: Path) -> list[Path]:
    """The frames around a box, the outermost first."""
    return [home[:depth] for depth in range(1, len(home) + 1)]


def _rect(item: Item, origin: Point) -> Rect:
    x, y = origin[0] + item.x - item.width / 2, origin[1] + item.y - item.height / 2
    return Rect(x, y, item.width, item.height)
