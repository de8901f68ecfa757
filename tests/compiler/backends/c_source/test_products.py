"""Products in C: all shapes and layouts of matrices, with NumPy's BLAS and with our own loops."""

import re

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.c_source.toolchain import require

SHAPES = [(1, 1, 1), (1, 5, 1), (5, 1, 3), (3, 4, 1), (1, 7, 9), (2, 3, 17), (33, 9, 40), (8, 100, 5), (64, 64, 64),
    (3, 300, 2), (200, 3, 300), (5, 0, 4), (0, 3, 2), (2, 3, 0), (130, 70, 257)]  # fmt: skip
LAYOUTS = {
    "plain": (lambda m, t: t, lambda a: a),
    "transposed": (lambda m, t: m.transpose(t), lambda a: a.T),
    "every other row": (lambda m, t: t[::2], lambda a: np.repeat(a, 2, 0)),
    "every other column": (lambda m, t: t[:, ::2], lambda a: np.repeat(a, 2, 1)),
    "backwards": (lambda m, t: t[::-1, ::-1], lambda a: a[::-1, ::-1]),
}


@pytest.fixture(params=["blas", "none"])
def with_blas(request, monkeypatch):
    if request.param == "none":
        monkeypatch.setenv("MINITORCH_BLAS", "none")
    return request.param


def values(shape, dtype, seed):
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 2 if dtype == "bool" else 5, shape).astype(dtype)


def near(got, a, b):
    """As close to the truth as the sum of the sizes of what is added allows."""
    assert got.shape == np.matmul(a, b).shape
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, np.matmul(a, b))
        return
    truth, size = np.matmul(a.astype("f8"), b.astype("f8")), np.matmul(np.abs(a).astype("f8"), np.abs(b).astype("f8"))
    assert np.all(np.abs(got - truth) <= 4 * np.finfo(got.dtype).eps * (1 + np.sqrt(a.shape[-1])) * size + 1e-300)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_of_known_size(with_blas, dtype):
    """All of them in one program, on parameters and inputs."""
    inputs = [mt.placeholder(f"a{k}", (m, inner), dtype) for k, (m, inner, _) in enumerate(SHAPES)]
    arrays = [values(t.shape, dtype, k) for k, t in enumerate(inputs)]
    right = [values((inner, n), dtype, 100 + k) for k, (_, inner, n) in enumerate(SHAPES)]
    outputs = [t @ mt.parameter(b, dtype=dtype) for t, b in zip(inputs, right)]
    program = mt.compile(inputs, outputs, backend="c")
    for _ in range(2):
        for got, a, b in zip(program(*arrays), arrays, right, strict=True):
            near(got, a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_of_unknown_size_in_every_layout(with_blas, dtype):
    pairs = [(p, q) for p in LAYOUTS for q in LAYOUTS]
    inputs = [mt.placeholder(f"a{p}", (None, None), dtype) for p in range(len(LAYOUTS))]
    inputs += [mt.placeholder(f"b{q}", (None, None), dtype) for q in range(len(LAYOUTS))]
    outputs = []
    for p, q in pairs:
        a, b = list(LAYOUTS).index(p), len(LAYOUTS) + list(LAYOUTS).index(q)
        outputs.append(LAYOUTS[p][0](mt, inputs[a]) @ LAYOUTS[q][0](mt, inputs[b]))
    program = mt.compile(inputs, outputs, backend="c")
    for m, k, n in SHAPES:
        a, b = values((m, k), dtype, 0), values((k, n), dtype, 1)
        arrays = [np.ascontiguousarray(f(x)) for x in (a, b) for _, f in LAYOUTS.values()]
        for got in program(*arrays):
            near(got, a, b)


@pytest.mark.parametrize("columns", [1, 3, 16, 40, 128, 200])
def test_small_products_with_what_follows_them(with_blas, columns):
    """A product that is part of a region, its right operand in every layout, and the gradients of both."""
    x = mt.placeholder("x", ("n", 20))
    w, v = mt.parameter(values((20, columns), "f4", 0)), mt.parameter(values((columns, 20), "f4", 1))
    bias = mt.parameter(values((columns,), "f4", 2))
    outputs = [mt.tanh(x @ w + bias), mt.relu(x @ v.T), (x[:, ::-1] @ w) * 2, mt.sum(x @ w, 0), (x @ w).T * 1]
    outputs += mt.grad(mt.mean(mt.square(mt.tanh(x @ w + bias) @ v)), [w, v, bias])
    interpreted, compiled = (mt.compile([x], outputs, backend=b) for b in ("interpreter", "c"))
    for n in (0, 1, 2, 3, 7, 64, 1000):
        a = values((n, 20), "f4", n)
        for got, want in zip(compiled(a), interpreted(a), strict=True):
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5 * max(1, np.abs(want).max(initial=0)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_rest_of_rows(dtype):
    """However many rows are left after the tallest tiles: of rows as they lie, taken in an order, and as columns."""
    columns = [7, 16, 30, 45, 64, 70]  # every number of vectors in a tile
    x, y = mt.placeholder("x", ("n", 9), dtype), mt.placeholder("y", ("n", 70), dtype)
    weights = [values((9, n), dtype, n) for n in columns]
    outputs = [(x @ mt.parameter(w, dtype=dtype)) * 2 for w in weights]
    outputs += [(mt.transpose(x[:, :rows]) @ y[:, :n]) * 2 for rows in range(1, 9) for n in columns]
    program, whole = mt.compile([x, y], outputs, backend="c"), mt.compile([x], outputs[: len(columns)], backend="c")
    data, others = values((25, 9), dtype, 1), values((25, 70), dtype, 2)
    order = np.random.default_rng(0).permutation(25)
    for n in range(25):
        got = program(data[:n], others[:n])
        for product, w in zip(got, weights):
            near(product / 2, data[:n], w)
        pairs = [(data[:n, :rows].T, others[:n, :m]) for rows in range(1, 9) for m in columns]
        for product, (a, b) in zip(got[len(columns) :], pairs, strict=True):
            near(product / 2, a, b)
        for product, w in zip(whole.loop(data, order=order[:n], batch_size=max(n, 1)), weights, strict=True):
            near(product / 2, data[order[:n]], w)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 5, 16, 64, 320, 336])  # parts of a vector, whole vectors, and panels of them
