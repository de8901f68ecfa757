"""Simplify: identities of arithmetic and of shapes that hold bit for bit, NaN, infinities and signed zeros included.

`x * 0` stays, for it is NaN where x is; `x + 0.0` stays, for it turns -0.0 into 0.0; and so do `x - x` and `x / x`.

Sums and products add up in the order in which numbers lie in memory. So a value that is computed, and lies in the
order of its indices, is never replaced by one that may lie otherwise: `x.T * 1` stays too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from minitorch import ops
from minitorch.compiler.passes.fold import foldable, folded
from minitorch.compiler.rewrite import Rewrite, Rule, rewrite
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Op, Tensor, registry

RULES: dict[Op, list[Rule]] = {}


def simplify(graph: Graph) -> tuple[Graph, list[Rewrite]]:
    """Apply the identities below wherever they hold."""
    return rewrite(graph, {op: [*RULES.get(op, ()), *_everywhere(op)] for op in registry.values()})


def _everywhere(op: Op) -> list[Rule]:
    """The rules for whole families of operations."""
    rules: list[Rule] = [folded] if foldable(op) else []
    return [*rules, broadcast_later] if op.elementwise and not op.distinct else rules


def identity(*operations: Op) -> Callable[[Rule], Rule]:
    """Offer a rule to these operations."""

    def note(rule: Rule) -> Rule:
        for op in operations:
            RULES.setdefault(op, []).append(rule)
        return rule

    return note


def _is(t: Tensor, value: float) -> bool:
    """Whether `t` is a constant of nothing but `value`, sign of zero included."""
    if t.op.name != "constant":
        return False
    array = t.attrs["value"]
    same_sign = array.dtype.kind != "f" or (np.signbit(array) == np.signbit(value)).all()
    return bool(array.size and (array == value).all() and same_sign)


def _neutral(node: Tensor, operands: Iterable[tuple[Tensor, Tensor]], value: float) -> Tensor | None:
    """The operand whose partner is `value`, where it can stand for the result."""
    return next((x for x, partner in operands if _is(partner, value) and _stands_for(x, node)), None)


def _stands_for(x: Tensor, node: Tensor) -> bool:
    """Whether `x` has the type of `node`, and lies in memory in the order of its indices, as computed values do."""
    return x.type == node.type and in_order(x)


def in_order(x: Tensor) -> bool:
    """Whether the elements are known to lie in the order of their indices. A caller's array may lie in any order."""
    while x.op is ops.reshape:
        x = x.inputs[0]
    return not x.op.view and x.role != "placeholder"


# ---- arithmetic ----


@identity(ops.multiply)
def multiply_by_one(node: Tensor) -> Tensor | None:
    """x * 1 = x"""
    a, b = node.inputs
    return _neutral(node, [(a, b), (b, a)], 1)


@identity(ops.divide)
def divide_by_one(node: Tensor) -> Tensor | None:
    """x / 1 = x"""
    return _neutral(node, [node.inputs], 1)  # type: ignore[list-item]  # a pair


@identity(ops.add)
def add_nothing(node: Tensor) -> Tensor | None:
    """x + (-0.0) = x, and for ints x + 0 = x"""
    a, b = node.inputs
    return _neutral(node, [(a, b), (b, a)], -0.0 if node.dtype.kind == "f" else 0)


@identity(ops.subtract)
def subtract_nothing(node: Tensor) -> Tensor | None:
    """x - 0 = x"""
    return _neutral(node, [node.inputs], 0.0)  # type: ignore[list-item]  # a pair


@identity(ops.negative)
def negate_twice(node: Tensor) -> Tensor | None:
    """-(-x) = x"""
    match node.inputs[0]:
        case Tensor(ops.negative, (x,)) if in_order(x):
            return x
    return None


@identity(ops.add)
def add_a_negative(node: Tensor) -> Tensor | None:
    """a + (-b) = a - b"""
    match node.inputs:
        case (a, Tensor(ops.negative, (b,))):
            return _of_its_type(a - b, node)
        case (Tensor(ops.negative, (b,)), a):
            return _of_its_type(a - b, node)
    return None


