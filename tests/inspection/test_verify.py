"""Verification: true programs pass, on every backend and whatever their sizes; a wrong rule is named, with its law."""

import random
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

import minitorch as mt
from minitorch import ops
from minitorch.compiler import optimise
from minitorch.compiler.backends import BACKENDS
from minitorch.compiler.passes import contract
from minitorch.graph.tensor import Tensor
from minitorch.inspection.probe import probes
from minitorch.inspection.verify import DisagreementError, largest_differences
from minitorch.program import requirements_of
from tests.compiler.conftest import Maker
from tests.fuzz.bugs import BUGS
from tests.fuzz.planting import module_of, rule

HERE = Path(__file__).name
BACKEND_NAMES = ("interpreter", "numpy", "c")


def trained(backend="numpy", dtype="float32", **options):
    x, y = mt.placeholder("x", ("batch", 3), dtype), mt.placeholder("y", ("batch", 2), dtype)
    model = mt.nn.MLP(3, [4, 2], seed=0, dtype=dtype)
    loss = mt.mse_loss(model(x), y)
    updates = mt.optim.SGD(model.parameters(), lr=0.1, **options).minimize(loss)
    return mt.compile([x, y], loss, updates, backend=backend)


def rewrites(program):
    return [r for p in program.passes for r in p.rewrites]


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_training_step_is_found_true(backend, dtype):
    program = trained(backend, dtype, momentum=0.9, nesterov=True, weight_decay=0.01)
    graph, parameters = program.graph, [t.data.copy() for t in program.updates]
    assert not any(r.checked for r in rewrites(program))
    assert program.verify() is None
    assert rewrites(program)
    assert all(r.checked for r in rewrites(program))
    assert any(r.changes_values for r in rewrites(program))
    assert program.graph is graph
    for target, value in zip(program.updates, parameters, strict=True):
        np.testing.assert_array_equal(target.data, value)  # looking changes nothing


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_random_graphs_are_found_true(backend):
    checked = 0
    for seed in range(12):
        maker = Maker(random.Random(seed).randrange)
        for _ in range(5 + maker.choose(36)):
            maker.add()
        maker.differentiate()
        program = mt.compile(maker.inputs, maker.outputs(), maker.updates(), backend="interpreter")
        program.backend = backend  # the passes of that backend, without its code
        program._verified = optimise(program.traced, BACKENDS[backend].lowering)
        program.verify()
        checked += len(rewrites(program))
        assert all(r.checked for r in rewrites(program))
    assert checked > 100


def test_dropout_gathers_and_what_needs_rows_are_found_true():
    x, k = mt.placeholder("x", ("n", 4)), mt.placeholder("k", ("n",), "int64")
    out = mt.dropout(mt.tanh(x), 0.5, seed=1)
    program = mt.compile([x, k], [mt.cross_entropy(out, k), out[5], mt.max(x, 0)], training=True)
    program.verify()
    assert all(r.checked for r in rewrites(program))


def test_sums_in_another_order_differ_by_rounding_and_say_so():
    x = mt.placeholder("x", ("n", 400))
    program = mt.compile([x], [mt.sum(mt.square(x * 3)), mt.sum(x, 0)], backend="numpy")
    program.verify()
    found = largest_differences(program.passes)
    law = next(reason for reason in found if "x . x" in reason)
    assert 0 < found[law] < 1e-2


# ---- what is wrong is found ----

x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 3))
PLANTED = {
    "same_but_attributes": lambda: mt.compile([x], mt.flip(x, 0) + mt.flip(x, 1)),
    "same_but_sign": lambda: mt.compile([x], [1 / (x * 0.0), 1 / (x * -0.0)]),
    "same_parameters": lambda: two_parameters(),
    "folded_wide": lambda: mt.compile([x], x + mt.sum(mt.exp(mt.constant(np.linspace(0, 3, 60, dtype="float32"))))),
    "times_zero": lambda: mt.compile([x], x * 0.0),
    "minus_itself": lambda: mt.compile([x], x - x),
    "over_itself": lambda: mt.compile([x], x / x),
    "plus_zero": lambda: mt.compile([x], x + 0.0),
    "regrouped": lambda: mt.compile([x], x * 0.1 * 0.3),
    "exp_of_log": lambda: mt.compile([x], mt.exp(mt.log(x))),
    "root_of_square": lambda: mt.compile([x], mt.sqrt(x * x)),
    "wrong_way_round": lambda: mt.compile([x, y], x + (-y)),
    "merged_folds": lambda: mt.compile([x], mt.prod(x, 1).sum()),
    "sum_of_copies": lambda: mt.compile([x], mt.sum(mt.broadcast_to(mt.sum(x, 0), (5, 3)), 0)),
    "reshape_across": lambda: mt.compile([x], mt.transpose(x).reshape(-1, 3)),
    "slice_of_slice": lambda: mt.compile([x], x[:, ::-1][:, 1:]),
}  # fmt: skip


