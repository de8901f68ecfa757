"""Plans, judged by a model of memory that shares no code with the planner; MLPs, random graphs and traps."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.interpreter import evaluate_graph
from minitorch.graph import Symbol
from minitorch.graph.dim import evaluate, symbols


class Memory:
    """What lies where. A place is a slot, a parameter, or a value that has memory of its own."""

    def __init__(self, plan):
        self.plan = plan
        self.targets = {i.output: i.target for i in plan.instructions if i.stage == "commit"}
        self.holds = {}  # place -> the value that was written there last
        self.producer = {i.output: i for i in plan.instructions}
        self.last = self.last_reads()

    def root(self, value):
        """The value whose memory is read, found by the operations alone."""
        while value.node.op.view:
            value = self.producer[value].inputs[0]
        return value

    def place(self, value):
        if value.kind == "arena":
            return "slot", value.slot
        owner = self.targets.get(value, value.node) if value.kind == "parameter" else value
        return value.kind, id(owner)

    def last_reads(self):
        last = {}
        for i, instruction in enumerate(self.plan.instructions):
            if not instruction.node.op.view:
                last.update({self.root(v): i for v in instruction.inputs})
        last.update({self.root(v): len(self.plan.instructions) for v in self.plan.outputs})
        return last

    def run(self):
        self.check_kinds()
        for value in self.plan.values:
            if value.kind in ("input", "constant") or (value.kind == "parameter" and value not in self.targets):
                self.holds[self.place(value)] = value
        stages = [i.stage for i in self.plan.instructions]
        assert stages.index("commit") == len(stages) - stages.count("commit") if "commit" in stages else True
        for stage in ("bind", "call", "commit"):
            for i, instruction in enumerate(self.plan.instructions):
                if instruction.stage == stage and not instruction.node.op.view:
                    self.step(i, instruction)
        self.check_outputs()
        self.check_updates()
        self.check_slots()

    def check_kinds(self):
        for value in self.plan.values:
            kinds = {"input", "parameter", "constant", "bound", "arena", "result", "view"}
            assert value.kind in kinds
            assert (value.slot is not None) == (value.kind == "arena")
            assert value.root is self.root(value)
        for instruction in self.plan.instructions:
            assert all(v.node is n for v, n in zip(instruction.inputs, instruction.node.inputs, strict=True))

    def step(self, i, instruction):
        node, output, target = instruction.node, instruction.output, instruction.target
        roots = [self.root(v) for v in instruction.inputs]
        for root in roots:
            assert self.holds.get(self.place(root)) is root, f"{node} reads {root.node}, which is not in its place"
        if instruction.stage == "bind":
            assert all(root.kind in ("constant", "bound") for root in roots), f"{node} is computed too early"
        assert output.kind in ("arena", "result", "bound") or (instruction.stage == "commit" and target is not None)
        self.check_overlap(i, instruction, roots)
        assert self.last.get(self.holds.get(self.place(output)), -1) <= i, f"{node} overwrites what is read later"
        self.holds[self.place(output)] = output

    def check_overlap(self, i, instruction, roots):
        """Where the result lies on an operand, the row allows it, and nothing reads the operand through a view."""
        node, output = instruction.node, instruction.output
        shared = [p for p, root in enumerate(roots) if self.place(root) == self.place(output)]
        assert instruction.in_place == bool(shared), f"{node} in place: {instruction.in_place}, shares {shared}"
        for p in shared:
            operand = instruction.inputs[p]
            assert operand is roots[p], f"{node} overwrites {roots[p].node}, which it reads through a view"
            assert p in node.op.inplace, f"{node.op.name} must not overwrite operand {p}"
            assert (operand.node.shape, operand.node.dtype) == (node.shape, node.dtype)
            assert self.last[roots[p]] == i or instruction.stage == "commit"

    def check_outputs(self):
        outputs = self.plan.outputs
        assert len(set(map(id, outputs))) == len(outputs), "two results share memory"
        for value, node in zip(outputs, self.plan.graph.outputs, strict=True):
            assert (value.kind, value.node) == ("result", node)
            assert self.holds[self.place(value)] is value

    def check_updates(self):
        commits = [i for i in self.plan.instructions if i.stage == "commit"]
        wanted = {id(target): value for target, value in self.plan.graph.updates}
        assert sorted(id(i.target) for i in commits) == sorted(wanted), "an update is lost, or made twice"
        for i in commits:
            new = wanted[id(i.target)]
            stored = i.node.op.name == "copy" and i.inputs[0].node is new
            assert stored or (i.node is new and isinstance(i.node.op.kernel, np.ufunc))
        written = {id(t) for t in self.targets.values()}
        for value in self.plan.values:
            if value.kind == "parameter" and id(value.node) not in written and value not in self.targets:
                assert self.holds[self.place(value)] is value, f"{value.node} was written without an update"

    def check_slots(self):
        """A slot is as large as the largest value in it, whatever the sizes."""
        for value in self.plan.buffers:
            for n in (0, 1, 2, 7, 63, 1000):
                sizes = dict.fromkeys(symbols(value.node.size), n)
                held = max(evaluate(s, dict.fromkeys(symbols(s), n)) for s in self.plan.slots[value.slot])
                assert held >= evaluate(value.node.size, sizes) * value.node.dtype.itemsize


def plan_of(inputs, outputs, updates=None):
    plan = mt.compile(inputs, outputs, updates).plan
    Memory(plan).run()
    return plan


def calls(plan, name):
    return [i for i in plan.instructions if i.node.op.name == name]


# ---- random graphs and networks ----


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_plans_of_random_graphs(random_graph, start):
    for seed in range(start, start + 50):
        plan_of(*random_graph(seed))


def network(momentum=0.0, depth=4):
    x, y = mt.placeholder("x", ("batch", 5)), mt.placeholder("y", ("batch", 2))
    model = mt.nn.MLP(5, [7] * depth + [2], seed=0)
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=momentum, nesterov=momentum > 0, weight_decay=0.01)
    return [x, y], loss, sgd.minimize(loss)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_plans_of_networks(momentum):
    plan = plan_of(*network(momentum))
    assert len(plan.slots) < len(plan.buffers)  # memory is used again
    assert any(i.in_place for i in plan.instructions)


def test_plain_gradient_descent_writes_straight_into_the_parameters():
    x, y = mt.placeholder("x", ("batch", 5)), mt.placeholder("y", ("batch", 2))
    model = mt.nn.MLP(5, [7, 2], seed=0)
    loss = mt.mse_loss(model(x), y)
    plan = plan_of([x, y], loss, mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss))
    commits = [i for i in plan.instructions if i.stage == "commit"]
    assert [i.node.op.name for i in commits] == ["subtract"] * 4
    assert all(i.in_place for i in commits)
    assert all(i.stage == "bind" for i in calls(plan, "copy"))


def test_the_arena_of_a_deep_network_does_not_grow_with_what_is_dead():
    """Predicting through 50 layers needs two buffers, not 50."""
    x = mt.placeholder("x", ("batch", 8))
    plan = plan_of([x], mt.nn.MLP(8, [8] * 50, seed=0)(x))
    assert len(plan.slots) <= 2


def test_the_parts_of_a_plan():
    plan = plan_of(*network(0.9))
    parts = (plan.forward, plan.backward, plan.update)
    assert all(parts)
    assert sorted(id(i) for part in parts for i in part) == sorted(id(i) for i in plan.instructions)
    assert {i.node.op.name for i in plan.forward} >= {"tanh", "matmul", "subtract"}
    assert all(i.role == "gradient" for i in plan.backward)
    assert any(i.node.op.name == "matmul" for i in plan.backward)
    assert all(i.stage != "commit" for i in (*plan.forward, *plan.backward))
    predict = mt.compile([x := mt.placeholder("x", ("n", 5))], mt.nn.MLP(5, [2], seed=0)(x)).plan
    assert predict.forward == predict.instructions
    assert predict.backward == predict.update == ()


# ---- lifetimes ----


def test_lifetimes_are_what_the_instructions_show():
    plan = plan_of(*network(0.9))
    memory = Memory(plan)
    for i, instruction in enumerate(plan.instructions):
        if instruction.stage != "bind":
            assert instruction.output.born == i
    for value in plan.buffers:
        assert value.dies == memory.last[value]


# ---- traps ----


def traps():
    a, b = mt.parameter([[1.0, 2.0], [3.0, 4.0]], name="a"), mt.parameter([[5.0, 6.0], [7.0, 8.0]], name="b")
    x = mt.placeholder("x", ("n", 2))
    c = mt.parameter([[1.0, 0.0], [0.0, 1.0]], name="c")
    h = mt.tanh(x)
    twice, thrice = mt.sin(h), mt.sin(c * 3)
    new = a - 0.1 * b
    total = mt.sum(x, axis=0)
    flat = mt.reshape(mt.tanh(x).T, (-1,))
    return {
        "swap": ([], [], {a: b, b: a}),
        "swap, computed": ([], [], {a: b + 0, b: a + 0}),
        "rotate": ([], [], {a: b * 2, b: a.T}),
        "an update reads another updated parameter": ([], [], {a: a - b, b: b - a}),
        "two updates of one value": ([], [], {a: new, b: new}),
        "two updates of one value that reads neither": ([], [], {a: (fresh := mt.exp(c) * 2), b: fresh}),
        "an update and its result": ([], [new, new], {a: new}),
        "an update of a result's view": ([], [new], {a: new.T}),
        "its own transpose": ([], [], {a: a - a.T}),
        "its own transpose, from the left": ([], [], {a: a.T - a}),
        "its own rows reversed": ([], [], {a: a * a[::-1]}),
        "its own slice, broadcast": ([], [], {a: a + a[0]}),
        "itself twice": ([], [], {a: a * a}),
        "itself, unchanged": ([], [a], {a: a}),
        "a constant": ([], [], {a: np.eye(2)}),
        "an input": ([x], [x], {a: x.T @ x}),
        "an update reads an input straight": ([x], [], {a: mt.broadcast_to(mt.sum(x, (0,)), (2, 2)) - a}),
        "an output that is an input, a parameter, a constant": ([x], [x, a, mt.constant(2.0), x, a], {a: a + 1}),
        "an output that is a view": ([x], [h.T, h[::-1], h, h, mt.tanh(a).T], None),
        "a result that later operations read": ([x], [h, mt.exp(h), h.T @ h], {a: a - h.T @ h}),
        "a view that outlives its root's readers": ([x], [mt.exp(h) + h.T.T, mt.sum(h.T * mt.exp(h).T)], None),
        "a shifted read of the operand": ([x], [mt.exp(h)[1:] + mt.exp(h)[:-1] * 2], None),
        "a flipped read of the operand": ([x], [mt.exp(h) * 3 + (mt.exp(h) * 3)[::-1]], None),
        "an operand and its mirror image": ([x], [mt.exp(twice + twice[::-1])], None),
        "an operand and its transpose": ([], [mt.exp(thrice - thrice.T), mt.exp(thrice.T * thrice)], None),
        "a stretched operand": ([x], [mt.exp(total) + h * 2], None),
        "one operand twice": ([x], [mt.exp(h) * mt.exp(h), (h * 2) @ (h * 2).T], None),
        "a reshape of a transpose": ([x], [flat, mt.exp(flat)], None),
        "where keeps its second operand": ([x], [mt.where(h > 0, h * 2, h * 3)], None),
        "clip keeps its upper bound": ([x], [mt.clip(h * 2, h * 3, h * 4)], None),
        "another dtype of one size": ([x], [mt.cast(mt.cast(h * 2, "int32") + 1, "float32")], None),
    }


@pytest.mark.parametrize("case", traps())
def test_traps(case):
    inputs, outputs, updates = traps()[case]
    plan_of(inputs, outputs, updates)


@pytest.mark.parametrize("case", traps())
def test_traps_compute_what_the_traced_graph_says(case, backend):
    """But for the order of sums: those that have become products add up as BLAS does on this processor."""
    inputs, outputs, updates = traps()[case]
    program = mt.compile(inputs, outputs, updates, backend=backend)
    for n in (3, 1, 8):
        arrays = [np.random.default_rng(n).standard_normal((n, 2)).astype("f")] * len(inputs)
        values = evaluate_graph(program.traced, tuple(arrays), {Symbol("n"): n})
        wanted = [values[t].copy() for t in program.outputs]
        stored = {target: values[new].copy() for target, new in program.updates.items()}
        for got, want in zip(program(*arrays), wanted, strict=True):
            assert (got.shape, got.dtype) == (want.shape, want.dtype)
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
        for target, want in stored.items():
            np.testing.assert_allclose(target.data, want, rtol=1e-5, atol=1e-6)


# ---- the listing ----


def test_a_plan_prints_its_instructions_and_its_buffers():
    x, w = mt.placeholder("x", ("batch", 2)), mt.parameter([[1.0], [2.0]], name="w")
    h = mt.tanh(x @ w)
    loss = mt.mean(mt.square(h))
    plan = plan_of([x], loss, {w: w - 0.5 * mt.grad(loss, w)})
    lines = str(plan).splitlines()
    steps = [i for i in plan.instructions if not i.node.op.view and i.stage != "bind"]
    assert lines[0].startswith(f"plan of program: {len(steps)} instructions a step, {len(plan.buffers)} buffers in ")
    heads = [line.split(" ")[0] for line in lines if not line.startswith(" ")]
    assert heads == ["plan", "once", "forward", "backward", "update", "return", "lifetimes"]
    assert "w <- subtract(w, " in str(plan)
    assert " in place" in str(plan)
    assert "test_plan.py:" in str(plan)
    bars = [line for line in lines if "█" in line]
    assert len(bars) == len(plan.buffers)
    steps = max(v.dies for v in plan.buffers) + 1
    for value, line in zip(sorted(plan.buffers, key=lambda v: (v.slot, v.born)), bars):
        bar = line.split()[-1]
        assert bar == "·" * value.born + "█" * (value.dies - value.born + 1) + "·" * (steps - 1 - value.dies)
        assert f"slot {value.slot}" in line


def test_a_long_plan_prints_a_chart_that_fits_on_a_screen():
    x = t = mt.placeholder("x", ("n",))
    for _ in range(2000):
        t = mt.tanh(t) + t
    lines = str(mt.compile([x], t).plan).splitlines()
    assert max(len(line) for line in lines if "█" in line) < 120


def test_a_plan_without_anything_to_do_prints():
    assert "return nothing" in str(mt.compile([], []).plan)
