"""A small network with everything a program has: inputs, parameters, gradients, updates, a variable."""

from types import SimpleNamespace

import numpy as np
import pytest

import minitorch as mt


@pytest.fixture(params=["interpreter", "numpy", "c"])
def backend(request):
    return request.param


@pytest.fixture
def net():
    """Tensors of a tanh layer in float64, arrays for 5 rows, and `compiled(backend)`, a step of plain descent."""
    x, y = mt.placeholder("x", ("batch", 3), dtype="float64"), mt.placeholder("y", ("batch", 2), dtype="float64")
    w = mt.parameter(np.linspace(-1, 1, 6).reshape(3, 2), name="w", dtype="float64")
    rate = mt.variable(0.1, name="rate", dtype="float64")
    h = mt.tanh(x @ w)
    loss = mt.mse_loss(h, y)
    loss.backward()
    draw = np.random.default_rng(0)
    X, Y = draw.standard_normal((5, 3)), draw.standard_normal((5, 2))
    new = w - rate * w.grad

    def compiled(backend, **options):
        return mt.compile([x, y], loss, updates={w: new}, backend=backend, **options)

    return SimpleNamespace(x=x, y=y, w=w, rate=rate, h=h, loss=loss, new=new, X=X, Y=Y, compiled=compiled)
