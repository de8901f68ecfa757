"""minitorch: a compiled step, and its loop."""

from collections.abc import Sequence

import minitorch as mt
from benchmarks.contestants import Contestant
from benchmarks.workloads import RATE, Array, Problem, Workload

Arguments = tuple[list[mt.graph.Tensor], mt.graph.Tensor, mt.optim.Updates]


def build(problem: Problem) -> Contestant:
    model, sgd, arguments = traced(problem.workload)
    step = mt.compile(*arguments, backend=problem.backend)
    X, Y = problem.data

    def reset(initial: Sequence[Array]) -> None:
        for parameter, value in zip(model.parameters(), initial, strict=True):
            parameter.data[...] = value
        for velocity in sgd.velocities:
            velocity.data[...] = 0

    reset(problem.parameters)
    return Contestant(reset, step, lambda order: step.loop(X, Y, order=order, batch_size=problem.workload.batch))


def traced(workload: Workload) -> tuple[mt.nn.MLP, mt.optim.SGD, Arguments]:
    """The model, its optimiser, and the arguments of `compile` for a training step."""
    nin, *nouts = workload.sizes
    x = mt.placeholder("x", ("batch", nin), workload.dtype)
    y = mt.placeholder("y", ("batch", nouts[-1]), workload.dtype)
    model = mt.nn.MLP(nin, nouts, activation=workload.activation, seed=0, dtype=workload.dtype)
    loss = (mt.mse_loss if workload.loss == "mse" else mt.cross_entropy)(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=RATE, momentum=workload.momentum)
    return model, sgd, ([x, y], loss, sgd.minimize(loss))
