"""Agreement on special values: a law that adds up in another order may overflow otherwise, and nothing else."""

from unittest.mock import patch

import numpy as np
import pytest

import minitorch as mt
from minitorch import ops
from minitorch.compiler.passes import contract
from minitorch.inspection.agreement import SAMPLES, Licence, agreement
from minitorch.inspection.evaluation import Moved, Values
from minitorch.inspection.verify import DisagreementError
from tests.fuzz.planting import module_of

HUGE = float(np.finfo("float32").max)


def verified(law, further=lambda s: s):
    """A sum of four numbers a row, and what is computed of it, with `law` for sums instead of the product; verified."""

    @contracting.reassociating
    def rule(node):
        """a law for this test"""
        (x,) = node.inputs
        return law(x) if x.op.name == "placeholder" else None

    x = mt.placeholder("x", ("n", 4))
    with patch.object(contracting, "sum_of_squares", rule), patch.object(contracting, "sum_over_columns", rule):
        program = mt.compile([x], further(mt.sum(x, 1)), backend="numpy")
        program.verify()
    (record,) = (p for p in program.passes if p.name == "contract")
    return [c.graphs for c in record.checks], [c.laws["a law for this test"] for c in record.checks]


contracting = module_of(contract)


def plain(x):
    return ops.sum(x, axis=(1,), keepdims=False)


def backwards(x):
    return plain(mt.flip(x, 1) + mt.flip(x, 1)) / 2.0  # twice as large before it is halved: it overflows earlier


def pairs(x):
    return (x[:, 0] + x[:, 2]) + (x[:, 1] + x[:, 3])


FURTHER = {
    "itself": lambda s: s,
    "exp": mt.exp,
    "tanh": mt.tanh,
    "reciprocal": lambda s: 1 / s,
    "sqrt": mt.sqrt,
    "less": lambda s: mt.where(s < 1, s, -s),
    "sum": mt.sum,
}


@pytest.mark.parametrize("name", FURTHER)
@pytest.mark.parametrize("law", [pairs, backwards])
def test_another_order_is_found_true_on_special_values_too(law, name):
    graphs, laws = verified(law, FURTHER[name])
    assert all(t.special > 0 for t in (*graphs, *laws))
    assert all(t.infinite > 0 for t in laws)
    assert sum(t.rounded for t in laws) > 0


def test_what_overflow_explains_is_counted():
    _, laws = verified(backwards)
    assert all(t.unsettled > 0 for t in laws)
    assert all(t.unsettled < t.special / 4 for t in laws)


def without_nan(x):
    return pairs(mt.where(x == x, x, 0.0))


def without_infinity(x):
    return mt.clip(pairs(x), -HUGE, HUGE)


def other_infinity(x):
    s = pairs(x)
    return mt.where(s == -np.inf, np.inf, s)


def infinity_is_nan(x):
    return pairs(x) + 0.0 * x[:, 3]


@pytest.mark.parametrize("name", ["itself", "exp", "sum"])
@pytest.mark.parametrize("law", [without_nan, without_infinity, other_infinity, infinity_is_nan])
def test_a_law_that_makes_other_numbers_of_what_is_not_finite_is_caught(law, name):
    with pytest.raises(DisagreementError, match="a law for this test"):
        verified(law, FURTHER[name])


# ---- one sum ----


def sampled(terms):
    """What a sum may be according to each sample; and what it is."""
    x = mt.placeholder("x", (len(terms),))
    total = mt.sum(x)
    values = Values({x: np.array(terms, "float32")}, {})
    with np.errstate(all="ignore"):
        return [float(Moved(values, k, {total})[total]) for k in range(SAMPLES)], float(values[total])


def test_no_order_makes_a_number_of_nan_or_another_of_an_infinity():
    for terms in ([np.nan, 1.0], [np.nan, HUGE, HUGE], [np.inf, -np.inf, 1.0], [np.inf, -np.inf, HUGE]):
        assert np.isnan(sampled(terms)[0]).all()
    assert set(sampled([np.inf, 1.0, -2.0])[0]) == {np.inf}
    assert set(sampled([-np.inf, 1.0])[0]) == {-np.inf}


def test_terms_near_overflow_may_become_anything():
    found, value = sampled([HUGE, HUGE, -HUGE])
    assert value == np.inf
    assert {np.inf, -np.inf} < set(found)
    assert np.isnan(found).any()
    assert np.isfinite(found).any()
    with_infinity, _ = sampled([np.inf, -HUGE, -HUGE])
    assert {str(v) for v in with_infinity} == {"inf", "nan"}  # it overflowed the other way first, or did not


def test_ordinary_terms_stay_near():
    found, value = sampled([1.0, 2.0, -2.5])
    assert value == 0.5
    assert 0 < max(abs(v - value) for v in found) < 1e-4


def test_a_sum_of_zeros_may_have_either_sign_and_nothing_else_may():
    x = mt.placeholder("x", (3,))
    total, other = mt.sum(x), mt.max(x)
    zeros = Values({x: np.full(3, -0.0, "float32")}, {})
    for node, allowed in ((total, True), (other, False)):
        a = zeros[node]
        found = agreement(zeros, node, a, -a, Licence({node}))
        assert (int(found.unsettled), int(found.wrong)) == (allowed, not allowed)


def test_subnormal_numbers_are_not_lost():
    x = mt.placeholder("x", (2,))
    total = mt.sum(x)
    tiny = np.finfo("float32").tiny
    values = Values({x: np.array([tiny / 4, tiny / 8], "float32")}, {})
    a = values[total]
    assert agreement(values, total, a, np.zeros_like(a), Licence({total})).wrong
    assert not agreement(values, total, a, a, Licence({total})).wrong


def test_a_difference_where_no_sum_may_overflow_is_wrong_though_another_may():
    x = mt.placeholder("x", (2, 3))
    total = mt.sum(x, 1)
    values = Values({x: np.array([[1, 2, 3], [HUGE, HUGE, -HUGE]], "float32")}, {})
    a = values[total]
    for b, wrong in (([6, 0], [False, False]), ([6, np.nan], [False, False]), ([np.inf, 0], [True, False])):
        found = agreement(values, total, a, np.array(b, "float32"), Licence({total}))
        assert found.wrong.tolist() == wrong
