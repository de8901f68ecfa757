"""`profile`: a row for each instruction, predicted and measured, and nothing changes."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import InputError
from minitorch.inspection import machine
from minitorch.inspection.machine import ROUNDS, ceilings, measure
from minitorch.inspection.profile import Ceilings, Profile, Row


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
    assert program._executor.backend.written.shared < np.inf
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


# ---- ceilings ----

F32 = np.dtype("float32")


def test_ceilings_are_kept_and_are_no_lower_for_less_data():
    small, large = ceilings(F32, 1), ceilings(F32, 1 << 30)
    assert small == ceilings(F32, 1)
    assert small.gflops == large.gflops > 0
    assert small.gbytes >= large.gbytes > 0
    assert small.rounds >= ROUNDS


def test_another_round_can_only_raise_them():
    before = [ceilings(F32, 1 << k) for k in range(0, 32, 4)]
    measure([F32], more=1)
    after = [ceilings(F32, 1 << k) for k in range(0, 32, 4)]
    assert after[0].rounds == before[0].rounds + 1
    assert all(b.gflops >= a.gflops and b.gbytes >= a.gbytes for a, b in zip(before, after, strict=True))


def test_a_round_under_load_lowers_nothing(monkeypatch):
    measure([F32])
    before = ceilings(F32, 1)
    monkeypatch.setattr(machine, "_best", lambda work: 1.0)  # a second for each, whatever it is
    measure([F32], more=2)
    after = ceilings(F32, 1)
    assert (after.gflops, after.gbytes, after.rounds) == (before.gflops, before.gbytes, before.rounds + 2)


def test_the_best_of_the_rounds_counts(monkeypatch):
    monkeypatch.setattr(machine, "_seconds", {})
    turns = iter(range(10**6))
    monkeypatch.setattr(machine, "_best", lambda work: 1.0 / (1 + next(turns)))
    measure([F32], more=1)
    found = ceilings(F32, 1)
    assert found.rounds == ROUNDS + 1
    assert found.gflops > 2 * 512**3 / 1e9  # not that of the first round
    assert len({len(rounds) for rounds in machine._seconds.values()}) == 1


def test_a_profile_measures_before_and_after(net):
    first = net.compiled("numpy").profile(net.X, net.Y, repeat=1)
    second = net.compiled("numpy").profile(net.X, net.Y, repeat=1)
    assert second[0].ceilings.rounds == first[0].ceilings.rounds + 1
    assert first[0].ceilings.rounds > ROUNDS


def row_of(node, seconds, top):
    return Row(node, "text", "line", "forward", 1000, 1000, seconds, 1.0, top)


def test_the_table_says_how_ceilings_were_measured(net):
    lines = str(Profile("p", [row_of(net.h, 1e-6, Ceilings(2.0, 4.0, 7))], 1e-6, 1)).splitlines()
    assert lines[2].split()[-4:] == ["1", "50%", "1", "25%"]
    assert lines[3].startswith("  % of product: of 2 GFLOP/s, which products of square matrices by NumPy reached")
    assert lines[4].startswith("  % of copy: of 4 GB/s, at which NumPy copied as many bytes")
    assert lines[5].startswith("  both are the best of 7 rounds")
    assert len(lines) == 6
    several = str(Profile("p", [row_of(net.h, 1e-6, Ceilings(2.0, g)) for g in (3.0, 5.0, 4.0)], 1e-6, 1))
    assert "of 3 to 5 GB/s" in several


def test_more_than_all_of_a_ceiling_is_no_figure_and_is_explained(net):
    row = row_of(net.h, 1e-6, Ceilings(0.4, 0.999, 3))
    assert row.of_product == pytest.approx(2.5)
    assert row.of_copy > 1
    lines = str(Profile("p", [row], 1e-6, 1)).splitlines()
    assert "250%" not in "\n".join(lines)
    assert lines[2].split()[-4:] == ["1", ">100%", "1", ">100%"]
    assert [line.split(":")[0].strip() for line in lines[-2:]] == [">100% of product", ">100% of copy"]
