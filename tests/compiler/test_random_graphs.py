"""Random valid graphs: the same bits on every backend, before and after every pass, call after call."""

from itertools import combinations

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import minitorch as mt
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.errors import InputError
from minitorch.graph.tensor import reserved

EXACT = ("interpreter", "numpy")  # the backends that agree in every bit

SIZES = (1, 2, 3, 5, 33, 0)
hundreds = settings(
    derandomize=True, max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip


def chosen(data):
    return lambda k: data.draw(st.integers(0, k - 1))


def sizes_of(program, arrays):
    """The unknown sizes; None where the graph has an index that does not exist at this size."""
    try:
        return program._executor.sizes([a.shape for a in arrays])
    except InputError:
        return None


@hundreds
@given(st.data())
def test_every_pass_keeps_every_bit(random_graph, random_feeds, same, data):
    """But for rewrites that are declared to reassociate: these are held to rounding, one by one."""
    inputs, outputs, updates = random_graph(chosen(data))
    program = mt.compile(inputs, outputs, updates, backend="interpreter")
    note(str(program.traced))
    for n in SIZES:
        arrays = tuple(random_feeds(inputs, n, n))
        sizes = sizes_of(program, arrays)
        for record in program.passes[2:] if sizes is not None else ():
            reassociated = [r for r in record.rewrites if r.reassociates]
            if reassociated:
                check_rounding(reassociated, inputs, arrays, sizes)
                continue
            before = evaluate_graph(record.before, arrays, sizes)
            after = evaluate_graph(record.after, arrays, sizes)
            for new, old in zip(record.after.roots, record.before.roots, strict=True):
                same(np.asarray(after[new]), np.asarray(before[old]), f"{record.name}: {old!r}")


def check_rounding(rewrites, inputs, arrays, sizes):
    """Each rewrite alone, on the same operands: the same NaN and infinity, and what is finite to a few roundings."""
    graph = mt.Graph([t for r in rewrites for t in (r.before, r.after)], inputs=inputs)
    values = evaluate_graph(graph, arrays, sizes)
    for r in rewrites:
        before, after = np.asarray(values[r.before]), np.asarray(values[r.after])
        assert (before.shape, before.dtype) == (after.shape, after.dtype)
        operands = [np.asarray(values[i], "float64") for i in r.before.inputs]
        largest = max((np.abs(v).max() for v in operands if v.size), default=0.0)
        if largest < 1e15:  # no sum overflows on the way
            count = max(v.size for v in operands)
            np.testing.assert_allclose(after, before, atol=8 * count * np.finfo(before.dtype).eps * largest)


@hundreds
@given(st.data())
def test_every_backend_does_what_the_compiled_graph_says(random_graph, random_feeds, same, data):
    """Results, and parameters all at once, call after call; and every call is held to what calls promise."""
    inputs, outputs, updates = random_graph(chosen(data))
    programs = {name: mt.compile(inputs, outputs, updates, backend=name) for name in EXACT}
    start = {p: p.data.copy() for p in programs["numpy"].updates}
    note(str(programs["numpy"].graph))
    for name, program in programs.items():
        for p, value in start.items():
            p.data = value
        earlier = []
        for n in (3, 1, 8):
            arrays = random_feeds(inputs, n, n)
            sizes = sizes_of(program, arrays)
            if sizes is not None:
                earlier += checked_call(program, arrays, sizes, earlier, lambda a, b, name=name: same(a, b, name))


def checked_call(program, arrays, sizes, earlier, same):
    """One step, compared with the graph node by node; its results, each with a copy."""
    values = evaluate_graph(program.graph, tuple(arrays), sizes)
    wanted = [np.array(values[t]) for t in program.graph.roots]
    copies = [a.copy() for a in arrays]
    program._executor.memory.arena[...] = 0xFF  # NaN, -1, True: whoever reads what is not written shows it
    results = program(*arrays)
    held = [p.data for p in program.updates]
    for got, want in zip([*results, *held], wanted, strict=True):
        same(got, want)
    for a, b in [*zip(arrays, copies, strict=True), *earlier]:
        np.testing.assert_array_equal(a, b)
    check_memory(program, results, [*arrays, *held])
    return [(r, r.copy()) for r in results]


def check_memory(program, results, others):
    assert not any(np.shares_memory(a, b) for a, b in combinations(results, 2))
    assert not any(np.shares_memory(a, b) for a in results for b in [*others, program._executor.memory.arena])


def test_the_graphs_use_every_operation(random_graph):
    """A new row that the generator cannot call by itself must be taught to it, in `MAKERS`."""
    used = {
        node.op.name
        for seed in range(400)
        for node in mt.compile(*random_graph(seed), backend="interpreter").traced.nodes
    }
    assert reserved - used == {"in_training"}


def test_the_graphs_are_not_trivial(random_graph):
    graphs = [mt.compile(*random_graph(seed), backend="interpreter").graph for seed in range(100)]
    sizes = sorted(len([n for n in g.nodes if n.inputs]) for g in graphs)
    assert sizes[50] >= 8
    assert sizes[-1] >= 30
    assert sum(bool(g.updates) for g in graphs) > 70
    assert sum(any(n.role == "gradient" for n in g.nodes) for g in graphs) > 5
    assert sum(len(set(g.outputs)) > 1 for g in graphs) > 40
