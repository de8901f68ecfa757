"""Fuse, text in and text out: what becomes one loop, what does not, and that nothing else changes."""

import time

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler import optimise
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.compiler.fused import fused
from minitorch.compiler.passes import fuse as fuse_module
from minitorch.compiler.passes import materialise
from minitorch.compiler.passes.fuse import MOST_NODES, MOST_WEIGHTS, REASON, fuse, small_product
from minitorch.compiler.rewrite import verify
from minitorch.errors import InputError
from minitorch.graph import Graph, Symbol

LOWERING = (materialise, fuse)


def lowered(outputs, updates=()):
    """The graph before and after, and the log."""
    before, _ = materialise(Graph(outputs, list(updates), name="g"))
    after, log = fuse(before)
    verify(before, after, "fuse")
    assert all(r.reason == REASON and r.reassociates for r in log)
    return before, after, log


def lines(graph):
    """The text without the title, leaves and the return."""
    _, *text = graph.text(origins=False).split("\n")
    left_out = ("placeholder", "parameter", "return")
    return [t.strip().partition(" = ")[2] for t in text if not any(word in t for word in left_out)
            and "= " in t and not t.strip().split(" = ")[1].replace(".", "").replace("-", "").isdigit()]  # fmt: skip


def kinds(graph):
    return [n.op.name for n in graph.nodes if n.inputs]


def x(shape=("n", 3), dtype="float32", name="x"):
    return mt.placeholder(name, shape, dtype)


def w(shape=(3, 4), name="w"):
    return mt.parameter(np.ones(shape), name=name)


# ---- what joins ----

JOINED = {
    "elementwise operations": (lambda: [mt.tanh(x() * 2) + 1], ["add(tanh(multiply(x, 2.0)), 1.0)"]),
    "what they stretch": (lambda: [x() * x((3,), name="b") + 1], ["add(multiply(x, b), 1.0)"]),
    "a reduction at the end": (
        lambda: [mt.sum(mt.square(x() - 1), 0)],
        ["sum(square(subtract(x, 1.0)), axis=(0,), keepdims=False)"],
    ),
    "a largest at the end": (lambda: [mt.max(-x(), 1)], ["max(negative(x), axis=(1,), keepdims=False)"]),
    "a small product at the start": (
        lambda: [mt.tanh(x() @ w() + w((4,), "b"))], ["tanh(add(matmul(x, w), b))"],
    ),
    "comparisons and conditions": (
        lambda: [(lambda t: mt.where(t > 0, t, -t))(x())], ["where(greater(x, 0.0), x, negative(x))"],
    ),
    "casts": (lambda: [mt.cast(x() * 2, "float64")], ["cast(multiply(x, 2.0), dtype=float64)"]),
}  # fmt: skip


@pytest.mark.parametrize("name", JOINED)
def test_it_joins(name):
    make, text = JOINED[name]
    _, after, log = lowered(make())
    assert lines(after) == text
    assert kinds(after) == ["fused"]
    assert len(log) == 1


APART = {
    "one operation alone": lambda: [mt.tanh(x())],
    "a transpose between them": lambda: [mt.tanh(x()).T * 2],
    "a slice between them": lambda: [mt.tanh(x())[1:] * 2],
    "a broadcast between them": lambda: [mt.exp(x((3,))) * x(name="y")],
    "what stretches a number": lambda: [mt.exp(x((), name="s")) * x()],
    "a reduction that is read": lambda: [mt.exp(mt.sum(x(), 1))],
    "a sum of nothing that is read": lambda: [mt.exp(mt.sum(x(), ()))],
    "a running sum": lambda: [mt.tanh(mt.cumsum(x(), 0))],
    "powers of ints, which may raise": lambda: [(lambda k: (k + 1) ** k)(x((3,), "int64"))],
    "a product with too many weights": lambda: [mt.tanh(x(("n", 800)) @ w((800, 700)))],
    "a product of two unknown sizes": lambda: [mt.tanh(x() @ x((3, "m"), name="y"))],
    "a product of batches of matrices": lambda: [mt.tanh(x(("b", "n", 3)) @ w())],
    "a product of ints": lambda: [abs(x(("n", 3), "int32") @ x((3, 2), "int32", "y"))],
    "what a product reads": lambda: [mt.tanh(x()) @ w()],
}


@pytest.mark.parametrize("name", APART)
def test_it_leaves_apart(name):
    before, after, log = lowered(APART[name]())
    assert kinds(after) == kinds(before)
    assert log == []


def test_a_region_has_one_product():
    t = x()
    _, after, _ = lowered([mt.tanh(t @ w()) + mt.tanh(t @ w((3, 4), "v"))])
    assert sorted(kinds(after)) == ["fused", "matmul"]
    assert "\n".join(lines(after)).count("matmul(") == 2


def test_a_row_of_a_users_own_stays_apart(added_rows):
    own = mt.ops.elementwise("own", np.sin, lambda g, y, x: (g,))
    _, after, _ = lowered([mt.tanh(own(x() * 2) + 1)])
    assert kinds(after) == ["multiply", "own", "fused"]


