"""Every row of the registry: values against NumPy, slopes against finite differences to second order, both backends."""

import inspect
import math

import numpy as np
import pytest

import minitorch as mt
from minitorch import ops
from minitorch.errors import InputError
from minitorch.graph.tensor import registry, reserved
from minitorch.ops.shape import Range

LEAVES = {"placeholder", "parameter", "variable", "constant"}


def spread(*shape, low=0.3, high=2.0, signs=True, seed=0):
    """Numbers far from 0, from each other and from the kinks of all operations, of both signs unless told otherwise."""
    count = int(np.prod(shape))
    random = np.random.default_rng(seed)
    values = random.permutation(np.linspace(low, high + seed / 61, max(count, 2))[:count])
    return (values * random.choice([-1, 1], count) if signs else values).reshape(shape)


A, B, ROW, COLUMN = (
    spread(2, 3),
    spread(2, 3, seed=1, low=0.35),
    spread(3, seed=2, low=0.41),
    spread(2, 1, seed=3, low=0.47),
)
POSITIVE, SCALAR = spread(2, 3, signs=False), np.array(0.73)
MASK = np.array([[True, False, True], [False, False, True]])
UNIT, ABOVE_ONE, CUBE = A / 2.1, POSITIVE + 1, spread(2, 3, 2)
PROBABILITY = POSITIVE / 2.3
PLACES, COLUMNS = np.array([[2, 0], [-1, 0]]), np.array([[2, 0], [1, 1]])
ZEROS = np.array([[0.5, 0.0, -1.5], [0.0, 0.0, 2.0]])
CORNER = (Range(1, 1, 1), Range(2, 2, -2))  # x[1:, 2::-2]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def embedded(x):
    zeros = np.zeros((3, 4))
    zeros[1:, 2::-2] = x
    return zeros


def window(x):
    return x[1:, 2::-2]


def added_at(g):
    zeros = np.zeros((3, 2))
    np.add.at(zeros, PLACES, g)
    return zeros


def added_along(g):
    zeros = np.zeros((2, 3))
    np.add.at(zeros, (np.arange(2)[:, None], COLUMNS), g)
    return zeros


def others(x):
    return np.array([[np.prod(np.delete(row, i)) for i in range(len(row))] for row in x])


