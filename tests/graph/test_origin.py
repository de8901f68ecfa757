"""Origins: every node knows the user's line, through helpers, modules, gradients and rewrites; and its scope."""

import pickle
import threading
from inspect import currentframe
from pathlib import Path

import numpy as np
import pytest

import minitorch as mt
from minitorch.graph.order import depth_first

HERE = Path(__file__).name


def line():
    """The line of the caller."""
    return currentframe().f_back.f_lineno


def line_above():
    return currentframe().f_back.f_lineno - 1


def me():
    """The name of the caller."""
    return currentframe().f_back.f_code.co_name


def where(t):
    return Path(t.origin.filename).name, t.origin.lineno, t.origin.function


def test_functions_methods_and_operators_know_their_line():
    x = mt.placeholder("x", ("n", 3))
    assert where(x)[:2] == (HERE, line_above())
    for t, n in (
        (x + 1, line()), (2 * x, line()), (-x, line()), (mt.tanh(x), line()), (x.tanh(), line()), (x.sum(0), line()),
        (x[1:], line()),
        (x @ x.T, line()), (x.T, line()), (mt.mse_loss(x, x), line()), (mt.softmax(x), line()),
        (x > 0, line()), (x**2, line()),
        (mt.parameter(1.0), line()), (mt.constant(1.0), line()), (mt.concatenate([x, x]), line()),
        (np.ones(3) + x, line()),
    ):  # fmt: skip
        assert where(t) == (HERE, n, "test_functions_methods_and_operators_know_their_line")


def test_every_node_that_a_function_makes_has_the_callers_line():
    x = mt.placeholder("x", ("n", 3))
    loss = mt.cross_entropy(x, mt.softmax(x))
    made = line_above()
    assert {where(t)[1] for t in depth_first([loss]) if t is not x} == {made}


def test_lines_of_one_expression_are_told_apart():
    x = mt.placeholder("x", ())
    first = line() + 2
    total = (
        mt.sin(x)
        + mt.cos(x)
        + mt.tanh(x)
    )  # fmt: skip
    lines = {t.op.name: t.origin.lineno for t in depth_first([total])}
    assert (lines["sin"], lines["cos"], lines["tanh"]) == (first, first + 1, first + 2)


def helper(x):
    return mt.exp(x)


def test_a_node_belongs_to_the_innermost_function_of_the_user():
    x = mt.placeholder("x", ("n", 3))
    assert where(helper(x))[2] == "helper"
    assert where((lambda t: mt.sin(t))(x))[2] == "<lambda>"
    (listed,) = [mt.cos(x) for _ in range(1)]
    assert where(listed)[2] in ("<listcomp>", me())
    assert where(next(mt.cos(x) for _ in range(1)))[2] == "<genexpr>"
    assert where(next(map(mt.tanh, [x])))[2] == me()


class Block(mt.nn.Module):
    def __init__(self):
        self.inner = mt.nn.Linear(3, 3, seed=0)

    def forward(self, x):
        return mt.relu(self.inner(x))


def test_modules_of_the_user_are_the_users_lines_and_modules_of_ours_are_not():
    x = mt.placeholder("x", ("n", 3))
    out = Block()(x)
    source = Path(__file__).read_text().splitlines()
    for t in depth_first([out]):
        assert where(t)[0] == HERE
    assert where(out)[2] == "forward"
    assert "self.inner(x)" in source[out.origin.lineno - 1]
    assert where(out.inputs[0])[2] == "forward"
    direct = mt.nn.MLP(3, [4, 1], seed=0)(x)
    assert where(direct)[1] == line_above()
    assert where(mt.nn.MLP(3, [4, 1], seed=0).parameters()[0])[2] == me()


# ---- gradients, rewrites, copies ----


def test_gradients_carry_the_origin_of_what_they_differentiate():
    x = mt.parameter(np.ones(3), "x")
    h = mt.sin(x)
    of_sin = line_above()
    loss = (h * h).sum()
    of_sum = line_above()
    g = mt.grad(loss, x)
    new = [t for t in depth_first([g]) if t.role == "gradient"]
    assert new
    assert {t.origin.lineno for t in new} <= {of_sin, of_sum, g.origin.lineno}
    cosine = next(t for t in new if t.op.name == "cos")
    assert cosine.origin.lineno == of_sin
    assert g.origin.lineno == of_sin
    assert all(t.origin.lineno == of_sum for t in new if t.op.name == "broadcast_to")


def test_second_gradients_too():
    x = mt.parameter(1.0, "x")
    y = mt.sin(x)
    made = line_above()
    second = mt.grad(mt.grad(y, x), x)
    assert second.origin.lineno == made


