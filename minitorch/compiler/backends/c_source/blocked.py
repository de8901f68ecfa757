"""Large products: by blocks that stay in the caches, where vectors are wide; NumPy's BLAS has the others.

Pieces of both matrices are packed, so that the innermost loop reads one element after the other: of the left one as
many rows as stay in the second cache, of the right one as many columns as stay in the first. A tile of the result is
summed in registers meanwhile, and what comes next is asked for (Goto and van de Geijn, Anatomy of High-Performance
Matrix Multiplication, 2008; Van Zee and van de Geijn, BLIS: A Framework for Rapidly Instantiating BLAS Functionality,
2015).

An element is a sum, over pieces of `DEPTH` terms, of sums in the order of the terms, for any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from minitorch import ops
from minitorch.compiler.backends.c_source.expressions import c_type, suffix
from minitorch.compiler.backends.c_source.function import Function, Part
from minitorch.compiler.backends.c_source.product import Lanes
from minitorch.compiler.backends.c_source.texts import c_text
from minitorch.compiler.gemm import gemm
from minitorch.compiler.passes.fuse import small_product
from minitorch.graph.dim import minimum
from minitorch.graph.tensor import Tensor
from minitorch.graph.types import DType, is_float

WIDE = 64  # bytes of a vector; with 32, and half as many registers, BLAS is faster by a tenth
ROWS, VECTORS = 14, 2  # of a tile: with two vectors of the right matrix they fill 30 of 32 registers
DEPTH = {4: 256, 8: 192}  # terms at once, by the bytes of an element: strips for a tile fill the first cache
HEIGHT = 37 * ROWS  # rows of the left matrix at once: half a megabyte or more, which the second cache has to hold
NARROW = 4 * VECTORS  # vectors of a row of the result, below which too much of a tile would be wasted


def is_blocked(node: Tensor, lanes: Lanes) -> bool:
    """Whether a product goes by blocks: what is known of its sizes has to be large, and its rows wide."""
    if lanes.vector_bytes < WIDE or not is_large(node):
        return False
    columns = node.shape[1]
    known = sum(isinstance(size, int) for size in (*node.shape, node.inputs[0].shape[1]))
    return known >= 2 and isinstance(columns, int) and columns >= NARROW * lanes.of(node.dtype)


def is_large(node: Tensor) -> bool:
    """Whether a node is a product of two matrices of floats that is no part of a region."""
    return node.op in (ops.matmul, gemm) and node.ndim == 2 and is_float(node.dtype) and not small_product(node)


def call(function: Function, lanes: Lanes, node: Tensor, arguments: Sequence[str]) -> str:
    """The call for a node, or for this thread's share of it, in a function; `arguments` are those from `m` to `cr`."""
    t, s = c_type(node.dtype), suffix(node.dtype)
    function.needs |= {lanes.packing(node.dtype), _part(lanes, node.dtype)}
    depth, rows = DEPTH[node.dtype.itemsize], minimum(node.shape[0] + ROWS - 1, HEIGHT) // ROWS
    room = depth * VECTORS * lanes.of(node.dtype) + rows * (depth * ROWS + lanes.of(node.dtype))
    mine = f"({t} *)(mine + {function.scratch(room, node.dtype)})"
    who = ("me", "team->size") if function.team else ("0", "1")
    return f"mt_blocked_{s}({', '.join([*who, *arguments, mine])});"


@cache
def _part(lanes: Lanes, dtype: DType) -> Part:
    t, s = c_type(dtype), suffix(dtype)
    sizes = "long me, long threads, long m, long n, long k"
    places = f"const {t} *a, long ar, long ac, const {t} *b, long br, long bc, const {t} *f, long fr, long fc"
    declared = f"void mt_blocked_{s}({sizes}, {t} alpha,\n    {places}, {t} *c, long cr, {t} *mine);"
    return Part(f"mt_blocked_{s}", declared, unit(lanes, dtype), work=ROWS)


def unit(lanes: Lanes, dtype: DType) -> str:
    """A complete unit of C with the product for a type."""
    t, s, size = c_type(dtype), suffix(dtype), lanes.of(dtype)
    sizes = f"{size}, {ROWS}, {VECTORS}, {DEPTH[dtype.itemsize]}, {HEIGHT}"
    made = [lanes.packing(dtype).text, c_text("blocked.c"), f"BLOCKED({s}, {t}, vector_{s}, {sizes})"]
    return "\n".join([c_text("prelude.c"), lanes.text, lanes.vector(dtype), *made, ""])
