"""`compile`: what can be compiled, and what is refused at the user's line."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import DTypeError, GraphError, InputError, ShapeError


@pytest.fixture(params=["interpreter", "numpy"])
def backend(request):
    return request.param


def test_inputs_that_are_not_needed_are_taken_and_checked():
    x, y = mt.placeholder("x", ("n",)), mt.placeholder("y", ("n",))
    program = mt.compile([x, y], x * 2)
    assert program([1], [2]).tolist() == [2]
    with pytest.raises(InputError, match="'y'"):
        program([1], [2, 3])


BAD_COMPILES = {
    "an input that is not given": (lambda x, w: ([], x * 2), GraphError, ["'?x", "x f32[n]", "multiply"]),
    "an input that is computed": (lambda x, w: ([x * 2], x), GraphError, ["placeholders", "multiply"]),
    "an input that is a parameter": (lambda x, w: ([w], w), GraphError, ["placeholders", "w f32[]"]),
    "an input that is a name": (lambda x, w: (["x"], x), GraphError, ["placeholders", "'x'"]),
    "two inputs of one name": (lambda x, w: ([x, mt.placeholder("x", ())], x), GraphError, ["two inputs", "'x'"]),
    "one input twice": (lambda x, w: ([x, x], x), GraphError, ["two inputs"]),
    "an output that is a number": (lambda x, w: ([x], [x, 1.0]), GraphError, ["outputs are tensors", "1.0"]),
    "an output that is None": (lambda x, w: ([x], [None]), GraphError, ["outputs are tensors"]),
    "an update of a placeholder": (lambda x, w: ([x], x, {x: x + 1}), GraphError, ["updated", "x f32[n]"]),
    "an update of a result": (lambda x, w: ([x], x, {x * 2: x}), GraphError, ["updated", "multiply"]),
    "an update of a name": (lambda x, w: ([x], x, {"w": x}), GraphError, ["updated", "'w'"]),
    "an update made twice": (lambda x, w: ([], [], [(w, w), (w, w + 1)]), GraphError, ["twice", "w f32[]"]),
    "an update of another rank": (lambda x, w: ([x], [], {w: x}), ShapeError, ["(n,)", "()", "w f32[]"]),
    "an update of another size": (
        lambda x, w: ([], [], {mt.parameter([1.0, 2.0], "v"): mt.constant([1.0, 2.0, 3.0])}),
        ShapeError, ["(3,)", "(2,)", "v f32[2]"],
    ),
    "an update that would broadcast": (
        lambda x, w: ([], [], {mt.parameter([1.0], "v"): 1.0}), ShapeError, ["()", "(1,)"],
    ),
    "an update of another dtype": (
        lambda x, w: ([], [], {w: mt.constant(1.0, dtype="float64")}), DTypeError, ["float64", "float32", "astype"],
    ),
    "an int for a float": (lambda x, w: ([], [], {w: mt.constant(np.int64(1))}), DTypeError, ["int64", "float32"]),
    "a size that no input has": (
        lambda x, w: ([x], mt.broadcast_to(w, mt.placeholder("y", ("m",)).shape)), GraphError, ["size m"],
    ),
    "a backend that is not there": (lambda x, w: ([x], x, None, "fortran"), ValueError, ["fortran", "numpy"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_COMPILES)
def test_what_cannot_be_compiled(case):
    build, kind, words = BAD_COMPILES[case]
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, name="w")
    inputs, outputs, *rest = build(x, w)
    with pytest.raises(kind) as error:
        mt.compile(inputs, outputs, *rest[:1], **({"backend": rest[1]} if len(rest) > 1 else {}))
    assert [word for word in words if word.removeprefix("'?") not in str(error.value)] == []
    assert kind is ValueError or "test_compile.py:" in str(error.value)
    assert float(w.data) == 1


def test_new_values_that_are_weak_take_the_dtype_of_their_variable(backend):
    w, k = mt.parameter(1.0, dtype="float64"), mt.variable(1, dtype="int32")
    program = mt.compile([], [], {w: 0.1, k: 7}, backend=backend)
    program()
    assert (float(w.data), int(k.data)) == (0.1, 7)


def test_an_update_may_be_given_as_pairs(backend):
    a, b = mt.parameter(1.0), mt.parameter(2.0)
    mt.compile([], [], [(a, b), (b, a)], backend=backend)()
    assert (float(a.data), float(b.data)) == (2, 1)


def test_a_program_without_anything():
    program = mt.compile([], [])
    assert program() == []
    with pytest.raises(InputError):
        program(1)