def test_compiled_graphs_keep_every_line_of_what_was_merged():
    x = mt.placeholder("x", ("n",))
    a = mt.tanh(x)
    first = line_above()
    b = mt.tanh(x)
    second = line_above()
    program = mt.compile([x], (a - b).sum())
    merged = next(t for t in program.graph.nodes if t.op.name == "tanh")
    assert {o.lineno for o in merged.origins} == {first, second}


def test_a_merged_node_keeps_at_most_eight_lines():
    x = mt.placeholder("x", ("n",))
    total = mt.tanh(x)
    total = (
        total
        + mt.tanh(x)
        + mt.tanh(x)
        + mt.tanh(x)
        + mt.tanh(x)
        + mt.tanh(x)
        + mt.tanh(x)
        + mt.tanh(x)
        + mt.tanh(x)
        + mt.tanh(x)
    )
    program = mt.compile([x], total)
    merged = next(t for t in program.graph.nodes if t.op.name == "tanh")
    assert len(merged.origins) == 8
    assert merged.origin.lineno == total.origin.lineno - 2


def test_no_node_of_a_compiled_step_comes_from_inside_minitorch():
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 1))
    model = mt.nn.MLP(3, [4, 1], seed=0)
    loss = mt.mse_loss(model(x), y)
    step = mt.compile([x, y], loss, updates=mt.optim.SGD(model.parameters(), 0.1, momentum=0.9).minimize(loss))
    for graph in (step.traced, step.graph):
        assert {Path(o.filename).name for t in graph.nodes for o in t.origins} == {HERE}


def test_origins_compare_print_and_pickle():
    def make():
        return mt.constant(1.0)

    a, b = make().origin, make().origin
    assert a == b
    assert hash(a) == hash(b)
    assert a != mt.constant(1.0).origin
    assert str(a) == f"{HERE}:{a.lineno}"
    assert repr(a) == f"{a.filename}:{a.lineno} in make"
    assert pickle.loads(pickle.dumps(a)) == a


def test_code_that_has_no_file_has_an_origin_all_the_same():
    names = {"mt": mt}
    exec(compile("\nx = mt.placeholder('x', ())\ny = mt.tanh(x)", "<prompt>", "exec"), names)
    origin = names["y"].origin
    assert (origin.filename, origin.lineno, origin.function) == ("<prompt>", 3, "<module>")
    assert "<prompt>:3" in repr(names["y"])


# ---- scopes ----


def test_scopes_nest_and_end():
    x = mt.placeholder("x", ())
    with mt.scope("outer"):
        a = x + 1
        with mt.scope("inner"):
            b = x + 1
        c = x + 1
    assert [t.scope for t in (x, a, b, c, x + 1)] == ["", "outer", "outer/inner", "outer", ""]


def test_a_scope_ends_when_an_error_leaves_it():
    with pytest.raises(KeyError), mt.scope("broken"):
        raise KeyError
    assert mt.constant(1.0).scope == ""


def test_modules_open_scopes_named_by_their_attributes():
    x = mt.placeholder("x", ("n", 3))
    block = Block()
    assert {t.scope for t in depth_first([block(x)])} == {"", "block", "block/inner"}
    assert block(x).scope == "block"
    assert mt.nn.Sequential(block)(x).scope == "sequential/modules.0"
    model = mt.nn.MLP(3, [4, 1], seed=0)
    assert {t.scope for t in depth_first([model(x)]) if t.inputs} == {"mlp/layers.0", "mlp/layers.1"}


def test_gradients_stand_in_the_scope_of_what_they_differentiate():
    w = mt.parameter(1.0, "w")
    with mt.scope("encoder"):
        h = mt.sin(w)
    with mt.scope("training"):
        g = mt.grad(h * 2, w)
    assert {t.scope for t in depth_first([g]) if t.op.name == "cos"} == {"encoder"}


def test_scopes_belong_to_a_thread():
    found = []
    with mt.scope("here"):
        thread = threading.Thread(target=lambda: found.append(mt.constant(1.0).scope))
        thread.start()
        thread.join()
    assert found == [""]


def test_every_node_has_a_role():
    x, w = mt.placeholder("x", ("n",)), mt.parameter(1.0, "w")
    loss = (x * w).mean()
    updates = mt.optim.SGD([w], 0.1).minimize(loss)
    step = mt.compile([x], loss, updates=updates)
    roles = {"placeholder", "parameter", "constant", "forward", "gradient", "update"}
    assert {t.role for t in step.traced.nodes} == roles
    assert loss.role == "forward"
    assert mt.grad(loss, w).role == "gradient"
    assert next(iter(updates.values())).role == "update"
