"""Shape products: a large product and what it is added to become one, so that no pass over memory is left between them.

A bias becomes the initial value of its product; an SGD update accumulates into the parameter. Transposes are views, and
reach the product as strides, or BLAS as flags.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from minitorch import ops
from minitorch.compiler.gemm import gemm
from minitorch.compiler.passes.fuse import small_product
from minitorch.compiler.rewrite import Rewrite, needed, on_inputs
from minitorch.graph.graph import Graph
from minitorch.graph.origin import derived
from minitorch.graph.tensor import Tensor
from minitorch.graph.types import is_float

SUMS = (ops.add, ops.subtract)
REASON = "c + alpha (a b) is one operation, which adds the product up where c is"


class _Scaled(NamedTuple):
    """A product that nobody else reads, and the number that it is multiplied by."""

    product: Tensor
    factor: Tensor | None


def shape_products(graph: Graph) -> tuple[Graph, list[Rewrite]]:
    """Join large products with the sums and differences that they are part of."""
    uses = Counter(source for node in graph.nodes for source in node.inputs)
    uses.update(graph.roots)
    becomes: dict[Tensor, Tensor] = {}
    log: list[Rewrite] = []
    order: list[Tensor] = []
    for node in graph.nodes:
        new = on_inputs(node, becomes)
        made = _joined(node, uses, becomes, order) if node.op in SUMS else None
        if made is not None:
            log.append(Rewrite(REASON, node, made, reassociates=True))
        becomes[node] = new if made is None else made
        order.append(becomes[node])
    outputs = [becomes[t] for t in graph.outputs]
    updates = [(target, becomes[value]) for target, value in graph.updates]
    return graph.rebuilt(outputs, updates, needed(order, (*outputs, *(v for _, v in updates)))), log


def _joined(
    node: Tensor, uses: Counter[Tensor], becomes: dict[Tensor, Tensor], order: list[Tensor]
) -> Tensor | None:  # fmt: skip
    for other, term in _terms(node):
        scaled = _scaled(term, uses)
        if scaled is None or scaled.product.shape != node.shape or not _is_added_to(other, node):
            continue
        with derived((node.origins, node.scope), node.role):
            return _gemm(node, scaled, other, becomes, order)
    return None


def _gemm(
    node: Tensor, scaled: _Scaled, other: Tensor, becomes: dict[Tensor, Tensor], order: list[Tensor]
) -> Tensor:  # fmt: skip
    """What a sum of `other` and a product becomes. What it needs beside is put in order."""
    alpha = ops.constant(1, dtype=node.dtype) if scaled.factor is None else becomes[scaled.factor]
    if scaled.factor is None:
        order.append(alpha)
    if node.op is ops.subtract:
        alpha = ops.negative(alpha)
        order.append(alpha)
    a, b = (becomes[i] for i in scaled.product.inputs)
    return gemm(a, b, becomes[other], alpha)


def _terms(node: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """What is added to, and what is added or subtracted."""
    a, b = node.inputs
    yield a, b
    if node.op is ops.add:
        yield b, a


def _scaled(term: Tensor, uses: Counter[Tensor]) -> _Scaled | None:
    if uses[term] != 1:
        return None
    if _large(term):
        return _Scaled(term, None)
    if term.op is not ops.multiply:
        return None
    for factor, product in (term.inputs, term.inputs[::-1]):
        if factor.ndim == 0 and _large(product) and uses[product] == 1:
            return _Scaled(product, factor)
    return None


def _large(node: Tensor) -> bool:
    return node.op is ops.matmul and node.ndim == 2 and is_float(node.dtype) and not small_product(node)


def _is_added_to(c: Tensor, node: Tensor) -> bool:
    """Whether a term has the shape of the sum, or is a row of it."""
    return c.shape == node.shape or (bool(c.shape) and c.shape[-1] == node.shape[-1] and c.size == c.shape[-1])
