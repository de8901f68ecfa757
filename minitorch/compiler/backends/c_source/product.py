"""Products: kernels for small matrices, as many columns wide as a region has, with tiles that fit into registers.

A tile of 6 x 4 or 8 x 2 vectors, or 6 x 2 with half the registers, keeps both multipliers of a core busy: each vector
of b that is loaded serves several rows, and there are more sums under way than a multiplication takes cycles (Goto and
van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008). Small matrices stay in the first cache, so
nothing else is blocked.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from minitorch.compiler.backends.c_source.expressions import c_type, suffix
from minitorch.compiler.backends.c_source.function import Part
from minitorch.compiler.backends.c_source.texts import c_text
from minitorch.graph.types import DType

LANE = 16  # bytes within which a processor moves elements at less cost than across
MOST_PACKED = 1 << 16  # bytes of the stack that a packed operand may take
LEAST_TURNED, MOST_TURNED = 32, 128  # terms of a product whose left side is turned for it
LEFT = "const {0} *restrict a, long ar, long ac, const int64_t *rows, const int64_t *terms"
"""The left side: a matrix by its strides. Its rows, or its columns, the terms, may be taken in an order."""


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
        return (6, 4, 1) if vectors == self.most else (8, 1)

    @property
    def masks(self) -> bool:
        """Whether parts of a vector are read and written as fast as all of it."""
        return self.vector_bytes == 64

    @property
    def terms(self) -> bool:
        """Whether tiles take their terms in an order themselves; else left sides that ask for it are copied."""
        return self.vector_bytes == 64

    @property
    def parts(self) -> bool:
        """Whether parts of a vector are read as fast as all of it."""
        return self.vector_bytes >= 32

    def function(self, columns: int, dtype: DType) -> tuple[Part, ...]:
        """The product with a matrix of that many columns, last, and what it calls."""
        panels, function = _function(self, columns, dtype)
        return (*panels, Part(f"product_{suffix(dtype)}_{columns}", function))

    def panel_of(self, vectors: int, dtype: DType, part: bool = False) -> Part:
        """The product with so many vectors of columns, of the last of which only a `part` may be there."""
        name, t = f"mt_panel_{suffix(dtype)}_{vectors}{'_part' if part else ''}", c_type(dtype)
        declared = [
            f"HIDDEN void {name}(long m, long k, {LEFT.format(t)},",
            f"    const {t} *restrict b, long br, long rest, {t} *z, long zr, const {t} *start, const {t} *scale)",
        ]
        head = "\n".join(declared)
        return Part(name, head + ";", _unit(self, dtype, "tiles.c", _panel(self, vectors, dtype, head, part)), vectors)

    def packing(self, dtype: DType) -> Part:
        """Matrices copied, crosswise or not."""
        t, s, lanes, size = c_type(dtype), suffix(dtype), self.of(dtype), LANE // dtype.itemsize
        declared = [
            f"HIDDEN void mt_cross_{s}(const {t} *restrict from, long step, {t} *restrict to, long pitch);",
            f"HIDDEN void mt_pack_{s}(long k, long n, long pitch, const {t} *restrict b, long br, long bc,",
            f"    const int64_t *order, {t} *restrict packed);",
        ]
        lines = [
            f"CROSS(mt_cross_{s}, {s}, {t}, vector_{s}, {lanes // size}, {size})",
            f"CROSS_PART(cross_part_{s}, mt_cross_{s}, {t}, vector_{s}, {lanes})",
            f"PACK(mt_pack_{s}, mt_cross_{s}, cross_part_{s}, {s}, {t}, vector_{s}, {lanes})",
        ]
        return Part(f"mt_pack_{s}", "\n".join(declared), _unit(self, dtype, "crossed.c", "\n".join(lines)))

    def turns(self, columns: int, dtype: DType) -> bool:
        """Whether a product with so many columns is computed faster as its transpose: they leave much of a vector
        empty, and vectors of a column do not."""
        return 10 * columns <= 7 * self.padded(columns, dtype)

    def turned(self, columns: int, rows: int, dtype: DType) -> tuple[Part, ...]:
        """The product by way of its transpose, so many rows at once, and the products that it calls."""
        name = f"turned_{suffix(dtype)}_{columns}_{rows}"
        called = [self.packing(dtype), *self.function(columns, dtype), *self.function(rows, dtype)]
        return (*dict.fromkeys(called), Part(name, _turned(self, columns, rows, dtype, name)))

    @property
    def text(self) -> str:
        """What all that computes in vectors begins with."""
        return f"#define VECTOR_BYTES {self.vector_bytes}\n{c_text('product.c')}"

    def vector(self, dtype: DType) -> str:
        """The type of a vector, and how parts of one are read and written."""
        t, s = c_type(dtype), suffix(dtype)
        aligned = f"__attribute__((vector_size({self.vector_bytes}), aligned({dtype.itemsize})))"
        return f"typedef {t} vector_{s} {aligned};\nVECTORS({s}, {t}, vector_{s}, {self.of(dtype)})"


def _unit(lanes: Lanes, dtype: DType, name: str, text: str) -> str:
    """A complete unit of C."""
    return "\n".join([c_text("prelude.c"), lanes.text, lanes.vector(dtype), c_text(name), text, ""])


def _panel(lanes: Lanes, vectors: int, dtype: DType, head: str, part: bool) -> str:
    t, s = c_type(dtype), suffix(dtype)
    of, last = f"{t}, vector_{s}, {lanes.of(dtype)}", f"{'PART' if part else 'WHOLE'}_{s}"
    lines = [
        *(f"TILE(tile_{rows}, {of}, {rows}, {vectors}, {last})" for rows in lanes.rows(vectors)),
        *(head, "{", "    long i = 0;"),
    ]
    for rows in lanes.rows(vectors):
        left = "k, rows ? a : a + i * ar, ar, ac, rows ? rows + i : rows, terms"
        unless = " && (m - i) / 2 != 4" if rows == 6 else ""  # 8 rows are two tiles of 4, not one of 6 and two of 1
        lines += [
            f"    for (; i + {rows} <= m && k >= ENDS({rows}, {vectors}){unless}; i += {rows})",
            f"        tile_{rows}({left}, b, br, rest, z + i * zr, zr, start, scale);",
        ]
    return "\n".join([*lines, "}"])


def _function(lanes: Lanes, columns: int, dtype: DType) -> tuple[list[Part], str]:
    """The panels that are called, and the text."""
    t, s, width, pitch = c_type(dtype), suffix(dtype), lanes.of(dtype), lanes.padded(columns, dtype)
    lines = [
        f"// z = start + a b, with {columns} columns, or z -= scale (start + a b); z and `start` have room for {pitch}",
        f"static inline void product_{s}_{columns}(long m, long k, {LEFT.format(t)},",
        f"    const {t} *restrict b, long br, {t} *z, long zr, const {t} *start, const {t} *scale)",
        "{",
    ]
    column, called = 0, []
    for (vectors, rest), alike in groupby(_panels(lanes, columns, dtype)):
        called.append(lanes.panel_of(vectors, dtype, lanes.masks and (vectors == 1 or rest < width)))
        end = column + len(list(alike)) * vectors * width
        lines += [
            f"    for (long j = {column}; j < {end}; j += {vectors * width})",
            f"        {called[-1].name}(m, k, a, ar, ac, rows, terms, b + j, br, {rest}, z + j, zr,",
            "            start ? start + j : start, scale);",
        ]
        column = end
    return called, "\n".join([*lines, "}"])


def _panels(lanes: Lanes, columns: int, dtype: DType) -> Iterator[tuple[int, int]]:
    """The vectors of each panel, and the elements of its last one that are there."""
    column, width = 0, lanes.of(dtype)
    for vectors in lanes.panels(columns, dtype):
        column += vectors * width
        yield vectors, min(width, columns - column + width)


def _turned(lanes: Lanes, columns: int, rows: int, dtype: DType, name: str) -> str:
    t, s, width, pitch = c_type(dtype), suffix(dtype), lanes.of(dtype), lanes.padded(columns, dtype)
    lines = [
        f"// the same for many k, by vectors of {rows} rows instead of columns; z has room for whole ones",
        f"static void {name}(long m, long k, {LEFT.format(t)},",
        f"    const {t} *restrict b, long br, {t} *z, long zr,",
        f"    const {t} *start, const {t} *scale)",
        "{",
        f"    {t} sums[{pitch * rows}] ALIGNED, packed[{MOST_TURNED * rows}] ALIGNED;",
        "    long i = 0;",
        f"    memset(sums + {columns * rows}, 0, {(pitch - columns) * rows} * sizeof({t})); // they may be subnormal",
        f"    for (; i + {rows} <= m; i += {rows}) {{",
        f"        const {t} *const right = ar == 1 ? a + i : packed;",
        f"        const long rr = ar == 1 ? ac : {rows};",
        f"        if (ar != 1) mt_pack_{s}(k, {rows}, {rows}, a + i * ar, ac, ar, 0, packed);",
        f"        product_{s}_{rows}({columns}, k, b, 1, br, 0, 0, right, rr, sums, {rows}, 0, 0);",
        f"        for (long r = 0; r < {rows}; r += {width})",
        f"            for (long j = 0; j < {columns}; j += {width})",
        f"                mt_cross_{s}(sums + j * {rows} + r, {rows}, z + (i + r) * zr + j, zr);",
        "    }",
    ]
    rest = "m - i, k, a + i * ar, ar, ac, rows, terms, b, br, z + i * zr, zr, start, scale"
    return "\n".join([*lines, f"    if (i < m) product_{s}_{columns}({rest});", "}"])
