"""Products: kernels for small matrices, as many columns wide as a region has, with tiles that fit into registers.

A tile of 4 x 4 or 8 x 2 vectors keeps both multipliers of a core busy: each vector of b that is loaded serves several
rows, and there are more sums under way than a multiplication takes cycles (Goto and van de Geijn, Anatomy of
High-Performance Matrix Multiplication, 2008). Small matrices stay in the first cache, so nothing else is blocked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from minitorch.compiler.backends.c_source.expressions import c_type, suffix
from minitorch.compiler.backends.c_source.function import Part
from minitorch.graph.types import DType

MOST_PACKED = 1 << 16  # bytes of the stack that a packed operand may take
PACKED_ROWS = 4096  # elements of a piece of an operand that is packed as it is read


@cache
def text() -> str:
    """The C text that all products share."""
    return Path(__file__).with_name("product.c").read_text("utf-8")


@dataclass(frozen=True)
class Lanes:
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

    def rows(self, vectors: int) -> int:
        """The rows of a tile."""
        return 8 if self.vector_bytes == 64 and vectors <= 2 else 4

    def function(self, columns: int, dtype: DType) -> Part:
        """The product with a matrix of that many columns."""
        return Part(f"product_{suffix(dtype)}_{columns}", _function(self, columns, dtype))

    def shared(self, dtype: DType) -> str:
        """Types and tiles that the functions of a type are made of."""
        t, s, lanes = c_type(dtype), suffix(dtype), self.of(dtype)
        lines = [
            f"typedef {t} vector_{s} __attribute__((vector_size({self.vector_bytes}), aligned({dtype.itemsize})));",
            f"PACK(pack_{s}, {t})",
        ]
        for vectors in range(1, self.most + 1):
            lines += [
                f"TILE(tile_{s}_{rows}x{vectors}, {t}, vector_{s}, {lanes}, {rows}, {vectors})"
                for rows in (self.rows(vectors), 1)
            ]
        return "\n".join(lines)


def _function(lanes: Lanes, columns: int, dtype: DType) -> str:
    t, s = c_type(dtype), suffix(dtype)
    pitch = lanes.padded(columns, dtype)
    some = max(8, PACKED_ROWS // pitch)
    lines = [
        f"// z = a b, with {columns} columns; z has room for {pitch}, and so has b where `padded`",
        f"static void product_{s}_{columns}(long m, long k, const {t} *restrict a, long ar, long ac,",
        f"    const {t} *restrict b, long br, long bc, int padded, {t} *restrict z, long zr)",
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
    for vectors in lanes.panels(columns, dtype):
        lines += _panel(lanes, columns, column, vectors, dtype)
        column += vectors * lanes.of(dtype)
    return "\n".join([*lines, "    }", "}"])


def _panel(lanes: Lanes, columns: int, column: int, vectors: int, dtype: DType) -> list[str]:
    s, rows = suffix(dtype), lanes.rows(vectors)
    end = column + vectors * lanes.of(dtype)
    over = max(0, end - columns)
    rest = min(columns, end) - column
    whole = f"padded || bc != 1 ? count : readable(count, rr, {over})" if over else "count"
    arguments = f"right + {column}, rr, whole, {rest}, z + i * zr + {column}, zr, t > 0"
    return [
        "        {",
        f"            const long whole = {whole};",
        "            long i = 0;",
        f"            for (; i + {rows} <= m; i += {rows})",
        f"                tile_{s}_{rows}x{vectors}(count, a + i * ar + t * ac, ar, ac, {arguments});",
        "            for (; i < m; i++)",
        f"                tile_{s}_1x{vectors}(count, a + i * ar + t * ac, ar, ac, {arguments});",
        "        }",
    ]