# For each row: what to call, the same in NumPy, and operands.
SAMPLES = {
    "add": [(ops.add, np.add, (A, ROW)), (ops.add, np.add, (COLUMN, ROW)), (ops.add, np.add, (SCALAR, A))],
    "subtract": [(ops.subtract, np.subtract, (A, ROW)), (ops.subtract, np.subtract, (COLUMN, A))],
    "multiply": [(ops.multiply, np.multiply, (A, B)), (ops.multiply, np.multiply, (COLUMN, ROW))],
    "divide": [(ops.divide, np.divide, operands) for operands in ((A, B), (SCALAR, ROW), (COLUMN, A))],
    "power": [(ops.power, np.power, (POSITIVE, B)), (ops.power, np.power, (POSITIVE, ROW))],
    "fixed_power": [
        (lambda x, e=e: registry["fixed_power"](x, exponent=e), lambda x, e=e: x**e, (x,))
        for e,
        x in ((3, A), (-1, A), (-2, A), (0, A), (0.5, POSITIVE), (2.5, POSITIVE), (-0.3, POSITIVE), (1, A), (2, A))
    ],
    "maximum": [(ops.maximum, np.maximum, (A, B)), (ops.maximum, np.maximum, (COLUMN, ROW))],
    "minimum": [(ops.minimum, np.minimum, (A, B)), (ops.minimum, np.minimum, (A, ROW))],
    "where": [(lambda a, b: ops.where(mt.constant(MASK), a, b), lambda a, b: np.where(MASK, a, b), (A, ROW))],
    "clip": [
        (ops.clip, np.clip, (A, np.array(-0.5), np.array(0.6))), (ops.clip, np.clip, (A, ROW - 3, ROW)),
        (ops.clip, np.clip, (A, ROW, ROW + 0.2)),
    ],
    "cast": [(lambda x: ops.cast(x, dtype=np.dtype("float64")), lambda x: x, (A,))],
    "sum": [
        (lambda x, a=a, k=k: ops.sum(x, axis=a, keepdims=k), lambda x, a=a, k=k: x.sum(a, keepdims=k), (CUBE,))
        for a in ((0,), (1, 2), (0, 1, 2), ()) for k in (False, True)
    ],
    **{
        name: [
            (
                lambda x, a=a, k=k, f=name: getattr(ops, f)(x, axis=a, keepdims=k),
                lambda x, a=a, k=k, f=name: getattr(np, f)(x, a, keepdims=k), (CUBE,),
            )
            for a in ((0,), (1, 2), (0, 1, 2)) for k in (False, True)
        ] for name in ("max", "min")
    },
    "prod": [
        (lambda x, a=a, k=k: ops.prod(x, axis=a, keepdims=k), lambda x, a=a, k=k: x.prod(a, keepdims=k), (x,))
        for a in ((0,), (1,)) for k in (False, True) for x in (CUBE, ZEROS)
    ],
    "prod_of_others": [(ops.prod_of_others, others, (x,)) for x in (A, ZEROS, COLUMN, spread(1, 2))],
    "cumsum": [
        (lambda x, a=a: ops.cumsum(x, axis=a, reverse=False), lambda x, a=a: np.cumsum(x, a), (CUBE,))
        for a in (0, 1, 2)
    ] + [(lambda x: ops.cumsum(x, axis=1, reverse=True), lambda x: np.cumsum(x[:, ::-1], 1)[:, ::-1], (A,))],
    "take": [
        (lambda x, a=a: ops.take(x, mt.constant(PLACES), axis=a), lambda x, a=a: np.take(x, PLACES, a), (x,))
        for x, a in ((spread(3, 2), 0), (A, 1), (CUBE, 1))
    ],
    "add_at": [(lambda g: ops.add_at(g, mt.constant(PLACES), axis=0, size=3), added_at, (spread(2, 2, 2),))],
    "take_along_axis": [(
        lambda x: ops.take_along_axis(x, mt.constant(COLUMNS), axis=1), lambda x: np.take_along_axis(x, COLUMNS, 1),
        (A,),
    )],
    "add_along_axis": [(
        lambda g: ops.add_along_axis(g, mt.constant(COLUMNS), axis=1, shape=(2, 3)), added_along, (spread(2, 2),),
    )],
    "matmul": [
        (ops.matmul, np.matmul, shapes) for shapes in (
            (A, spread(3, 4)), (spread(2, 1, 2, 3), spread(3, 3, 2)), (spread(1, 3), spread(3, 1)),
            (spread(3, 1), spread(1, 2)),
            (spread(2, 2, 3), spread(2, 3, 1)),
        )
    ],
    "transpose": [
        (lambda x, a=a: ops.transpose(x, axes=a), lambda x, a=a: x.transpose(a), (CUBE,))
        for a in ((2, 0, 1), (0, 1, 2), (1, 0, 2))
    ],
    "reshape": [
        (lambda x, s=s: ops.reshape(x, shape=s), lambda x, s=s: x.reshape(s), (A,))
        for s in ((6,), (3, 2), (1, 2, 3, 1))
    ],
    "broadcast_to": [
        (lambda x, s=s: ops.broadcast_to(x, shape=s), lambda x, s=s: np.broadcast_to(x, s), (x,))
        for x, s in ((ROW, (2, 3)), (COLUMN, (2, 2, 3)), (SCALAR, (2,)), (A, (2, 3)))
    ],
    "concatenate": [
        (lambda *xs, i=i: ops.concatenate(*xs, axis=i), lambda *xs, i=i: np.concatenate(xs, i), xs)
        for i, xs in ((0, (A, COLUMN @ ROW[None])), (1, (A, COLUMN, B)), (0, (A,)))
    ],
    "slice": [
        (lambda x: ops.slice(x, ranges=CORNER), window, (spread(2, 4),)),
        (lambda x: ops.slice(x, ranges=CORNER[1:]), lambda x: x[2::-2], (ROW,)),
    ],
    "embed": [(
        lambda x: ops.embed(x, ranges=(Range(1, 2, 1), Range(2, 2, -2)), shape=(3, 4)), embedded, (spread(2, 2),),
    )],
    "sigmoid": [(ops.sigmoid, sigmoid, (A,)), (ops.sigmoid, sigmoid, (SCALAR,))],
    "softplus": [(ops.softplus, lambda x: np.log1p(np.exp(x)), (A,))],
    "relu": [(ops.relu, lambda x: np.where(x > 0, x, 0), (A,)), (ops.relu, lambda x: np.where(x > 0, x, 0), (SCALAR,))],
    "copy": [(ops.copy, lambda x: x, (A,))],
    **{
        name: [(getattr(ops, name), getattr(np, name), (operand,))]
        for operand, names in (
            (POSITIVE, ("log", "log2", "log10", "log1p", "sqrt")),
            (UNIT, ("arcsin", "arccos", "arctanh", "floor", "ceil", "trunc", "rint")),
        ) for name in names
    },
    "arccosh": [(ops.arccosh, np.arccosh, (ABOVE_ONE,))],
    "arctan2": [(ops.arctan2, np.arctan2, (A, B)), (ops.arctan2, np.arctan2, (COLUMN, ROW))],
    "erf": [(ops.erf, np.vectorize(math.erf), (A,)), (ops.erf, np.vectorize(math.erf), (SCALAR,))],
    "mod": [(ops.mod, np.mod, (A, B)), (ops.mod, np.mod, (COLUMN, ROW))],
    "floor_divide": [(ops.floor_divide, np.floor_divide, (A, B))],
    "bernoulli_loss": [
        (ops.bernoulli_loss, lambda p, t: -t * np.log(p) - (1 - t) * np.log1p(-p), (PROBABILITY, target))
        for target in (spread(2, 3, seed=6, low=0.0, high=0.9, signs=False), ROW)
    ],
    "in_training": [(ops.in_training, lambda a, b: b, (A, B))],
}  # fmt: skip


