"""Differentiation: reverse and forward mode of any order, sums back over what was broadcast, missing gradients."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch as mt
from minitorch.graph.order import depth_first

HERE = "test_autodiff.py"


def numbers(shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def value(t, feeds=None):
    return t.eval(feeds or {})


# ---- grad, of any order ----


def test_a_list_for_a_list_and_a_tensor_for_a_tensor():
    w, v = mt.parameter(2.0, "w"), mt.parameter(3.0, "v")
    loss = w * w * v
    assert value(mt.grad(loss, w)) == 12
    assert [float(value(g)) for g in mt.grad(loss, [v, w])] == [4, 12]
    assert [float(value(g)) for g in mt.grad(loss, (w, w))] == [12, 12]
    assert mt.grad(loss, []) == []


def test_higher_orders():
    x = mt.placeholder("x", (), "float64")
    f, got = mt.sin(x) * x**3, []
    for _ in range(5):
        got.append(f)
        f = mt.grad(f, x)
    a, s, c = 0.7, np.sin(0.7), np.cos(0.7)
    want = [
        s * a**3, c * a**3 + 3 * s * a**2, -s * a**3 + 6 * c * a**2 + 6 * s * a,
        -c * a**3 - 9 * s * a**2 + 18 * c * a + 6 * s,
        s * a**3 - 12 * c * a**2 - 36 * s * a + 24 * c,
    ]  # fmt: skip
    np.testing.assert_allclose(mt.compile([x], got)(a), want, rtol=1e-12)


def test_the_gradient_of_a_tensor_by_itself_is_one():
    w = mt.parameter(2.0, "w")
    assert value(mt.grad(w, w)) == 1
    assert mt.grad(w, w).dtype == "float32"
    assert value(mt.grad(w + 0, w)) == 1


def test_repeated_operands_and_fan_out_add_up():
    w = mt.parameter(3.0, "w", "float64")
    shared = w * w
    assert value(mt.grad(shared * shared + shared + w, w)) == 4 * 27 + 2 * 3 + 1
    assert value(mt.grad(w - w, w)) == 0
    assert value(mt.grad(w / w, w)) == 0
    assert value(mt.grad(mt.maximum(w, w), w)) == 1
    assert value(mt.grad(sum([w] * 10), w)) == 10


def test_gradients_by_intermediates(both):
    x = mt.placeholder("x", (3,), "float64")
    h = mt.tanh(x)
    y = h * h
    gx, gh, gy = both(mt.grad(y.sum(), [x, h, y]), {x: [0.1, 0.2, 0.3]})
    h = np.tanh([0.1, 0.2, 0.3])
    np.testing.assert_allclose([gx, gh, gy], [2 * h * (1 - h * h), 2 * h, np.ones(3)], rtol=1e-13)


def test_a_path_past_an_intermediate_is_not_counted():
    x = mt.parameter(2.0, "x", "float64")
    h = x * x
    assert value(mt.grad(h * x, h)) == 2
    assert value(mt.grad(h * x, x)) == 12


def test_shapes_and_dtypes_are_those_of_what_is_differentiated():
    x, w = mt.placeholder("x", ("n", 3), "float64"), mt.parameter(numbers((1, 3)), "w", "float32")
    loss = (x * w).mean()
    gx, gw = mt.grad(loss, [x, w])
    assert (str(gx.type), str(gw.type), loss.dtype) == ("f64[n, 3]", "f32[1, 3]", np.dtype("float64"))
    got = mt.compile([x], [gx, gw])(np.ones((2, 3)))
    assert got[1].dtype == np.float32
    assert got[0].shape == (2, 3)


def test_programs_may_ask_for_gradients_alone():
    x, w = mt.placeholder("x", ("n",)), mt.parameter(2.0)
    assert mt.compile([x], mt.grad((x * w).sum(), x))([7.0, 8.0]).tolist() == [2, 2]
    assert mt.compile([x], mt.grad((x + 1).sum(), x))([7.0, 8.0]).tolist() == [1, 1]


# ---- sums back to what was broadcast ----

SHAPES = [
    ((), (3,)), ((), (2, 3)), ((3,), (2, 3)), ((1,), (3,)), ((1, 3), (2, 3)), ((2, 1), (2, 3)), ((2, 1), (1, 3)),
    ((1, 1), (2, 3)), ((1,), (2, 1)),
    ((4, 1, 3), (2, 1)), ((1, 2, 1), (4, 1, 3)), ((), ()), ((1,), ()), ((1, 1, 1), ()), ((2, 3), (4, 2, 3)),
    ((0,), (1,)), ((1, 0), (2, 1)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", [s for pair in SHAPES for s in (pair, pair[::-1])])
@pytest.mark.parametrize("op", ["add", "subtract", "multiply", "divide", "power", "maximum"])
def test_gradients_are_summed_over_what_was_stretched(op, shapes, both):
    torch = pytest.importorskip("torch")
    a, b = numbers(shapes[0]), numbers(shapes[1], 1)
    x, y = mt.placeholder("x", shapes[0], "float64"), mt.placeholder("y", shapes[1], "float64")
    out = getattr(mt, op)(x, y)
    weights = numbers(out.shape, 2)
    gx, gy = both(mt.grad((out * weights).sum(), [x, y]), {x: a, y: b})
    p, q = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    (getattr(torch, {"power": "pow"}.get(op, op))(p, q) * torch.tensor(weights)).sum().backward()
    for g, t in ((gx, p), (gy, q)):
        assert g.shape == tuple(t.shape)
        np.testing.assert_allclose(g, t.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_sums_over_unknown_sizes(n, both):
    x, w, s = (
        mt.placeholder("x", ("n", 3), "float64"),
        mt.parameter(numbers(3), "w", "float64"),
        mt.parameter(2.0, "s", "float64"),
    )
    column = mt.placeholder("column", ("n", 1), "float64")
    a, c = numbers((n, 3)), numbers((n, 1), 1)
    gw, gs, gc = both(mt.grad((x * w * s * column).sum(), [w, s, column]), {x: a, column: c})
    np.testing.assert_allclose(gw, (a * 2 * c).sum(0), rtol=1e-13)
    np.testing.assert_allclose(gs, (a * w.data * c).sum(), rtol=1e-13)
    np.testing.assert_allclose(gc, (a * w.data * 2).sum(1, keepdims=True), rtol=1e-13)


@pytest.mark.parametrize(
    ("left", "right"),
    list(itertools.product([(2, 3), (4, 2, 3), (1, 2, 3), (4, 1, 2, 3)], [(3, 2), (4, 3, 2), (1, 3, 2)])),
)
def test_batched_products_sum_over_the_batch_that_was_stretched(left, right, both):
    torch = pytest.importorskip("torch")
    a, b = numbers(left), numbers(right, 1)
    x, y = mt.placeholder("x", left, "float64"), mt.placeholder("y", right, "float64")
    got = both(mt.grad(mt.square(x @ y).sum(), [x, y]), {x: a, y: b})
    p, q = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    ((p @ q) ** 2).sum().backward()
    for g, t in zip(got, (p, q)):
        np.testing.assert_allclose(g, t.grad.numpy(), rtol=1e-12)


def test_gradients_by_weak_constants_and_through_casts():
    x = mt.placeholder("x", (2,), "float32")
    g = mt.grad((x.astype("float64") * np.array([1.0, 2.0])).sum(), x)
    assert g.dtype == "float32"
    assert value(g, {x: [1, 1]}).tolist() == [1, 2]
    k = mt.placeholder("k", (2,), "int64")
    assert value(mt.grad((x * k).sum(), x), {x: [1, 1], k: [3, 4]}).tolist() == [3, 4]


# ---- what ends a gradient ----


def test_stop_gradient_ends_one_path_and_not_the_other():
    w = mt.parameter(3.0, "w", "float64")
    assert value(mt.grad(mt.stop_gradient(w) * w, w)) == 3
    assert value(mt.stop_gradient(w)) == 3
    assert value(mt.grad(mt.stop_gradient(w * w) * w + w, w)) == 10


def test_choices_by_comparison_have_no_gradient_of_their_own():
    x = mt.parameter([1.0, -2.0], "x")
    assert value(mt.grad(mt.where(x > 0, x, 5.0).sum(), x)).tolist() == [1, 0]
    assert value(mt.grad((x * (x > 0)).sum(), x)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda w: mt.constant(1.0) * 2, ["does not depend on it"]),
        (lambda w: mt.stop_gradient(w) * 2, ["stop_gradient"]),
        (lambda w: (w > 0).sum().astype("float32"), ["without a gradient"]),
        (lambda w: mt.where(w > 0, 1.0, 2.0), ["without a gradient"]),
        (lambda w: w.astype("int64").astype("float32"), ["without a gradient"]),
        (lambda w: mt.parameter(1.0, "other") * 2, ["does not depend"]),
    ],
)  # fmt: skip
def test_a_gradient_that_does_not_exist_names_the_tensor_and_the_reason(build, words):
    w = mt.parameter(1.0, name="the_weight")
    for call in (mt.grad, lambda loss, w: mt.vjp([loss], [w], [1.0]), lambda loss, w: mt.hvp(loss, [w], [1.0])):
        with pytest.raises(mt.errors.GradientError, match="the_weight") as error:
            call(build(w), w)
        assert all(word in str(error.value) for word in words)
        assert HERE in str(error.value)


def test_one_missing_gradient_among_many_is_named():
    a, b, c = (mt.parameter(1.0, name) for name in ("here", "missing", "there"))
    with pytest.raises(mt.errors.GradientError, match="missing"):
        mt.grad(a * c, [a, b, c])


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda w: w * 2, ["not a scalar", "multiply f32[2]", "sum"]),
        (lambda w: w.sum(keepdims=True), ["not a scalar", "f32[1]"]),
        (lambda w: (w > 0).sum(), ["not a float", "i64[]"]), (lambda w: mt.constant(3), ["not a float"]),
    ],
)  # fmt: skip
def test_a_loss_is_a_float_scalar(build, words):
    w = mt.parameter([1.0, 2.0], "w")
    for call in (mt.grad, lambda loss, w: mt.hvp(loss, [w], [[1.0, 1.0]]), lambda loss, w: loss.backward()):
        with pytest.raises(mt.errors.GradientError) as error:
            call(build(w), w)
        assert all(word in str(error.value) for word in words)
        assert HERE in str(error.value)


def test_ints_have_no_gradient():
    k, w = mt.parameter(3, "count", "int64"), mt.parameter(1.0, "w")
    for call in (lambda: mt.grad(w * k, k), lambda: mt.jvp([w * k], [k], [1]), lambda: mt.vjp([w * k], [k], [1.0])):
        with pytest.raises(mt.errors.GradientError, match="count"):
            call()
    with pytest.raises(mt.errors.GradientError, match="float"):
        mt.jvp([(w * k).astype("int64")], [w], [1.0])


# ---- vjp, jvp, hvp ----


def function(x, y):
    return [mt.tanh(x @ y), (x * y.T).sum(1) / 3]


X, Y = numbers((2, 3)), numbers((3, 2), 1)


def jacobians(slopes):
    """By finite differences: for each output and input the array of shape (*output, *input)."""
    x, y = mt.placeholder("x", (2, 3), "float64"), mt.placeholder("y", (3, 2), "float64")
    program = mt.compile([x, y], function(x, y), backend="interpreter")
    found = {}
    for j, shape in enumerate([(2, 2), (2,)]):
        for i, a in enumerate((X, Y)):
            rows = [slopes(lambda p, q, j=j, at=at: program(p, q)[j][at], (X, Y), i) for at in np.ndindex(*shape)]
            found[j, i] = np.array(rows).reshape(*shape, *a.shape)
    return found


def test_vjp_jvp_and_hvp_agree_with_jacobians(slopes, both):
    x, y = mt.placeholder("x", (2, 3), "float64"), mt.placeholder("y", (3, 2), "float64")
    outputs, jacobian = function(x, y), jacobians(slopes)
    cotangents, tangents = [numbers((2, 2), 3), numbers(2, 4)], [numbers((2, 3), 5), numbers((3, 2), 6)]
    for i, got in enumerate(both(mt.vjp(outputs, [x, y], cotangents), {x: X, y: Y})):
        want = sum(np.tensordot(c, jacobian[j, i], c.ndim) for j, c in enumerate(cotangents))
        np.testing.assert_allclose(got, want, rtol=1e-7)
    for j, got in enumerate(both(mt.jvp(outputs, [x, y], tangents), {x: X, y: Y})):
        want = sum(np.tensordot(jacobian[j, i], t, t.ndim) for i, t in enumerate(tangents))
        np.testing.assert_allclose(got, want, rtol=1e-7)


def test_hvp_is_the_slope_of_the_gradient(slopes, both):
    x, y = mt.placeholder("x", (2, 3), "float64"), mt.placeholder("y", (3, 2), "float64")
    loss = sum(t.sum() for t in function(x, y))
    vectors = [numbers((2, 3), 5), numbers((3, 2), 6)]
    gradients = mt.grad(loss, [x, y])
    along = mt.compile([x, y], sum((g * v).sum() for g, v in zip(gradients, vectors)))
    for i, got in enumerate(both(mt.hvp(loss, [x, y], vectors), {x: X, y: Y})):
        np.testing.assert_allclose(got, slopes(along, (X, Y), i), rtol=1e-6, atol=1e-9)


def test_forward_mode_gives_zeros_where_nothing_moves():
    w, v = mt.parameter([1.0, 2.0], "w"), mt.parameter(3.0, "v")
    moved, still = mt.jvp([w * 2, v * 2], [w], [[1.0, 1.0]])
    assert value(moved).tolist() == [2, 2]
    assert value(still) == 0
    assert still.dtype == "float32"
    (flat,) = mt.hvp((w * 3).sum(), [w], [[1.0, 1.0]])
    assert value(flat).tolist() == [0, 0]
    (same,) = mt.jvp([w], [w], [[4.0, 5.0]])
    assert value(same).tolist() == [4, 5]


def test_vectors_may_be_placeholders_and_of_unknown_size(both):
    x, v = mt.placeholder("x", ("n",), "float64"), mt.placeholder("v", ("n",), "float64")
    got = both(
        [*mt.jvp([x**3], [x], [v]), *mt.vjp([x**3], [x], [v]), *mt.hvp((x**3).sum(), [x], [v])],
        {x: [1.0, 2.0], v: [1.0, -1.0]},
    )
    np.testing.assert_allclose(got, [[3, -12], [3, -12], [6, -12]])


@pytest.mark.parametrize(
    "call",
    [
        lambda w, v: mt.jvp([w * 2], [w], v),
        lambda w, v: mt.vjp([w * 2], [w], v),
        lambda w, v: mt.hvp((w * w).sum(), [w], v),
    ],
)
@pytest.mark.parametrize("vectors", [[[1.0]], [[[1.0, 1.0]]], [1.0], [], [[1.0, 1.0], [1.0, 1.0]]])
def test_vectors_have_the_shape_of_what_they_belong_to(call, vectors):
    w = mt.parameter([1.0, 2.0], "w")
    with pytest.raises(ValueError, match=r"(vjp|jvp|hvp): .*(tangent|vector)") as error:
        call(w, vectors)
    assert HERE in str(error.value)


# ---- backward and .grad ----


def test_backward_sets_grad_of_all_that_the_loss_depends_on():
    x, w = mt.placeholder("x", (2,), "float64"), mt.parameter([1.0, 2.0], "w", "float64")
    h = x * w
    loss = (h * h).sum()
    with pytest.raises(mt.errors.GradientError, match=r"w f64\[2\].*backward"):
        w.grad
    loss.backward()
    got = mt.compile([x], [w.grad, x.grad, h.grad, loss.grad])([3.0, 4.0])
    for g, want in zip(got, ([18, 64], [6, 32], [6, 16], 1)):
        np.testing.assert_array_equal(g, want)


def test_backward_twice_replaces_and_does_not_accumulate():
    w = mt.parameter(3.0, "w")
    (w * w).backward()
    (w * w).backward()
    assert value(w.grad) == 6
    (w * 2).backward()
    assert value(w.grad) == 2


def test_what_the_loss_does_not_reach_has_no_grad():
    w, stopped, mask = mt.parameter(1.0, "w"), mt.parameter(2.0, "stopped"), mt.parameter(True, "mask", "bool")
    loss = w * mt.stop_gradient(stopped) * mask
    loss.backward()
    for t in (stopped, mask):
        with pytest.raises(mt.errors.GradientError, match=t.name):
            t.grad
    assert value(w.grad) == 2


def test_grad_of_a_grad():
    w = mt.parameter(2.0, "w", "float64")
    (w**3).backward()
    w.grad.backward()
    assert value(w.grad) == 12


# ---- graphs of any shape ----


UNARY = ["tanh", "sigmoid", "sin", "softplus", "relu", "abs", "square"]
BINARY = ["add", "subtract", "multiply", "maximum", "minimum"]
LEAF_SHAPES = [(2, 3), (3,), (2, 1), (), (1, 3)]


@st.composite
def programs(draw):
    """Steps over five leaves: (operation, positions of operands)."""
    steps = []
    for i in range(draw(st.integers(1, 9))):
        operand = st.integers(0, 4 + i)
        steps.append(
            draw(
                st.tuples(st.sampled_from(BINARY), operand, operand)
                | st.tuples(st.sampled_from([*UNARY, "mean", "T", "row"]), operand)
            )
        )
    return steps


def run(steps, leaves, library):
    """All nodes, by minitorch or by PyTorch. Where shapes do not fit, both refuse, and the first operand stands in."""
    nodes = list(leaves)
    for name, *operands in steps:
        args = [nodes[i] for i in operands]
        try:
            nodes.append(apply(name, args, library))
        except (ValueError, RuntimeError):
            nodes.append(args[0] * 1.5)
    return nodes


def apply(name, args, library):
    match name:
        case "mean" | "T" | "row" if args[0].ndim < 2:
            return args[0] * 1.0
        case "mean":
            return args[0].mean(0, keepdims=True)
        case "T":
            return args[0].T
        case "row":
            return args[0][-1]
        case "softplus" if library is not mt:
            return library.nn.functional.softplus(args[0])
    return getattr(library, name)(*args)


@given(programs(), st.integers(0, 5))
def test_random_graphs_have_the_gradients_of_pytorch_to_second_order(both, steps, seed):
    torch = pytest.importorskip("torch")
    arrays = [
        numbers(shape, seed + i) * np.sign(numbers(shape, seed + 9 + i) - 1) for i, shape in enumerate(LEAF_SHAPES)
    ]
    leaves = [mt.placeholder(f"x{i}", shape, "float64") for i, shape in enumerate(LEAF_SHAPES)]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    ours_nodes, their_nodes = run(steps, leaves, mt), run(steps, theirs, torch)
    loss = sum(t.sum() * (i + 1) for i, t in enumerate(ours_nodes)) / 7
    their_loss = sum(t.sum() * (i + 1) for i, t in enumerate(their_nodes)) / 7
    first = mt.grad(loss, leaves)
    their_first = torch.autograd.grad(their_loss, theirs, create_graph=True)
    scalar = sum(mt.square(g).sum() for g in first) + sum(mt.square(x).sum() for x in leaves)
    their_scalar = sum((g**2).sum() for g in their_first) + sum((t**2).sum() for t in theirs)
    second = mt.grad(scalar, leaves)
    their_second = torch.autograd.grad(their_scalar, theirs)
    results = both([loss, *first, *second], dict(zip(leaves, arrays)))
    for got, want in zip(results, (their_loss, *their_first, *their_second)):
        assert got.shape == tuple(want.shape)
        np.testing.assert_allclose(got, want.detach().numpy(), rtol=1e-9, atol=1e-11)


@given(programs(), st.integers(0, 5))
def test_forward_mode_is_reverse_mode_transposed(both, steps, seed):
    """u . (J v) = (J^T u) . v"""
    leaves = [mt.placeholder(f"x{i}", shape, "float64") for i, shape in enumerate(LEAF_SHAPES)]
    nodes = run(steps, leaves, mt)
    out = sum((t.sum() for t in nodes[-3:-1]), start=nodes[-1])
    u, v = numbers(out.shape, seed), [numbers(x.shape, seed + i) for i, x in enumerate(leaves)]
    (pushed,) = mt.jvp([out], leaves, v)
    used = [i for i, x in enumerate(leaves) if any(node is x for node in depth_first([out]))]
    pulled = mt.vjp([out], [leaves[i] for i in used], [u])
    left, right = both([(pushed * u).sum(), sum((p * v[i]).sum() for i, p in zip(used, pulled))], dict(zip(leaves, v)))
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-10)


def test_the_gradient_graph_is_linear_in_the_forward_graph():
    def nodes(depth):
        t = mt.parameter(1.0)
        w = t
        for _ in range(depth):
            t = mt.tanh(t) * t + t
        return len(depth_first([mt.grad(t, w)]))

    assert nodes(200) - nodes(100) == nodes(300) - nodes(200)
