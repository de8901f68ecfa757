"""Adam: steps along a running mean of gradients, over the root of a running mean of their squares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.errors import OptionError
from minitorch.functional.arguments import is_number
from minitorch.functional.elementwise import cast
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import shown
from minitorch.optim.optimiser import Optimiser, Updates, beside, require_options, zeros_for


class Adam(Optimiser):
    """Adam (Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015), with PyTorch's meaning of its options.

    With the gradient g of step t, m = b1 m + (1 - b1) g and v = b2 v + (1 - b2) g^2, element by element, for
    `betas` = (b1, b2). Both start at 0, which is divided out again: the step is lr * m' / (sqrt(v') + eps), where
    m' = m / (1 - b1^t) and v' = v / (1 - b2^t). `weight_decay` adds weight_decay * parameter to g; `maximize` climbs,
    by -g in the place of g. PyTorch's `amsgrad`, and what changes how it computes and not what, are not here.

    Raises `ValueError` for a beta that is not in [0, 1), and for another option below 0 or not finite.

    >>> import minitorch as mt
    >>> w = mt.parameter(3.0)
    >>> step = mt.compile([], w * w, updates=mt.optim.Adam([w], lr=0.5).minimize(w * w))
    >>> float(step()), float(w.data)
    (9.0, 2.5)
    """

    def __init__(
        self, parameters: Iterable[Tensor], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr)
        name = type(self).__name__
        self.betas = _betas_of(betas, name)
        require_options(name, {"eps": eps, "weight_decay": weight_decay}, {"maximize": maximize})
        self.eps, self.weight_decay, self.maximize = eps, weight_decay, maximize
        self.means = [zeros_for(p, "mean") for p in self.parameters]
        self.squares = [zeros_for(p, "square") for p in self.parameters]
        self._averages = dict(zip(self.parameters, zip(self.means, self.squares, strict=True), strict=True))
        self.steps = beside(self.parameters[0], 0.0, "steps", "float64")  # 1 - 0.999 would lose half of its digits

    def __repr__(self) -> str:
        maximize = ", maximize=True" if self.maximize else ""
        decay = f", weight_decay={self.weight_decay}" if self.weight_decay else ""
        return f"{super().__repr__()[:-1]}, betas={self.betas}, eps={self.eps}{decay}{maximize})"

    def _update(self, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Updates:
        if self.maximize:
            gradient = -gradient
        old, gradient = self._decayed(parameter, gradient, lr)
        steps = self.steps + 1.0
        first, second = (1.0 - beta**steps for beta in self.betas)
        # lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps), with both scalars computed once for all elements
        root = ops.sqrt(second)
        rate = cast(cast(lr, "float64") * root / first, parameter.dtype)
        least = cast(self.eps * root, parameter.dtype)
        (mean, square), (b1, b2) = self._averages[parameter], self.betas
        new_mean = b1 * mean + (1.0 - b1) * gradient
        new_square = b2 * square + (1.0 - b2) * ops.square(gradient)
        new = old - rate * new_mean / (ops.sqrt(new_square) + least)
        return {mean: new_mean, square: new_square, parameter: new, self.steps: steps}

    def _decayed(self, parameter: Tensor, gradient: Tensor, lr: Tensor) -> tuple[Tensor, Tensor]:
        """What the step starts from, and its gradient."""
        return parameter, gradient + self.weight_decay * parameter if self.weight_decay else gradient

    def state(self) -> dict[str, Tensor]:
        means = {f"mean.{i}": mean for i, mean in enumerate(self.means)}
        squares = {f"square.{i}": square for i, square in enumerate(self.squares)}
        return means | squares | {"steps": self.steps}


class AdamW(Adam):
    """Adam whose `weight_decay` leaves the gradient alone: each step also takes lr * weight_decay * parameter away.

    See Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019. Options and errors are those of `Adam`.

    >>> import minitorch as mt
    >>> mt.optim.AdamW([mt.parameter(3.0)])
    AdamW(1 parameter, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)
    """

    def __init__(
        self, parameters: Iterable[Tensor], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.01, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr, betas, eps, weight_decay, maximize=maximize)

    def _decayed(self, parameter: Tensor, gradient: Tensor, lr: Tensor) -> tuple[Tensor, Tensor]:
        return parameter - lr * self.weight_decay * parameter if self.weight_decay else parameter, gradient


def _betas_of(betas: Any, optimiser: str) -> tuple[float, float]:
    pair = isinstance(betas, tuple | list | np.ndarray) and len(betas) == 2
    if not pair or not all(is_number(b) and 0 <= b < 1 for b in betas):
        raise OptionError(f"{optimiser}: betas are two numbers from 0 to below 1, but {shown(betas)} was given")
    return (float(betas[0]), float(betas[1]))
