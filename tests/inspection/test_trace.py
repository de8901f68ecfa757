"""Traces: the values of the user's own tensors, found by tensor, name and line; looking changes nothing."""

import gc
import pathlib
import threading

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import NotTracedError

HERE = pathlib.Path(__file__).name


def expected(net):
    h = np.tanh(net.X @ net.w.data)
    g = net.X.T @ ((h - net.Y) * 2 / h.size * (1 - h**2))
    return h, g


def test_every_tensor_that_the_user_holds_has_its_value(net, backend):
    t = net.compiled(backend).trace(net.X, net.Y)
    h, g = expected(net)
    np.testing.assert_allclose(t[net.h], h)
    np.testing.assert_allclose(t[net.w.grad], g)
    np.testing.assert_allclose(t[net.new], net.w.data - 0.1 * g)
    np.testing.assert_allclose(
        t[net.x.grad], ((h - net.Y) * 2 / h.size * (1 - h**2)) @ net.w.data.T
    )  # not in the program
    np.testing.assert_array_equal(t[net.w], net.w.data)
    np.testing.assert_array_equal(t[net.x], net.X)
    assert t[net.loss].shape == ()


def test_the_programs_own_tensors_have_theirs(net, backend):
    step = net.compiled(backend)
    for t in (step.trace(net.X, net.Y), step.trace(net.X, net.Y, compiled=True)):
        assert step.updates[net.w] is not net.new  # a node made anew, for its role
        np.testing.assert_array_equal(t[step.updates[net.w]], t[net.new])
        np.testing.assert_array_equal(t[step.outputs[0]], t[net.loss])


def test_a_trace_agrees_with_the_call_that_follows_it(net, backend):
    step = net.compiled(backend)
    t = step.trace(net.X, net.Y)
    np.testing.assert_allclose(step(net.X, net.Y), t[net.loss], rtol=1e-14)
    np.testing.assert_allclose(net.w.data, t[net.new], rtol=1e-13)


def test_inputs_may_be_given_by_name(net):
    t = net.compiled("numpy").trace(y=net.Y, x=net.X)
    np.testing.assert_array_equal(t[net.x], net.X)


def test_values_do_not_move_with_parameters_or_the_callers_arrays(net):
    step = net.compiled("numpy")
    before, given = net.w.data.copy(), net.X.copy()
    t = step.trace(given, net.Y)
    step(net.X, net.Y)
    given[:] = 0
    np.testing.assert_array_equal(t[net.w], before)
    np.testing.assert_array_equal(t[net.x], net.X)
    with pytest.raises(ValueError, match="read-only"):
        t[net.h][0] = 1


def test_looking_moves_no_random_counter(backend):
    x = mt.placeholder("x", ("n",), dtype="float64")
    w = mt.parameter(1.0, dtype="float64")
    kept = mt.dropout(x * w, 0.5, seed=1)
    step = mt.compile([x], kept, updates={w: w * 1.0}, backend=backend)
    first = step.trace(np.ones(64))[kept]
    again = step.trace(np.ones(64))[kept]
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, step(np.ones(64)))
    assert (first != step.trace(np.ones(64))[kept]).any()


def test_a_program_that_predicts_shows_the_side_of_prediction():
    x = mt.placeholder("x", ("n",), dtype="float64")
    kept = mt.dropout(x, 0.5, seed=1)
    np.testing.assert_array_equal(mt.compile([x], kept).trace(np.ones(9))[kept], np.ones(9))


# ---- finding values ----


def test_by_name_line_and_number_of_line(net):
    t = net.compiled("numpy").trace(net.X, net.Y)
    np.testing.assert_array_equal(t["w"], t[net.w])
    line = f"{HERE.replace('test_trace', 'conftest')}:{net.h.origin.lineno}"
    for at in (t.at(line), t.at(net.h.origin.lineno), t.lines[line]):
        assert [row.node.op.name for row in at.forward] == ["matmul", "tanh"]
        np.testing.assert_array_equal(at[net.h], t[net.h])
    assert t.at(f"inspection/{line}").rows == t.at(line).rows
    assert line in str(t.at(line))
    assert line in t.lines


def test_roles_select(net):
    t = net.compiled("numpy").trace(net.X, net.Y)
    assert {row.node.op.name for row in t.forward} >= {"placeholder", "parameter", "matmul", "tanh"}
    assert any(row.node is net.w.grad for row in t.gradients)
    assert [row.node for row in t.updates][-1] is net.new
    assert t.updates.rows[-1].name.endswith("-> w")
    assert "constant" in {row.node.op.name for row in t.gradients}
    assert "constant" not in {row.node.op.name for row in t.forward}
    assert len(t) == len(t.forward) + len(t.gradients) + len(t.updates)


@pytest.mark.parametrize("key", ["nothing", 3])
def test_what_is_not_there_is_a_key_error_that_says_what_is(net, key):
    t = net.compiled("numpy").trace(net.X, net.Y)
    with pytest.raises(KeyError, match=r"w, rate|was given") as found:
        t[key]
    assert isinstance(found.value, NotTracedError | ValueError)
    assert not str(found.value).startswith("'")
    with pytest.raises(NotTracedError, match="is not part of this trace"):
        t[mt.placeholder("z", ())]
    with pytest.raises(NotTracedError, match=r"lines of this trace: .*conftest\.py"):
        t.at("conftest.py:100000")


