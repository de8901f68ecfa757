"""What a product of matrices takes over from the region that it is in, so that no loop is left for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from typing import NamedTuple

from minitorch import ops
from minitorch.compiler.backends.c_source.layout import Key, Layout, stretched
from minitorch.compiler.backends.c_source.product import LEAST_TURNED, MOST_PACKED, MOST_TURNED, Lanes
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor

Layouts = Mapping[Tensor, Layout]


class Merged(NamedTuple):
    """A product with what is merged into it."""

    node: Tensor
    """What its call computes."""
    within: Set[Tensor]
    """The nodes that are computed on the way."""
    operands: tuple[Tensor, ...]
    start: Tensor | None = None
    """A row that is added to each row: the sums start from it."""
    scale: Tensor | None = None
    """So many times the product is taken from an array, as in gradient descent: the call writes that array."""
    turns: bool = False
    """Whether it is computed as its transpose where it is long."""


def product_in(
    body: Graph, inputs: Layouts, outputs: Sequence[Layout], lanes: Lanes, taken: Collection[Key]
) -> Merged | None:  # fmt: skip
    """The product of a region, if it has one. `inputs` and `outputs` are the layouts of the body's own."""
    found = next((n for n in body.nodes if n.op is ops.matmul), None)
    if found is None:
        return None
    if (scale := _scale(found, body, inputs, outputs, lanes)) is not None:
        target = body.outputs[0]
        within = {n for n in body.nodes if n.inputs and n is not target}
        return Merged(target, within, found.inputs, scale=scale, turns=_turns(found, inputs, lanes, taken))
    if _turns(found, inputs, lanes, taken):
        return Merged(found, frozenset(), found.inputs, turns=True)
    if (start := _row_added(found, body, inputs, outputs)) is not None:
        return Merged(_readers(found, body)[0], {found}, found.inputs, start)
    return Merged(found, frozenset(), found.inputs)


def _readers(n: Tensor, body: Graph) -> list[Tensor]:
    return [reader for reader in body.nodes if any(i is n for i in reader.inputs)]


def _row_added(product: Tensor, body: Graph, inputs: Layouts, outputs: Sequence[Layout]) -> Tensor | None:
    """What is added to each row of a product, if nothing else reads that and the row is in memory not written."""
    columns, readers = product.shape[1], _readers(product, body)
    if not isinstance(columns, int) or columns * product.dtype.itemsize > MOST_PACKED:
        return None
    if any(n is product for n in body.outputs) or len(readers) != 1 or readers[0].op is not ops.add:
        return None
    row = next((i for i in readers[0].inputs if i is not product), product)
    layout = inputs.get(row)
    if layout is None or layout.key in {x.key for x in outputs} or row.dtype != product.dtype:
        return None
    return row if stretched(layout, product.shape) == (0, 1) else None


def _scale(
    product: Tensor, body: Graph, inputs: Layouts, outputs: Sequence[Layout], lanes: Lanes
) -> Tensor | None:  # fmt: skip
    """How many times a product is taken from an array, if nothing else is in the region, and rows are whole vectors."""
    target = body.outputs[0]
    if len([n for n in body.nodes if n.inputs]) != 3 or target.op is not ops.subtract:
        return None
    array, scaled = target.inputs
    scale = next((i for i in scaled.inputs if i is not product), product)
    if scaled.op is not ops.multiply or array not in inputs or scale not in inputs:
        return None
    columns, layout, written = product.shape[1], inputs[array], outputs[0]
    whole = isinstance(columns, int) and columns % lanes.of(product.dtype) == 0 and layout.strides[1:] == (1,)
    alone = layout.key not in {inputs[i].key for i in product.inputs}
    in_place = layout.key in {x.key for x in outputs} and layout.strides == written.strides
    number = set(stretched(inputs[scale], product.shape)) == {0}
    typed = array.dtype == scale.dtype == product.dtype
    return scale if whole and alone and in_place and layout.offset == written.offset and number and typed else None


def _turns(product: Tensor, inputs: Layouts, lanes: Lanes, taken: Collection[Key]) -> bool:
    """Whether a product is worth its transpose: with few columns, of a left side with columns that lie in memory; or
    with less than a vector of them, and rows that are not too long to be turned."""
    (rows, columns), k, left = product.shape, product.inputs[0].shape[1], inputs[product.inputs[0]]
    if not isinstance(columns, int) or not lanes.turns(columns, product.dtype):
        return False
    width = lanes.of(product.dtype)
    if isinstance(rows, int) and rows < width:
        return False
    short = isinstance(k, int) and LEAST_TURNED <= k <= MOST_TURNED
    return left.strides[0] == 1 or (columns <= width and left.strides[1] == 1 and short and left.key not in taken)
