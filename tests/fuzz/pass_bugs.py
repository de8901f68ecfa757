"""Planted bugs of merging, dropping, folding and dtypes, and of differentiation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from minitorch import ops
from minitorch.compiler import autodiff, plan
from minitorch.compiler import rewrite as traversal
from minitorch.compiler.backends import numpy_source
from minitorch.compiler.passes import fold, simplify, specialise
from minitorch.ops.shape import Range
from tests.fuzz.planting import Patches, bug, module_of, row

# ---- merging and dropping ----


def structure(change: Callable[[Any, Any], Any]) -> Patches:
    plain = traversal.structure
    return [patch.object(traversal, "structure", lambda n: change(n, plain(n)))]


@bug("nodes that differ in an attribute alone are merged")
def same_but_attributes() -> Patches:
    key = lambda n, k: (n.op, tuple(i.serial for i in n.inputs), n.type) if k is not None and n.inputs else k
    return structure(key)


@bug("0.0 and -0.0 are merged")
def same_but_sign() -> Patches:
    def key(n: Any, k: Any) -> Any:
        value = n.attrs.get("value")
        return k if value is None or value.dtype.kind != "f" else (k[0], (value + 0.0).tobytes(), *k[2:])

    return structure(key)


@bug("constants that differ in dtype alone are merged")
def same_but_dtype() -> Patches:
    def key(n: Any, k: Any) -> Any:
        value = n.attrs.get("value")
        return k if value is None else (k[0], value.astype("float64").tobytes(), value.shape)

    return structure(key)


@bug("random nodes are merged")
def same_random() -> Patches:
    return structure(lambda n, k: (n.op, n.type) if n.op.distinct else k)


@bug("parameters of one type are merged")
def same_parameters() -> Patches:
    return structure(lambda n, k: (n.op, n.type, n.data.tobytes()) if "storage" in n.attrs else k)


@bug("the last update is dropped as dead")
def dropped_update() -> Patches:
    make = plan.make_plan
    fewer = lambda g: g.rebuilt(g.outputs, g.updates[:-1], g.nodes) if len(g.updates) > 1 else g
    return [patch("minitorch.compiler.choice.make_plan", lambda g, rules: make(fewer(g), rules))]


@bug("training and prediction are mistaken for each other")
def wrong_side() -> Patches:
    return [patch.object(module_of(specialise), "trained", module_of(specialise).predicted)]


# ---- dtypes ----


@bug("constants are folded in float64")
def folded_wide() -> Patches:
    def wide_fold(node: Any) -> Any:
        if node.dtype != np.float32 or any(i.dtype != np.float32 for i in node.inputs):
            return plain(node)
        if not node.inputs or any(i.op.name != "constant" for i in node.inputs) or node.op.view:
            return plain(node)
        with np.errstate(all="ignore"):
            wide = [i.attrs["value"].astype("float64") for i in node.inputs]
            value = np.asarray(node.op.kernel(*wide, **node.attrs)).astype("float32")
        return ops.constant(value).replace(type=node.type)

    plain = module_of(simplify).folded
    return [patch.object(module_of(simplify), "folded", wide_fold), patch.object(module_of(fold), "folded", wide_fold)]


@bug("a Python scalar in generated code widens the operation to float64")
def wide_scalar() -> Patches:
    plain = numpy_source.Writer.scalar

    def scalar(self: Any, value: float, node: Any) -> str:
        name = plain(self, value, node)
        self.leaves[-1] = self.leaves[-1].astype("float64") if self.leaves[-1].ndim == 0 else self.leaves[-1]
        return name

    return [patch.object(numpy_source.Writer, "scalar", scalar)]


@bug("a Python scalar in an expression widens the result to float64")
def wide_number() -> Patches:
    def widened(types: Any) -> Any:
        dtype, weak = plain(types)
        numbers = any(t.weak and t.dtype == np.float64 for t in types)
        return (np.dtype("float64") if numbers and dtype == np.float32 else dtype), weak

    plain = ops.multiply.operands
    return [row(ops.multiply, operands=widened)]


# ---- gradients ----


@bug("the gradient of max(x, x) is halved")
def half_gradient() -> Patches:
    plain = ops.maximum.gradient
    return [row(ops.maximum, gradient=lambda g, y, a, b: (g * 0.5, None) if a is b else plain(g, y, a, b))]


@bug("what reaches a node along two paths is not added up")
def one_path() -> Patches:
    return [patch.object(autodiff, "_accumulate", lambda gradients, node, g: gradients.__setitem__(node, g))]


def fitted(change: Callable[[Any, Any], Any]) -> Patches:
    plain = autodiff.fitted

    def wrong(contribution: Any, type: Any) -> Any:
        g = autodiff.brought_to(autodiff.as_tensor(contribution), type.dtype, type.weak)
        new = change(g, type)
        return plain(g if new is None else new, type)

    return [patch.object(autodiff, "fitted", wrong)]


@bug("a gradient is un-broadcast over the last axes instead of the first")
def wrong_axes() -> Patches:
    def change(g: Any, type: Any) -> Any:
        extra = g.ndim - len(type.shape)
        fits = extra > 0 and type.shape and g.shape[: len(type.shape)] == type.shape
        return ops.sum(g, axis=tuple(range(len(type.shape), g.ndim)), keepdims=False) if fits else None

    return fitted(change)


@bug("a gradient is not summed over axes of size 1, only its first element is taken")
def size_one_axes() -> Patches:
    def change(g: Any, type: Any) -> Any:
        if g.ndim != len(type.shape) or not any(a == 1 and b != 1 for a, b in zip(type.shape, g.shape, strict=True)):
            return None
        pairs = zip(type.shape, g.shape, strict=True)
        return ops.slice(
            g, ranges=tuple(Range(0, 1 if a == 1 and isinstance(b, int) and b else b, 1) for a, b in pairs)
        )

    return fitted(change)


@bug("a gradient un-broadcast to rank 0 is the greatest element, not the sum")
def rank_zero() -> Patches:
    known = lambda g: g.ndim and all(isinstance(n, int) and n for n in g.shape)
    top = lambda g: ops.max(g, axis=tuple(range(g.ndim)), keepdims=False)
    return fitted(lambda g, t: top(g) if not t.shape and known(g) else None)
