"""Every elementwise row on every dtype, and every row on arrays that lie in memory in all ways that NumPy has."""

import inspect
import math

import numpy as np
import pytest

import minitorch as mt
from minitorch.graph.tensor import registry, reserved
from minitorch.graph.types import SHORT

DTYPES = [str(dtype) for dtype in SHORT]
VALUES = {
    "float32": [0.5, 1.5, 2.0, -3.0],
    "float64": [0.5, 1.5, 2.0, -3.0],
    "bool": [True, False, True, True],
    "uint8": [1, 2, 0, 80],
}
REFERENCES = {
    "relu": lambda x: np.where(x > 0, x, 0), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0), "copy": lambda x: x,
    "erf": np.vectorize(math.erf, otypes=["float64"]), "in_training": lambda a, b: b,
    "bernoulli_loss": lambda p, t: -(t * np.maximum(np.log(p), -100) + (1 - t) * np.maximum(np.log1p(-p), -100)),
}  # fmt: skip


def elementwise_rows(operands):
    """The rows that work element by element on that many operands, attributes aside."""
    found = []
    for name in sorted(reserved):
        op = registry[name]
        parameters = None if isinstance(op.kernel, np.ufunc) else inspect.signature(op.kernel).parameters.values()
        count = op.kernel.nin if parameters is None else sum(p.default is p.empty for p in parameters)
        if op.elementwise and count == operands and name not in ("cast", "fixed_power"):
            found.append(name)
    return found


UNARY, BINARY = elementwise_rows(1), elementwise_rows(2)


def operand(dtype, which=0):
    return np.array(VALUES.get(dtype, [1, 2, 0, 5])[which:] + VALUES.get(dtype, [1, 2, 0, 5])[:which]).astype(dtype)


def expected(name, arrays):
    """What NumPy has for the rows that exist there, in float64 where floats come out."""
    function = REFERENCES.get(name) or getattr(np, name)
    with np.errstate(all="ignore"):
        return np.asarray(function(*[a.astype("float64") if a.dtype == "float32" else a for a in arrays]))


def accepted(name, *operands):
    """The node; None where bools are refused, by an error that names the operation and the operand."""
    if operands[0].dtype != bool:
        return registry[name](*operands)
    try:
        return registry[name](*operands)
    except TypeError as error:
        message = str(error)
    assert all(word in message for word in (name, "mask bool[n]", "test_layouts.py")), message
    return None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_a_row_takes_a_dtype_or_refuses_it_when_the_graph_is_built(name, dtype, both):
    x = mt.placeholder("mask", ("n",), dtype)
    made = accepted(name, x)
    if made is None:
        return
    a = operand(dtype)
    (got,) = both([made], {x: a})
    assert got.dtype == made.dtype
    want = expected(name, [a.astype("float64") if made.dtype.kind == "f" else a])
    np.testing.assert_allclose(got, want.astype(got.dtype), rtol=2e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_so_does_a_row_of_two_operands(name, dtype, both):
    x, y = mt.placeholder("mask", ("n",), dtype), mt.placeholder("other", ("n",), dtype)
    made = accepted(name, x, y)
    if made is None:
        return
    a, b = operand(dtype), operand(dtype, 1)
    (got,) = both([made], {x: a, y: b})
    assert got.dtype == made.dtype
    if made.dtype.kind == "f":
        a, b = a.astype("float64"), b.astype("float64")
    np.testing.assert_allclose(got, expected(name, [a, b]).astype(got.dtype), rtol=2e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name", ["sum", "max", "mean", "min", "prod", "any", "all", "argmax", "argmin", "cumsum", "var"]
)
@pytest.mark.parametrize("stored", [False, True])
def test_reductions_of_every_dtype(name, dtype, stored, both):
    a = operand(dtype).reshape(2, 2)
    x = mt.constant(a) if stored else mt.placeholder("x", ("n", 2), dtype)
    (got,) = both([getattr(mt, name)(x, axis=0)], {} if stored else {x: a})
    want = getattr(np, name)(a.astype("float64") if dtype == "float32" else a, axis=0)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    floats = dtype if dtype.startswith("float") else "float32"
    kinds = {
        "max": dtype,
        "min": dtype,
        "mean": floats,
        "var": floats,
        "any": "bool",
        "all": "bool",
        "argmax": "int64",
        "argmin": "int64",
    }
    assert got.dtype == kinds.get(name, dtype if dtype.startswith("float") else "int64")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "make",
    [
        lambda t: t.T, lambda t: t.reshape(-1), lambda t: t[::-1, 1:], lambda t: mt.concatenate([t, t], 1),
        lambda t: mt.broadcast_to(t, (2, 2, 2)),
        lambda t: mt.where(t > 0, t, t), lambda t: mt.clip(t, t, t), lambda t: mt.stop_gradient(t) + t,
        lambda t: t.astype("int64") @ t.astype("int64"),
        lambda t: mt.stack([t, t]),
    ],
)  # fmt: skip
def test_moves_and_choices_of_every_dtype(make, dtype, both):
    x, a = mt.placeholder("x", (2, 2), dtype), operand(dtype).reshape(2, 2)
    made = make(x)
    (got,) = both([made], {x: a})
    assert got.dtype == made.dtype
    assert got.dtype in (np.dtype(dtype), np.dtype("int64"))
    assert got.shape == made.shape