def two_parameters():
    a, b = (mt.parameter([1.0, 2.0], name) for name in ("a", "b"))
    return mt.compile([], [], {a: a * 2 + b, b: b * 3})


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_rule_that_does_not_hold_is_caught(name):
    PLANTED[name]().verify()  # true as it is
    with BUGS[name].planted(), pytest.raises(DisagreementError) as caught:
        PLANTED[name]().verify()
    error = caught.value
    assert isinstance(error, AssertionError)
    assert HERE in str(error)
    assert error.pass_name in ("specialise", "deduplicate", "fold", "simplify")
    assert error.law
    assert error.origins
    assert error.inputs


def doubled(node):
    """a + a = 3 a"""
    return node.inputs[0] * 3 if node.inputs[0] is node.inputs[1] else None


def test_the_message_names_pass_law_line_values_and_inputs():
    with rule(ops.add, doubled)[0]:
        program = mt.compile([x], x + x)
        with pytest.raises(DisagreementError) as caught:
            program.verify()
    error = caught.value
    assert (error.pass_name, error.law) == ("simplify", "a + a = 3 a")
    assert error.difference > 0
    assert set(error.inputs) == {"x"}
    for words in ("simplify: a + a = 3 a: add f32[n, 3]", "became multiply f32[n, 3]", "on x = float32[1, 3] ["):
        assert words in str(error)
    assert {o.filename for o in error.origins} == {__file__}


def one_row_less(node):
    """the sum of all x^2 = x . x, but for the last element"""
    match node.inputs[0]:
        case Tensor(ops.square, (x,)) if x.ndim == 1 and not node.shape:
            rest = ops.multiply(x, ops.less(ops.iota(size=x.size, dtype=np.dtype("int64")), x.size - 1))
            return ops.sum(rest * rest, axis=(0,), keepdims=False)
    return None


def test_a_rule_that_is_declared_to_reassociate_is_held_to_rounding():
    contracting = module_of(contract)
    x = mt.placeholder("x", (6,))
    square = mt.sum(mt.square(x))
    wrong = contracting.reassociating(one_row_less)
    with patch.object(contracting, "sum_of_squares", wrong), pytest.raises(DisagreementError, match="but for the last"):
        mt.compile([x], square, backend="numpy").verify()
    mt.compile([x], square, backend="numpy").verify()


def test_a_pass_that_logs_nothing_is_held_to_its_graphs():
    def swapped(graph):
        """Two updates for each other's variables."""
        (a, u), (b, v) = graph.updates
        return graph.rebuilt(graph.outputs, [(a, v), (b, u)], graph.nodes), []

    a, b = mt.parameter([1.0], "a"), mt.parameter([2.0], "b")
    one = (swapped,)
    with patch("minitorch.compiler.PIPELINE", one), patch("minitorch.program.PIPELINE", one):
        program = mt.compile([], [], {a: a + 1, b: b * 2}, backend="interpreter")
        with pytest.raises(DisagreementError, match="swapped: the graphs before and after"):
            program.verify()


# ---- probes ----


def test_unknown_sizes_are_probed_at_several_values():
    graph = mt.compile([x], x * 2).traced
    assert {next(iter(p.sizes.values())) for p in probes(graph, ())} == {0, 1, 2, 7}
    special = [p for p in probes(graph, ()) if p.special]
    assert any(np.isnan(v).any() for p in special for v in p.values.values())
    assert not any(np.isnan(v).any() for p in probes(graph, ()) if not p.special for v in p.values.values())


def test_sizes_that_a_graph_cannot_have_are_not_probed():
    program = mt.compile([x], x[8])
    tried = {next(iter(p.sizes.values())) for p in probes(program.traced, requirements_of(program.traced))}
    assert tried == {9, 10}
    program.verify()


def test_several_unknown_sizes_are_probed_apart():
    z = mt.placeholder("z", ("m",))
    graph = mt.compile([x, z], [x * 2, z + 1]).traced
    assert any(len(set(p.sizes.values())) == 2 for p in probes(graph, ()))
