"""Every operation in C against the interpreter: functions of floats within 8 ulp, all else in every bit.

One program holds an operation in all its dtypes and attributes, so that a compiler runs once for each operation.
"""

import inspect

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.c_source.native import native
from minitorch.errors import DTypeError, InputError, ShapeError
from minitorch.graph.tensor import registry, reserved
from minitorch.ops.shape import Range

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")
LEAVES = {"placeholder", "parameter", "variable", "constant"}
CASTS = ("float32", "float64", "bool", "uint8", "int16", "int64")
KEYS = (np.s_[::-1], np.s_[1:], np.s_[..., ::2], np.s_[..., -1], np.s_[2:0:-1, None])
AXES = ((None, False), (0, True), (-1, False), ((), True))
ORDER = mt.constant([2, 0, -1])
SIZES = (3, 7, 64, 1000)
SMALL = (0, 1, 2)


def reductions(name):
    return [lambda x, a=a, k=k: getattr(mt, name)(x, a, k) for a, k in AXES]


def spread(x):
    """The rows of x, zeros between them."""
    ranges = (Range(1, x.shape[0], 2), *(Range(0, size, 1) for size in x.shape[1:]))
    return registry["embed"](x, ranges=ranges, shape=(2 * x.shape[0] + 1, *x.shape[1:]))


def along(x):
    return mt.broadcast_to(ORDER, x.shape)


FUNCTIONS = {
    **{name: reductions(name) for name in ("max", "min", "sum", "prod", "any", "all")},
    **{name: [lambda x, n=name, a=a: getattr(mt, n)(x, a) for a in (0, 1)] for name in ("argmax", "argmin")},
    "add_along_axis": [lambda x: registry["add_along_axis"](x, along(x), axis=1, shape=x.shape)],
    "add_at": [lambda x: registry["add_at"](x, ORDER, axis=1, size=4)],
    "broadcast_to": [lambda x: registry["broadcast_to"](x, shape=(2, *x.shape))],
    "cast": [lambda x, d=d: registry["cast"](x, dtype=np.dtype(d)) for d in CASTS],
    "concatenate": [lambda x, y, a=a: mt.concatenate([x, y, x], axis=a) for a in (0, 1)],
    "cumsum": [lambda x, a=a, r=r: registry["cumsum"](x, axis=a, reverse=r) for a in (0, 1) for r in (True, False)],
    "embed": [spread],
    "fixed_power": [lambda x, n=n: x ** (n if x.dtype.kind == "f" else abs(n)) for n in (3, -1, 2.5, 0)],
    "in_range": [lambda x: x * registry["in_range"](ORDER, size=3)],
    "iota": [lambda x: registry["iota"](size=x.shape[0], dtype=x.dtype)],
    "matmul": [lambda x, y: x @ mt.transpose(y), lambda x, y: mt.transpose(x) @ y],
    "prod_of_others": [lambda x: registry["prod_of_others"](x)],
    "random_uniform": [lambda x: mt.random_uniform((*x.shape, 2), seed=3)],
    "reshape": [lambda x: mt.reshape(x, -1), lambda x: mt.reshape(x, (1, *x.shape[::-1]))],
    "size_of": [lambda x: registry["size_of"](size=x.size, dtype=x.dtype)],
    "slice": [lambda x, k=k: x[k] for k in KEYS],
    "take": [lambda x: mt.take(x, ORDER, 1), lambda x: mt.take(x, [[0], [-1]], 1)],
    "take_along_axis": [lambda x: mt.take_along_axis(x, along(x), 1)],
    "transpose": [lambda x: x.T],
    "where": [lambda x, y: mt.where(mt.cast(x, "bool"), x, y)],
}  # fmt: skip

LAYOUTS = (
    lambda a: a,
    np.asfortranarray,
    lambda a: np.ascontiguousarray(a[::-1])[::-1],
    lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    lambda a: np.broadcast_to(a[:1], a.shape),
    lambda a: unaligned(a),
)


def unaligned(array):
    shifted = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    shifted[...] = array
    return shifted


def functions(name):
    """What to call on operands, each with as many as it takes."""
    op = registry[name]
    if name in FUNCTIONS:
        return [(f, count_of(f)) for f in FUNCTIONS[name]]
    return [(op, op.kernel.nin if isinstance(op.kernel, np.ufunc) else count_of(op.kernel))]


def count_of(function):
    return sum(p.default is p.empty for p in inspect.signature(function).parameters.values())


