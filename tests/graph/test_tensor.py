"""Tensors: immutable, told apart by identity, not arrays; and the values that some of them hold."""

import copy
import pickle

import numpy as np
import pytest

import minitorch as mt


@pytest.fixture
def x():
    return mt.placeholder("pixels", ("n", 3))


# ---- immutable, equal only to itself ----


@pytest.mark.parametrize(
    "slot", ["op", "inputs", "type", "name", "shape", "dtype", "attrs", "origins", "role", "grad", "anything"]
)
def test_nothing_can_be_set_or_deleted(x, slot):
    with pytest.raises(AttributeError, match=r"immutable|no value"):
        setattr(x, slot, None)
    with pytest.raises(AttributeError, match="immutable"):
        delattr(x, slot)
    assert str(x.type) == "f32[n, 3]"


def test_attributes_and_constants_cannot_be_written():
    total = mt.placeholder("x", (3,)).sum()
    with pytest.raises(TypeError):
        total.attrs["axis"] = ()
    constant = mt.constant(np.ones(3))
    with pytest.raises(ValueError, match="read-only"):
        constant.data[0] = 2


def test_a_constant_is_a_copy_of_the_callers_array():
    array = np.ones(3)
    constant = mt.constant(array)
    array[:] = 5
    assert constant.data.tolist() == [1, 1, 1]
    assert (constant * 1).eval().tolist() == [1, 1, 1]


def test_equality_makes_a_node_and_hashing_is_by_identity(x):
    assert isinstance(x == x, mt.Tensor)
    assert (x == x).dtype == bool
    assert isinstance(x != 2, mt.Tensor)
    assert len({x, x, x + 0}) == 2
    assert {x: 1}[x] == 1
    assert copy.copy(x) is x


def test_arithmetic_never_changes_an_operand(x):
    before = str(mt.Graph([x]))
    y = x
    y += 1
    y *= 2
    assert y is not x
    assert str(mt.Graph([x])) == before


def test_plus_is_itself(x):
    assert +x is x


# ---- not arrays ----


@pytest.mark.parametrize(
    "misuse",
    [bool, float, int, complex, list, tuple, iter, len, np.asarray, np.sin, np.sum, np.array, range, all, np.float64],
)
def test_what_needs_a_value_raises(x, misuse):
    with pytest.raises(TypeError, match=r"pixels|Tensor"):
        misuse(x)


@pytest.mark.parametrize(
    ("misuse", "hint"),
    [
        (bool, "mt.where"), (float, "eval"), (iter, "iterat"), (np.asarray, "eval"),
        (lambda t: np.concatenate([t, t]), "mt.concatenate"),
        (lambda t: t in {"others": [t + 1]}["others"], "any\\(t is u"), (lambda t: 1 if t > 0 else 2, "mt.where"),
        (lambda t: 0 < t < 1, "mt.where"),
        (lambda t: t and t, "mt.where"), (lambda t: sorted([t, t]), "mt.where"), (lambda t: np.mean(t), "mt.mean"),
    ],
)  # fmt: skip
def test_misuse_says_what_to_do_instead(x, misuse, hint):
    with pytest.raises(TypeError, match=hint) as error:
        misuse(x)
    assert "pixels" in str(error.value) or "made at test_tensor.py" in str(error.value)


@pytest.mark.parametrize("ufunc", [np.sin, np.add, np.exp, np.maximum])
def test_numpy_functions_refuse_tensors(x, ufunc):
    name = ufunc.__name__
    with pytest.raises(TypeError, match=f"np.{name}: arrays are expected, but pixels .* is a tensor: use mt.{name}"):
        ufunc(*[x] * ufunc.nin)


def test_numpy_methods_and_what_mt_has_not_refuse_tensors(x):
    array = np.ones(3, "f")
    for call in (lambda: np.add.reduce(x), lambda: np.hypot(array, x), lambda: np.add(array, x, out=array)):
        with pytest.raises(TypeError, match="arrays are expected, but pixels"):
            call()
    with pytest.raises(TypeError, match=r"np\.tanh: .* use mt\.tanh"):
        mt.nn.MLP(3, [2, 2], activation=np.tanh)(x)


