"""The explanation of a program: every pass, every rewrite, its law, its two sides, its lines and its savings."""

import re
from pathlib import Path

import pytest

import minitorch as mt

HERE = Path(__file__).name


@pytest.fixture
def program():
    x = mt.placeholder("x", ("batch", 3), "float64")
    w = mt.parameter([[0.5], [1.0], [2.0]], "w", "float64")
    loss = mt.square(mt.tanh(x @ w)).sum()
    return mt.compile([x], loss, {w: w - 0.1 * mt.grad(loss, w)}, backend="c", name="step")


def test_every_pass_and_every_law_is_told_with_its_lines(program):
    text = program.explain()
    rewrites = [r for p in program.passes for r in p.rewrites]
    assert text.startswith("step on c: 10 passes")
    assert all(f"\n{p.name}: " in text for p in program.passes)
    assert rewrites
    for r in rewrites:
        line = next(line for line in text.splitlines() if line.startswith(f"  {r.reason}  #"))
        assert HERE in line
    assert text.count(" -> ") >= len(rewrites)


def test_both_sides_are_written_out():
    x = mt.placeholder("x", ("batch", 3))
    text = mt.compile([x], mt.tanh(x * 2.0) * 1.0, backend="interpreter").explain()
    at = text.index("x * 1 = x")
    before, after, gain = text[at:].splitlines()[1:4]
    assert re.fullmatch(r"      %\d: f32\[batch, 3\] = multiply\(%\d, 1\.0\)", before)
    assert re.fullmatch(r"   -> %\d: f32\[batch, 3\] = tanh\(%\d\)", after)
    assert "saves 192 flops, saves 1,540 bytes; holds bit for bit; not checked yet, see verify()" in gain


def test_a_loop_of_several_operations_saves_the_values_between(program):
    x = mt.placeholder("x", ("batch",))
    text = mt.compile([x], mt.tanh(x + 1) * 2, backend="c").explain()
    at = text.index("one loop")
    assert "multiply(tanh(add(x, 1.0)), 2.0)" in text[at:]
    assert "saves 1,032 bytes" in text[at:]


def test_after_verification_the_differences_are_told(program):
    program.verify()
    text = program.explain()
    assert "not checked" not in text
    assert "checked, largest difference 0" in text


@pytest.mark.parametrize("backend", ["interpreter", "numpy", "c"])
def test_every_compiled_node_leads_back_to_the_users_code(backend):
    x, y = mt.placeholder("x", ("batch", 8)), mt.placeholder("y", ("batch",), "int64")
    model = mt.nn.MLP(8, [600, 700, 3], activation="relu", seed=0)  # products for BLAS as well as for loops
    loss = mt.cross_entropy(mt.dropout(model(x), 0.1), y) + 0.1 * mt.sum(model.layers[0].weight ** 2)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    step = mt.compile([x, y], [loss, model(x)[:, ::-1].T], sgd.minimize(loss), backend=backend)
    for record in step.passes:
        for node in record.after.nodes:
            assert any(o.filename == __file__ for o in node.origins), (record.name, node, node.origins)
