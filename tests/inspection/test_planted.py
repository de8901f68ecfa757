"""A wrong rewrite is found in whatever pass it is planted, those that lower a graph for one backend included."""

import sys
from contextlib import ExitStack, contextmanager
from functools import wraps
from unittest.mock import patch

import numpy as np
import pytest

import minitorch as mt
from minitorch import ops
from minitorch.compiler import PIPELINE
from minitorch.compiler.backends import BACKENDS, Backend
from minitorch.compiler.gemm import gemm
from minitorch.compiler.passes.fuse import fuse
from minitorch.compiler.passes.materialise import materialise
from minitorch.compiler.passes.shape_products import shape_products
from minitorch.compiler.rewrite import Rewrite, needed
from minitorch.inspection.verify import DisagreementError
from tests.fuzz.bugs import BUGS
from tests.fuzz.planting import module_of

PASSES = {b: (*PIPELINE, *BACKENDS[b].lowering) for b in BACKENDS}
PLACES = [(b, run.__name__) for b, passes in PASSES.items() for run in passes]


@pytest.fixture
def large_products(monkeypatch):
    """All products are given to BLAS."""
    monkeypatch.setattr(module_of(fuse), "MOST_WEIGHTS", 0)


def step(backend):
    """A training step in which every pass has something to do."""
    x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 2))
    w, b = mt.parameter(np.ones((3, 2)), "w"), mt.parameter([1.0, 2.0], "b")
    h = mt.tanh(mt.dropout(x @ w + b, 0.5, seed=0) * 1.0) + mt.exp(mt.constant(0.5))
    loss = mt.sum(mt.square(h - y))
    return mt.compile([x, y], [loss, h.T], mt.optim.SGD([w, b], lr=0.1).minimize(loss), backend=backend)


# ---- any rewrite, in any pass ----


def off_by_a_little(value):
    """y = 1.001 y"""
    return value * 1.001


def without_nan(value):
    """y = y, and 0 where it is no number"""
    return mt.where(value == value, value, 0.0)


def without_infinity(value):
    """y = y, and the largest number where it is infinite"""
    return mt.where(value == np.inf, float(np.finfo(value.dtype).max), value)


def other_zero(value):
    """y = y, and 0 where it is -0"""
    return value + 0.0


WRONG = (off_by_a_little, without_nan, without_infinity)


def spoilt(run, wrong, logged):
    """A pass that replaces the loss, or the last new value, by something else; and says so, or not."""

    @wraps(run)
    def broken(graph):
        after, log = run(graph)
        (loss, *others), old = after.outputs, set(after.nodes)
        made = wrong(loss)
        new = [n for n in mt.Graph([made]).nodes if n not in old]
        log = [*log, Rewrite(wrong.__doc__, loss, made)] if logged else log
        nodes = needed([*after.nodes, *new], (made, *others, *(value for _, value in after.updates)))
        return after.rebuilt([made, *others], after.updates, nodes), log

    return broken


@contextmanager
def planted(backend, name, wrong, logged):
    """The pipeline of a backend with one pass of it broken."""
    passes = [spoilt(run, wrong, logged) if run.__name__ == name else run for run in PASSES[backend]]
    shared, lowering = tuple(passes[: len(PIPELINE)]), tuple(passes[len(PIPELINE) :])
    with ExitStack() as stack:
        for where in ("minitorch.compiler.PIPELINE", "minitorch.program.PIPELINE"):
            stack.enter_context(patch(where, shared))
        stack.enter_context(patch.object(BACKENDS[backend], "lowering", lowering))
        yield


def compiled(backend, make=step):
    """What `backend` runs, without a compiler run: its passes are what is looked at."""
    with patch.object(BACKENDS[backend], "__init__", Backend.__init__):
        return make(backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_program_is_true_as_it_is_and_every_pass_of_the_backend_is_run(backend, large_products):
    program = compiled(backend)
    program.verify()
    assert [p.name for p in program.passes[2:]] == [run.__name__ for run in PASSES[backend]]
    for record in program.passes[2:]:
        assert {c.floats for c in record.checks} >= {"float32", "float64"}
        assert all(c.graphs.special > 0 for c in record.checks)


@pytest.mark.parametrize("logged", [True, False])
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("backend", "name"), PLACES)
def test_a_wrong_rewrite_is_found_in_every_pass(backend, name, wrong, logged, large_products):
    with planted(backend, name, wrong, logged):
        program = compiled(backend)
        with pytest.raises(DisagreementError) as found:
            program.verify()
    assert found.value.pass_name == name
    assert found.value.law == (wrong.__doc__ if logged else "the graphs before and after")


def test_a_zero_of_the_other_sign_is_found_too():
    def negative(backend):
        x = mt.placeholder("x", ("n",))
        return mt.compile([x], mt.tanh(x * -1.0), backend=backend)

    compiled("c", negative).verify()
    for name in ("materialise", "fuse"):
        with planted("c", name, other_zero, False), pytest.raises(DisagreementError, match=name):
            compiled("c", negative).verify()


