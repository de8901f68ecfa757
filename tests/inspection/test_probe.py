"""Probes: the same for the same graph, of every size that a call could have, with every special value among them."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.inspection.probe import probes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values_are_all_there(dtype):
    x = mt.placeholder("x", (8, 4), dtype)
    values = np.concatenate([v.ravel() for p in probes(mt.compile([x], x * 2).traced, ()) for v in p.values.values()])
    info = np.finfo(dtype)
    for special in (np.inf, -np.inf, info.max, info.min, -info.tiny, info.smallest_subnormal, 0.0, 1.0):
        assert (values == special).any()
    assert np.isnan(values).any()
    assert (np.signbit(values) & (values == 0)).any()


def test_the_same_graph_has_the_same_probes():
    x, k = mt.placeholder("x", ("n", 2)), mt.placeholder("k", ("n",), "int64")
    graph = mt.compile([x, k], [x * 2, k + 1]).traced
    for a, b in zip(probes(graph, ()), probes(graph, ()), strict=True):
        assert a.sizes == b.sizes
        for one, other in zip(a.values.values(), b.values.values(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_ints_may_be_indices_and_parameters_are_probed_too():
    k, w = mt.placeholder("k", (50,), "int64"), mt.parameter([1.0], "w")
    graph = mt.compile([k], [k + 1, w * 2]).traced
    for probe in probes(graph, ()):
        assert 0 <= probe.values[k].min() <= probe.values[k].max() < 3
        assert probe.values[w].dtype == np.float32
    assert w.data.tolist() == [1.0]
