"""What tests of several files share: a run on both backends, slopes by finite differences, repeatable Hypothesis."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import minitorch as mt
from minitorch.compiler.backends.c_source import kept
from tests.nothing_kept import no_name

os.environ.setdefault("MINITORCH_BACKEND", "numpy")  # what "auto" means here: the tests of C ask for it by name

NAME = kept.name

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True, scope="session")
def nothing_kept():
    """Compilers are changed here and there, so programs are made anew, but where `keeping` is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "name", no_name)
        yield


@pytest.fixture
def keeping(monkeypatch):
    """Programs are found that were made before, as they are for users."""
    monkeypatch.setattr(kept, "name", NAME)


def assert_same_bits(a, b):
    """Equal shape, dtype and bits; any NaN equals any NaN."""
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    np.testing.assert_array_equal(a, b)
    if a.dtype.kind == "f":
        numbers = ~np.isnan(a)
        np.testing.assert_array_equal(np.signbit(a)[numbers], np.signbit(b)[numbers])


@pytest.fixture(scope="session")
def both():
    """`both(outputs, {placeholder: array})`: values by the interpreter, equal in every bit to those by NumPy source."""

    def run(outputs, feeds):
        interpreted, generated = (
            mt.compile(list(feeds), list(outputs), backend=backend)(*feeds.values())
            for backend in ("interpreter", "numpy")
        )
        for a, b in zip(interpreted, generated, strict=True):
            assert_same_bits(a, b)
        return interpreted

    return run


@pytest.fixture(scope="session")
def slopes():
    """`slopes(f, arrays, i)`: the slope of the number f(*arrays) by each element of arrays[i], by differences."""

    def differences(f, arrays, i, step=1e-6):
        result = np.empty(arrays[i].shape)
        for index in np.ndindex(*arrays[i].shape):
            sides = []
            for move in (step, -step):
                moved = [np.array(a, dtype=np.float64) for a in arrays]
                moved[i][index] += move
                sides.append(float(f(*moved)))
            result[index] = (sides[0] - sides[1]) / (2 * step)
        return result

    return differences


@pytest.fixture
def added_rows():
    """Operations registered by a test are forgotten after it."""
    registry = mt.graph.registry
    before = dict(registry)
    yield registry
    registry.clear()
    registry.update(before)