# ---- mistakes that a lowering pass may well make ----


def found_in(name, backend="c", make=step):
    with pytest.raises(DisagreementError) as found:
        compiled(backend, make).verify()
    assert found.value.pass_name == name
    return found.value


def residual(backend):
    """Products that are added, subtracted and scaled, as gradient steps are."""
    x, w, s = mt.placeholder("x", (4, 3)), mt.parameter(np.ones((3, 3)), "w"), mt.parameter(0.5, "s")
    return mt.compile([x], [x - s * (x @ w), x + x @ w], {w: w - s * (x.T @ x)}, backend=backend)


def test_a_product_that_is_taken_from_the_wrong_side(large_products):
    compiled("c", residual).verify()
    module = module_of(shape_products)
    with patch.object(module, "_terms", lambda node: [tuple(reversed(node.inputs))]):
        found = found_in("shape_products", make=lambda b: mt.compile([x4], x4 @ w4 - x4, backend=b))
    assert found.law == module.REASON


x4, w4 = mt.placeholder("x", (4, 4)), mt.parameter(np.eye(4), "w")


def test_a_factor_that_is_lost(large_products):
    module = module_of(shape_products)
    plain = module._scaled
    lost = lambda term, uses: None if (s := plain(term, uses)) is None else s._replace(factor=None)
    with patch.object(module, "_scaled", lost):
        found_in("shape_products", make=residual)


def test_a_sign_that_is_lost(large_products):
    module = module_of(shape_products)
    unsigned = lambda a, b, c, alpha: gemm(a, b, c, alpha.inputs[0] if alpha.op is ops.negative else alpha)
    with patch.object(module, "gemm", unsigned):
        found_in("shape_products", make=residual)


def test_a_product_that_is_read_elsewhere_too_and_is_right_all_the_same(large_products):
    """Nothing is wrong with its value; what is lost is time."""
    module = module_of(shape_products)
    plain = module._scaled
    with patch.object(module, "_scaled", lambda term, uses: plain(term, dict.fromkeys(uses, 1))):
        compiled("c", residual).verify()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_copy_of_the_wrong_value(backend):
    module = module_of(materialise)
    plain = module._Materialise.copy

    def wrong(self, node, reason, role=None):
        same = [n for n in self.nodes if n.type == node.type]
        return plain(self, same[0], reason, role)

    def views(b):
        x = mt.placeholder("x", ("n", 2))
        return mt.compile([x], [x * 2, mt.flip(x, 0)], backend=b)

    compiled(backend, views).verify()
    with patch.object(module._Materialise, "copy", wrong):
        found_in("materialise", backend, views)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_new_value_that_goes_to_the_other_parameter(backend):
    a, b = mt.parameter([1.0], "a"), mt.parameter([2.0], "b")
    swap = lambda which: mt.compile([], [], {a: b, b: a}, backend=which)
    compiled(backend, swap).verify()
    module = module_of(materialise)
    with patch.object(module._Materialise, "stored", lambda self, value, results: self.copy(self.nodes[0], "wrong")):
        found_in("materialise", backend, swap)


def loops(backend):
    x, y = mt.placeholder("x", ("n", 2)), mt.placeholder("y", ("n", 2))
    return mt.compile([x, y], [mt.exp(x - y), mt.tanh(x - y)], backend=backend)


def test_two_results_of_a_loop_are_mistaken_for_each_other():
    compiled("c", loops).verify()
    module = module_of(fuse)
    plain = module._result
    other = lambda node, k, body, *rest: plain(node, k ^ 1 if len(body.outputs) == 2 else k, body, *rest)
    with patch.object(module, "_result", other):
        assert found_in("fuse", make=loops).law == module.REASON


def test_two_operands_of_a_loop_are_mistaken_for_each_other():
    module = module_of(fuse)
    plain = module.body_of

    def turned(*arguments):
        body, inputs = plain(*arguments)
        return body, inputs[::-1]

    with patch.object(module, "body_of", turned):
        assert found_in("fuse", make=loops).law == module.REASON


def test_a_loop_whose_operation_is_another():
    module = module_of(fuse)
    plain = module.body_of

    def changed(unit, results, *rest):
        swapped = [n.replace(op=ops.expm1) if n.op is ops.exp else n for n in unit]
        return plain(swapped, [swapped[unit.index(r)] for r in results], *rest)

    with patch.object(module, "body_of", changed), patch.object(mt.Tensor, "__eq__", lambda a, b: a is b):
        found_in("fuse", make=lambda b: mt.compile([x4], mt.exp(x4 * 2), backend=b))


def test_prediction_in_the_place_of_training():
    with BUGS["wrong_side"].planted():
        found_in("specialise")


def test_modules_are_those_that_the_pipelines_run():
    for run in {run for passes in PASSES.values() for run in passes}:
        assert getattr(sys.modules[run.__module__], run.__name__) is run
