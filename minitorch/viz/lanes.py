"""Lanes: where the boxes of a picture stand. Three lanes side by side, forward going down, gradients climbing beside
what they are gradients of, updates beyond them; modules are bands across all three, so that one can be closed and what
is below it moves up.

Within a lane of a band, boxes are put in rows by the longest path (Sugiyama, Tagawa and Toda 1981), and the boxes of a
row in the order of the mean place of what they read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from minitorch.viz.picture import LANES, LATE, Path, Picture

HEIGHT, GAP_X, GAP_Y, PAD, HEAD, GUTTER = 36, 14, 26, 14, 24, 56
MOST_WIDTH = 440  # of a row; one that is wider is cut


@dataclass
class Frame:
    """A module as it is drawn: the frame around it by number (or -1), its name, and the band that it takes."""

    parent: int
    name: str
    top: int = 0
    bottom: int = 0


@dataclass
class Placed:
    """Each box's left edge, top and frame by number, the frames outermost first, and the left edges of the lanes."""

    boxes: list[tuple[int, int, int]]
    frames: list[Frame]
    lanes: tuple[int, int, int]
    width: int
    height: int


@dataclass
class _Group:
    """What stands in a scope: boxes, and scopes inside it, with the place in the order of the picture of each."""

    path: Path
    boxes: list[int] = field(default_factory=list)
    inner: dict[str, _Group] = field(default_factory=dict)


def placed(picture: Picture, widths: Sequence[int]) -> Placed:
    """The places of all boxes. The same picture gives the same places."""
    return _Placing(picture, widths).run()


