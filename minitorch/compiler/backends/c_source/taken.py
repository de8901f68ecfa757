"""Rows taken where they lie: inputs that a loop need not gather, for only regions with a product read them, by rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence, Set

from minitorch import ops
from minitorch.compiler.backends.c_source.layout import Key, Layout, Layouts
from minitorch.compiler.fused import fused
from minitorch.compiler.plan import Instruction
from minitorch.graph.tensor import Tensor


def taken_inputs(
    inputs: Sequence[Tensor], instructions: Iterable[Instruction], layouts: Layouts
) -> Set[Key]:  # fmt: skip
    """The inputs that only regions with a product read: as its left side, with rows that are a row or a column of it,
    or element by element, with rows that are those of the product."""
    readers: dict[Key, list[bool]] = {("input", k): [] for k, t in enumerate(inputs) if len(t.shape) == 2}
    for i in instructions:
        given = [layouts[v] for v in i.inputs]
        if all(layout.key not in readers for layout in given):
            continue
        for layout, sides in zip(given, _sides(i), strict=True):
            if layout.key in readers:
                readers[layout.key].append(bool(sides) and side(layout) in sides)
    return {key for key, taken in readers.items() if taken and all(taken)}


def _sides(i: Instruction) -> Iterator[tuple[str, ...]]:
    """For each operand what the rows of an input may be in it, so that a region finds them where they lie."""
    body = i.node.attrs["body"] if i.node.op is fused and i.native else None
    product = next((n for n in body.nodes if n.op is ops.matmul), None) if body is not None else None
    if body is None or product is None:
        yield from [()] * len(i.inputs)
        return
    right = product.inputs[1]
    for own in body.inputs:
        elements = any(x is own for n in body.nodes if n is not product for x in n.inputs)
        if own is right or (elements and own.shape != product.shape):
            yield ()
        else:
            yield ("rows",) if elements else ("rows", "columns")


def by_columns(left: Layout, taken: Collection[Key]) -> bool:
    """Whether rows that are taken in an order are the columns of a product's left side."""
    return left.key in taken and side(left) == "columns"


def side(layout: Layout) -> str | None:
    """Whether the rows of an input are the `rows` of a matrix or its `columns`; None where it is but a part of them."""
    (rows, columns), strides = layout.shape, layout.strides
    if isinstance(columns, int) and not isinstance(rows, int) and strides == (columns, 1):
        return None if layout.offset != 0 else "rows"
    if isinstance(rows, int) and not isinstance(columns, int) and strides == (1, rows):
        return None if layout.offset != 0 else "columns"
    return None
