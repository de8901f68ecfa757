"""`profile`: a row for each instruction, predicted and measured, and nothing changes."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import InputError
from minitorch.inspection.machine import ceilings


def test_a_row_for_each_instruction(net, backend):
    step = net.compiled(backend)
    before = net.w.data.copy()
    profile = step.profile(net.X, net.Y, repeat=3)
    np.testing.assert_array_equal(net.w.data, before)
    computed = [i for i in step.plan.instructions if i.stage != "bind" and not i.node.op.view]
    if backend != "interpreter":
        assert [row.node for row in profile] == [i.node for i in computed]
        assert sum(row.flops for row in profile) == step.cost(batch=5).flops
        assert sum(row.bytes for row in profile) == step.cost(batch=5).bytes
    assert all(row.seconds > 0 for row in profile)
    assert sum(row.share for row in profile) == pytest.approx(1)
    assert sum(row.seconds for row in profile) == pytest.approx(profile.seconds)
    assert {row.role for row in profile} >= {"gradient", "update"}
    assert all("conftest.py" in row.line for row in profile)
    assert profile.step > 0


def test_the_table(net, backend):
    text = str(net.compiled(backend, name="descent").profile(net.X, net.Y, repeat=2))
    lines = text.splitlines()
    assert lines[0].startswith(f"descent on {backend}: ")
    assert "µs a call, the median of 2 steps" in lines[0]
    assert "flops" in lines[1]
    assert "% of copy" in lines[1]
    assert any("tanh" in line and "%" in line for line in lines[2:])


def test_rates_follow_from_time_and_prediction(net):
    row = net.compiled("numpy").profile(net.X, net.Y, repeat=2)[0]
    assert row.gflops == pytest.approx(row.flops / row.seconds / 1e9)
    assert row.gbytes == pytest.approx(row.bytes / row.seconds / 1e9)


def test_kernels_without_c_are_timed_too():
    odd = mt.ops.elementwise("odd_for_profile", lambda a, out=None: np.add(a, 1, out=out), lambda g, y, a: (g,))
    x = mt.placeholder("x", ("n",))
    program = mt.compile([x], mt.tanh(odd(mt.sin(x) * 2)), backend="c")
    rows = program.profile(np.ones(100), repeat=2)
    assert [("by NumPy" in row.text) for row in rows].count(True) == 1
    assert all(row.seconds > 0 for row in rows)


def test_threads_that_share_the_work_are_timed(monkeypatch):
    monkeypatch.setenv("MINITORCH_THREADS", "2")
    x = mt.placeholder("x", ("n", 512))
    program = mt.compile([x], mt.sin(mt.exp(x)).sum(), backend="c")
    rows = program.profile(np.zeros((2048, 512)), repeat=2)
    assert program._executor.backend.writer.team
    assert all(row.seconds > 0 for row in rows)


def test_long_programs_are_timed_in_pieces():
    x = mt.placeholder("x", ("n", 3))
    y = x
    for k in range(300):
        y = mt.cumsum(y * (k + 1.5), axis=1)
    program = mt.compile([x], y, backend="c")
    rows = program.profile(np.ones((2, 3)), repeat=1)
    assert len(rows) > 300
    assert all(row.seconds > 0 for row in rows)


@pytest.mark.parametrize("repeat", [0, -1, 1.5, True, "3"])
def test_repeat_is_a_count(net, repeat):
    with pytest.raises(InputError, match="repeat is an int of 1 or more"):
        net.compiled("numpy").profile(net.X, net.Y, repeat=repeat)


def test_ceilings_are_measured_once_and_are_no_lower_for_less_data():
    small, large = ceilings(np.dtype("float32"), 1), ceilings(np.dtype("float32"), 1 << 30)
    assert small == ceilings(np.dtype("float32"), 1)
    assert small.gflops == large.gflops > 0
    assert small.gbytes >= large.gbytes > 0
