"""Simplify, text in and text out: each identity where it holds, and where it must not be used."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.compiler.passes import simplify
from minitorch.graph import Graph, Symbol
from minitorch.graph.tensor import constant_of

F32 = np.dtype("float32")


def x(shape=("n",), dtype="float32", name="x"):
    return mt.placeholder(name, shape, dtype)


def h(shape=("n",), dtype="float32"):
    """A value that is computed, and so lies in memory in the order of its indices."""
    return mt.abs(x(shape, dtype))


def body(graph):
    """The text of a graph without its title, a bar between lines."""
    head, *lines = graph.text(origins=False).split("\n")
    assert head == f"g: {len(graph.nodes)} nodes"
    return " | ".join(line.removeprefix("  ") for line in lines)


def of(value, dtype="float32"):
    return constant_of(np.asarray(value, dtype))


ONE = "x: f32[n] = placeholder | %0: f32[n] = abs(x)"
IDENTITIES = [
    (
        "x * 1 = x",
        lambda: h() * 1,
        f"{ONE} | %1: f32[] = 1.0 | %2: f32[n] = multiply(%0, %1) | return %2",
        f"{ONE} | return %0",
    ),
    (
        "x * 1 = x",
        lambda: np.int64(1) * h(dtype="int64"),
        "%0: i64[] = 1 | x: i64[n] = placeholder | %1: i64[n] = abs(x) | %2: i64[n] = multiply(%0, %1) | return %2",
        "x: i64[n] = placeholder | %0: i64[n] = abs(x) | return %0",
    ),
    (
        "x * 1 = x",
        lambda: h((2,)) * of([1, 1]),
        "x: f32[2] = placeholder | %0: f32[2] = abs(x) | %1: f32[2] = [1.0, 1.0] | %2: f32[2] = multiply(%0, %1)"
        " | return %2",
        "x: f32[2] = placeholder | %0: f32[2] = abs(x) | return %0",
    ),
    (
        "x / 1 = x",
        lambda: h() / 1,
        f"{ONE} | %1: f32[] = 1.0 | %2: f32[n] = divide(%0, %1) | return %2",
        f"{ONE} | return %0",
    ),
    (
        "x + (-0.0) = x, and for ints x + 0 = x",
        lambda: h() + -0.0,
        f"{ONE} | %1: f32[] = -0.0 | %2: f32[n] = add(%0, %1) | return %2",
        f"{ONE} | return %0",
    ),
    (
        "x + (-0.0) = x, and for ints x + 0 = x",
        lambda: 0 + h(dtype="int32"),
        "%0: i32[] = 0 | x: i32[n] = placeholder | %1: i32[n] = abs(x) | %2: i32[n] = add(%0, %1) | return %2",
        "x: i32[n] = placeholder | %0: i32[n] = abs(x) | return %0",
    ),
    (
        "where(True, a, b) = a",
        lambda: mt.where(of(True, "bool"), h(), 0.0),
        "%0: bool[] = True | x: f32[n] = placeholder | %1: f32[n] = abs(x) | %2: f32[] = 0.0"
        " | %3: f32[n] = where(%0, %1, %2) | return %3",
        f"{ONE} | return %0",
    ),
    (
        "x - 0 = x",
        lambda: h() - 0.0,
        f"{ONE} | %1: f32[] = 0.0 | %2: f32[n] = subtract(%0, %1) | return %2",
        f"{ONE} | return %0",
    ),
    (
        "-(-x) = x",
        lambda: mt.negative(-h()),
        f"{ONE} | %1: f32[n] = negative(%0) | %2: f32[n] = negative(%1) | return %2",
        f"{ONE} | return %0",
    ),
    (
        "a + (-b) = a - b",
        lambda: x() + -x(name="y"),
        "x: f32[n] = placeholder | y: f32[n] = placeholder"
        " | %0: f32[n] = negative(y) | %1: f32[n] = add(x, %0) | return %1",
        "x: f32[n] = placeholder | y: f32[n] = placeholder | %0: f32[n] = subtract(x, y) | return %0",
    ),
    (
        "a + (-b) = a - b",
        lambda: -x(name="y") + x(),
        "y: f32[n] = placeholder | %0: f32[n] = negative(y)"
        " | x: f32[n] = placeholder | %1: f32[n] = add(%0, x) | return %1",
        "y: f32[n] = placeholder | x: f32[n] = placeholder | %0: f32[n] = subtract(x, y) | return %0",
    ),
    (
        "a - (-b) = a + b",
        lambda: x() - -x(name="y"),
        "x: f32[n] = placeholder | y: f32[n] = placeholder"
        " | %0: f32[n] = negative(y) | %1: f32[n] = subtract(x, %0) | return %1",
        "x: f32[n] = placeholder | y: f32[n] = placeholder | %0: f32[n] = add(x, y) | return %0",
    ),
    (
        "stop_gradient(x) = x once gradients are taken",
        lambda: mt.stop_gradient(x()),
        "x: f32[n] = placeholder | %0: f32[n] = stop_gradient(x) | return %0",
        "x: f32[n] = placeholder | return x",
    ),
    (
        "x in its own dtype = x",
        lambda: mt.ops.cast(h(), dtype=F32),
        f"{ONE} | %1: f32[n] = cast(%0, dtype=float32) | return %1",
        f"{ONE} | return %0",
    ),
    (
        "two transposes are one, or none",
        lambda: x((2, 3, "n")).transpose(1, 2, 0).transpose(1, 2, 0),
        "x: f32[2, 3, n] = placeholder | %0: f32[3, n, 2] = transpose(x, axes=(1, 2, 0))"
        " | %1: f32[n, 2, 3] = transpose(%0, axes=(1, 2, 0)) | return %1",
        "x: f32[2, 3, n] = placeholder | %0: f32[n, 2, 3] = transpose(x, axes=(2, 0, 1)) | return %0",
    ),
    (
        "two transposes are one, or none",
        lambda: x((2, 3, "n")).transpose(1, 2, 0).transpose(0, 2, 1),
        "x: f32[2, 3, n] = placeholder | %0: f32[3, n, 2] = transpose(x, axes=(1, 2, 0))"
        " | %1: f32[3, 2, n] = transpose(%0, axes=(0, 2, 1)) | return %1",
        "x: f32[2, 3, n] = placeholder | %0: f32[3, 2, n] = transpose(x, axes=(1, 0, 2)) | return %0",
    ),
    (
        "two transposes are one, or none",
        lambda: x(("n", 3)).T.T,
        "x: f32[n, 3] = placeholder | %0: f32[3, n] = transpose(x, axes=(1, 0))"
        " | %1: f32[n, 3] = transpose(%0, axes=(1, 0)) | return %1",
        "x: f32[n, 3] = placeholder | return x",
    ),
    (
        "two reshapes are one, or none",
        lambda: x(("n", 6)).reshape(-1).reshape(-1, 2),
        "x: f32[n, 6] = placeholder | %0: f32[6*n] = reshape(x, shape=(6*n,))"
        " | %1: f32[3*n, 2] = reshape(%0, shape=(3*n, 2)) | return %1",
        "x: f32[n, 6] = placeholder | %0: f32[3*n, 2] = reshape(x, shape=(3*n, 2)) | return %0",
    ),
    (
        "two reshapes are one, or none",
        lambda: h(("n", 6)).reshape(-1).reshape(-1, 6),
        "x: f32[n, 6] = placeholder | %0: f32[n, 6] = abs(x) | %1: f32[6*n] = reshape(%0, shape=(6*n,))"
        " | %2: f32[n, 6] = reshape(%1, shape=(n, 6)) | return %2",
        "x: f32[n, 6] = placeholder | %0: f32[n, 6] = abs(x) | return %0",
    ),
    (
        "two broadcasts are one, or none",
        lambda: mt.broadcast_to(mt.broadcast_to(x((3,)), (2, 3)), (4, 2, 3)),
        "x: f32[3] = placeholder | %0: f32[2, 3] = broadcast_to(x, shape=(2, 3))"
        " | %1: f32[4, 2, 3] = broadcast_to(%0, shape=(4, 2, 3)) | return %1",
        "x: f32[3] = placeholder | %0: f32[4, 2, 3] = broadcast_to(x, shape=(4, 2, 3)) | return %0",
    ),
    (
        "a reduction over no axes = x",
        lambda: mt.max(h(), axis=()),
        f"{ONE} | %1: f32[n] = max(%0, axis=(), keepdims=False) | return %1",
        f"{ONE} | return %0",
    ),
    (
        "f(broadcast(s), x) = f(s, x): elementwise operations stretch their operands by themselves",
        lambda: mt.broadcast_to(x((3,), name="s"), x(("n", 3)).shape) + x(("n", 3)),
        "s: f32[3] = placeholder | %0: f32[n, 3] = broadcast_to(s, shape=(n, 3))"
        " | x: f32[n, 3] = placeholder | %1: f32[n, 3] = add(%0, x) | return %1",
        "s: f32[3] = placeholder | x: f32[n, 3] = placeholder | %0: f32[n, 3] = add(s, x) | return %0",
    ),
]


@pytest.mark.parametrize(("law", "build", "before", "after"), IDENTITIES)
def test_an_identity(law, build, before, after):
    graph = Graph([build()], name="g")
    assert body(graph) == before
    simplified, rewrites = simplify(graph)
    assert body(simplified) == after
    assert law in [r.reason for r in rewrites]


def test_a_slice_of_all():
    whole = x(("n", 3))[:, :]
    assert whole.op is mt.ops.slice
    assert body(simplify(Graph([whole], name="g"))[0]) == "x: f32[n, 3] = placeholder | return x"


def test_every_identity_is_tested():
    rules = {rule for rules in simplify.__globals__["RULES"].values() for rule in rules}
    laws = {rule.__doc__.strip().splitlines()[0] for rule in rules}
    assert laws <= {case[0] for case in IDENTITIES} | {"x[:] = x"}


NOT_IDENTITIES = {
    "x * 1 where a caller's array may lie in memory in any order": lambda: x() * 1,
    "x.T * 1, which lies in memory as x": lambda: h(("n", 3)).T * 1,
    "-(-x.T)": lambda: mt.negative(-h(("n", 3)).T),
    "tanh(broadcast(s)), which is as large as the broadcast": lambda: mt.tanh(mt.broadcast_to(x(()), (4,))),
    "x * 0, for x may be NaN": lambda: h() * 0,
    "0 * x": lambda: 0.0 * h(),
    "x * -1 is no identity": lambda: h() * -1,
    "x + 0.0 turns -0.0 into 0.0": lambda: h() + 0.0,
    "0.0 + x": lambda: 0.0 + h(),
    "x - (-0.0) turns -0.0 into 0.0": lambda: h() - -0.0,
    "0.0 - x is not -x": lambda: 0.0 - h(),
    "x - x, for x may be infinite": lambda: (lambda t: t - t)(h()),
    "x / x": lambda: (lambda t: t / t)(h()),
    "1 / x": lambda: 1 / x(),
    "0 / x": lambda: 0 / x(),
    "x * 1 where broadcasting changes the shape": lambda: h(()) * of(np.ones(3)),
    "x * 1 where the other operand stretches x": lambda: h(("n", 1)) * of(np.ones((1, 2))),
    "x / 1 where broadcasting changes the shape": lambda: h((1,)) / of(np.ones(3)),
    "x + (-0.0) where broadcasting changes the shape": lambda: h(()) + of([-0.0, -0.0]),
    "x * [1, 2], not all ones": lambda: h((2,)) * of([1, 2]),
    "x + [-0.0, 0.0], signs mixed": lambda: h((2,)) + of([-0.0, 0.0]),
    "x * 1 for bools is and": lambda: x(dtype="bool") * of(False, "bool"),
    "x ** 1 of ints is power": lambda: x(dtype="int32") ** 3,
    "one transpose": lambda: x(("n", 3)).T,
    "a reshape": lambda: x(("n", 6)).reshape(-1),
    "a reshape of a flip to the same shape puts it in order": lambda: h()[::-1].reshape(-1),
    "where(False, x, y)": lambda: mt.where(of(False, "bool"), h(), h(dtype="float32")),
    "where(True, x, y) where y stretches x": lambda: mt.where(of(True, "bool"), h((1,)), of([1, 2])),
    "a reshape of a transpose": lambda: x((2, 3)).T.reshape(6),
    "x[::-1]": lambda: mt.ops.slice(x((3,)), ranges=x((3,))[::-1].attrs["ranges"]),
    "x[1:]": lambda: mt.ops.slice(x((3,)), ranges=x((3,))[1:].attrs["ranges"]),
    "x[:2]": lambda: mt.ops.slice(x((3,)), ranges=x((3,))[:2].attrs["ranges"]),
    "a cast there and back loses digits": lambda: mt.cast(mt.cast(h(dtype="float64"), "float32"), "float64"),
    "a sum over no axes adds 0.0, which turns -0.0 into 0.0": lambda: mt.sum(h(), axis=()),
    "a sum over no axes of bools is an int": lambda: mt.sum(x(dtype="bool"), axis=()),
    "a sum over one element keeps its axis": lambda: mt.sum(x((1,)), axis=0, keepdims=True),
    "negative of a difference": lambda: -(x() - x(name="y")),
    "square(sqrt(x))": lambda: mt.square(mt.sqrt(x())),
    "exp(log(x))": lambda: mt.exp(mt.log(x())),
    "maximum(x, x) stays, for it costs nothing to be right": lambda: (lambda t: mt.maximum(t, t * 2))(x()),
    "where(c, x, x)": lambda: mt.where(x(dtype="bool", name="c"), x(), 0.0),
    "a sum of a broadcast": lambda: mt.sum(mt.broadcast_to(x(()), (4,))),
    "a product of a broadcast": lambda: mt.broadcast_to(x((3,)), (2, 3)) @ x((3, 2), name="y"),
}


@pytest.mark.parametrize("case", NOT_IDENTITIES)
def test_no_identity(case):
    graph = Graph([NOT_IDENTITIES[case]()], name="g")
    simplified, rewrites = simplify(graph)
    assert body(simplified) == body(graph)
    assert not rewrites


def test_broadcasts_from_both_sides_move_past_an_operation():
    a, b = (mt.broadcast_to(x(shape, name=name), (4, 3)) for name, shape in (("a", (1, 3)), ("b", (4, 1))))
    after = "a: f32[1, 3] = placeholder | b: f32[4, 1] = placeholder | %0: f32[4, 3] = multiply(a, b) | return %0"
    assert body(simplify(Graph([a * b], name="g"))[0]) == after


def test_what_becomes_constant_is_folded_on_the_way():
    one = mt.exp(of([0.0, 0.0])) * of([1.0, 1.0])
    after = "x: f32[2] = placeholder | %0: f32[2] = abs(x) | return %0"
    assert body(simplify(Graph([h((2,)) * one], name="g"))[0]) == after


def test_rewrites_cascade_to_the_end():
    t = h()
    for _ in range(50):
        t = mt.negative(-(t * 1 / 1 - 0))
    assert body(simplify(Graph([t], name="g"))[0]) == f"{ONE} | return %0"


def test_an_identity_does_not_change_the_layout_that_later_operations_add_up_in():
    """Numbers add up in the order in which they lie in memory: x.T * 1 is computed, x.T is read where x lies."""
    t = x(("n", 37))
    rows = np.random.default_rng(0).standard_normal((53, 37)).astype("f")
    for build in (lambda: (t.T * 1).sum(axis=0), lambda: (t.T / 1) @ mt.tanh(t), lambda: mt.negative(-t.T).sum(axis=1)):
        graph = Graph([build()], inputs=[t])
        simplified, rewrites = simplify(graph)
        if not any(r.reassociates for r in rewrites):
            values = [evaluate_graph(g, (rows,), {Symbol("n"): 53})[g.outputs[0]] for g in (graph, simplified)]
            np.testing.assert_array_equal(*values)


def test_a_difference_keeps_the_name_of_its_sizes():
    """Of two sizes that a run finds to be equal, a sum is named after one and the difference after the other."""
    x, z = mt.placeholder("x", ("n", 3)), mt.placeholder("z", (3, "n", 3))
    program = mt.compile([x, z], (-x.T) + mt.diagonal(z), backend="numpy")
    np.testing.assert_array_equal(program(np.ones((3, 3)), np.ones((3, 3, 3))), np.zeros((3, 3)))
