"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.errors import OptionError
from minitorch.graph.tensor import Tensor, held
from minitorch.graph.text import shown
from minitorch.optim.optimiser import Optimiser, Updates, beside, require_options, zeros_for


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
        numbers = {"momentum": momentum, "weight_decay": weight_decay, "dampening": dampening}
        require_options("SGD", numbers, {"nesterov": nesterov, "maximize": maximize})
        if nesterov and (not momentum or dampening):
            given = f"momentum={shown(momentum)} and dampening={shown(dampening)} were given"
            raise OptionError(f"SGD: nesterov needs a momentum greater than 0 and a dampening of 0, but {given}")
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay
        self.dampening, self.maximize = dampening, maximize
        self.velocities = [zeros_for(p, "velocity") for p in self.parameters] if momentum else []
        self._velocity = dict(zip(self.parameters, self.velocities, strict=False))
        first = {p.dtype: p for p in reversed(self.parameters)} if momentum and dampening else {}
        # what of a gradient enters the running sum: all in the first step, then 1 - dampening
        self._shares = {dtype: beside(p, 1.0, "share") for dtype, p in first.items()}

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
