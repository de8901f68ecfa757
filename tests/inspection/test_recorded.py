"""Traces as compiled: each value is the one that the generated code made, bit for bit what a program returns."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends import BACKENDS, numpy_source
from minitorch.compiler.backends.c_source import expressions
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.errors import NotTracedError
from minitorch.inspection.copies import executor_of
from minitorch.inspection.recorded import RECORDED


def interpreted(program, *arrays):
    """The values of the compiled graph by the kernels of the rows."""
    sizes = program._executor.sizes(tuple(a.shape for a in arrays))
    return evaluate_graph(program.graph, arrays, sizes)


def agree(t, program, *arrays):
    for node, value in interpreted(program, *arrays).items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(t[node], value, rtol=64 * np.finfo(value.dtype).eps, atol=1e-14)
        else:
            np.testing.assert_array_equal(t[node], value)


def test_every_value_is_there_and_agrees_with_the_kernels(net, backend):
    step = net.compiled(backend)
    agree(step.trace(net.X, net.Y, compiled=True), step, net.X, net.Y)


def test_values_come_from_the_generated_code_and_from_nowhere_else(net, backend, monkeypatch):
    """A wrong kernel in the generated code shows in the trace, from the instruction on that has it."""
    if backend == "interpreter":
        pytest.skip("the interpreter generates no code")
    monkeypatch.setitem(numpy_source.EMIT, "floor", lambda w, out, x, n: [f"{out}[...] = 7"])
    monkeypatch.setitem(expressions.EXPRESSIONS, "floor", lambda x, n: "7.0")
    x = mt.placeholder("x", ("n",), dtype="float64")
    h = mt.cumsum(mt.floor(x), axis=0)
    out = mt.cumsum(h * 2.0, axis=0)
    t = mt.compile([x], out, backend=backend).trace(np.ones(3), compiled=True)
    np.testing.assert_array_equal(t[h], [7, 14, 21])
    np.testing.assert_array_equal(t[out], [14, 42, 84])


def test_the_bits_are_those_of_the_results(net, backend):
    h2 = mt.cumsum(net.h, axis=1)
    program = mt.compile([net.x], [h2, h2.sum(), net.h[1:], mt.exp(h2) @ net.w.T], backend=backend)
    t = program.trace(net.X, compiled=True)
    for result, node, kept in zip(program(net.X), program.graph.outputs, t.outputs, strict=True):
        np.testing.assert_array_equal(t[node], result)
        np.testing.assert_array_equal(kept, result)


def test_new_values_are_those_that_are_stored(net, backend):
    step = net.compiled(backend)
    t = step.trace(net.X, net.Y, compiled=True)
    before = t["w"].copy()
    np.testing.assert_array_equal(before, net.w.data)
    step(net.X, net.Y)
    np.testing.assert_array_equal(t[step.graph.updates[0][1]], net.w.data)
    np.testing.assert_array_equal(t[net.new], net.w.data)
    np.testing.assert_array_equal(t[net.w], before)


def test_slots_that_are_used_again_are_kept_before(backend):
    x = mt.placeholder("x", ("n", 4), dtype="float64")
    steps = [x]
    for k in range(6):
        steps.append(mt.cumsum(steps[-1] * (k + 1.5), axis=1))
    program = mt.compile([x], steps[-1], backend=backend)
    assert len(program.plan.slots) < 6 or backend == "interpreter"
    X = np.random.default_rng(0).standard_normal((3, 4))
    t = program.trace(X, compiled=True)
    value = X
    for k, step in enumerate(steps[1:]):
        value = np.cumsum(value * (k + 1.5), axis=1)
        np.testing.assert_allclose(t[step], value, rtol=1e-13)


def test_what_depends_on_sizes_alone_and_empty_batches(backend):
    x = mt.placeholder("x", ("n", 3))
    program = mt.compile([x], [x.sum(axis=0), mt.mean(x, axis=0)], backend=backend)
    for n in (0, 1, 5):
        X = np.ones((n, 3), "float32")
        agree(program.trace(X, compiled=True), program, X)


def test_kernels_without_c_and_threads_are_kept_too(monkeypatch):
    odd = mt.ops.elementwise("odd_for_record", lambda a, out=None: np.add(a, 1, out=out), lambda g, y, a: (g,))
    x = mt.placeholder("x", ("n",))
    h = odd(mt.sin(x) * 2)
    program = mt.compile([x], mt.tanh(h), backend="c")
    X = np.linspace(0, 1, 100, dtype="float32")
    np.testing.assert_allclose(program.trace(X, compiled=True)[h], np.sin(X) * 2 + 1, rtol=1e-6)
    monkeypatch.setenv("MINITORCH_THREADS", "2")
    x = mt.placeholder("x", ("n", 512), dtype="float64")
    program = mt.compile([x], [mt.sin(mt.exp(x)), mt.cumsum(mt.sin(mt.exp(x)), axis=0) * 2], backend="c")
    X = np.random.default_rng(0).standard_normal((2048, 512))
    t = program.trace(X, compiled=True)
    for node, value in zip(program.graph.outputs, program(X), strict=True):
        np.testing.assert_array_equal(t[node], value)


def test_recording_code_is_the_plain_program_with_copies(net):
    for backend, word in (("numpy", "keep("), ("c", "keep(KEPT")):
        step = net.compiled(backend)
        kept = executor_of(step, RECORDED[backend]).backend.source
        left = [line for line in kept.splitlines() if "keep(" not in line]
        calls = [line for line in step.source.splitlines() if line.startswith(("    if (", "        ")) and "(" in line]
        assert word in kept
        assert word not in step.source
        assert calls
        assert all(line in left for line in calls)
        plain = executor_of(step, BACKENDS[backend]).backend.source
        assert plain == step.source


# ---- the user's own tensors ----


def test_the_users_tensors_are_found_where_they_survive(backend):
    x = mt.placeholder("x", ("n", 3), dtype="float64")
    w = mt.parameter(np.ones((3, 3)), "w", dtype="float64")
    h = mt.cumsum(x @ w, axis=1)
    twice = (h + 0.0) * 1.0  # h itself
    rows = mt.sum(h, axis=0)
    program = mt.compile([x], [mt.exp(mt.cumsum(twice, axis=1)), mt.cumsum(rows, axis=0)], backend=backend)
    X = np.random.default_rng(0).standard_normal((4, 3))
    t = program.trace(X, compiled=True)
    expected = np.cumsum(X @ np.ones((3, 3)), axis=1)
    np.testing.assert_allclose(t[h], expected, rtol=1e-14)
    np.testing.assert_array_equal(t[twice], t[h])
    np.testing.assert_allclose(t[rows], expected.sum(axis=0), rtol=1e-13)
    assert h in t
    assert mt.exp(h) not in t


def test_a_value_in_registers_says_so_and_names_the_instruction():
    x = mt.placeholder("x", ("n",), dtype="float64")
    inner = mt.tanh(x)
    out = inner * 2.0 + x
    program = mt.compile([x], out, backend="c")
    t = program.trace(np.ones(3), compiled=True)
    assert inner not in t
    with pytest.raises(NotTracedError, match=r"lives in registers inside instruction 1 of 1, ") as found:
        t[inner]
    assert "compiled=True" in str(found.value)
    np.testing.assert_allclose(t[out], np.tanh(1) * 2 + np.ones(3))
    np.testing.assert_allclose(program.trace(np.ones(3))[inner], np.tanh(np.ones(3)))


def test_a_value_that_the_compiler_does_without_names_the_pass():
    x = mt.placeholder("x", ("n", 3), dtype="float64")
    inner = mt.transpose(x)
    program = mt.compile([x], mt.transpose(inner) * 2.0, backend="numpy")
    with pytest.raises(NotTracedError, match="does without it since the pass simplify"):
        program.trace(np.ones((2, 3)), compiled=True)[inner]


def test_what_was_never_part_is_told_apart(net, backend):
    t = net.compiled(backend).trace(net.X, net.Y, compiled=True)
    with pytest.raises(NotTracedError, match="is not part of this trace"):
        t[mt.placeholder("z", ())]
