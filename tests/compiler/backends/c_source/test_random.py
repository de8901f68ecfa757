"""Random numbers in C: the same bits as NumPy's Philox, in calls and in loops."""

import numpy as np
import pytest

import minitorch as mt

SEEDS = (0, 1, 12345678901234567890, 2**64 - 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_numbers_are_those_of_numpy(dtype, seed):
    def program(backend):
        x = mt.placeholder("x", ("n", 3), dtype)
        return mt.compile([x], [mt.dropout(x, 0.3, seed=seed), mt.random_uniform((13,), seed, dtype)], backend=backend,
                          training=True)  # fmt: skip

    c, interpreted = program("c"), program("interpreter")
    assert all(i.native for i in c.plan.instructions)
    for n in (5, 0, 7, 1, 40):
        rows = np.random.default_rng(n).standard_normal((n, 3)).astype(dtype)
        for got, want in zip(c(rows), interpreted(rows), strict=True):
            np.testing.assert_array_equal(got, want)
    rows = np.ones((50, 3), dtype)
    for got, want in zip(c.loop(rows, batch_size=7), interpreted.loop(rows, batch_size=7), strict=True):
        np.testing.assert_array_equal(got, want)