@pytest.mark.parametrize(("source", "target"), [(s, t) for s in DTYPES for t in DTYPES])
def test_casts_are_those_of_numpy(source, target, both):
    x, a = mt.placeholder("x", (4,), source), np.abs(operand(source))
    (got,) = both([mt.cast(x, target)], {x: a})
    assert got.dtype == target
    np.testing.assert_array_equal(got, a.astype(target))


# ---- layouts ----


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def with_gaps(a):
    wide = np.full([2 * n for n in a.shape], 77, a.dtype)
    wide[tuple(slice(None, None, 2) for _ in a.shape)] = a
    return wide[tuple(slice(None, None, 2) for _ in a.shape)]


def off_by_a_byte(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)[1:]
    raw[:] = np.frombuffer(a.tobytes(), np.uint8)
    return raw.view(a.dtype).reshape(a.shape)


LAYOUTS = {
    "as it is": lambda a: a, "columns first": lambda a: np.asfortranarray(a), "read-only": read_only,
    "with gaps": with_gaps,
    "backwards": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "upside down": lambda a: np.ascontiguousarray(a[::-1])[::-1] if a.ndim else a,
    "transposed": lambda a: np.ascontiguousarray(a.T).T, "swapped bytes": lambda a: a.astype(a.dtype.newbyteorder()),
    "a list": lambda a: a.tolist(),
    "not aligned": off_by_a_byte, "a subclass": lambda a: a.view(np.recarray) if a.ndim else a,
    "part of more": lambda a: np.stack([a, a * 0], axis=-1)[..., 0],
}  # fmt: skip
SHAPES = [
    ((2, 3), (2, 3)), ((), ()), ((), (2, 3)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((1,), (3,)), ((1, 1), (2, 3)),
    ((0,), (0,)), ((0, 3), (3,)),
    ((2, 0), (1,)), ((1, 0), (2, 1)), ((2, 1, 3), (4, 1)), ((1, 2, 1, 2), (3, 1, 2, 1)),
]  # fmt: skip
PROGRAM_ROWS = [
    "add",
    "subtract",
    "divide",
    "maximum",
    "where",
    "clip",
    "concatenate",
    "matmul",
    "sum",
    "max",
    "transpose",
    "reshape",
    "slice",
    "tanh",
]


def build(name, x, y):
    match name:
        case "where":
            return mt.where(x > 0, y, x)
        case "clip":
            return mt.clip(x, y - 1, y)
        case "concatenate":
            return mt.concatenate([x, y, x], axis=1)
        case "matmul":
            return x @ y.T
        case "sum" | "max":
            return getattr(mt, name)(x * y, axis=0) + x[0] + getattr(mt, name)(x, axis=1).reshape(-1, 1)
        case "transpose":
            return x.T + mt.transpose(y, (1, 0))
        case "reshape":
            return x.reshape(-1) - y.T.reshape(-1)
        case "slice":
            return x[::-1, 1:] * y[:, ::-2]
        case "tanh":
            return mt.tanh(x) * mt.exp(y) + mt.relu(x)
    return registry[name](x, y)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PROGRAM_ROWS)
