"""Layers: units, layers and networks of them, as modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from minitorch import functional, ops
from minitorch.errors import ArgumentError, DTypeError, OptionError
from minitorch.functional.arguments import source_of
from minitorch.functional.random import key_of, rate_of
from minitorch.graph.origin import scope
from minitorch.graph.storage import Array, one_block
from minitorch.graph.tensor import Tensor, as_tensor
from minitorch.graph.text import shown
from minitorch.graph.types import DType, DTypeLike, dtype_of, is_float
from minitorch.initialisation import drawn, initialiser, known
from minitorch.initialisation import initialisers as initialisers
from minitorch.lazy import lazy
from minitorch.module import Module as Module

random = lazy("numpy.random")

Activation = str | Callable[[Tensor], Tensor] | None
Seed = Any  # an int, a numpy.random.Generator, or None for a different start each time


# ---- arguments ----


def _function(activation: Activation, module: str) -> Callable[[Tensor], Tensor]:
    if activation is None:
        return functional.identity
    if callable(activation):
        return activation
    if not isinstance(activation, str) or activation not in functional.activations:
        known = ", ".join(functional.activations)
        raise OptionError(f"{module}: there is no activation {shown(activation)}; there are {known}")
    return functional.activations[activation]


def _size(module: str, what: str, value: Any) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise OptionError(f"{module}: {what} is an int of 0 or more, below 2**40, but {shown(value)} was given")
    return int(value)


def _float(dtype: DTypeLike, module: str) -> DType:
    found = dtype_of(dtype, module)
    if not is_float(found):
        raise DTypeError(f"{module}: parameters are floats, but the dtype {found} was asked for")
    return found


# ---- units and layers ----


class Neuron(Module):
    """One unit: the weighted sum of its inputs, plus a bias, through an activation.

    `(batch, nin)` becomes `(batch,)`. `weight` is `(nin,)`, `bias` is `()`.

    >>> import minitorch as mt
    >>> neuron = mt.nn.Neuron(3, activation="tanh", seed=0)
    >>> str(neuron(mt.placeholder("x", ("batch", 3))).type)
    'f32[batch]'
    """

    def __init__(
        self, nin: int, activation: Activation = "tanh", *, seed: Seed = None, init: str | None = None,
        dtype: DTypeLike = "float32",
    ) -> None:  # fmt: skip
        nin = _size("Neuron", "nin", nin)
        _function(activation, type(self).__name__)
        source = source_of(seed, type(self).__name__)
        with one_block((nin + 1) * _float(dtype, "Neuron").itemsize):
            draw = initialiser("Neuron", init, activation)
            self.weight = drawn((nin,), draw, source, "weight", dtype)
            self.bias = ops.parameter(0.0, name="bias", dtype=dtype)
        self.activation = activation

    @classmethod
    def _view(cls, layer: Linear, i: int, activation: Activation) -> Neuron:
        """Neuron `i` of a layer: column i of the weight, element i of the bias."""
        neuron = cls.__new__(cls)
        with scope(f"neuron{i}"):
            neuron.weight, neuron.bias = layer.weight[:, i], layer.bias[i]
        neuron.activation = activation
        return neuron

    def forward(self, x: Tensor) -> Tensor:
        x = as_tensor(x, type(self).__name__)
        return _function(self.activation, type(self).__name__)(x @ self.weight + self.bias)

    def __repr__(self) -> str:
        return f"Neuron({self.weight.shape[0]}, {_shown(self.activation)})"


class Linear(Module):
    """x @ weight + bias: `(batch, nin)` becomes `(batch, nout)`. `weight` is `(nin, nout)`, `bias` is `(nout,)`."""

    activation: Activation = None

    def __init__(
        self, nin: int, nout: int, *, seed: Seed = None, init: str | None = None, dtype: DTypeLike = "float32",
        name: str = "",
    ) -> None:  # fmt: skip
        self._make(nin, nout, seed, init, dtype, name)

    def _make(self, nin: int, nout: int, seed: Seed, init: str | None, dtype: DTypeLike, name: str) -> None:
        kind = type(self).__name__
        nin, nout = _size(kind, "nin", nin), _size(kind, "nout", nout)
        source = source_of(seed, kind)
        if not isinstance(name, str):
            raise ArgumentError(f"{kind}: a name is a str, but {shown(name)} was given")
        prefix = f"{name}." if name else ""
        with one_block((nin + 1) * nout * _float(dtype, kind).itemsize):
            draw = initialiser(kind, init, self.activation)
            self.weight = drawn((nin, nout), draw, source, f"{prefix}weight", dtype)
            self.bias = ops.parameter(np.zeros(nout, dtype), name=f"{prefix}bias", dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        return as_tensor(x, type(self).__name__) @ self.weight + self.bias

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.weight.shape[0]}, {self.weight.shape[1]})"


class Layer(Linear):
    """`nout` neurons over the same inputs, as one weight matrix, through an activation.

    `layer.neurons[i]` is neuron i: it views column i of the weight, so both see what training does.
    """

    def __init__(
        self, nin: int, nout: int, activation: Activation = "tanh", *, seed: Seed = None, init: str | None = None,
        dtype: DTypeLike = "float32", name: str = "",
    ) -> None:  # fmt: skip
        self.activation = activation
        _function(activation, type(self).__name__)
        self._make(nin, nout, seed, init, dtype, name)

    @property
    def neurons(self) -> list[Neuron]:
        """The units of the layer, each a view."""
        nout = self.weight.shape[1]
        assert isinstance(nout, int)
        return [Neuron._view(self, i, self.activation) for i in range(nout)]

    def forward(self, x: Tensor) -> Tensor:
        return _function(self.activation, type(self).__name__)(super().forward(x))

    def __repr__(self) -> str:
        return f"Layer({self.weight.shape[0]}, {self.weight.shape[1]}, {_shown(self.activation)})"


class MLP(Module):
    """A multilayer perceptron: layers one after the other, the last without activation unless told otherwise.

    >>> import minitorch as mt
    >>> model = mt.nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    >>> model.predict([[0.5, -0.5]]).shape
    (1, 1)
    """

    def __init__(
        self, nin: int, nouts: Sequence[int], activation: Activation = "tanh", output_activation: Activation = None,
        *, seed: Seed = None, init: str | None = None, dtype: DTypeLike = "float32",
    ) -> None:  # fmt: skip
        if not isinstance(nouts, list | tuple):
            raise OptionError(f"MLP: nouts is a list of widths, but {shown(nouts)} was given")
        sizes = [_size("MLP", "nin", nin), *(_size("MLP", "each of nouts", n) for n in nouts)]
        if len(sizes) < 2:
            raise OptionError("MLP: nouts names the width of each layer, but is empty")
        for function in (activation, output_activation):
            _function(function, type(self).__name__)
        if init is not None:
            known(type(self).__name__, init)
        source = source_of(seed, type(self).__name__)
        count = sum((a + 1) * b for a, b in pairwise(sizes))
        with one_block(count * _float(dtype, "MLP").itemsize):
            self.layers = [
                Layer(a, b, activation if i < len(sizes) - 2 else output_activation, seed=source, init=init,
                      dtype=dtype, name=f"layers.{i}")
                for i, (a, b) in enumerate(pairwise(sizes))
            ]  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = as_tensor(x, type(self).__name__)
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        widths = [layer.weight.shape[1] for layer in self.layers]
        return f"MLP({self.layers[0].weight.shape[0]}, {widths})"


class Sequential(Module):
    """Modules one after the other.

    >>> import minitorch as mt
    >>> model = mt.nn.Sequential(mt.nn.Linear(2, 4, seed=0), mt.nn.Tanh(), mt.nn.Linear(4, 1, seed=1))
    >>> [name for name, _ in model.named_parameters()]
    ['modules.0.weight', 'modules.0.bias', 'modules.2.weight', 'modules.2.bias']
    """

    def __init__(self, *modules: Module) -> None:
        for module in modules:
            if not isinstance(module, Module):
                raise ArgumentError(f"Sequential: modules are expected, but {shown(module)} was given")
        self.modules = list(modules)

    def forward(self, x: Tensor) -> Tensor:
        x = as_tensor(x, type(self).__name__)
        for module in self.modules:
            x = module(x)
        return x

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.modules))})"


class Activated(Module):
    """A module that applies one function and has no parameters."""

    function: Callable[[Tensor], Tensor]

    def forward(self, x: Tensor) -> Tensor:
        return type(self).function(as_tensor(x, type(self).__name__))


def _activation(name: str, function: Callable[[Tensor], Tensor]) -> type[Activated]:
    doc = "softmax over the last axis." if function is functional.softmax else f"{name.lower()}, element by element."
    return type(name, (Activated,), {"function": staticmethod(function), "__doc__": doc, "__module__": __name__})


Tanh, ReLU = _activation("Tanh", ops.tanh), _activation("ReLU", ops.relu)
Sigmoid, Softplus = _activation("Sigmoid", ops.sigmoid), _activation("Softplus", ops.softplus)
Softmax, Identity = _activation("Softmax", functional.softmax), _activation("Identity", functional.identity)


class Dropout(Module):
    """`minitorch.dropout` as a module: zeros at random in training, nothing in prediction."""

    def __init__(self, rate: float = 0.5, *, seed: int | None = None) -> None:
        self.rate, self.seed = rate_of(rate, "Dropout"), seed
        if seed is not None:
            key_of(seed, "Dropout")

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(as_tensor(x, type(self).__name__), self.rate, self.seed)

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"


def _shown(activation: Activation) -> str:
    return repr(activation) if activation is None or isinstance(activation, str) else str(activation)


def predict(model: Module, X: Any, *more: Any) -> Array:
    """`model.predict(X, *more)`."""
    if not isinstance(model, Module):
        raise ArgumentError(f"predict: a module is expected, but {shown(model)} was given")
    return model.predict(X, *more)