def test_what_is_added_to_a_product(columns, dtype):
    """A row is where the sums start; nothing else is, and no row that the step changes or that others read."""
    x = mt.placeholder("x", ("n", 12), dtype)
    ws = [mt.parameter(values((12, columns), dtype, k), dtype=dtype) for k in range(9)]  # equal products are one
    row, wide = (mt.parameter(values(s, dtype, 1), dtype=dtype) for s in ((columns,), (1, columns)))
    column, number = mt.placeholder("c", ("n", 1), dtype), mt.parameter(0.5, dtype=dtype)
    outputs = [mt.tanh(x @ ws[0] + row), mt.tanh(wide + x @ ws[1]), mt.relu(x @ ws[2] + row[::-1])]
    outputs += [
        (x @ ws[3] + column) * 2,
        (x @ ws[4] + number) * 2,
        (x @ ws[5] - row) * 3,
        mt.sum(x @ ws[6] + row + row, 0),
    ]
    outputs += [mt.tanh(x @ ws[7] + row), x @ ws[7]]
    changed = mt.parameter(values((columns,), dtype, 2), dtype=dtype)
    interpreted, compiled = (mt.compile([x, column], outputs, backend=b) for b in ("interpreter", "c"))
    updates = {changed: mt.sum(mt.tanh(x @ ws[8] + changed), 0)}
    steps = [mt.compile([x], outputs[0], updates, backend=b) for b in ("interpreter", "c")]
    row.data[-1] = np.nan
    tolerance = {"rtol": 2e-5, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
    for n in (0, 1, 7, 16, 41):
        a, c = values((n, 12), dtype, n), values((n, 1), dtype, n + 1)
        for got, want in zip(compiled(a, c), interpreted(a, c), strict=True):
            np.testing.assert_allclose(got, want, **tolerance)
        before, after = changed.data.copy(), []
        for step in steps:
            changed.data[...] = before
            step(a)
            after.append(changed.data.copy())
        np.testing.assert_allclose(after[1], after[0], **tolerance)


BATCHES = [((4, 2, 3), (3, 5)), ((4, 2, 3), (4, 3, 5)), ((2, 3), (4, 3, 5)), ((2, 1, 4, 3), (5, 3, 2)),
    ((0, 2, 3), (3, 2)), ((3, 40, 30), (3, 30, 20)), ((3, 2, 0), (3, 0, 2))]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool", "int8", "uint8", "int32", "int64"])
def test_batches_of_matrices_and_ints(with_blas, dtype):
    shapes = [*BATCHES, *(((m, k), (k, n)) for m, k, n in SHAPES[:12])]
    arrays = [values(s, dtype, i) for i, s in enumerate(s for pair in shapes for s in pair)]
    inputs = [mt.placeholder(f"x{i}", a.shape, dtype) for i, a in enumerate(arrays)]
    pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
    outputs = [a @ b for a, b in zip(inputs[::2], inputs[1::2], strict=True)]
    backwards = [mt.transpose(a @ b, (*range(a.ndim - 2), a.ndim - 1, a.ndim - 2))[..., ::-1]
                 for a, b in zip(inputs[::2], inputs[1::2]) if a.ndim >= b.ndim]  # fmt: skip
    results = mt.compile(inputs, outputs + backwards, backend="c")(*arrays)
    for got, (a, b) in zip(results, pairs):
        assert got.dtype == np.matmul(a, b).dtype
        near(got, a, b)
    turned = [got for got, (a, b) in zip(results, pairs) if a.ndim >= b.ndim]
    for got, want in zip(results[len(pairs) :], turned, strict=True):
        np.testing.assert_allclose(got, np.swapaxes(want, -1, -2)[..., ::-1], rtol=1e-5, atol=1e-5)


def test_what_is_not_finite_stays_where_it_is(with_blas):
    """A NaN in one row or column reaches no other, whatever is read past the end of a vector."""
    for m, k, n in ((3, 5, 7), (9, 33, 18), (70, 64, 65)):
        x, y = mt.placeholder("x", ("m", k)), mt.placeholder("y", (k, n))
        program = mt.compile([x, y], [x @ y, mt.tanh(x @ y)], backend="c")
        a, b = values((m, k), "f4", 0), values((k, n), "f4", 1)
        for bad in (np.nan, np.inf):
            worse, other = a.copy(), b.copy()
            worse[1, 2], other[3, 4] = bad, np.nan
            for got in program(worse, other):
                finite = np.isfinite(got)
                assert finite[[0, *range(2, m)]][:, [*range(4), *range(5, n)]].all()
                assert not finite[:, 4].any()
            assert not np.isfinite(program(worse, other)[0][1]).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "columns", [1, 3, 7, 10, 17, 20, 40]
)  # few, and as many as leave much of a vector empty, or not
def test_few_columns_by_vectors_of_rows(columns, dtype):
    """Products of many terms, of a left side that is a transpose or not: every rest of rows, and terms that are too few
    or too many for it."""
    x, y = mt.placeholder("x", ("n", 150), dtype), mt.placeholder("y", ("n", columns), dtype)
    heights = [1, 5, 16, 17, 31, 64, 70, 150]
    rights = [y, mt.parameter(values((16, columns), dtype, 3), dtype=dtype)]
    outputs = [(mt.transpose(x[:, -m:]) @ rights[0]) * 2 for m in heights]
    outputs += [(mt.transpose(x[:16, :m]) @ rights[1][:, ::-1]) * 2 for m in heights]
    lengths = [20, 33, 64, 127, 150]
    ws = [mt.parameter(values((k, columns), dtype, k), dtype=dtype) for k in lengths]
    outputs += [(x[:, :k] @ w + w[0]) * 2 for k, w in zip(lengths, ws, strict=True)]
    program = mt.compile([x, y], outputs, backend="c")
    assert ("turned_" in program.source) == (10 * columns <= 7 * padded(columns, dtype))
    for n in (16, 17, 40, 100):
        a, b = values((n, 150), dtype, 1), values((n, columns), dtype, 2)
        got = program(a, b)
        for product, m in zip(got, heights):
            near(product / 2, a[:, -m:].T, b)
        for product, m in zip(got[len(heights) :], heights):
            near(product / 2, a[:16, :m].T, rights[1].data[:, ::-1])
        for product, k, w in zip(got[2 * len(heights) :], lengths, ws, strict=True):
            near(product / 2 - w.data[0], a[:, :k], w.data)


