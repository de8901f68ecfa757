"""The gradient matrix: every differentiable row and function x dtypes x layouts x first order, second order, forward.

The reference is the Jacobian by central differences, in float64, of the graph as written, evaluated kernel by kernel
(not by a compiled program). What is checked against it are compiled programs. One program holds all four kinds of
derivative of one function at one shape; it is called with its inputs in all layouts that memory can have.
"""

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minitorch as mt
import minitorch.functional as F
from minitorch import ops
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.compiler.passes import specialise
from minitorch.graph.tensor import registry
from minitorch.ops.shape import Range

KINDS = ("reverse mode, first order", "forward mode, first order", "reverse over reverse", "forward over reverse")
FUNCTION_MODULES = ("elementwise", "indexing", "loss", "product", "random", "reduction", "shape")


# ---- operands: distinct numbers, exact in float32, far from kinks ----


class Domain(NamedTuple):
    low: float = 0.3
    high: float = 2.0
    signs: bool = True
    steps: bool = False  # far from all halves of ints


REAL, POSITIVE, UNIT, ABOVE_ONE = Domain(), Domain(signs=False), Domain(0.1, 0.9), Domain(1.2, 3.0, False)
INNER, STEPS, NEAR_ONE, NARROW = Domain(0.1, 0.9, False), Domain(steps=True), Domain(1.0, 1.05, False), Domain(0.3, 1.2)
BOUND = Domain(0.45, 0.9, False)


def numbers(shape, domain=REAL, seed=0):
    count = math.prod(shape)
    random = np.random.default_rng(seed)
    if domain.steps:
        values = np.arange(count) % 3 + 0.2 + 0.004 * (np.arange(count) % 12)
    else:
        values = domain.low + (domain.high - domain.low) * (np.arange(count) + 0.5 + seed / 61) / (count + 0.5)
    values = random.permutation(values)
    values = values * random.choice([-1, 1], count) if domain.signs else values
    return values.reshape(shape).astype("float32").astype("float64")


# ---- layouts ----

