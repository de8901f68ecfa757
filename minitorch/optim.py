"""Optimisers: new values of parameters as graph, compiled into the step with everything else."""

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
from minitorch.graph.types import DType, is_float, show_shape

Updates = dict[Tensor, Tensor]


class Optimiser:
    """What optimisers share: the parameters, and a learning rate that takes effect without a new compile."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        self.parameters = _checked(parameters, type(self).__name__)
        self._rates: dict[DType, Tensor] = {}
        for p in self.parameters:
            if p.dtype not in self._rates:
                with guarded_with(p.attrs["storage"]):
                    self._rates[p.dtype] = ops.variable(0.0, name="lr", dtype=p.dtype)
        self.lr = lr

    @property
    def lr(self) -> float:
        """The learning rate. Setting it changes every program that was compiled with this optimiser."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        if not (is_number(value) and 0 <= value < float("inf")):
            raise OptionError(f"{type(self).__name__}: lr is a number of 0 or more, but {shown(value)} was given")
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


class SGD(Optimiser):
    """Stochastic gradient descent (Robbins and Monro 1951), with PyTorch's meaning of its options.

    `momentum` keeps a running sum v = momentum * v + (1 - dampening) * g and steps along it (Polyak 1964), where the
    first v is g whatever the `dampening`; `nesterov` steps along g + momentum * v (Sutskever et al. 2013);
    `maximize` climbs, by -g in the place of g; `weight_decay` adds weight_decay * parameter to that. PyTorch's other
    options (`foreach`, `fused`, `capturable`, `differentiable`) change how it computes, not what, and are not here.

    Raises `ValueError` for an option below 0 or not finite, and for a `nesterov` without momentum or with dampening.

    >>> import minitorch as mt
    >>> w = mt.parameter(3.0)
    >>> step = mt.compile([], w * w, updates=mt.optim.SGD([w], lr=0.5).minimize(w * w))
    >>> float(step()), float(w.data)
    (9.0, 0.0)
    """

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.0, nesterov: bool = False,
        weight_decay: float = 0.0, *, dampening: float = 0.0, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr)
        for option, value in (("momentum", momentum), ("weight_decay", weight_decay), ("dampening", dampening)):
            if not (is_number(value) and 0 <= value < float("inf")):
                raise OptionError(f"SGD: {option} is a number of 0 or more, but {shown(value)} was given")
        for option, flag in (("nesterov", nesterov), ("maximize", maximize)):
            if not isinstance(flag, bool | np.bool_):
                raise OptionError(f"SGD: {option} is True or False, but {shown(flag)} was given")
        if nesterov and (not momentum or dampening):
            given = f"momentum={shown(momentum)} and dampening={shown(dampening)} were given"
            raise OptionError(f"SGD: nesterov needs a momentum greater than 0 and a dampening of 0, but {given}")
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay
        self.dampening, self.maximize = dampening, maximize
        self.velocities = [_zeros(p, "velocity") for p in self.parameters] if momentum else []
        self._velocity = dict(zip(self.parameters, self.velocities, strict=False))
        first = {p.dtype: p for p in reversed(self.parameters)} if momentum and dampening else {}
        self._shares = {dtype: _share(p) for dtype, p in first.items()}

    def __repr__(self) -> str:
        options = ("momentum", "nesterov", "weight_decay", "dampening", "maximize")
        given = "".join(f", {name}={getattr(self, name)}" for name in options if getattr(self, name))
        return f"{super().__repr__()[:-1]}{given})"

    def _update(self, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Updates:
        if self.maximize:
            gradient = -gradient
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        if not self.momentum:
            return {parameter: parameter - lr * gradient}
        old = self._velocity[parameter]
        share = self._shares.get(parameter.dtype)
        velocity = self.momentum * old + (gradient if share is None else share * gradient)
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        later = {} if share is None else {share: ops.constant(1.0 - self.dampening, share.dtype)}
        return {old: velocity, parameter: parameter - lr * direction, **later}

    def state(self) -> dict[str, Tensor]:
        shares = {f"share.{dtype}": share for dtype, share in self._shares.items()}
        return {f"velocity.{i}": v for i, v in enumerate(self.velocities)} | shares

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The same. A state of an SGD without `dampening` does not tell whether its next step is the first one.

        As in PyTorch, it is not where there is a running sum; one that is 0 everywhere is taken for none.
        """
        super().load_state(self._with_shares(state) if isinstance(state, Mapping) else state)
        for share in self._shares.values():
            if share.data != 1:  # of another dampening
                share.data = 1.0 - self.dampening

    def _with_shares(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """A state with what tells of the first step where this optimiser asks for it, and without where it does not."""
        told = {name for name in state if str(name).startswith("share.")}
        if told and self._shares:
            return state
        sums = [value for name, value in state.items() if name not in told]
        share = 1.0 - self.dampening * any(np.any(held(v)) for v in sums)
        return {n: v for n, v in state.items() if n not in told} | {f"share.{dtype}": share for dtype in self._shares}


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


def _share(parameter: Tensor) -> Tensor:
    """What of a gradient enters the running sum: all in the first step, then 1 - dampening."""
    with guarded_with(parameter.attrs["storage"]):
        return ops.variable(1.0, name="share", dtype=parameter.dtype)


def _zeros(parameter: Tensor, what: str) -> Tensor:
    name = f"{parameter.name}.{what}" if parameter.name else what
    with guarded_with(parameter.attrs["storage"]):
        return ops.variable(np.zeros_like(parameter.data), name=name, dtype=parameter.dtype)