def test_containment(net):
    t = net.compiled("numpy").trace(net.X, net.Y)
    assert net.h in t
    assert "w" in t
    assert "nothing" not in t
    assert mt.placeholder("z", ()) not in t


def test_a_gradient_that_needs_more_than_the_inputs_is_left_out(net):
    predict = mt.compile([net.x], net.h)
    t = predict.trace(net.X)
    assert net.h in t
    assert net.w.grad not in t


# ---- `.data` ----


def test_data_is_the_value_in_the_latest_trace_for_as_long_as_it_is_kept(net):
    step = net.compiled("numpy")
    with pytest.raises(ValueError, match=r"keep what program\.trace"):
        net.h.data
    t = step.trace(net.X, net.Y)
    assert net.h.data is t[net.h]
    later = step.trace(net.X * 2, net.Y)
    assert net.h.data is later[net.h]
    part = later.forward
    del t, later
    gc.collect()
    assert net.h.data is part[net.h]  # a part keeps all
    del part
    gc.collect()
    with pytest.raises(ValueError, match="holds no value"):
        net.h.data


def test_data_of_parameters_stays_live(net):
    t = net.compiled("numpy").trace(net.X, net.Y)
    net.w.data = net.w.data + 1
    assert (net.w.data == t[net.w] + 1).all()


# ---- the table ----


def test_the_table_says_what_is_in_each_value(net):
    t = net.compiled("numpy").trace(net.X, net.Y)
    text = str(t)
    head = text.splitlines()[1].split()
    assert head == ["line", "name", "computed", "by", "type", "min", "max", "mean", "norm", "zeros", "not", "finite"]
    (row,) = [line for line in text.splitlines() if "tanh(" in line]
    values = t[net.h]
    shown = [f"{v:.4g}" for v in (values.min(), values.max(), values.mean(), np.linalg.norm(values))]
    assert row.split()[-4:] == shown
    assert "f64[batch, 2]" in row
    assert repr(t) == f"<Trace program, as written: {len(t)} values>"


def test_the_table_counts_what_is_not_finite():
    x = mt.placeholder("x", ("n",), dtype="float64")
    t = mt.compile([x], mt.log(x)).trace([0.0, 1.0, -1.0, 2.0])
    (row,) = [line for line in str(t).splitlines() if "log(x)" in line]
    assert row.split()[-2:] == ["25.0%", "50.0%"]
    assert "1 not finite" in str(t).splitlines()[0]


def test_names_of_every_kind_and_empty_batches_print():
    x = mt.placeholder("a\nb\u202e'\"" * 50, ("n", 2), dtype="float64")
    t = mt.compile([x], x.sum(axis=0)).trace(np.ones((0, 2)))
    assert "\u202e" not in str(t)
    assert len(str(t).splitlines()) == 2 + len([r for r in t if r.node.op.name != "constant"])


def test_depth_does_not_matter():
    x = mt.placeholder("x", (), dtype="float64")
    y = x
    for _ in range(5000):
        y = y + 1
    t = mt.compile([x], y, backend="numpy").trace(0.0)
    assert t[y] == 5000
    assert len(str(t).splitlines()) > 5000


# ---- as compiled ----


def test_the_compiled_graph_has_its_own_trace_with_what_the_backend_made(net, backend):
    step = net.compiled(backend)
    before = net.w.data.copy()
    t = step.trace(net.X, net.Y, compiled=True)
    np.testing.assert_array_equal(net.w.data, before)
    assert {row.node for row in t} == set(step.graph.nodes)
    (value,) = t.outputs
    np.testing.assert_allclose(value, t[net.loss], rtol=1e-14)
    np.testing.assert_allclose(t.new_values[net.w], t[net.new], rtol=1e-13)
    np.testing.assert_array_equal(step(net.X, net.Y), value)  # the very bits
    np.testing.assert_array_equal(net.w.data, t.new_values[net.w])


def test_other_threads_see_and_give_whole_steps(net):
    step, stop, seen = net.compiled("numpy"), threading.Event(), []

    def train():
        while not stop.is_set():
            step(net.X, net.Y)

    trainer = threading.Thread(target=train)
    trainer.start()
    for _ in range(50):
        t = step.trace(net.X, net.Y)
        seen.append(np.allclose(t[net.new], t[net.w] - 0.1 * t[net.w.grad], rtol=1e-12))
    stop.set()
    trainer.join()
    assert seen == [True] * 50


def test_wrong_inputs_are_refused_like_those_of_a_call(net):
    with pytest.raises(mt.errors.InputError, match="missing"):
        net.compiled("numpy").trace(net.X)
    with pytest.raises(mt.errors.InputError, match="batch is 5"):
        net.compiled("numpy").trace(net.X, net.Y[:2])
