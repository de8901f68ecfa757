"""Functions that reorder, join, cut and repeat, against NumPy, with sizes that are unknown until a program runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import minitorch as mt

X = mt.placeholder("rows", ("n", 3), "float64")

# what, the same in NumPy, the shape of the operand
CASES = {
    "transpose": (mt.transpose, np.transpose, ("n", 2, "m")),
    "transpose axes": (lambda x: mt.transpose(x, (2, 0, -2)), lambda a: a.transpose(2, 0, -2), ("n", 2, "m")),
    "swapaxes": (lambda x: mt.swapaxes(x, 0, -1), lambda a: a.swapaxes(0, -1), ("n", 2, "m")),
    "moveaxis": (lambda x: mt.moveaxis(x, 0, -1), lambda a: np.moveaxis(a, 0, -1), ("n", 2, "m")),
    "moveaxis of two": (lambda x: mt.moveaxis(x, [0, -1], [1, 0]), lambda a: np.moveaxis(a, [0, -1], [1, 0]),
        ("n", 2, "m")),
    "reshape": (lambda x: mt.reshape(x, (x.shape[0], 4)), lambda a: a.reshape(a.shape[0], 4), ("n", 2, 2)),
    "reshape to a line": (lambda x: mt.reshape(x, -1), lambda a: a.reshape(-1), ("n", 2)),
    "reshape with a hole": (lambda x: x.reshape(2, -1), lambda a: a.reshape(2, -1), ("n", 2)),
    "reshape two into one": (lambda x: x.reshape(x.shape[0] * x.shape[2], 2),
        lambda a: a.reshape(-1, 2) if a.size else a.reshape(a.shape[0] * a.shape[2], 2), ("n", 2, "m")),
    "reshape an odd hole": (lambda x: x.reshape(-1, 2), lambda a: a.reshape(-1, 2), ("n", 3)),
    "expand_dims": (lambda x: mt.expand_dims(x, 1), lambda a: np.expand_dims(a, 1), ("n", 2)),
    "expand_dims last": (lambda x: mt.expand_dims(x, -1), lambda a: np.expand_dims(a, -1), ("n",)),
    "expand_dims of two": (lambda x: mt.expand_dims(x, (0, -1)), lambda a: np.expand_dims(a, (0, -1)), ("n",)),
    "squeeze": (mt.squeeze, lambda a: a[:, :, 0], ("n", 2, 1)),
    "squeeze axis": (lambda x: mt.squeeze(x, -2), lambda a: np.squeeze(a, -2), (1, "n", 1, 2)),
    "squeeze axes": (lambda x: mt.squeeze(x, (0, 2)), lambda a: np.squeeze(a, (0, 2)), (1, "n", 1)),
    "concatenate": (lambda x: mt.concatenate([x, x * 2, x]), lambda a: np.concatenate([a, a * 2, a]), ("n", 2)),
    "concatenate last": (lambda x: mt.concatenate([x, x], -1), lambda a: np.concatenate([a, a], -1), (2, "n")),
    "stack": (lambda x: mt.stack([x, x * x], 1), lambda a: np.stack([a, a * a], 1), ("n", 2)),
    "stack last": (lambda x: mt.stack([x, x * x], -1), lambda a: np.stack([a, a * a], -1), ("n",)),
    "split": (lambda x: mt.split(x, 2, -1)[1], lambda a: np.split(a, 2, -1)[1], ("n", 4)),
    "split at": (lambda x: mt.split(x, [1, 3], 1)[1], lambda a: np.split(a, [1, 3], 1)[1], ("n", 4)),
    "split of a double": (lambda x: mt.split(mt.concatenate([x, x * x]), 2)[1], lambda a: a * a, ("n", 2)),
    "split unknown": (lambda x: mt.split(x, 2)[1], lambda a: np.split(a, 2)[1], ("n", 2)),
    "split unknown at": (lambda x: mt.split(x, [1, 2])[1], lambda a: np.split(a, [1, 2])[1], ("n", 2)),
    "split unknown tail": (lambda x: mt.split(x, [-2])[1], lambda a: np.split(a, [-2])[1], ("n", 2)),
    "flip": (mt.flip, np.flip, ("n", 2)), "flip axis": (lambda x: mt.flip(x, 0), lambda a: np.flip(a, 0), ("n", 2)),
    "flip axes": (lambda x: mt.flip(x, (0, -1)), lambda a: np.flip(a, (0, -1)), ("n", 2, "m")),
    "roll": (lambda x: mt.roll(x, 2, -1), lambda a: np.roll(a, 2, -1), ("n", 5)),
    "roll unknown": (lambda x: mt.roll(x, 1, 0), lambda a: np.roll(a, 1, 0), ("n", 2)),
    "roll unknown back": (lambda x: mt.roll(x, -4, 0), lambda a: np.roll(a, -4, 0), ("n", 2)),
    "roll flat": (lambda x: mt.roll(x, 3), lambda a: np.roll(a, 3), ("n", 2)),
    "roll two": (lambda x: mt.roll(x, (1, -1), (0, 1)), lambda a: np.roll(a, (1, -1), (0, 1)), (3, 2)),
    "broadcast_to": (lambda x: mt.broadcast_to(x, (4, x.shape[0], 2)),
        lambda a: np.broadcast_to(a, (4, a.shape[0], 2)), ("n", 1)),
        "broadcast_to unknown": (lambda x: mt.broadcast_to(mt.sum(x, 0, True), x.shape),
            lambda a: np.broadcast_to(a.sum(0, keepdims=True), a.shape), ("n", 2)),
    "repeat": (lambda x: mt.repeat(x, 2, 0), lambda a: np.repeat(a, 2, 0), ("n", 2)),
    "repeat flat": (lambda x: mt.repeat(x, 3), lambda a: np.repeat(a, 3), ("n", 2)),
    "repeat none": (lambda x: mt.repeat(x, 0, -1), lambda a: np.repeat(a, 0, -1), ("n", 2)),
    "tile": (lambda x: mt.tile(x, 2), lambda a: np.tile(a, 2), ("n", 2)),
    "tile pair": (lambda x: mt.tile(x, (2, 3)), lambda a: np.tile(a, (2, 3)), ("n", 2)),
    "tile more": (lambda x: mt.tile(x, (2, 1, 3)), lambda a: np.tile(a, (2, 1, 3)), ("n", 2)),
    "tile none": (lambda x: mt.tile(x, (0, 1)), lambda a: np.tile(a, (0, 1)), ("n", 2)),
    "pad": (lambda x: mt.pad(x, 1), lambda a: np.pad(a, 1), ("n", 2)),
    "pad pair": (lambda x: mt.pad(x, (1, 2), 5.0), lambda a: np.pad(a, (1, 2), constant_values=5.0), ("n", 2)),
    "pad pairs": (lambda x: mt.pad(x, [(1, 0), (0, 2)]), lambda a: np.pad(a, [(1, 0), (0, 2)]), ("n", 2)),
    "pad one pair": (lambda x: mt.pad(x, ((1, 2),)), lambda a: np.pad(a, ((1, 2),)), ("n", 2)),
    "pad in a tuple": (lambda x: mt.pad(x, (2,)), lambda a: np.pad(a, (2,)), ("n",)),
    "pad a number of NumPy": (lambda x: mt.pad(x, np.int64(1)), lambda a: np.pad(a, np.int64(1)), ("n", 2)),
    "split by a number of NumPy": (lambda x: mt.split(x, np.int64(2), 1)[0], lambda a: np.split(a, np.int64(2), 1)[0],
        ("n", 4)),
    "methods": (lambda x: x.transpose(1, 0).reshape(2, x.shape[0]).T, lambda a: a, ("n", 2)),
    "scalar": (lambda x: mt.pad(mt.flip(mt.transpose(mt.sum(x))), 1), lambda a: a.sum(), ("n", 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES))
def test_one_program_for_all_sizes_as_numpy(through, name):
    make, reference, shape = CASES[name]
    through(make, reference, shape)


@given(array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3), st.data())
def test_moves_of_any_axes(shape, data):
    rank, a = len(shape), np.arange(float(np.prod(shape))).reshape(shape)
    x = mt.placeholder("x", shape, "float64")
    order = data.draw(st.permutations(range(rank)))
    np.testing.assert_array_equal(mt.transpose(x, order).eval({x: a}) if rank else x.eval({x: a}), a.transpose(order))
    sources, places = (data.draw(st.permutations(range(rank)))[: rank // 2 + 1] for _ in range(2))
    np.testing.assert_array_equal(mt.moveaxis(x, sources, places).eval({x: a}), np.moveaxis(a, sources, places))
    times = data.draw(st.lists(st.integers(0, 3), max_size=5))
    np.testing.assert_array_equal(mt.tile(x, times).eval({x: a}), np.tile(a, times))
    widths = data.draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * rank))
    np.testing.assert_array_equal(
        mt.pad(x, list(widths), 7.0).eval({x: a}), np.pad(a, widths, constant_values=7.0) if rank else a
    )
    if rank:
        axis, shift = data.draw(st.integers(-rank, rank - 1)), data.draw(st.integers(-7, 7))
        np.testing.assert_array_equal(mt.roll(x, shift, axis).eval({x: a}), np.roll(a, shift, axis))
        np.testing.assert_array_equal(mt.roll(x, shift).eval({x: a}), np.roll(a, shift))
        np.testing.assert_array_equal(mt.repeat(x, 2, axis).eval({x: a}), np.repeat(a, 2, axis))
        places = data.draw(st.lists(st.integers(-4, 4), max_size=3))
        for ours, numpys in zip(mt.split(x, places, axis), np.split(a, places, axis), strict=True):
            np.testing.assert_array_equal(ours.eval({x: a}), numpys)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "bool"])
def test_moves_keep_the_dtype(dtype):
    a = np.array([[1, 0, 1], [0, 0, 1]]).astype(dtype)
    x = mt.placeholder("x", a.shape, dtype)
    for make, reference in (
        (lambda x: mt.pad(x, 1), lambda a: np.pad(a, 1)),
        (lambda x: mt.pad(x, 1, 1), lambda a: np.pad(a, 1, constant_values=1)), (mt.flip, np.flip),
        (mt.zeros_like, np.zeros_like),
        (mt.ones_like, np.ones_like), (lambda x: mt.full_like(x, 1), lambda a: np.full_like(a, 1)),
        (lambda x: mt.roll(x, 1), lambda a: np.roll(a, 1)), (lambda x: mt.tile(x, 2), lambda a: np.tile(a, 2)),
        (lambda x: mt.full_like(x, 1.5, "float64"), lambda a: np.full_like(a, 1.5, "float64")),
        (lambda x: mt.repeat(x, 2), lambda a: np.repeat(a, 2)),
        (lambda x: mt.pad(x, 1, 0.5), lambda a: np.pad(a, 1, constant_values=0.5)),
    ):  # fmt: skip
        got, want = mt.compile([x], make(x))(a), reference(a)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.0, 1e300])
def test_pad_with_special_values(value):
    x = mt.placeholder("x", (2,), "float64")
    got, want = mt.pad(x, 1, value).eval({x: [1.0, np.nan]}), np.pad(np.array([1.0, np.nan]), 1, constant_values=value)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got[[0, -1]]), np.signbit(want[[0, -1]]))


def test_like_of_unknown_sizes(through):
    through(mt.zeros_like, np.zeros_like, ("n", 2), gradient=False)
    through(mt.ones_like, np.ones_like, ("n", "m"), gradient=False)
    through(lambda x: mt.full_like(x, 2.5), lambda a: np.full_like(a, 2.5), ("n",), gradient=False)
    with pytest.raises(mt.errors.GradientError, match="does not depend on it"):
        mt.grad(mt.zeros_like(X).sum(), X)


ERRORS = {
    "transpose": (lambda: mt.transpose(X, (0, 0)), "transpose", "(0, 0)"),
    "transpose rank": (lambda: mt.transpose(X, (0,)), "transpose", "2 axes"),
    "transpose axis": (lambda: mt.transpose(X, (0, 2)), "transpose", "axis 2", "2 axes"),
    "swapaxes": (lambda: mt.swapaxes(X, 0, 5), "swapaxes", "axis 5", "f64[n, 3]"),
    "moveaxis": (lambda: mt.moveaxis(X, (0, 1), (0, 0)), "moveaxis", "(0, 0)"),
    "moveaxis float": (lambda: mt.moveaxis(X, 0.5, 1), "moveaxis", "0.5", "int"),
    "reshape": (lambda: mt.reshape(mt.placeholder("k", (2, 3)), (4, 2)), "reshape", "6 elements", "8"),
    "reshape holes": (lambda: mt.reshape(X, (-1, -1)), "reshape", "(-1, -1)"),
    "reshape minus": (lambda: mt.reshape(X, (-2, 3)), "reshape", "(-2, 3)", "not a shape"),
    "reshape word": (lambda: mt.reshape(X, "n"), "reshape", "n"),
    "reshape hole": (lambda: mt.reshape(mt.placeholder("k", (5,)), (2, -1)), "reshape", "5 elements", "2"),
    "reshape zero": (lambda: mt.reshape(mt.placeholder("k", (0,)), (0, -1)), "reshape", "0"),
    "expand_dims": (lambda: mt.expand_dims(X, 4), "expand_dims", "axis 4"),
    "squeeze": (lambda: mt.squeeze(X, 1), "squeeze", "axis 1", "size 1"),
    "squeeze unknown": (lambda: mt.squeeze(X, 0), "squeeze", "axis 0", "f64[n, 3]"),
    "squeeze twice": (lambda: mt.squeeze(X, (0, 0)), "squeeze", "twice"),
    "concatenate": (lambda: mt.concatenate([X, mt.placeholder("k", (2, 4))]), "concatenate", "f64[n, 3]", "f64[2, 4]",
        "axis 1"),
    "concatenate nothing": (lambda: mt.concatenate([]), "concatenate", "nothing"),
    "concatenate rank": (lambda: mt.concatenate([X, mt.placeholder("k", (2,), "float64")]), "concatenate", "rank"),
    "concatenate axis": (lambda: mt.concatenate([X, X], 2), "concatenate", "axis 2"),
    "concatenate scalars": (lambda: mt.concatenate([mt.placeholder("k", ())]), "concatenate", "axis 0"),
    "stack": (lambda: mt.stack([]), "stack", "nothing"), "stack axis": (lambda: mt.stack([X], 3), "stack", "axis 3"),
    "stack shapes": (lambda: mt.stack([X, mt.placeholder("k", ("n", 2))]), "stack", "3", "2"),
    "split": (lambda: mt.split(X, 2, 1), "split", "axis 1", "size 3", "2 parts"),
    "split zero": (lambda: mt.split(X, 0, 1), "split", "0 parts"),
    "split axis": (lambda: mt.split(X, 2, 2), "split", "axis 2"),
    "split float": (lambda: mt.split(X, 1.5, 1), "split", "1.5"),
    "flip": (lambda: mt.flip(X, 2), "flip", "axis 2"), "roll": (lambda: mt.roll(X, 1, 3), "roll", "axis 3"),
    "roll bool": (lambda: mt.roll(X, True, 1), "roll", "True"),
    "roll pairs": (lambda: mt.roll(X, (1, 2, 3), (0, 1)), "roll", "(1, 2, 3)", "(0, 1)"),
    "split word": (lambda: mt.split(X, "ab", 1), "split", "'ab'"),
    "split floats": (lambda: mt.split(X, [1, 1.5], 1), "split", "1.5"),
    "zeros_like dtype": (lambda: mt.zeros_like(X, "complex64"), "zeros_like", "complex64"),
    "roll float": (lambda: mt.roll(X, 1.5, 1), "roll", "1.5"),
    "broadcast_to": (lambda: mt.broadcast_to(X, (2, 4)), "broadcast_to", "f64[n, 3]", "(2, 4)"),
    "broadcast_to less": (lambda: mt.broadcast_to(X, (3,)), "broadcast_to", "more axes"),
    "broadcast_to minus": (lambda: mt.broadcast_to(X, (-1, 3)), "broadcast_to", "(-1, 3)"),
    "repeat": (lambda: mt.repeat(X, -1), "repeat", "-1"),
    "repeat float": (lambda: mt.repeat(X, 1.5, 0), "repeat", "1.5"),
    "tile": (lambda: mt.tile(X, (2, -1)), "tile", "-1"), "tile float": (lambda: mt.tile(X, 1.5), "tile", "1.5"),
    "pad": (lambda: mt.pad(X, -1), "pad", "-1"), "pad pairs": (lambda: mt.pad(X, [(1, 1)] * 3), "pad", "2 axes"),
    "pad float": (lambda: mt.pad(X, 1.5), "pad", "1.5"),
    "pad of three": (lambda: mt.pad(X, (1, 2, 3)), "pad", "(1, 2, 3)"),
    "full_like dtype": (lambda: mt.full_like(X, 1, "complex64"), "full_like", "complex64"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_name_the_function_what_was_met_and_the_line(refused, name):
    call, function, *words = ERRORS[name]
    refused(call, function, *words)


def test_a_size_that_does_not_split_evenly_is_refused_when_a_program_runs():
    program = mt.compile([X], mt.split(X, 2))
    assert [part.shape for part in program(np.ones((4, 3)))] == [(2, 3), (2, 3)]
    with pytest.raises(ValueError, match=r"axis 0 of 'rows', which is 5, .* must be equal") as error:
        program(np.ones((5, 3)))
    assert "test_shape.py" in str(error.value)


def test_sizes_that_do_not_divide_are_refused_when_a_program_runs():
    program = mt.compile([X], X.reshape(-1, 2))
    assert program(np.ones((2, 3))).shape == (3, 2)
    with pytest.raises(ValueError, match=r"reshape: 3\*n = 9"):
        program(np.ones((3, 3)))
