"""Indexing and functions that read by index, against NumPy: known and unknown sizes, values, gradients, errors."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import minitorch as mt

X = mt.placeholder("rows", ("n", 3), "float64")
BOUNDS = st.none() | st.integers(-6, 6)
SLICES = st.builds(slice, BOUNDS, BOUNDS, st.none() | st.integers(-3, 3).filter(bool))


def numbers(shape):
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape)


def scattered(shape, key, weights):
    """The gradient of sum(x[key] * weights): NumPy's own scatter."""
    result = np.zeros(shape)
    np.add.at(result, key, weights)
    return result


@st.composite
def masks(draw, shape):
    """A mask over the first axes of `shape`."""
    return np.array(
        draw(st.lists(st.booleans(), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))), bool
    ).reshape(shape)


@st.composite
def indexed(draw):
    """A shape and a key of ints, slices, arrays of ints and of bools (broadcast together), `...` and None."""
    shape = draw(array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
    common = draw(array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    keys, axis, masked = [], 0, False
    while axis < len(shape) and draw(st.integers(0, 5)):
        size = shape[axis]
        kind = draw(st.sampled_from(["slice", "slice", "int", "ints", "ints", "mask"]))
        if kind == "mask" and not masked and common == ():
            rank = draw(st.integers(1, len(shape) - axis))
            keys.append(draw(masks(shape[axis : axis + rank])))
            axis, masked = axis + rank, True
            continue
        if kind == "slice" or (kind in ("int", "mask") and not size):
            keys.append(draw(SLICES))
        elif kind in ("int", "mask"):
            keys.append(draw(st.integers(-size, size - 1)))
        else:
            kept = tuple(1 if draw(st.integers(0, 3)) == 0 else n for n in common)[draw(st.integers(0, len(common))) :]
            keys.append(
                np.array(
                    draw(
                        st.lists(
                            st.integers(-size, max(size - 1, -size)),
                            min_size=int(np.prod(kept)),
                            max_size=int(np.prod(kept)),
                        )
                    ),
                    "int64",
                ).reshape(kept)
            )
        axis += 1
    if draw(st.booleans()):
        keys.insert(draw(st.integers(0, len(keys))), Ellipsis)
    for _ in range(draw(st.integers(0, 2))):
        keys.insert(draw(st.integers(0, len(keys))), None)
    return shape, tuple(keys)


@given(indexed(), st.booleans())
@example(((2, 3, 4), (0, slice(None), [1, 2])), False)
@example(((2, 3, 4), ([0, 1], slice(None), [1, 2])), True)
@example(((2, 3, 4), (slice(None), [0, 1], [1, 2])), True)
@example(((2, 3, 4), ([0, 1], None, [1, 2])), False)
@example(((2, 3, 4), (slice(None), 0, [[1, 2]])), True)
@example(((4, 3), (slice(None, None, -2), np.array([True, False, True]))), True)
@example(((2, 3), (..., np.array([True, False, True]))), True)
@example(((2, 3), (np.array([[True, False, True], [False, False, True]]),)), False)
@example(((0, 3), (np.zeros(0, "int64"),)), True)
def test_any_index(case, unknown):
    shape, key = case
    a = numbers(shape)
    x = mt.placeholder("x", [f"n{i}" if unknown and not masked(key) else n for i, n in enumerate(shape)], "float64")
    try:
        want = a[key]
    except IndexError:
        with pytest.raises((ValueError, IndexError)):
            mt.compile([x], x[key])(a)
        return
    weights = numbers(want.shape) + 0.5
    out = x[key]
    w = mt.placeholder("w", out.shape, "float64")
    for backend in ("numpy", "interpreter"):
        got, slope = mt.compile([x, w], [out, *mt.vjp([out], [x], [w])], backend=backend)(a, weights)
        assert got.shape == want.shape
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(slope, scattered(shape, key, weights))


def masked(key):
    return any(isinstance(k, np.ndarray) and k.dtype == bool for k in key)


@given(st.tuples(SLICES | st.sampled_from([None, Ellipsis, 0, -1]), SLICES | st.integers(-3, 2)))
@example((slice(-9, None, -1), slice(None)))
@example((slice(5, 1, -3), slice(2, -9, -1)))
@example((0, -3))
def test_one_program_for_all_sizes(key):
    out = X[key]
    w = mt.placeholder("w", out.shape, "float64")
    program, plain = mt.compile([X, w], [out, *mt.vjp([out], [X], [w])]), mt.compile([X], out)
    for n in (3, 0, 1, 2, 7):
        a = numbers((n, 3))
        try:
            want = a[key]
        except IndexError:
            with pytest.raises(ValueError, match="slice: axis 0 of 'rows', which is"):
                plain(a)
            continue
        got, slope = program(a, numbers(want.shape))
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(slope, scattered(a.shape, key, numbers(want.shape)))


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8"])
@pytest.mark.parametrize(
    "make",
    [
        lambda x, i: x[i],
        lambda x, i: x[i, 0],
        lambda x, i: x[:, i],
        lambda x, i: x[i, i],
        lambda x, i: mt.take(x, i, 1),
        lambda x, i: mt.take(x, i),
    ],
)
def test_tensors_of_ints_as_indices(make, dtype):
    i = mt.placeholder("i", ("k",), dtype)
    program = mt.compile([X, i], [make(X, i), *mt.vjp([make(X, i)], [X], [mt.ones_like(make(X, i))])])
    for n in (3, 5):
        for index in ([], [2], [0, 2, 2, 1], *([[-1, -3, 0]] if dtype != "uint8" else [])):
            a, index = numbers((n, 3)), np.array(index, dtype)
            want = make_numpy(make, a, index)
            got, slope = program(a, index)
            np.testing.assert_array_equal(got, want)
            places = make_numpy(make, np.arange(a.size).reshape(a.shape), index)
            np.testing.assert_array_equal(slope.ravel(), np.bincount(places.ravel(), minlength=a.size))


def make_numpy(make, a, index):
    """The same function of arrays: NumPy has `take` under the same name."""

    class Arrays:
        take = staticmethod(np.take)

    return type(make)(make.__code__, {"mt": Arrays})(a, index)


@pytest.mark.parametrize("backend", ["numpy", "interpreter"])
@pytest.mark.parametrize("index", [[3], [0, -4], [-1000], [2**40]])
@pytest.mark.parametrize(
    "make",
    [
        lambda x, i: x[i],
        lambda x, i: x[i, 0],
        lambda x, i: mt.take(x, i, 0),
        lambda x, i: mt.take_along_axis(x, i.reshape(-1, 1), 0),
        lambda x, i: x[i, i * 0],
        lambda x, i: mt.take(x * 1, i - 0, 0) + 1,
    ],
)
def test_an_index_that_is_not_there_raises_and_changes_nothing(make, index, backend):
    i, count = mt.placeholder("i", ("k",), "int64"), mt.variable(0.0, name="count")
    program = mt.compile([X, i], make(X, i), updates={count: count + 1}, backend=backend)
    program(np.ones((3, 3)), [0, 1])
    with pytest.raises(IndexError, match=r"out of (range|bounds)"):
        program(np.ones((3, 3)), index)
    assert count.data == 1.0
    program(np.ones((3, 3)), [2, 0])
    assert count.data == 2.0


def test_an_index_that_is_not_there_names_the_function_and_the_line():
    i = mt.placeholder("i", ("k",), "int64")
    program = mt.compile([X, i], mt.take(X, i, 0))
    with pytest.raises(IndexError, match=r"take.*test_indexing\.py"):
        program(np.ones((2, 3)), [5])


# ---- take_along_axis ----


@given(array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3), st.data())
def test_take_along_axis(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    length = data.draw(st.integers(0, 4))
    wide = [length if k == axis % len(shape) else n for k, n in enumerate(shape)]
    wide = [1 if k != axis % len(shape) and data.draw(st.booleans()) else n for k, n in enumerate(wide)]
    size = shape[axis]
    index = np.array(
        data.draw(st.lists(st.integers(-size, size - 1), min_size=int(np.prod(wide)), max_size=int(np.prod(wide)))),
        "int64",
    ).reshape(wide)
    a, x = numbers(shape), mt.placeholder("x", shape, "float64")
    out, want = mt.take_along_axis(x, index, axis), np.take_along_axis(a, index, axis)
    got, slope = mt.compile([x], [out, mt.grad((out * numbers(want.shape)).sum(), x)])(a)
    np.testing.assert_array_equal(got, want)
    places = np.take_along_axis(np.arange(a.size).reshape(shape), index, axis)
    np.testing.assert_allclose(slope.ravel(), np.bincount(places.ravel(), numbers(want.shape).ravel(), a.size))


def test_the_greatest_is_where_argmax_says(through):
    through(
        lambda x: mt.take_along_axis(x, mt.argmax(x, 1, keepdims=True), 1),
        lambda a: np.take_along_axis(a, a.argmax(1, keepdims=True), 1),
        ("n", 3),
    )
    through(
        lambda x: mt.take_along_axis(x, mt.argmin(x, 0, keepdims=True), 0),
        lambda a: np.take_along_axis(a, a.argmin(0, keepdims=True), 0),
        ("n", 3),
    )


# ---- diagonals and triangles, arange and one_hot ----


@pytest.mark.parametrize("k", [0, 1, -1, 2, -2, 5, -5])
def test_diagonals_and_triangles_of_unknown_sizes(through, k):
    through(lambda x: mt.diagonal(x, k), lambda a: np.diagonal(a, k), ("n", 3))
    through(lambda x: mt.diagonal(x, k, 2, 0), lambda a: np.diagonal(a, k, 2, 0), ("n", 2, "m"))
    through(lambda x: mt.diagonal(x, k, -2, -1), lambda a: np.diagonal(a, k, -2, -1), (2, "n", "m"))
    through(lambda x: mt.trace(x, k), lambda a: np.trace(a, k), ("n", "m"))
    through(lambda x: mt.trace(x, k, 1, 2), lambda a: np.trace(a, k, 1, 2), (2, "n", 3))
    through(lambda x: mt.tril(x, k), lambda a: np.tril(a, k), ("n", 3))
    through(lambda x: mt.triu(x, k), lambda a: np.triu(a, k), (2, "n", "m"))


@pytest.mark.parametrize("dtype", ["float32", "int64", "int32", "uint8", "bool"])
def test_triangles_and_traces_of_every_dtype(dtype):
    a = np.array([[1, 0, 1], [1, 1, 1]]).astype(dtype)
    x = mt.placeholder("x", a.shape, dtype)
    for got, want in (
        (mt.tril(x), np.tril(a)),
        (mt.triu(x, 1), np.triu(a, 1)),
        (mt.diagonal(x), np.diagonal(a)),
        (mt.trace(x), np.trace(a)),
    ):
        value = mt.compile([x], got)(a)
        assert value.dtype == want.dtype or dtype in ("int32", "uint8"), (
            value.dtype,
            want.dtype,
        )  # NumPy adds uint8 as uint64
        np.testing.assert_array_equal(value, want)


@pytest.mark.parametrize(
    "bounds", [(5,), (0,), (-3,), (2, 7), (7, 2), (2, 9, 3), (9, 2, -3), (0, 10, 10), (3, 3), (-5, 5, 4)]
)
@pytest.mark.parametrize("dtype", ["int64", "float32", "int8"])
def test_arange(bounds, dtype):
    got, want = mt.compile([], mt.arange(*bounds, dtype=dtype))(), np.arange(*bounds, dtype=dtype)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


def test_arange_of_unknown_sizes(through):
    through(lambda x: mt.arange(x.shape[0]), lambda a: np.arange(len(a)), ("n",), gradient=False)
    through(lambda x: mt.arange(1, x.shape[0] + 2, 2), lambda a: np.arange(1, len(a) + 2, 2), ("n",), gradient=False)
    through(lambda x: mt.arange(x.shape[0], -1, -3), lambda a: np.arange(len(a), -1, -3), ("n",), gradient=False)
    through(
        lambda x: mt.arange(x.shape[0] - 1, dtype="float64") * x[1:],
        lambda a: np.arange(len(a) - 1.0) * a[1:],
        ("n",),
        sizes=(1, 2, 5),
    )


@pytest.mark.parametrize("arguments", [(0, 1, 5), (0.5, -2.5, 4), (1, 1, 3), (0, 1, 1), (0, 1, 0), (-1e30, 1e30, 7)])
def test_linspace(arguments):
    for dtype in ("float32", "float64"):
        got = mt.compile([], mt.linspace(*arguments, dtype=dtype))()
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, np.linspace(*arguments).astype(dtype))
    assert mt.linspace(0, 1).shape == (50,)


@pytest.mark.parametrize("labels", [[], [0], [2, 0, 1, 2], [-1, 3, 7]])
@pytest.mark.parametrize("dtype", ["int64", "int32", "int8"])
def test_one_hot(labels, dtype):
    k = mt.placeholder("k", ("n",), dtype)
    for target in ("float32", "float64", "int64", "bool"):
        got = mt.compile([k], mt.one_hot(k, 3, target))(np.array(labels, dtype))
        want = np.array([[label == c for c in range(3)] for label in labels], bool).reshape(-1, 3)
        assert got.dtype == target
        assert got.shape == (len(labels), 3)
        np.testing.assert_array_equal(got, want.astype(target))


def test_one_hot_of_more_axes_and_unknown_classes():
    k = mt.placeholder("k", ("n", 2), "int64")
    program = mt.compile([k, X], mt.one_hot(k, X.shape[0] + 1))
    for n in (0, 1, 4):
        labels = np.arange(2 * n).reshape(n, 2)
        np.testing.assert_array_equal(
            program(labels, np.zeros((n, 3))), (labels[..., None] == np.arange(n + 1)).astype("float32")
        )


# ---- errors ----

K = mt.placeholder("known", (2, 3), "float64")
FLOATS = mt.placeholder("floats", (2,), "float32")
UNKNOWN = mt.placeholder("flags", (2,), "bool")

ERRORS = {
    "too many": (lambda: K[0, 0, 0], "indexing", "3 indices", "2 axes"),
    "two dots": (lambda: K[..., ...], "indexing"),
    "out of range": (lambda: K[2], "indexing", "index 2", "axis 0", "size 2"),
    "out of range back": (lambda: K[:, -4], "indexing", "index -4", "axis 1", "size 3"),
    "word": (lambda: K["a"], "indexing", "str"), "float": (lambda: K[1.5], "indexing", "float"),
    "floats": (lambda: K[[0.5]], "indexing", "float64"),
    "a tensor of floats": (lambda: K[FLOATS], "indexing", "float32"), "step 0": (lambda: K[::0], "indexing", "step 0"),
    "slice of a word": (lambda: K["a":], "indexing", "'a'"),
    "unknown mask": (lambda: K[UNKNOWN], "indexing", "mask", "where"),
    "mask too long": (lambda: K[np.array([True, False, True])], "indexing", "mask", "bool[3]"),
    "mask after dots": (lambda: K[..., np.array([True, False])], "indexing", "mask", "bool[2]"),
    "mask after dots, too long": (lambda: K[..., np.array([True, False, False, False])], "indexing", "mask",
        "bool[4]"), "mask after a slice": (lambda: K[:, np.array([True, False])], "indexing", "mask", "bool[2]"),
        "arrays that do not broadcast": (lambda: K[[0, 1], [0, 1, 2]], "indexing", "(2,)", "(3,)"),
    "array out of range": (lambda: K[[0, 2]], "indexing", "index 2", "axis 0", "size 2"),
    "int beside an array": (lambda: K[5, [0]], "indexing", "index 5", "axis 0"),
    "take": (lambda: mt.take(K, [3], 1), "take", "index 3", "axis 1", "size 3"),
    "take flat": (lambda: mt.take(K, -7), "take", "index -7", "size 6"),
    "take axis": (lambda: mt.take(K, [0], 2), "take", "axis 2"),
    "take floats": (lambda: mt.take(K, [0.5], 0), "take", "ints", "float64"),
    "take_along_axis rank": (lambda: mt.take_along_axis(K, [0], 0), "take_along_axis", "f64[2, 3]", "i64[1]", "rank"),
    "take_along_axis sizes": (lambda: mt.take_along_axis(K, [[0], [0], [0]], 1), "take_along_axis", "axis 0"),
    "take_along_axis axis": (lambda: mt.take_along_axis(K, [[0]], 5), "take_along_axis", "axis 5"),
    "take_along_axis range": (lambda: mt.take_along_axis(K, [[9]], 0), "take_along_axis", "index 9", "size 2"),
    "diagonal": (lambda: mt.diagonal(K, 0, 0, -2), "diagonal", "axis 0"),
    "diagonal of a line": (lambda: mt.diagonal(FLOATS), "diagonal", "axis 1"),
    "trace of a line": (lambda: mt.trace(FLOATS), "trace", "axis 1"),
    "tril": (lambda: mt.tril(FLOATS), "tril", "matrix", "f32[2]"), "triu": (lambda: mt.triu(FLOATS), "triu", "matrix"),
    "arange": (lambda: mt.arange(0.5), "arange", "0.5", "is an int"),
    "arange step": (lambda: mt.arange(0, 5, 0), "arange", "0"),
    "linspace": (lambda: mt.linspace(0, 1, -1), "linspace", "-1"),
    "one_hot": (lambda: mt.one_hot(FLOATS, 3), "one_hot", "float32", "ints"),
    "one_hot classes": (lambda: mt.one_hot(mt.placeholder("k", (2,), "int64"), -1), "one_hot", "-1"),
    "one_hot float classes": (lambda: mt.one_hot(mt.placeholder("k", (2,), "int64"), 2.5), "one_hot", "2.5"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_name_the_function_what_was_met_and_the_line(refused, name):
    call, function, *words = ERRORS[name]
    refused(call, function, *words)