def test_the_layout_of_an_array_changes_no_bit(name, layout, both):
    a, b = np.random.default_rng(0).standard_normal((2, 4, 3))
    x, y = mt.placeholder("x", ("n", 3), "float64"), mt.placeholder("y", ("n", 3), "float64")
    out = build(name, x, y)
    gradients = mt.grad((out * out).sum(), [x, y]) if name != "add" else []
    want = both([out, *gradients], {x: a, y: b})
    laid = LAYOUTS[layout](a), LAYOUTS[layout](b)
    got = both([out, *gradients], {x: laid[0], y: laid[1]})
    for g, w in zip(got, want):
        np.testing.assert_array_equal(g, w) if name != "matmul" else np.testing.assert_allclose(g, w, rtol=1e-13)
    np.testing.assert_array_equal(np.asarray(laid[0], "float64"), a)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "power", "less", "where"])
def test_shapes_broadcast_both_ways_and_gradients_sum_back(name, shapes, both):
    random = np.random.default_rng(0)
    for left, right in (shapes, shapes[::-1]):
        a, b = random.uniform(0.5, 2, left), random.uniform(2.1, 3, right)
        x, y = mt.placeholder("x", left, "float64"), mt.placeholder("y", right, "float64")
        out = mt.where(x < 1, x, y) if name == "where" else registry[name](x, y)
        want = np.where(a < 1, a, b) if name == "where" else (REFERENCES.get(name) or getattr(np, name))(a, b)
        (got,) = both([out], {x: a, y: b})
        np.testing.assert_allclose(got, want, rtol=1e-14)
        assert got.shape == np.broadcast_shapes(left, right)
        if name == "multiply":
            gx, gy = both(mt.grad(out.sum(), [x, y]), {x: a, y: b})
            np.testing.assert_allclose(gx, summed(np.broadcast_to(b, got.shape), left), rtol=1e-14)
            np.testing.assert_allclose(gy, summed(np.broadcast_to(a, got.shape), right), rtol=1e-14)


def summed(g, shape):
    """The sum over every axis along which an array of that shape was stretched."""
    result = np.zeros(shape)
    for index in np.ndindex(g.shape):
        own = tuple(i if n != 1 else 0 for i, n in zip(index[len(index) - len(shape) :], shape))
        result[own] += g[index]
    return result


@pytest.mark.parametrize("name", [name for name in BINARY if hasattr(np, name) and "logical" not in name])
def test_the_same_tensor_twice(name, both):
    a = np.array([0.5, 1.5, 2.5])
    x = mt.placeholder("x", ("n",), "float64")
    (got,) = both([registry[name](x, x)], {x: a})
    np.testing.assert_allclose(got, (REFERENCES.get(name) or getattr(np, name))(a, a))
    if registry[name].gradient is not None:
        (got,) = both([mt.grad(registry[name](x, x).sum(), x)], {x: a})
        slope = {
            "add": 2,
            "multiply": 2 * a,
            "divide": 0,
            "maximum": 1,
            "minimum": 1,
            "power": a**a * (np.log(a) + 1),
            "subtract": 0,
            "mod": 0,
            "floor_divide": 0,
            "arctan2": 0,
        }[name]
        np.testing.assert_allclose(got, np.broadcast_to(slope, 3), rtol=1e-13, atol=1e-15)
