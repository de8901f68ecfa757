"""Memory: results are the caller's own, and one arena serves every batch size."""

import gc
import random
import weakref
from itertools import combinations

import numpy as np

import minitorch as mt
from minitorch.executor import MOST_BOUND

# ---- whose memory it is ----


def everything_that_could_alias():
    x = mt.placeholder("x", ("n", 3))
    w, v = mt.parameter(np.ones((3, 3)), "w"), mt.variable(np.ones(3), "v")
    c = mt.constant(np.arange(3.0), dtype="float32")
    h = mt.tanh(x @ w)
    new = w - mt.mean(h)
    outputs = [
        x, x.T, x[1:], x, w, w.T, w[0], w[::-1], v, c, c[::-1], h, h, h.T, h.reshape(-1), h[::-1], new, new.T, new,
        mt.exp(h), mt.broadcast_to(v, (2, 3)), mt.stop_gradient(h), mt.sum(h, axis=()), h[:, :], mt.constant(2.0),
    ]  # fmt: skip
    return x, [w, v], outputs, {w: new, v: v * 0.5}


def test_results_share_no_memory_with_anything(backend):
    x, parameters, outputs, updates = everything_that_could_alias()
    program = mt.compile([x], outputs, updates, backend=backend)
    constants = [n.data for n in program.graph.nodes if n.op.name == "constant"]
    rows = np.ones((4, 3), "f")
    for _ in range(3):
        results = program(rows)
        others = [rows, *(p.data for p in parameters), *constants, program._executor.memory.arena]
        assert all(r.flags.writeable for r in results)
        assert not any(np.shares_memory(a, b) for a, b in combinations(results, 2))
        assert not any(np.shares_memory(a, b) for a in results for b in others)


def test_results_of_earlier_calls_stay_as_they_were(backend):
    x, _, outputs, updates = everything_that_could_alias()
    program = mt.compile([x], outputs, updates, backend=backend)
    kept = []
    for n in (4, 1, 9, 4, 4, 2):
        results = program(np.random.default_rng(n).standard_normal((n, 3)))
        kept.append((results, [r.copy() for r in results]))
    for results, copies in kept:
        for result, copy in zip(results, copies):
            np.testing.assert_array_equal(result, copy)


def test_a_result_that_is_overwritten_changes_nothing_else(backend):
    x, parameters, outputs, _ = everything_that_could_alias()
    program = mt.compile([x], outputs, backend=backend)
    rows = np.ones((4, 3), "f")
    before = [p.data.copy() for p in parameters]
    want = [r.copy() for r in program(rows)]
    for result in program(rows):
        result[...] = -7
    for got, value in zip(program(rows), want):
        np.testing.assert_array_equal(got, value)
    assert (rows == 1).all()
    for p, value in zip(parameters, before):
        np.testing.assert_array_equal(p.data, value)


def test_a_parameters_own_data_may_be_an_input(backend):
    w = mt.parameter([1.0, 2.0, 3.0], name="w")
    x = mt.placeholder("x", (3,))
    program = mt.compile([x], x + w, {w: w[::-1] + x * 2}, backend=backend)
    np.testing.assert_array_equal(program(w.data), [2, 4, 6])
    np.testing.assert_array_equal(w.data, [5, 6, 7])


# ---- batch sizes ----


def regression(backend):
    x, y = mt.placeholder("x", ("batch", 3)), mt.placeholder("y", ("batch", 2))
    model = mt.nn.MLP(3, [8, 5, 2], seed=0)
    loss = mt.mse_loss(model(x), y)
    updates = mt.optim.SGD(model.parameters(), lr=0.01, momentum=0.9).minimize(loss)
    return model, mt.compile([x, y], [loss, model(x)], updates, backend=backend)


def test_many_batch_sizes_in_any_order(same):
    (m1, interpreted), (m2, generated) = regression("interpreter"), regression("numpy")
    choose, values = random.Random(0), np.random.default_rng(0)
    sizes = [choose.randrange(200) for _ in range(300)] + [1000, 1, 0, 2000, 7]
    for n in sizes:
        rows = values.standard_normal((n, 3)).astype("f"), values.standard_normal((n, 2)).astype("f")
        if not n:
            continue
        for got, want in zip(generated(*rows), interpreted(*rows)):
            same(got, want, f"{n} rows")
        assert len(generated._executor.bound) <= MOST_BOUND
    for p, q in zip(m1.parameters(), m2.parameters()):
        same(p.data, q.data)
    assert len(set(sizes)) > 2 * MOST_BOUND


def test_no_rows_at_all(backend):
    _, program = regression(backend)
    loss, prediction = program(np.empty((0, 3)), np.empty((0, 2)))
    assert np.isnan(loss)
    assert prediction.shape == (0, 2)


def test_the_arena_is_as_large_as_the_largest_batch_needs_and_aligned():
    _, program = regression("numpy")
    memory = program._executor.memory
    sizes = []
    for n in (1, 50, 3, 400, 2):
        program(np.ones((n, 3)), np.ones((n, 2)))
        sizes.append(memory.arena.nbytes)
        assert memory.arena.ctypes.data % 64 == 0
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1] == sizes[2] < sizes[3] == sizes[4]
    widest = sum(max(8 * 4 * 400, 64) for _ in program.plan.slots)
    assert sizes[-1] <= widest + 64 * len(program.plan.slots)


def test_an_arena_that_has_been_outgrown_is_let_go():
    _, program = regression("numpy")
    program(np.ones((3, 3)), np.ones((3, 2)))
    first = weakref.ref(program._executor.memory.arena.base)  # the memory, not the aligned view of it
    program(np.ones((300, 3)), np.ones((300, 2)))
    program(np.ones((3, 3)), np.ones((3, 2)))
    gc.collect()
    assert first() is None


def test_a_size_that_is_divided_by_nothing_is_nothing(backend):
    x, y = mt.placeholder("x", ("n",)), mt.placeholder("y", ("m",))
    program = mt.compile([x, y], mt.reshape(x, (y.shape[0], -1)) * 2, backend=backend)
    assert program([], []).shape == (0, 0)
    assert program(np.ones(6), np.ones(2)).shape == (2, 3)
