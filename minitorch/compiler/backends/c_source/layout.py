"""Layouts: where the elements of a value lie, as an offset and strides over unknown sizes; and sizes as C."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from minitorch import ops
from minitorch.compiler.plan import Plan, Value
from minitorch.graph.dim import Atom, Monomial, Shape, Size, Symbol
from minitorch.graph.tensor import Op, Tensor
from minitorch.graph.types import DType

Key = tuple[str, int]
"""What tells pieces of memory apart: `("slot", 3)`, `("parameter", 7)`, `("input", 0)`, ..."""


class Layout(NamedTuple):
    """Elements of a piece of memory: the one at index (i, j) lies at `offset + i * strides[0] + j * strides[1]`."""

    key: Key
    dtype: DType
    shape: Shape
    offset: Size
    strides: Shape

    @property
    def in_order(self) -> bool:
        """Whether the elements lie one after the other in the order of their indices."""
        return self.strides == row_major(self.shape)


def row_major(shape: Shape) -> Shape:
    """The strides of an array whose last index runs fastest."""
    strides: list[Size] = []
    step: Size = 1
    for size in reversed(shape[1:]):
        strides.append(step)
        step = step * size
    return (step, *reversed(strides)) if shape else ()


def whole(key: Key, node: Tensor) -> Layout:
    """A value with memory of its own."""
    return Layout(key, node.dtype, node.shape, 0, row_major(node.shape))


class Layouts:
    """The layouts of the values of a plan. `keys` are the pieces of memory of those that are no views, `leaves` the
    tensors whose memory is given: parameters and constants."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.sizes = plan, Sizes(plan.symbols)
        self.by_node = {v.node: v for v in plan.values}
        self.leaves: dict[Key, Tensor] = {}
        self.keys = self._keys()
        self.known: dict[Value, Layout] = {}

    def _keys(self) -> dict[Value, Key]:
        plan = self.plan
        targets = {v: t for i in plan.instructions for v, t in zip(i.outputs, i.targets, strict=True) if t is not None}
        inputs = {t: k for k, t in enumerate(plan.graph.inputs)}
        results = {v: k for k, v in enumerate(plan.outputs)}
        return {v: self._key(v, targets.get(v, v.node), inputs, results) for v in plan.values if v.kind != "view"}

    def _key(self, v: Value, leaf: Tensor, inputs: Mapping[Tensor, int], results: Mapping[Value, int]) -> Key:
        if v.kind == "arena":
            assert v.slot is not None
            return "slot", v.slot
        if v.kind in ("input", "result"):
            return v.kind, inputs[v.node] if v.kind == "input" else results[v]
        key = v.kind, self.by_node.get(leaf, v).number
        if v.kind != "bound":
            self.leaves[key] = leaf
        return key

    def own(self, value: Value) -> Layout:
        """The layout of a value in memory of its own."""
        return whole(self.keys[value], value.node)

    def __getitem__(self, value: Value) -> Layout:
        return self.known.get(value) or self._found(value)

    def _found(self, value: Value) -> Layout:
        chain = [value]
        while chain[-1].node.op.view and chain[-1] not in self.known:
            chain.append(self.by_node[chain[-1].node.inputs[0]])
        last = chain.pop()
        layout = self.known[last] = self.known.get(last) or self.own(last)
        for view in reversed(chain):
            layout = self.known[view] = _viewed(layout, view.node)
        return layout


def _viewed(x: Layout, node: Tensor) -> Layout:
    change = _VIEWS[node.op]
    offset, strides = change(x, node)
    return x._replace(shape=node.shape, offset=offset, strides=strides)


def _transposed(x: Layout, node: Tensor) -> tuple[Size, Shape]:
    return x.offset, tuple(x.strides[i] for i in node.attrs["axes"])


def _reshaped(x: Layout, node: Tensor) -> tuple[Size, Shape]:
    return x.offset, row_major(node.shape)  # the plan copies what does not lie in order


def _broadcast(x: Layout, node: Tensor) -> tuple[Size, Shape]:
    return x.offset, stretched(x, node.shape)


def _sliced(x: Layout, node: Tensor) -> tuple[Size, Shape]:
    offset = x.offset
    for r, stride in zip(node.attrs["ranges"], x.strides, strict=True):
        offset = offset + r.start * stride
    return offset, tuple(r.step * stride for r, stride in zip(node.attrs["ranges"], x.strides, strict=True))


_VIEWS: dict[Op, Callable[[Layout, Tensor], tuple[Size, Shape]]] = {
    ops.transpose: _transposed, ops.reshape: _reshaped, ops.broadcast_to: _broadcast, ops.slice: _sliced,
    ops.stop_gradient: lambda x, node: (x.offset, x.strides),
}  # fmt: skip


def known_view(op: Op) -> bool:
    """Whether it is known how a view lies in the memory of what it views."""
    return op in _VIEWS


def stretched(x: Layout, shape: Shape) -> Shape:
    """The strides of `x` over the indices of a shape that it broadcasts to."""
    missing = len(shape) - len(x.shape)
    own = tuple(0 if mine == 1 and mine != size else stride
                for mine, size, stride in zip(x.shape, shape[missing:], x.strides, strict=True))  # fmt: skip
    return (0,) * missing + own


# ---- sizes as C ----


class Sizes:
    """Sizes as C expressions: ints as they are, unknown ones by the names `n0`, `n1`, ... of the symbols."""

    def __init__(self, symbols: Sequence[Symbol]) -> None:
        self.names = {symbol: f"n{i}" for i, symbol in enumerate(symbols)}

    def __call__(self, size: Size) -> str:
        if isinstance(size, int):
            return str(size)
        text = " + ".join(self._term(monomial, c) for monomial, c in size.terms)
        return text if len(size.terms) == 1 else f"({text})"

    def index(self, offset: Size, pairs: Sequence[tuple[Size, str]]) -> str:
        """The expression `offset + stride * index + ...`, without what is zero."""
        parts = [self._product(stride, index) for stride, index in pairs if stride != 0 and index != "0"]
        if offset != 0 or not parts:
            parts.insert(0, self(offset))
        return " + ".join(parts)

    def _product(self, stride: Size, index: str) -> str:
        return index if stride == 1 else f"{self(stride)} * {index}"

    def _term(self, monomial: Monomial, coefficient: int) -> str:
        atoms = [self._atom(atom) for atom in monomial]
        return " * ".join(atoms if coefficient == 1 and atoms else [str(coefficient), *atoms])

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Symbol):
            return self.names[atom]
        a, b = self(atom.a), self(atom.b)
        name = {"max": "larger", "min": "smaller", "//": "quotient"}[atom.function]
        return f"{name}({a}, {b})"
