"""Arguments as users of NumPy give them: every public function takes tensors, arrays, lists and numbers alike."""

import inspect
from importlib import import_module

import numpy as np
import pytest

import minitorch as mt
import minitorch.functional as F

MODULES = ("elementwise", "indexing", "loss", "product", "random", "reduction", "shape")
X = mt.placeholder("rows", ("n", 3), "float64")
FUNCTIONS = {
    name: getattr(F, name) for module in MODULES for name in import_module(f"minitorch.functional.{module}").__all__
}


def test_every_function_is_public_documented_and_typed():
    for name, function in FUNCTIONS.items():
        assert getattr(mt, name) is function, name
        if callable(function):
            assert function.__doc__, name
            parameters = inspect.signature(function).parameters.values()
            assert all(p.annotation is not p.empty for p in parameters), name


OF_ARRAYS = {
    **{name: lambda a, name=name: getattr(mt, name)(a) for name in ("softmax", "log_softmax", "gelu", "silu", "elu",
        "leaky_relu", "softsign", "hard_tanh", "round", "sum", "prod", "max", "min", "any", "all", "mean", "var",
        "std", "norm")},
    **{name: lambda a, name=name: getattr(mt, name)(a) for name in ("logsumexp", "cumsum", "argmax", "argmin",
        "transpose", "squeeze", "flip", "zeros_like", "ones_like", "diagonal", "trace", "tril", "triu", "dropout")},
    "clip": lambda a: mt.clip(a, 0, 1), "cast": lambda a: mt.cast(a, "float64"), "power": lambda a: mt.power(a, 2),
    "take": lambda a: mt.take(a, [0, 1], 1), "take_along_axis": lambda a: mt.take_along_axis(a, [[0]], 1),
    "matmul": lambda a: mt.matmul(a, a), "dot": lambda a: mt.dot(a, a),
    "outer": lambda a: mt.outer(a, a), "tensordot": lambda a: mt.tensordot(a, a),
    "einsum": lambda a: mt.einsum("ij,jk", a, a), "swapaxes": lambda a: mt.swapaxes(a, 0, 1),
    "moveaxis": lambda a: mt.moveaxis(a, 0, 1), "reshape": lambda a: mt.reshape(a, -1),
    "expand_dims": lambda a: mt.expand_dims(a, 0),
    "concatenate": lambda a: mt.concatenate([a, a]), "stack": lambda a: mt.stack([a, a]),
    "split": lambda a: mt.split(a, 2)[0], "roll": lambda a: mt.roll(a, 1),
    "broadcast_to": lambda a: mt.broadcast_to(a, (2, 2, 2)), "repeat": lambda a: mt.repeat(a, 2),
    "tile": lambda a: mt.tile(a, 2), "pad": lambda a: mt.pad(a, 1),
    "full_like": lambda a: mt.full_like(a, 2), "mse_loss": lambda a: mt.mse_loss(a, a),
    "mae_loss": lambda a: mt.mae_loss(a, a), "huber_loss": lambda a: mt.huber_loss(a, a),
    "binary_cross_entropy": lambda a: mt.binary_cross_entropy(a, a), "cross_entropy": lambda a: mt.cross_entropy(a, a),
}  # fmt: skip
NOT_OF_ARRAYS = {"identity", "activations", "getitem", "one_hot", "arange", "linspace", "random_uniform"}


def test_the_table_holds_every_function():
    assert set(OF_ARRAYS) | NOT_OF_ARRAYS == set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(OF_ARRAYS))
def test_arrays_and_lists_are_taken_like_tensors(name):
    a = np.array([[0.5, 0.25], [0.125, 1.0]])
    x = mt.placeholder("x", (2, 2), "float64")
    (want,) = mt.compile([x], [OF_ARRAYS[name](x)])(a)
    for given in (a, a.tolist(), mt.constant(a), np.asfortranarray(a)[::1]):
        (got,) = mt.compile([], [OF_ARRAYS[name](given)])()
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    sorted(
        set(OF_ARRAYS)
        - {"any", "all", "argmax", "argmin", "zeros_like", "ones_like", "full_like", "round", "cast", "trace"}
    ),
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_keep_their_dtype(name, dtype):
    x = mt.placeholder("x", (2, 2), dtype)
    out = OF_ARRAYS[name](x)
    assert out.dtype == dtype
    assert not out.type.weak
    assert mt.compile([x], out)([[0.5, 0.25], [0.125, 1.0]]).dtype == dtype


@pytest.mark.parametrize("axis", [np.int64(1), np.int32(-1), np.array(1)[()]])
def test_axes_may_be_ints_of_numpy(axis):
    for call in (mt.sum, mt.softmax, mt.argmax, mt.flip, mt.cumsum, mt.expand_dims, mt.logsumexp):
        assert call(X, axis).shape == call(X, int(axis)).shape
    assert mt.sum(X, (np.int64(0), np.int64(1))).shape == ()
    assert mt.sum(X, [0, 1]).shape == ()


@pytest.mark.parametrize("name", ["broadcast_to", "reshape", "random_uniform"])
@pytest.mark.parametrize("shape", [(2, 3), [2, 3], (np.int64(2), np.int32(3))])
def test_shapes_may_be_lists_and_ints_of_numpy(name, shape):
    a = mt.placeholder("a", (2, 3))
    out = mt.random_uniform(shape) if name == "random_uniform" else getattr(mt, name)(a, shape)
    assert out.shape == (2, 3)
    assert all(type(n) is int for n in out.shape)


def test_a_shape_may_be_one_number():
    assert mt.reshape(mt.placeholder("a", (2, 3)), 6).shape == (6,)
    assert mt.random_uniform(4).shape == (4,)
    assert mt.broadcast_to(mt.placeholder("a", ()), 5).shape == (5,)


@pytest.mark.parametrize("name", sorted(set(OF_ARRAYS) - {"concatenate", "stack"}))
def test_what_is_no_array_is_refused(name):
    for value in ("word", None, object(), 1j, [[1], [1, 2]], {"a": 1}, b"bytes"):
        with pytest.raises((TypeError, ValueError), match=rf"^{name}: "):
            OF_ARRAYS[name](value)
