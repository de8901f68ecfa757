"""Backends agree bit for bit, on every operation, dtype and layout."""

import inspect

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import DTypeError, InputError
from minitorch.graph.tensor import registry, reserved
from minitorch.ops.shape import Range

EXACT = ("interpreter", "numpy")  # the backends that agree in every bit

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]
LEAVES = {"placeholder", "parameter", "variable", "constant"}
CASTS = ("float32", "float64", "bool", "int16", "int64")
KEYS = (np.s_[::-1], np.s_[1:], np.s_[..., ::2], np.s_[..., -1], np.s_[2:0:-1, None])
REDUCTIONS = ("max", "min", "sum", "prod")
AXES = ((None, False), (0, True), (-1, False), ((), True))
ORDER = mt.constant([2, 0, -1])
WITH_ATTRIBUTES = {
    **{name: [lambda x, n=name, a=a, k=k: reduce(n)(x, a, k) for a, k in AXES] for name in REDUCTIONS},
    **{name: [lambda x, n=name, a=a: reduce(n)(x, a) for a in (0, 1)] for name in ("all", "any", "argmax", "argmin")},
    "add_along_axis": [lambda x: registry["add_along_axis"](x, along(x), axis=1, shape=x.shape)],
    "add_at": [lambda x: registry["add_at"](x, ORDER, axis=1, size=4)],
    "broadcast_to": [lambda x: registry["broadcast_to"](x, shape=(2, *x.shape))],
    "cast": [lambda x, d=d: registry["cast"](x, dtype=np.dtype(d)) for d in CASTS],
    "concatenate": [lambda x, y: mt.concatenate([x, y, x], axis=x.ndim - 1)],
    "cumsum": [lambda x, a=a, r=r: registry["cumsum"](x, axis=a, reverse=r) for a in (0, 1) for r in (True, False)],
    "embed": [lambda x: spread(x)],
    "fixed_power": [lambda x, n=n: x ** (n if x.dtype.kind == "f" else abs(n)) for n in (3, -1, 2.5, 0)],
    "in_range": [lambda x: x * registry["in_range"](ORDER, size=3)],
    "iota": [lambda x: registry["iota"](size=x.shape[0], dtype=x.dtype)],
    "matmul": [lambda x, y: x @ mt.transpose(y), lambda x, y: mt.transpose(x) @ y],
    "prod_of_others": [lambda x: registry["prod_of_others"](x)],
    "random_uniform": [lambda x: mt.random_uniform((*x.shape, 2), seed=3)],
    "reshape": [lambda x: mt.reshape(x, -1), lambda x: mt.reshape(x, (1, *x.shape[::-1]))],
    "size_of": [lambda x: registry["size_of"](size=x.shape[0] * 3 + 1, dtype=x.dtype)],
    "slice": [lambda x, k=k: x[k] for k in KEYS],
    "take": [lambda x: mt.take(x, ORDER, 1), lambda x: mt.take(x, [[0], [-1]], 1)],
    "take_along_axis": [lambda x: mt.take_along_axis(x, along(x), 1)],
    "transpose": [lambda x: x.T],
}


def reduce(name):
    return getattr(mt, name)


def along(x):
    """An index for each element of x."""
    return mt.broadcast_to(ORDER, x.shape)


def spread(x):
    """The rows of x, zeros between them."""
    ranges = (Range(1, x.shape[0], 2), *(Range(0, size, 1) for size in x.shape[1:]))
    return registry["embed"](x, ranges=ranges, shape=(2 * x.shape[0] + 1, *x.shape[1:]))


def functions(name):
    op = registry[name]
    if name in WITH_ATTRIBUTES:
        return WITH_ATTRIBUTES[name]
    names = "abc"[: arity(op.kernel)]
    return [eval(f"lambda {', '.join(names)}: op({', '.join(names)})", {"op": op})]


def arity(function):
    if isinstance(function, np.ufunc):
        return function.nin
    return sum(p.default is p.empty for p in inspect.signature(function).parameters.values())


def layouts(array):
    """The same values in memory laid out in every way that NumPy has."""
    yield array
    yield np.asfortranarray(array)
    yield array[::-1][::-1]
    yield np.ascontiguousarray(array[::-1])[::-1]
    yield np.repeat(array, 2, axis=-1)[..., ::2]
    yield np.broadcast_to(array[:1], array.shape)
    shifted = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)  # not aligned
    shifted[...] = array
    yield shifted


def values_of(shape, dtype, seed):
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        limits = np.finfo(dtype)
        special = [np.nan, np.inf, -np.inf, 0.0, -0.0, limits.smallest_subnormal, limits.max, -limits.max]
        usual = random.standard_normal(shape).astype(dtype)
        return np.where(random.random(shape) < 0.3, random.choice(np.array(special, dtype), shape), usual)
    return random.integers(0, 2 if dtype == "bool" else 4, shape).astype(dtype)


