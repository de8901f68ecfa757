"""What the tests of functions share: a comparison with NumPy at many sizes, and a close look at an error."""

import math

import numpy as np
import pytest

import minitorch as mt


def numbers(shape, seed=0):
    """Distinct numbers of both signs, far from 0 and from each other."""
    count = math.prod(shape)
    random = np.random.default_rng(seed)
    return (
        random.permutation(0.4 + (np.arange(count) + seed / 7) / (count + 1) * 1.8) * random.choice([-1, 1], count)
    ).reshape(shape)


def sized(shape, sizes):
    return tuple(sizes.get(n, n) for n in shape)


def slopes(reference, arrays, i, weights, step=1e-6):
    """The gradient of sum(reference * weights) by arrays[i], by central differences."""
    result = np.zeros(arrays[i].shape)
    for at in np.ndindex(*result.shape):
        sides = []
        for move in (step, -step):
            moved = [a.copy() for a in arrays]
            moved[i][at] += move
            sides.append(float((np.asarray(reference(*moved)) * weights).sum()))
        result[at] = (sides[0] - sides[1]) / (2 * step)
    return result


@pytest.fixture(scope="session")
def through():
    """`through(make, reference, *shapes)`: one program for all sizes of "n" and "m" has NumPy's values and slopes.

    Both backends run; where NumPy refuses the sizes, the program must refuse them with a `ValueError`.
    """

    def check(make, reference, *shapes, sizes=(3, 0, 1, 2, 5), gradient=True, arrays=None, m=None):
        xs = [mt.placeholder(f"x{i}", shape, "float64") for i, shape in enumerate(shapes)]
        y = make(*xs)
        outputs, inputs = [y], list(xs)
        if gradient:
            w = mt.placeholder("weights", y.shape, "float64")
            outputs, inputs = [y, *mt.vjp([y], xs, [w])], [*xs, w]
        programs = [mt.compile(inputs, outputs, backend=backend) for backend in ("numpy", "interpreter")]
        for n in sizes:
            named = {"n": n, "m": n + 1 if m is None else m}
            values = [numbers(sized(shape, named), seed=i) for i, shape in enumerate(shapes)]
            same_at(programs, reference, values, gradient, f"at {named}")

    def same_at(programs, reference, values, gradient, where):
        try:
            with np.errstate(all="ignore"):
                want = np.asarray(reference(*values))
        except (ValueError, IndexError):
            for program in programs:
                with pytest.raises((ValueError, IndexError)):
                    program(*values, *([np.zeros(())] if gradient else []))
            return
        weights = numbers(want.shape, seed=9)
        for program in programs:
            got, *found = program(*values, *([weights] if gradient else []))
            assert got.shape == want.shape, where
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14, err_msg=where)
            for i, slope in enumerate(found):
                np.testing.assert_allclose(
                    slope, slopes(reference, values, i, weights), rtol=2e-6, atol=2e-8, err_msg=f"{where}, operand {i}"
                )

    return check


@pytest.fixture
def refused():
    """`refused(call, function, *words)`: an error with the function first, these words, and this file's line."""

    def check(call, function, *words, error=(ValueError, TypeError), line=True):
        with pytest.raises(error) as caught:
            call()
        message = str(caught.value)
        assert message.startswith(f"{function}:"), message
        for word in words:
            assert word in message, f"{word!r} is not in: {message}"
        if line:
            code = call.__code__
            assert f"{code.co_filename}:" in message, message

    return check
