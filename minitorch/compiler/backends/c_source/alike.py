"""Alike: what two instructions share where one C function serves both, whatever memory each works on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence, Set
from typing import TypeVar

from minitorch.compiler.backends.c_source.layout import Key, Layout
from minitorch.compiler.fused import fused
from minitorch.compiler.plan import Instruction
from minitorch.compiler.rewrite import exact
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor

T = TypeVar("T", bound=Hashable)


def operations(instructions: Iterable[Instruction]) -> dict[Instruction, int]:
    """What each instruction computes, as a number: the same for two that do the same to operands of the same types."""
    numbers: dict[object, int] = {}
    return {i: numbers.setdefault(_operation(i), len(numbers)) for i in instructions}


def _operation(i: Instruction) -> object:
    node = i.node
    given = _numbered(node.inputs)
    operands = tuple([(given[n], n.type, _literal(n)) for n in node.inputs])
    if node.op is fused:
        return operands, _body(node.attrs["body"]), tuple([n.attrs["result"] for n in i.nodes])
    return operands, node.op, node.type, _attributes(node)


def places(layouts: Sequence[Layout], own: Set[Key]) -> object:
    """How operands and results lie: equal where the same lie in one piece of memory, and in the same way in it.

    `own` is memory that a function is written for alone.
    """
    memory = _numbered(x.key for x in layouts)
    return tuple([(x.key if x.key in own else memory[x.key], x.dtype, x.shape, x.offset, x.strides) for x in layouts])


def _body(body: Graph) -> object:
    number = _numbered(body.nodes)
    nodes = tuple([(n.op, n.type, tuple([number[i] for i in n.inputs]), _attributes(n)) for n in body.nodes])
    return nodes, tuple([number.get(p) for p in body.inputs]), tuple([number[t] for t in body.outputs])


def _attributes(node: Tensor) -> object:
    """The attributes of an operation; of a constant its bits. A leaf of another kind is known by its type alone."""
    if not node.inputs:
        return _literal(node)
    return exact(tuple(node.attrs.items())) if node.attrs else ()


def _literal(node: Tensor) -> bytes | None:
    """The bits of a constant of one number, which is written into the code."""
    return node.attrs["value"].tobytes() if node.op.name == "constant" and node.size == 1 else None


def _numbered(things: Iterable[T]) -> dict[T, int]:
    return {thing: k for k, thing in enumerate(dict.fromkeys(things))}
