"""tinygrad: a step under TinyJit, without a search for kernels (BEAM), which takes minutes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tinygrad import Device, Tensor, TinyJit, Variable

from benchmarks.contestants import Contestant
from benchmarks.workloads import RATE, Array, Problem, Workload


def build(problem: Problem) -> Contestant:
    workload = problem.workload
    parameters = [_tensor(p) for p in problem.parameters]
    velocities = [_tensor(np.zeros_like(p)) for p in problem.parameters]
    X, Y = problem.data
    size = workload.batch

    def train(x: Any, y: Any) -> Any:
        loss = _loss(workload, parameters, x, y)
        slopes = loss.gradient(*parameters)
        if workload.momentum:
            slopes = [v.assign(v * workload.momentum + g) for v, g in zip(velocities, slopes, strict=True)]
        for p, g in zip(parameters, slopes, strict=True):
            p.assign(p - g * RATE)
        return loss.realize(*parameters, *(velocities if workload.momentum else ()))

    jitted = TinyJit(train)

    def step(x: Any, y: Any) -> Any:
        return jitted(x, y).item()  # at once: the next call overwrites what is returned

    def train_at(rows: Any, targets: Any, i: Any) -> Any:
        cut = (i * size, i * size + size), None
        return train(rows.shrink(cut).contiguous(), targets.shrink(cut).contiguous())

    jitted_at = TinyJit(train_at)

    def epoch(order: Array) -> list[float]:
        # NumPy gathers, since indexing in tinygrad compares every row number with every place
        rows, targets = Tensor(X[order]).realize(), Tensor(Y[order]).realize()
        places = (Variable("i", 0, workload.steps - 1).bind(i) for i in range(len(order) // size))
        return [jitted_at(rows, targets, place).item() for place in places]

    def reset(initial: Sequence[Array]) -> None:
        for parameter, velocity, value in zip(parameters, velocities, initial, strict=True):
            parameter.assign(_tensor(value)).realize()
            velocity.assign(_tensor(np.zeros_like(value))).realize()
        Device[Device.DEFAULT].synchronize()

    return Contestant(reset, step, epoch, lambda x, y: (_tensor(x), _tensor(y)))


def _tensor(array: Array) -> Any:
    return Tensor(array.copy()).contiguous().realize()


def _loss(workload: Workload, parameters: Sequence[Any], x: Any, y: Any) -> Any:
    h = x
    for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        z = h @ weight + bias
        h = z.tanh() if workload.activation == "tanh" else z.relu()
    z = h @ parameters[-2] + parameters[-1]
    if workload.loss == "mse":
        return (z - y).square().mean()
    return -(y * z.log_softmax(1)).sum(1).mean()