def values_of(shape, dtype, seed):
    """Numbers, special ones among the floats; no int that a power or a cast makes nonsense of."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind != "f":
        return random.integers(0, 2 if dtype == "bool" else 4, shape).astype(dtype)
    info = np.finfo(dtype)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, info.smallest_subnormal, info.max, -info.max], dtype)
    usual = (3 * random.standard_normal(shape)).astype(dtype)
    return np.where(random.random(shape) < 0.2, random.choice(special, shape), usual)


def program_of(name, shapes, backends=("interpreter", "c")):
    """All uses of an operation on operands of these shapes, and the dtypes of the inputs, by backend."""
    inputs, outputs = [], []
    for dtype in DTYPES:
        if name == "cast" and dtype.startswith("float"):
            continue  # NaN has no int
        if name in ("size_of", "iota") and np.dtype(dtype).itemsize == 1:
            continue  # 1000 has no int of 8 bits
        operands = [mt.placeholder(f"{dtype}{i}", s, dtype) for i, s in enumerate(shapes)]
        made = [t for f, count in functions(name) if (t := attempt(f, operands[:count])) is not None]
        inputs += operands if made else []
        outputs += made
    return inputs, {b: mt.compile(inputs, outputs, backend=b) for b in backends if outputs}


def attempt(function, operands):
    try:
        return function(*operands)
    except (DTypeError, ShapeError):
        return None


def close(got, want, what, ulps=8):
    """Equal in shape, dtype, NaN, infinities and signs of zero, and to some units in the last place; ints in all."""
    assert (got.shape, got.dtype) == (want.shape, want.dtype), what
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, what)
        return
    number = np.isfinite(want)
    np.testing.assert_array_equal(got[~number], want[~number], what)
    exact = want[number].astype("longdouble")
    unit = np.maximum(np.abs(exact) * np.finfo(want.dtype).eps, np.finfo(want.dtype).smallest_subnormal)
    assert not np.any(np.abs(got[number] - exact) > ulps * unit), f"{what}: {got} is not {want}"
    zero = want == 0
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]), what)


EXACT_FLOATS = {
    "abs", "add", "argmax", "argmin", "broadcast_to", "cast", "ceil", "clip", "concatenate", "copy", "divide", "embed",
    "equal", "floor", "greater", "in_range", "iota", "less", "max", "maximum", "min", "minimum", "multiply", "negative",
    "random_uniform", "reciprocal", "relu", "reshape", "rint", "sign", "slice", "sqrt", "square", "subtract", "take",
    "take_along_axis", "transpose", "trunc", "where",
}  # fmt: skip


LACKING = {
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cos", "cosh", "erf", "log10", "log2",
    "random_uniform", "sin", "sinh", "tan", "power", "fixed_power",
}  # fmt: skip
"""What NumPy may compute in programs of C; of powers those of ints, which may raise."""


SUMS = ("add_along_axis", "add_at", "bernoulli_loss", "cumsum", "matmul", "prod", "prod_of_others", "sum")


def agree(name, inputs, programs, arrays):
    for a in arrays:
        a.flags.writeable = False
    wanted, got = (called(programs[backend], arrays) for backend in ("interpreter", "c"))
    for g, w, node in zip(got, wanted, programs["c"].outputs, strict=True):
        if name in SUMS:
            sums_agree(g, w, node.describe())
        else:
            close(g, w, node.describe(), 0 if name in EXACT_FLOATS else 8)


def called(program, arrays):
    for counter in program.updates:
        counter.data = 0  # random numbers start anew
    return program(*arrays)


def sums_agree(got, want, what):
    """Sums in another order; there NaN may come of infinities that meet, or of sums that overflow on the way."""
    assert (got.shape, got.dtype) == (want.shape, want.dtype), what
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, what)
        return
    usual = np.isfinite(want) & np.isfinite(got)
    np.testing.assert_allclose(got[usual], want[usual], rtol=1e-4, atol=np.finfo(got.dtype).max * 1e-6)


def tame(arrays):
    """The same arrays without what is not finite, or so large that sums of it overflow."""
    return [np.where(np.isfinite(a) & (np.abs(a) < 100), a, 1).astype(a.dtype) if a.dtype.kind == "f" else a
            for a in arrays]  # fmt: skip


@pytest.mark.parametrize("name", sorted(reserved - LEAVES))
def test_every_operation(name):
    inputs, programs = program_of(name, [("n", 3)] * 3)
    assert programs, "an operation that nothing can be given to"
    falls_back = any(not native(node) for node in programs["c"].graph.nodes if not node.op.view)
    assert ("by NumPy" in str(programs["c"].plan)) == falls_back
    assert not falls_back or name in LACKING
    called = 0
    for n in (*SIZES, *SMALL):
        arrays = [values_of((n, 3), t.dtype.name, seed) for seed, t in enumerate(inputs)]
        for layout in LAYOUTS if n in (3, 7, 0) else LAYOUTS[:1]:
            try:
                agree(name, inputs, programs, [layout(a).view() for a in arrays])
            except InputError:
                assert n in SMALL, "an index that exists"
            called += 1
    assert called == 3 * 7 + 4


@pytest.mark.parametrize("name", SUMS)
def test_sums_and_products_of_usual_numbers(name):
    inputs, programs = program_of(name, [("n", 3)] * 3)
    for n in (1, 2, 3, 7, 64, 1000):
        arrays = tame([values_of((n, 3), t.dtype.name, seed) for seed, t in enumerate(inputs)])
        for got, want in zip(programs["c"](*arrays), programs["interpreter"](*arrays), strict=True):
            assert got.dtype == want.dtype
            eps = np.finfo(got.dtype).eps if got.dtype.kind == "f" else 0
            largest = float(np.abs(want).max(initial=1.0, where=np.isfinite(want)))
            np.testing.assert_allclose(got, want, rtol=100 * eps, atol=100 * eps * min(largest, 1e4))


BROADCAST = (
    [()] * 3, [("n", 1), (3,), ()], [(), ("n", 3), (1, 1)], [(3,), ("n", 1), (1, 3)], [("n", 1, 3), ("m", 1), ("m", 3)],
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(n for n in reserved if registry[n].elementwise and functions(n)[0][1] > 1))
def test_operands_stretch(name):
    for shapes in BROADCAST:
        inputs, programs = program_of(name, shapes)
        for n, m in ((0, 2), (2, 0), (2, 5), (1, 1)) if programs else ():
            sizes = [tuple({"n": n, "m": m}.get(str(s), s) for s in t.shape) for t in inputs]
            agree(name, inputs, programs, [values_of(s, t.dtype.name, 3 * n + i)
                for i, (s, t) in enumerate(zip(sizes, inputs))])  # fmt: skip
