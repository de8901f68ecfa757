"""The five workloads: tanh MLP, mean squared error, SGD, float32. Sizes from toy to beyond the caches."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Workload:
    """A network as the widths of its layers, the input first, and the rows of a batch."""

    name: str
    sizes: tuple[int, ...]
    batch: int

    def __str__(self) -> str:
        widths = "-".join(map(str, self.sizes)) if len(self.sizes) < 8 else f"{len(self.sizes) - 1} x {self.sizes[0]}"
        return f"{self.name} ({widths}, batch {self.batch})"


WORKLOADS = {
    w.name: w
    for w in (
        Workload("moons", (2, 16, 16, 1), 32),
        Workload("digits", (64, 64, 10), 64),
        Workload("mnist", (784, 256, 128, 10), 128),
        Workload("wide", (1024, 1024, 1024, 10), 512),
        Workload("deep", (64,) * 33, 64),
    )
}
RATE = 0.05


def random_batch(workload: Workload, seed: int = 0) -> tuple[Array, Array]:
    """Rows and targets."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((workload.batch, workload.sizes[0]), np.float32)
    return rows, random.standard_normal((workload.batch, workload.sizes[-1]), np.float32)


def initial_parameters(workload: Workload, seed: int = 0) -> list[Array]:
    """Weight (nin, nout) and bias (nout,) of each layer in turn, as every contestant starts with."""
    random = np.random.default_rng(seed)
    parameters: list[Array] = []
    for nin, nout in zip(workload.sizes[:-1], workload.sizes[1:], strict=True):
        bound = np.sqrt(6 / (nin + nout))  # Glorot and Bengio 2010
        parameters.append(random.uniform(-bound, bound, (nin, nout)).astype(np.float32))
        parameters.append(random.uniform(-0.1, 0.1, nout).astype(np.float32))
    return parameters
