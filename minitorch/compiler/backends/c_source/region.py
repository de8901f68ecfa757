"""Regions: a loop nest for elementwise operations, the reductions over them, and a small product before them.

A region is computed block by block, so that what one step hands to the next stays in the cache. A block is a few rows
of a matrix, or a piece of the last axis. The steps of a block are loops over its elements and, between them, calls of
functions that work on whole arrays: `mt_tanh_f32(count, x, y)`, or a product of matrices. What is needed after the step
that computed it waits in a buffer on the stack; everything else is a local variable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from minitorch import ops
from minitorch.compiler.backends.c_source import product
from minitorch.compiler.backends.c_source.expressions import EXPRESSIONS, array_function, c_type, literal, suffix
from minitorch.compiler.backends.c_source.function import Function
from minitorch.compiler.backends.c_source.layout import Layout, Sizes, stretched
from minitorch.graph.dim import Shape, Size
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Op, Tensor
from minitorch.graph.types import FLOAT32, DType

BLOCK = 1024  # elements of a buffer
WIDEST = 256  # columns of a matrix that is taken by rows


@dataclass(frozen=True)
class Fold:
    """How a reduction combines elements. `clause` is what OpenMP calls it, where the order may change."""

    combine: str
    identity: str
    clause: str = ""


def fold_of(op: Op, dtype: DType) -> Fold:
    """The reduction of a row for elements of a type."""
    t = suffix(dtype)
    least, most = ("-__builtin_inf()", "__builtin_inf()") if dtype.kind == "f" else ("0", "1")
    if dtype.kind in "iu":
        info = np.iinfo(str(dtype))
        least, most = literal(np.int64(info.min), dtype), literal(np.int64(info.max), dtype)
    return {
        ops.sum: Fold("{0} + {1}", "0", "+"), ops.prod: Fold("{0} * {1}", "1", "*"),
        ops.any: Fold("{0} | ({1} != 0)", "0"), ops.all: Fold("{0} & ({1} != 0)", "1"),
        ops.max: Fold(f"maximum_{t}({{0}}, {{1}})", least), ops.min: Fold(f"minimum_{t}({{0}}, {{1}})", most),
    }[op]  # fmt: skip


@dataclass
class Access:
    """A piece of memory read or written along the axes of the region: a stride for each axis."""

    layout: Layout
    name: str
    strides: list[Size]


class Region:
    """Writes the function of one region. `inputs` and `outputs` are the layouts of the body's own."""

    def __init__(
        self, body: Graph, inputs: Sequence[Layout], outputs: Sequence[Layout], sizes: Sizes, lanes: product.Lanes
    ) -> None:  # fmt: skip
        self.body, self.sizes, self.lanes = body, sizes, lanes
        self.function = Function()
        self.nodes = [n for n in body.nodes if n.inputs]
        self.numbers = {n: i for i, n in enumerate(body.nodes)}
        self.outputs = dict(zip(body.outputs, outputs, strict=True))
        self.product = next((n for n in self.nodes if n.op is ops.matmul), None)
        self.folds = [n for n in self.nodes if n.op in FOLDS]
        self.space = self._space()
        self.names: dict[Tensor, str] = {}
        self.inputs = dict(zip(body.inputs, inputs, strict=True))
        read = {i for n in self.nodes if n is not self.product for i in n.inputs}
        self.reads = {p: self._access(layout) for p, layout in self.inputs.items() if p in read}
        self.writes = {n: self._result(n, layout) for n, layout in self.outputs.items()}
        self.axes: list[Size] = self._collapsed()
        self._shape_of_blocks()
        self._steps()

    # ---- the index space ----

    def _space(self) -> Shape:
        n = next((n for n in self.nodes if n.op not in FOLDS), self.nodes[0])
        return n.inputs[0].shape if n.op in FOLDS else n.shape

    def _access(self, layout: Layout) -> Access:
        return Access(layout, self.function.argument(layout, written=False), list(stretched(layout, self.space)))

    def _result(self, node: Tensor, layout: Layout) -> Access:
        name = self.function.argument(layout, written=True)
        if node.op not in FOLDS:
            return Access(layout, name, list(layout.strides))
        kept, strides = iter(layout.strides), []
        for axis in range(len(self.space)):
            reduced = axis in node.attrs["axis"]
            stride = next(kept) if not reduced or node.attrs["keepdims"] else 0
            strides.append(0 if reduced else stride)
        return Access(layout, name, strides)

    def _collapsed(self) -> list[Size]:
        """The sizes of the axes, where two neighbours are one if everything steps over both alike."""
        accesses = [*self.reads.values(), *self.writes.values()]
        if self.product is not None:
            return list(self.space)
        sizes: list[Size] = []
        strides: list[list[Size]] = [[] for _ in accesses]
        for axis, size in enumerate(self.space):
            if size == 1:
                continue
            if sizes and all(own[-1] == a.strides[axis] * size for own, a in zip(strides, accesses, strict=True)):
                sizes[-1] = sizes[-1] * size
                for own, a in zip(strides, accesses, strict=True):
                    own[-1] = a.strides[axis]
                continue
            sizes.append(size)
            for own, a in zip(strides, accesses, strict=True):
                own.append(a.strides[axis])
        for own, a in zip(strides, accesses, strict=True):
            a.strides = own
        return sizes

    def _shape_of_blocks(self) -> None:
        """By rows, where the last axis is short and there is another; else by pieces of the last axis."""
        self.calls = {n for n in self.nodes if n is self.product or array_function(n) is not None}
        last = self.axes[-1] if self.axes else 1
        summed = any(self.writes[n].strides[-1] == 0 and n.op in (ops.sum, ops.prod) for n in self.folds if self.axes)
        columns = any(w.strides[-2] == 0 for n in self.folds for w in [self.writes[n]] if len(self.axes) > 1)
        short = isinstance(last, int) and 0 < last <= WIDEST and len(self.axes) > 1
        self.by_rows = self.product is not None or (short and (bool(self.calls) or columns))
        self.columns = last if isinstance(last, int) else 0
        self.pitch = self.lanes.padded(self.columns, self._dtype()) if self.product is not None else self.columns
        self.rows = max(1, BLOCK // max(1, self.pitch))
        self.rows = self.rows // 8 * 8 or self.rows
        whole = isinstance(last, int) and last <= BLOCK
        self.pieces = not self.by_rows and not whole and (bool(self.calls) or summed)
        self.outer = self.axes[:-2] if self.by_rows else self.axes[:-1]

    def _dtype(self) -> DType:
        return self.product.dtype if self.product is not None else self.nodes[0].dtype

    # ---- the steps of a block: loops have even numbers, calls odd ones ----

    def _steps(self) -> None:
        self.readers: dict[Tensor, list[Tensor]] = {n: [] for n in self.body.nodes}
        for n in self.nodes:
            for i in n.inputs if n is not self.product else ():
                self.readers[i].append(n)
        self.step = self._earliest()
        self.last = max(s + s % 2 for s in self.step.values())
        overwritten = {w.name for w in self.writes.values()} & {r.name for r in self.reads.values()}
        self.direct = {n for n in self.calls if n in self.writes and self.writes[n].name not in overwritten
                       and self._dense(self.writes[n])}  # fmt: skip
        self.stored = {
            n: self.last if self.writes[n].name in overwritten else self.step[n] + self.step[n] % 2
            for n in self.writes if n.op not in FOLDS and n not in self.direct
        }  # fmt: skip
        self._later()
        self._buffers()

    def _earliest(self) -> dict[Tensor, int]:
        """The first step that can compute each node."""
        step: dict[Tensor, int] = {}
        for n in self.nodes:
            before = [step[i] for i in n.inputs if i in step and n is not self.product]
            if n in self.calls:
                step[n] = max([1, *(s + 1 + s % 2 for s in before)])
            else:
                step[n] = max([0, *(s + s % 2 for s in before)])
        return step

    def _later(self) -> None:
        """What a loop computes is computed in the last loop that can, so that it need not wait in a buffer."""
        for n in reversed(self.nodes):
            needed = [self.step[r] - self.step[r] % 2 for r in self.readers[n]]
            needed += [self.stored[n]] if n in self.stored else []
            if n not in self.calls and needed:
                self.step[n] = max(self.step[n], min(needed))

    def _buffers(self) -> None:
        """What waits from one step to another; the result of a call may take the place of its operand."""
        self.buffers: dict[Tensor, str] = {}
        for n in self.body.nodes:
            called = any(r in self.calls and r is not self.product for r in self.readers[n])
            last = max([self.step[r] for r in self.readers[n]] + [self.stored.get(n, 0)], default=0)
            if n.inputs:
                waits = n not in self.direct and n.op not in FOLDS and (n in self.calls or last > self.step[n])
            else:
                waits = called and not (n in self.reads and self._dense(self.reads[n]))
            if waits:
                reused = n in self.calls and n is not self.product and self._only_for(n.inputs[0], n)
                self.buffers[n] = self.buffers[n.inputs[0]] if reused else f"s{len(self.buffers)}"

    def _only_for(self, n: Tensor, reader: Tensor) -> bool:
        return n in self.buffers and len(self.readers[n]) == 1 and n not in self.writes and n.dtype == reader.dtype

    def _dense(self, access: Access) -> bool:
        """Whether the elements of a block lie side by side in memory."""
        if not self.axes:
            return True
        return access.strides[-1] == 1 and (not self.by_rows or access.strides[-2] == self.pitch == self.columns)

    # ---- writing ----

    def write(self) -> Function:
        f = self.function
        for p, access in self.reads.items():
            if all(stride == 0 for stride in access.strides):  # one number for all indices
                f.line(f"const {c_type(p.dtype)} {self._scalar(p)} = {access.name}[{self._at(access, [])}];")
        for n in self.folds:
            self._identity(n)
        self._packed()
        for buffer, n in {b: n for n, b in self.buffers.items()}.items():
            count = self.rows * self.pitch if self.by_rows else BLOCK
            f.line(f"{c_type(n.dtype)} {buffer}[{count}] ALIGNED;")
        self.wide = {n: self._depth(n) for n in self.folds if n.op is ops.sum and n.dtype == FLOAT32 and self._whole(n)}
        with self._loops():
            for s in range(self.last + 1):
                if s % 2:
                    self._call_step(s)
                else:
                    self._loop_step(s)
        return f

    @contextmanager
    def _loops(self) -> Iterator[None]:
        """All loops but those inside a block, and around them the totals that they add up to."""
        with ExitStack() as stack:
            for depth, heads in enumerate([*([loop] for loop in self._outer_loops()), self._block_loops()]):
                for n in (n for n, at in self.wide.items() if at == depth):
                    self.function.line(f"double t{self.numbers[n]} = 0;")
                    stack.callback(self._store_total, n)
                stack.enter_context(self.function.nest(heads))
            yield

    def _outer_loops(self) -> list[str]:
        return [f"for (long o{k} = 0; o{k} < {self.sizes(size)}; o{k}++)" for k, size in enumerate(self.outer)]

    def _block_loops(self) -> list[str]:
        if self.by_rows:
            rows = self.sizes(self.axes[-2])
            return [
                f"for (long i0 = 0; i0 < {rows}; i0 += {self.rows})",
                f"const long rows = smaller({self.rows}, {rows} - i0);",
            ]
        if self.pieces:
            size = self.sizes(self.axes[-1])
            return [
                f"for (long j0 = 0; j0 < {size}; j0 += {BLOCK})",
                f"const long width = smaller({BLOCK}, {size} - j0);",
            ]
        return []

    def _inner_loops(self) -> list[str]:
        """The loops over the elements of a block; the first over its rows, where it has rows."""
        if self.by_rows:
            return ["for (long i = 0; i < rows; i++)", f"for (long j = 0; j < {self.columns}; j++)"]
        if not self.axes:
            return []
        return [f"for (long j = 0; j < {'width' if self.pieces else self.sizes(self.axes[-1])}; j++)"]

    def _indices(self, first: bool = False) -> list[str]:
        """The indices of the element that the loops are at, or of the first of a block."""
        outer = [f"o{k}" for k in range(len(self.outer))]
        if self.by_rows:
            return [*outer, *(["i0", "0"] if first else ["(i0 + i)", "j"])]
        if not self.axes:
            return []
        if self.pieces:
            return [*outer, "j0" if first else "(j0 + j)"]
        return [*outer, "0" if first else "j"]

    def _at(self, access: Access, indices: Sequence[str]) -> str:
        return self.sizes.index(access.layout.offset, list(zip(access.strides, indices, strict=False)))

    def _scalar(self, p: Tensor) -> str:
        return f"x{self.numbers[p]}"

    def _place(self, n: Tensor) -> str:
        """Where a value waits in its buffer."""
        if self.by_rows:
            return f"{self.buffers[n]}[{self.pitch} * i + j]"
        return f"{self.buffers[n]}[{'j' if self.axes else '0'}]"

    # ---- products ----

    def _packed(self) -> None:
        """A right operand whose columns do not lie side by side is copied so that they do, once for all rows."""
        self.right = ""
        if self.product is None:
            return
        layout = self.inputs[self.product.inputs[1]]
        k, _ = layout.shape
        small = isinstance(k, int) and k * self.pitch * layout.dtype.itemsize <= product.MOST_PACKED
        if layout.strides[1] == 1 or not small:
            return
        t, name = suffix(layout.dtype), self.function.argument(layout, written=False)
        source = f"{name} + {self.sizes(layout.offset)}"
        strides = ", ".join(self.sizes(s) for s in layout.strides)
        self.function.line(f"{c_type(layout.dtype)} packed[{self.sizes(k * self.pitch)} + 1] ALIGNED;")
        self.function.line(f"pack_{t}({k}, {self.columns}, {self.pitch}, {source}, {strides}, packed);")
        self.right = "packed"

    def _product_call(self, n: Tensor) -> str:
        a, b = (self.inputs[i] for i in n.inputs)
        call = self.lanes.function(self.columns, n.dtype)
        self.function.needs.add(call)
        left = self.function.argument(a, written=False)
        start = self.sizes.index(a.offset, [(a.strides[0], "i0")])
        first = [f"{left} + {start}", self.sizes(a.strides[0]), self.sizes(a.strides[1])]
        if self.right:
            second = [self.right, str(self.pitch), "1", "1"]
        else:
            right = self.function.argument(b, written=False)
            second = [f"{right} + {self.sizes(b.offset)}", *(self.sizes(s) for s in b.strides), "0"]
        arguments = ["rows", self.sizes(a.shape[1]), *first, *second, self._block(n), str(self.pitch)]
        return f"{call.name}({', '.join(arguments)});"

    def _block(self, n: Tensor) -> str:
        """Where the elements of a block lie that a call reads or writes."""
        if n in self.buffers:
            return self.buffers[n]
        access = self.writes[n] if n in self.direct else self.reads[n]
        return f"{access.name} + {self._at(access, self._indices(first=True))}"

    # ---- calls ----

    def _call_step(self, s: int) -> None:
        for n in self.nodes:
            if n in self.calls and self.step[n] == s:
                self.function.line(self._product_call(n) if n is self.product else self._array_call(n))

    def _array_call(self, n: Tensor) -> str:
        name = array_function(n)
        assert name is not None
        self.function.mathematics.add((n.op.name, str(n.dtype)))
        count = f"{self.pitch} * rows" if self.by_rows else self._width()
        return f"{name}({count}, {self._block(n.inputs[0])}, {self._block(n)});"

    def _width(self) -> str:
        if not self.axes:
            return "1"
        return "width" if self.pieces else self.sizes(self.axes[-1])

    # ---- loops ----

    def _loop_step(self, s: int) -> None:
        body = [n for n in self.nodes if self.step[n] == s]
        stored = [n for n, at in self.stored.items() if at == s]
        staged = [n for n in self.buffers if not n.inputs] if s == 0 else []
        if not body and not stored and not staged:
            return
        f = self.function
        folds = [n for n in body if n.op in FOLDS]
        scopes = {n: self._scope(n) for n in folds}
        self._accumulators(folds, scopes, "block")
        loops = self._inner_loops()
        rows, columns = (loops[:1], loops[1:]) if len(loops) == 2 else ([], loops)
        with f.nest(rows):
            self._accumulators(folds, scopes, "row")
            with f.nest([*self._simd(folds, scopes), *columns]):
                self._elements(s, body, stored, staged, scopes)
            self._totals(folds, scopes, "row")
        self._totals(folds, scopes, "block")

    def _simd(self, folds: Sequence[Tensor], scopes: dict[Tensor, tuple[str, str]]) -> list[str]:
        if not self.axes:
            return []
        clauses: dict[str, list[str]] = {}
        for n in folds:
            if scopes[n][1].isidentifier():
                clause = fold_of(n.op, n.dtype).clause
                if not clause:
                    return []
                clauses.setdefault(clause, []).append(scopes[n][1])
        return ["SIMD" if not clauses else "SIMD_OF(" + " ".join(
            f"reduction({clause}:{', '.join(names)})" for clause, names in clauses.items()) + ")"]  # fmt: skip

    def _elements(
        self, s: int, body: Sequence[Tensor], stored: Sequence[Tensor], staged: Sequence[Tensor],
        scopes: dict[Tensor, tuple[str, str]],
    ) -> None:  # fmt: skip
        self.names = {}
        f, indices = self.function, self._indices()
        for p in staged:
            f.line(f"{self._place(p)} = {self._value(p)};")
        for n in body:
            if n.op in FOLDS:
                target = scopes[n][1]
                fold = fold_of(n.op, n.dtype)
                f.line(f"{target} = {fold.combine.format(target, self._value(n.inputs[0]))};")
                continue
            expression = EXPRESSIONS[n.op.name]([self._value(i) for i in n.inputs], n)
            self.names[n] = f"v{self.numbers[n]}"
            f.line(f"const {c_type(n.dtype)} {self.names[n]} = {expression};")
            if n in self.buffers:
                f.line(f"{self._place(n)} = {self.names[n]};")
        for n in stored:
            f.line(f"{self.writes[n].name}[{self._at(self.writes[n], indices)}] = {self._value(n)};")

    def _value(self, n: Tensor) -> str:
        """A value at the index of the loop."""
        if n in self.names:
            return self.names[n]
        if n.op.name == "constant":
            return literal(n.attrs["value"][()], n.dtype)
        if n in self.reads:
            access = self.reads[n]
            if all(stride == 0 for stride in access.strides):
                return self._scalar(n)
            return f"{access.name}[{self._at(access, self._indices())}]"
        if n in self.direct:
            return f"{self.writes[n].name}[{self._at(self.writes[n], self._indices())}]"
        return self._place(n)

    # ---- reductions ----

    def _identity(self, n: Tensor) -> None:
        """A reduction starts from what it is over nothing."""
        w = self.writes[n]
        count = self.sizes(n.size)
        f = self.function
        with f.nest([f"for (long k = 0; k < {count}; k++)"]):
            f.line(f"{w.name}[{self.sizes.index(w.layout.offset, [(1, 'k')])}] = {fold_of(n.op, n.dtype).identity};")

    def _scope(self, n: Tensor) -> tuple[str, str]:
        """Where a reduction adds up before it does in memory, and the variable: in a block, in a row, or not at all."""
        k = f"c{self.numbers[n]}"
        strides = self.writes[n].strides
        if not self.axes:
            return "memory", self._memory(n)
        if self.by_rows and strides[-2] == 0:
            return "block", k if strides[-1] == 0 else f"{k}[j]"
        if strides[-1] == 0:
            return "row" if self.by_rows else "block", k
        return "memory", self._memory(n)

    def _memory(self, n: Tensor) -> str:
        """Where the result of a reduction lies at the index of the loops."""
        return f"{self.writes[n].name}[{self._at(self.writes[n], self._indices())}]"

    # many blocks add up in double, so that long sums are as accurate as NumPy's, which add in pairs

    def _whole(self, n: Tensor) -> bool:
        """Whether a reduction makes one number of each block."""
        where, name = self._scope(n)
        return where == "block" and name.isidentifier()

    def _depth(self, n: Tensor) -> int:
        """The number of loops outside the total of a reduction: those that its place in memory depends on."""
        outer = self.writes[n].strides[: len(self.outer)]
        return max((k + 1 for k, stride in enumerate(outer) if stride != 0), default=0)

    def _store_total(self, n: Tensor) -> None:
        self.function.line(f"{self._memory(n)} += t{self.numbers[n]};")

    def _accumulators(self, folds: Sequence[Tensor], scopes: dict[Tensor, tuple[str, str]], scope: str) -> None:
        for n in folds:
            where, name = scopes[n]
            identity = fold_of(n.op, n.dtype).identity
            if where == scope and name.isidentifier():
                self.function.line(f"{c_type(n.dtype)} {name} = {identity};")
            elif where == scope:
                self.function.line(f"{c_type(n.dtype)} {name[:-3]}[{self.columns}];")
                self.function.line(f"for (long j = 0; j < {self.columns}; j++) {name} = {identity};")

    def _totals(self, folds: Sequence[Tensor], scopes: dict[Tensor, tuple[str, str]], scope: str) -> None:
        for n in folds:
            where, name = scopes[n]
            if where != scope:
                continue
            target = f"t{self.numbers[n]}" if n in self.wide else self._memory(n)
            line = f"{target} = {fold_of(n.op, n.dtype).combine.format(target, name)};"
            every = "" if name.isidentifier() else f"for (long j = 0; j < {self.columns}; j++) "
            self.function.line(every + line)


FOLDS = (ops.sum, ops.prod, ops.max, ops.min, ops.any, ops.all)
