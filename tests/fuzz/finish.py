"""The end of a random graph: what is returned, what is stored."""

from __future__ import annotations

from typing import Any

from tests.fuzz import shape_makers  # noqa: F401  # it enters its makers in the table
from tests.fuzz.case import Case
from tests.fuzz.generate import Generator
from tests.fuzz.leaf_makers import all_gradients
from tests.fuzz.makers import MAKERS

WEIGHTS = [weight for weight, _ in MAKERS]
MAKES = [make for _, make in MAKERS]


def generate(seed: int) -> Case:
    """The random graph of a seed, the same one every time."""
    g = Generator(seed)
    for _ in range(g.one(1, 2, 2, 3)):
        g.placeholder()
    shape, dtype = g.one((3, 3), (3,), (2, 3), (4,), ()), "float64" if g.wide else "float32"
    for _ in range(g.one(0, 1, 2, 3)):
        g.parameter(shape, dtype)
    target = min(60, 5 + int(g.random.expovariate(1 / 24)))
    for _ in range(4 * target):
        if len(g.steps) >= target:
            break
        g.random.choices(MAKES, WEIGHTS)[0](g)
    if g.chance(0.5):
        all_gradients(g)
    updates = _updates(g) if g.chance(0.65) else ()
    return Case(
        tuple(g.steps), _outputs(g), updates, g.one(None, None, None, True, False), tuple(g.feeds)
    ).pruned()  # fmt: skip


def _outputs(g: Generator) -> tuple[int, ...]:
    """Some of the last values, and at times leaves, views, or one value twice."""
    count = len(g.steps)
    read = {i for step in g.steps for i in step.operands}
    ends = [i for i in range(count) if i not in read and g.tensors[i].inputs]
    chosen = [i for i in ends if g.chance(0.8)][:6] or [count - 1]
    chosen += [g.random.randrange(count) for _ in range(g.one(0, 0, 1, 2))]
    if g.chance(0.15):
        chosen.append(g.random.choice(chosen))
    g.random.shuffle(chosen)
    return tuple(chosen)


def _updates(g: Generator) -> tuple[tuple[int, int], ...]:
    """New values for parameters: steps down a gradient, swaps, one value for two, views, leaves, anything that fits."""
    stored = list({t: i for i, t in enumerate(g.tensors) if "storage" in t.attrs}.values())
    g.random.shuffle(stored)
    pairs = {i: new for i in stored[:4] if (new := _new_value(g, i)) is not None}
    for i in list(pairs):
        twin = next((k for k in pairs if k != i and g.tensors[k].type == g.tensors[i].type), None)
        if twin is not None and g.chance(0.35):
            crossed = g.add(g.one("{0} + {1}", "{0} * {1}", "{0} - {1}"), i, twin), g.add("{0} + {1}", i, twin)
            pairs[i], pairs[twin] = g.one((twin, i), (twin, i), (pairs[i], pairs[i]), crossed, crossed)
    return tuple(pairs.items())


def _new_value(g: Generator, i: int) -> int | None:
    t = g.tensors[i]
    fitting = lambda u: u.shape == t.shape and u.dtype == t.dtype and not u.type.weak
    other = g.pick(lambda u: fitting(u) and u is not t)
    gradient = g.pick(lambda u: fitting(u) and g.steps[_at(g, u)].code.startswith("mt.grad("))
    loss = g.pick(lambda u: u.shape == () and u.dtype == t.dtype)
    tries: list[Any] = [
        lambda: g.add("{0} - 0.1 * mt.grad({1}, {0})", i, loss), lambda: g.add("{0} - 0.1 * {1}", i, gradient),
        lambda: g.add("{0} + {1}", i, other), lambda: g.add("{0} * {1}", other, i), lambda: other,
        lambda: g.add("{0} + {1}.sum()", i, other), lambda: g.add("{0} * {0}", i), lambda: g.add("-{0}", i),
        lambda: g.add("{0} + 1", i), lambda: g.add("{0} + {0}[::-1]", i), lambda: g.add("{0}[::-1]", i),
        lambda: g.add("{0}.T", i), lambda: g.add("{0} + {0}.T", i), lambda: g.add("mt.zeros_like({0})", i), lambda: i,
    ]  # fmt: skip
    for _ in range(6):
        new = g.random.choice(tries)()
        if new is not None and fitting(g.tensors[new]):
            return int(new)
    return None


def _at(g: Generator, tensor: Any) -> int:
    return next(i for i, t in enumerate(g.tensors) if t is tensor)
