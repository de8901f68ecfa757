"""Moves: C functions for the operations that are no regions. Each writes the loops of one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minitorch import ops
from minitorch.compiler.backends.c_source import blocked
from minitorch.compiler.backends.c_source.expressions import c_type, suffix
from minitorch.compiler.backends.c_source.function import Function, Part
from minitorch.compiler.backends.c_source.layout import Layout, Sizes, stretched
from minitorch.compiler.backends.c_source.product import Lanes
from minitorch.compiler.backends.c_source.texts import c_text
from minitorch.compiler.gemm import gemm
from minitorch.graph.dim import Shape, Size
from minitorch.graph.tensor import Op, Tensor

BLAS = Part("blas", "")
"""What a function needs that calls BLAS; its first argument is where BLAS is found."""


class Move:
    """The function of one node while it is written."""

    def __init__(
        self, node: Tensor, inputs: Sequence[Layout], output: Layout, sizes: Sizes, lanes: Lanes, team: bool = False
    ) -> None:  # fmt: skip
        self.node, self.inputs, self.output, self.sizes, self.lanes = node, inputs, output, sizes, lanes
        self.blocked = blocked.is_blocked(node, lanes)
        self.function = Function(sizes, team and self.blocked)
        self.names = [self.function.argument(x, written=False) for x in inputs]
        self.target = self.function.argument(output, written=True)

    def write(self) -> Function:
        MOVES[self.node.op](self)
        return self.function

    def line(self, text: str) -> None:
        self.function.line(text)

    def loops(self, shape: Shape, letter: str = "i") -> list[str]:
        names = indices(shape, letter)
        return [f"for (long {i} = 0; {i} < {self.sizes(size)}; {i}++)" for i, size in zip(names, shape, strict=True)]

    def read(self, k: int, at: Sequence[str], strides: Sequence[Size] | None = None) -> str:
        """The element of an operand at these indices."""
        x = self.inputs[k]
        return f"{self.names[k]}[{self.sizes.index(x.offset, list(zip(strides or x.strides, at, strict=True)))}]"

    def written(self, at: Sequence[str]) -> str:
        y = self.output
        return f"{self.target}[{self.sizes.index(y.offset, list(zip(y.strides, at, strict=True)))}]"

    def zeros(self) -> None:
        with self.function.nest([f"for (long k = 0; k < {self.sizes(self.node.size)}; k++)"]):
            self.line(f"{self.target}[k] = 0;")

    def place(self, size: Size, index: str, back: bool = True) -> None:
        """`t`, an index counted from the start, or a return where it names what is not there."""
        self.function.checks = True
        self.line(f"const int64_t given = {index};")
        self.line(f"const int64_t t = given{f' < 0 ? given + {self.sizes(size)} : given' if back else ''};")
        self.line(f"if (t < 0 || t >= {self.sizes(size)}) return 1;")


def indices(shape: Shape, letter: str = "i") -> list[str]:
    return [f"{letter}{axis}" for axis in range(len(shape))]


# ---- copies into windows ----


def _concatenate(m: Move) -> None:
    axis = m.node.attrs["axis"]
    start: Size = 0
    for k, x in enumerate(m.inputs):
        at = indices(x.shape)
        to = [f"({m.sizes(start)} + {i})" if a == axis else i for a, i in enumerate(at)]
        with m.function.nest(m.loops(x.shape)):
            m.line(f"{m.written(to)} = {m.read(k, at)};")
        start = start + x.shape[axis]


def _embed(m: Move) -> None:
    m.zeros()
    at = indices(m.inputs[0].shape)
    to = [f"({m.sizes(r.start)} + {r.step} * {i})" for r, i in zip(m.node.attrs["ranges"], at, strict=True)]
    with m.function.nest(m.loops(m.inputs[0].shape)):
        m.line(f"{m.written(to)} = {m.read(0, at)};")


# ---- by index ----


def _split(m: Move, rank: int, axis: int) -> tuple[list[str], list[str]]:
    """The indices of a result whose axes from `axis` on are those of an array of indices, and these alone."""
    at = indices(m.node.shape if m.node.op is ops.take else m.inputs[0].shape)
    return at, at[axis : axis + rank]


def _look_at_all(m: Move, before: Shape, after: Shape, size: Size) -> None:
    """Indices are looked at, as by NumPy, though the axes after them be empty and nothing is read."""
    if all(isinstance(n, int) and n for n in after):
        return
    given = m.inputs[1].shape
    with m.function.nest([*m.loops(before, "o"), *m.loops(given)]):
        m.place(size, m.read(1, indices(given)))


def _take(m: Move) -> None:
    axis, rank = m.node.attrs["axis"], len(m.inputs[1].shape)
    at, picked = _split(m, rank, axis)
    x = m.inputs[0].shape
    _look_at_all(m, x[:axis], x[axis + 1 :], x[axis])
    with m.function.nest(m.loops(m.node.shape)):
        m.place(m.inputs[0].shape[axis], m.read(1, picked))
        m.line(f"{m.written(at)} = {m.read(0, [*at[:axis], 't', *at[axis + rank :]])};")


def _add_at(m: Move) -> None:
    axis, rank = m.node.attrs["axis"], len(m.inputs[1].shape)
    m.zeros()
    at, picked = _split(m, rank, axis)
    g = m.inputs[0].shape
    _look_at_all(m, (), g[:axis] + g[axis + rank :], m.node.attrs["size"])
    with m.function.nest(m.loops(m.inputs[0].shape)):
        m.place(m.node.attrs["size"], m.read(1, picked))
        m.line(f"{m.written([*at[:axis], 't', *at[axis + rank :]])} += {m.read(0, at)};")


def _take_along_axis(m: Move) -> None:
    axis, at = m.node.attrs["axis"], indices(m.node.shape)
    with m.function.nest(m.loops(m.node.shape)):
        m.place(m.inputs[0].shape[axis], m.read(1, at))
        m.line(f"{m.written(at)} = {m.read(0, [*at[:axis], 't', *at[axis + 1 :]])};")


def _add_along_axis(m: Move) -> None:
    axis, at = m.node.attrs["axis"], indices(m.inputs[0].shape)
    m.zeros()
    with m.function.nest(m.loops(m.inputs[0].shape)):
        m.place(m.node.shape[axis], m.read(1, at))
        m.line(f"{m.written([*at[:axis], 't', *at[axis + 1 :]])} += {m.read(0, at)};")


def _in_range(m: Move) -> None:
    at = indices(m.node.shape)
    with m.function.nest(m.loops(m.node.shape)):
        m.place(m.node.attrs["size"], m.read(0, at), m.node.attrs.get("back", True))
        m.line(f"{m.written(at)} = ({c_type(m.node.dtype)})t;")


# ---- along one axis ----


def _position(sign: str) -> Callable[[Move], None]:
    """The first of the extreme elements, or the first NaN."""

    def write(m: Move) -> None:
        x, axis = m.inputs[0], m.node.attrs["axis"]
        at = indices(m.node.shape)
        element = m.read(0, [*at[:axis], "t", *at[axis:]])
        with m.function.nest(m.loops(m.node.shape)):
            m.line(f"{c_type(x.dtype)} best = {m.read(0, [*at[:axis], '0', *at[axis:]])};")
            m.line("long where = 0;")
            with m.function.nest([f"for (long t = 1; t < {m.sizes(x.shape[axis])}; t++)"]):
                m.line(f"const {c_type(x.dtype)} v = {element};")
                m.line(f"if (best == best && (v {sign} best || v != v)) {{ best = v; where = t; }}")
            m.line(f"{m.written(at)} = where;")

    return write


def _cumsum(m: Move) -> None:
    axis, shape = m.node.attrs["axis"], m.node.shape
    at = indices(shape)
    here = f"({m.sizes(shape[axis])} - 1 - t)" if m.node.attrs["reverse"] else "t"
    at[axis] = here
    others = [loop for a, loop in enumerate(m.loops(shape)) if a != axis]
    with m.function.nest(others):
        m.line(f"{c_type(m.node.dtype)} sum = 0;")
        with m.function.nest([f"for (long t = 0; t < {m.sizes(shape[axis])}; t++)"]):
            m.line(f"sum += {m.read(0, at)};")
            m.line(f"{m.written(at)} = sum;")


def _prod_of_others(m: Move) -> None:
    shape, t = m.node.shape, c_type(m.node.dtype)
    at = [*indices(shape[:-1]), "t"]
    with m.function.nest(m.loops(shape[:-1])):
        m.line(f"{t} left = 1, right = 1;")
        with m.function.nest([f"for (long t = 0; t < {m.sizes(shape[-1])}; t++)"]):
            m.line(f"{m.written(at)} = left;")
            m.line(f"left = left * {m.read(0, at)};")
        with m.function.nest([f"for (long t = {m.sizes(shape[-1])} - 1; t >= 0; t--)"]):
            m.line(f"{m.written(at)} = {m.written(at)} * right;")
            m.line(f"right = right * {m.read(0, at)};")


# ---- random numbers ----


def _random_uniform(m: Move) -> None:
    m.function.needs.add(Part("philox", c_text("philox.c")))
    seed = m.node.attrs["seed"]
    keys = ", ".join(f"UINT64_C({seed >> shift & (2**64 - 1)})" for shift in (0, 64))
    count = m.sizes(m.node.size)
    m.line(f"uniform_{suffix(m.node.dtype)}({count}, (uint64_t){m.read(0, [])}, {keys}, {m.target});")


# ---- products that are no part of a region ----


def _matmul(m: Move) -> None:
    batch = m.node.shape[:-2]
    strides = [stretched(x, (*batch, *x.shape[-2:])) for x in m.inputs]
    at = indices(batch)
    a, b = (
        f"{m.names[k]} + {m.sizes.index(x.offset, list(zip(strides[k], at, strict=False)))}"
        for k, x in enumerate(m.inputs)
    )
    c = f"{m.target} + {m.sizes.index(m.output.offset, list(zip(m.output.strides, at, strict=False)))}"
    rows, inner, columns = (m.sizes(s) for s in (m.node.shape[-2], m.inputs[0].shape[-1], m.node.shape[-1]))
    (ar, ac), (br, bc) = ([m.sizes(s) for s in own[-2:]] for own in strides)
    with m.function.nest(m.loops(batch)):
        if m.blocked:
            operands = [rows, columns, inner, "1", a, ar, ac, b, br, bc, "0", "0", "1", c, columns]
            m.line(blocked.call(m.function, m.lanes, m.node, operands))
        elif m.node.dtype.kind == "f":
            m.function.needs |= {BLAS, *_panels(m)}
            sizes = f"{rows}, {columns}, {inner}"
            m.line(
                f"gemm_{suffix(m.node.dtype)}(blas, {sizes}, 1, {a}, {ar}, {ac}, {b}, {br}, {bc}, 0, {c}, {columns});"
            )
        else:
            _product_of_ints(m, (rows, inner, columns), (a, ar, ac), (b, br, bc), c)


def _gemm(m: Move) -> None:
    """The term that the product is added to is there already, or is copied to where the sum belongs."""
    a, b, c, _ = m.inputs
    shape, t = m.node.shape, c_type(m.node.dtype)
    if not m.blocked:
        m.function.needs |= {BLAS, *_panels(m)}
    if c.key != m.output.key and not m.blocked:
        at = indices(shape)
        with m.function.nest(m.loops(shape)):
            m.line(f"{m.written(at)} = {m.read(2, at, stretched(c, shape))};")
    m.line(f"const {t} alpha = {m.read(3, [])};")
    sizes = [m.sizes(s) for s in (shape[0], shape[1], a.shape[1])]
    left, right = (
        [f"{m.names[k]} + {m.sizes(x.offset)}", *(m.sizes(s) for s in x.strides)] for k, x in enumerate((a, b))
    )
    target = f"{m.target} + {m.sizes(m.output.offset)}, {m.sizes(shape[1])}"
    if m.blocked:
        start = f"{m.names[2]} + {m.sizes(c.offset)}"
        term = [start, *(m.sizes(stride) for stride in stretched(c, shape))]
        m.line(blocked.call(m.function, m.lanes, m.node, [*sizes, "alpha", *left, *right, *term, target]))
        return
    m.line(f"gemm_{suffix(m.node.dtype)}(blas, {', '.join([*sizes, 'alpha', *left, *right])}, 1, {target});")


def _panels(m: Move) -> set[Part]:
    """What a product is computed with where there is no BLAS."""
    dtype = m.node.dtype
    return {m.lanes.packing(dtype), *m.lanes.function(m.lanes.panel(dtype), dtype)}


def _product_of_ints(
    m: Move, sizes: tuple[str, str, str], a: tuple[str, str, str], b: tuple[str, str, str], c: str
) -> None:  # fmt: skip
    rows, inner, columns = sizes
    loops = [f"for (long {i} = 0; {i} < {size}; {i}++)" for i, size in (("r", rows), ("s", columns))]
    join, times = ("|", "&") if m.node.dtype.kind == "b" else ("+", "*")
    with m.function.nest(loops):
        m.line(f"{c_type(m.node.dtype)} sum = 0;")
        with m.function.nest([f"for (long t = 0; t < {inner}; t++)"]):
            left, right = f"({a[0]})[r * {a[1]} + t * {a[2]}]", f"({b[0]})[t * {b[1]} + s * {b[2]}]"
            m.line(f"sum = sum {join} {left} {times} {right};")
        m.line(f"({c})[r * {columns} + s] = sum;")


MOVES: dict[Op, Callable[[Move], None]] = {
    ops.concatenate: _concatenate, ops.embed: _embed, ops.take: _take, ops.add_at: _add_at,
    ops.take_along_axis: _take_along_axis, ops.add_along_axis: _add_along_axis, ops.in_range: _in_range,
    ops.argmax: _position(">"), ops.argmin: _position("<"), ops.cumsum: _cumsum,
    ops.prod_of_others: _prod_of_others, ops.random_uniform: _random_uniform, ops.matmul: _matmul, gemm: _gemm,
}  # fmt: skip
