"""Products: kernels for small matrices, as many columns wide as a region has, with tiles that fit into registers.

A tile of 6 x 4 or 8 x 2 vectors keeps both multipliers of a core busy: each vector of b that is loaded serves several
rows, and there are more sums under way than a multiplication takes cycles (Goto and van de Geijn, Anatomy of
High-Performance Matrix Multiplication, 2008). Small matrices stay in the first cache, so nothing else is blocked.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from minitorch.compiler.backends.c_source.expressions import c_type, suffix
from minitorch.compiler.backends.c_source.function import Part
from minitorch.graph.types import DType

MOST_PACKED = 1 << 16  # bytes of the stack that a packed operand may take
LEAST_TURNED, MOST_TURNED = 32, 128  # terms of a product whose left side is turned for it
PACKED_ROWS = 4096  # elements of a piece of an operand that is packed as it is read


class Left(NamedTuple):
    """How the elements of the left side are found: the third of the arguments that say so, what stands for all three
    in the call of a tile, and the name of the macro that finds one."""

    third: str
    arguments: str
    at: str


LEFTS = {
    "": Left("long ac", "a + i * ar + t * ac, ar, ac", "BY_STRIDES"),
    "rows": Left("const int64_t *order", "a + t + (order ? 0 : i * ar), ar, order ? order + i : 0", "BY_ROWS"),
    "columns": Left("const int64_t *order", "a + i + (order ? 0 : t * ar), ar, order ? order + t : 0", "BY_COLUMNS"),
}
"""A matrix by its strides; or `rows` that lie in memory, as they are or as `columns`, in an order if there is one."""


class Lanes(NamedTuple):
    """The vectors of a machine, in bytes, and how many of them fit into registers."""

    vector_bytes: int

    def of(self, dtype: DType) -> int:
        return self.vector_bytes // dtype.itemsize

    def padded(self, columns: int, dtype: DType) -> int:
        """The columns, up to the end of the last vector."""
        lanes = self.of(dtype)
        return -(-columns // lanes) * lanes

    def panel(self, dtype: DType) -> int:
        """The columns of a panel: as many as a tile has."""
        return self.most * self.of(dtype)

    @property
    def most(self) -> int:
        """The vectors of columns in a tile; a wider one would not fit into the registers."""
        return 4 if self.vector_bytes == 64 else 2

    def panels(self, columns: int, dtype: DType) -> list[int]:
        """The vectors of a row in groups that are computed at once."""
        vectors = self.padded(columns, dtype) // self.of(dtype)
        count = -(-vectors // self.most)
        return [vectors // count + (i < vectors % count) for i in range(count)]

    def rows(self, vectors: int) -> tuple[int, ...]:
        """The rows of the tiles that a matrix is cut into: first the largest that fit into the registers."""
        if self.vector_bytes != 64:
            return 4, 1
        return (6, 4, 1) if vectors == 4 else (8, 1)

    @property
    def masks(self) -> bool:
        """Whether parts of a vector are read and written as fast as all of it."""
        return self.vector_bytes == 64

    def function(self, columns: int, dtype: DType, left: str = "") -> Part:
        """The product with a matrix of that many columns."""
        return Part(_named("product", left, suffix(dtype), str(columns)), _function(self, columns, dtype, left))

    def turns(self, columns: int, dtype: DType) -> bool:
        """Whether a product with so many columns is computed faster as its transpose: they leave much of a vector
        empty, and vectors of a column do not."""
        return 10 * columns <= 7 * self.padded(columns, dtype)

    def turned(self, columns: int, rows: int, dtype: DType) -> tuple[Part, ...]:
        """The product by way of its transpose, so many rows at once, and the products that it calls."""
        name = _named("turned", suffix(dtype), str(columns), str(rows))
        called = [self.function(columns, dtype), self.function(rows, dtype, "columns")]
        return (*called, Part(name, _turned(self, columns, rows, dtype, name)))

    def vector(self, dtype: DType) -> str:
        """The type of a vector, and how several are turned."""
        t, s = c_type(dtype), suffix(dtype)
        lines = [
            f"typedef {t} vector_{s} __attribute__((vector_size({self.vector_bytes}), aligned({dtype.itemsize})));",
            f"CROSS(cross_{s}, {t}, vector_{s}, {self.of(dtype)})",
        ]
        return "\n".join(lines)

    def shared(self, dtype: DType, lefts: Iterable[str]) -> str:
        """Types and tiles that the functions of a type are made of."""
        t, s, lanes = c_type(dtype), suffix(dtype), self.of(dtype)
        lines = [
            self.vector(dtype),
            f"VECTORS({s}, {t}, vector_{s}, {lanes})",
            f"CROSS_PART(cross_part_{s}, cross_{s}, {t}, vector_{s}, {lanes})",
            f"PACK(pack_{s}, cross_{s}, cross_part_{s}, {t}, {lanes})",
        ]
        for vectors in range(1, self.most + 1):
            lines += [
                f"TILE({_tile(left, s, rows, vectors)}, {s}, {t}, vector_{s}, {lanes}, {rows}, {vectors}, "
                f"{LEFTS[left].third}, {LEFTS[left].at})"
                for left in lefts
                for rows in self.rows(vectors)
            ]
        return "\n".join(lines)


def left_of(name: str) -> str:
    """The left side of a product, from the name of its function."""
    return name.split("_")[1] if name.split("_")[1] in LEFTS else ""


def _named(*words: str) -> str:
    return "_".join(filter(None, words))


def _tile(left: str, s: str, rows: int, vectors: int) -> str:
    return _named("tile", left, s, f"{rows}x{vectors}")


def _function(lanes: Lanes, columns: int, dtype: DType, left: str) -> str:
    t, s = c_type(dtype), suffix(dtype)
    name = _named("product", left, s, str(columns))
    pitch = lanes.padded(columns, dtype)
    some = max(8, PACKED_ROWS // pitch)
    lines = [
        f"// z = start + a b, with {columns} columns; z and `start` have room for {pitch}, and so has b where `padded`",
        "// or z -= scale (start + a b), if b need not be packed",
        f"static void {name}(long m, long k, const {t} *restrict a, long ar, {LEFTS[left].third},",
        f"    const {t} *restrict b, long br, long bc, int padded, {t} *restrict z, long zr,",
        f"    const {t} *start, const {t} *scale)",
        "{",
        *(["    (void)padded;"] if pitch == columns else []),
        f"    {t} packed[{some * pitch}] ALIGNED;",
        f"    const long some = bc == 1 ? larger(k, 1) : {some};",
        "    for (long t = 0; t < larger(k, 1); t += some) {",
        "        const long count = smaller(some, k - t);",
        f"        const {t} *right = bc == 1 ? b + t * br : packed;",
        f"        const long rr = bc == 1 ? br : {pitch};",
        f"        if (bc != 1) pack_{s}(count, {columns}, {pitch}, b + t * br, br, bc, packed);",
    ]
    column = 0
    for vectors, alike in groupby(lanes.panels(columns, dtype)):
        end = column + len(list(alike)) * vectors * lanes.of(dtype)
        lines += _panels(lanes, columns, column, end, vectors, dtype, left)
        column = end
    return "\n".join([*lines, "    }", "}"])


def _turned(lanes: Lanes, columns: int, rows: int, dtype: DType, name: str) -> str:
    t, s, width, pitch = c_type(dtype), suffix(dtype), lanes.of(dtype), lanes.padded(columns, dtype)
    lines = [
        f"// the same for many k and bc = 1, by vectors of {rows} rows instead of columns; z has room for whole ones",
        f"static void {name}(long m, long k, const {t} *restrict a, long ar, long ac,",
        f"    const {t} *restrict b, long br, long bc, int padded, {t} *restrict z, long zr,",
        f"    const {t} *start, const {t} *scale)",
        "{",
        f"    {t} sums[{pitch * rows}] ALIGNED, packed[{MOST_TURNED * rows}] ALIGNED;",
        "    long i = 0;",
        f"    memset(sums + {columns * rows}, 0, {(pitch - columns) * rows} * sizeof({t})); // they may be subnormal",
        f"    for (; i + {rows} <= m; i += {rows}) {{",
        f"        const {t} *const right = ar == 1 ? a + i : packed;",
        f"        const long rr = ar == 1 ? ac : {rows};",
        f"        if (ar != 1) pack_{s}(k, {rows}, {rows}, a + i * ar, ac, ar, packed);",
        f"        product_columns_{s}_{rows}({columns}, k, b, br, 0, right, rr, 1, 1, sums, {rows}, 0, 0);",
        f"        for (long r = 0; r < {rows}; r += {width})",
        f"            for (long j = 0; j < {columns}; j += {width})",
        f"                cross_{s}(sums + j * {rows} + r, {rows}, z + (i + r) * zr + j, zr);",
        "    }",
    ]
    rest = "m - i, k, a + i * ar, ar, ac, b, br, bc, padded, z + i * zr, zr, start, scale"
    return "\n".join([*lines, f"    if (i < m) product_{s}_{columns}({rest});", "}"])


def _panels(lanes: Lanes, columns: int, start: int, end: int, vectors: int, dtype: DType, left: str) -> list[str]:
    """Panels of so many vectors each, from a column to another, which may be behind the last."""
    s, width = suffix(dtype), vectors * lanes.of(dtype)
    over = max(0, end - columns)
    whole = "count"
    if over:
        whole = f"padded || bc != 1 || j < {end - width} ? count : readable(count, rr, {over})"
    place = f"right + j, rr, whole, {width - over}, z + i * zr + j, zr, from, scale, t > 0"
    lines = [
        f"        for (long j = {start}; j < {end}; j += {width}) {{",
        f"            const long whole = {whole};",
        f"            const {c_type(dtype)} *const from = start ? start + j : start;",
        "            long i = 0;",
    ]
    for rows in lanes.rows(vectors):
        lines += [
            f"            for (; i + {rows} <= m; i += {rows})",
            f"                {_tile(left, s, rows, vectors)}(count, {LEFTS[left].arguments}, {place});",
        ]
    return [*lines, "        }"]
