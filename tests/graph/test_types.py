"""Types: how they print, which dtype a result has (PyTorch as oracle), which shape (NumPy as oracle)."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import minitorch as mt
from minitorch.graph.types import SHORT, broadcast, promote

DTYPES = [str(dtype) for dtype in SHORT]
FLOATS = ("float32", "float64")
PAIRS = list(itertools.product(DTYPES, DTYPES))


def of(dtype, shape=(3,)):
    return mt.placeholder("x", shape, dtype)


@pytest.mark.parametrize(
    ("shape", "dtype", "text"),
    [
        (("batch", 16), "float32", "f32[batch, 16]"), ((), "float64", "f64[]"), ((None, 2), "int64", "i64[?, 2]"),
        ((0,), "bool", "bool[0]"),
        (("n",), "uint8", "u8[n]"), ((1, 2, 3), "int8", "i8[1, 2, 3]"), ("n", "int16", "i16[n]"),
        (5, "int32", "i32[5]"),
    ],
)  # fmt: skip
def test_types_print_on_one_line(shape, dtype, text):
    assert str(of(dtype, shape).type) == text


def test_types_print_sizes_that_were_computed():
    x = of("float32", ("n", 3))
    assert str(x[1:].type) == "f32[max(0, n - 1), 3]"
    assert str(mt.concatenate([x, x, x]).type) == "f32[3*n, 3]"
    assert str(mt.concatenate([x, mt.placeholder("y", ("m", 3))]).type) in ("f32[n + m, 3]", "f32[m + n, 3]")


def test_equal_types_are_equal_and_copies_too():
    a, b = of("float32", ("n", 3)).type, of("float32", ("n", 3)).type
    assert a == b
    assert hash(a) == hash(b)
    assert a != of("float64", ("n", 3)).type
    assert a != of("float32", ("m", 3)).type
    assert pickle.loads(pickle.dumps(a)) == a
    assert copy.deepcopy(a) == a
    assert a.size == 3 * a.shape[0]


# ---- dtypes ----


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_two_tensors_meet_in_the_dtype_that_pytorch_has(a, b):
    torch = pytest.importorskip("torch")
    want = str(torch.promote_types(getattr(torch, a), getattr(torch, b))).removeprefix("torch.")
    assert str(promote(np.dtype(a), np.dtype(b))) == want
    for op in (mt.add, mt.multiply, mt.maximum):
        assert str(op(of(a), of(b)).dtype) == want
    assert str(mt.where(of("bool"), of(a), of(b)).dtype) == want


@pytest.mark.parametrize(("dtype", "number"), [(d, v) for d in DTYPES for v in (1, 1.5, True)])
def test_numbers_take_the_dtype_that_pytorch_gives_them(dtype, number):
    torch = pytest.importorskip("torch")
    want = str(torch.result_type(torch.ones(3, dtype=getattr(torch, dtype)), number)).removeprefix("torch.")
    for result in (of(dtype) + number, number + of(dtype), number * of(dtype), mt.maximum(of(dtype), number)):
        assert str(result.dtype) == want


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_division_gives_floats_as_in_pytorch(a, b):
    torch = pytest.importorskip("torch")
    want = (torch.ones(3, dtype=getattr(torch, a)) / torch.ones(3, dtype=getattr(torch, b))).dtype
    assert f"torch.{(of(a) / of(b)).dtype}" == str(want)


@pytest.mark.parametrize(
    "function", [mt.exp, mt.log, mt.sqrt, mt.sin, mt.cos, mt.tanh, mt.sigmoid, mt.mean, lambda x: x / 2]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_ints_and_bools_give_float32(function, dtype):
    assert str(function(of(dtype)).dtype) == (dtype if dtype in FLOATS else "float32")


@pytest.mark.parametrize("dtype", DTYPES)
def test_comparisons_give_bools(dtype):
    for result in (
        of(dtype) < 1,
        of(dtype) == of(dtype),
        of(dtype) >= 1.5,
        mt.logical_not(of(dtype)),
        of("bool") & (of(dtype) > 0),
    ):
        assert result.dtype == bool


@pytest.mark.parametrize("dtype", FLOATS)
def test_float_arrays_are_weak(dtype):
    X, row = np.arange(6.0).reshape(2, 3), [1.0, 2.0, 3.0]
    x = of(dtype)
    for result in (
        x - X.mean(0),
        X.mean(0) - x,
        x * np.float64(2),
        x @ X.T,
        mt.maximum(x, X),
        x + row,
        x + np.float32(1),
    ):
        assert result.dtype == dtype


def test_constants_keep_the_dtype_of_an_array_and_numbers_stay_weak():
    x = of("float32")
    assert (x + mt.constant(np.arange(3.0))).dtype == "float64"
    assert (x + mt.constant(np.arange(3.0, dtype="float32"))).dtype == "float32"
    assert (of("float64") + mt.constant(np.arange(3.0, dtype="float32"))).dtype == "float64"
    assert (x + mt.constant(2.5)).dtype == "float32"
    assert (of("float64") + mt.constant(2.5)).dtype == "float64"
    assert (x + mt.constant(2.5, dtype="float64")).dtype == "float64"
    assert (x + np.arange(3)).dtype == "float32"
    assert (of("int8") + np.arange(3)).dtype == "int64"
    assert (of("int8") + np.int64(3)).dtype == "int8"
    assert (of("int8") + np.array([1, 2, 3], "int8")).dtype == "int8"


def test_what_is_made_of_numbers_alone_is_float32_in_the_end():
    two = mt.constant(2.0)
    assert (two * 3 + 1).eval().dtype == "float32"
    assert (of("float64") * mt.sqrt(two * 3)).dtype == "float64"
    assert mt.constant(3).eval().dtype == "int64"
    assert mt.constant(True).eval().dtype == "bool"
    assert mt.compile([], mt.exp(two))() == np.float32(np.exp(2.0))


def test_weak_numbers_do_not_lose_bits_before_they_meet_a_dtype():
    x = mt.placeholder("x", (), "float64")
    assert float((x * mt.constant(0.1)).eval({x: 1.0})) == 0.1
    assert float((x * (mt.constant(1.0) / 3)).eval({x: 1.0})) == 1 / 3


@pytest.mark.parametrize(
    "dtype", ["float16", "complex64", "str", "object", "datetime64[s]", "nonsense", "uint64", "longdouble"]
)
def test_other_dtypes_are_refused_with_a_list_of_those_there_are(dtype):
    for make in (
        lambda: of(dtype),
        lambda: mt.parameter(1.0, dtype=dtype),
        lambda: mt.cast(of("float32"), dtype),
        lambda: mt.constant(1, dtype),
    ):
        with pytest.raises(TypeError, match="float32") as error:
            make()
        assert str(dtype) in str(error.value)


@pytest.mark.parametrize("dtype", [np.float64, "f8", np.dtype(">f8"), float, "double"])
def test_a_dtype_may_be_written_in_every_way_numpy_takes(dtype):
    assert str(of(dtype).type) == "f64[3]"
    assert of(dtype).dtype == np.dtype("float64")
    assert of(dtype).dtype.isnative


# ---- shapes ----


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=4))
def test_known_shapes_broadcast_as_in_numpy(shapes):
    assert broadcast(shapes.input_shapes, []) == shapes.result_shape


@given(st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), min_size=2, max_size=3))
def test_shapes_that_numpy_refuses_are_refused(shapes):
    try:
        want = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(ValueError, match="do not broadcast"):
            broadcast(shapes, [])
    else:
        assert broadcast(shapes, []) == want


def test_only_a_literal_one_broadcasts():
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 1))
    assert (x + y).shape == x.shape
    a, b = mt.placeholder("a", (None, 3)), mt.placeholder("b", (None, 3))
    program = mt.compile([a, b], a + b)
    with pytest.raises(ValueError, match=r"a.*b"):
        program(np.ones((1, 3)), np.ones((4, 3)))


def test_an_unknown_size_that_meets_a_known_one_is_checked_when_it_runs():
    a, b = mt.placeholder("a", ("n",)), mt.placeholder("b", (4,))
    total = a + b
    assert str(total.type) == "f32[4]"
    program = mt.compile([a, b], total)
    assert program(np.ones(4), np.ones(4)).tolist() == [2, 2, 2, 2]
    with pytest.raises(ValueError, match="axis 0 of 'a', which is 3") as error:
        program(np.ones(3), np.ones(4))
    assert "test_types.py" in str(error.value)
