"""Planted bugs of the passes: algebra that does not hold, shapes mixed up."""

from __future__ import annotations

from typing import Any

from minitorch import ops
from minitorch.graph.tensor import Tensor
from minitorch.ops.shape import Range
from tests.fuzz.planting import Patches, bug, rule


def filled(node: Any, value: float) -> Any:
    return ops.broadcast_to(ops.constant(value, dtype=node.dtype), shape=node.shape)


def is_number(t: Any) -> bool:
    return bool(t.op.name == "constant" and t.ndim == 0)


# ---- algebra that does not hold ----


@bug("x * 0 -> 0")
def times_zero() -> Patches:
    zero = lambda t: t.op.name == "constant" and t.attrs["value"].size and not t.attrs["value"].any()
    return rule(ops.multiply, lambda n: filled(n, 0) if any(map(zero, n.inputs)) else None)


@bug("x - x -> 0")
def minus_itself() -> Patches:
    return rule(ops.subtract, lambda n: filled(n, 0) if n.inputs[0] is n.inputs[1] else None)


@bug("x / x -> 1")
def over_itself() -> Patches:
    return rule(ops.divide, lambda n: filled(n, 1) if n.inputs[0] is n.inputs[1] else None)


@bug("x + 0.0 -> x, which loses the sign of a zero")
def plus_zero() -> Patches:
    zero = lambda t: is_number(t) and t.attrs["value"] == 0
    return rule(ops.add, lambda n: n.inputs[0] if zero(n.inputs[1]) and n.inputs[0].type == n.type else None)


@bug("(x * a) * b -> x * (a * b)")
def regrouped() -> Patches:
    def regroup(n: Any) -> Any:
        match n.inputs:
            case (Tensor(ops.multiply, (x, a)), b) if is_number(a) and is_number(b):
                return x * (a * b)
        return None

    return rule(ops.multiply, regroup)


@bug("exp(log(x)) -> x")
def exp_of_log() -> Patches:
    return rule(ops.exp, lambda n: n.inputs[0].inputs[0] if n.inputs[0].op is ops.log else None)


@bug("sqrt(x * x) -> abs(x)")
def root_of_square() -> Patches:
    def root(n: Any) -> Any:
        x = n.inputs[0]
        squared = x.op is ops.multiply and x.inputs[0] is x.inputs[1]
        return ops.abs(x.inputs[0]) if squared or x.op is ops.square else None

    return rule(ops.sqrt, root)


@bug("a + (-b) -> b - a")
def wrong_way_round() -> Patches:
    def turn(n: Any) -> Any:
        match n.inputs:
            case (a, Tensor(ops.negative, (b,))):
                return b - a
        return None

    return rule(ops.add, turn)


@bug("sum(prod(x)) -> prod(x) over both axes")
def merged_folds() -> Patches:
    def merge(n: Any) -> Any:
        x = n.inputs[0]
        if x.op is not ops.prod or x.attrs["keepdims"] or n.attrs["keepdims"]:
            return None
        kept = [i for i in range(x.inputs[0].ndim) if i not in x.attrs["axis"]]
        both = sorted({*x.attrs["axis"], *(kept[i] for i in n.attrs["axis"])})
        return ops.prod(x.inputs[0], axis=tuple(both), keepdims=False)

    return rule(ops.sum, merge)


@bug("sum(broadcast(x)) -> x")
def sum_of_copies() -> Patches:
    def shrink(n: Any) -> Any:
        x = n.inputs[0]
        same = x.op is ops.broadcast_to and x.inputs[0].type == n.type
        return x.inputs[0] if same else None

    return rule(ops.sum, shrink)


# ---- shapes ----


@bug("two transposes become one with other axes")
def transposes() -> Patches:
    def merge(n: Any) -> Any:
        match n.inputs[0]:
            case Tensor(ops.transpose, (x,), {"axes": inner}):
                return ops.transpose(x, axes=tuple(n.attrs["axes"][i] for i in inner))
        return None

    return rule(ops.transpose, merge)


@bug("a reshape is moved across a transpose")
def reshape_across() -> Patches:
    move = lambda n: ops.reshape(n.inputs[0].inputs[0], shape=n.shape) if n.inputs[0].op is ops.transpose else None
    return rule(ops.reshape, move)


@bug("a slice of a slice with a negative step starts in the wrong place")
def slice_of_slice() -> Patches:
    def compose(n: Any) -> Any:
        x = n.inputs[0]
        if x.op is not ops.slice or "least" in n.attrs or "least" in x.attrs:
            return None
        pairs = list(zip(x.attrs["ranges"], n.attrs["ranges"], strict=True))
        ranges = (Range(a.start + b.start * abs(a.step), b.length, a.step * b.step) for a, b in pairs)
        return ops.slice(x.inputs[0], ranges=tuple(ranges))

    return rule(ops.slice, compose)