def test_arrays_on_the_left_build_the_graph():
    x, a = mt.placeholder("x", (2, 2), "float64"), np.arange(4.0).reshape(2, 2)
    feed = np.array([[1.0, 2.0], [3.0, 5.0]])
    for build in (
        lambda a, t: a % t, lambda a, t: a // t, lambda a, t: a != t, lambda a, t: a < t, lambda a, t: a <= t,
        lambda a, t: a > t, lambda a, t: np.float32(3) / t, lambda a, t: np.int8(3) ** t,
        lambda a, t: a + t, lambda a, t: a - t, lambda a, t: a * t, lambda a, t: a / t, lambda a, t: a @ t, lambda a,
        t: a**t,
        lambda a, t: a < t, lambda a, t: a == t, lambda a, t: a >= t, lambda a, t: np.float64(3) - t, lambda a,
        t: a[0] @ t,
    ):  # fmt: skip
        made = build(a, x)
        assert isinstance(made, mt.Tensor)
        np.testing.assert_array_equal(made.eval({x: feed}), build(a, feed))


def test_reflected_operators_keep_the_order_of_operands():
    x = mt.placeholder("x", (2,), "float64")
    feed = np.array([2.0, 4.0])
    for build in (
        lambda t: 1 - t,
        lambda t: 1 / t,
        lambda t: 3**t,
        lambda t: 2.0 * t,
        lambda t: [1.0, 2.0] - t,
        lambda t: t < 3,
        lambda t: -t,
        abs,
    ):
        result = build(x).eval({x: feed})
        np.testing.assert_allclose(result, np.asarray(build(feed)), rtol=1e-15)


# ---- values ----


def test_data_of_a_parameter_is_a_live_view():
    w = mt.parameter([[1.0, 2.0]], name="w")
    view = w.data
    w.data = [[3, 4]]
    assert view.tolist() == [[3, 4]]
    assert w.data is view
    assert view.dtype == np.float32
    view[0, 0] = 7
    w.data += 1
    assert mt.compile([], w * 1)().tolist() == [[8, 5]]
    assert w.data is view


def test_a_parameter_copies_its_value_and_lies_aligned():
    array = np.ones(3, np.float32)
    w = mt.parameter(array)
    array[:] = 2
    assert w.data.tolist() == [1, 1, 1]
    assert w.data.ctypes.data % 64 == 0
    assert w.data.flags.c_contiguous
    assert mt.parameter(np.ones((3, 2), order="F")).data.flags.c_contiguous


def test_data_of_what_holds_no_value_raises_and_says_how_to_get_one(x):
    for t in (x, x + 1, x.sum()):
        with pytest.raises(ValueError, match="eval"):
            t.data
        with pytest.raises(AttributeError, match="holds no value"):
            t.data = 1.0
    with pytest.raises(AttributeError, match="holds no value"):
        mt.constant(1.0).data = 2.0


@pytest.mark.parametrize(
    "bad",
    [[1.0], [[1.0, 2.0, 3.0]], 5.0, ["a", "b"], [1j, 2j], [[1], [2, 3]], None, np.ma.masked_array([1.0, 2.0], [0, 1])],
)
def test_a_value_that_does_not_fit_changes_nothing(bad):
    w = mt.parameter([1.0, 2.0], name="weights")
    with pytest.raises((ValueError, TypeError), match="weights"):
        w.data = bad
    assert w.data.tolist() == [1, 2]


def test_a_value_of_another_kind_changes_nothing():
    count = mt.variable(3, name="count", dtype="int64")
    with pytest.raises(TypeError, match=r"count.*float64"):
        count.data = 1.5
    count.data = 4
    assert int(count.data) == 4
    assert count.dtype == "int64"


def test_ints_may_be_given_to_small_and_unsigned_ints_where_they_fit():
    pixels = mt.variable([1, 2], name="pixels", dtype="uint8")
    pixels.data = [3, 255]
    assert pixels.data.tolist() == [3, 255]
    with pytest.raises((ValueError, TypeError), match="pixels"):
        pixels.data = [3, 256]
    assert pixels.data.tolist() == [3, 255]


@pytest.mark.parametrize(
    "make",
    [
        lambda: mt.parameter(300, dtype="int8"), lambda: mt.parameter(np.nan, dtype="int64"),
        lambda: mt.variable(-1, dtype="uint8"),
        lambda: mt.constant(300, dtype="int8"), lambda: mt.constant(2**63),
        lambda: mt.constant(np.array([2**63], np.uint64)),
    ],
)  # fmt: skip
def test_a_number_that_does_not_fit_into_a_dtype_is_refused_as_numpy_does(make):
    with pytest.raises((TypeError, ValueError)):
        make()


