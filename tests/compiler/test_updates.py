"""Updates in place, right after whoever reads the old values: what C stores is what the interpreter stores.

All new values are computed from the old ones, so every case is run for several steps on both backends, with parameters
that are read by views, by products, by each other and by the results.
"""

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler import optimise
from minitorch.compiler.backends.c_source import CSource
from minitorch.compiler.plan import CALL, COMMIT, make_plan
from minitorch.compiler.updates import may_raise


def values(shape, seed):
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


class Case:
    """Parameters to choose from; the same for every program that is made of a case."""

    def __init__(self):
        self.a, self.b, self.c = (mt.parameter(values((4, 4), k), name="abc"[k]) for k in range(3))
        self.v, self.u = (mt.parameter(values((4,), 3 + k), name="vu"[k]) for k in range(2))
        self.s = mt.parameter(1.25, name="s")
        self.i = mt.variable(3, name="i", dtype="int64")
        self.x = mt.placeholder("x", ("n", 4))

    @property
    def leaves(self):
        return [self.a, self.b, self.c, self.v, self.u, self.s, self.i]


def momentum(p, v, loss):
    new = 0.9 * v - 0.1 * mt.grad(loss, p)
    return {v: new, p: p + new}


def nesterov(p, v, loss):
    g = mt.grad(loss, p)
    new = 0.9 * v - 0.1 * g
    return {p: p + 0.9 * new - 0.1 * g, v: new}


def loss_of(c):
    return mt.mean(mt.square(mt.tanh(c.x @ c.a + c.v) @ c.b - c.x))


def descent(c, *parameters):
    loss = loss_of(c)
    return [(p, p - 0.1 * g) for p, g in zip(parameters, mt.grad(loss, list(parameters)), strict=True)]


def gradients_of_new(c):
    """A product reads the old value after the new one could have been stored."""
    return [(c.a, c.a * 0.5), (c.b, (c.a @ c.b) * 0.1)]