def differentiable():
    """The names of all rows that have a gradient."""
    return sorted(name for name, op in registry.items() if op.gradient is not None)


def samples_of(op):
    """The samples of a row; for one that works element by element on one operand NumPy's function or its own kernel."""
    if op.name in SAMPLES:
        return SAMPLES[op.name]
    if not op.elementwise or operand_count(op) != 1:
        raise LookupError(f"the row {op.name!r} has a gradient but no sample: add one to SAMPLES")
    reference = getattr(np, op.name, op.kernel)
    return [(op, reference, (A,)), (op, reference, (SCALAR,)), (op, reference, (np.zeros((0, 3)),))]


def operand_count(op):
    if isinstance(op.kernel, np.ufunc):
        return op.kernel.nin
    return sum(p.default is p.empty for p in inspect.signature(op.kernel).parameters.values())


# ---- the checks; each takes a row ----


def check_values(op, both, dtype):
    for make, reference, arrays in samples_of(op):
        arrays = [a.astype(dtype) for a in arrays]
        xs = [mt.placeholder(f"x{i}", a.shape, dtype) for i, a in enumerate(arrays)]
        (got,) = both([make(*xs)], dict(zip(xs, arrays)))
        want = reference(*[a.astype("float64") for a in arrays])
        assert (got.shape, got.dtype) == (want.shape, make(*xs).dtype), op.name
        if op.name != "cast":
            assert got.dtype == dtype, op.name
        np.testing.assert_allclose(
            got, want, rtol=3e-6 if dtype == "float32" else 1e-13, atol=1e-7 if dtype == "float32" else 1e-14
        )


def check_gradients(op, both, slopes):
    """Reverse mode, twice, and forward mode against central differences in float64."""
    for make, _, arrays in samples_of(op):
        xs = [mt.placeholder(f"x{i}", a.shape, "float64") for i, a in enumerate(arrays)]
        out = make(*xs)
        weights = [spread(*a.shape, seed=7 + i) for i, a in enumerate((np.empty(out.shape), *arrays))]
        loss = (out * weights[0]).sum()
        first = mt.vjp([out], xs, [weights[0]])
        check_slopes(loss, xs, first, arrays, both, slopes, f"{op.name}, first order")
        scalar = sum((g * w).sum() for g, w in zip(first, weights[1:])) + sum(0 * x.sum() for x in xs)
        second = mt.grad(scalar, xs)
        check_slopes(scalar, xs, second, arrays, both, slopes, f"{op.name}, second order")
        check_forward(out, xs, arrays, weights[1:], both, op.name)


