"""Clocks: the same code with laps around its calls, and the programs of everybody else without a trace of them."""

import numpy as np

from minitorch.compiler.backends import BACKENDS
from minitorch.inspection.copies import executor_of
from minitorch.inspection.timed import TIMED


def without_clocks(source):
    """The timed source with every line taken out that measures."""
    marks = ("const double began", "- began;", "lap(", "start()")
    lines = [line for line in source.splitlines() if not any(mark in line for mark in marks)]
    return [line.strip() for line in lines if line.strip() not in ("{", "}")]


def test_timed_code_computes_the_same_bits(net, backend):
    step = net.compiled(backend)
    timed, plain = (executor_of(step, kinds[backend]) for kinds in (TIMED, BACKENDS))
    np.testing.assert_array_equal(timed.run([net.X, net.Y]), plain.run([net.X, net.Y]))
    for a, b in zip(timed.plan.graph.updates, plain.plan.graph.updates, strict=True):
        np.testing.assert_array_equal(a[0].data, b[0].data)
    assert (timed.backend.clock.seconds > 0).all()


def test_timed_c_is_the_plain_program_with_clocks(net):
    step = net.compiled("c")
    timed = executor_of(step, TIMED["c"]).backend
    assert "began" in timed.source
    plain, clocked = without_clocks(step.source), without_clocks(timed.source)
    calls = [line for line in plain if line.endswith(";") and "(n" in line]
    assert calls
    assert all(line in clocked for line in calls)


def test_a_profile_leaves_the_program_as_it_was(net, backend):
    before = net.compiled(backend)
    source = before.source
    before.profile(net.X, net.Y, repeat=1)
    before.trace(net.X, net.Y, compiled=True)
    after = net.compiled(backend)
    assert before.source == source == after.source
    assert "began" not in source
    assert "lap(" not in source


def test_copies_have_the_same_plan(net, backend):
    step = net.compiled(backend)
    plan = executor_of(step, BACKENDS[backend]).plan
    assert str(plan) == str(step.plan)
    own = {id(t.attrs["storage"]) for t in step.graph.nodes if "storage" in t.attrs}
    copied = {id(t.attrs["storage"]) for t in plan.graph.nodes if "storage" in t.attrs}
    assert own
    assert not own & copied