def panel(dtype):
    return (4 if require().vector_bytes == 64 else 2) * require().vector_bytes // np.dtype(dtype).itemsize


def padded(columns, dtype):
    lanes = require().vector_bytes // np.dtype(dtype).itemsize
    return -(-columns // lanes) * lanes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [10, 16, 64, 77, 128, 304, 320])
def test_products_that_update_an_array(columns, dtype):
    """What lies there less some number times a product: in place where it can be, and with what must not be merged."""
    x, y = mt.placeholder("x", ("n", 70), dtype), mt.placeholder("y", ("n", columns), dtype)
    ws = [mt.parameter(values((70, columns), dtype, k), dtype=dtype) for k in range(6)]
    square = mt.parameter(values((columns, columns), dtype, 9), dtype=dtype)
    rate = mt.variable(0.25, dtype=dtype)
    products = [mt.transpose(x) @ (y + k) for k in range(6)]
    updates = {ws[0]: ws[0] - rate * products[0], ws[1]: ws[1] - products[1] * rate, ws[2]: ws[2] - products[2] * 0.25}
    updates |= {
        ws[3]: rate * products[3] - ws[3],
        ws[4]: ws[4] - products[4] * products[4],
        ws[5]: ws[4] - rate * products[5],
    }
    updates[square] = square - rate * (mt.transpose(y) @ (y @ square))
    before = {w: w.data.copy() for w in updates}
    results = []
    for backend in ("interpreter", "c"):
        for w, value in before.items():
            w.data[...] = value
        step = mt.compile([x, y], mt.sum(y), updates, backend=backend)
        for n in (3, 90, 0):  # a right matrix that stays in the first cache, and one that does not
            step(values((n, 70), dtype, 1), values((n, columns), dtype, 2))
        merged = re.findall(r"\(rows, [^()]*, a\d+ \+ 0\)", step.source)
        assert bool(merged) == (backend == "c" and columns == padded(columns, dtype))
        in_place = require().vector_bytes == 64 or columns == padded(columns, dtype)  # rows are read where they lie
        assert ("const int fits" in step.source) == (backend == "c" and columns > panel(dtype) and in_place)
        results.append([w.data.copy() for w in updates])
    tolerance = {"rtol": 1e-4, "atol": 1e-2} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-10}
    for want, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, **tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 7, 10, 16, 30, 64, 65])
