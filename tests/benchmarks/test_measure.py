"""Rounds, medians and ratios. No figure is judged here."""

from itertools import groupby

import numpy as np
import pytest

from benchmarks import measure, report


def called(said, name):
    return measure.Course(*(lambda what=what: said.append(f"{what} {name}") for what in ("call", "reset")), 4)


def test_contestants_take_turns_in_an_order_that_rotates():
    said = []
    everyone = [called(said, name) for name in "abc"]
    measure.take_turns(everyone, 4)
    turns = "".join(name for name, _ in groupby(line[-1] for line in said))
    assert turns == "abcabcbcacababc"
    assert said.count("reset a") == 1 + 2 * 4
    for course in everyone:
        assert len(course.seconds) == len(course.cores) == 4
        assert 1 <= course.calls <= 1000


def test_before_a_turn_the_same_call_warms_up_and_starts_anew():
    said = []
    quick = called(said, "a")
    quick.calls = 3
    quick.run()
    assert said == ["reset a", "call a", "reset a", "call a", "call a", "call a"]
    said.clear()
    quick.calls = 1  # fills a round alone
    quick.run()
    assert said == ["reset a", "call a"]


def test_the_slowest_sit_out_after_some_rounds():
    quick, slow = (measure.Course(lambda: None, lambda: None, 1) for _ in range(2))
    slow.spent = measure.BUDGET
    measure.take_turns([quick, slow], 8)
    assert (len(quick.seconds), len(slow.seconds)) == (8, measure.LEAST)


def course(*seconds):
    return measure.Course(None, None, 1, seconds=list(seconds), cores=[1.0] * len(seconds))


def test_ratios_are_those_within_rounds_and_the_best_is_one_that_trains():
    found = measure.figures(
        {
            "minitorch": course(2e-6, 4e-6, 8e-6),
            "torch": course(4e-6, 8e-6, 16e-6),
            "jax": course(3e-6),  # sat out
            "products": course(1e-6, 1e-6, 1e-6),
        }
    )
    assert found["best"] == "jax"
    assert found["ratios"]["torch"] == pytest.approx((0.5, 0.5, 0.5))
    assert found["ratios"]["jax"] == pytest.approx((2 / 3,) * 3)
    assert found["microseconds"]["minitorch"] == pytest.approx((4.0, 2.0, 8.0))
    assert set(found["ratios"]) == {"torch", "jax", "products"}
    alone = measure.figures({"minitorch": course(1e-6), "products": course(1e-6)})
    assert alone["best"] is None


def test_the_interval_holds_the_median_19_times_in_20():
    random = np.random.default_rng(0)
    intervals = [report.median_and_interval(random.exponential(size=40).tolist()) for _ in range(2000)]
    held = np.mean([low <= np.log(2) <= high for _, low, high in intervals])  # the median of an exponential
    assert 0.93 < held < 0.98
    assert report.median_and_interval([3.0, 1.0, 2.0])[0] == 2.0
    assert report.median_and_interval([5.0]) == (5.0, 5.0, 5.0)
