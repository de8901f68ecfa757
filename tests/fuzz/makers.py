"""The makers of steps, by kind. Those for elementwise operations are found from the registry."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

import minitorch as mt
from minitorch.graph import registry
from minitorch.graph.tensor import reserved
from tests.fuzz.generate import Generator

Maker = Callable[[Generator], Any]
MAKERS: list[tuple[int, Maker]] = []
SCALARS = ("0", "1", "2", "-1", "0.0", "-0.0", "1.0", "0.5", "-1.5", "3", "1e30", "1e-30", "inf", "nan", "0.1")
PLAIN_SCALARS = ("1", "2", "-1", "1.0", "0.5", "-1.5", "3", "0.1", "0")


def maker(weight: int) -> Callable[[Maker], Maker]:
    """Enter a maker in the table."""

    def note(make: Maker) -> Maker:
        MAKERS.append((weight, make))
        return make

    return note


# ---- elementwise, from the registry ----


def arity(op: Any) -> int:
    if isinstance(op.kernel, np.ufunc):
        return int(op.kernel.nin)
    return len([p for p in inspect.signature(op.kernel).parameters.values() if p.default is p.empty])


def called(op: Any) -> str:
    """How a user names the operation."""
    return f"mt.{op.name}" if getattr(mt, op.name, None) is op else f"mt.ops.{op.name}"


OWN = ("cast", "fixed_power", "in_training", "where", "clip")  # with attributes, or makers of their own
ELEMENTWISE = {name: registry[name] for name in sorted(reserved) if registry[name].elementwise and name not in OWN}
UNARY = [called(op) for op in ELEMENTWISE.values() if arity(op) == 1]
BINARY = [called(op) for op in ELEMENTWISE.values() if arity(op) == 2]
ARITHMETIC = ["{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / {1}", "mt.maximum({0}, {1})", "mt.minimum({0}, {1})"]


@maker(14)
def unary(g: Generator) -> Any:
    return g.add(f"{g.one(*UNARY)}({{0}})", g.float() if g.chance(0.9) else g.pick())


@maker(8)
def binary(g: Generator) -> Any:
    a = g.float() if g.chance(0.85) else g.pick()
    if a is None:
        return None
    named = g.one(*(BINARY if g.tensors[a].dtype.kind == "f" else [b for b in BINARY if not b.endswith("power")]))
    return g.add(f"{named}({{0}}, {{1}})", a, g.partner(a))


@maker(14)
def arithmetic(g: Generator) -> Any:
    a = g.float() if g.chance(0.85) else g.pick()
    return a is not None and g.add(g.one(*ARITHMETIC), a, g.partner(a))


@maker(6)
def broadcasts(g: Generator) -> Any:
    """A parameter of fewer axes, or with axes of size 1, that stretches to meet another tensor."""
    i = g.float()
    if i is None or not all(isinstance(n, int) for n in g.tensors[i].shape[-1:]):
        return None
    t = g.tensors[i]
    tail = t.shape[g.random.randrange(t.ndim + 1) :]
    shape = tuple(n if isinstance(n, int) and g.chance(0.6) else 1 for n in tail)
    w = g.parameter(shape, str(t.dtype))
    return g.add(g.one("{0} * {1}", "{0} + {1}", "{1} * {0}", "{0} - {1}", "mt.where({0} > 0, {0}, {1})"), i, w)


@maker(5)
def own_views(g: Generator) -> Any:
    """A tensor met by a view of itself, flipped, shifted or transposed."""
    flipped, square = "{0}[::-1]", "mt.swapaxes({0}, -1, -2)"
    view = g.one(flipped, flipped, square, "mt.broadcast_to({0}[:1], {0}.shape)")
    code = g.one(
        "{0} + V", "V * {0}", "mt.clip({0}, -1.5, V)", "mt.clip({0}, V, 1.0)", "mt.where(V > 0, V, {0})", "V - V"
    )
    return g.add(code.replace("V", view), g.float(1))


@maker(8)
def with_scalar(g: Generator) -> Any:
    scalar = g.one(*(PLAIN_SCALARS if g.plain else SCALARS))
    code = g.one("{0} + S", "{0} - S", "{0} * S", "{0} / S", "S - {0}", "S / {0}", "S * {0}", "mt.maximum({0}, S)")
    return g.add(code.replace("S", scalar), g.float() if g.chance(0.85) else g.pick())


@maker(12)
def identities(g: Generator) -> Any:
    code = g.one(
        "{0} * 0", "{0} - {0}", "{0} + 0.0", "-({0} - {0}) + 0.0", "({0} * 0) + 0.0", "{0} / {0}",
        "mt.maximum({0}, {0})", "-(-{0})", "0 / {0}", "{0} + 0.0", "{0} + -0.0",
        "{0} * 1", "{0} / 1", "{0} - 0", "({0} * 1e30) * 1e-30", "({0} * 3e-20) * 3e-20", "mt.exp(mt.log({0}))",
        "mt.sqrt({0} * {0})", "mt.sqrt({0} * {0})", "{0} - {0}", "mt.maximum({0}, {0})",
        "0.0 - {0}", "({0} * 0.1) * 0.3", "({0} + 1e8) - 1e8", "({0} / 3.0) / 7.0",
        "mt.minimum({0}, {0})", "mt.where({0} < {0}, 1.0, {0})", "0.0 + {0} * -0.0", "1 / (1 / {0})",
    )  # fmt: skip
    return g.add(code, g.float())


@maker(4)
def negatives(g: Generator) -> Any:
    a = g.float()
    code = g.one("{0} + (-{1})", "{0} - (-{1})", "(-{0}) + {1}", "(-{0}) * {1}", "({0} + {1}) - {1}")
    return a is not None and g.add(code, a, g.partner(a))


@maker(4)
def powers(g: Generator) -> Any:
    if g.chance(0.2):
        return g.add("{0} ** " + g.one("2", "3"), g.pick(lambda t: t.dtype.kind == "i"))
    a = g.float()
    code = g.one("{0} ** 2", "{0} ** 3", "{0} ** 0.5", "{0} ** -1", "{0} ** 0", "{0} ** 1", "{0} ** -2.5", "2.0 ** {0}")
    return g.add(code, a) if g.chance(0.8) else a is not None and g.add("{0} ** {1}", a, g.partner(a))


@maker(5)
def choices(g: Generator) -> Any:
    a = g.float() if g.chance(0.8) else g.pick()
    if a is None:
        return None
    t = g.tensors[a]
    condition = g.pick(lambda u: u.dtype.kind == "b" and u.ndim <= t.ndim)
    if condition is None or g.chance(0.3):
        return g.add("mt.where({0} > {1}, {1}, {0})", a, g.partner(a))
    return g.add("mt.where({0}, {1}, {2})", condition, a, g.partner(a))


@maker(3)
def bounds(g: Generator) -> Any:
    a = g.float()
    if a is None or g.chance(0.3):
        return a is not None and g.add("mt.clip({0}, {1}, {2})", a, g.partner(a), g.partner(a))
    return g.add(g.one("mt.clip({0}, -1, 1)", "mt.clip({0}, None, 0.5)", "mt.clip({0}, 0.0)", "mt.clip({0}, 1, -1)"), a)


@maker(4)
def casts(g: Generator) -> Any:
    dtype = g.one("float64", "float32", "float32", "int64", "bool")
    if dtype == "int64" and g.chance(0.7):
        return g.add("mt.round(mt.clip(mt.where(mt.isnan({0}), 0.0, {0}), -9, 9)).astype('int64')", g.float())
    return g.add(f"{{0}}.astype('{dtype}')", g.pick(lambda t: dtype != "int64" or t.dtype.kind != "f"))


@maker(5)
def activations(g: Generator) -> Any:
    code = g.one(
        "mt.gelu({0})", "mt.gelu({0}, 'tanh')", "mt.silu({0})", "mt.elu({0}, 0.7)", "mt.leaky_relu({0})",
        "mt.softsign({0})", "mt.hard_tanh({0})", "mt.round({0}, 1)", "mt.round({0}, -1)", "mt.stop_gradient({0})",
        "mt.tanh({0})", "mt.relu({0})", "mt.sigmoid({0})", "mt.softplus({0})",
    )  # fmt: skip
    return g.add(code, g.float())


# ---- reductions ----


@maker(10)
def reductions(g: Generator) -> Any:
    i = g.float() if g.chance(0.85) else g.pick()
    if i is None:
        return None
    t = g.tensors[i]
    name = g.one("sum", "sum", "sum", "mean", "max", "min", "prod", "any", "all", "var", "std", "logsumexp", "norm")
    extra = g.one("", "", ", ord=1", ", ord=inf", ", ord=3") if name == "norm" else ""
    extra = g.one("", ", ddof=1") if name in ("var", "std") else extra
    return g.add(f"mt.{name}({{0}}, axis={g.axes(t)}{extra}, keepdims={g.chance(0.3)})", i)


@maker(3)
def folds_of_folds(g: Generator) -> Any:
    i = g.float(2)
    inner, outer = (g.one("sum", "sum", "prod", "max", "mean") for _ in range(2))
    axis = g.one(0, 1)
    return g.add(f"mt.{outer}(mt.{inner}({{0}}, axis={axis}), axis={g.one(0, None)})", i)


@maker(5)
def along_axis(g: Generator) -> Any:
    i = g.float(1)
    if i is None:
        return None
    axis = g.axis(g.tensors[i])
    name = g.one("softmax", "log_softmax", "cumsum", "argmax", "argmin")
    return g.add(f"mt.{name}({{0}}, {g.one('None', axis) if name in ('cumsum', 'argmax') else axis})", i)