def test_sums_of_columns_after_a_product(columns, dtype):
    """Sums of columns and of everything, at rows of whole vectors and of parts, with a NaN that stays in its column."""
    x, y = mt.placeholder("x", ("n", 9), dtype), mt.placeholder("y", ("n", columns), dtype)
    w, row = (mt.parameter(values(s, dtype, 1), dtype=dtype) for s in ((9, columns), (columns,)))
    number = mt.variable(0.5, dtype=dtype)
    difference = x @ w + row - y
    scaled, ratio = number * difference, 1 / (2 + mt.square(y)) * (x @ w)
    outputs = [mt.sum(mt.square(difference)), mt.sum(scaled, 0), scaled, mt.sum(ratio, 0), -ratio / number]
    interpreted, compiled = (mt.compile([x, y], outputs, backend=b) for b in ("interpreter", "c"))
    tolerance = {"rtol": 5e-5, "atol": 5e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
    w.data[:, 0] = np.nan
    for n in (0, 1, 7, 64, 200):
        a, b = values((n, 9), dtype, 2), values((n, columns), dtype, 3)
        for want, got in zip(interpreted(a, b), compiled(a, b), strict=True):
            np.testing.assert_allclose(got, want, **tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "columns"), [(100, 64), (48, 80), (7, 320), (130, 304)])
def test_products_with_rows_in_an_order_update_an_array(rows, columns, dtype):
    """By tiles that take their terms in an order, or copy them, the last block lower; batches of few terms as well."""
    x, y = mt.placeholder("x", ("n", rows), dtype), mt.placeholder("y", ("n", columns), dtype)
    w, rate = mt.parameter(values((rows, columns), dtype, 1), dtype=dtype), mt.variable(0.25, dtype=dtype)
    step = mt.compile([x, y], mt.sum(y), {w: w - rate * (mt.transpose(x) @ (y + 1))}, backend="c")
    assert ("order", 0) in step._executor.backend.written.table
    X, Y, order = (
        values((300, rows), dtype, 2),
        values((300, columns), dtype, 3),
        np.random.default_rng(4).permutation(300),
    )
    first = w.data.copy()
    wanted = first - 0.25 * (X[order].T @ (Y[order] + 1))
    tolerance = 1e-3 if dtype == "float32" else 1e-10
    for batch in (90, 1, 2, 3, 4, 5):
        w.data = first
        step.loop(X, Y, order=order, batch_size=batch)
        np.testing.assert_allclose(w.data, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 10, 64, 80, 320])  # products that are turned, of one panel, and of several
def test_products_with_rows_in_an_order_and_what_follows_them(columns, dtype):
    """The left matrix is copied where the result goes on to elementwise operations, or to sums of its columns."""
    x, y = mt.placeholder("x", ("n", 100), dtype), mt.placeholder("y", ("n", columns), dtype)
    v, total = (mt.variable(values(shape, dtype, 1), dtype=dtype) for shape in ((100, columns), (columns,)))
    product, other = mt.transpose(x) @ (y + 1), mt.transpose(x) @ (y - 1)
    step = mt.compile([x, y], mt.sum(y), {v: 0.5 * v + product, total: mt.sum(other * other, axis=0)}, backend="c")
    assert ("order", 0) in step._executor.backend.written.table
    X, Y = values((300, 100), dtype, 3), values((300, columns), dtype, 4)
    order = np.random.default_rng(5).permutation(300)[:90]
    wanted = 0.5 * v.data + X[order].T @ (Y[order] + 1), np.sum((X[order].T @ (Y[order] - 1)) ** 2, axis=0)
    step.loop(X, Y, order=order, batch_size=90)
    tolerance = 1e-3 if dtype == "float32" else 1e-10
    for got, want in zip((v.data, total.data), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)