def test_parameters_share_their_storage_with_every_program():
    w = mt.parameter(1.0)
    double, step = mt.compile([], w * 2), mt.compile([], [], updates={w: w + 1})
    step()
    assert float(double()) == 4.0
    w.data = 10.0
    assert float(double()) == 20.0


# ---- description ----


def test_a_tensor_describes_itself_by_name_type_and_line(x):
    assert repr(x) == f"<Tensor pixels f32[n, 3] made at test_tensor.py:{x.origin.lineno}>"
    assert repr(x + 1).startswith("<Tensor add f32[n, 3] made at test_tensor.py:")


def test_shape_ndim_and_size(x):
    assert x.ndim == 2
    assert x.shape[1] == 3
    assert str(x.size) == "3*n"
    assert mt.constant(1.0).shape == ()
    assert mt.constant(1.0).size == 1
    assert x.T.shape == (3, x.shape[0])
    assert x.op.name == "placeholder"
    assert (x + 1).inputs[0] is x


def test_names_of_any_kind_print_on_one_line():
    for name in ("π ∂", "a\nb", "\x1b[31m", "x" * 500, "\u202e", "nul\0"):
        t = mt.parameter(1.0, name=name)
        assert len(repr(t).splitlines()) == 1
        assert repr(t).isprintable()
        assert t.name == name
        assert pickle.loads(pickle.dumps(t)).name == name


SIZES = {
    "quotient": (lambda x, n: x.sum() / n, lambda a: a.sum() / len(a)),
    "reflected": (lambda x, n: n / x, lambda a: len(a) / a),
    "difference": (lambda x, n: n - x, lambda a: len(a) - a),
    "of a size": (lambda x, n: x * (2 * n + 1), lambda a: a * (2 * len(a) + 1)),
    "of all": (lambda x, n: x / x.size, lambda a: a / a.size),
    "floor": (lambda x, n: x // n + n // x, lambda a: a // len(a) + len(a) // a),
    "comparison": (lambda x, n: mt.where(x > n, n, x), lambda a: np.where(a > len(a), len(a), a)),
    "function": (lambda x, n: x / mt.sqrt(n), lambda a: a / np.sqrt(len(a))),
    "power": (lambda x, n: mt.constant(2.0) ** n + 0 * x, lambda a: 2.0 ** len(a) + 0 * a),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["c", "numpy", "interpreter"])
@pytest.mark.parametrize("what", SIZES)
def test_a_size_is_an_operand_that_takes_the_dtype_of_what_it_meets(what, backend):
    build, expected = SIZES[what]
    for dtype in ("float32", "float64"):
        x = mt.placeholder("x", ("n", 2), dtype)
        program = mt.compile([x], build(x, x.shape[0]), backend=backend)
        for rows in (1, 4):
            a = np.arange(1.0, 2 * rows + 1).reshape(rows, 2)
            assert program(a).dtype == dtype
            np.testing.assert_allclose(program(a), expected(a), rtol=1e-6)


def test_the_gradient_of_a_mean_by_hand_is_that_of_the_mean():
    x, w = mt.placeholder("x", ("n", 3), "float64"), mt.parameter(np.ones((3, 1)), dtype="float64")
    squares, feeds = mt.square(x @ w), {x: np.arange(12.0).reshape(4, 3)}
    by_hand = mt.grad(squares.sum() / x.shape[0], w).eval(feeds)
    np.testing.assert_allclose(by_hand, mt.grad(mt.mean(squares), w).eval(feeds))


def test_a_size_of_64_bits_stays_whole_and_narrower_ones_are_refused():
    k = mt.placeholder("k", ("n",), "int64")
    assert (k * k.shape[0]).eval({k: [1, 2, 3]}).tolist() == [3, 6, 9]
    short = mt.placeholder("k", ("n",), "int8")
    with pytest.raises(TypeError, match="multiply: the size n may not fit into int8; cast the tensor"):
        short * short.shape[0]


@pytest.mark.parametrize("misuse", [lambda n: 1 / n, lambda n: n / 2, lambda n: n**2, lambda n: 2**n, lambda n: n % 2])
def test_what_is_no_size_says_what_can_be_done(misuse):
    with pytest.raises(TypeError, match=r"n is a whole number .* x\.sum\(\) / x\.shape\[0\]"):
        misuse(mt.placeholder("x", ("n",)).shape[0])
