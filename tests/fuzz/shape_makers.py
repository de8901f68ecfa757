"""Makers of steps that move, pick and contract elements."""

from __future__ import annotations

from typing import Any

from tests.fuzz.generate import Generator
from tests.fuzz.makers import maker

# ---- shapes ----


def _permutation(g: Generator, t: Any) -> tuple[int, ...]:
    axes = list(range(t.ndim))
    g.random.shuffle(axes)
    return tuple(axes)


@maker(8)
def orders(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim > 1)
    if i is None:
        return None
    t = g.tensors[i]
    p, q = _permutation(g, t), _permutation(g, t)
    return g.add(
        g.one(
            "mt.transpose({0})", f"mt.transpose({{0}}, {p})", f"mt.transpose(mt.transpose({{0}}, {p}), {q})",
            f"mt.swapaxes({{0}}, {g.axis(t)}, {g.axis(t)})", f"mt.moveaxis({{0}}, {g.axis(t)}, {g.axis(t)})",
            "mt.reshape(mt.transpose({0}), {0}.shape)", "mt.transpose({0}).reshape((-1,))",
        ), i,
    )  # fmt: skip


@maker(6)
def reshapes(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim > 0)
    if i is None:
        return None
    t = g.tensors[i]
    k = g.random.randrange(t.ndim)
    return g.add(
        g.one(
            "mt.reshape({0}, (-1,))", "mt.reshape({0}, (-1, {0}.shape[0]))", "mt.reshape({0}, (2, -1))",
            f"mt.expand_dims({{0}}, {k})", "mt.squeeze({0})", "mt.reshape({0}, {0}.shape[::-1])",
            "mt.reshape({0}, ({0}.shape[-1], -1)).T", "{0}[None]", "mt.reshape(mt.reshape({0}, (-1,)), {0}.shape)",
        ), i,
    )  # fmt: skip


@maker(5)
def stretches(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim <= 2)
    other = g.pick(lambda t: 1 <= t.ndim <= 3)
    code = g.one(
        "mt.broadcast_to({0}, {1}.shape)", "mt.broadcast_to({0}, (*{1}.shape, *{0}.shape))",
        "mt.broadcast_to({0}, (2, *{0}.shape))",
        "mt.tile({0}, 2)", "mt.tile({0}, [2, 1])", "mt.repeat({0}, 2)", "mt.repeat({0}, 3, 0)", "mt.zeros_like({0})",
        "mt.ones_like({0})", "mt.full_like({0}, 2)", "mt.broadcast_to({0}.sum(), {1}.shape)",
    )  # fmt: skip
    return g.add(code, i, other) if "{1}" in code else g.add(code, i)


@maker(6)
def joins(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim > 0)
    if i is None:
        return None
    t = g.tensors[i]
    other = g.pick(lambda u: u.ndim == t.ndim and u.dtype.kind == t.dtype.kind)
    axis = g.axis(t)
    code = g.one(f"mt.concatenate([{{0}}, {{1}}], {axis})", f"mt.concatenate([{{0}}, {{1}}, {{0}}], {axis})",
                 f"mt.stack([{{0}}, {{1}}], {axis})", f"mt.stack([{{0}}, {{0}}], {axis})")  # fmt: skip
    return g.add(code, i, other) if "{1}" in code else g.add(code, i)


@maker(6)
def moves(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim > 0)
    if i is None:
        return None
    t = g.tensors[i]
    axis = g.axis(t)
    width = tuple((g.one(0, 1, 2), g.one(0, 1)) for _ in range(t.ndim))
    return g.add(
        g.one(
            "mt.flip({0})", f"mt.flip({{0}}, {axis})", f"mt.roll({{0}}, {g.one(-1, 1, 2)}, {axis})",
            "mt.roll({0}, 1)", f"mt.pad({{0}}, {width}, {g.one(0.0, 0.0, 1.5)})", "mt.pad({0}, 1)",
            f"mt.split({{0}}, 2, {axis})[{g.one(0, 1)}]", f"mt.split({{0}}, [1, 2], {axis})[{g.one(0, 1, 2)}]",
        ), i,
    )  # fmt: skip


@maker(4)
def matrices(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim > 1)
    k = g.one(-1, 0, 1)
    code = g.one(f"mt.tril({{0}}, {k})", f"mt.triu({{0}}, {k})", f"mt.diagonal({{0}}, {k})", f"mt.trace({{0}}, {k})",
                 "mt.diagonal({0}, 0, 1, 0)")  # fmt: skip
    return g.add(code, i)


# ---- indexing ----


def key(g: Generator) -> str:
    ends = ["", "", "1", "-1", "2", "-2", "0"]
    step = g.one("", "", "2", "-1", "-2", "-1")
    return str(g.one(f"{g.one(*ends)}:{g.one(*ends)}:{step}", "::-1", "1:", ":-1", ":", "...", "None", "0", "-1"))


@maker(9)
def basic_indexing(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim > 0)
    if i is None:
        return None
    keys = ", ".join(key(g) for _ in range(g.random.randint(1, g.tensors[i].ndim)))
    again = f"[{key(g)}]" if g.chance(0.4) else ""
    return g.add(f"{{0}}[{keys}]{again}", i)


