"""Reductions: where those of a region add up, loop by loop, and how the parts of threads are joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minitorch import ops
from minitorch.compiler.backends.c_source.blocks import Access, Blocks
from minitorch.compiler.backends.c_source.expressions import c_type, suffix
from minitorch.compiler.backends.c_source.folds import fold_of
from minitorch.compiler.backends.c_source.function import Function, Part
from minitorch.compiler.backends.c_source.layout import Sizes
from minitorch.compiler.backends.c_source.product import Lanes
from minitorch.compiler.passes.fuse import FOLDS
from minitorch.graph.tensor import Tensor
from minitorch.graph.types import FLOAT32


class Reductions:
    """Writes the lines of the reductions into the function of their region. `writes` says where each belongs."""

    def __init__(
        self, nodes: Sequence[Tensor], writes: Mapping[Tensor, Access], numbers: Mapping[Tensor, int],
        function: Function, sizes: Sizes, lanes: Lanes, blocks: Blocks,
    ) -> None:  # fmt: skip
        self.nodes, self.writes, self.numbers = [n for n in nodes if n.op in FOLDS], writes, numbers
        self.function, self.sizes, self.lanes, self.blocks = function, sizes, lanes, blocks
        self.parts: dict[Tensor, str] = {}  # where, in the scratch memory of a thread, its part of one lies
        self.wide: dict[Tensor, int] = {}  # those that blocks add up in double, and the loops outside their totals

    # ---- before all loops, and after them ----

    def parts_loop(self) -> list[str]:
        """The loop over the parts that a thread adds up, each in memory of its own; none where nothing is shared."""
        if not (self.nodes and self.function.team):
            return []
        first, end = (f"share(team->parts, 1, {me}, team->size)" for me in ("me", "me + 1"))
        return [f"for (long part = {first}; part < {end}; part++)"]

    def begin(self) -> None:
        for n in self.nodes:
            self._identity(n)
        self.wide = {n: self._depth(n) for n in self.nodes if n.op is ops.sum and n.dtype == FLOAT32 and self._whole(n)}

    def _identity(self, n: Tensor) -> None:
        """A reduction starts from what it is over nothing. Each part but the first is added up in memory of its own."""
        access, fold = self.writes[n], fold_of(n)
        if self.function.team:
            t = c_type(n.dtype)
            self.parts[n] = self.function.scratch(n.size, n.dtype)
            own = f"({t} *)((char *)scratch + part * room + {self.parts[n]})"
            self.function.line(f"{t} *const {access.name}p = part ? {own} : {access.name};")
            access.name += "p"
        if fold.identity == "0":
            place, count = self._place(access), self.sizes(n.size)
            self.function.line(f"memset({place}, 0, {count} * sizeof({c_type(n.dtype)}));")
            return
        with self.function.nest([f"for (long k = 0; k < {self.sizes(n.size)}; k++)"]):
            self.function.line(f"{self._kth(access)} = {fold.identity};")

    def end(self) -> None:
        """When all threads have added up their parts, the first joins them, in their order."""
        f = self.function
        if not self.parts:
            return
        for n in self.parts:
            self.writes[n].name = self.writes[n].name.removesuffix("p")
        f.line("barrier(team);")
        for n, start in self.parts.items():
            t, access = c_type(n.dtype), self.writes[n]
            if n.op is ops.sum:
                parts = f"(const char *)scratch + room + {start}, room, team->parts - 1"
                f.line(f"if (me == 0) {self._adding('join', n)}({self.sizes(n.size)}, {self._place(access)}, {parts});")
                continue
            with f.nest(["for (long t = 1; me == 0 && t < team->parts; t++)",
                         f"const {t} *part = (const {t} *)((char *)scratch + t * room + {start});",
                         f"for (long k = 0; k < {self.sizes(n.size)}; k++)"]):  # fmt: skip
                f.line(fold_of(n).joined(self._kth(access), "part[k]"))

    # ---- places ----

    def _place(self, access: Access, indices: Sequence[str] = ()) -> str:
        """Where an element lies."""
        at = access.at(self.sizes, indices)
        return access.name if at == "0" else f"{access.name} + {at}"

    def _kth(self, access: Access) -> str:
        return f"{access.name}[{self.sizes.index(access.layout.offset, [(1, 'k')])}]"

    def _element(self, n: Tensor) -> str:
        """Where a reduction belongs, for the element that the loops are at."""
        return f"{self.writes[n].name}[{self.writes[n].at(self.sizes, self.blocks.indices())}]"

    def scope(self, n: Tensor) -> tuple[str, str]:
        """Where a reduction adds up before it does in memory, and the variable: in a block, in a row, or nowhere."""
        name, strides, by_rows = f"c{self.numbers[n]}", self.writes[n].strides, self.blocks.by_rows
        if self.blocks.axes and by_rows and strides[-2] == 0:
            return "block", name if strides[-1] == 0 else f"{name}[j]"
        if self.blocks.axes and strides[-1] == 0:
            return "row" if by_rows else "block", name
        return "memory", self._element(n)

    def variable(self, n: Tensor, vectors: bool) -> str:
        """Where a loop adds up, which may be written in vectors."""
        name = self.scope(n)[1]
        return f"{name.removesuffix('[j]')}v[j / {self.lanes.of(n.dtype)}]" if vectors else name

    # ---- blocks add up in double, so that long sums are as accurate as NumPy's, which add in pairs ----

    def _whole(self, n: Tensor) -> bool:
        """Whether a reduction makes one number of each block."""
        where, name = self.scope(n)
        return where == "block" and name.isidentifier()

    def _depth(self, n: Tensor) -> int:
        """The number of loops outside the total of a reduction: those that its place in memory depends on."""
        outer = self.writes[n].strides[: len(self.blocks.outer)]
        return max((k + 1 for k, stride in enumerate(outer) if stride != 0), default=0)

    def open_totals(self, depth: int) -> list[Tensor]:
        """The totals that belong outside the loops from a depth on."""
        found = [n for n, at in self.wide.items() if at == depth]
        for n in found:
            self.function.line(f"double t{self.numbers[n]} = 0;")
        return found

    def store_total(self, n: Tensor) -> None:
        self.function.line(f"{self._element(n)} += t{self.numbers[n]};")

    # ---- around the loops of a block ----

    def accumulators(self, folds: Sequence[Tensor], scope: str, vectors: bool) -> None:
        """The variables that add up in a block or in a row."""
        for n in folds:
            (where, name), identity = self.scope(n), fold_of(n).identity
            if where == scope and vectors:
                count = self.blocks.pitch // self.lanes.of(n.dtype)
                self.function.line(f"vector_{suffix(n.dtype)} {name.removesuffix('[j]')}v[{count}] = {{{{0}}}};")
            elif where == scope and name.isidentifier():
                self.function.line(f"{c_type(n.dtype)} {name} = {identity};")
            elif where == scope:
                zeros = " = {0}" if identity == "0" else ""
                self.function.line(f"{c_type(n.dtype)} {name.removesuffix('[j]')}[{self.blocks.columns}]{zeros};")
                if not zeros:
                    self.function.line(f"for (long j = 0; j < {self.blocks.columns}; j++) {name} = {identity};")

    def totals(self, folds: Sequence[Tensor], scope: str) -> None:
        """What has added up in a block or in a row joins what is in memory, or in a total."""
        for n in folds:
            where, name = self.scope(n)
            if where == scope and self._by_columns(n, name):
                target, own = self._place(self.writes[n], self.blocks.indices(first=True)), name.removesuffix("[j]")
                self.function.line(f"{self._adding('add', n)}({self.blocks.width()}, {target}, {own});")
            elif where == scope:
                every = "" if name.isidentifier() else f"{self.blocks.column_loop()[0]} "
                target = f"t{self.numbers[n]}" if n in self.wide else self._element(n)
                self.function.line(every + fold_of(n).joined(target, name))

    def _by_columns(self, n: Tensor, name: str) -> bool:
        """Whether a block has a sum for each column, and they lie side by side where they belong."""
        team, columns = self.function.team, not name.isidentifier()
        return team and columns and self.writes[n].strides[-1] == 1 and n.op is ops.sum

    def _adding(self, what: str, n: Tensor) -> str:
        """The function that adds an array to where a sum belongs, or all parts of one: `add` or `join`."""
        t, s = c_type(n.dtype), suffix(n.dtype)
        self.function.needs.add(Part(f"sums_{s}", f"SUMS({s}, {t})"))
        return f"{what}_{s}"

    def out_of_vectors(self, folds: Sequence[Tensor]) -> list[Tensor]:
        """Vectors that have added up are added to where they belong, or become one number, which is left to add."""
        f, left = self.function, []
        for n in folds:
            name, step = self.scope(n)[1].removesuffix("[j]"), self.lanes.of(n.dtype)
            t, s, columns, pitch = c_type(n.dtype), suffix(n.dtype), self.blocks.columns, self.blocks.pitch
            each = "UNROLL for (long j = 0; j < {}; j += {}) ".format
            if self.writes[n].strides[-1] == 1:
                place, rest = f"&{self._element(n)}", f"{columns} - j"
                total = f"read_{s}({place}, {rest}) + {name}v[j / {step}]"
                f.line(f"{each(columns, step)}write_{s}({place}, {rest}, {total});")
                continue
            f.line(f"{t} {name}e[{pitch}] ALIGNED;")
            f.line(f"{each(pitch, step)}*(vector_{s} *)&{name}e[j] = {name}v[j / {step}];")
            f.line(f"{t} {name} = 0;")
            f.line(f"SIMD_OF(reduction(+:{name}))")
            f.line(f"for (long j = 0; j < {columns}; j++) {name} = {name} + {name}e[j];")
            left.append(n)
        return left
