"""`Program`: how it is called, what bad calls leave behind (nothing), and what it shows of itself."""

import copy
import math
import pickle

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import DTypeError, GraphError, InputError, MinitorchError
from minitorch.graph import Graph

BACKENDS = ["interpreter", "numpy", "c"]


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


# ---- calling ----


@pytest.fixture
def step(backend):
    """A step whose every call changes `w`, so that a refused call can be told from one that ran."""
    x = mt.placeholder("pixels", ("batch", 3))
    y = mt.placeholder("target", ("batch",))
    scale = mt.placeholder("scale", (), "float64")
    k = mt.placeholder("labels", (None,), "int32")
    w = mt.parameter([1.0, 2.0, 3.0], name="w")
    output = mt.sum((x @ w - y) * scale) + mt.sum(k[2:])
    program = mt.compile([x, y, scale, k], output, {w: w + 1}, backend=backend, name="step")
    program.w = w
    return program


X, Y, S, K = np.ones((2, 3), "f"), np.zeros(2, "f"), 2.0, np.array([1, 2, 30], "i4")
WANT = 2 * 6 * 2 + 30


def test_calls_by_position_and_by_name(step):
    def value(*values, **named):
        step.w.data = [1, 2, 3]
        return float(step(*values, **named))

    assert value(X, Y, S, K) == WANT
    assert value(X, Y, labels=K, scale=S) == WANT
    assert value(target=Y, pixels=X, labels=K, scale=S) == WANT
    assert value(X, Y, labels=K, scale=S) == WANT
    assert step.w.data.tolist() == [2, 3, 4]


def test_an_input_may_have_any_name():
    for name in ("self", "values", "named", "class", "not an identifier", "π", ""):
        x = mt.placeholder(name, ())
        assert float(mt.compile([x], x * 2)(**{name: 3.0})) == 6


def test_results_come_as_they_were_asked_for():
    x = mt.placeholder("x", ("n",))
    for outputs, kind in ((x * 2, np.ndarray), ([x * 2], list), ((x, x * 2), tuple), ([], list), ((), tuple)):
        program = mt.compile(x, outputs)
        assert type(program([1.0])) is kind
        assert type(program.loop([1.0])) is kind
        assert type(program.evaluate([1.0])) is kind
    scalar = mt.compile([x], mt.sum(x))([1.0, 2.0])
    assert (type(scalar), scalar.shape, scalar.dtype) == (np.ndarray, (), np.float32)


