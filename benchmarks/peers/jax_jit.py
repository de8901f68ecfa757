"""JAX: a jitted step, and an epoch as one jitted scan over batches; parameters are donated."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.contestants import Contestant
from benchmarks.workloads import RATE, Array, Problem, Workload

UNROLL = 4  # steps in one turn of the scan: fastest of 1, 4 on moons, no slower elsewhere


def build(problem: Problem) -> Contestant:
    """One compiled call a step. Within an epoch nothing waits for a step before the next is sent off."""
    return _contestant(problem, scan=False)


def build_scan(problem: Problem) -> Contestant:
    """One compiled call an epoch."""
    return _contestant(problem, scan=True)


def _contestant(problem: Problem, scan: bool) -> Contestant:
    jax.config.update("jax_enable_x64", problem.workload.dtype == "float64")
    X, Y = _arrays(*problem.data)
    size = problem.workload.batch
    update = _update(problem.workload)
    one = jax.jit(update, donate_argnums=0)
    state: Any = None

    def run(state: Any, X: Any, Y: Any, order: Any) -> Any:
        batches = order.reshape(-1, size)
        return lax.scan(lambda s, rows: update(s, X[rows], Y[rows]), state, batches, unroll=UNROLL)

    all_of_them = jax.jit(run, donate_argnums=0)
    on_rows = jax.jit(lambda state, X, Y, rows: update(state, X[rows], Y[rows]), donate_argnums=0)

    def reset(initial: Sequence[Array]) -> None:
        nonlocal state
        momentum = problem.workload.momentum
        state = [jnp.array(p) for p in initial], [jnp.zeros_like(p) for p in initial] if momentum else []

    def step(x: Any, y: Any) -> Any:
        nonlocal state
        state, loss = one(state, x, y)
        return loss.block_until_ready()

    def scanned(order: Any) -> Any:
        nonlocal state
        state, losses = all_of_them(state, X, Y, order)
        return losses.block_until_ready()

    def looped(batches: list[Any]) -> list[Any]:
        nonlocal state
        losses = []
        for rows in batches:
            state, loss = on_rows(state, X, Y, rows)
            losses.append(loss)
        jax.block_until_ready(losses)
        return losses

    def rows(order: Array) -> Any:
        indices = order.astype(np.int32)
        return jnp.asarray(indices) if scan else [jnp.asarray(part) for part in np.split(indices, len(order) // size)]

    reset(problem.parameters)
    return Contestant(reset, None if scan else step, scanned if scan else looped, _arrays, rows)


def _arrays(x: Array, y: Array) -> tuple[Any, Any]:
    return jnp.array(x), jnp.array(y)


def _update(workload: Workload) -> Callable[[Any, Any, Any], Any]:
    """From parameters and velocities, rows and targets: the next parameters and velocities, and the loss."""
    activation = jnp.tanh if workload.activation == "tanh" else jax.nn.relu

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        h = x
        for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            h = activation(h @ weight + bias)
        z = h @ parameters[-2] + parameters[-1]
        if workload.loss == "mse":
            return jnp.mean(jnp.square(z - y))
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(z), 1))

    loss_and_slopes = jax.value_and_grad(loss_of)

    def update(state: Any, x: Any, y: Any) -> Any:
        parameters, velocities = state
        loss, slopes = loss_and_slopes(parameters, x, y)
        if workload.momentum:
            velocities = slopes = [workload.momentum * v + g for v, g in zip(velocities, slopes, strict=True)]
        return ([p - RATE * g for p, g in zip(parameters, slopes, strict=True)], velocities), loss

    return update
