"""Blocks: the pieces in which a region is computed, so that what one step hands to the next stays in the cache.

A region with a short last axis, or with a product of matrices, is cut into blocks of rows; where the right matrix is
large, into panels of columns first, each copied together once. Everything else is cut into pieces of its last axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minitorch import ops
from minitorch.compiler.backends.c_source.layout import Layout, Sizes
from minitorch.compiler.backends.c_source.product import Lanes
from minitorch.compiler.passes.fuse import FOLDS
from minitorch.graph.dim import Shape, Size
from minitorch.graph.tensor import Tensor

BLOCK = 1024  # elements of a buffer
UPDATED = 48  # rows of a block that a product updates: as many as fill tiles of any height
UNIT = 16  # rows, or more, that a thread takes at once
WIDEST = 256  # columns of a matrix that is taken by whole rows
MOST_RIGHT = 1 << 15  # bytes of a right matrix that every block of rows reads anew: it stays in the first cache


class Access:
    """A piece of memory read or written along the axes of a region: a stride for each axis."""

    def __init__(self, layout: Layout, name: str, strides: list[Size]) -> None:
        self.layout, self.name, self.strides = layout, name, strides

    @property
    def single(self) -> bool:
        """Whether it is one number for all indices."""
        return all(stride == 0 for stride in self.strides)

    def at(self, sizes: Sizes, indices: Sequence[str]) -> str:
        """The place of an element, as C; indices that are not given are 0."""
        return sizes.index(self.layout.offset, list(zip(self.strides, indices, strict=False)))


def collapsed(space: Shape, accesses: Sequence[Access]) -> list[Size]:
    """The sizes of the axes, where two neighbours are one if everything steps over both alike; strides follow."""
    sizes: list[Size] = []
    strides: list[list[Size]] = [[] for _ in accesses]
    for axis, size in enumerate(space):
        if size == 1:
            continue
        new = [a.strides[axis] for a in accesses]
        if sizes and all(own[-1] == stride * size for own, stride in zip(strides, new, strict=True)):
            sizes[-1] = sizes[-1] * size
            for own, stride in zip(strides, new, strict=True):
                own[-1] = stride
            continue
        sizes.append(size)
        for own, stride in zip(strides, new, strict=True):
            own.append(stride)
    for a, own in zip(accesses, strides, strict=True):
        a.strides = own
    return sizes


class Blocks:
    """How the index space of a region is cut.

    `by_rows`, or else by `pieces` of the last axis, or not at all; `panels` of columns around the blocks of rows.
    Buffers hold `rows` rows of `columns` elements, `pitch` elements apart, or pieces of `BLOCK` elements.
    """

    def __init__(
        self, axes: list[Size], sizes: Sizes, lanes: Lanes, right: Layout | None, calls: bool,
        folds: Mapping[Tensor, Access], team: bool = False,
    ) -> None:  # fmt: skip
        self.axes, self.sizes, self.team, self.folded = axes, sizes, team, bool(folds)
        self.me, self.shares = ("part", "team->parts") if folds else ("me", "team->size")
        """Whose share of a loop is computed: that of a part of a sum, or of a thread."""
        last = axes[-1] if axes else 1
        self.panels = right is not None and _by_panels(last, right, lanes)
        columns = axes and any(len(a.strides) > 1 and a.strides[-2] == 0 for a in folds.values())
        short = isinstance(last, int) and 0 < last <= WIDEST and len(axes) > 1
        self.by_rows = right is not None or (short and bool(calls or columns))
        self.columns = last if isinstance(last, int) else 0
        self.pitch = self.columns
        if right is not None:
            self.columns = lanes.panel(right.dtype) if self.panels else self.columns
            self.pitch = lanes.padded(self.columns, right.dtype)
        self.full = self.panels and isinstance(last, int) and last % self.columns == 0  # whether no panel is narrower
        self.rows = max(1, BLOCK // max(1, self.pitch))
        self.rows = self.rows // 8 * 8 or self.rows
        summed = axes and any(n.op in (ops.sum, ops.prod) and a.strides[-1] == 0 for n, a in folds.items())
        whole = isinstance(last, int) and last <= BLOCK
        self.rows_first = False  # whether the loop over blocks of rows is around that over panels
        self.pieces = not self.by_rows and not whole and bool(calls or summed)
        self.outer = axes[:-2] if self.by_rows else axes[:-1]
        whole_block = bool(calls) and not (self.by_rows or self.pieces or self.outer)
        few = whole and len(axes) == 1 and not (self.by_rows or folds)
        self.alone = team and (not axes or whole_block or few)
        """Whether there is nothing to share: one number, one block that a call computes, or a few elements."""

    def arrange(self, updates: bool, ordered: bool) -> None:
        """Where a product `updates` a matrix itself, blocks are as high as fills tiles of any height. All panels go
        over a block of its left side while that is in the cache, where they are narrow or its columns are `ordered`."""
        if updates:
            self.rows = UPDATED
        narrow = updates and self.rows >= 2 * self.columns
        self.rows_first = self.panels and not self.folded and (narrow or ordered)

    @property
    def breadth(self) -> Size:
        """The columns of all panels, none of them narrower."""
        return (self.axes[-1] + self.columns - 1) // self.columns * self.columns

    @property
    def room(self) -> int:
        """The elements of a buffer."""
        return self.rows * self.pitch if self.by_rows else BLOCK

    # ---- loops; a head without `for` is a line inside the loop before it ----

    def outer_loops(self) -> list[str]:
        if self.alone:  # where there are reductions, all threads meet behind the loops
            return ["for (long once = part; once < 1; once++)" if self.folded else "if (me) return;"]
        loops = [self._loop(f"o{k}", size, 1, shared=k == 0) for k, size in enumerate(self.outer)]
        if self.rows_first:
            return loops + self._row_blocks(self.sizes(self.axes[-2]))
        return loops + self.panel_loops() if self.panels else loops

    def panel_loops(self) -> list[str]:
        columns = self.axes[-1]
        loops = [self._loop("p0", columns, self.columns, shared=not self.outer)]
        if not self.full:
            loops.append(f"const long width = smaller({self.columns}, {self.sizes(columns)} - p0);")
        return loops

    def block_loops(self) -> list[str]:
        if self.rows_first:
            return self.panel_loops()
        if self.by_rows:
            return self._row_blocks(self.sizes(self.axes[-2]))
        if self.pieces:
            size = self.axes[-1]
            return [self._loop("j0", size, BLOCK, shared=not self.outer),
                    f"const long width = smaller({BLOCK}, {self.sizes(size)} - j0);"]  # fmt: skip
        return []

    def _row_blocks(self, rows: str) -> list[str]:
        begin, end, before = "0", rows, []
        if self.team and not self.outer and not self.panels:
            unit = self.rows if self.rows % UNIT else UNIT
            begin, end = f"share({rows}, {unit}, {self.me}, {self.shares})", "last"
            before = [f"const long last = share({rows}, {unit}, {self.me} + 1, {self.shares});"]
        return [*before, f"for (long i0 = {begin}; i0 < {end}; i0 += {self.rows})",
                f"const long rows = smaller({self.rows}, {end} - i0);"]  # fmt: skip

    def _loop(self, name: str, size: Size, step: int, shared: bool) -> str:
        """A loop in steps; where threads share it, over the share of this one."""
        forward = f"{name}++" if step == 1 else f"{name} += {step}"
        if not (shared and self.team):
            return f"for (long {name} = 0; {name} < {self.sizes(size)}; {forward})"
        who = self.me, f"{self.me} + 1"
        begin, end = (f"share({self.sizes(size)}, {step}, {me}, {self.shares})" for me in who)
        return f"for (long {name} = {begin}; {name} < {end}; {forward})"

    def row_loop(self) -> list[str]:
        return ["for (long i = 0; i < rows; i++)"] if self.by_rows else []

    def column_loop(self) -> list[str]:
        if not self.axes:
            return []
        if self.team and not (self.alone or self.outer or self.by_rows or self.pieces):
            return [self._loop("j", self.axes[-1], 1, shared=True)]
        return [f"for (long j = 0; j < {self.width()}; j++)"]

    def width(self) -> str:
        """The elements of a row of a block."""
        if not self.axes:
            return "1"
        if self.by_rows and (self.full or not self.panels):
            return str(self.columns)
        return "width" if self.panels or self.pieces else self.sizes(self.axes[-1])

    def count(self) -> str:
        """The elements of a block in its buffer."""
        return f"{self.pitch} * rows" if self.by_rows else self.width()

    # ---- indices ----

    def indices(self, first: bool = False) -> list[str]:
        """The indices of the element that the loops are at, or of the first of a block."""
        outer = [f"o{k}" for k in range(len(self.outer))]
        if self.by_rows:
            column = ("p0" if first else "(p0 + j)") if self.panels else "0" if first else "j"
            return [*outer, "i0" if first else "(i0 + i)", column]
        if not self.axes:
            return []
        if self.pieces:
            return [*outer, "j0" if first else "(j0 + j)"]
        return [*outer, "0" if first else "j"]

    def in_buffer(self) -> str:
        """The place in a buffer of the element that the loops are at."""
        return f"{self.pitch} * i + j" if self.by_rows else "j" if self.axes else "0"

    def dense(self, access: Access) -> bool:
        """Whether the elements of a block lie side by side in memory, as they do in a buffer."""
        if not self.axes:
            return True
        return access.strides[-1] == 1 and (not self.by_rows or access.strides[-2] == self.pitch == self.columns)


def _by_panels(columns: Size, right: Layout, lanes: Lanes) -> bool:
    """Whether a product is computed panel by panel of its right matrix: not where one panel holds all of it, or all of
    it stays in the cache anyway."""
    if not isinstance(columns, int) or columns > WIDEST:
        return True
    inner = right.shape[0]
    pitch = lanes.padded(columns, right.dtype)
    small = isinstance(inner, int) and inner * pitch * right.dtype.itemsize <= MOST_RIGHT
    return not (columns <= lanes.panel(right.dtype) or small)


def over_axes(node: Tensor, layout: Layout, rank: int) -> list[Size]:
    """The strides of a result along the axes that a region loops over: 0 along those that a reduction folds."""
    if node.op not in FOLDS:
        return list(layout.strides)
    kept, strides = iter(layout.strides), []
    for axis in range(rank):
        folded = axis in node.attrs["axis"]
        stride = next(kept) if not folded or node.attrs["keepdims"] else 0
        strides.append(0 if folded else stride)
    return strides