class _Placing:
    def __init__(self, picture: Picture, widths: Sequence[int]) -> None:
        self.picture, self.widths = picture, widths
        self.lane = [LANES.get(box.role, 0) for box in picture.boxes]
        count = len(picture.boxes)
        self.sources: list[list[int]] = [[] for _ in range(count)]
        self.readers: list[list[int]] = [[] for _ in range(count)]
        for arrow in picture.arrows:
            if not arrow.writes:
                self.sources[arrow.target].append(arrow.source)
                self.readers[arrow.source].append(arrow.target)
        self.rank = self._ranks()
        self.lane_width = [0, 0, 0]
        self.frames: list[Frame] = []
        self.frame_of = [-1] * count
        self.top = [0] * count
        self.offset = [0] * count
        self.center = [0] * count
        self.y = PAD

    def _ranks(self) -> list[int]:
        """How far down each box belongs: forward by the longest path, gradients beside what they read of it."""
        rank = [0] * len(self.picture.boxes)
        roles = [box.role for box in self.picture.boxes]
        order = _order(self.sources)
        for i in order:
            if roles[i] not in LATE:
                rank[i] = max((rank[s] + 1 for s in self.sources[i]), default=0)
        for i in order:  # what is given stands beside what reads it
            ahead = [rank[r] for r in self.readers[i] if roles[r] not in LATE]
            if not self.sources[i] and ahead:
                rank[i] = max(0, min(ahead) - 1)
        for i in order:
            if roles[i] in LATE:
                rank[i] = max((rank[s] for s in self.sources[i] if self.sources[s] or roles[s] not in LATE), default=-1)
        for i in reversed(order):
            if rank[i] < 0:
                rank[i] = max((rank[r] for r in self.readers[i]), default=0)
        return rank

    def run(self) -> Placed:
        root = _Group(())
        for i, box in enumerate(self.picture.boxes):
            group = root
            for depth, name in enumerate(box.home):
                group = group.inner.setdefault(name, _Group(box.home[: depth + 1]))
            group.boxes.append(i)
        self._group(root, -1)
        widths = [max(w, 0) for w in self.lane_width]
        depth = max((len(box.home) for box in self.picture.boxes), default=0)
        lefts, right = [], PAD * (depth + 1)
        for width in widths:
            lefts.append(right)
            right += width + (GUTTER if width else 0)
        boxes = []
        for i in range(len(self.picture.boxes)):
            lane = self.lane[i]
            x = lefts[lane] + self.offset[i] + (widths[lane] - self.center[i]) // 2
            boxes.append((x, self.top[i], self.frame_of[i]))
        return Placed(boxes, self.frames, (lefts[0], lefts[1], lefts[2]), right - GUTTER + PAD * (depth + 1), self.y)

    # ---- bands, one under the other ----

    def _group(self, group: _Group, frame: int) -> None:
        items = sorted(((*self._first(inner), inner) for inner in group.inner.values()), key=lambda item: item[:2])
        starts = [item[0] for item in items]
        loose: list[list[int]] = [[] for _ in range(len(items) + 1)]
        for i in group.boxes:
            loose[sum(start <= self.rank[i] for start in starts)].append(i)
        for k, boxes in enumerate(loose):
            self._block(boxes, frame)
            if k < len(items):
                self._framed(items[k][2], frame)

    def _framed(self, group: _Group, parent: int) -> None:
        number = len(self.frames)
        self.frames.append(Frame(parent, group.path[-1], self.y))
        self.y += HEAD
        self._group(group, number)
        self.frames[number].bottom = self.y - GAP_Y + PAD
        self.y += PAD

    def _first(self, group: _Group) -> tuple[int, int]:
        """Where a scope begins: the rank of its first forward box, and its place in the order."""
        found: list[tuple[int, int, int]] = []
        stack = [group]
        while stack:
            top = stack.pop()
            found += [(self.lane[i] > 0, self.rank[i], i) for i in top.boxes if self.sources[i]]
            found += [(True, self.rank[i], i) for i in top.boxes if not self.sources[i]]
            stack += top.inner.values()
        return min(found)[1:]

    # ---- the boxes of a band: rows in each lane ----

    def _block(self, boxes: Sequence[int], frame: int) -> None:
        if not boxes:
            return
        lanes = [[i for i in boxes if self.lane[i] == k] for k in range(3)]
        stacked = [self._lane_rows(members, climbing=k > 0) for k, members in enumerate(lanes)]
        tall = max(len(rows) for rows in stacked)
        for k, rows in enumerate(stacked):
            skip = tall - len(rows) if k else 0  # what climbs starts from the foot
            for r, row in enumerate(rows):
                self._row(row, self.y + (r + skip) * (HEIGHT + GAP_Y), k, frame)
        self.y += tall * (HEIGHT + GAP_Y)

    def _row(self, row: Sequence[int], top: int, lane: int, frame: int) -> None:
        x = 0
        for i in row:
            self.top[i], self.offset[i], self.frame_of[i] = top, x, frame
            x += self.widths[i] + GAP_X
        for i in row:
            self.center[i] = x - GAP_X
        self.lane_width[lane] = max(self.lane_width[lane], x - GAP_X)

    def _lane_rows(self, members: Sequence[int], climbing: bool) -> list[list[int]]:
        level: dict[int, int] = {}
        inside = set(members)
        for i in _order(self.sources, members):
            level[i] = max((level[s] + 1 for s in self.sources[i] if s in inside), default=0)
        for i in reversed(_order(self.sources, members)):  # what is given stands right above what reads it
            ahead = [level[r] for r in self.readers[i] if r in inside]
            if ahead and not any(s in inside for s in self.sources[i]):
                level[i] = min(ahead) - 1
        rows: list[list[int]] = [[] for _ in range(1 + max(level.values(), default=-1))]
        for i in members:
            rows[level[i]].append(i)
        self._sort(rows)
        cut = [part for row in rows for part in self._cut(row)]
        return cut[::-1] if climbing else cut

    def _cut(self, row: Sequence[int]) -> list[list[int]]:
        parts: list[list[int]] = [[]]
        width = 0
        for i in row:
            width += self.widths[i] + GAP_X
            if width > MOST_WIDTH and parts[-1]:
                parts.append([])
                width = self.widths[i] + GAP_X
            parts[-1].append(i)
        return parts

    def _sort(self, rows: list[list[int]]) -> None:
        place: dict[int, float] = {}
        for _ in range(2):
            for above, row in zip([[], *rows], rows, strict=False):
                near = set(above)
                for i in row:
                    read = [place[s] for s in self.sources[i] if s in near]
                    place[i] = sum(read) / len(read) if read else place.get(i, self._mean(i, place))
                row.sort(key=lambda i: (place[i], i))
                place.update({i: k - (len(row) - 1) / 2 for k, i in enumerate(row)})

    def _mean(self, i: int, place: Mapping[int, float]) -> float:
        read = [place[r] for r in self.readers[i] if r in place]
        return sum(read) / len(read) if read else 0.0


def _order(sources: Sequence[Sequence[int]], members: Sequence[int] | None = None) -> list[int]:
    """The boxes, each after what it reads."""
    wanted = range(len(sources)) if members is None else members
    inside = set(wanted)
    done: set[int] = set()
    order: list[int] = []
    for start in wanted:
        stack = [start]
        while stack:
            i = stack[-1]
            waiting = [s for s in sources[i] if s in inside and s not in done] if i not in done else []
            if waiting:
                stack += waiting
                continue
            stack.pop()
            if i not in done:
                done.add(i)
                order.append(i)
    return order
