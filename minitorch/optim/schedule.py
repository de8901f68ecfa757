"""Schedules: callbacks of `fit` that move a learning rate from epoch to epoch."""

from __future__ import annotations

from math import cos, pi
from typing import Any

from minitorch.errors import ArgumentError
from minitorch.functional.arguments import int_of
from minitorch.graph.text import shown
from minitorch.optim.optimiser import Optimiser, require_options


class Schedule:
    """A learning rate by the epochs that have passed: `first`, which the optimiser had, times `factor(epochs)`.

    Making one sets the rate of the first epoch; called with the state of a fit, after an epoch, it sets that of the
    next.

    Raises `TypeError` for what is no optimiser, and `ValueError` for numbers that make no sense.
    """

    def __init__(self, optimiser: Optimiser) -> None:
        if not isinstance(optimiser, Optimiser):
            raise ArgumentError(f"{type(self).__name__}: an optimiser is expected, but {shown(optimiser)} was given")
        self.optimiser, self.first = optimiser, optimiser.lr
        self.move(0)

    def factor(self, epochs: int) -> float:
        """What part of the first rate is taken after so many epochs."""
        raise NotImplementedError

    def move(self, epochs: int) -> None:
        """Set the rate for the epoch that comes after so many."""
        self.optimiser.lr = self.first * self.factor(epochs)

    def __call__(self, state: Any) -> None:
        self.move(state.epoch)


class Step(Schedule):
    """The rate times `factor` after `every` so many epochs.

    >>> import minitorch as mt
    >>> sgd = mt.optim.SGD([mt.parameter(1.0)], lr=0.5)
    >>> halves = Step(sgd, every=10, factor=0.5)
    >>> [halves.first * halves.factor(epochs) for epochs in (0, 9, 10, 20)]
    [0.5, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimiser: Optimiser, every: int, factor: float = 0.1) -> None:
        self.every = int_of(every, "every", "Step", least=1)
        require_options("Step", {"factor": factor}, {})
        self.by = float(factor)
        super().__init__(optimiser)

    def factor(self, epochs: int) -> float:
        return self.by ** (epochs // self.every)


class Exponential(Step):
    """The rate times `factor` after each epoch."""

    def __init__(self, optimiser: Optimiser, factor: float) -> None:
        require_options("Exponential", {"factor": factor}, {})
        super().__init__(optimiser, 1, factor)


class Cosine(Schedule):
    """From the first rate down to `least` over so many `epochs`, by half a cosine; there it stays.

    Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, without the restarts.
    """

    def __init__(self, optimiser: Optimiser, epochs: int, least: float = 0.0) -> None:
        self.epochs = int_of(epochs, "epochs", "Cosine", least=1)
        require_options("Cosine", {"least": least}, {})
        self.least = float(least)
        super().__init__(optimiser)

    def factor(self, epochs: int) -> float:
        share = (1 + cos(pi * min(epochs, self.epochs) / self.epochs)) / 2
        lowest = self.least / self.first if self.first else 0.0
        return lowest + (1 - lowest) * share


class Warmup(Schedule):
    """Up to the first rate over so many `epochs`, in equal parts; from there on as `then`, or as it is.

    >>> import minitorch as mt
    >>> sgd = mt.optim.SGD([mt.parameter(1.0)], lr=0.5)
    >>> warm = Warmup(sgd, epochs=4, then=Cosine(sgd, epochs=100))
    >>> [warm.first * warm.factor(epochs) for epochs in (0, 1, 3, 4, 104)]
    [0.125, 0.25, 0.5, 0.5, 0.0]
    """

    def __init__(self, optimiser: Optimiser, epochs: int, then: Schedule | None = None) -> None:
        self.epochs = int_of(epochs, "epochs", "Warmup", least=1)
        if then is not None and not (isinstance(then, Schedule) and then.optimiser is optimiser):
            raise ArgumentError(f"Warmup: then is a schedule of the same optimiser, but {shown(then)} was given")
        self.then = then
        if then is not None:
            optimiser.lr = then.first  # which a warm-up in there has lowered
        super().__init__(optimiser)

    def factor(self, epochs: int) -> float:
        if epochs < self.epochs:
            return (epochs + 1) / self.epochs
        return 1.0 if self.then is None else self.then.factor(epochs - self.epochs)
