"""A graph in another float type: the same values, as far as that type can hold them."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.inspection.evaluation import Values
from minitorch.inspection.retype import retyped


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_float_is_of_the_type_and_nothing_else_is(dtype):
    x, k = mt.placeholder("x", ("n", 3), "float32"), mt.placeholder("k", ("n",), "int64")
    out = mt.cross_entropy(mt.tanh(x.astype("float64") * 0.1), k)
    graph = mt.compile([x, k], [out, k + 1, x > 0]).traced
    other, becomes = retyped(graph, np.dtype(dtype))
    assert [t.op for t in other.nodes] == [t.op for t in graph.nodes]
    for node, was in zip(other.nodes, graph.nodes, strict=True):
        assert node.dtype == (dtype if was.dtype.kind == "f" else was.dtype)
    X, K = np.linspace(-1, 1, 12).reshape(4, 3), np.array([0, 1, 2, 1])
    sizes = {next(iter(x.shape[0].terms))[0][0]: 4}
    leaves = {becomes[x]: X.astype(dtype), becomes[k]: K}
    got = Values(leaves, sizes)[other.outputs[0]]
    want = mt.compile([x, k], out)(X.astype("float32"), K)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_what_is_of_the_type_already_stays_the_same_node():
    x = mt.placeholder("x", ("n", 3), "float64")
    graph = mt.compile([x], mt.tanh(x)).traced
    other, _ = retyped(graph, np.dtype("float64"))
    assert all(new is old for new, old in zip(other.nodes, graph.nodes, strict=True))
