"""Summaries: a few numbers for what is in an array."""

import numpy as np
import pytest

from minitorch.inspection.summary import is_finite, summary
from minitorch.inspection.table import percent, short, table

NAN, INF = float("nan"), float("inf")


def test_numbers_are_those_of_the_finite_elements():
    s = summary(np.array([0.0, 3.0, NAN, -4.0, INF]))
    assert (s.low, s.high, s.norm, s.zeros, s.bad) == (-4.0, 3.0, 5.0, 0.2, pytest.approx(0.4))
    assert s.mean == pytest.approx(-1 / 3)
    assert not s.finite
    assert str(s) == "from -4 to 3, mean -0.3333, 1 of 5 elements are 0, 2 of 5 elements not finite (1 NaN, 1 infinite)"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "no elements"), ([NAN], "NaN"), (2.5, "2.5"), ([0, 0], "all 0"),
        ([True, False], "from 0 to 1, mean 0.5, 1 of 2 elements are 0"),
    ],
)  # fmt: skip
def test_words(values, text):
    assert str(summary(np.array(values))) == text


@pytest.mark.parametrize("size", [1e300, 5e-324, 1e-200])
def test_norms_neither_overflow_nor_vanish(size):
    assert summary(np.array([size, -size])).norm == pytest.approx(size * np.sqrt(2), rel=0.5)
    assert summary(np.array([1e-200, 1e-200])).norm == pytest.approx(1.41421356e-200)


def test_only_floats_can_be_lost():
    assert is_finite(np.array([1, 2]))
    assert is_finite(np.array([], np.float32))
    assert not is_finite(np.array([1, INF], np.float32))


def test_columns_line_up():
    assert table(("a", "n"), [("xx", "1"), ("y", "100")], left=1) == ["a     n", "xx    1", "y   100"]
    assert short("abcdefgh", 6) == "abc..."
    assert [percent(v) for v in (0.0, 1e-5, 0.5)] == ["", "<0.1%", "50.0%"]