SCALAR = [()]
LINES = [(3,), (1,), (0,), (5,)]
SHEETS = [(2, 3), (1, 3), (3, 1), (0, 3), (2, 0), (1, 1), (3, 3)]
CUBES = [(2, 1, 3), (2, 3, 2), (0, 2, 1), (1, 1, 1)]
AXES = LINES + SHEETS + CUBES
EVERY = SCALAR + AXES
MATRICES = SHEETS + CUBES
PAIRS = [
    ((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((2, 1), (3,)),
    ((), (2, 3)), ((2, 3), ()),
    ((1,), (3,)), ((3,), (1,)), ((1, 1), (1,)), ((2, 1, 2), (3, 1)), ((0, 3), (3,)), ((0,), ()), ((0, 1), (1, 2)),
    ((1, 1, 1), ()),
]  # fmt: skip
SAME = [
    ((), ()),
    ((3,), (3,)),
    ((1,), (1,)),
    ((0,), (0,)),
    ((2, 3), (2, 3)),
    ((1, 3), (1, 3)),
    ((0, 3), (0, 3)),
    ((2, 1, 3), (2, 1, 3)),
]
PRODUCTS = [
    ((2, 3), (3, 2)), ((1, 3), (3, 1)), ((3, 1), (1, 3)), ((1, 1), (1, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
    ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 1)), ((2, 1, 2), (2, 2)), ((2, 1, 1, 2), (3, 2, 1)), ((0, 1, 2), (2, 1)), ((1, 2, 2), (2, 2, 2)),
]  # fmt: skip
VECTORS = [
    ((3,), (3,)),
    ((1,), (1,)),
    ((0,), (0,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 2, 3), (3,)),
    ((3,), (2, 3, 2)),
]


def plain(a):
    return a.copy()


def fortran(a):
    return np.array(a, order="F")


def reversed_strides(a):
    backwards = tuple(slice(None, None, -1) for _ in a.shape)
    return a[backwards].copy()[backwards]


def with_gaps(a):
    every_other = tuple(slice(1, None, 2) for _ in a.shape)
    wide = np.full([2 * n for n in a.shape], np.nan, a.dtype)
    wide[every_other] = a
    return wide[every_other] if a.ndim else a.copy()


def rotated_axes(a):
    return np.moveaxis(np.moveaxis(a, -1, 0).copy(), 0, -1) if a.ndim else a.copy()


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def unaligned(a):
    raw = np.empty(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


MEMORIES: list[Callable] = [plain, fortran, reversed_strides, with_gaps, rotated_axes, read_only, unaligned]
SIZES = ("known", "named", "stored", "leading", "unnamed")
"""How sizes come into a graph: as ints, all named, as parameters' own, the first unknown, unknown without names."""


# ---- samples: what to call on tensors, at which shapes, with which numbers ----


class Sample(NamedTuple):
    make: Callable
    shapes: list[Any]
    domains: tuple[Domain, ...] = (REAL,)
    known: bool = False  # means something for sizes known when the graph is built alone
    training: bool = True

    def operands(self, shapes):
        return [numbers(s, self.domains[min(i, len(self.domains) - 1)], seed=i) for i, s in enumerate(shapes)]


def unary(make, *domains, shapes=EVERY, **more):
    return Sample(make, [(s,) for s in shapes], domains or (REAL,), **more)


def op(name, **attrs):
    return lambda *xs: registry[name](*xs, **attrs)


DOMAINS = {
    "log": POSITIVE, "log2": POSITIVE, "log10": POSITIVE, "log1p": UNIT, "sqrt": POSITIVE, "arcsin": UNIT,
    "arccos": UNIT, "arctanh": UNIT,
    "arccosh": ABOVE_ONE, "tan": NARROW, "floor": STEPS, "ceil": STEPS, "trunc": STEPS, "rint": STEPS,
}  # fmt: skip
PAIR_DOMAINS = {
    "power": (POSITIVE, REAL), "mod": (STEPS, NEAR_ONE), "floor_divide": (STEPS, NEAR_ONE),
    "bernoulli_loss": (INNER, INNER),
}  # fmt: skip


def elementwise_samples(row):
    """Rows that work element by element need no sample of their own where they have one or two operands."""
    count = operand_count(row)
    if row.elementwise and count == 1:
        return [unary(row, DOMAINS.get(row.name, REAL))]
    if row.elementwise and count == 2:
        domains = PAIR_DOMAINS.get(row.name, (REAL, REAL))
        return [Sample(row, PAIRS, domains), twice(row, domains)]
    raise LookupError(f"the row {row.name!r} has a gradient but no sample: add one to ROWS")


def operand_count(row):
    if isinstance(row.kernel, np.ufunc):
        return row.kernel.nin
    return sum(p.default is p.empty for p in inspect.signature(row.kernel).parameters.values())


def twice(make, domains=(REAL,), shapes=EVERY, **more):
    """The same tensor as both operands."""
    return unary(lambda x: make(x, x), domains[0], shapes=shapes, **more)


def mask(shape):
    return np.arange(math.prod(shape)).reshape(shape) % 2 == 0


def indices(shape, size):
    """Ints that name what is there, some of them twice, some from the end."""
    return np.resize([0, -1, size - 1, 0, size // 2], shape).astype("int64") if size else np.empty(shape, "int64")


ROWS: dict[str, list[Sample]] = {
    "where": [
        Sample(lambda a, b: ops.where(a * 0 + 1 > b * 0 + np.float64(0.9), a, b), PAIRS),
        Sample(lambda a, b: ops.where(a > b, a, b), PAIRS), unary(lambda x: ops.where(x > 0, x, x)),
    ],
    "clip": [
        unary(lambda x: ops.clip(x, -0.55, 0.65)),
        Sample(ops.clip, [(a, b, b) for a, b in PAIRS], (REAL, Domain(-1.0, -0.4, False), BOUND)),
        Sample(ops.clip, [(a, b, ()) for a, b in PAIRS], (REAL, BOUND, Domain(-0.4, -0.2, False))),
    ],
    "cast": [unary(lambda x: ops.cast(x, dtype=np.dtype("float64"))),
        unary(lambda x: ops.cast(ops.cast(x * x, dtype=np.dtype("float64")), dtype=x.dtype))],
    "copy": [unary(ops.copy)],
    "in_training": [Sample(ops.in_training, PAIRS), Sample(ops.in_training, PAIRS, training=False),
        twice(ops.in_training)],
    "fixed_power": [
        *(unary(op("fixed_power", exponent=e)) for e in (3, -2, 0, 1, 2, -1)),
        *(unary(op("fixed_power", exponent=e), POSITIVE) for e in (2.5, -0.3, 0.5)),
    ],
    **{
        name: [
            unary(lambda x, f=registry[name], k=k: f(x, axis=tuple(range(x.ndim)), keepdims=k),
                shapes=shapes) for k in (False, True)
        ] + [
            unary(lambda x, f=registry[name]: f(x, axis=(0,), keepdims=False),
                shapes=[s for s in AXES if s[0] or name == "sum"]),
            unary(lambda x, f=registry[name]: f(x, axis=(x.ndim - 1,), keepdims=True),
                shapes=[s for s in AXES if s[-1] or name == "sum"]),
            unary(lambda x, f=registry[name]: f(x, axis=(0, 2), keepdims=False),
                shapes=[s for s in CUBES if s[0] or name == "sum"]),
            unary(lambda x, f=registry[name]: f(x, axis=(), keepdims=False)),
        ]
        for name, shapes in (("sum", EVERY), ("max", [s for s in EVERY if 0 not in s]),
            ("min", [s for s in EVERY if 0 not in s]))
    },
    "prod": [
        unary(lambda x: ops.prod(x, axis=(0,), keepdims=False), shapes=AXES),
        unary(lambda x: ops.prod(x, axis=(x.ndim - 1,), keepdims=True), shapes=AXES),
        unary(lambda x: ops.prod(x - x[..., 0][..., None], axis=(x.ndim - 1,), keepdims=False),
            shapes=[(3,), (1,), (2, 3), (2, 1, 3)]),
    ],
    "prod_of_others": [unary(ops.prod_of_others, shapes=AXES),
        unary(lambda x: ops.prod_of_others(x - x[..., 0][..., None]), shapes=[(3,), (1,), (2, 3), (2, 1, 3)])],
    "cumsum": [unary(lambda x, r=r, i=i: ops.cumsum(x, axis=i % x.ndim, reverse=r), shapes=AXES) for r in (False,
        True) for i in (0, -1)],
    "matmul": [Sample(ops.matmul, PRODUCTS), twice(ops.matmul, shapes=[(3, 3), (1, 1), (0, 0), (2, 2, 2)])],
    "transpose": [unary(lambda x: ops.transpose(x, axes=tuple(range(x.ndim))[::-1])),
        unary(lambda x: ops.transpose(x, axes=(1, 2, 0)), shapes=CUBES)],
    "reshape": [unary(lambda x: ops.reshape(x, shape=(x.size,))),
        unary(lambda x: ops.reshape(x, shape=(1, *x.shape[::-1], 1)))],
    "broadcast_to": [
        unary(lambda x: ops.broadcast_to(x, shape=x.shape)), unary(lambda x: ops.broadcast_to(x, shape=(2, *x.shape))),
        unary(lambda x: ops.broadcast_to(x, shape=tuple(2 if n == 1 else n for n in x.shape))),
        unary(lambda x: ops.broadcast_to(x, shape=(0, *x.shape))),
    ],
    "concatenate": [
        Sample(lambda *xs: ops.concatenate(*xs, axis=0),
            [((3,), (2,)), ((0,), (3,)), ((2, 3), (1, 3)), ((0, 3), (2, 3)), ((1,), (1,), (0,)),
                ((2, 1, 2), (1, 1, 2))]),
        Sample(lambda *xs: ops.concatenate(*xs, axis=xs[0].ndim - 1),
            [((3,), (2,), (1,)), ((2, 3), (2, 0)), ((0, 2), (0, 1)), ((1, 2, 3), (1, 2, 1))]),
        twice(lambda a, b: ops.concatenate(a, b, axis=0), shapes=AXES),
        unary(lambda x: ops.concatenate(x, axis=0), shapes=AXES),
    ],
    "slice": [
        unary(lambda x: x[...], shapes=EVERY), unary(lambda x: x[::-1], shapes=AXES),
        unary(lambda x: x[1:], shapes=AXES), unary(lambda x: x[-2::-2], shapes=AXES),
        unary(lambda x: ops.slice(x, ranges=(Range(1, 1, 1), Range(2, 2, -2))), shapes=[(2, 3), (3, 3)], known=True),
        unary(lambda x: x[5:2], shapes=AXES),
    ],
    "embed": [
        unary(lambda x: ops.embed(x, ranges=tuple(Range(1, n, 1) for n in x.shape),
            shape=tuple(n + 2 for n in x.shape))),
        unary(lambda x: ops.embed(x, ranges=tuple(Range(2 * n - 1, n, -2) for n in x.shape),
            shape=tuple(2 * n for n in x.shape))),
    ],
    "take": [
        unary(lambda x: ops.take(x, indices((4,), 1), axis=0), shapes=[s for s in AXES if s[0]]),
        *(unary(lambda x, s=s: ops.take(x, indices(s, 3), axis=x.ndim - 1),
            shapes=[(3,), (2, 3), (1, 3), (0, 3), (2, 1, 3)]) for s in ((), (5,), (2, 2), (0,))),
        unary(lambda x: ops.take(x, np.empty((0, 2), "int64"), axis=0), shapes=AXES),
    ],
    "add_at": [
        unary(lambda x, n=n: ops.add_at(x, indices((n,), 3), axis=0, size=3), shapes=[s for s in AXES if s[0] == n],
            known=True) for n in (1, 2, 3, 5)
    ] + [
        unary(lambda x: ops.add_at(x, indices((), 3), axis=x.ndim, size=3)),
        unary(lambda x: ops.add_at(x, indices((2, 3), 4), axis=0, size=4), shapes=[(2, 3), (2, 3, 2)], known=True),
    ],
    "take_along_axis": [
        unary(lambda x: ops.take_along_axis(x, np.argsort(numbers(x.shape, seed=5), 0), axis=0), shapes=AXES,
            known=True),
        unary(lambda x: ops.take_along_axis(x, indices((*x.shape[:-1], 2), x.shape[-1]), axis=x.ndim - 1),
            shapes=[s for s in AXES if s[-1]], known=True),
        unary(lambda x: ops.take_along_axis(x, mt.cast(x * 0, "int64"), axis=0), shapes=AXES),
    ],
    "add_along_axis": [
        unary(lambda x: ops.add_along_axis(x, indices(x.shape, 4), axis=0, shape=(4, *x.shape[1:])), shapes=AXES,
            known=True),
        unary(lambda x: ops.add_along_axis(x, mt.cast(x * 0, "int64"), axis=0, shape=(4, *x.shape[1:])), shapes=AXES),
    ],
}  # fmt: skip


def reducing(function, *domains, empty=True, **more):
    """The samples of a function with `axis` and `keepdims`."""
    full = [s for s in EVERY if empty or 0 not in s]
    return [
        unary(lambda x: function(x), *domains, shapes=full, **more),
        unary(lambda x: function(x, keepdims=True), *domains, shapes=full, **more),
        unary(lambda x: function(x, axis=0), *domains, shapes=[s for s in AXES if empty or s[0]], **more),
        unary(
            lambda x: function(x, axis=-1, keepdims=True), *domains, shapes=[s for s in AXES if empty or s[-1]], **more
        ),
        unary(lambda x: function(x, axis=(-1, 0)), *domains, shapes=[s for s in CUBES if empty or 0 not in s], **more),
    ]


def along(function):
    """The samples of a function with an axis along which nothing may be empty."""
    return [
        unary(function, shapes=[s for s in AXES if s[-1]]),
        unary(lambda x: function(x, axis=0), shapes=[s for s in AXES if s[0]]),
    ]


NONEMPTY = [s for s in EVERY if 0 not in s]
LOSSES = [s for s in SAME if 0 not in s[0]]
ROW_OF_CLASSES = [((2, 3), (2, 3)), ((1, 3), (1, 3)), ((3, 1), (3, 1)), ((1, 1), (1, 1))]

FUNCTIONS: dict[str, list[Sample]] = {
    "power": [
        *(unary(lambda x, e=e: F.power(x, e)) for e in (0, 1, 2, 3, -1, -2)),
        *(unary(lambda x, e=e: x**e, POSITIVE) for e in (0.5, 2.5, -0.5)),
        unary(lambda x: 2.5**x), Sample(F.power, PAIRS, (POSITIVE, REAL)),
        Sample(lambda x: x ** np.array([2.0, -1.0, 0.5]), [((3,),), ((2, 3),), ((3, 1),), ((),)], (POSITIVE,)),
    ],
    "clip": [unary(lambda x: F.clip(x, -0.55, 0.65)), unary(lambda x: F.clip(x, low=0.55)),
        unary(lambda x: F.clip(x, high=0.55)), Sample(lambda a, b: F.clip(a, None, b), PAIRS)],
    "cast": [unary(lambda x: F.cast(x, "float64")), unary(lambda x: F.cast(F.cast(x, "float64") * x, x.dtype))],
    "round": [unary(lambda x: F.round(x), STEPS), unary(lambda x: F.round(x, 1), Domain(0.32, 0.34)),
        unary(lambda x: F.round(x, -1))],
    "identity": [unary(F.identity)], "silu": [unary(F.silu)], "elu": [unary(F.elu), unary(lambda x: F.elu(x, 0.3))],
    "softsign": [unary(F.softsign)],
    "gelu": [unary(F.gelu), unary(lambda x: F.gelu(x, approximate="tanh"))],
    "leaky_relu": [unary(F.leaky_relu), unary(lambda x: F.leaky_relu(x, 0.3))],
    "hard_tanh": [unary(F.hard_tanh, Domain(0.3, 1.8)), unary(lambda x: F.hard_tanh(x, -0.55, 0.75))],
    "softmax": along(F.softmax), "log_softmax": along(F.log_softmax),
    "getitem": [
        unary(lambda x: x[...]), unary(lambda x: x[None, ..., None]), unary(lambda x: x[1:]  , shapes=AXES),
        unary(lambda x: x[::-2], shapes=AXES), unary(lambda x: x[..., -1], shapes=[s for s in AXES if s[-1]]),
        unary(lambda x: x[[0, -1, 0]], shapes=[s for s in AXES if s[0]]),
        unary(lambda x: x[:, ::-1], shapes=MATRICES),
        unary(lambda x: x[..., [[0, -1]]], shapes=[s for s in AXES if s[-1]]),
        unary(lambda x: x[[0, -1], [-1, 0]], shapes=[s for s in MATRICES if s[0] and s[1]]),
        unary(lambda x: x[0, :, [0, -1]], shapes=[s for s in CUBES if 0 not in s]),
        unary(lambda x: x[mask(x.shape)], shapes=AXES, known=True),
        unary(lambda x: x[mask(x.shape[:1])], shapes=AXES, known=True),
        unary(lambda x: x[mt.argmax(x, 0)], shapes=LINES[:2]),
    ],
    "take": [unary(lambda x: F.take(x, indices((2, 2), 1)), shapes=NONEMPTY),
        unary(lambda x: F.take(x, [0, -1], -1), shapes=[s for s in AXES if s[-1]])],
    "take_along_axis": [unary(lambda x: F.take_along_axis(x, F.argmax(x, -1, keepdims=True), -1),
        shapes=[s for s in AXES if s[-1]]),
                        unary(lambda x: F.take_along_axis(x, np.zeros((1,) * x.ndim, "int64"), 0),
                            shapes=[s for s in AXES if s[0]])],
    "diagonal": [unary(lambda x, k=k: F.diagonal(x, k), shapes=MATRICES) for k in (0, 1, -1, 2, -3)]
    + [unary(lambda x: F.diagonal(x, 1, 2, 0), shapes=CUBES)],
    "trace": [unary(lambda x, k=k: F.trace(x, k), shapes=MATRICES) for k in (0, 1, -1)],
    "tril": [unary(lambda x, k=k: F.tril(x, k), shapes=MATRICES) for k in (0, 1, -1)],
    "triu": [unary(lambda x, k=k: F.triu(x, k), shapes=MATRICES) for k in (0, 1, -1)],
    "mse_loss": [Sample(F.mse_loss, LOSSES)], "mae_loss": [Sample(F.mae_loss, LOSSES)],
    "huber_loss": [Sample(F.huber_loss, LOSSES), Sample(lambda p, t: F.huber_loss(p, t, 0.7), LOSSES)],
    "binary_cross_entropy": [Sample(F.binary_cross_entropy, LOSSES, (INNER, INNER)),
        Sample(lambda p, t: F.binary_cross_entropy(p, t, from_logits=True), LOSSES, (REAL, INNER))],
    "cross_entropy": [Sample(F.cross_entropy, ROW_OF_CLASSES, (REAL, INNER)),
        unary(lambda x: F.cross_entropy(x, np.zeros(x.shape[0], "int64")), shapes=[(2, 3), (1, 3), (3, 1), (3, 3)],
            known=True)],
    "matmul": [Sample(F.matmul, PRODUCTS + VECTORS)],
    "dot": [Sample(F.dot, [*VECTORS[:6], ((), (2, 3)), ((3,), ()), ((2, 3), (3, 2)), ((2, 3), (2, 3, 2)),
        ((2, 1, 3), (2, 3, 1)), ((0, 3), (2, 3, 1))]), twice(F.dot, shapes=[(), (3,), (0,), (3, 3), (1, 1)])],
    "outer": [Sample(F.outer, [((3,), (2,)), ((), (2,)), ((2, 3), (2,)), ((0,), (3,)), ((1,), (1,)), ((2,), (1, 0)),
        ((), ())]), twice(F.outer)],
    "tensordot": [
        Sample(F.tensordot, [((2, 3), (2, 3)), ((3, 1, 2), (1, 2, 3)), ((0, 2), (0, 2)), ((1, 1), (1, 1))]),
        Sample(lambda a, b: F.tensordot(a, b, 0), [((2,), (3,)), ((), (2,)), ((0,), (2,)), ((2, 1), (1,))]),
        Sample(lambda a, b: F.tensordot(a, b, ([-1, 0], [0, 2])),
            [((2, 1, 3), (3, 2, 2)), ((1, 2, 1), (1, 3, 1)), ((0, 2, 2), (2, 1, 0))]),
    ],
    "einsum": [
        Sample(lambda a, b: F.einsum("bi,ij->bj", a, b),
            [((2, 3), (3, 2)), ((1, 3), (3, 1)), ((0, 2), (2, 3)), ((2, 0), (0, 2))]),
            unary(lambda x: F.einsum("ii->i", x), shapes=[(3, 3), (1, 1)]),
            unary(lambda x: F.einsum("iji->j", x), shapes=[(2, 3, 2), (1, 1, 1)]),
        unary(lambda x: F.einsum("ab->", x), shapes=SHEETS), unary(lambda x: F.einsum("ij->ji", x), shapes=SHEETS),
        Sample(lambda a, b: F.einsum("bij,bkj->bik", a, b),
            [((2, 1, 3), (2, 2, 3)), ((1, 1, 1), (1, 1, 1)), ((0, 1, 2), (0, 2, 2))]),
        Sample(lambda a, b, c: F.einsum("ij,jk,kl->il", a, b, c),
            [((2, 3), (3, 1), (1, 2)), ((1, 1), (1, 1), (1, 1)), ((2, 0), (0, 3), (3, 1))]),
            Sample(lambda a, b: F.einsum("i,j->ij", a, b), [((3,), (2,)), ((0,), (2,)), ((1,), (1,))]),
        Sample(lambda a, b: F.einsum("ij,ij->i", a, b), [(s, s) for s in SHEETS]),
        unary(lambda x: F.einsum("i,i->", x, x), shapes=LINES),
        unary(lambda x: F.einsum("ij,jk->ik", x, x), shapes=[(3, 3), (1, 1)]),
    ],
    "dropout": [unary(lambda x: F.dropout(x, 0.5, seed=1), training=False)],
    "sum": reducing(F.sum), "mean": reducing(F.mean, empty=False), "prod": reducing(F.prod),
    "max": reducing(F.max, empty=False), "min": reducing(F.min, empty=False),
    "var": [*reducing(F.var, empty=False), unary(lambda x: F.var(x, 0), shapes=[s for s in AXES if s[0]]),
        unary(lambda x: F.var(x, -1, ddof=1), shapes=[(3,), (2, 3), (3, 3), (2, 1, 3)])],
    "std": [unary(lambda x: F.std(x), shapes=[(3,), (2, 3), (3, 3), (2, 1, 3), (5,), (1, 3)]),
        unary(lambda x: F.std(x, -1, 1, True), shapes=[(3,), (2, 3), (3, 3), (2, 1, 3), (5,), (0, 3)])],
    "norm": [s for o in (None, 2, 1, 3, -1, 0.5, float("inf"), -float("inf"), 0) for s in (
        unary(lambda x, o=o: F.norm(x, o, axis=-1), shapes=[(3,), (1,), (2, 3), (0, 3), (2, 3, 2)]),
        unary(lambda x, o=o: F.norm(x, o, 0, True), shapes=[(5,), (2, 3), (3, 1), (2, 1, 3)]),
    )] + [unary(lambda x: F.norm(x), shapes=NONEMPTY),
    unary(lambda x: F.norm(x, "fro", (0, 1)), shapes=[s for s in MATRICES if 0 not in s])],
    "logsumexp": reducing(F.logsumexp, empty=False),
    "cumsum": [unary(lambda x: F.cumsum(x)), unary(lambda x: F.cumsum(x, 0), shapes=AXES),
        unary(lambda x: F.cumsum(x, -1), shapes=AXES)],
    "transpose": [unary(F.transpose), unary(lambda x: x.T), unary(lambda x: F.transpose(x, (1, 0)), shapes=SHEETS)],
    "swapaxes": [unary(lambda x: F.swapaxes(x, 0, -1), shapes=AXES)],
    "moveaxis": [unary(lambda x: F.moveaxis(x, 0, -1), shapes=AXES),
        unary(lambda x: F.moveaxis(x, (0, 2), (1, 0)), shapes=CUBES)],
    "reshape": [unary(lambda x: F.reshape(x, -1)), unary(lambda x: F.reshape(x, (1, -1))),
        unary(lambda x: F.reshape(x, (x.shape[-1], -1)), shapes=[s for s in AXES if s[-1]])],
    "expand_dims": [unary(lambda x: F.expand_dims(x, 0)), unary(lambda x: F.expand_dims(x, -1))],
    "squeeze": [unary(F.squeeze), unary(lambda x: F.squeeze(x, 0), shapes=[s for s in AXES if s[0] == 1])],
    "concatenate": [Sample(lambda *xs: F.concatenate(xs, -1),
        [((3,), (2,), (0,)), ((2, 3), (2, 1)), ((0, 2), (0, 1)), ((1, 2, 3), (1, 2, 1))]),
        twice(lambda a, b: F.concatenate([a, b * b, a]), shapes=AXES)],
    "stack": [Sample(lambda *xs: F.stack(xs), SAME), Sample(lambda *xs: F.stack(xs, -1), SAME),
        twice(lambda a, b: F.stack([a, b], 1), shapes=AXES)],
    "split": [
        unary(lambda x: F.split(x, 2, 0)[1] * F.split(x, 2)[0], shapes=[(2, 3), (2, 0), (2, 1, 3)], known=True),
        unary(lambda x: F.split(x, [1, 2], -1)[1], shapes=AXES, known=True),
        unary(lambda x: F.split(x, 3, -1)[2], shapes=[(3,), (2, 3), (0, 3), (2, 1, 3)], known=True),
        unary(lambda x: F.split(x, [-1, 1])[0], shapes=AXES, known=True),
    ],
    "flip": [unary(F.flip), unary(lambda x: F.flip(x, 0), shapes=AXES),
        unary(lambda x: F.flip(x, (0, -1)), shapes=MATRICES)],
    "roll": [unary(lambda x: F.roll(x, 2), known=True), unary(lambda x: F.roll(x, -1, 0), shapes=AXES, known=True),
        unary(lambda x: F.roll(x, 7, -1), shapes=AXES, known=True)],
    "broadcast_to": [unary(lambda x: F.broadcast_to(x, (2, *x.shape))),
        unary(lambda x: F.broadcast_to(x, tuple(3 if n == 1 else n for n in x.shape)))],
    "repeat": [unary(lambda x: F.repeat(x, 2)), unary(lambda x: F.repeat(x, 3, 0), shapes=AXES),
        unary(lambda x: F.repeat(x, 0, -1), shapes=AXES)],
    "tile": [unary(lambda x: F.tile(x, 2)), unary(lambda x: F.tile(x, (2, 1, 3))), unary(lambda x: F.tile(x, (2, 0)))],
    "pad": [unary(lambda x: F.pad(x, 1)), unary(lambda x: F.pad(x, (0, 2), value=3.0)),
        unary(lambda x: F.pad(x, [(1, 0)] * x.ndim), shapes=MATRICES)],
}  # fmt: skip

WITHOUT_GRADIENT = {
    "all",
    "any",
    "argmax",
    "argmin",
    "arange",
    "linspace",
    "one_hot",
    "zeros_like",
    "ones_like",
    "full_like",
    "random_uniform",
    "activations",
}


def differentiable_rows():
    return sorted(name for name, row in registry.items() if row.gradient is not None)


def public_functions():
    modules = [getattr(F, name) for name in FUNCTION_MODULES]
    return {name for module in modules for name in module.__all__}


def samples_of(kind, name):
    if kind == "function":
        return FUNCTIONS[name]
    return ROWS[name] if name in ROWS else elementwise_samples(registry[name])


CASES = [*(("row", name) for name in differentiable_rows())]
CASES += [("function", name) for name in sorted(public_functions() - WITHOUT_GRADIENT)]


# ---- graphs: one function, its derivatives of both orders in both modes ----


class Built(NamedTuple):
    operands: list[Any]
    weights: Any
    directions: list[Any]
    value: Any
    derivatives: list[list[Any]]  # by kind

    @property
    def inputs(self):
        return [t for t in (*self.operands, self.weights, *self.directions) if t.op.name == "placeholder"]


def named(shape, sizes):
    match sizes:
        case "named":
            return tuple(1 if n == 1 else f"n{n}" for n in shape)
        case "leading":
            return tuple(1 if n == 1 else f"n{n}" if k == 0 else n for k, n in enumerate(shape))
        case "unnamed":
            return tuple(1 if n == 1 else None for n in shape)
    return shape


def build(sample, shapes, dtype, sizes="known", second=True):
    arrays = sample.operands(shapes)
    dtypes = ["float32", *["float64"] * len(shapes)] if dtype == "mixed" else [dtype] * len(shapes)
    if sizes == "stored":
        xs = [mt.parameter(a, name=f"x{i}", dtype=d) for i, (a, d) in enumerate(zip(arrays, dtypes))]
    else:
        xs = [mt.placeholder(f"x{i}", named(s, sizes), d) for i, (s, d) in enumerate(zip(shapes, dtypes))]
    y = sample.make(*xs)
    w = mt.placeholder("w", y.shape, y.dtype)
    vs = [mt.placeholder(f"v{i}", x.shape, x.dtype) for i, x in enumerate(xs)]
    gradients = gradients_of([y], xs, [w])
    derivatives = [gradients]
    if second:
        derivatives += [mt.jvp([y], xs, vs), gradients_of(gradients, xs, vs), mt.jvp(gradients, xs, vs)]
    return Built(xs, w, vs, y, derivatives)


def gradients_of(outputs, xs, cotangents):
    """`vjp`, with zeros where nothing flows: at second order a linear function has no path."""
    anchors = [x * 0 for x in xs]
    return mt.vjp([*outputs, *anchors], xs, [*cotangents, *[0 * x for x in xs]])


# ---- the reference ----


class Reference(NamedTuple):
    arrays: list[np.ndarray]
    weights: np.ndarray
    directions: list[np.ndarray]
    expected: list[list[np.ndarray]]  # by kind


def evaluator(sample, built):
    outputs = [built.value, *built.derivatives[0]]
    graph = specialise(mt.Graph(outputs, (), built.inputs, training=sample.training))[0]

    def evaluate(arrays):
        values = evaluate_graph(graph, tuple(arrays), {})
        return [np.array(values[t]) for t in graph.outputs]

    return evaluate


def reference(sample, shapes):
    """All four kinds of derivative from central differences: of the value, and of the first gradients."""
    built = build(sample, shapes, "float64", second=False)
    arrays = sample.operands(shapes)
    weights = numbers(built.value.shape, seed=11)
    directions = [numbers(s, seed=12 + i) for i, s in enumerate(shapes)]
    evaluate = evaluator(sample, built)
    forward = np.zeros(built.value.shape)
    reverse, second = [np.zeros(s) for s in shapes], [np.zeros(s) for s in shapes]
    for i, shape in enumerate(shapes):
        for at in np.ndindex(*shape):
            value, *slopes = difference(evaluate, [*arrays, weights, *directions], i, at)
            reverse[i][at] = (weights * value).sum()
            forward += directions[i][at] * value
            second[i][at] = sum((d * s).sum() for d, s in zip(directions, slopes))
    return Reference(arrays, weights, directions, [reverse, [forward], second, second])


def difference(evaluate, arrays, i, at, step=2.0**-17):
    sides = []
    for move in (step, -step):
        moved = list(arrays)
        moved[i] = arrays[i].copy()
        moved[i][at] += move
        sides.append(evaluate(moved))
    return [(a - b) / (2 * step) for a, b in zip(*sides)]


# ---- the check ----

TOLERANCE = {"float32": 3e-4, "mixed": 3e-4, "float64": 2e-8}  # of the greatest element, or of 1


def check(label, sample, position, shapes, dtype):
    """All kinds of derivative of one sample at one shape, in all layouts; how many checks that was."""
    wanted = reference(sample, shapes)
    usable = ("known", "stored") if sample.known else SIZES
    sizes = usable[(position + (dtype == "float64")) % len(usable)]
    built = build(sample, shapes, dtype, sizes)
    flat = [t for group in built.derivatives for t in group]
    backend = ("interpreter", "numpy")[(position // 2 + (dtype == "float64")) % 2]
    program = mt.compile(built.inputs, flat, backend=backend, training=sample.training)
    count = 0
    for memory in MEMORIES:
        where = f"{label}, {dtype}, {shapes} {sizes} {memory.__name__}, {backend}"
        given = [memory(np.asarray(a, t.dtype)) for a, t in zip(arrays_for(built, wanted), built.inputs)]
        results = run(program, given, where)
        for kind, group, expected in zip(KINDS, built.derivatives, wanted.expected):
            for i, want in enumerate(expected):
                compare(results.pop(0), want, group[i].dtype, TOLERANCE[dtype], f"{where}, {kind}, operand {i}")
            count += 1
    return count


def arrays_for(built, wanted):
    pairs = zip(
        (*built.operands, built.weights, *built.directions), (*wanted.arrays, wanted.weights, *wanted.directions)
    )
    return [a for t, a in pairs if t.op.name == "placeholder"]


def run(program, given, where):
    before = [a.copy() for a in given]
    results = program(*given)
    for a, b in zip(given, before):
        assert np.array_equal(a, b), f"{where}: an input was changed"
    return results


def compare(got, want, dtype, tolerance, where):
    assert got.shape == want.shape, f"{where}: shape {got.shape}, expected {want.shape}"
    assert got.dtype == dtype, f"{where}: dtype {got.dtype}, expected {dtype}"
    if not want.size:
        return
    scale = max(1.0, float(np.abs(want).max()))
    error = float(np.abs(got - want).max()) / scale
    assert error <= tolerance, f"{where}: error {error:.2g}\n got {got.tolist()}\nwant {want.tolist()}"


def matrix(kind, name, samples):
    """All checks of one row or function."""
    count = position = 0
    for n, sample in enumerate(samples):
        for shapes in sample.shapes:
            for dtype in dtypes_of(shapes):
                count += check(f"{kind} {name} #{n}", sample, position, shapes, dtype)
            position += 1
    return count


def dtypes_of(shapes):
    """Both floats, and where there are several operands the one beside the other."""
    return ("float32", "float64", "mixed") if len(shapes) > 1 else ("float32", "float64")


def planned(samples):
    programs = sum(len(dtypes_of(shapes)) for sample in samples for shapes in sample.shapes)
    return programs * len(MEMORIES) * len(KINDS)


# ---- the tests ----


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_gradients(kind, name):
    samples = samples_of(kind, name)
    assert matrix(kind, name, samples) == planned(samples)


def test_the_matrix_is_as_large_as_promised():
    planned_by_case = {case: planned(samples_of(*case)) for case in CASES}
    layouts = {
        (shapes, memory)
        for samples in map(samples_of, *zip(*CASES))
        for s in samples
        for shapes in s.shapes
        for memory in MEMORIES
    }
    print(f"{sum(planned_by_case.values()):,} checks of {len(CASES)} rows and functions in {len(layouts)} layouts")
    assert sum(planned_by_case.values()) >= 5000
    elementwise = [samples_of("row", name) for name in differentiable_rows() if registry[name].elementwise]
    assert all(sum(len(s.shapes) for s in samples) * len(MEMORIES) >= 50 for samples in elementwise)


def test_every_public_function_is_in_the_table_or_has_no_gradient():
    assert set(FUNCTIONS) | WITHOUT_GRADIENT == public_functions()
    assert not set(FUNCTIONS) & WITHOUT_GRADIENT
    assert set(ROWS) <= set(differentiable_rows())


@pytest.mark.parametrize("name", ["all", "any", "argmax", "argmin", "one_hot", "zeros_like", "ones_like", "full_like"])
def test_what_has_no_gradient_says_so(name):
    x = mt.placeholder("x", (2, 3))
    more = {"one_hot": lambda: F.one_hot(mt.cast(x, "int64"), 3), "full_like": lambda: F.full_like(x, 2.0)}
    y = mt.cast(more.get(name, lambda: getattr(F, name)(x))(), "float32")
    with pytest.raises(mt.errors.GradientError, match="no gradient for x"):
        mt.grad(y.sum(), x)


@pytest.fixture
def added():
    """Rows that a test adds are forgotten after it."""
    before = set(registry)
    yield
    for name in set(registry) - before:
        del registry[name]


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("reverse mode, first order", lambda g, y, x: (g * mt.sin(x),)),
        ("reverse over reverse", lambda g, y, x: (g * mt.stop_gradient(mt.cos(x)),)),
        ("reverse mode, first order", lambda g, y, x: (g * mt.cos(x) * 1.00001,)),
    ],
)
def test_a_wrong_rule_is_found_and_named(added, kind, rule):
    ops.elementwise("wrong", np.sin, rule)
    assert "wrong" in differentiable_rows()
    with pytest.raises(AssertionError, match=rf"row wrong #0, float(32|64), .*, {kind}"):
        matrix("row", "wrong", samples_of("row", "wrong"))


def test_a_kernel_that_reads_wrongly_laid_out_memory_is_found(added):
    def flat(x, out=None):
        out = np.empty(x.shape, x.dtype) if out is None else out
        out.ravel()[...] = np.sin(x.ravel("K"))
        return out

    careless = ops.elementwise("careless", flat, lambda g, y, x: (g * mt.cos(x) * (y / mt.sin(x)),))
    with pytest.raises(AssertionError, match="careless"):
        matrix("row", "careless", elementwise_samples(careless))


def test_a_row_without_samples_is_reported(added):
    mt.graph.Op("bare", lambda x: x, lambda x, out=None: x, lambda g, y, x: (g,))
    with pytest.raises(LookupError, match="'bare' has a gradient but no sample"):
        samples_of("row", "bare")


# ---- C: the value and the first order of six samples and shapes of each row and function, in one program ----

IN_C = 6


def sampled(kind, name):
    """Samples and shapes from all over the list of a row or function."""
    pairs = [(sample, shapes) for sample in samples_of(kind, name) for shapes in sample.shapes if sample.training]
    return [pairs[k * len(pairs) // IN_C] for k in range(IN_C)] if len(pairs) > IN_C else pairs


def first_order(sample, shapes, dtype, position):
    """A graph of value and gradients, and what it is to be called with; `position` keeps names and sizes apart."""
    sizes = "known" if sample.known or position % 2 else "leading"
    apart = [[f"{n}_{position}" if isinstance(n, str) else n for n in named(s, sizes)] for s in shapes]
    xs = [mt.placeholder(f"x{i}_{position}", s, dtype) for i, s in enumerate(apart)]
    y = sample.make(*xs)
    w = mt.placeholder(f"w_{position}", y.shape, y.dtype)
    shape = sample.make(*[mt.placeholder(f"x{i}", s, dtype) for i, s in enumerate(shapes)]).shape
    return [*xs, w], [y, *gradients_of([y], xs, [w])], [*sample.operands(shapes), numbers(shape, seed=11)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_first_order_in_c(kind, name, dtype):
    """Against the interpreter, which is held to finite differences above, in all layouts of memory."""
    inputs, outputs, arrays = [], [], []
    for position, (sample, shapes) in enumerate(sampled(kind, name)):
        more = first_order(sample, shapes, dtype, position)
        for own, other in zip((inputs, outputs, arrays), more, strict=True):
            own += other
    assert outputs or kind == "function"
    c, interpreter = (mt.compile(inputs, outputs, backend=b, training=True) for b in ("c", "interpreter"))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    given = [np.asarray(a, t.dtype) for a, t in zip(arrays, inputs, strict=True)]
    wanted = interpreter(*given) if outputs else []
    for memory in MEMORIES if outputs else ():
        where = f"{kind} {name}, {dtype}, {memory.__name__}, c"
        results = run(c, [memory(a) for a in given], where)
        for got, want in zip(results, wanted, strict=True):
            compare(got, want, want.dtype, tolerance, where)


# ---- rows that are analytic: the first derivative to the last places, by a step in the imaginary direction ----

NOT_ANALYTIC = {
    "abs", "sign", "relu", "maximum", "minimum", "floor", "ceil", "trunc", "rint", "mod", "floor_divide", "clip",
    "where", "cast", "erf",
    "softplus", "in_training", "arctan2",
}  # fmt: skip


def analytic_rows():
    rows = (registry[name] for name in differentiable_rows())
    return sorted(row.name for row in rows if row.elementwise and row.name not in {*NOT_ANALYTIC, *ROWS})


@pytest.mark.parametrize("name", analytic_rows())
def test_analytic_rows_by_complex_step(name):
    """f(x + ih) = f(x) + ih f'(x) + O(h^2): nothing cancels, so h may be tiny (Squire and Trapp 1998)."""
    row, step = registry[name], 1e-150
    domains = PAIR_DOMAINS.get(name, (REAL, REAL)) if operand_count(row) == 2 else (DOMAINS.get(name, REAL),)
    arrays = [numbers((40,), d, seed=i) for i, d in enumerate(domains)]
    xs = [mt.placeholder(f"x{i}", ("n",), "float64") for i in range(len(arrays))]
    got = mt.compile(xs, mt.grad(row(*xs).sum(), xs))(*arrays)
    for i, slope in enumerate(got):
        moved = [a + 1j * step if k == i else a.astype(complex) for k, a in enumerate(arrays)]
        np.testing.assert_allclose(slope, row.kernel(*moved).imag / step, rtol=2e-13)
