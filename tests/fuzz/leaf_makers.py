"""Makers of random numbers, gradients and leaves."""

from __future__ import annotations

from typing import Any

from tests.fuzz.generate import Generator
from tests.fuzz.makers import UNARY, maker

# ---- random numbers ----


@maker(2)
def randoms(g: Generator) -> Any:
    i, seed = g.float(), g.random.randrange(3)
    again = "mt.random_uniform({0}.shape, seed=S) - mt.random_uniform({0}.shape, seed=S)"
    code = g.one(
        "mt.dropout({0}, 0.4, seed=S)", "mt.dropout({0}, 0.25, seed=S)", "mt.random_uniform({0}.shape, seed=S)", again
    )
    return g.add(code.replace("S", str(seed)), i)


# ---- gradients ----


@maker(7)
def gradients(g: Generator) -> Any:
    i = g.float()
    if i is None:
        return None
    scalar = i if not g.tensors[i].shape else g.add(g.one("mt.sum({0})", "mt.mean({0})", "mt.sum({0} * {0})"), i)
    if scalar is None:
        return None
    wrt = g.pick(lambda t: t.dtype.kind == "f" and (t.op.name in ("parameter", "placeholder") or g.chance(0.3)))
    return g.add("mt.grad({0}, {1})", scalar, wrt)


def all_gradients(g: Generator) -> None:
    """The gradients of one scalar by several leaves."""
    leaves = [i for i, t in enumerate(g.tensors) if t.dtype.kind == "f" and t.op.name in ("parameter", "placeholder")]
    read = {i for step in g.steps for i in step.operands}
    ends = [i for i, t in enumerate(g.tensors) if t.dtype.kind == "f" and t.inputs and i not in read]
    if not leaves or not ends:
        return
    scalar = g.add(g.one("mt.sum({0})", "mt.mean({0})", "mt.sum({0} * {0})"), g.random.choice(ends))
    for i in g.random.sample(leaves, min(3, len(leaves))):
        g.add("mt.grad({0}, {1})", scalar, i)


@maker(2)
def products_with_jacobians(g: Generator) -> Any:
    i, wrt = g.float(), g.pick(lambda t: t.dtype.kind == "f" and not t.inputs)
    code = g.one("mt.jvp([{0}], [{1}], [mt.ones_like({1})])[0]", "mt.vjp([{0}], [{1}], [mt.ones_like({0})])[0]",
                 "mt.hvp(mt.sum({0}), [{1}], [mt.ones_like({1})])[0]")  # fmt: skip
    return g.add(code, i, wrt)


# ---- leaves ----


@maker(5)
def inputs(g: Generator) -> Any:
    return g.placeholder()


@maker(4)
def parameters(g: Generator) -> Any:
    return g.parameter()


@maker(5)
def constants(g: Generator) -> Any:
    i = g.constant()
    return g.add(f"{g.one(*UNARY)}({{0}})", i) if g.chance(0.4) else i