def check_slopes(loss, xs, gradients, arrays, both, slopes, what):
    got = both(gradients, dict(zip(xs, arrays)))
    program = mt.compile(xs, loss, backend="interpreter")
    for i, g in enumerate(got):
        assert (g.shape, g.dtype) == (arrays[i].shape, np.float64), what
        np.testing.assert_allclose(g, slopes(program, arrays, i), rtol=1e-6, atol=1e-8, err_msg=f"{what}, operand {i}")


def check_forward(out, xs, arrays, directions, both, what, step=1e-6):
    (got,) = both(mt.jvp([out], xs, directions), dict(zip(xs, arrays)))
    program = mt.compile(xs, out, backend="interpreter")
    ahead, behind = (program(*[a + h * d for a, d in zip(arrays, directions)]) for h in (step, -step))
    assert got.shape == ahead.shape
    np.testing.assert_allclose(
        got, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8, err_msg=f"{what}, forward mode"
    )


def check_float32_gradients(op, both):
    """In float32 they are those of float64 to single precision, and float32 themselves."""
    for make, _, arrays in samples_of(op):
        found = []
        for dtype in ("float32", "float64"):
            xs = [mt.placeholder(f"x{i}", a.shape, dtype) for i, a in enumerate(arrays)]
            out = make(*xs)
            gradients = mt.vjp([out], xs, [spread(*out.shape, seed=7)])
            assert all(g.dtype == dtype and g.shape == x.shape for g, x in zip(gradients, xs)), op.name
            found.append(both(gradients, {x: a.astype("float32").astype(dtype) for x, a in zip(xs, arrays)}))
        for single, double in zip(*found):
            np.testing.assert_allclose(single, double, rtol=2e-5, atol=2e-6, err_msg=op.name)


# ---- the tests ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", differentiable())
def test_values(name, dtype, both):
    check_values(registry[name], both, dtype)


@pytest.mark.parametrize("name", differentiable())
def test_gradients(name, both, slopes):
    check_gradients(registry[name], both, slopes)


@pytest.mark.parametrize("name", differentiable())
def test_float32_gradients(name, both):
    check_float32_gradients(registry[name], both)


def test_the_registry_is_what_is_tested():
    assert {"add", "matmul", "sum", "max", "slice", "where", "tanh", "concatenate", "cast", "power", "reshape"} <= set(
        differentiable()
    )
    for name in differentiable():
        assert samples_of(registry[name]), name