@maker(5)
def array_indexing(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim > 0 and any(isinstance(n, int) and n > 0 for n in t.shape))
    if i is None:
        return None
    t = g.tensors[i]
    axis = g.random.choice([k for k, n in enumerate(t.shape) if isinstance(n, int) and n > 0])
    n = t.shape[axis]
    where = [g.random.randrange(-n, n) for _ in range(g.random.randrange(4))]
    mask = [g.chance(0.5) for _ in range(n)]
    before = ":, " * axis
    code = g.one(
        f"{{0}}[{before}np.array({where}, 'int64')]",
        f"{{0}}[{before}np.array({mask})]",
        f"mt.take({{0}}, np.array({where}, 'int64'), {axis})",
    )
    ints = g.pick(lambda u: u.dtype.kind == "i" and u.ndim <= 1)
    if ints is not None and g.chance(0.4):
        if t.ndim > 1 and all(isinstance(n, int) and n for n in t.shape[:2]) and g.chance(0.4):
            return g.add(f"{{0}}[{{1}} % {t.shape[0]}, {{1}} % {t.shape[1]}]", i, ints)
        ints = g.add(f"{{0}} % {n}", ints) if g.chance(0.6) else ints  # those that name what is not there raise
        code = g.one(f"mt.take({{0}}, {{1}}, {axis})", f"{{0}}[{before}{{1}}]")
        return g.add(code, i, ints)
    if t.ndim > 1 and g.chance(0.3) and all(isinstance(n, int) and n for n in t.shape[:2]):
        a, b = ([g.random.randrange(-n, n) for _ in range(3)] for n in t.shape[:2])
        code = f"{{0}}[np.array({a}), np.array({b})]"
    return g.add(code, i)


@maker(3)
def along_indexing(g: Generator) -> Any:
    i = g.float(1)
    if i is None:
        return None
    axis = g.axis(g.tensors[i])
    name = g.one("argmax", "argmin")
    return g.add(f"mt.take_along_axis({{0}}, mt.{name}({{0}}, {axis}, keepdims=True), {axis})", i)


@maker(3)
def ranges(g: Generator) -> Any:
    i = g.pick(lambda t: t.ndim > 0)
    code = g.one("mt.arange({0}.shape[0])", "mt.arange(1, {0}.shape[0], 2, dtype='float32')", "mt.one_hot({0}, 3)",
                 "mt.linspace(0, 1, 3, dtype='float32')", "mt.arange({0}.shape[0], 0, -1)")  # fmt: skip
    if "one_hot" in code:
        i = g.pick(lambda t: t.dtype.kind == "i")
    return g.add(code, i) if "{0}" in code else g.add(code)


# ---- products ----


@maker(9)
def products(g: Generator) -> Any:
    i = g.float(1)
    if i is None:
        return None
    t = g.tensors[i]
    other = g.pick(lambda u: u.dtype.kind == "f" and 1 <= u.ndim <= 3 and u.shape[-2:][0] == t.shape[-1])
    if other is None or g.chance(0.4):
        code = g.one(
            "{0} @ mt.swapaxes({0}, -1, -2)",
            "mt.outer({0}, {0})",
            "mt.tensordot({0}, {0}, ([0], [0]))",
            "mt.dot({0}, 2.0)",
        )
        return g.add(code, i)
    code = g.one("{0} @ {1}", "{0} @ {1}", "mt.matmul({0}, {1})", "mt.dot({0}, {1})", "mt.tensordot({0}, {1}, 1)")
    return g.add(code, i, other)


@maker(4)
def weights(g: Generator) -> Any:
    """A product with a parameter that fits, as in a layer."""
    i = g.pick(lambda t: t.dtype.kind == "f" and t.ndim > 0 and isinstance(t.shape[-1], int))
    if i is None:
        return None
    w = g.parameter((g.tensors[i].shape[-1], g.one(1, 3)), str(g.tensors[i].dtype))
    return g.add("{0} @ {1}", i, w)


@maker(3)
def einsums(g: Generator) -> Any:
    code, rank = g.one(
        ("ij->ji", 2), ("ij,ij->i", 2), ("ij,kj->ik", 2), ("ij->", 2), ("i,i->", 1), ("ijk,ijl->ikl", 3), ("i,j->ij", 1)
    )  # fmt: skip
    i = g.pick(lambda t: t.dtype.kind == "f" and t.ndim == rank)
    operands = "{0}, {0}" if "," in code else "{0}"
    return g.add(f"mt.einsum('{code}', {operands})", i)


@maker(2)
def losses(g: Generator) -> Any:
    i = g.float()
    if i is None:
        return None
    t = g.tensors[i]
    j = g.pick(lambda u: u.shape == t.shape and u.dtype == t.dtype)
    name = g.one("mse_loss({0}, {1})", "mae_loss({0}, {1})", "huber_loss({0}, {1}, 0.5)", "cross_entropy({0}, {1})",
                 "binary_cross_entropy({0}, {1}, from_logits=True)",
                 "binary_cross_entropy(mt.sigmoid({0}), {1})")  # fmt: skip
    return g.add(f"mt.{name}", i, j)
