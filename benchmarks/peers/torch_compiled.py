"""`torch.compile`: forward, gradients and updates as one graph, in the form that is fastest and in the default one."""

from typing import Any

import torch

from benchmarks.contestants import Contestant
from benchmarks.peers.torch_eager import looping, loss_function, resetting, to_tensors
from benchmarks.workloads import RATE, Problem


def build(problem: Problem) -> Contestant:
    """On moons 55 us, where the default wrapper took 68 and max-autotune 73."""
    return _built(problem, {"cpp_wrapper": True})


def build_default(problem: Problem) -> Contestant:
    """Called through generated Python, which is made sooner."""
    return _built(problem, {})


def _built(problem: Problem, options: dict[str, Any]) -> Contestant:
    torch.set_num_threads(problem.threads)
    torch.compiler.reset()
    momentum = problem.workload.momentum
    parameters = [torch.tensor(p) for p in problem.parameters]
    velocities = [torch.zeros_like(p) for p in parameters] if momentum else []
    gradients = torch.func.grad_and_value(loss_function(problem))

    def train(parameters: list[Any], velocities: list[Any], x: Any, y: Any) -> Any:
        slopes, loss = gradients(parameters, x, y)
        if momentum:
            for velocity, slope in zip(velocities, slopes, strict=True):
                velocity.mul_(momentum).add_(slope)
            slopes = velocities
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.sub_(slope, alpha=RATE)
        return loss

    compiled = torch.compile(train, fullgraph=True, dynamic=False, options=options)

    def step(x: Any, y: Any) -> Any:
        with torch.no_grad():
            return compiled(parameters, velocities, x, y)

    reset = resetting(parameters, velocities)
    return Contestant(reset, step, looping(problem, step), to_tensors(problem), torch.from_numpy)
