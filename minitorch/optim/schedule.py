"""Schedules: callbacks of `fit` that move a learning rate from epoch to epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import cos, pi

from minitorch.errors import ArgumentError
from minitorch.functional.arguments import int_of
from minitorch.graph.text import shown
from minitorch.optim.optimiser import Optimiser, require_options


class Schedule(ABC):
    """A learning rate by the epochs that have passed: `first`, which the optimiser had, times `share(epochs)`.

    Making one sets the rate of the first epoch; each call, after an epoch, that of the next, also in a second fit: it
    goes on where it was, as the optimiser does. A rate that was set otherwise meanwhile, by hand or by another
    schedule, is heeded: `first` is scaled by what it was changed by.

    Raises `TypeError` for what is no optimiser, and `ValueError` for numbers that make no sense.
    """

    def __init__(self, optimiser: Optimiser) -> None:
        if not isinstance(optimiser, Optimiser):
            raise ArgumentError(f"{type(self).__name__}: an optimiser is expected, but {shown(optimiser)} was given")
        self.optimiser, self.first, self.epochs_passed = optimiser, optimiser.lr, 0
        self._move()

    @abstractmethod
    def share(self, epochs: int) -> float:
        """The part of the first rate that is taken after so many epochs."""

    def __call__(self, state: object = None) -> None:
        self.heed()
        self.epochs_passed += 1
        self._move()

    def heed(self) -> None:
        """Take over a rate that the optimiser was given otherwise."""
        if self.optimiser.lr != self._made:
            self.first = self.first * self.optimiser.lr / self._made if self._made else self.optimiser.lr

    def _move(self) -> None:
        self.optimiser.lr = self._made = self.first * self.share(self.epochs_passed)

    def __repr__(self) -> str:
        options = [f"{k}={v!r}" for k, v in vars(self).items() if k in ("every", "factor", "epochs", "least", "then")]
        return f"{type(self).__name__}({', '.join([repr(self.optimiser), *options])})"


class Step(Schedule):
    """The rate times `factor` after `every` so many epochs.

    >>> import minitorch as mt
    >>> sgd = mt.optim.SGD([mt.parameter(1.0)], lr=0.5)
    >>> halves = Step(sgd, every=10, factor=0.5)
    >>> [halves.first * halves.share(epochs) for epochs in (0, 9, 10, 20)]
    [0.5, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimiser: Optimiser, every: int, factor: float = 0.1) -> None:
        self.every = int_of(every, "every", type(self).__name__, least=1)
        require_options(type(self).__name__, {"factor": factor}, {})
        self.factor = float(factor)
        super().__init__(optimiser)

    def share(self, epochs: int) -> float:
        return self.factor ** (epochs // self.every)


class Exponential(Step):
    """The rate times `factor` after each epoch."""

    def __init__(self, optimiser: Optimiser, factor: float) -> None:
        super().__init__(optimiser, 1, factor)


class Cosine(Schedule):
    """From the first rate to `least` over so many `epochs`, by half a cosine; there it stays.

    Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, without the restarts.
    """

    def __init__(self, optimiser: Optimiser, epochs: int, least: float = 0.0) -> None:
        self.epochs = int_of(epochs, "epochs", "Cosine", least=1)
        require_options("Cosine", {"least": least}, {})
        self.least = float(least)
        super().__init__(optimiser)

    def share(self, epochs: int) -> float:
        share = (1 + cos(pi * min(epochs, self.epochs) / self.epochs)) / 2
        lowest = self.least / self.first if self.first else 0.0
        return lowest + (1 - lowest) * share


class Warmup(Schedule):
    """Up to the first rate over so many `epochs`, in equal parts; from there on as `then`, or as it is.

    >>> import minitorch as mt
    >>> sgd = mt.optim.SGD([mt.parameter(1.0)], lr=0.5)
    >>> warm = Warmup(sgd, epochs=4, then=Cosine(sgd, epochs=100))
    >>> [warm.first * warm.share(epochs) for epochs in (0, 1, 3, 4, 104)]
    [0.125, 0.25, 0.5, 0.5, 0.0]
    """

    def __init__(self, optimiser: Optimiser, epochs: int, then: Schedule | None = None) -> None:
        self.epochs = int_of(epochs, "epochs", "Warmup", least=1)
        if then is not None and not isinstance(then, Schedule):
            raise ArgumentError(f"Warmup: then is a schedule of the same optimiser, but {shown(then)} was given")
        if then is not None and then.optimiser is not optimiser:
            raise ArgumentError(f"Warmup: then is a schedule of the same optimiser, but {then!r} is of another")
        self.then = then
        if then is not None:
            then.heed()
            optimiser.lr = then.first  # which a warm-up in there has lowered
        super().__init__(optimiser)

    def share(self, epochs: int) -> float:
        if epochs < self.epochs:
            return (epochs + 1) / self.epochs
        return 1.0 if self.then is None else self.then.share(epochs - self.epochs)
