"""`cost` and `memory`: figures for sizes that are named, without running anything."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import InputError


def test_products_cost_what_they_cost(backend):
    x, w = mt.placeholder("x", ("batch", 300)), mt.parameter(np.ones((300, 200)))
    program = mt.compile([x], x @ w, backend=backend)
    cost = program.cost(batch=64)
    assert cost.flops == 2 * 64 * 300 * 200
    assert cost.bytes == 4 * (64 * 300 + 300 * 200 + 64 * 200)
    assert program.cost(64) == cost
    assert "flops" in str(cost)


def test_a_view_costs_nothing_and_a_broadcast_what_it_reads():
    x, row = mt.placeholder("x", ("n", 1000)), mt.placeholder("row", (1000,))
    program = mt.compile([x, row], x.T * row.reshape(1000, 1), backend="numpy")
    assert program.cost(n=8).bytes == 4 * (2 * 8 * 1000 + 1000)


def test_costs_grow_with_the_batch(net, backend):
    step = net.compiled(backend)
    assert step.cost(batch=0).flops < step.cost(batch=10).flops < step.cost(batch=20).flops
    assert step.memory(batch=10).peak < step.memory(batch=1000).peak


def test_memory_is_what_the_program_allocates(net, backend):
    step = net.compiled(backend)
    use = step.memory(batch=5)
    step(net.X, net.Y)
    assert step._executor.memory.arena.size == use.arena
    assert 0 < use.arena <= use.without_reuse
    assert use.parameters == net.w.data.nbytes + net.rate.data.nbytes
    assert use.peak >= use.arena + use.parameters + net.X.nbytes + net.Y.nbytes
    assert "parameters 56" in str(use)


def test_reuse_is_told():
    x = mt.placeholder("x", ("n",))
    y = x
    for _ in range(20):
        y = mt.sin(y) @ mt.constant(np.ones((1, 1))) if y.ndim == 2 else mt.sin(y).reshape(-1, 1)
    use = mt.compile([x], y.sum(), backend="numpy").memory(n=1000)
    assert 0 < use.arena < use.without_reuse / 4


def test_a_program_without_unknown_sizes_needs_none():
    w = mt.parameter(np.ones(3))
    program = mt.compile([], w * 2)
    assert program.cost().flops == 3
    with pytest.raises(InputError, match="there is no unknown size 'batch'; there are none"):
        program.cost(batch=3)


def test_clear_errors(net):
    step = net.compiled("numpy")
    for ask in (step.cost, step.memory):
        with pytest.raises(InputError, match="there is no unknown size 'rows'; there are batch"):
            ask(rows=3)
        with pytest.raises(InputError, match=r"the size batch is unknown; say what it is, as in \w+\(batch=64\)"):
            ask()
        for wrong in (-1, 2.5, "3", True):
            with pytest.raises(InputError, match="batch is an int of 0 or more"):
                ask(batch=wrong)


def test_sizes_that_contradict_the_graph_are_refused():
    a, b = mt.placeholder("a", ("n",)), mt.placeholder("b", (None,))
    program = mt.compile([a, b], a + b)
    assert program.cost(7).flops == 7
    with pytest.raises(InputError, match="must be equal"):
        program.cost(7, n=8)