BAD_CALLS = {
    "nothing": (lambda: ((), {}), ["'pixels' is missing", "pixels: f32[batch, 3]", "labels: i32[?]"]),
    "one missing": (lambda: ((X, Y), {"labels": K}), ["'scale' is missing"]),
    "unknown": (lambda: ((X, Y, S, K), {"weight": 1}), ["'weight'", "no input"]),
    "doubled": (lambda: ((X, Y, S, K), {"target": Y}), ["'target'", "twice"]),
    "doubled, one missing": (lambda: ((X, Y), {"pixels": X, "scale": S}), ["'pixels'", "twice"]),
    "too many": (lambda: ((X, Y, S, K, K), {}), ["5 inputs"]),
    "too many, one by name": (lambda: ((X, Y, S, K, K), {"scale": 2}), ["5 inputs"]),
    "rank too low": (lambda: ((X[0], Y, S, K), {}), ["'pixels'", "f32[batch, 3]", "(3,)"]),
    "rank too high": (lambda: ((X, Y[:, None], S, K), {}), ["'target'", "f32[batch]", "(2, 1)"]),
    "not a scalar": (lambda: ((X, Y, [2.0], K), {}), ["'scale'", "f64[]", "(1,)"]),
    "a scalar": (lambda: ((X, 1.0, S, K), {}), ["'target'", "()"]),
    "wrong size": (lambda: ((np.ones((2, 4)), Y, S, K), {}), ["'pixels'", "axis 1", "4", "3 is expected"]),
    "rows that differ": (lambda: ((np.ones((917, 3)), np.ones(863), S, K), {}), ["'target'", "863", "917", "pixels"]),
    "an index that is not there": (lambda: ((X, Y, S, K[:0]), {}), None),
    "floats for ints": (lambda: ((X, Y, S, K * 0.5), {}), ["'labels'", "int32", "float64"]),
    "ints that do not fit": (lambda: ((X, Y, S, [1, 2, 2**40]), {}), ["'labels'", "int32"]),
    "ragged": (lambda: (([[1, 2, 3], [4, 5]], Y, S, K), {}), ["'pixels'", "differ in length"]),
    "objects": (lambda: ((X, np.array([object()] * 2), S, K), {}), ["'target'", "objects"]),
    "strings": (lambda: ((X, ["a", "b"], S, K), {}), ["'target'", "strings"]),
    "bytes": (lambda: ((X, [b"a", b"b"], S, K), {}), ["'target'", "bytes"]),
    "complex": (lambda: ((X, np.ones(2, complex), S, K), {}), ["'target'", "complex"]),
    "dates": (lambda: ((X, np.zeros(2, "M8[s]"), S, K), {}), ["'target'", "dates"]),
    "None": (lambda: ((X, None, S, K), {}), ["'target'", "None"]),
    "a tensor": (lambda: ((mt.placeholder("x", (2, 3)), Y, S, K), {}), ["'pixels'", "x f32[2, 3]"]),
    "a dict": (lambda: (({"pixels": X}, Y, S, K), {}), ["'pixels'"]),
    "extended precision": (lambda: ((np.ones((2, 3), np.longdouble), Y, S, K), {}), ["'pixels'"]),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_bad_call_names_the_input_and_changes_nothing(step, case):
    call, words = BAD_CALLS[case]
    values, named = call()
    before = step.w.data.copy()
    if words is None:  # k[2:] of nothing is nothing
        step(*values, **named)
        return
    with pytest.raises((InputError, DTypeError)) as error:
        step(*values, **named)
    assert [word for word in words if word not in str(error.value)] == []
    np.testing.assert_array_equal(step.w.data, before)
    step(X, Y, S, K)  # and nothing is broken
    np.testing.assert_array_equal(step.w.data, before + 1)


def test_errors_are_also_the_built_in_ones():
    x = mt.placeholder("x", (3,))
    program = mt.compile([x], x)
    with pytest.raises(ValueError, match="missing"):
        program()
    with pytest.raises(TypeError, match="strings"):
        program(["a", "b", "c"])
    assert issubclass(InputError, MinitorchError)


def test_a_constraint_is_reported_by_placeholder_with_the_line_that_needs_it():
    a, b = mt.placeholder("left", (None, 3)), mt.placeholder("right", (None, 3))
    w = mt.parameter(0.0)
    program = mt.compile([a, b], mt.sum(a - b), {w: w + 1})
    with pytest.raises(InputError) as error:
        program(np.ones((917, 3)), np.zeros((863, 3)))
    for word in ("subtract", "axis 0 of 'left', which is 917", "axis 0 of 'right', which is 863", "test_program.py:"):
        assert word in str(error.value)
    assert float(w.data) == 0
    program(np.ones((4, 3)), np.zeros((4, 3)))


def test_a_constraint_on_a_computed_size_is_reported_too():
    x = mt.placeholder("x", ("n",))
    program = mt.compile([x], mt.reshape(x, (-1, 3)))
    with pytest.raises(InputError, match=r"reshape.*n from axis 0 of 'x'"):
        program(np.ones(7))
    first = mt.compile([x], x[2])
    with pytest.raises(InputError, match="must be at least 3"):
        first(np.ones(2))
    greatest = mt.compile([x], mt.max(x))
    with pytest.raises(InputError, match="must be at least 1"):
        greatest([])


# ---- whose arrays ----


def test_the_callers_arrays_are_never_written(backend):
    x, w = mt.placeholder("x", ("n",), "float64"), mt.parameter([1.0, 2.0], dtype="float64")
    program = mt.compile([x], [mt.tanh(x), x * 2, -x], {w: w + x}, backend=backend)
    rows = np.array([3.0, 4.0])
    rows.flags.writeable = False
    program(rows)
    assert rows.tolist() == [3, 4]
    assert w.data.tolist() == [4, 6]


def test_an_array_that_changes_later_has_been_read(backend):
    x, w = mt.placeholder("x", (2,)), mt.parameter([1.0, 2.0])
    program = mt.compile([x], x, {w: x}, backend=backend)
    rows = np.array([3, 4], "f")
    result = program(rows)
    rows[:] = 0
    assert result.tolist() == w.data.tolist() == [3, 4]


# ---- looking at it ----


def test_a_program_shows_what_it_is(backend):
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, name="w")
    new = w + 1
    program = mt.compile([x], [x * w], {w: new}, backend=backend, name="scale")
    assert program.inputs == (x,)
    assert [t.op.name for t in program.outputs] == ["multiply"]
    assert list(program.updates) == [w]
    assert program.backend == backend
    assert isinstance(program.graph, Graph)
    assert isinstance(program.traced, Graph)
    assert str(program).startswith("scale: ")
    assert repr(program) == f"<Program scale(x: f32[n]) on {backend}>"
    assert (program.source == "") == (backend == "interpreter")
    assert str(program.plan).startswith("plan of scale: ")
    view = program.to_networkx()
    assert view.number_of_nodes() == len(program.graph.nodes)


