"""Indexing: ints, slices with any step, `...`, None and arrays, for known and for unknown sizes; NumPy as oracle."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import minitorch as mt

BOUNDS = st.none() | st.integers(-7, 7)
SLICES = st.builds(slice, BOUNDS, BOUNDS, st.none() | st.integers(-4, 4).filter(bool))
SIZES = (0, 1, 2, 3, 4, 5, 9)


@st.composite
def keys(draw, rank, ints):
    """An index for an array of that rank: at most one entry an axis, one `...`, and None anywhere."""
    entries = draw(st.lists(SLICES | ints, max_size=rank))
    if draw(st.booleans()):
        entries.insert(draw(st.integers(0, len(entries))), Ellipsis)
    for _ in range(draw(st.integers(0, 2))):
        entries.insert(draw(st.integers(0, len(entries))), None)
    return entries[0] if len(entries) == 1 and draw(st.booleans()) else tuple(entries)


def numbers(shape):
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape)


def scattered(shape, key, weights):
    """The gradient of sum(x[key] * weights): NumPy's own scatter."""
    result = np.zeros(shape)
    np.add.at(result, key, weights)
    return result


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=3).flatmap(
        lambda shape: st.tuples(st.just(shape), keys(len(shape), st.integers(-4, 3)))
    )
)
@example(([4], slice(-9, None, -1)))
@example(([3], slice(2, -9, -1)))
def test_known_sizes(both, case):
    shape, key = case
    a, x = numbers(shape), mt.placeholder("x", shape, "float64")
    try:
        want = a[key]
    except IndexError:
        with pytest.raises(ValueError, match="index"):
            x[key]
        return
    weights = numbers(want.shape) + 0.5
    out = x[key]
    assert out.shape == want.shape
    got, slope = both([out, mt.grad((out * weights).sum(), x)], {x: a})
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(slope, scattered(shape, key, weights))


@given(keys(2, st.nothing()))
@example(slice(None, None, -1))
@example((slice(3, None, -2), slice(-1, None)))
@example(slice(-3, -1))
@example((slice(-2, 1, -1), None))
@example(slice(5, 2, -1))
def test_one_program_serves_every_size_of_a_slice(both, key):
    x = mt.placeholder("x", ("n", 4), "float64")
    out = x[key]
    weight = mt.placeholder("weight", (), "float64")
    slope = mt.grad((mt.square(out) * weight).sum(), x)
    programs = [mt.compile([x, weight], [out, slope], backend=backend) for backend in ("interpreter", "numpy")]
    for n in SIZES:
        a = numbers((n, 4))
        want = a[key]
        for program in programs:
            got, gradient = program(a, 3.0)
            assert got.shape == want.shape
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(gradient, scattered((n, 4), key, 6 * want))


@given(SLICES, SLICES)
def test_slices_of_slices(both, first, second):
    x = mt.placeholder("x", ("n",), "float64")
    out = x[first][second]
    program = mt.compile([x], [out, mt.grad((out * out).sum(), x)])
    for n in SIZES:
        a = numbers((n,))
        got, gradient = program(a)
        want = np.arange(n)[first][second]
        np.testing.assert_array_equal(got, a[want])
        np.testing.assert_array_equal(gradient, scattered((n,), want, 2 * a[want]))


@pytest.mark.parametrize("index", [0, 1, 3, -1, -2, -4])
def test_an_int_on_an_unknown_size_is_checked_when_it_runs(index):
    x = mt.placeholder("rows", ("n", 2), "float64")
    program = mt.compile([x], [x[index], mt.grad(x[index].sum(), x)])
    for n in SIZES:
        a = numbers((n, 2))
        if -n <= index < n:
            got, gradient = program(a)
            np.testing.assert_array_equal(got, a[index])
            np.testing.assert_array_equal(gradient, scattered((n, 2), index, np.ones(2)))
        else:
            with pytest.raises(ValueError, match=f"'rows', which is {n}") as error:
                program(a)
            assert "test_indexing.py" in str(error.value)


