"""Multiplication: how a region calls its product, block of rows by block of rows, and what is made ready for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from minitorch.compiler.backends.c_source.blocks import MOST_RIGHT, Access, Blocks
from minitorch.compiler.backends.c_source.expressions import c_type, suffix
from minitorch.compiler.backends.c_source.function import Function
from minitorch.compiler.backends.c_source.layout import Key, Layout, Sizes
from minitorch.compiler.backends.c_source.merged import Merged
from minitorch.compiler.backends.c_source.product import MOST_PACKED, Lanes
from minitorch.compiler.backends.c_source.taken import by_columns, side
from minitorch.graph.dim import Size
from minitorch.graph.tensor import Tensor

MOST_FETCHED = 1 << 10  # bytes of a row that is asked for: of longer ones the machine foresees all but the first lines


class Multiplication:
    """Writes the lines of a product into the function of its region."""

    def __init__(
        self, product: Merged, inputs: Mapping[Tensor, Layout], taken: Collection[Key], function: Function,
        sizes: Sizes, lanes: Lanes, blocks: Blocks,
    ) -> None:  # fmt: skip
        self.product, self.dtype = product, product.node.dtype
        self.inputs, self.taken = inputs, taken
        self.left, self.right = (inputs[i] for i in product.operands)
        self.function, self.sizes, self.lanes, self.blocks = function, sizes, lanes, blocks
        self.ready: list[str] = []  # where the right matrix, or a panel of it, is read, and how far apart rows are
        self.in_order = lanes.terms and not product.turns and by_columns(self.left, taken)
        """Whether tiles take the columns of the left matrix in an order."""
        self.block: list[str] = []  # the same of a block of the left matrix, where it has been copied
        self.copied = False  # whether the row that is added has been

    # ---- made ready ----

    def begin(self) -> None:
        """Before all loops."""
        self._copy_start()
        if self.blocks.rows_first or not self.blocks.panels:
            self._pack()

    def enter(self) -> None:
        """Before the innermost of the loops over panels and over blocks of rows."""
        if self.blocks.rows_first:
            self._copy_left()
        elif self.blocks.panels:
            self._pack()

    def enter_block(self, reads: Mapping[Tensor, Access]) -> None:
        """Inside all of these loops."""
        if not self.blocks.rows_first:
            self._copy_left()
        self._fetch(reads)

    def _copy_start(self) -> None:
        """A row that is parts of vectors is copied to where whole ones can be read."""
        start, columns = self.product.start, self.product.node.shape[1]
        if start is None:
            return
        assert isinstance(columns, int)
        t, pitch = c_type(start.dtype), self.lanes.padded(columns, start.dtype)
        if pitch != columns:
            self.function.line(f"{t} start[{pitch}] ALIGNED = {{0}};")
            self.function.line(f"memcpy(start, {self._row(start, '0')}, {columns} * sizeof({t}));")
            self.copied = True

    def _pack(self) -> None:
        """Copy the right matrix, or a panel of it, so that its columns lie side by side, once for all rows of the left
        one. Not where they do and all of it stays in the first cache, which may turn out when its size is known."""
        f, pitch, layout = self.function, self.blocks.pitch, self.right
        at = self.sizes.index(layout.offset, [(layout.strides[1], "p0" if self.blocks.panels else "0")])
        place, strides = f"{f.argument(layout, written=False)} + {at}", [self.sizes(s) for s in layout.strides]
        fits = self._fits() if self._readable() else "0"
        if fits == "1":
            self.ready = [place, strides[0]]
            return
        k, packed = layout.shape[0], "packed"
        if self.blocks.rows_first:  # all panels, one after the other
            packed = f"packed + {self.sizes(k)} * p0"
        self._room(k * (self.blocks.breadth if self.blocks.rows_first else pitch))
        call = self._packing([self.sizes(k), self.blocks.width(), str(pitch), place, *strides, "0", packed])
        self.ready = [packed, str(pitch)]
        if fits != "0":
            f.line(f"const int fits = {fits};")
            self.ready = [f"fits ? {place} : {packed}", f"fits ? {strides[0]} : {pitch}"]
            call = f"if (!fits) {call}"
        with f.nest(self.blocks.panel_loops() if self.blocks.rows_first else ()):
            f.line(call)

    def _copy_left(self) -> None:
        """Copy a block of the left matrix whose columns are taken in an order, where tiles do not take them so."""
        if self.in_order or not by_columns(self.left, self.taken):
            return
        f, a, t = self.function, self.left, c_type(self.dtype)
        pitch, k, step = self.lanes.padded(self.blocks.rows, self.dtype), a.shape[1], self.sizes(a.strides[1])
        place = f"{f.argument(a, written=False)} + i0"
        f.line(f"{t} *const left = ({t} *)(mine + {f.scratch(k * pitch, self.dtype)});")
        f.line(self._packing([self.sizes(k), "rows", str(pitch), place, step, "1", f.order(a), "left"]))
        self.block = ["left", "1", str(pitch), "0", "0"]

    def _packing(self, given: Sequence[str]) -> str:
        self.function.needs.add(self.lanes.packing(self.dtype))
        return f"mt_pack_{suffix(self.dtype)}({', '.join(given)});"

    def _readable(self) -> bool:
        """Whether the rows of the right matrix can be read where they lie, by whole vectors and by parts of them."""
        columns = self.product.node.shape[1]
        whole = isinstance(columns, int) and self.lanes.padded(columns, self.dtype) == columns
        return self.right.strides[1] == 1 and (whole or self.lanes.masks)

    def _fits(self) -> str:
        """Whether the right matrix is one panel, or stays in the first cache, as C."""
        size = self.right.shape[0] * self.right.strides[0] * self.dtype.itemsize
        if not self.blocks.panels or isinstance(size, int):
            return str(int(not self.blocks.panels or size <= MOST_RIGHT))
        return f"{self.sizes(size)} <= {MOST_RIGHT}"

    def _room(self, size: Size) -> None:
        """Memory for what is copied."""
        f, t = self.function, c_type(self.dtype)
        if isinstance(size, int) and size * self.dtype.itemsize <= MOST_PACKED:
            f.line(f"{t} packed[{max(self.blocks.pitch, size)}] ALIGNED;")
        else:
            f.line(f"{t} *packed = ({t} *)(mine + {f.scratch(size, self.dtype)});")

    def _fetch(self, reads: Mapping[Tensor, Access]) -> None:
        """Ask for rows that are taken in an order, which no machine foresees: those of this block that are read after
        the product, and those of the next block that the product reads."""
        rows, end = self.blocks.rows, self.sizes(self.blocks.axes[-2])
        after = f"i0, smaller(i0 + {rows}, {end})"
        ahead = f"i0 ? i0 + {rows} : 0, smaller(i0 + {2 * rows}, {end})"
        places = dict.fromkeys(reads, after) | {self.product.operands[0]: ahead}
        for layout, place in ((self.inputs[p], place) for p, place in places.items()):
            if layout.key not in self.taken or side(layout) != "rows":
                continue
            columns = layout.shape[1]
            if isinstance(columns, int) and 0 < (size := columns * layout.dtype.itemsize) <= MOST_FETCHED:
                name, order = self.function.argument(layout, written=False), self.function.order(layout)
                self.function.line(f"fetch_rows({name}, {size}, {order}, {place});")

    # ---- called ----

    def call(self, target: str, pitch: str, whole: bool) -> str:
        """The call for a block of rows, whose results go to `target`, `pitch` elements apart; `whole` says that there
        is room for whole vectors."""
        first = "p0" if self.blocks.panels else "0"
        start = f"start + {first}" if self.copied else self._row(self.product.start, first)
        left, k = self.block or self._left(), self.sizes(self.left.shape[1])
        arguments = ", ".join(["rows", k, *left, *self.ready, target, pitch, start, self._row(self.product.scale, "0")])
        columns, last = self.blocks.columns, self.blocks.axes[-1]
        called = self._function(columns)
        if self.product.turns and whole:
            called = f"(TURNED({self.sizes(self.left.shape[1])}) ? {self._turned()} : {called})"
        if self.blocks.panels and isinstance(last, int) and last % columns:  # the last panel is narrower
            called = f"(width == {columns} ? {called} : {self._function(last % columns)})"
        return f"{called}({arguments});"

    def _left(self) -> list[str]:
        """How the elements of the left side are found."""
        a, f = self.left, self.function
        start, name = self.sizes.index(a.offset, [(a.strides[0], "i0")]), f.argument(a, written=False)
        if a.key not in self.taken:
            return [f"{name} + {start}", *(self.sizes(s) for s in a.strides), "0", "0"]
        order = f.order(a)
        if self.in_order:
            return [f"{name} + {start}", *(self.sizes(s) for s in a.strides), "0", order]
        return [f"{name} + ({order} ? 0 : {start})", self.sizes(a.strides[0]), "1", f"{order} ? {order} + i0 : 0", "0"]

    def _row(self, n: Tensor | None, first: str) -> str:
        """Where a row lies, from its `first` element on; or where a number does."""
        if n is None:
            return "0"
        layout = self.inputs[n]
        return f"{self.function.argument(layout, written=False)} + {self.sizes.index(layout.offset, [(1, first)])}"

    def _function(self, columns: int) -> str:
        parts = self.lanes.function(columns, self.dtype)
        self.function.needs.update(parts)
        return parts[-1].name

    def _turned(self) -> str:
        m, most, lanes = self.blocks.axes[-2], self.lanes.panel(self.dtype), self.lanes.of(self.dtype)
        rows = min(most, m // lanes * lanes) if isinstance(m, int) else most
        parts = self.lanes.turned(self.blocks.columns, rows, self.dtype)
        self.function.needs.update(parts)
        return parts[-1].name