def test_rows_without_a_gradient_are_those_of_logic_and_shape():
    without = {name for name in reserved if registry[name].gradient is None} - LEAVES
    assert without == {
        "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
        "logical_xor", "logical_not",
        "isnan", "isinf", "isfinite", "all", "any", "argmax", "argmin", "in_range", "iota", "size_of",
        "random_uniform", "stop_gradient",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_comparison_and_logic(name, dtype, both):
    x, y = mt.placeholder("x", (5,), dtype), mt.placeholder("y", (5,), dtype)
    a, b = np.array([0, 1, 2, 0, 1]).astype(dtype), np.array([0, 0, 1, 3, 1]).astype(dtype)
    (got,) = both([registry[name](x, y)], {x: a, y: b})
    assert got.dtype == bool
    np.testing.assert_array_equal(got, getattr(np, name)(a, b))
    (got,) = both([mt.logical_not(x)], {x: a})
    np.testing.assert_array_equal(got, np.logical_not(a))


# ---- a row that is added is found, runs everywhere, and is held to the same ----


def test_an_added_row_is_one_line_and_is_tested_like_the_others(added_rows, both, slopes):
    cubed = mt.ops.elementwise(
        "cubed", lambda x, out=None: np.power(x, 3, out=out), lambda g, y, x: (g * 3 * mt.square(x),)
    )
    assert "cubed" in differentiable()
    check_values(cubed, both, "float32")
    check_gradients(cubed, both, slopes)
    check_float32_gradients(cubed, both)
    x = mt.placeholder("x", ("n",))
    program = mt.compile([x], cubed(x).sum())
    assert float(program([1, 2])) == 9.0
    assert "cubed(x)" in str(program.graph)
    assert "cubed" in program.source


def test_an_added_row_may_have_a_kernel_without_out(added_rows, both, slopes):
    row = mt.ops.elementwise("reversed_sign", lambda x: 0 - x, lambda g, y, x: (-g,))
    check_values(row, both, "float64")
    check_gradients(row, both, slopes)


def test_an_added_row_may_have_a_kernel_that_takes_any_number_of_arguments(added_rows, both):
    gamma = mt.ops.elementwise("gamma", np.vectorize(math.gamma, otypes=["float64"]))
    x = mt.placeholder("x", ("n",), "float64")
    assert both([gamma(x)], {x: [1.0, 4.0]})[0].tolist() == [1, 6]


def test_an_added_row_may_have_attributes_with_defaults(added_rows, both):
    leaky = mt.ops.elementwise("leaky", lambda x, slope=0.5: np.where(x > 0, x, slope * x), None)
    x = mt.placeholder("x", ("n",), "float64")
    got, steeper = both([leaky(x), leaky(x, slope=3.0)], {x: [1.0, -4.0]})
    assert (got.tolist(), steeper.tolist()) == ([1, -2], [1, -12])


@pytest.mark.parametrize(
    "rule", [lambda g, y, x: g, lambda g, y, x: (g, g), lambda g, y, x: (), lambda g, x: (g,), lambda g, y, x: None]
)
def test_a_gradient_rule_that_does_not_fit_its_row_is_named(rule, added_rows):
    row = mt.ops.elementwise("my_row", np.sin, rule)
    x = mt.placeholder("x", ("n",))
    with pytest.raises((ValueError, TypeError), match=r"(?s)my_row.*gradient|gradient.*my_row") as error:
        mt.grad(row(x).sum(), x)
    assert "test_rows.py" in str(error.value)


def test_a_wrong_gradient_in_an_added_row_is_found(added_rows, both, slopes):
    wrong = mt.ops.elementwise("wrong", np.sin, lambda g, y, x: (g * mt.sin(x),))
    with pytest.raises(AssertionError, match="wrong, first order"):
        check_gradients(wrong, both, slopes)
    half = mt.ops.elementwise("half", np.sin, lambda g, y, x: (g * mt.stop_gradient(mt.cos(x)),))
    with pytest.raises(AssertionError, match="half, second order"):
        check_gradients(half, both, slopes)


def test_a_row_without_a_sample_is_reported(added_rows):
    row = mt.ops.elementwise("two_operands", np.hypot, lambda g, y, a, b: (g * a / y, g * b / y))
    with pytest.raises(LookupError, match="two_operands"):
        samples_of(row)


def test_the_names_of_minitorchs_rows_are_taken():
    for name in ("tanh", "fused", "gemm"):
        with pytest.raises(ValueError, match=f"'{name}' is an operation of minitorch"):
            mt.ops.elementwise(name, np.tanh)


@pytest.mark.parametrize("backend", ["c", "numpy", "interpreter"])
@pytest.mark.parametrize(
    ("kernel", "met"),
    [
        (lambda a: None, "its kernel returned nothing"),
        (lambda a, out=None: None, "its kernel returned nothing"),
        (lambda a: a[:1], r"its kernel returned an array of shape \(1, 4\); \(2, 4\) is expected"),
        (lambda a, out=None: 1.0, r"its kernel returned an array of shape \(\); \(2, 4\) is expected"),
    ],
)
def test_a_kernel_that_returns_something_else_is_blamed(kernel, met, backend, added_rows):
    row = mt.ops.elementwise("forgetful", kernel)
    x = mt.placeholder("x", ("n", 4))
    with pytest.raises(InputError, match=f"forgetful: {met}") as error:
        mt.compile([x], row(x) * 2, backend=backend)(np.ones((2, 4)))
    assert "test_rows.py" in str(error.value)
