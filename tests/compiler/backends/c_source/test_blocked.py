"""Products by blocks: all sizes and layouts, shared by threads, in the bits that one thread gives."""

import ctypes

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.c_source import blocked, objects
from minitorch.compiler.backends.c_source.product import Lanes
from minitorch.compiler.passes import fuse
from minitorch.graph.types import FLOAT32, FLOAT64

TYPES = {"float32": (FLOAT32, ctypes.c_float), "float64": (FLOAT64, ctypes.c_double)}
LANES = Lanes(64)  # wherever the tests run: compilers make several narrow vectors of a wide one
R, H = blocked.ROWS, blocked.HEIGHT
SHAPES = [(1, 1, 1), (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 40, 33), (R, 7, 32), (R + 1, 16, 31), (2 * R + 2, 17, 65),
    (R - 1, 300, 16), (40, 193, 100), (33, 257, 64), (65, 512, 130), (H, 9, 17), (H + 1, 33, 40), (2 * H + 5, 5, 8),
    (16, 600, 700), (700, 10, 16)]  # fmt: skip
LAYOUTS = {
    "plain": lambda m: np.ascontiguousarray(m),
    "transposed": lambda m: np.asfortranarray(m),
    "every other": lambda m: np.repeat(np.repeat(m, 2, 0), 2, 1)[::2, ::2],
    "backwards": lambda m: np.ascontiguousarray(m[::-1, ::-1])[::-1, ::-1],
    "wide rows": lambda m: np.pad(m, ((0, 0), (0, 5)), constant_values=np.nan)[:, : m.shape[1]],
}


def product(a, b, f=None, alpha=1.0, threads=1, into=None):
    """f + alpha a b by the unit itself, the shares of the threads one after the other."""
    dtype, real = TYPES[str(a.dtype)]
    library = objects.load(blocked.unit(LANES, dtype), [LANES.packing(dtype).unit])
    function = getattr(library, f"mt_blocked_f{dtype.itemsize * 8}")
    (m, k), n = a.shape, b.shape[1]
    c = np.full((m + 2, n + 40), 7, a.dtype)
    target = c[1 : m + 1, 1 : n + 1] if into is None else into
    f = target if f is target else f
    mine = np.full((blocked.DEPTH[dtype.itemsize] + 1) * (H + 256) + 4096, np.nan, a.dtype)
    for me in range(threads):
        places = [pointer_and_strides(x) for x in (a, b, f, target)]
        arguments = [me, threads, m, n, k]
        function(*map(ctypes.c_long, arguments), real(alpha), *places[0], *places[1], *places[2], *places[3][:2],
                 ctypes.c_void_p(mine.ctypes.data))  # fmt: skip
    if into is None:
        beside = [c[[0, -1]], c[:, 0], c[:, n + 1 :]]
        assert all((part == 7).all() for part in beside), "written beside c"
    return target