def test_an_int_and_a_slice_on_two_unknown_sizes():
    x = mt.placeholder("x", ("n", "m"), "float64")
    program = mt.compile([x], [x[-1, 1:], x[:, 0], x[::2, -2], x[..., None, 0]])
    for n, m in ((1, 2), (3, 5), (4, 2)):
        a = numbers((n, m))
        for got, want in zip(program(a), (a[-1, 1:], a[:, 0], a[::2, -2], a[..., None, 0])):
            np.testing.assert_array_equal(got, want)


def test_a_size_of_a_tensor_may_bound_a_slice():
    x, y = mt.placeholder("x", ("n", 2), "float64"), mt.placeholder("y", ("m", 2), "float64")
    joined = mt.concatenate([x, y])
    program = mt.compile([x, y], [joined[: x.shape[0]], joined[x.shape[0] :], joined[x.shape[0] - 1 :: -1]])
    for n, m in ((3, 2), (1, 4), (2, 0)):
        a, b = numbers((n, 2)), numbers((m, 2)) + 50
        for got, want in zip(program(a, b), (a, b, a[::-1])):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    "key",
    [
        np.int64(1),
        slice(np.int64(1), None),
        slice(None, np.int64(-1)),
        slice(None, None, np.int64(2)),
        (np.int32(0), np.int64(-1)),
    ],
)
def test_ints_of_numpy_are_ints(key):
    x, a = mt.placeholder("x", (3, 2)), numbers((3, 2))
    np.testing.assert_array_equal(x[key].eval({x: a}), a[key])


@pytest.mark.parametrize(
    "key",
    [
        1.5,
        "a",
        True,
        [0.5],
        [[0, 1], [2]],
        (0, 0, 0),
        3,
        [3],
        -4,
        (..., ...),
        slice(None, None, 0),
        slice(1.5, None),
        slice("a", None),
    ],
)
def test_what_is_no_basic_index_is_refused_at_the_users_line(key):
    x = mt.placeholder("pixels", (3, 2))
    with pytest.raises((ValueError, TypeError), match=r"index|slice") as error:
        x[key]
    assert "test_indexing.py" in str(error.value)
    assert "pixels" in str(error.value)


def test_a_tensor_bounds_no_slice_and_is_no_mask():
    x, k = mt.placeholder("pixels", (3, 2)), mt.placeholder("k", (), "int64")
    for key in (slice(k, None), slice(None, k), slice(None, None, k), x > 0, (slice(None), x[0] > 0)):
        with pytest.raises((TypeError, ValueError), match=r"k i64|mask") as error:
            x[key]
        assert "test_indexing.py" in str(error.value)
        assert "pixels" in str(error.value)


def test_neighbours():
    """The differences of neighbours, whose sizes are equal by arithmetic alone."""
    x = mt.placeholder("x", ("n",), "float64")
    program = mt.compile([x], [x[1:] - x[:-1], x[2:] - 2 * x[1:-1] + x[:-2], x[::2] - x[::2]])
    for n in SIZES:
        a = numbers((n,)) ** 2
        for got, want in zip(program(a), (np.diff(a), np.diff(a, 2), a[::2] * 0)):
            np.testing.assert_array_equal(got, want)


def test_slices_are_views_and_results_are_not(both):
    x, a = mt.placeholder("x", ("n", 3), "float64"), numbers((4, 3))
    got = mt.compile([x], [x[1:], x[::-1], x[...], x[None]])(a)
    for result in got:
        assert not np.shares_memory(result, a)
        result[...] = -1
    np.testing.assert_array_equal(a, numbers((4, 3)))


# ---- arrays of ints and of bools ----


