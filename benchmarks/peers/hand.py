"""NumPy by hand, in three forms, and the matrix products of a step alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.contestants import Contestant, UnsupportedError
from benchmarks.hand_written import Product, Step, cut, plain_step, products_alone, tuned_step
from benchmarks.workloads import Array, Problem


def matmul(problem: Problem) -> Contestant:
    return _plain(problem, np.matmul)


def dot(problem: Problem) -> Contestant:
    return _plain(problem, np.dot)


def _plain(problem: Problem, product: Product) -> Contestant:
    parameters = [p.copy() for p in problem.parameters]
    velocities = [np.zeros_like(p) for p in parameters]
    step = plain_step(problem.workload, parameters, velocities, product)
    return Contestant(_reset(parameters, velocities), step, looping(problem, step))


def tuned(problem: Problem) -> Contestant:
    if not problem.workload.plain:
        raise UnsupportedError("tuned for tanh, mean squared error and plain SGD alone")
    block = np.concatenate([p.reshape(-1) for p in problem.parameters])
    parameters = cut(block, [p.shape for p in problem.parameters])
    step = tuned_step(problem.workload, block, parameters)
    return Contestant(_reset(parameters, ()), step, looping(problem, step))


def products(problem: Problem) -> Contestant:
    """No batch is gathered: an epoch is the products of its steps."""
    parameters = [p.copy() for p in problem.parameters]
    step = products_alone(problem.workload, parameters)
    x, y = problem.batch

    def epoch(order: Array) -> None:
        for _ in range(problem.workload.steps):
            step(x, y)

    return Contestant(_reset(parameters, ()), step, epoch)


def looping(problem: Problem, step: Step) -> Callable[[Array], list[Any]]:
    """An epoch as a loop over steps, on batches that are gathered into the same buffers."""
    X, Y = problem.data
    size, take = problem.workload.batch, np.take
    x, y = np.empty_like(X[:size]), np.empty_like(Y[:size])

    def epoch(order: Array) -> list[Any]:
        losses = []
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            take(X, chosen, 0, x, "clip")
            take(Y, chosen, 0, y, "clip")
            losses.append(step(x, y))
        return losses

    return epoch


def _reset(parameters: Sequence[Array], velocities: Sequence[Array]) -> Callable[[Sequence[Array]], None]:
    def reset(initial: Sequence[Array]) -> None:
        for parameter, value in zip(parameters, initial, strict=True):
            parameter[...] = value
        for velocity in velocities:
            velocity[...] = 0

    return reset
