"""Deduplicate, text in and text out: what computes the same bits is computed once, and nothing else is."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.passes import deduplicate
from minitorch.graph import Graph, Op, Type
from minitorch.graph.tensor import constant_of


def body(graph):
    """The text of a graph without its title, a bar between lines."""
    _, *lines = graph.text(origins=False).split("\n")
    return " | ".join(line.removeprefix("  ") for line in lines)


def kept(*outputs):
    """The number of nodes before and after."""
    graph = Graph(outputs)
    return len(graph.nodes), len(deduplicate(graph)[0].nodes)


@pytest.fixture
def x():
    return mt.placeholder("x", ("n",))


def test_the_same_operation_is_computed_once(x):
    graph = Graph([mt.exp(x * 2.0) + mt.exp(x * 2.0)], name="g")
    assert body(graph) == (
        "x: f32[n] = placeholder | %0: f32[] = 2.0 | %1: f32[n] = multiply(x, %0) | %2: f32[n] = exp(%1)"
        " | %3: f32[] = 2.0 | %4: f32[n] = multiply(x, %3) | %5: f32[n] = exp(%4)"
        " | %6: f32[n] = add(%2, %5) | return %6"
    )
    after, rewrites = deduplicate(graph)
    assert body(after) == (
        "x: f32[n] = placeholder | %0: f32[] = 2.0 | %1: f32[n] = multiply(x, %0) | %2: f32[n] = exp(%1)"
        " | %3: f32[n] = add(%2, %2) | return %3"
    )
    assert [r.reason for r in rewrites] == ["the same operation on the same inputs is computed once"] * 3
    assert [r.after.op.name for r in rewrites] == ["constant", "multiply", "exp"]
    assert {r.after for r in rewrites} <= set(after.nodes)


def test_outputs_and_updates_that_are_merged_stay_as_many(x):
    w = mt.parameter(1.0, name="w")
    graph = Graph([mt.exp(x), mt.exp(x)], [(w, w * 2.0)], [x], "g")
    after, _ = deduplicate(graph)
    assert body(after) == (
        "x: f32[n] = placeholder | %0: f32[n] = exp(x) | w: f32[] = parameter | %1: f32[] = 2.0"
        " | %2: f32[] = multiply(w, %1) | return %0, %0 | update w <- %2"
    )


def test_the_order_of_operands_counts(x):
    y = mt.placeholder("y", ("n",))
    assert kept(x - y, y - x) == (4, 4)
    assert kept(x + y, y + x) == (4, 4)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.0, -0.0), (1.0, 2.0), (np.float32(1), np.float64(1)), (np.int32(1), np.int64(1)), (np.True_, np.int64(1)),
        (np.zeros(2), np.zeros((1, 2))), (np.array([0.0, -0.0]), np.array([-0.0, 0.0])),
        (np.int64(0), np.float64(0)), (np.int32(1), np.float32(1e-45)), (np.uint8(1), np.True_),
        (np.uint8(1), np.int8(1)),
        (np.float32(np.nan), np.copysign(np.float32(np.nan), -1)), (np.float64(1), 1.0),
    ],
)  # fmt: skip
def test_constants_that_differ_in_any_bit_stay_apart(a, b):
    assert kept(mt.constant(a), mt.constant(b)) == (2, 2)


def test_equal_constants_are_one():
    assert kept(mt.constant(np.nan), mt.constant(np.nan)) == (2, 1)
    assert kept(mt.constant([1.0, 2.0]), mt.constant(np.array([1.0, 2.0]))) == (2, 1)
    assert kept(mt.constant(1.0), mt.constant(1.0)) == (2, 1)


ATTRIBUTE = Op("attribute_of_a_test", infer=lambda x, value: x, kernel=lambda x, value, out=None: x)


@pytest.mark.parametrize(
    ("a", "b", "left"),
    [
        (0.0, -0.0, 3), (1, True, 3), (0, False, 3), (1, 1.0, 3), ((1,), (True,), 3), ((0.0, 1), (-0.0, 1), 3),
        (np.dtype("int32"), np.dtype("int64"), 3), ("1", 1, 3), (None, 0, 3), ((1, (2,)), (1, (2.0,)), 3),
        (1.5, 1.5, 2), (True, True, 2), (np.dtype("int32"), np.dtype("int32"), 2), ((1, (2.0,)), (1, (2.0,)), 2),
        (float("nan"), float("nan"), 2), ("a", "a", 2), (None, None, 2),
    ],
)  # fmt: skip
def test_attributes_are_compared_by_type_and_bits(x, a, b, left):
    assert kept(ATTRIBUTE(x, value=a), ATTRIBUTE(x, value=b)) == (3, left)


def test_unknown_sizes_are_equal_where_their_canonical_forms_are(x):
    m = mt.placeholder("y", ("m",)).shape[0]
    (n,) = x.shape
    size_of = mt.ops.size_of
    make = lambda size, dtype="float32": size_of(size=size, dtype=np.dtype(dtype))
    assert kept(make(n + n), make(2 * n)) == (2, 1)
    assert kept(make(n), make(m)) == (2, 2)
    assert kept(make(n), make(n, "float64")) == (2, 2)


def test_leaves_that_are_given_a_value_are_never_merged():
    make = [
        lambda: mt.placeholder("x", (3,)), lambda: mt.parameter([1.0], name="w"), lambda: mt.variable(0.0, name="lr"),
    ]  # fmt: skip
    for leaf in make:
        a, b = leaf(), leaf()
        after, rewrites = deduplicate(Graph([mt.exp(a), mt.exp(b)]))
        assert len(after.nodes) == 4
        assert not rewrites


def test_random_nodes_are_never_merged(x):
    noise = Op("noise_of_a_test", infer=lambda x: x, kernel=lambda x, out=None: x, distinct=True)
    assert kept(noise(x), noise(x)) == (3, 3)


def test_dead_nodes_are_dropped(x):
    alive = mt.exp(x)
    graph = Graph([alive], nodes=[x, mt.log(x), alive], name="g")
    assert len(graph.nodes) == 3
    assert body(deduplicate(graph)[0]) == "x: f32[n] = placeholder | %0: f32[n] = exp(x) | return %0"


def made_at(x, lines):
    """exp(x), made at as many different lines."""
    return [eval(compile("\n" * i + "mt.exp(x)", "lines.py", "eval"), {"mt": mt, "x": x}) for i in range(lines)]


def test_a_merged_node_has_the_origins_of_all_up_to_eight(x):
    three = made_at(x, 3)
    (merged,) = {n for n in deduplicate(Graph(three))[0].nodes if n.op.name == "exp"}
    assert [str(o) for o in merged.origins] == ["lines.py:1", "lines.py:2", "lines.py:3"]
    (merged,) = {n for n in deduplicate(Graph(made_at(x, 20)))[0].nodes if n.op.name == "exp"}
    assert [o.lineno for o in merged.origins] == list(range(1, 9))


def test_the_same_line_is_one_origin(x):
    same = [mt.exp(x) for _ in range(5)]
    (merged,) = {n for n in deduplicate(Graph(same))[0].nodes if n.op.name == "exp"}
    assert len(merged.origins) == 1


def test_a_merged_node_serves_the_earliest_role():
    w = mt.parameter(2.0, name="w")
    y = mt.exp(w)
    gradient = mt.grad(y, w)  # exp(w) * 1: the forward value again
    again = gradient.replace(op=y.op, inputs=y.inputs, attrs=y.attrs)
    assert again.role == "gradient"
    for outputs in ([again, y], [y, again]):
        after, _ = deduplicate(Graph(outputs))
        assert [n.role for n in after.nodes if n.op.name == "exp"] == ["forward"]


def test_two_weights_on_one_value_share_its_bits_not_its_type():
    weak, strong = constant_of(np.float64(1), weak=True), constant_of(np.float64(1))
    assert weak.type == Type((), np.dtype("float64"), weak=True)
    assert kept(weak, strong) == (2, 2)