CASES = {
    "a step on": lambda c: [(c.a, c.a + 1)],
    "swap": lambda c: [(c.a, c.b), (c.b, c.a)],
    "swap and change": lambda c: [(c.a, c.b * 2), (c.b, c.a + 1)],
    "a circle of three": lambda c: [(c.a, c.b * 0.5), (c.b, c.c * 0.5), (c.c, c.a * 0.5)],
    "a chain": lambda c: [(c.a, c.b * 0.5), (c.b, c.c + 1), (c.c, c.c * 2)],
    "a chain backwards": lambda c: [(c.c, c.c * 2), (c.b, c.c + 1), (c.a, c.b * 0.5)],
    "a circle with a tail": lambda c: [(c.a, c.b * 2), (c.b, c.a * 0.5), (c.c, c.a + c.b)],
    "two circles that touch": lambda c: [(c.a, c.b + c.c), (c.b, c.a * 0.5), (c.c, c.a * 0.25)],
    "the sum of all": lambda c: [(p, (c.a + c.b + c.c) * 0.25) for p in (c.a, c.b, c.c)],
    "one new value for two": lambda c: (lambda t: [(c.a, t), (c.b, t)])(c.a + c.b),
    "a constant": lambda c: [(c.a, mt.zeros_like(c.a)), (c.b, c.a + 0)],
    "itself": lambda c: [(c.a, c.a), (c.b, c.a * 2)],
    "read by a later product": gradients_of_new,
    "read by a product of its own": lambda c: [(c.a, c.a @ c.a * 0.1)],
    "its transpose": lambda c: [(c.a, c.a.T), (c.b, c.a + c.b.T)],
    "its transpose plus one": lambda c: [(c.a, c.a.T + 1)],
    "backwards": lambda c: [(c.v, c.v[::-1]), (c.a, c.a[::-1] + 1)],
    "a row of another": lambda c: [(c.a, c.a + 1), (c.v, c.a[0])],
    "stretched": lambda c: [(c.a, c.a * c.v), (c.v, c.v + c.a[1])],
    "stretched itself": lambda c: [(c.a, c.a + c.a[0])],
    "a reduction": lambda c: [(c.s, mt.mean(c.a)), (c.a, c.a - mt.mean(c.a))],
    "a reduction over its own rows": lambda c: [(c.a, c.a - mt.mean(c.a, 0)), (c.v, mt.mean(c.a, 0))],
    "a number for all": lambda c: [(c.a, c.a * c.s), (c.s, c.s * 0.5), (c.b, c.b + c.s)],
    "a number of itself": lambda c: [(c.s, c.s * c.s + 0.5)],
    "with data": lambda c: [(c.v, c.v + mt.sum(c.x, 0)), (c.u, mt.sum(c.x * c.v, 0))],
    "the softmax of itself": lambda c: [(c.a, mt.softmax(c.a))],
    "a sum along itself": lambda c: [(c.a, mt.cumsum(c.a, 0) * 0.5)],
    "a row taken": lambda c: [(c.a, mt.take(c.a, [1, 0, 3, 2], 0) + 1), (c.v, mt.take(c.a, 2, 0))],
    "a counter": lambda c: [(c.i, c.i + 1), (c.s, c.s + mt.cast(c.i, "float32"))],
    "a counter of half steps": lambda c: [(c.i, c.i // 2 + 5), (c.a, c.a * mt.cast(c.i % 2, "float32"))],
    "random numbers": lambda c: [(c.a, mt.dropout(c.a, 0.5, seed=1) * 0.5 + 0.1)],
    "gradient descent": lambda c: descent(c, c.a, c.b, c.v),
    "gradient descent of one": lambda c: descent(c, c.a),
    "momentum": lambda c: list(momentum(c.a, c.c, loss_of(c)).items()),
    "momentum of a vector": lambda c: list(momentum(c.v, c.u, loss_of(c)).items()),
    "nesterov": lambda c: list(nesterov(c.a, c.c, loss_of(c)).items()),
    "decay": lambda c: [(c.a, c.a * c.s - 0.1 * mt.grad(loss_of(c), c.a)), (c.s, c.s * 0.9)],
    "powers of ints": lambda c: [(c.a, c.a + 1), (c.i, mt.power(c.i, 2) % 7)],
}

OUTPUTS = {
    "nothing": lambda c, new: [],
    "the new values": lambda c, new: new,
    "old values": lambda c, new: [c.a, c.v, c.s],
    "views of old and new values": lambda c, new: [c.a.T, c.b[1:], *(t.T for t in new)],
    "what reads the old values": lambda c, new: [mt.tanh(c.x @ c.a) @ c.b, mt.sum(c.a * c.b), c.a + c.v],
}


def ran(case, outputs, backend, loop):
    c = Case()
    updates = CASES[case](c)
    results = OUTPUTS[outputs](c, [new for _, new in updates])
    program = mt.compile([c.x], results, updates, backend=backend)
    rows = np.random.default_rng(0).standard_normal((6, 4)).astype("f")
    seen = [program.loop(rows, batch_size=2)] if loop else [program(rows[k : k + 2]) for k in (0, 2, 4)]
    return seen, [p.data.copy() for p in c.leaves]


def close(got, want):
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_c_stores_what_the_interpreter_stores(case):
    chosen = list(CASES).index(case)
    for k in (0, 1):  # two of the kinds of outputs, one in a loop
        outputs, loop = list(OUTPUTS)[(2 * chosen + k) % len(OUTPUTS)], k == 0
        (seen, stored), (wanted, kept) = (ran(case, outputs, backend, loop) for backend in ("c", "interpreter"))
        for a, b in zip(stored, kept, strict=True):
            close(a, b)
        for got, want in zip(seen, wanted, strict=True):
            for a, b in zip(got, want, strict=True):
                close(a, b)


def test_a_parameter_given_as_data():
    """Its memory is read as it was before the step, whatever the size."""
    for rows in (3, 5000):
        stored = []
        for backend in ("c", "interpreter"):
            p = mt.parameter(values((rows, 4), 0), name="p")
            x = mt.placeholder("x", ("n", 4))
            step = mt.compile([x], [mt.sum(x), x * 2], {p: p * 2 + mt.concatenate([x[1:], x[:1]])}, backend=backend)
            for given in (p.data, p.data[::-1], np.asfortranarray(p.data), p.data[:]):
                total, twice = step(given)
            stored.append((total, twice, p.data.copy()))
        for got, want in zip(*stored, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4)


def test_many_parameters_in_one_chain():
    stored = []
    for backend in ("c", "interpreter"):
        ps = [mt.parameter(float(k), name=f"p{k}") for k in range(60)]
        step = mt.compile([], [], [(p, p + 0.5 * q) for p, q in zip(ps, [*ps[1:], ps[0]])], backend=backend)
        for _ in range(3):
            step()
        stored.append([float(p.data) for p in ps])
    assert stored[0] == stored[1]


# ---- how it is planned ----


def plan_of(updates, outputs=(), inputs=()):
    traced = mt.compile(list(inputs), list(outputs), updates, backend="interpreter").traced
    return make_plan(optimise(traced, CSource.lowering)[-1].after, CSource.rules)


def stages(plan):
    return {str(t.name): i.stage for i in plan.instructions for t in i.targets if t is not None}


def test_gradient_descent_is_stored_right_where_the_gradient_is():
    c = Case()
    plan = plan_of(descent(c, c.a, c.b, c.v), inputs=[c.x])
    assert stages(plan) == {"a": CALL, "b": CALL, "v": CALL}
    assert not any(i.node.op.name == "copy" for i in plan.instructions)


def test_a_weight_changes_after_the_product_that_needs_the_old_one():
    c = Case()
    plan = plan_of(descent(c, c.b, c.a), inputs=[c.x])
    where = {t: k for k, i in enumerate(plan.instructions) for t in i.targets if t is not None}
    for target, k in where.items():
        for later in plan.instructions[k + 1 :]:
            assert not any(v.node is target or v.root.node is target for v in later.inputs)


def test_a_circle_goes_through_copies():
    c = Case()
    plan = plan_of([(c.a, c.b * 2), (c.b, c.a + 1)])
    assert stages(plan) == {"a": COMMIT, "b": COMMIT}
    plan = plan_of([(c.a, c.b * 2), (c.b, c.c + 1)])
    assert stages(plan) == {"a": CALL, "b": CALL}


@pytest.mark.parametrize(
    "make",
    [lambda c, k: mt.sum(mt.take(c.v, k)), lambda c, k: mt.cast(mt.sum(mt.power(k, k)), "float32"),
        lambda c, k: mt.sum(mt.one_hot(k, 4))],
)  # fmt: skip
def test_nothing_is_stored_before_an_operation_that_may_raise(make):
    c, k = Case(), mt.placeholder("k", ("n",), "int64")
    plan = plan_of([(c.a, c.a + 1), (c.s, c.s + make(c, k))], inputs=[k])
    if any(may_raise(n) for n in plan.graph.nodes):
        assert set(stages(plan).values()) == {COMMIT}
    raising = max((p for p, i in enumerate(plan.instructions) if any(map(may_raise, i.nodes))), default=-1)
    stored = min(p for p, i in enumerate(plan.instructions) if any(t is not None for t in i.targets))
    assert raising < stored


@pytest.mark.parametrize("backend", ["c", "numpy", "interpreter"])
@pytest.mark.parametrize("first", [True, False])
def test_an_update_that_raises_changes_nothing(backend, first):
    """Neither itself nor what was written before it: ints have no negative powers."""
    a, b, e = (mt.parameter([2, 3], name=n, dtype="int64") for n in "abe")
    updates = [(a, a + 1), (b, mt.power(e, e)), (e, e - 1)]
    step = mt.compile([], [], updates if first else updates[::-1], backend=backend)
    for _ in range(3):
        step()
    assert [p.data.tolist() for p in (a, b, e)] == [[5, 6], [1, 1], [-1, 0]]
    for _ in range(2):
        with pytest.raises(mt.errors.InputError, match="power"):
            step()
    assert [p.data.tolist() for p in (a, b, e)] == [[5, 6], [1, 1], [-1, 0]]
