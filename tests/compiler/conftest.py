"""Random valid graphs over the registered operations, with values to feed them."""

import inspect
import random
from itertools import permutations

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import MinitorchError
from minitorch.graph.dim import evaluate, symbols
from minitorch.graph.tensor import registry, reserved
from minitorch.ops.shape import Range

EXACT = ("interpreter", "numpy")  # the backends that agree in every bit

FLOATS = ("float32", "float64")
SPECIAL = {
    name: np.array([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, f.smallest_subnormal, -f.tiny, f.max, f.min], name)
    for name, f in ((name, np.finfo(name)) for name in FLOATS)
}
KEYS = (np.s_[:], np.s_[::-1], np.s_[1:], np.s_[::2], np.s_[-1:], np.s_[:-1], np.s_[3:0:-2], 0, -1)
PARAMETERS = (
    ((3, 3), "w", "float32"), ((3, 3), "v", "float32"),
    ((3,), "b", "float32"), ((3,), "u", "float64"), ((), "c", "float64"),
)  # fmt: skip
ORDERS = ([2, 0, 1], [0, 0, 2], [-1, 1, 1])
LEFT_OUT = {"placeholder", "parameter", "variable", "constant", "in_training"}  # leaves, and what compilation decides


class Maker:
    """Builds a graph one choice at a time; `choose(k)` gives a number from 0 to k - 1."""

    def __init__(self, choose):
        self.choose = choose
        self.inputs = [
            mt.placeholder("x", ("n", 3), self.of(FLOATS)), mt.placeholder("y", ("n",), self.of(FLOATS)),
            mt.placeholder("s", (), self.of(FLOATS)), mt.placeholder("z", ("n", 1), "float32"),
            mt.placeholder("k", ("n",), "int64"), mt.placeholder("mask", ("n", 3), "bool"),
        ]  # fmt: skip
        values = np.random.default_rng(choose(1000))
        self.parameters = [mt.parameter(values.standard_normal(shape), *rest) for shape, *rest in PARAMETERS]
        constants = [mt.constant(np.float64(v)) for v in (0.0, -0.0, 2.0, np.nan)]
        self.nodes = [*self.inputs, *self.parameters, *constants, mt.constant(1.0), mt.constant(np.arange(3.0))]

    def of(self, options):
        return options[self.choose(len(options))]

    def pick(self, wanted=lambda t: True):
        """A node that is wanted, the latest ones more often; None where there is none."""
        found = [t for t in self.nodes if wanted(t)]
        return found[-1 - self.choose(len(found)) // (1 + self.choose(2))] if found else None

    def three(self):
        """A node with an axis of three, and that axis."""
        t = self.pick(lambda t: 3 in t.shape)
        return t, t.shape.index(3)

    def add(self):
        """One more operation, where what was chosen fits together."""
        op = registry[self.of(OPERATIONS)]
        try:
            node = MAKERS[op.name](self) if op.name in MAKERS else op(*[self.pick() for _ in range(arity(op))])
        except (MinitorchError, ValueError):
            return
        if node is not None and node.ndim <= 3 and size_at(node, 16) <= 2000 and not linked(node):
            self.nodes.append(node)

    def differentiate(self):
        """The gradients of some of the nodes."""
        t = self.pick(lambda t: t.dtype.kind == "f" and t.inputs)
        if t is None:
            return
        for leaf in (*self.parameters, *self.inputs):
            try:
                self.nodes.append(mt.grad(mt.sum(t), leaf))
            except MinitorchError:
                continue

    def updates(self):
        """New values for some of the parameters."""
        return {p: self.new_value(p) for p in self.parameters if self.choose(2)}

    def new_value(self, p):
        fits = [t for t in self.nodes if t.shape == p.shape and t.dtype.kind == "f"]
        value = self.of(fits)
        match self.choose(4):
            case 0:
                value = p - value
            case 1:
                value = value * 0.5 + p.T
            case 2 if p.ndim:
                value = value[::-1]
        return mt.cast(value, p.dtype)

    def outputs(self):
        """Some nodes, perhaps the same twice; and often the ends of all that was made."""
        read = {i for t in self.nodes for i in t.inputs}
        ends = [t for t in self.nodes if t not in read and t.inputs]
        return [self.pick() for _ in range(self.choose(4))] + (ends[-8:] if self.choose(3) else [])


def linked(node):
    """Whether the node needs two sizes to be equal, which few batches have."""
    return any(check.relation == "==" for check in node.type.checks)


def size_at(node, n):
    return evaluate(node.size, dict.fromkeys(symbols(node.size), n))


def arity(op):
    kernel = op.kernel
    if isinstance(kernel, np.ufunc):
        return kernel.nin
    return sum(p.default is p.empty for p in inspect.signature(kernel).parameters.values())


def broadcast(m):
    t, like = m.pick(), m.pick()
    return mt.broadcast_to(t, like.shape)


def cast(m):
    t = m.pick()  # a NaN has no int, so floats do not become ints
    return mt.cast(t, m.of(FLOATS if t.dtype.kind == "f" else (*FLOATS, "int32", "int64", "bool")))


def concatenate(m):
    t = m.pick(lambda t: t.ndim)
    axis = m.choose(t.ndim)
    fits = lambda u: u.ndim == t.ndim and all(a == b for i, (a, b) in enumerate(zip(u.shape, t.shape)) if i != axis)
    return mt.concatenate([t, m.pick(fits), t][: 2 + m.choose(2)], axis)


def embed(m):
    t = m.pick(lambda t: t.ndim == 1)
    start, step = m.of(((0, 1), (2, 1), (1, 2)))
    ranges = (Range(start, t.shape[0], step),)
    return registry["embed"](t, ranges=ranges, shape=(t.shape[0] * step + start + m.choose(2),))


def matmul(m):
    a = m.pick(lambda t: t.ndim and t.dtype.kind == "f")
    b = m.pick(lambda t: t.ndim and t.dtype.kind == "f" and t.shape[max(0, t.ndim - 2)] == a.shape[-1])
    return a.T @ a if b is None or not m.choose(4) else a @ b


def power(m):
    a, b = (
        mt.cast(t, "float64") if t.dtype.kind == "i" else t for t in (m.pick(), m.pick())
    )  # ints to -1 are an error
    return a**b


def over_axes(name):
    def make(m):
        t = m.pick()
        return getattr(mt, name)(t, tuple(i for i in range(t.ndim) if m.choose(2)), bool(m.choose(2)))

    return make


def over_axis(name):
    def make(m):
        t = m.pick(lambda t: t.ndim)
        return getattr(mt, name)(t, m.choose(t.ndim))

    return make


def picked(m):
    t, axis = m.three()
    return mt.take(t, m.of(ORDERS), axis)


def added(m):
    t, axis = m.three()
    return registry["add_at"](t, mt.constant(m.of(ORDERS)), axis=axis, size=3 + m.choose(2))


def picked_along(m):
    t, axis = m.three()
    return mt.take_along_axis(t, along(m.of(ORDERS), t, axis), axis)


def added_along(m):
    t, axis = m.three()
    return registry["add_along_axis"](t, along(m.of(ORDERS), t, axis), axis=axis, shape=t.shape)


def along(order, t, axis):
    """An index for each element of t."""
    shape = [1] * t.ndim
    shape[axis] = 3
    return mt.broadcast_to(mt.reshape(mt.constant(order), shape), t.shape)


def reshape(m):
    t = m.pick()
    return mt.reshape(t, m.of(((-1,), (1, *t.shape), (*t.shape, 1), t.shape[::-1], (3, -1), (-1, 3))))


def size_of(m):
    return registry["size_of"](size=m.pick(lambda t: not isinstance(t.size, int)).size, dtype=np.dtype(m.of(FLOATS)))


def take(m):
    t = m.pick(lambda t: t.ndim)
    return t[tuple(m.of(KEYS) for _ in range(1 + m.choose(t.ndim)))]


def where(m):
    return mt.where(m.pick(lambda t: t.dtype == bool), m.pick(), m.pick())


def transpose(m):
    t = m.pick(lambda t: t.ndim > 1)
    return t.T if m.choose(2) else mt.transpose(t, m.of(list(permutations(range(t.ndim)))))


MAKERS = {
    **{name: over_axes(name) for name in ("all", "any", "max", "min", "prod", "sum")},
    **{name: over_axis(name) for name in ("argmax", "argmin", "cumsum")},
    "add_along_axis": added_along, "add_at": added, "broadcast_to": broadcast, "cast": cast,
    "concatenate": concatenate, "embed": embed, "matmul": matmul, "power": power,
    "fixed_power": lambda m: m.pick(lambda t: t.dtype.kind == "f") ** m.of((0, 3, -1, 0.5, 2.5, -2)),
    "in_range": lambda m: registry["in_range"](mt.constant(m.of(ORDERS)), size=3),
    "iota": lambda m: mt.arange(m.pick(lambda t: t.ndim).shape[0], dtype=m.of(("int64", "float32"))),
    "prod_of_others": lambda m: registry["prod_of_others"](m.pick(lambda t: t.ndim)),
    "random_uniform": lambda m: mt.random_uniform(m.pick().shape, seed=m.choose(9)),
    "reshape": reshape, "rint": lambda m: mt.round(m.pick()),
    "size_of": size_of, "slice": take, "take": picked, "take_along_axis": picked_along,
    "transpose": transpose, "where": where,
}  # fmt: skip
OPERATIONS = sorted(name for name in reserved if name not in LEFT_OUT)


@pytest.fixture(scope="session")
def random_graph():
    """`random_graph(choose)` -> inputs, outputs, updates; an int instead of `choose` is a seed."""

    def make(choose):
        if isinstance(choose, int):
            choose = random.Random(choose).randrange
        maker = Maker(choose)
        for _ in range(5 + choose(36)):
            maker.add()
        if not choose(3):
            maker.differentiate()
        return maker.inputs, maker.outputs(), maker.updates()

    return make


@pytest.fixture(scope="session")
def random_feeds():
    """`random_feeds(inputs, n, seed)` -> arrays with `n` rows, special values among them, read-only."""

    def make(inputs, n, seed):
        values = np.random.default_rng(seed)
        return [_frozen(_values(values, evaluated(t, n), t.dtype)) for t in inputs]

    return make


def evaluated(t, n):
    return tuple(evaluate(size, dict.fromkeys(symbols(size), n)) for size in t.shape)


def _values(values, shape, dtype):
    if dtype.kind == "f":
        usual = values.standard_normal(shape).astype(dtype)
        rare = values.random(shape) < values.choice([0, 0.3])
        return np.where(rare, values.choice(SPECIAL[str(dtype)], shape), usual)
    return values.integers(-3, 4, shape).astype(dtype) if dtype.kind == "i" else values.random(shape) < 0.5


def _frozen(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


@pytest.fixture(scope="session")
def same():
    """`same(got, want)`: equal shape, dtype and bits; any NaN equals any NaN."""

    def check(got, want, message=""):
        assert (got.shape, got.dtype) == (want.shape, want.dtype), message
        np.testing.assert_array_equal(got, want, err_msg=message)
        if got.dtype.kind == "f":
            number = ~np.isnan(want)
            np.testing.assert_array_equal(np.signbit(got)[number], np.signbit(want)[number], err_msg=message)

    return check


@pytest.fixture(params=sorted(EXACT))
def backend(request):
    return request.param