@st.composite
def arrays_among_slices(draw, sizes):
    """An index with one to three arrays of ints that broadcast, ints, slices and None around them."""
    shape = draw(st.sampled_from([(2,), (3,), (2, 3), (1,), ()]))
    shapes = st.sampled_from([shape, shape[1:], (1,) * len(shape)])
    entries = []
    for size in sizes:
        kind = draw(st.sampled_from(["array", "array", "slice", "int"]))
        if kind == "array":
            part = draw(shapes)
            entries.append(
                np.array(
                    draw(
                        st.lists(st.integers(-size, size - 1), min_size=int(np.prod(part)), max_size=int(np.prod(part)))
                    )
                ).reshape(part)
            )
        else:
            entries.append(draw(SLICES if kind == "slice" else st.integers(-size, size - 1)))
    entries = entries[: draw(st.integers(1, len(entries)))]
    if draw(st.booleans()):
        entries.insert(draw(st.integers(0, len(entries))), None)
    return tuple(entries)


@given(arrays_among_slices((3, 4, 2)))
@example((slice(None), np.array([0, 3]), None, np.array([1, 0])))
@example((slice(None), np.array([[0, 3]]), slice(None, None, -1)))
@example((np.array([0, 2]), slice(None), np.array([[1], [0]])))
@example((slice(None), 1, np.array([1, 0, 1])))
def test_arrays_of_ints(both, key):
    a, x = numbers((3, 4, 2)), mt.placeholder("x", (3, 4, 2), "float64")
    key = tuple(k.astype("int64") if isinstance(k, np.ndarray) else k for k in key)
    want = a[key]
    weights = numbers(want.shape) + 0.5
    out = x[key]
    assert out.shape == want.shape
    got, slope = both([out, mt.grad((out * weights).sum(), x)], {x: a})
    np.testing.assert_array_equal(got, want)
    np.testing.assert_allclose(slope, scattered(a.shape, key, weights), rtol=1e-14)


def test_tensors_of_ints_and_unknown_sizes(both):
    x, k = mt.placeholder("x", ("n", 3), "float64"), mt.placeholder("k", ("m",), "int64")
    out = [x[k], x[k, 1:], x[k, -1], x[k, k], x[:, [2, 0]], x[[[0, 1], [-1, -2]]], x[k - 1]]
    for n, places in ((3, [0, 2, 2, -1]), (4, [1]), (5, [])):
        a, p = numbers((n, 3)), np.array(places, "int64")
        want = [a[p], a[p, 1:], a[p, -1], a[p, p], a[:, [2, 0]], a[[[0, 1], [-1, -2]]], a[p - 1]]
        got = both([*out, mt.grad(mt.square(x[k]).sum(), x)], {x: a, k: p})
        for g, w in zip(got, [*want, scattered(a.shape, p, 2 * a[p])]):
            np.testing.assert_array_equal(g, w)


def test_masks_that_are_known(both):
    a, x = numbers((3, 4)), mt.placeholder("x", (3, 4), "float64")
    mask, rows = np.array([[True, False, True, False]] * 3), np.array([True, False, True])
    for key in (
        mask,
        rows,
        (rows, slice(1, None)),
        (slice(None), mask[0]),
        (rows, 2),
        (Ellipsis, mask[0]),
        (rows, None),
    ):
        out = x[key]
        got, slope = both([out, mt.grad(mt.square(out).sum(), x)], {x: a})
        np.testing.assert_array_equal(got, a[key])
        np.testing.assert_array_equal(slope, scattered(a.shape, key, 2 * a[key]))
    for wrong in (mask.T, rows[:2], (slice(None), rows)):
        with pytest.raises(ValueError, match="mask"):
            x[wrong]


@pytest.mark.parametrize("backend", ["interpreter", "numpy"])
@pytest.mark.parametrize("places", [[0, 3], [-4], [10**12]])
def test_an_index_that_is_not_there_is_reported_by_name_when_it_runs(places, backend):
    x, k = mt.placeholder("rows", ("n", 2)), mt.placeholder("places", ("m",), "int64")
    w = mt.parameter(1.0, "w")
    program = mt.compile([x, k], (x[k] * w).sum(), {w: w + 1}, backend=backend)
    with pytest.raises(mt.errors.InputError, match=r"out of range|out of bounds") as error:
        program(numbers((3, 2)), places)
    assert "test_indexing.py" in str(error.value)
    assert str(places[-1]) in str(error.value)
    assert float(w.data) == 1.0
    assert float(program(np.ones((3, 2)), [0])) == 2.0
