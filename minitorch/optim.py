"""Optimisers: new values of parameters as graph, compiled into the step with everything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.compiler.autodiff import grad
from minitorch.errors import ArgumentError, OptionError
from minitorch.graph.origin import derived
from minitorch.graph.storage import guarded_with
from minitorch.graph.tensor import Tensor
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
        if not _is_number(value):
            raise OptionError(f"{type(self).__name__}: lr is a number of 0 or more, but {value!r} was given")
        self._lr = float(value)
        for rate in self._rates.values():
            rate.data = value

    def minimize(self, loss: Tensor) -> Updates:
        """The updates that take one step down the gradient of `loss`. Raises like `grad`."""
        gradients = grad(loss, self.parameters)
        assert isinstance(gradients, list)
        return self.updates(gradients)

    def updates(self, gradients: Sequence[Tensor]) -> Updates:
        """The new value of each parameter, and of the optimiser's own state, for these gradients."""
        if len(gradients) != len(self.parameters):
            raise OptionError(
                f"{type(self).__name__}: {len(self.parameters)} parameters, but {len(gradients)} gradients"
            )
        for p, g in zip(self.parameters, gradients, strict=True):
            if not isinstance(g, Tensor):
                raise ArgumentError(
                    f"{type(self).__name__}: a gradient is a tensor, but {g!r} was given for {p.describe()}"
                )
            if g.shape != p.shape:
                shapes = f"{show_shape(p.shape)}, but its gradient is {show_shape(g.shape)}"
                raise OptionError(f"{type(self).__name__}: {p.describe()} has the shape {shapes}")
        updates: Updates = {}
        with derived(None, "update"):
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                updates |= self._update(parameter, gradient, self._rates[parameter.dtype])
        return updates

    def _update(self, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Updates:
        raise NotImplementedError

    def state(self) -> dict[str, Tensor]:
        """The variables that the optimiser keeps between steps, by name."""
        return {}


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
        weight_decay: float = 0.0, dampening: float = 0.0, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr)
        for option, value in (("momentum", momentum), ("weight_decay", weight_decay), ("dampening", dampening)):
            if not _is_number(value):
                raise OptionError(f"SGD: {option} is a number of 0 or more, but {value!r} was given")
        if nesterov and not momentum:
            raise OptionError("SGD: nesterov needs a momentum greater than 0")
        if nesterov and dampening:
            raise OptionError(f"SGD: nesterov needs a dampening of 0, but {dampening!r} was given")
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay
        self.dampening, self.maximize = dampening, maximize
        self.velocities = [_zeros(p, "velocity") for p in self.parameters] if momentum else []
        self._velocity = dict(zip(self.parameters, self.velocities, strict=False))
        first = {p.dtype: p for p in reversed(self.parameters)} if momentum and dampening else {}
        self._shares = {dtype: _share(p) for dtype, p in first.items()}

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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and bool(np.isfinite(value)) and bool(value >= 0)


def _checked(parameters: Any, optimiser: str) -> list[Tensor]:
    """The parameters as a list; an error for what an optimiser cannot change."""
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        what = parameters.describe() if isinstance(parameters, Tensor) else repr(parameters)
        raise ArgumentError(f"{optimiser}: a list of parameters is expected, such as model.parameters(), not {what}")
    listed = list(parameters)
    if not listed:
        raise OptionError(f"{optimiser}: the list of parameters is empty")
    for p in listed:
        if not isinstance(p, Tensor) or p.op.name != "parameter":
            raise ArgumentError(f"{optimiser}: parameters are expected, but {p!r} was given")
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
