"""Regions: a loop nest for elementwise operations, the reductions over them, and a product of matrices before them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from minitorch.compiler.backends.c_source.blocks import Access, Blocks, collapsed, over_axes
from minitorch.compiler.backends.c_source.expressions import EXPRESSIONS, array_function, c_type, literal, suffix
from minitorch.compiler.backends.c_source.folds import fold_of
from minitorch.compiler.backends.c_source.function import Function
from minitorch.compiler.backends.c_source.layout import Key, Layout, Sizes, stretched
from minitorch.compiler.backends.c_source.merged import product_in
from minitorch.compiler.backends.c_source.multiplication import Multiplication
from minitorch.compiler.backends.c_source.product import Lanes
from minitorch.compiler.backends.c_source.reductions import Reductions
from minitorch.compiler.backends.c_source.steps import Steps
from minitorch.compiler.backends.c_source.taken import by_columns
from minitorch.compiler.backends.c_source.vectors import in_vectors
from minitorch.compiler.passes.fuse import FOLDS
from minitorch.graph.dim import Shape
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor

MOST_SUMMED = 256  # bytes of a row whose sums of columns are vectors: each of them is a step of the loop, written out


class Region:
    """Writes the function of one region. `inputs` and `outputs` are the layouts of the body's own; `taken` is the
    memory whose rows may be taken in an order."""

    def __init__(
        self, body: Graph, inputs: Sequence[Layout], outputs: Sequence[Layout], sizes: Sizes, lanes: Lanes, team: bool,
        taken: Collection[Key] = (),
    ) -> None:  # fmt: skip
        self.sizes, self.lanes, self.function, self.taken = sizes, lanes, Function(sizes, team), taken
        self.inputs = dict(zip(body.inputs, inputs, strict=True))
        merged = product_in(body, self.inputs, outputs, lanes, taken)
        self.product = None if merged is None else merged.node
        self.updates = merged is not None and merged.scale is not None
        nodes = [n for n in body.nodes if merged is None or n not in merged.within]
        self.nodes = [n for n in nodes if n.inputs]
        self.numbers = {n: i for i, n in enumerate(body.nodes)}
        self.vectors = False  # whether the loop at hand is written in vectors
        self.names: dict[Tensor, str] = {}  # of the values that the loop at hand has computed
        space = _space(self.nodes)
        read = {i for n in self.nodes if n is not self.product for i in n.inputs}
        self.reads = {p: self._read(layout, space) for p, layout in self.inputs.items() if p in read}
        self.writes = {n: self._written(n, x, len(space)) for n, x in zip(body.outputs, outputs, strict=True)}
        accesses = [*self.reads.values(), *self.writes.values()]
        axes = collapsed(space, accesses) if self.product is None else list(space)
        folds = {n: self.writes[n] for n in self.nodes if n.op in FOLDS}
        calls = {n for n in self.nodes if n is self.product or array_function(n) is not None}
        right = None if merged is None else self.inputs[merged.operands[1]]
        self.blocks = Blocks(axes, sizes, lanes, right, bool(calls), folds, team)
        if merged is not None:
            self.blocks.arrange(self.updates, by_columns(self.inputs[merged.operands[0]], taken))
        given = self.function, sizes, lanes, self.blocks
        self.reductions = Reductions(self.nodes, self.writes, self.numbers, *given)
        self.multiplication = None
        if merged is not None:
            self.multiplication = Multiplication(merged, self.inputs, taken, *given)
        self.steps = Steps(nodes, calls, self.product, self.reads, self.writes, self._dense)

    def _read(self, layout: Layout, space: Shape) -> Access:
        return Access(layout, self.function.argument(layout, written=False), list(stretched(layout, space)))

    def _written(self, node: Tensor, layout: Layout, rank: int) -> Access:
        return Access(layout, self.function.argument(layout, written=True), over_axes(node, layout, rank))

    def _dense(self, access: Access) -> bool:
        return self.updates or (access.layout.key not in self.taken and self.blocks.dense(access))

    def write(self) -> Function:
        f, blocks = self.function, self.blocks
        for p, access in self.reads.items():
            if access.single:
                f.line(f"const {c_type(p.dtype)} x{self.numbers[p]} = {access.name}[{access.at(self.sizes, [])}];")
        for buffer, n in {b: n for n, b in self.steps.buffers.items()}.items():
            f.line(f"{c_type(n.dtype)} {buffer}[{blocks.room}] ALIGNED{self._cleared()};")
        if self.multiplication is not None:
            self.multiplication.begin()
        with f.nest(self.reductions.parts_loop()):
            self.reductions.begin()
            with self._loops():
                self._steps()
        self.reductions.end()
        return f

    def _steps(self) -> None:
        """What is done for a block."""
        if self.multiplication is not None:
            self.multiplication.enter_block(self.reads)
        for s in range(self.steps.last + 1):
            if s % 2:
                self._call_step(s)
            else:
                self._loop_step(s)

    @contextmanager
    def _loops(self) -> Iterator[None]:
        """All loops but those inside a block, and around them the totals that they add up to."""
        outer, inner = self.blocks.outer_loops(), self.blocks.block_loops()
        with ExitStack() as stack:
            for depth, heads in enumerate([*([head] for head in outer), inner]):
                for n in self.reductions.open_totals(depth):
                    stack.callback(self.reductions.store_total, n)
                if heads is inner and self.multiplication is not None:
                    self.multiplication.enter()
                stack.enter_context(self.function.nest(heads))
            yield

    def _cleared(self) -> str:
        """Functions are given whole rows of buffers: what is behind the columns must not be numbers that take long."""
        called = any(n is not self.product for n in self.steps.calls)
        return " = {0}" if called and self.blocks.by_rows and self.blocks.pitch != self.blocks.columns else ""

    def _element(self, access: Access) -> str:
        indices = self.blocks.indices()
        if access.layout.key in self.taken:
            indices[-2] = f"row_{access.name}"
        return f"{access.name}[{access.at(self.sizes, indices)}]"

    # ---- calls ----

    def _call_step(self, s: int) -> None:
        for n in self.nodes:
            if n in self.steps.calls and self.steps.step[n] == s:
                self.function.line(self._array_call(n) if self.multiplication is None or n is not self.product
                                   else self.multiplication.call(*self._target(n)))  # fmt: skip

    def _target(self, n: Tensor) -> tuple[str, str, bool]:
        """Where a block of a product goes, how far its rows are apart, and whether they have room for whole vectors."""
        pitch = self.sizes(self.writes[n].strides[0]) if self.updates else str(self.blocks.pitch)
        return self._block(n), pitch, n in self.steps.buffers

    def _array_call(self, n: Tensor) -> str:
        self.function.mathematics.add((n.op.name, str(n.dtype)))
        return f"{array_function(n)}({self.blocks.count()}, {self._block(n.inputs[0])}, {self._block(n)});"

    def _block(self, n: Tensor) -> str:
        """Where the elements of a block lie that a call reads or writes."""
        if n in self.steps.buffers:
            return self.steps.buffers[n]
        access = self.writes[n] if n in self.steps.direct else self.reads[n]
        return f"{access.name} + {access.at(self.sizes, self.blocks.indices(first=True))}"

    # ---- loops ----

    def _loop_step(self, s: int) -> None:
        f, steps, sums = self.function, self.steps, self.reductions
        staged = [n for n in steps.buffers if not n.inputs] if s == 0 else []
        body = [n for n in self.nodes if steps.step[n] == s]
        stored = [n for n, at in steps.stored.items() if at == s]
        if not body and not stored and not staged:
            return
        folds = [n for n in body if n.op in FOLDS]
        self.vectors = not staged and self._in_vectors(body, stored, folds)
        sums.accumulators(folds, "block", self.vectors)
        with f.nest(self.blocks.row_loop()):
            self._rows_taken([*staged, *(i for n in body for i in n.inputs), *stored])
            sums.accumulators(folds, "row", self.vectors)
            with f.nest([*self._vectorised(folds), *self._column_loop()]):
                self._elements(body, stored, staged)
            sums.totals(folds, "row")
        if self.vectors:
            folds = sums.out_of_vectors(folds)
        self.vectors = False
        sums.totals(folds, "block")

    def _column_loop(self) -> list[str]:
        if not self.vectors or self.product is None:
            return self.blocks.column_loop()
        step = self.lanes.of(self.product.dtype)
        return ["UNROLL", f"for (long j = 0; j < {self.blocks.columns}; j += {step})"]

    # a loop that adds up columns is written in vectors where it can, for compilers keep the sums in memory

    def _in_vectors(self, body: Sequence[Tensor], stored: Sequence[Tensor], folds: Sequence[Tensor]) -> bool:
        blocks, product = self.blocks, self.product
        if product is None or blocks.panels or blocks.pitch * product.dtype.itemsize > MOST_SUMMED:
            return False
        scopes = [self.reductions.scope(n) for n in folds]
        if any(where != "block" for where, _ in scopes) or all(name.isidentifier() for _, name in scopes):
            return False
        if any(self.writes[n].strides[-1] not in (0, 1) for n in folds):
            return False
        vectors, whole = blocks.pitch // self.lanes.of(product.dtype), blocks.pitch == blocks.columns
        if not whole and not self.lanes.parts:
            return False
        return in_vectors(body, stored, product.dtype, self.reads, self.writes, whole, vectors)

    def _rows_taken(self, values: Sequence[Tensor]) -> None:
        """Where the rows lie, of the inputs among these values, that are taken in an order."""
        for access in [self.reads[p] for p in dict.fromkeys(values) if p in self.reads]:
            if access.layout.key in self.taken:
                order, at = self.function.order(access.layout), self.blocks.indices()[-2]
                self.function.line(f"const long row_{access.name} = {order} ? {order}[{at}] : {at};")

    def _vectorised(self, folds: Sequence[Tensor]) -> list[str]:
        """What lets the compiler compute several elements at once, and add up several partial results."""
        clauses: dict[str, list[str]] = {}
        for n in folds:
            if (name := self.reductions.scope(n)[1]).isidentifier():
                clauses.setdefault(fold_of(n).clause, []).append(name)
        if not self.blocks.axes or "" in clauses or self.vectors:
            return []
        text = " ".join(f"reduction({clause}:{', '.join(names)})" for clause, names in clauses.items())
        return [f"SIMD_OF({text})" if clauses else "SIMD"]

    def _elements(self, body: Sequence[Tensor], stored: Sequence[Tensor], staged: Sequence[Tensor]) -> None:
        f, buffers, here = self.function, self.steps.buffers, self.blocks.in_buffer()
        self.names = {}
        for p in staged:
            f.line(f"{buffers[p]}[{here}] = {self._value(p)};")
        for n in body:
            if n.op in FOLDS:
                f.line(fold_of(n).joined(self.reductions.variable(n, self.vectors), self._value(n.inputs[0])))
                continue
            expression = EXPRESSIONS[n.op.name]([self._value(i) for i in n.inputs], n)
            self.names[n] = f"v{self.numbers[n]}"
            kind = f"vector_{suffix(n.dtype)}" if self.vectors else c_type(n.dtype)
            f.line(f"const {kind} {self.names[n]} = {expression};")
            if n in buffers:
                f.line(self._stored(n, f"{buffers[n]}[{here}]", self.names[n], self.blocks.pitch))
        for n in stored:
            f.line(self._stored(n, self._element(self.writes[n]), self._value(n), self.blocks.columns))

    def _stored(self, n: Tensor, place: str, value: str, columns: int) -> str:
        if self.vectors:
            return f"write_{suffix(n.dtype)}(&{place}, {columns} - j, {value});"
        return f"{place} = {value};"

    def _value(self, n: Tensor) -> str:
        """A value at the index of the loop."""
        if n in self.names:
            return self.names[n]
        if n.op.name == "constant":
            return literal(n.attrs["value"][()], n.dtype)
        if n in self.reads and self.reads[n].single:
            return f"x{self.numbers[n]}"
        if n in self.reads or n in self.steps.direct:
            place, columns = self._element(self.reads[n] if n in self.reads else self.writes[n]), self.blocks.columns
        else:
            place, columns = f"{self.steps.buffers[n]}[{self.blocks.in_buffer()}]", self.blocks.pitch
        return f"read_{suffix(n.dtype)}(&{place}, {columns} - j)" if self.vectors else place


def _space(nodes: Sequence[Tensor]) -> Shape:
    """The indices that a region loops over."""
    n = next((n for n in nodes if n.op not in FOLDS), nodes[0])
    return n.inputs[0].shape if n.op in FOLDS else n.shape