def test_a_tensor_evaluates_in_one_call():
    x, y = mt.placeholder("x", ()), mt.placeholder("y", ("n",))
    assert float((x * x + 1).eval({x: 3.0})) == 10
    assert (x * y).eval({x: 2, y: [1, 2]}).tolist() == [2, 4]
    assert math.isclose(float(mt.parameter(0.5).eval()), 0.5)
    with pytest.raises(GraphError, match="y f32"):
        (x * y).eval({x: 2})
    with pytest.raises(TypeError, match="placeholder"):
        x.eval(3.0)


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize("how", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["deepcopy", "pickle"])
def test_a_copy_is_refused_or_has_parameters_of_its_own(backend, how, called):
    """Never a copy that trains the model it was copied from."""
    w = mt.parameter(0.0, name="w")
    program = mt.compile([], w + 0, {w: w + 1}, backend=backend)
    start = float(program()) + 1 if called else 0
    try:
        twin = how(program)
    except (TypeError, pickle.PicklingError, AttributeError):
        return
    (own,) = twin.updates
    assert [float(twin()) for _ in range(3)] == [start, start + 1, start + 2]
    assert float(own.data) == start + 3
    assert float(w.data) == start


# ---- evaluate: the outputs without the updates ----


def test_evaluate_changes_nothing(backend):
    x, w = mt.placeholder("x", ("n",)), mt.parameter(2.0, name="w")
    program = mt.compile([x], [x * w, mt.sum(x)], {w: w + 1}, backend=backend)
    rows, sums = program.evaluate([1, 2, 3], batch_size=2)
    assert rows.tolist() == [2, 4, 6]
    assert sums.tolist() == [3, 3]
    assert float(w.data) == 2
    program([1.0])
    assert program.evaluate([1.0])[0].tolist() == [3]


def test_evaluate_does_not_ask_for_what_only_updates_need(backend):
    x, w = mt.placeholder("x", ("n",)), mt.parameter([1.0, 2.0, 3.0], name="w")
    program = mt.compile([x], mt.sum(x), {w: w + mt.broadcast_to(x[5], (3,))}, backend=backend)
    with pytest.raises(InputError, match="at least 6"):
        program([1.0])
    assert program.evaluate([1.0]).tolist() == [1]