def test_random_numbers_stay_apart():
    before, after, _ = lowered([mt.random_uniform((3,), seed=0)])
    assert kinds(after) == kinds(before)


@pytest.mark.parametrize(
    ("shapes", "small"),
    [(("n", 3, 4), True), (("n", 128, 129), True), ((3, "n", 4), True), (("n", 1, 257), True),
        (("n", 1, MOST_WEIGHTS), True), (("n", 1, MOST_WEIGHTS + 1), False), ((MOST_WEIGHTS + 1, "n", 1), False),
        (("n", 3, 0), False), (("n", 0, 3), False), (("n", "m", 3), False), ((3, 4, 5), True),
        ((4096, 1024, 1024), False)],
)  # fmt: skip
def test_small_products(shapes, small):
    m, k, n = shapes
    assert small_product(x((m, k)) @ x((k, n), name="y")) is small


@pytest.mark.parametrize("slow", [False, True])
def test_blocks_where_the_second_cache_is_slow_begin_at_smaller_products_of_whole_tiles(monkeypatch, slow):
    monkeypatch.setattr(fuse_module, "outruns_second_cache", lambda: slow)
    whole = [(("n", 784, 256), "float32"), ((256, "n", 544), "float32"), (("n", 400, 400), "float64")]
    others = [(("n", 400, 400), "float32"), (("n", 255, 640), "float32"), (("n", 256, 512), "float32"),
        ((512, 300, "n"), "float32"), ((64, 512, 512), "float32")]  # fmt: skip
    for cases, small in ((whole, not slow), (others, True)):
        for (m, k, n), dtype in cases:
            assert small_product(x((m, k), dtype=dtype) @ x((k, n), name="y", dtype=dtype)) is small, (m, k, n, dtype)


# ---- several results, and paths that leave and come back ----


def groups(graph):
    """For each fused node its body."""
    return [id(n.attrs["body"]) for n in graph.nodes if n.op is fused]


def test_several_results_are_siblings():
    t = x()
    a = mt.tanh(t * 2)
    _, after, log = lowered([a, a + 1, mt.sum(a, 0)])
    first, *others = [n for n in after.nodes if n.op is fused]
    assert [n.attrs["result"] for n in (first, *others)] == [0, 1, 2]
    assert all(n.attrs["body"] is first.attrs["body"] and n.inputs == first.inputs for n in others)
    assert len(log) == 3
    assert [str(t.type) for t in first.attrs["body"].outputs] == ["f32[n, 3]", "f32[n, 3]", "f32[3]"]


def test_neighbours_that_share_a_value_are_one():
    t = x()
    a = mt.tanh(t)
    _, after, _ = lowered([mt.exp(a), mt.sum(a * 2, 1), mt.max(a, 0)])
    assert len(set(groups(after))) == 1


@pytest.mark.parametrize(
    "detour",
    [lambda a: mt.cumsum(a, 0), lambda a: a[::-1], lambda a: mt.sum(a, 1, True), lambda a: (a.T @ a)[:1], mt.sum,
        lambda a: mt.exp(mt.cumsum(a * 2, 1)), lambda a: mt.take(a, [0], 0)],
)  # fmt: skip
def test_a_path_that_leaves_and_comes_back_is_no_circle(detour):
    """What a region needs whole must be computed before the region starts."""
    t = x()
    a = mt.tanh(t + 1)
    before, after, _ = lowered([a * detour(a) + a])
    position = {n: i for i, n in enumerate(after.nodes)}
    assert all(position[i] < position[n] for n in after.nodes for i in n.inputs)
    assert kinds(after) != ["fused"]
    agree(before, after, [t], sizes=(1, 2, 7))


def test_softmax_is_two_loops_around_its_sum():
    before, after, _ = lowered([mt.softmax(x())])
    assert len(lines(after)) < len([n for n in before.nodes if n.inputs])
    assert any("sum(exp(" in line for line in lines(after))


def test_a_region_has_an_end():
    t = x()
    for _ in range(3 * MOST_NODES):
        t = mt.tanh(t)
    _, after, _ = lowered([t])
    bodies = {id(n.attrs["body"]): n.attrs["body"] for n in after.nodes if n.op is fused}
    sizes = [len([n for n in body.nodes if n.inputs]) for body in bodies.values()]
    assert sum(sizes) == 3 * MOST_NODES
    assert max(sizes) == MOST_NODES


def test_numbers_are_part_of_the_loop_and_arrays_are_given_to_it():
    _, after, _ = lowered([(x() * 2 + mt.constant(np.float32([1, 2, 3]))) * w((3,))])
    (node,) = [n for n in after.nodes if n.op is fused]
    assert [i.op.name for i in node.inputs] == ["placeholder", "constant", "parameter"]
    body = node.attrs["body"]
    assert [t.name for t in body.inputs] == ["x0", "x1", "x2"]
    assert [n.data.tolist() for n in body.nodes if n.op.name == "constant"] == [2.0]


# ---- roles ----


