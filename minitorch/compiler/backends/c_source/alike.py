"""Alike: all that C depends on, as text. Instructions of equal texts share one function, whatever memory each works on;
graphs of equal texts are one program, in whichever process they are traced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import TypeVar

import numpy as np

from minitorch.compiler.backends.c_source import cache
from minitorch.compiler.backends.c_source.layout import Key, Layout, Sizes
from minitorch.compiler.fused import fused
from minitorch.compiler.plan import Instruction
from minitorch.graph.dim import Dim, Shape, symbols_in
from minitorch.graph.graph import Graph, place
from minitorch.graph.tensor import Tensor
from minitorch.graph.types import SHORT, Type

T = TypeVar("T")


def signature(graph: Graph) -> str:
    """A traced graph as the text that decides all that is made of it, comments and all, but for the processor."""
    nodes, symbols = graph.mentioned, list(dict.fromkeys(symbols_in(tuple([t.shape for t in graph.inputs]))))
    number, words = _numbered(nodes), Words(Sizes(symbols))
    roots = [number[t] for t in graph.outputs], [(number[t], number[value]) for t, value in graph.updates]
    names = [(s.name, s.owner, s.axis) for s in symbols], _order([s.key for s in symbols])
    head = graph.name, graph.training, roots, names, _order([n.serial for n in nodes])
    return "\n".join([repr(head), *(f"{words.node(n)}{[number[i] for i in n.inputs]}" for n in nodes)])


class Words:
    """Puts what C depends on into words, with names for unknown sizes."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.shapes: dict[Shape, str] = {}
        self.placed: dict[tuple[int, str], str] = {}

    def operations(self, calls: Iterable[Instruction]) -> dict[Instruction, int]:
        """What each native instruction computes, as a number."""
        numbers: dict[str, int] = {}
        return {i: numbers.setdefault(self.operation(i), len(numbers)) for i in calls if i.native}

    def node(self, node: Tensor) -> str:
        """A node with all that print and programs say of it, but for its inputs."""
        attrs = [f" {key}={self._attribute(value)}" for key, value in node.attrs.items() if key != "storage"]
        said = f"{node.name!r} {node.role} {self._place(node)!r}"
        return f"{node.op.name}{self._type(node.type)}{''.join(attrs)} {said}"

    def operation(self, i: Instruction) -> str:
        """What an instruction computes: equal for two that do the same to operands of the same types."""
        node = i.node
        given = _numbered(node.inputs)
        operands = "".join([f"{given[n]}{self._type(n.type)}{_literal(n)}" for n in node.inputs])
        if node.op is fused:
            return f"{operands}{self._body(node.attrs['body'])}{[n.attrs['result'] for n in i.nodes]}"
        return f"{operands}{self._operation(node)}"

    def places(self, layouts: Sequence[Layout], own: Set[Key]) -> str:
        """How operands and results lie: equal where the same lie in one piece of memory, and in the same way in it.

        `own` is memory that a function is written for alone.
        """
        memory = _numbered(x.key for x in layouts)
        return " ".join([f"{x.key if x.key in own else memory[x.key]}{self.layout(x)}" for x in layouts])

    def layout(self, x: Layout) -> str:
        """How elements lie in their piece of memory."""
        return f"{SHORT[x.dtype]}{self._shape(x.shape)}{self.sizes(x.offset)}{self._shape(x.strides)}"

    def _body(self, body: Graph) -> str:
        number = _numbered(body.nodes)
        nodes = [f"{self._operation(n)}{[number[i] for i in n.inputs]}" for n in body.nodes]
        return f"{nodes}{[number.get(p) for p in body.inputs]}{[number[t] for t in body.outputs]}"

    def _operation(self, node: Tensor) -> str:
        """The operation, its type and its attributes; of a constant its bits. Other leaves are told by their types."""
        what = f"{node.op.name}{self._type(node.type)}"
        if not node.inputs:
            return what + _literal(node)
        return what + "".join([f" {key}={self._attribute(value)}" for key, value in node.attrs.items()])

    def _place(self, node: Tensor) -> str:
        """Where a node comes from. What was derived from one node shares its origins."""
        key = id(node.origins), node.scope
        return self.placed.get(key) or self.placed.setdefault(key, place(node, role=False))

    def _type(self, type: Type) -> str:
        return f"{SHORT[type.dtype]}{self._shape(type.shape)}{'weak' if type.weak else ''}"

    def _shape(self, shape: Shape) -> str:
        if shape not in self.shapes:
            self.shapes[shape] = f"[{','.join(map(self.sizes, shape))}]"
        return self.shapes[shape]

    def _attribute(self, value: object) -> str:
        if isinstance(value, tuple):
            return f"({','.join(map(self._attribute, value))})"
        if isinstance(value, np.ndarray):
            return f"{value.dtype}{value.shape}{cache.digest(value.tobytes())}"
        return self.sizes(value) if isinstance(value, Dim) else repr(value)


def _literal(node: Tensor) -> str:
    """The bits of a constant of one number, which is written into the code."""
    return str(node.attrs["value"].tobytes().hex()) if node.op.name == "constant" and node.size == 1 else ""


def _order(keys: Sequence[str] | Sequence[int]) -> list[int]:
    """How keys are ordered, without what they are: those of unnamed sizes and nodes count all there ever were."""
    return sorted(range(len(keys)), key=keys.__getitem__)


def _numbered(things: Iterable[T]) -> dict[T, int]:
    return {thing: k for k, thing in enumerate(dict.fromkeys(things))}