def pointer_and_strides(x):
    if x is None:
        return ctypes.c_void_p(0), ctypes.c_long(0), ctypes.c_long(1)
    return ctypes.c_void_p(x.ctypes.data), *(ctypes.c_long(s // x.itemsize) for s in x.strides)


def values(shape, dtype, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def near(got, a, b, f=0.0, alpha=1.0):
    a, b, f = (np.asarray(x, "f8") for x in (a, b, f))
    size = np.abs(alpha) * (np.abs(a) @ np.abs(b)) + np.abs(f)
    error = 4 * np.finfo(got.dtype).eps * (1 + np.sqrt(a.shape[1])) * size
    assert np.all(np.abs(got - (f + alpha * (a @ b))) <= error + 1e-300)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_sizes_in_all_layouts_whatever_the_threads(shape, dtype):
    m, k, n = shape
    a, b = values((m, k), dtype, 0), values((k, n), dtype, 1)
    first = {}
    for p, left in LAYOUTS.items():
        for q, right in LAYOUTS.items():
            x, y = left(a), right(b)
            got = product(x, y)
            near(got, a, b)
            assert first.setdefault("bits", got.tobytes()) == got.tobytes(), f"{p}, {q}: not the bits of another layout"
    for threads in (2, 3, 7):
        assert product(a, b, threads=threads).tobytes() == first["bits"]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(3, 5, 4), (60, 600, 70), (33, 300, 64), (H + 9, 20, 65)], ids=str)
def test_something_is_added_to(shape, dtype):
    """A matrix, the result itself, a row or a column for all, a number, a matrix that lies the other way."""
    m, k, n = shape
    a, b, alpha = values((m, k), dtype, 0), values((k, n), dtype, 1), -0.25
    terms = [np.broadcast_to(values(s, dtype, 2), (m, n)) for s in ((m, n), (n,), (m, 1), (1, 1))]
    terms.append(np.asfortranarray(values((m, n), dtype, 3)))
    for f in terms:
        for threads in (1, 3):
            near(product(a, b, f, alpha, threads), a, b, f, alpha)
    start = values((m, n), dtype, 4)
    into = start.copy()
    product(a, b, into, alpha, 2, into)
    near(into, a, b, start, alpha)


@pytest.mark.parametrize("dtype", TYPES)
def test_what_is_not_finite_reaches_its_own_row_and_column_alone(dtype):
    a, b = values((R + 3, 300), dtype, 0), values((300, 37), dtype, 1)
    a[R, 4], b[299, 5] = np.inf, np.nan
    b[7] = 0
    a[2, 7] = np.inf
    got = product(a, b)
    assert np.isnan(got[:, 5]).all()
    assert np.isnan(got[2]).all(), "infinity times zero is not a number"
    bad = ~np.isfinite(got)
    assert bad[R].all()
    assert bad.sum() == (R + 3) + 2 * 36


# ---- programs ----


@pytest.fixture
def every_product(monkeypatch):
    """Every product with two known sizes goes by blocks, on any machine."""
    monkeypatch.setattr(fuse, "MOST_WEIGHTS", 0)
    monkeypatch.setattr(blocked, "NARROW", 0)
    monkeypatch.setattr(blocked, "WIDE", 0)


def network(dtype, backend, sizes=(50, 70, 33, 5)):
    x, y = mt.placeholder("x", ("n", sizes[0]), dtype), mt.placeholder("y", ("n", sizes[-1]), dtype)
    model = mt.nn.MLP(sizes[0], list(sizes[1:]), seed=0, dtype=dtype)
    loss = mt.mse_loss(model(x), y)
    step = mt.compile([x, y], loss, updates=mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), backend=backend)
    return step, model


@pytest.mark.parametrize("dtype", TYPES)
def test_a_network_trains_as_by_the_interpreter(every_product, dtype):
    (c, ours), (interpreted, theirs) = network(dtype, "c"), network(dtype, "interpreter")
    assert c.source.count("mt_blocked_") >= 9
    assert "struct blas {" not in c.source
    for n in (1, 64, 0, 3, 700):
        batch = values((n, 50), dtype, n), values((n, 5), dtype, n + 1)
        np.testing.assert_allclose(c(*batch), interpreted(*batch), rtol=1e-4 if dtype == "float32" else 1e-10)
    for got, want in zip(ours.parameters(), theirs.parameters(), strict=True):
        tolerance = 2e-4 if dtype == "float32" else 1e-10
        np.testing.assert_allclose(got.data, want.data, rtol=tolerance, atol=tolerance)


def test_threads_share_a_large_product_and_change_no_bit_of_it(monkeypatch):
    """A product and what is added to it; sums over a batch are joined in the order of the threads."""
    monkeypatch.setattr(blocked, "WIDE", 0)
    x, w = mt.placeholder("x", ("n", 640)), mt.parameter(values((640, 900), "f4", 0))
    bias, g = mt.parameter(values((900,), "f4", 1)), mt.placeholder("g", ("n", 900))
    update = {w: w - 0.1 * (mt.transpose(x) @ g)}
    found = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("MINITORCH_THREADS", threads)
        w.data[...] = values((640, 900), "f4", 0)
        program = mt.compile([x, g], mt.tanh(x @ w + bias), updates=update, backend="c")
        assert "team->size" in program.source
        batch = values((300, 640), "f4", 2), values((300, 900), "f4", 3)
        y = program(*batch)
        np.testing.assert_allclose(y, np.tanh(batch[0] @ values((640, 900), "f4", 0) + bias.data), rtol=2e-3, atol=2e-4)
        found.append((y.tobytes(), w.data.tobytes()))
    assert found[0] == found[1] == found[2]


def test_what_is_narrow_or_small_or_of_unknown_width_is_left_to_others():
    x, y = mt.placeholder("x", ("n", 70_000)), mt.placeholder("y", ("n", 20))
    narrow, small = mt.parameter(np.ones((70_000, 10), "f4")), mt.parameter(np.ones((20, 300), "f4"))
    nodes = [x @ narrow, y @ small, y @ mt.transpose(y), mt.parameter(np.ones((900, 900), "f4")) @ y.reshape((900, -1))]
    assert not any(blocked.is_blocked(node, LANES) for node in nodes)
    large = mt.placeholder("z", ("n", 900)) @ mt.parameter(np.ones((900, 900), "f4"))
    assert blocked.is_blocked(large, LANES)
    assert not blocked.is_blocked(large, Lanes(32))
