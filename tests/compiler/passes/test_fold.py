"""Fold, text in and text out: operations on constants are computed by their own kernels, in the right dtype."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.passes import fold
from minitorch.graph import Graph, Op
from minitorch.graph.tensor import constant_of, registry
from minitorch.ops.elementwise import arity


def body(graph):
    """The text of a graph without its title, a bar between lines."""
    _, *lines = graph.text(origins=False).split("\n")
    return " | ".join(line.removeprefix("  ") for line in lines)


def of(value, dtype="float32"):
    return constant_of(np.asarray(value, dtype))


def test_constants_are_computed_and_the_rest_stays():
    x = mt.placeholder("x", ("n",))
    graph = Graph([x * (of(2) + of(3)) + mt.exp(of(0))], name="g")
    assert body(graph) == (
        "x: f32[n] = placeholder | %0: f32[] = 2.0 | %1: f32[] = 3.0 | %2: f32[] = add(%0, %1)"
        " | %3: f32[n] = multiply(x, %2) | %4: f32[] = 0.0 | %5: f32[] = exp(%4) | %6: f32[n] = add(%3, %5) | return %6"
    )
    after, rewrites = fold(graph)
    assert body(after) == (
        "x: f32[n] = placeholder | %0: f32[] = 5.0 | %1: f32[n] = multiply(x, %0) | %2: f32[] = 1.0"
        " | %3: f32[n] = add(%1, %2) | return %3"
    )
    assert [(r.reason, r.before.op.name) for r in rewrites] == [
        ("an operation on constants is a constant", "add"), ("an operation on constants is a constant", "exp"),
    ]  # fmt: skip


def test_a_chain_is_folded_to_its_end():
    t = of(1)
    for _ in range(200):
        t = t + t * 0.5
    (node,) = fold(Graph([t], name="g"))[0].nodes
    want = np.float32(1)
    for _ in range(200):
        want = want + want * np.float32(0.5)
    assert node.data == want


def test_folding_keeps_the_origin_the_role_and_the_scope():
    with mt.scope("here"):
        t = of(1) + of(2)
    (node,) = fold(Graph([t]))[0].nodes
    assert (node.origin, node.scope) == (t.origin, "here")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_folding_rounds_in_the_dtype_of_the_operation(dtype):
    third = of(1, dtype) / of(3, dtype)
    (node,) = fold(Graph([third * of(3, dtype) - of(1e-9, dtype)]))[0].nodes
    one, three = np.dtype(dtype).type(1), np.dtype(dtype).type(3)
    want = one / three * three - np.dtype(dtype).type(1e-9)
    assert node.data.dtype == dtype
    assert node.data == want


def test_ints_stay_ints_and_wrap():
    (node,) = fold(Graph([of(200, "uint8") + of(100, "uint8")]))[0].nodes
    assert (node.data.dtype, int(node.data)) == (np.uint8, 44)
    (node,) = fold(Graph([mt.sum(of([True, True], "bool"))]))[0].nodes
    assert (node.data.dtype, int(node.data)) == (np.int64, 2)


def test_nan_and_infinity_are_folded_without_a_word():
    with np.errstate(all="raise"):
        values = [fold(Graph([t]))[0].nodes[0].data for t in (of(1) / of(0), mt.log(of(-1)), mt.sqrt(of(-0.0)))]
    assert np.isinf(values[0])
    assert np.isnan(values[1])
    assert np.signbit(values[2])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int64", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("name", sorted(n for n in registry if hasattr(mt, n) and registry[n].elementwise))
def test_a_folded_operation_has_the_value_that_it_has_when_it_runs(name, shape, dtype, same):
    """Whatever can be compiled on inputs can be compiled on constants, with the same bits."""
    operation = (lambda t: mt.ops.cast(t, dtype=np.dtype("float64"))) if name == "cast" else registry[name]
    count = 1 if name == "cast" else arity(operation.kernel, {})
    values = [np.full(shape, i + 1, "bool" if (name, i) == ("where", 0) else dtype) for i in range(count)]
    inputs = [mt.placeholder(f"x{i}", shape, v.dtype) for i, v in enumerate(values)]
    try:
        run = mt.compile(inputs, operation(*inputs), backend="interpreter")
    except mt.errors.DTypeError:
        return
    folded = mt.compile([], operation(*[mt.constant(v) for v in values]), backend="interpreter")
    assert not any(n.op.name == name for n in folded.graph.nodes if name != "copy")
    same(folded(), run(*values))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float32"])
@pytest.mark.parametrize("function", [mt.sum, mt.mean, mt.max])
def test_reductions_of_constants_have_the_dtype_they_have_when_they_run(function, dtype, same):
    values = np.array([1, 0, 1], dtype)
    x = mt.placeholder("x", (3,), dtype)
    folded = mt.compile([], function(mt.constant(values)), backend="interpreter")
    same(folded(), mt.compile([x], function(x), backend="interpreter")(values))


def test_what_is_large_is_left_for_the_run():
    large = mt.exp(of(np.zeros(200_000)))
    assert [n.op.name for n in fold(Graph([large]))[0].nodes] == ["constant", "exp"]


def test_what_is_drawn_anew_each_time_is_not_folded():
    noise = Op("noise_of_fold", infer=lambda x: x, kernel=lambda x, out=None: x + np.random.random(), distinct=True)
    assert [n.op.name for n in fold(Graph([noise(of(0))]))[0].nodes] == ["constant", "noise_of_fold"]


def test_a_stretched_constant_stays_small():
    t = mt.broadcast_to(of(1), (1000,))
    assert (
        body(fold(Graph([t], name="g"))[0])
        == "%0: f32[] = 1.0 | %1: f32[1000] = broadcast_to(%0, shape=(1000,)) | return %1"
    )


def test_what_depends_on_an_unknown_size_is_not_folded():
    x = mt.placeholder("x", ("n",))
    size = mt.ops.size_of(size=x.shape[0], dtype=np.dtype("float32"))
    graph = Graph([x / (size * 2.0)], name="g")
    assert body(fold(graph)[0]) == body(graph)


def test_parameters_are_not_constants():
    w = mt.parameter(2.0, name="w")
    graph = Graph([w * 3.0], name="g")
    assert (
        body(fold(graph)[0])
        == body(graph)
        == "w: f32[] = parameter | %0: f32[] = 3.0 | %1: f32[] = multiply(w, %0) | return %1"
    )
