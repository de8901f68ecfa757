"""PyTensor: one function with shared parameters and updates, batches of a known size."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor
from pytensor import tensor

from benchmarks.contestants import Contestant
from benchmarks.peers.hand import looping
from benchmarks.workloads import RATE, Array, Problem


def build(problem: Problem) -> Contestant:
    workload = problem.workload
    with pytensor.config.change_flags(floatX=workload.dtype):
        parameters = [pytensor.shared(p.copy(), shape=p.shape) for p in problem.parameters]
        velocities = [pytensor.shared(np.zeros_like(p), shape=p.shape) for p in problem.parameters]
        x = tensor.matrix("x", shape=(workload.batch, workload.sizes[0]))
        y = tensor.matrix("y", shape=(workload.batch, workload.sizes[-1]))
        loss = _loss(problem, parameters, x, y)
        updates = _updates(workload.momentum, parameters, velocities, tensor.grad(loss, parameters))
        step = pytensor.function([x, y], loss, updates=updates, trust_input=True)
    return Contestant(_reset(parameters, velocities), step, looping(problem, step))


def _loss(problem: Problem, parameters: Sequence[Any], x: Any, y: Any) -> Any:
    activation = tensor.tanh if problem.workload.activation == "tanh" else lambda z: tensor.maximum(z, 0)
    h = x
    for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        h = activation(h @ weight + bias)
    z = h @ parameters[-2] + parameters[-1]
    if problem.workload.loss == "mse":
        return tensor.mean(tensor.square(z - y))
    return -tensor.mean(tensor.sum(y * tensor.special.log_softmax(z, axis=1), axis=1))


def _updates(
    momentum: float, parameters: Sequence[Any], velocities: Sequence[Any], slopes: Sequence[Any]
) -> list[tuple[Any, Any]]:
    rate = np.asarray(RATE, parameters[0].dtype)
    if not momentum:
        return [(p, p - rate * g) for p, g in zip(parameters, slopes, strict=True)]
    faster = [np.asarray(momentum, v.dtype) * v + g for v, g in zip(velocities, slopes, strict=True)]
    moved = [(p, p - rate * v) for p, v in zip(parameters, faster, strict=True)]
    return [*zip(velocities, faster, strict=True), *moved]


def _reset(parameters: Sequence[Any], velocities: Sequence[Any]) -> Callable[[Sequence[Array]], None]:
    def reset(initial: Sequence[Array]) -> None:
        for parameter, velocity, value in zip(parameters, velocities, initial, strict=True):
            parameter.set_value(value)
            velocity.set_value(np.zeros_like(value))

    return reset
