"""`loop`: the same bits as single steps by the same backend, whatever the rows, their order and their memory."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import InputError, OutOfRangeError

ROWS = 23


@pytest.fixture(params=["c", "numpy", "interpreter"])
def backend(request):
    return request.param


def problem(backend, whole=False):
    """A step with all kinds of inputs and outputs, and the parameters that it changes."""
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n",), "float64")
    k, b = mt.placeholder("k", ("n", 2), "int64"), mt.placeholder("b", ("n", 3), "bool")
    m, s = mt.placeholder("m", (3, "width")), mt.placeholder("s", (), "float64")
    w = mt.parameter(np.linspace(-1, 1, 9).reshape(3, 3), name="w")
    count = mt.variable(0, name="count", dtype="int64")
    h = mt.tanh(mt.where(b, x, -x) @ w)
    loss = mt.mean(mt.square(h)) + mt.cast(mt.mean(y * s), "float32") + mt.mean(mt.take(m, k % 3, 0))
    outputs = [loss, h, h @ m, mt.sum(h, 0), k + 1, mt.any(b, 1), count * 2, y, x.T @ x, w]
    updates = {w: w - 0.1 * mt.grad(loss, w), count: count + 1}
    return mt.compile([x, y, k, b, m, s], outputs, updates, backend=backend), [w, count]


def data(rows=ROWS, seed=0):
    r = np.random.default_rng(seed)
    return [
        r.standard_normal((rows, 3)).astype("f"), r.standard_normal(rows), r.integers(0, 9, (rows, 2)),
        r.random((rows, 3)) < 0.5, r.standard_normal((3, 2)).astype("f"), np.float64(0.75),
    ]  # fmt: skip


BY_ROWS = [1, 2, 4, 5, 7]  # the outputs with a row for each row of the inputs


def by_steps(program, arrays, order, batch_size):
    """The same by single calls."""
    order = np.arange(len(arrays[0])) if order is None else np.asarray(order, int)
    results = []
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        results.append(program(*[a[rows] for a in arrays[:4]], *arrays[4:]))
    return [
        (np.concatenate if i in BY_ROWS else np.stack)(values) for i, values in enumerate(zip(*results, strict=True))
    ]


ORDERS = {
    "as they are": None,
    "shuffled": np.random.default_rng(1).permutation(ROWS),
    "with repeats": np.random.default_rng(2).integers(0, ROWS, 31),
    "one of them": [7],
    "backwards": range(ROWS - 1, -1, -1),
    "of few bits": np.arange(ROWS, dtype="uint8")[::2],
}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("batch_size", [1, 4, ROWS, 100])
def test_a_loop_is_its_steps(backend, name, batch_size):
    order = ORDERS[name] if not isinstance(ORDERS[name], range) else list(ORDERS[name])
    (looped, ours), (stepped, theirs) = problem(backend), problem(backend)
    arrays = data()
    for _ in range(2):
        got, want = (
            looped.loop(*arrays, order=order, batch_size=batch_size),
            by_steps(stepped, arrays, order, batch_size),
        )
        for a, b in zip(got, want, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_array_equal(a, b)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def memories(array):
    """The same values as memory may hold them."""
    frozen = array.copy()
    frozen.flags.writeable = False
    unaligned = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    unaligned[...] = array
    return {
        "read-only": frozen, "Fortran": np.asfortranarray(array), "backwards": array[::-1].copy()[::-1],
        "gaps": np.repeat(array, 2, 0)[::2], "unaligned": unaligned,
    }  # fmt: skip


@pytest.mark.parametrize("order", [None, ORDERS["shuffled"]], ids=["in order", "shuffled"])
@pytest.mark.parametrize("memory", ["read-only", "Fortran", "backwards", "gaps", "unaligned"])
def test_data_may_lie_anyhow(backend, memory, order):
    arrays = data()
    laid_out = [memories(a)[memory] for a in arrays[:5]]
    copies = [a.copy() for a in laid_out]
    results = [problem(backend)[0].loop(*given, arrays[5], order=order, batch_size=5)
               for given in (laid_out, arrays[:5])]  # fmt: skip
    for got, want in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)
    for a, b in zip(laid_out, copies, strict=True):
        np.testing.assert_array_equal(a, b)


def test_data_is_converted_as_in_a_call(backend):
    program, _ = problem(backend)
    arrays = data()
    want = problem(backend)[0].loop(*arrays, batch_size=4)
    got = program.loop(arrays[0].astype("f8"), arrays[1].tolist(), arrays[2].astype("i2"), *arrays[3:], batch_size=4)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("order", [None, []])
def test_no_rows_are_no_steps(backend, order):
    program, (w, count) = problem(backend)
    before = w.data.copy()
    results = program.loop(*data(0 if order is None else ROWS), order=order, batch_size=4)
    assert [results[k].shape for k in (0, 1, 3, 4)] == [(0,), (0, 3), (0, 3), (0, 2)]
    assert [len(r) for r in results] == [0] * len(results)
    assert np.array_equal(w.data, before)
    assert int(count.data) == 0


def test_results_are_the_callers_own(backend):
    program, parameters = problem(backend)
    arrays = data()
    first = program.loop(*arrays, batch_size=4)
    kept = [r.copy() for r in first]
    program.loop(*data(seed=5), batch_size=4)
    for a, b in zip(first, kept, strict=True):
        np.testing.assert_array_equal(a, b)
    others = [*arrays[:5], *(p.data for p in parameters), program._executor.memory.arena]
    assert not any(np.shares_memory(r, o) for r in first for o in others)
    assert not any(np.shares_memory(a, b) for i, a in enumerate(first) for b in first[:i])


def test_data_that_are_a_parameter_change_with_it(backend):
    """Each step reads what the one before has left, as single calls do."""
    for order in (None, [5, 4, 3, 2, 1, 0]):
        for view in (lambda a: a, lambda a: a[::-1]):
            w, x = mt.parameter(np.arange(6.0), name="w"), mt.placeholder("x", ("n",))
            step = mt.compile([x], mt.sum(x), {w: w + 1}, backend=backend)
            rows = np.arange(6)[slice(None) if order is None else order].reshape(3, 2)
            start = view(np.arange(6.0))
            wanted = [start[r].sum() + 2 * k for k, r in enumerate(rows)]
            assert step.loop(view(w.data), order=order, batch_size=2).tolist() == wanted


def test_whole_inputs_alone_have_no_rows(backend):
    s = mt.placeholder("s", (3,))
    step = mt.compile([s], s * 2, backend=backend)
    with pytest.raises(InputError, match="no batches"):
        step.loop(np.ones(3))


@pytest.mark.parametrize("order", [None, list(range(30))[::-1]], ids=["in order", "backwards"])
@pytest.mark.parametrize("bad", [0, 13, 29])
def test_a_bad_index_stops_the_loop_after_the_steps_before_it(backend, bad, order):
    x, k = mt.placeholder("x", ("n",)), mt.placeholder("k", ("n",), "int64")
    table = mt.parameter(np.ones(4), name="table")
    count = mt.variable(0, name="count", dtype="int64")
    picked = mt.take(table, k)
    step = mt.compile([x, k], mt.sum(picked * x), {table: table + 1, count: count + 1}, backend=backend)
    labels = np.arange(30) % 4
    labels[bad] = 4
    place = bad if order is None else 29 - bad
    for batch_size in (1, 7, 100):
        table.data, count.data = np.ones(4), 0
        with pytest.raises(OutOfRangeError, match=r"take|in_range") as caught:
            step.loop(np.ones(30), labels, order=order, batch_size=batch_size)
        assert "test_loop.py" in str(caught.value)
        assert int(count.data) == place // batch_size
        assert table.data.tolist() == [1.0 + place // batch_size] * 4
    labels[bad] = -4
    assert step.loop(np.ones(30), labels, order=order, batch_size=7).shape == (5,)


def test_results_that_differ_in_shape_from_step_to_step(backend):
    """A matrix of the rows by the rows cannot be joined, nor can it be compiled into one array."""
    x = mt.placeholder("x", ("n", 3))
    step = mt.compile([x], x @ x.T, backend=backend)
    assert step.loop(np.ones((6, 3), "f"), batch_size=3).shape == (6, 3)
    with pytest.raises(
        InputError, match=r"\(3, 3\) for a full batch and \(1, 1\) for the last one, which cannot be joined"
    ):
        step.loop(np.ones((7, 3), "f"), batch_size=3)


def test_large_batches_and_results(backend):
    """Larger than what is copied through buffers."""
    x = mt.placeholder("x", ("n", 100))
    w = mt.parameter(np.eye(100), name="w")
    step = mt.compile([x], [x @ w, mt.sum(x)], {w: w * 0.5}, backend=backend)
    rows = np.random.default_rng(0).standard_normal((1000, 100)).astype("f")
    joined, sums = step.loop(rows, order=np.arange(1000)[::-1], batch_size=300)
    np.testing.assert_allclose(joined[:300], rows[::-1][:300], rtol=1e-6)
    np.testing.assert_allclose(joined[900:], rows[::-1][900:] / 8, rtol=1e-6)
    np.testing.assert_allclose(sums, [rows[::-1][k : k + 300].sum() for k in range(0, 1000, 300)], rtol=1e-3)


# ---- fit on C ----


def test_a_fit_is_that_of_the_interpreter_with_a_bar_callbacks_and_validation(capsys):
    pytest.importorskip("tqdm")
    histories, kept, states = [], [], []
    r = np.random.default_rng(3)
    X, Y = r.standard_normal((50, 3)), r.standard_normal((50, 1))
    for backend in ("c", "interpreter"):
        x, y = mt.placeholder("x", ("batch", 3)), mt.placeholder("y", ("batch", 1))
        model = mt.nn.MLP(3, [6, 1], seed=0)
        prediction = model(x)
        loss = mt.mse_loss(prediction, y)
        updates = mt.optim.SGD(model.parameters(), lr=0.05, momentum=0.9).minimize(loss)
        step = mt.compile([x, y], [loss, prediction], updates, backend=backend)
        seen = []

        def note(state, seen=seen):
            seen.append((state.epoch, state.step, state.loss))
            if state.epoch == 4:
                state.stop()

        history = mt.fit(step, X[:40], Y[:40], epochs=9, batch_size=7, seed=2, progress=True, callbacks=[note],
            validation=(X[40:], Y[40:]))  # fmt: skip
        histories.append(history)
        states.append(seen)
        kept.append([p.data.copy() for p in model.parameters()])
    assert "loss=" in capsys.readouterr().err
    assert [s[:2] for s in states[0]] == [s[:2] for s in states[1]] == [(1, 6), (2, 12), (3, 18), (4, 24)]
    for name in ("loss", "batch_loss", "validation_loss"):
        np.testing.assert_allclose(getattr(histories[0], name), getattr(histories[1], name), rtol=1e-4)
    for a, b in zip(*kept, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def outputs_that_differ(backend):
    x, y, m = mt.placeholder("x", ("n", 2)), mt.placeholder("y", ("n", 1)), mt.placeholder("m", ("k", 2))
    w = mt.parameter([[1.0], [2.0]], name="w")
    prediction = x @ w
    loss = mt.mse_loss(prediction, y)
    outputs = [loss, prediction.T, mt.concatenate([x, x]), prediction @ mt.ones_like(m)[:, :1].T]
    return mt.compile([x, y, m], outputs, updates={w: w - 0.1 * mt.grad(loss, w)}, backend=backend), w


def test_results_that_cannot_be_stacked_are_refused_before_the_first_step(backend):
    program, w = outputs_that_differ(backend)
    arrays = np.ones((5, 2)), np.ones((5, 1)), np.ones((3, 2))
    for run in (program.loop, program.evaluate):
        with pytest.raises(InputError) as error:
            run(*arrays, batch_size=2)
        assert "output 2 of 4, f32[1, n], has the shape (1, 2) for a full batch and (1, 1)" in str(error.value)
        assert "test_loop.py:" in str(error.value)
    assert w.data.tolist() == [[1], [2]]
    assert [r.shape for r in program.loop(*arrays, batch_size=5)] == [(1,), (1, 1, 5), (1, 10, 2), (5, 3)]


def test_fit_collects_losses_alone(backend):
    program, _ = outputs_that_differ(backend)
    arrays = np.ones((5, 2)), np.ones((5, 1)), np.ones((3, 2))
    history = mt.fit(program, *arrays, epochs=2, batch_size=2, seed=0, validation=arrays)
    assert len(history.batch_loss) == 6
    assert len(history.validation_loss) == 2
    assert history.loss[1] < history.loss[0]
    mt.fit(program, *arrays, epochs=1, batch_size=2, seed=0, check_finite=True)


def test_rows_of_nothing_are_taken_in_their_order_too(backend):
    x, y = mt.placeholder("x", ("n", 0)), mt.placeholder("y", ("n",))
    program = mt.compile([x, y], [x * 1, y * 2], backend=backend)
    nothing, twice = program.loop(np.ones((3, 0)), [1, 2, 3], order=[0, 1, 2, 1, 0], batch_size=2)
    assert nothing.shape == (5, 0)
    assert twice.tolist() == [2, 4, 6, 4, 2]