def model(depth, momentum=0.0):
    a, b = mt.placeholder("a", ("n", 4)), mt.placeholder("b", ("n", 4))
    network = mt.nn.MLP(4, [4] * depth, seed=0)
    loss = mt.mse_loss(network(a), b)
    return loss, mt.optim.SGD(network.parameters(), lr=0.1, momentum=momentum).minimize(loss)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("with_loss", [True, False])
def test_no_role_is_left_empty(depth, momentum, with_loss):
    loss, updates = model(depth, momentum)
    before, after, log = lowered([loss] if with_loss else [], updates.items() if isinstance(updates, dict) else updates)
    roles = [{n.role for n in graph.nodes if n.inputs and not n.op.view} for graph in (before, after)]
    assert roles[0] == roles[1]
    assert log


def test_a_lone_forward_operation_is_not_swallowed_by_its_gradient():
    t, v = x((3,)), w((3,))
    loss = mt.sum(mt.square(t * v))
    program = mt.compile([t], [], {v: v - mt.grad(loss, v)}, backend="interpreter")
    after = optimise(program.traced, LOWERING)[-1].after
    assert {n.role for n in after.nodes if n.inputs and not n.op.view} == {"forward", "gradient", "update"}


# ---- what is kept ----


def test_every_line_is_kept():
    t = x()
    a = t * 2
    b = mt.tanh(a)
    c = b + 1
    _, after, _ = lowered([c])
    (node,) = [n for n in after.nodes if n.op is fused]
    assert {repr(t.origin) for t in (a, b, c)} == {repr(origin) for origin in node.origins}
    assert repr(node.origin) == repr(c.origin)
    assert [repr(n.origin) for n in node.attrs["body"].nodes if n.inputs] == [repr(n.origin) for n in (a, b, c)]


def test_names_of_graph_inputs_and_outputs_are_kept():
    a, b, unused = x(), x(name="b"), x(name="unused")
    graph = Graph([mt.tanh(a * 2) + b, a * 1.5 - b], [], [b, unused, a], "named", training=False)
    after, _ = fuse(materialise(graph)[0])
    assert after.inputs == graph.inputs
    assert (after.name, after.training) == ("named", False)
    assert [str(t.type) for t in after.outputs] == [str(t.type) for t in graph.outputs]


def test_updates_go_where_they_went():
    a, b = w((3,), "a"), w((3,), "b")
    _, after, _ = lowered([], [(a, a * 2 + b), (b, b - a * 3)])
    assert [t for t, _ in after.updates] == [a, b]


# ---- values ----


def agree(before, after, inputs, sizes=(0, 1, 2, 7), dtype="float32"):
    for n in sizes:
        arrays = tuple(
            np.random.default_rng(n).standard_normal([n if isinstance(s, Symbol | str) or not isinstance(s, int) else s
                for s in t.shape]).astype(t.dtype) for t in inputs
        )  # fmt: skip
        graphs = [Graph(g.outputs, g.updates, inputs, nodes=g.nodes) for g in (before, after)]
        values = [evaluate_graph(g, arrays, {Symbol("n"): n}) for g in graphs]
        for old, new in zip(before.roots, after.roots, strict=True):
            np.testing.assert_array_equal(values[0][old], values[1][new])


@pytest.mark.parametrize("name", [name for name in JOINED if name != "what they stretch"])
def test_values_are_the_same_in_every_bit(name):
    before, after, _ = lowered(JOINED[name][0]())
    inputs = [n for n in before.nodes if n.op.name == "placeholder"]
    agree(before, after, inputs, sizes=(1, 2, 7))


def test_random_graphs(random_graph, random_feeds, same):
    joined = 0
    for seed in range(150):
        inputs, outputs, updates = random_graph(seed)
        program = mt.compile(inputs, outputs, updates, backend="interpreter")
        record = optimise(program.traced, LOWERING)[-1]
        assert record.name == "fuse"
        verify(record.before, record.after, "fuse")
        joined += bool(record.rewrites)
        arrays = tuple(random_feeds(inputs, 3, seed))
        try:
            sizes = program._executor.sizes([a.shape for a in arrays])
        except InputError:
            continue
        before, after = (evaluate_graph(g, arrays, sizes) for g in (record.before, record.after))
        for old, new in zip(record.before.roots, record.after.roots, strict=True):
            same(np.asarray(after[new]), np.asarray(before[old]), f"seed {seed}: {old!r}")
    assert joined > 75


# ---- size ----


def seconds(graph):
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        fuse(graph)
        best = min(best, time.process_time() - start)
    return best


def chain(count, step):
    t = x()
    for k in range(count):
        t = step(t, k)
    return Graph([t])


CHAINS = {
    "elementwise": lambda t, k: mt.tanh(t),
    "in and out of regions": lambda t, k: mt.cumsum(t, 0) if k % 3 == 0 else mt.exp(t),
    "diamonds": lambda t, k: t * t + t if k % 2 else mt.sum(t, 1, True) + t,
}


@pytest.mark.parametrize("name", CHAINS)
def test_long_chains_take_time_in_proportion(name):
    """Ten times the nodes may take thirty times the time, which a quadratic pass would pass by far."""
    few, many = (chain(count, CHAINS[name]) for count in (2_000, 20_000))
    assert seconds(many) < 30 * seconds(few) + 1
