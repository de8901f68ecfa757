"""The training of every workload written out plainly in float64: what all contestants are checked against."""

from collections.abc import Iterable

import numpy as np

from benchmarks.workloads import RATE, Array, Problem, Workload


def losses(problem: Problem, batches: Iterable[tuple[Array, Array]]) -> list[float]:
    """The loss of each batch before the step on it."""
    parameters = [p.astype(np.float64) for p in problem.parameters]
    velocities = [np.zeros_like(p) for p in parameters]
    found = []
    for x, y in batches:
        loss, slopes = _loss_and_slopes(problem.workload, parameters, x.astype(np.float64), y.astype(np.float64))
        found.append(loss)
        for parameter, velocity, slope in zip(parameters, velocities, slopes, strict=True):
            velocity[...] = problem.workload.momentum * velocity + slope
            parameter -= RATE * velocity
    return found


def _loss_and_slopes(workload: Workload, parameters: list[Array], x: Array, y: Array) -> tuple[float, list[Array]]:
    weights, biases = parameters[0::2], parameters[1::2]
    values = [x]
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        z = values[-1] @ w + b
        values.append(np.tanh(z) if workload.activation == "tanh" else np.maximum(z, 0))
    loss, g = _loss(workload.loss, values[-1] @ weights[-1] + biases[-1], y)
    slopes: list[Array] = []
    for w, h in zip(reversed(weights), reversed(values), strict=True):
        slopes = [h.T @ g, g.sum(0), *slopes]
        g = g @ w.T * (1 - h**2 if workload.activation == "tanh" else h > 0)
    return loss, slopes


def _loss(name: str, z: Array, y: Array) -> tuple[float, Array]:
    """The loss, and its slope by `z`."""
    if name == "mse":
        return float(np.mean((z - y) ** 2)), 2 * (z - y) / z.size
    shifted = z - z.max(1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return float(-np.sum(y * logarithms) / len(z)), (np.exp(logarithms) - y) / len(z)