@identity(ops.subtract)
def subtract_a_negative(node: Tensor) -> Tensor | None:
    """a - (-b) = a + b"""
    match node.inputs:
        case (a, Tensor(ops.negative, (b,))):
            return _of_its_type(a + b, node)
    return None


def _of_its_type(new: Tensor, node: Tensor) -> Tensor | None:
    """`new` where it has the type of `node`: of two sizes that a run finds to be equal it may bear the other's name."""
    return new if new.type == node.type else None


@identity(ops.stop_gradient)
def gradients_are_taken(node: Tensor) -> Tensor | None:
    """stop_gradient(x) = x once gradients are taken"""
    return node.inputs[0]


@identity(ops.cast)
def cast_to_the_same(node: Tensor) -> Tensor | None:
    """x in its own dtype = x"""
    return node.inputs[0] if _stands_for(node.inputs[0], node) else None


@identity(ops.where)
def always(node: Tensor) -> Tensor | None:
    """where(True, a, b) = a"""
    return _neutral(node, [(node.inputs[1], node.inputs[0])], True)


# ---- shapes ----


@identity(ops.transpose)
def transpose_twice(node: Tensor) -> Tensor | None:
    """two transposes are one, or none"""
    axes = node.attrs["axes"]
    if axes == tuple(range(len(axes))):
        return node.inputs[0]
    match node.inputs[0]:
        case Tensor(ops.transpose, (x,), {"axes": inner}):
            return ops.transpose(x, axes=tuple(inner[i] for i in axes))
    return None


@identity(ops.reshape)
def reshape_twice(node: Tensor) -> Tensor | None:
    """two reshapes are one, or none"""
    match node.inputs[0]:
        case x if x.shape == node.shape and in_order(x):  # what is not in order, a reshape puts in order
            return x
        case Tensor(ops.reshape, (x,)) if x.shape != node.shape or in_order(x):
            return ops.reshape(x, shape=node.shape)
    return None


@identity(ops.broadcast_to)
def broadcast_twice(node: Tensor) -> Tensor | None:
    """two broadcasts are one, or none"""
    if node.inputs[0].shape == node.shape:
        return node.inputs[0]
    match node.inputs[0]:
        case Tensor(ops.broadcast_to, (x,)):
            return ops.broadcast_to(x, shape=node.shape)
    return None


@identity(ops.slice)
def slice_of_all(node: Tensor) -> Tensor | None:
    """x[:] = x"""
    everything = all(r.start == 0 and r.step == 1 for r in node.attrs["ranges"])
    return node.inputs[0] if everything and node.inputs[0].shape == node.shape else None


@identity(ops.max, ops.min)
def reduce_nothing(node: Tensor) -> Tensor | None:
    """a reduction over no axes = x"""
    x = node.inputs[0]
    return x if node.attrs["axis"] == () and _stands_for(x, node) else None


def broadcast_later(node: Tensor) -> Tensor | None:
    """f(broadcast(s), x) = f(s, x): elementwise operations stretch their operands by themselves"""
    inputs = [i if (small := _small(i)) is None else small for i in node.inputs]
    if all(new is old for new, old in zip(inputs, node.inputs, strict=True)):
        return None
    small = node.op(*inputs, **node.attrs)
    return small if small.type == node.type else None


def _small(t: Tensor, depth: int = 4) -> Tensor | None:
    """What `t` is before it was stretched: the same numbers in a smaller shape; None where it was not stretched."""
    if t.op is ops.broadcast_to:
        return t.inputs[0]
    if not depth or not t.op.elementwise or t.op.distinct or not t.inputs:
        return None
    inputs: list[Tensor] = []
    for i in t.inputs:
        small = _small(i, depth - 1) if i.shape else i
        if small is None:
            return None
        inputs.append(small)
    return t.op(*inputs, **t.attrs) if any(i.shape for i in t.inputs) else None
