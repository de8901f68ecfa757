"""Initialisation of weights, by the literature's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.errors import OptionError
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import shown
from minitorch.graph.types import DTypeLike

Initialiser = Callable[[Any, int, int, int], Array]  # of a numpy.random.Generator, nin, nout, and how many of nin rows
DRAWN = 1 << 15  # numbers drawn at once: the floats of 64 bits that they come as never leave the cache


def _uniform(bound: Callable[[int, int], float]) -> Initialiser:
    def draw(source: Any, nin: int, nout: int, rows: int) -> Array:
        most = bound(nin, nout)
        values: Array = source.random((rows, nout)) * (2 * most) - most  # as `uniform` does, number by number
        return values

    return draw


def _normal(deviation: Callable[[int, int], float]) -> Initialiser:
    return lambda source, nin, nout, rows: source.normal(0.0, deviation(nin, nout), (rows, nout))


initialisers: dict[str, Initialiser] = {
    # Glorot and Bengio 2010: variance 2 / (nin + nout), for tanh and sigmoid
    "glorot_uniform": _uniform(lambda nin, nout: math.sqrt(6 / max(1, nin + nout))),
    "glorot_normal": _normal(lambda nin, nout: math.sqrt(2 / max(1, nin + nout))),
    # He et al. 2015: variance 2 / nin, for relu
    "he_uniform": _uniform(lambda nin, nout: math.sqrt(6 / max(1, nin))),
    "he_normal": _normal(lambda nin, nout: math.sqrt(2 / max(1, nin))),
    # LeCun et al. 1998: variance 1 / nin
    "lecun_uniform": _uniform(lambda nin, nout: math.sqrt(3 / max(1, nin))),
    "lecun_normal": _normal(lambda nin, nout: math.sqrt(1 / max(1, nin))),
    "zeros": lambda source, nin, nout, rows: np.zeros((rows, nout)),
}
"""Weights of shape (nin, nout) by the name of the scheme."""

_USUAL = {"relu": "he_uniform"}


def initialiser(module: str, init: str | None, activation: object) -> Initialiser:
    """The one that is asked for, or the usual one before this activation."""
    usual = _USUAL.get(activation, "glorot_uniform") if isinstance(activation, str) else "glorot_uniform"
    return initialisers[known(module, usual if init is None else init)]


def drawn(shape: tuple[int, ...], draw: Initialiser, source: Any, name: str, dtype: DTypeLike) -> Tensor:
    """A parameter of shape (nin, nout), or (nin,) for one unit."""
    made = ops.parameter(np.broadcast_to(np.zeros((), dtype), shape), name=name, dtype=dtype)
    nin, nout = shape if len(shape) == 2 else (*shape, 1)
    values = made.data.reshape(nin, nout)
    step = max(1, DRAWN // max(1, nout))
    for start in range(0, nin, step):
        rows = values[start : start + step]
        rows[...] = draw(source, nin, nout, len(rows))
    return made


def known(module: str, init: str) -> str:
    """The name of an initialisation, or an error that says which there are."""
    if not isinstance(init, str) or init not in initialisers:
        raise OptionError(f"{module}: there is no initialisation {shown(init)}; there are {', '.join(initialisers)}")
    return init
