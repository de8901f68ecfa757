"""Rows taken where they lie: inputs that a loop need not gather, for only products read them, a row after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from minitorch import ops
from minitorch.compiler.backends.c_source.layout import Key, Layout, Layouts
from minitorch.compiler.fused import fused
from minitorch.compiler.plan import Instruction
from minitorch.graph.tensor import Tensor


def taken_inputs(
    inputs: Sequence[Tensor], instructions: Iterable[Instruction], layouts: Layouts
) -> Set[Key]:  # fmt: skip
    """The inputs that nothing reads but the left sides of products, with rows that are a row or a column of these."""
    readers: dict[Key, list[bool]] = {("input", k): [] for k, t in enumerate(inputs) if len(t.shape) == 2}
    for i in instructions:
        given = [layouts[v] for v in i.inputs]
        if all(layout.key not in readers for layout in given):
            continue
        for layout, left in zip(given, _lefts(i), strict=True):
            if layout.key in readers:
                readers[layout.key].append(left and side(layout) is not None)
    return {key for key, lefts in readers.items() if lefts and all(lefts)}


def _lefts(i: Instruction) -> Iterator[bool]:
    """For each operand whether it is the left side of the product of a region, and nothing else."""
    if i.node.op is not fused or not i.native:
        yield from [False] * len(i.inputs)
        return
    body = i.node.attrs["body"]
    for own in body.inputs:
        reads = [(n.op, k) for n in body.nodes for k, operand in enumerate(n.inputs) if operand is own]
        yield reads == [(ops.matmul, 0)]


def side(layout: Layout) -> str | None:
    """Whether the rows of an input are the `rows` of a matrix or its `columns`; None where it is but a part of them."""
    (rows, columns), strides = layout.shape, layout.strides
    if isinstance(columns, int) and not isinstance(rows, int) and strides == (columns, 1):
        return None if layout.offset != 0 else "rows"
    if isinstance(rows, int) and not isinstance(columns, int) and strides == (1, rows):
        return None if layout.offset != 0 else "columns"
    return None
