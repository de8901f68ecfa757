"""What optimisers share: the parameters, a learning rate that moves, and their state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.compiler.autodiff import gradients_for
from minitorch.errors import ArgumentError, OptionError
from minitorch.functional.arguments import is_number
from minitorch.graph.array import as_array, fitting
from minitorch.graph.origin import derived
from minitorch.graph.storage import guarded_with
from minitorch.graph.tensor import Tensor, held
from minitorch.graph.text import counted, shown
from minitorch.graph.types import DType, DTypeLike, is_float, show_shape

Updates = dict[Tensor, Tensor]


class Optimiser:
    """What optimisers share: the parameters, and a learning rate that takes effect without a new compile."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        self.parameters = _checked(parameters, type(self).__name__)
        self._rates: dict[DType, Tensor] = {}
        for p in self.parameters:
            if p.dtype not in self._rates:
                self._rates[p.dtype] = beside(p, 0.0, "lr")
        self.lr = lr

    @property
    def lr(self) -> float:
        """The learning rate. Setting it changes every program that was compiled with this optimiser."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        require_options(type(self).__name__, {"lr": value}, {})
        self._lr = float(value)
        for rate in self._rates.values():
            rate.data = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({counted(len(self.parameters), 'parameter')}, lr={self.lr:g})"

    def minimize(self, loss: Tensor) -> Updates:
        """The updates that take one step down the gradient of `loss`. Raises like `grad`."""
        return self.updates(gradients_for(f"{type(self).__name__}.minimize", loss, self.parameters))

    def updates(self, gradients: Sequence[Tensor]) -> Updates:
        """The new value of each parameter, and of the optimiser's own state, for these gradients."""
        self._require_fitting(gradients, f"{type(self).__name__}.updates")
        updates: Updates = {}
        with derived(None, "update"):
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                updates |= self._update(parameter, gradient, self._rates[parameter.dtype])
        return updates

    def _require_fitting(self, gradients: Any, title: str) -> None:
        """A gradient for each parameter, of its shape, and a float as it is."""
        if not isinstance(gradients, list | tuple):
            raise ArgumentError(f"{title}: a list of gradients is expected, but {shown(gradients)} was given")
        if len(gradients) != len(self.parameters):
            given = f"{counted(len(self.parameters), 'parameter')}, but {counted(len(gradients), 'gradient')}"
            raise OptionError(f"{title}: {given} {'was' if len(gradients) == 1 else 'were'} given")
        for p, g in zip(self.parameters, gradients, strict=True):
            if not isinstance(g, Tensor) or not is_float(g.dtype):
                what = f"a gradient is a tensor of floats, but {shown(g)} was given for {p.describe()}"
                raise ArgumentError(f"{title}: {what}")
            if g.shape != p.shape:
                shapes = f"{show_shape(p.shape)}, but its gradient is {show_shape(g.shape)}"
                raise OptionError(f"{title}: {p.describe()} has the shape {shapes}")

    def _update(self, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Updates:
        raise NotImplementedError

    def state(self) -> dict[str, Tensor]:
        """The variables that the optimiser keeps between steps, by name."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take the values of `state()`, tensors or arrays, of an optimiser of the same parameters, to go on from there.

        Options and learning rate stay. Raises `ValueError` and changes nothing where names, shapes or dtypes differ.
        """
        title = f"{type(self).__name__}.load_state"
        if not isinstance(state, Mapping):
            raise ArgumentError(f"{title}: a state is a dict of values by name, but {shown(state)} was given")
        mine, given = self.state(), dict(state)
        for name in (*mine, *given):
            if name not in mine or name not in given:
                what = "is unknown" if name not in mine else "is missing"
                raise OptionError(f"{title}: {shown(name)} {what}; there are {', '.join(mine) or 'none'}")
        arrays = {}
        for name, tensor in mine.items():
            what = f"{title}: {name}"
            arrays[name] = fitting(as_array(held(given[name]), what), tensor.dtype, what)
            if arrays[name].shape != tensor.shape:
                shapes = f"{show_shape(tensor.shape)} is expected, but {show_shape(arrays[name].shape)} was given"
                raise OptionError(f"{what}: the shape {shapes}")
        for name, array in arrays.items():
            mine[name].data = array


def _checked(parameters: Any, optimiser: str) -> list[Tensor]:
    """The parameters as a list; an error for what an optimiser cannot change."""
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        what = parameters.describe() if isinstance(parameters, Tensor) else shown(parameters)
        raise ArgumentError(f"{optimiser}: a list of parameters is expected, such as model.parameters(), not {what}")
    listed = list(parameters)
    if not listed:
        raise OptionError(f"{optimiser}: the list of parameters is empty")
    for p in listed:
        if not isinstance(p, Tensor) or p.op.name != "parameter":
            raise ArgumentError(f"{optimiser}: parameters are expected, but {shown(p)} was given")
        if not is_float(p.dtype):
            raise ArgumentError(f"{optimiser}: only float parameters have gradients, but {p.describe()} was given")
    if len(set(listed)) < len(listed):
        twice = next(p for i, p in enumerate(listed) if p in set(listed[:i]))
        raise OptionError(f"{optimiser}: {twice.describe()} is in the list of parameters twice")
    return listed


def beside(parameter: Tensor, value: Any, name: str, dtype: DTypeLike | None = None) -> Tensor:
    """A variable, of the parameter's dtype unless told otherwise, for which programs take the lock of the parameter."""
    with guarded_with(parameter.attrs["storage"]):
        return ops.variable(value, name=name, dtype=parameter.dtype if dtype is None else dtype)


def zeros_for(parameter: Tensor, what: str) -> Tensor:
    """A variable of the parameter's shape, all zeros."""
    name = f"{parameter.name}.{what}" if parameter.name else what
    return beside(parameter, np.zeros_like(parameter.data), name)


def require_options(optimiser: str, numbers: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
    """Numbers of 0 or more that are finite, and what is True or False."""
    for option, value in numbers.items():
        if not (is_number(value) and 0 <= value < float("inf")):
            raise OptionError(f"{optimiser}: {option} is a number of 0 or more, but {shown(value)} was given")
    for option, flag in flags.items():
        if not isinstance(flag, bool | np.bool_):
            raise OptionError(f"{optimiser}: {option} is True or False, but {shown(flag)} was given")
