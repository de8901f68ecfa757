"""Modules: parameters with names, and functions that build graph from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from minitorch import functional, ops
from minitorch.errors import ArgumentError, DTypeError, FileError, OptionError
from minitorch.functional.arguments import source_of
from minitorch.functional.random import key_of, rate_of
from minitorch.graph.array import as_array
from minitorch.graph.origin import scope
from minitorch.graph.pictured import Pictured
from minitorch.graph.storage import Array, one_block
from minitorch.graph.tensor import Tensor, as_tensor
from minitorch.graph.text import printable, shown
from minitorch.graph.types import DType, DTypeLike, dtype_of, is_float, show_shape
from minitorch.initialisation import drawn, initialiser, known
from minitorch.initialisation import initialisers as initialisers
from minitorch.lazy import lazy
from minitorch.program import Program, compile

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


# ---- Module ----


class Module(Pictured):
    """A function of tensors with parameters.

    Subclasses hold parameters and modules as attributes, and define `forward`.

    Calling a module opens a scope of its name, so that its nodes are grouped in print and in pictures.

    >>> import minitorch as mt
    >>> class Scale(mt.nn.Module):
    ...     def __init__(self):
    ...         self.factor = mt.parameter(2.0, name="factor")
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale().predict([1.0, 2.0]).tolist()
    [2.0, 4.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """The graph of this module on `x`."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward; a module defines forward(self, x)")

    def __call__(self, *inputs: Any) -> Tensor:
        with scope(getattr(self, "_name", None) or type(self).__name__.lower()):
            output = self.forward(*inputs)
        if output is None:
            raise ArgumentError(f"{type(self).__name__}: forward is to return a tensor, but returned None")
        return output

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        for path, child in _children({name: value}):
            object.__setattr__(child, "_name", path)  # a module is called by the name of the attribute that holds it

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_programs"}

    # ---- parameters ----

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters with their paths, `layers.0.weight`, in the order in which the attributes were set; each once."""
        seen: set[Tensor] = set()
        for name, tensor in self._named():
            if tensor not in seen and tensor.op.name == "parameter":
                seen.add(tensor)
                yield name, tensor

    def _named(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        for name, value in vars(self).items():
            if isinstance(value, Tensor) and "storage" in value.attrs:
                yield prefix + name, value
            for path, child in _children({name: value}):
                yield from child._named(f"{prefix}{path}.")

    def parameters(self) -> list[Tensor]:
        """The parameters that training changes."""
        return [tensor for _, tensor in self.named_parameters()]

    def state_dict(self) -> dict[str, Array]:
        """Copies of the values of all parameters and variables, by name."""
        return {name: tensor.data.copy() for name, tensor in self._named()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take values by name. Raises `ValueError` and changes nothing where names, shapes or dtypes differ."""
        if not isinstance(state, Mapping):
            raise ArgumentError(f"load_state_dict: a state is a dict of values by name, but {shown(state)} was given")
        mine = dict(self._named())
        missing, unknown = mine.keys() - state.keys(), state.keys() - mine.keys()
        if missing or unknown:
            lacks = "".join(f"; {printable(n)} is missing" for n in sorted(missing))
            extra = "".join(f"; {printable(n)} is unknown" for n in sorted(unknown))
            raise FileError(f"load_state_dict: the names are not those of {type(self).__name__}{lacks}{extra}")
        arrays = {name: as_array(value, f"load_state_dict: {shown(name)}") for name, value in state.items()}
        for name, tensor in mine.items():
            shape, dtype = arrays[name].shape, arrays[name].dtype
            if shape != tensor.shape or not np.can_cast(dtype, tensor.dtype, "same_kind"):
                given = f"a value of shape {shape} and dtype {dtype}"
                raise FileError(f"load_state_dict: {printable(name)} is {tensor.type}, but {given} was given")
        for name, tensor in mine.items():
            tensor.data = arrays[name]

    # ---- use ----

    def predict(self, X: Any) -> Array:
        """The outputs for the rows of `X`, by a program that is compiled once for each shape of a row.

        `X` is an array of rows; it is converted to the dtype of the parameters.
        """
        rows = as_array(X, "predict: X")
        dtype = next((p.dtype for p in self.parameters()), dtype_of("float32"))
        programs: dict[Any, Program] = vars(self).setdefault("_programs", {})
        key = rows.shape[1:], dtype, self._structure()
        if key not in programs:
            x = ops.placeholder("X", ("batch", *rows.shape[1:]) if rows.ndim else (), dtype)
            programs[key] = compile([x], self(x), name=f"{type(self).__name__}.predict")
        result: Array = programs[key](rows)
        return result

    def _structure(self) -> tuple[Any, ...]:
        """What a compiled prediction depends on: which modules and tensors are there, and every other attribute."""
        return tuple(_fingerprint(k, v) for k, v in vars(self).items() if k != "_programs")

    def summary(self) -> str:
        """A table of the modules inside, with what each holds."""
        rows = [("module", "kind", "parameters", "")]
        for name, module in [("", self), *_descendants(self)]:
            own = {k: v for k, v in vars(module).items() if isinstance(v, Tensor) and "storage" in v.attrs}
            count = sum(v.data.size for v in own.values())
            shapes = ", ".join(f"{k} {show_shape(v.shape)}" for k, v in own.items())
            if own or module is self:
                rows.append((name or "(all)", repr(module), f"{count:,}" if own else "", shapes))
        total = sum(p.data.size for p in self.parameters())
        size = sum(p.data.nbytes for p in self.parameters())
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join(f"{c:{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, f"{total:,} parameters, {size:,} bytes"])

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _fingerprint(name: str, value: Any) -> Any:
    """An attribute as a key that changes when the graph it leads to may."""
    if isinstance(value, Module):
        return name, id(value), value._structure()
    if isinstance(value, list | tuple):
        return name, tuple(_fingerprint("", v) for v in value)
    if isinstance(value, dict):
        return name, tuple(_fingerprint(str(k), v) for k, v in value.items())
    return name, value if isinstance(value, str | int | float | bool | None) else id(value)


def _children(attributes: Mapping[str, object]) -> Iterator[tuple[str, Module]]:
    """The modules that attributes hold, alone, in lists or in dicts, with their paths."""
    for name, value in attributes.items():
        if isinstance(value, Module):
            yield name, value
        elif isinstance(value, list | tuple):
            yield from ((f"{name}.{i}", v) for i, v in enumerate(value) if isinstance(v, Module))
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", v) for key, v in value.items() if isinstance(v, Module))


def _descendants(module: Module, prefix: str = "") -> Iterator[tuple[str, Module]]:
    for path, child in _children({k: v for k, v in vars(module).items() if k != "_programs"}):
        yield prefix + path, child
        yield from _descendants(child, f"{prefix}{path}.")


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


def predict(model: Module, X: Any) -> Array:
    """`model.predict(X)`."""
    if not isinstance(model, Module):
        raise ArgumentError(f"predict: a module is expected, but {shown(model)} was given")
    return model.predict(X)
