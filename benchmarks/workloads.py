"""The workloads: MLPs from toy to beyond the caches, each with the data and the parameters that all start from."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

RATE = 0.05


@dataclass(frozen=True)
class Workload:
    """A network as the widths of its layers, the input first; the rows of a batch, and how it is trained.

    `steps` are the batches of an epoch that is timed: all of them full, so that nobody pays for a second shape.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    steps: int = 16
    activation: str = "tanh"
    loss: str = "mse"
    momentum: float = 0.0
    dtype: str = "float32"

    def __str__(self) -> str:
        widths = "-".join(map(str, self.sizes)) if len(self.sizes) < 8 else f"{len(self.sizes) - 1} x {self.sizes[0]}"
        return ", ".join([f"{self.name} ({widths}, batch {self.batch}", *self._differs]) + ")"

    @property
    def _differs(self) -> list[str]:
        """What is not tanh, mean squared error, plain SGD and float32."""
        usual = (("activation", "tanh"), ("loss", "mse"), ("momentum", 0.0), ("dtype", "float32"))
        found = [(name, getattr(self, name)) for name, value in usual if getattr(self, name) != value]
        return [f"momentum {value}" if name == "momentum" else str(value) for name, value in found]

    @property
    def plain(self) -> bool:
        """Whether it is one of tanh, mean squared error and SGD without momentum."""
        return (self.activation, self.loss, self.momentum) == ("tanh", "mse", 0.0)


FIVE = (
    Workload("moons", (2, 16, 16, 1), 32, steps=256),
    Workload("digits", (64, 64, 10), 64, steps=64),
    Workload("mnist", (784, 256, 128, 10), 128),
    Workload("wide", (1024, 1024, 1024, 10), 512, steps=4),
    Workload("deep", (64,) * 33, 64),
)
VARIANTS = (
    Workload("relu", (784, 256, 128, 10), 128, activation="relu"),
    Workload("entropy", (64, 64, 10), 64, steps=64, loss="cross_entropy"),
    Workload("momentum", (64, 64, 10), 64, steps=64, momentum=0.9),
    Workload("float64", (64, 64, 10), 64, steps=64, dtype="float64"),
)
SHAPES = (
    Workload("online", (10, 32, 32, 2), 1, steps=256),
    Workload("table", (30, 128, 128, 1), 256, steps=32),
    Workload("uneven", (100, 77, 53, 7), 50, steps=64),  # no size is a multiple of a vector
)
WORKLOADS = {w.name: w for w in (*FIVE, *VARIANTS, *SHAPES)}


@dataclass(frozen=True)
class Problem:
    """A workload with everything that a contestant is built from."""

    workload: Workload
    backend: str = "numpy"
    threads: int = 1

    @cached_property
    def parameters(self) -> list[Array]:
        """What every contestant starts with, which none may write."""
        return initial_parameters(self.workload)

    @cached_property
    def data(self) -> tuple[Array, Array]:
        """The rows of an epoch, and their targets."""
        return random_rows(self.workload, self.workload.batch * self.workload.steps)

    @cached_property
    def batch(self) -> tuple[Array, Array]:
        """One batch, with memory of its own."""
        return random_batch(self.workload)

    @cached_property
    def order(self) -> Array:
        """The rows of an epoch in the order in which they are taken."""
        return np.random.default_rng(1).permutation(len(self.data[0]))

    def batches(self) -> Iterator[tuple[Array, Array]]:
        """The batches of an epoch."""
        for start in range(0, len(self.order), self.workload.batch):
            chosen = self.order[start : start + self.workload.batch]
            yield self.data[0][chosen], self.data[1][chosen]


def random_batch(workload: Workload, seed: int = 0) -> tuple[Array, Array]:
    """A batch of rows and targets."""
    return random_rows(workload, workload.batch, seed)


def random_rows(workload: Workload, rows: int, seed: int = 0) -> tuple[Array, Array]:
    """Rows, and targets: numbers, or for cross-entropy a 1 in the column of the class."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((rows, workload.sizes[0]))
    Y = random.standard_normal((rows, workload.sizes[-1]))
    if workload.loss == "cross_entropy":
        Y = np.eye(workload.sizes[-1])[Y.argmax(1)]
    return X.astype(workload.dtype), Y.astype(workload.dtype)


def initial_parameters(workload: Workload, seed: int = 0) -> list[Array]:
    """Weight (nin, nout) and bias (nout,) of each layer in turn."""
    random = np.random.default_rng(seed)
    parameters: list[Array] = []
    for nin, nout in pairwise(workload.sizes):
        bound = np.sqrt(6 / (nin + nout))  # Glorot and Bengio 2010
        parameters.append(random.uniform(-bound, bound, (nin, nout)).astype(workload.dtype))
        parameters.append(random.uniform(-0.1, 0.1, nout).astype(workload.dtype))
    return parameters
