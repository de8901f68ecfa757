"""PyTorch, operation by operation, in the leanest form: gradients by `autograd.grad`, one fused update of all."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

from benchmarks.contestants import Contestant
from benchmarks.workloads import RATE, Array, Problem

Step = Callable[[Any, Any], Any]


def build(problem: Problem) -> Contestant:
    torch.set_num_threads(problem.threads)
    workload = problem.workload
    parameters = [torch.tensor(p, requires_grad=True) for p in problem.parameters]
    velocities = [torch.zeros_like(p) for p in parameters]
    loss_of = loss_function(problem)

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(parameters, x, y)
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():  # what torch.optim.SGD(foreach=True) does, without its bookkeeping
            if workload.momentum:
                torch._foreach_mul_(velocities, workload.momentum)
                torch._foreach_add_(velocities, slopes)
                slopes = velocities
            torch._foreach_add_(parameters, slopes, alpha=-RATE)
        return loss.detach()

    reset = resetting(parameters, velocities)
    return Contestant(reset, step, looping(problem, step), to_tensors(problem), torch.from_numpy)


def loss_function(problem: Problem) -> Callable[[Sequence[Any], Any, Any], Any]:
    """The loss for parameters, rows and targets."""
    activation = torch.tanh if problem.workload.activation == "tanh" else torch.relu
    criterion = functional.mse_loss if problem.workload.loss == "mse" else functional.cross_entropy

    def loss(parameters: Sequence[Any], x: Any, y: Any) -> Any:
        h = x
        *hidden, (last_weight, last_bias) = zip(parameters[0::2], parameters[1::2], strict=True)
        for weight, bias in hidden:
            h = activation(torch.addmm(bias, h, weight))
        return criterion(torch.addmm(last_bias, h, last_weight), y)

    return loss


def to_tensors(problem: Problem) -> Callable[[Array, Array], tuple[Any, Any]]:
    """Rows and targets as tensors; one-hot rows as the classes that `cross_entropy` prefers."""
    entropy = problem.workload.loss == "cross_entropy"
    return lambda x, y: (torch.from_numpy(x), torch.from_numpy(y.argmax(1) if entropy else y))


def looping(problem: Problem, step: Step) -> Callable[[Any], list[Any]]:
    """An epoch as a loop over steps."""
    X, Y = to_tensors(problem)(*problem.data)
    size = problem.workload.batch

    def epoch(order: Any) -> list[Any]:
        return [step(X.index_select(0, rows), Y.index_select(0, rows)) for rows in order.split(size)]

    return epoch


def resetting(parameters: Sequence[Any], velocities: Sequence[Any]) -> Callable[[Sequence[Array]], None]:
    def reset(initial: Sequence[Array]) -> None:
        with torch.no_grad():
            for parameter, value in zip(parameters, initial, strict=True):
                parameter.copy_(torch.from_numpy(value))
            for velocity in velocities:
                velocity.zero_()

    return reset