def compiled(function, shapes, dtypes):
    """The function as a program on each backend; None where its operands have no meaning."""
    inputs = [mt.placeholder(f"x{i}", s, d) for i, (s, d) in enumerate(zip(shapes, dtypes))]
    try:
        return {name: mt.compile(inputs, function(*inputs), backend=name) for name in EXACT}
    except (mt.errors.DTypeError, mt.errors.ShapeError):
        return None


def check(programs, arrays, same):
    for a in arrays:
        a.flags.writeable = False
    results = {name: program(*arrays) for name, program in programs.items()}
    for name, got in results.items():
        same(got, results["interpreter"], name)


def dtypes_of(name, dtype, count):
    if name == "where":
        return ["bool", dtype, dtype]
    if name == "cast" and dtype.startswith("float"):
        return ["int32"]  # NaN and infinity have no int: what comes of them is up to the processor
    return [dtype] * count


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(reserved - LEAVES))
def test_every_operation_has_the_same_bits_on_every_backend(name, dtype, same):
    for function in functions(name):
        count = arity(function)
        dtypes = dtypes_of(name, dtype, count)
        programs = compiled(function, [("n", 3)] * count, dtypes)
        if programs is None:
            continue
        for n in (5, 1, 3, 40):
            arrays = [values_of((n, 3), d, seed) for seed, d in enumerate(dtypes)]
            try:
                _ = [program(*arrays) for program in programs.values()]
            except InputError:
                continue  # an index that does not exist
            for laid_out in zip(*map(layouts, arrays)):
                check(programs, [a.view() for a in laid_out], same)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(n for n in reserved if registry[n].elementwise))
def test_elementwise_operations_broadcast_the_same_and_take_nothing_at_all(name, dtype, same):
    for function in functions(name):
        count = arity(function)
        dtypes = dtypes_of(name, dtype, count)
        for shapes in (
            [("n", 3)] * 3,
            [()] * 3,
            [("n", 1), (3,), ()],
            [(), ("n", 3), (1, 1)],
            [(3,), ("n", 1), (1, 3)],
        ):
            programs = compiled(function, shapes[:count], dtypes)
            for n in (0, 2) if programs else ():
                sizes = [tuple(n if size == "n" else size for size in shape) for shape in shapes]
                check(programs, [values_of(s, d, i) for i, (s, d) in enumerate(zip(sizes, dtypes))], same)


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_a_condition_that_is_no_bool_is_refused_or_works(dtype):
    """np.where takes any number for a condition; a graph that is built must run."""
    c, x = mt.placeholder("c", (3,), dtype), mt.placeholder("x", (3,))
    try:
        output = mt.where(c, x, 0.0)
    except DTypeError:
        return
    for name in EXACT:
        got = mt.compile([c, x], output, backend=name)(np.array([0, 2, -1], dtype), [1, 2, 3])
        np.testing.assert_array_equal(got, [0, 2, 3])


def test_empty_products_sums_and_joins(same):
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", (3, "m"))
    for output in (
        x @ y,
        mt.sum(x @ y),
        mt.sum(x, 0),
        mt.concatenate([x, x]),
        mt.mean(x),
        y @ mt.transpose(y),
        x.T @ x,
    ):
        inputs = [t for t in (x, y) if t in set(mt.Graph([output]).nodes)]
        programs = {name: mt.compile(inputs, output, backend=name) for name in EXACT}
        for n in (0, 2):
            sizes = {"x": (n, 3), "y": (3, 0)}
            check(programs, [np.ones(sizes[t.name], "f") for t in inputs], same)


def test_batches_of_matrices_and_vectors(same):
    x, y = mt.placeholder("x", ("b", "n", 3)), mt.placeholder("y", (3, 2))
    v = mt.placeholder("v", (3,))
    outputs = [x @ y, x @ v, v @ y, v @ v, mt.transpose(x, (0, 2, 1)) @ x, x[0] @ y, mt.stack([v, v]) @ y]
    programs = {name: mt.compile([x, y, v], outputs, backend=name) for name in EXACT}
    arrays = [np.random.default_rng(i).standard_normal(s).astype("f") for i, s in enumerate([(4, 5, 3), (3, 2), (3,)])]
    wanted = [np.matmul(a, b) for a, b in ((arrays[0], arrays[1]), (arrays[0], arrays[2]), (arrays[2], arrays[1]))]
    for got, want in zip(programs["interpreter"](*arrays), wanted):
        np.testing.assert_allclose(got, want, rtol=1e-6)
    for got, want in zip(programs["numpy"](*arrays), programs["interpreter"](*arrays)):
        same(got, want)


def test_a_backend_that_is_not_there():
    with pytest.raises(ValueError, match="interpreter"):
        mt.compile([], mt.constant(1.0), backend="cuda")
    assert mt.compile([], mt.constant(1.0)).backend in EXACT
    assert mt.compile([], mt.constant(1.0), backend="interpreter").source == ""


def test_dtypes_without_an_order_are_refused_when_the_graph_is_built():
    b = mt.placeholder("b", (3,), "bool")
    for function in (mt.negative, mt.sign, lambda t: t - t):
        with pytest.raises(DTypeError):
            function(b)
