"""scikit-learn: `partial_fit` of `MLPRegressor`, or `MLPClassifier` for cross-entropy, on a batch or on an epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.contestants import Contestant, UnsupportedError
from benchmarks.workloads import RATE, Array, Problem


def build(problem: Problem) -> Contestant:
    """Its squared error is half the mean, with slopes summed over columns: rate and loss are scaled to ours."""
    workload = problem.workload
    squares = workload.loss == "mse"
    if not squares and workload.sizes[-1] == 2:
        raise UnsupportedError("of two classes it computes one column")
    kind = MLPRegressor if squares else MLPClassifier
    model = kind(
        hidden_layer_sizes=workload.sizes[1:-1], activation=workload.activation, solver="sgd", alpha=0.0,
        batch_size=workload.batch, learning_rate_init=RATE * 2 / workload.sizes[-1] if squares else RATE,
        momentum=workload.momentum, nesterovs_momentum=False, shuffle=False, random_state=0,
    )  # fmt: skip
    scale = 2.0 if squares else 1.0
    X, Y = _batch(problem, *problem.data)
    classes = {} if squares else {"classes": np.arange(workload.sizes[-1])}
    model.partial_fit(X[: workload.batch], Y[: workload.batch], **classes)

    def reset(initial: Sequence[Array]) -> None:
        for mine, value in zip(model.coefs_, initial[0::2], strict=True):
            mine[...] = value
        for mine, value in zip(model.intercepts_, initial[1::2], strict=True):
            mine[...] = value
        for velocity in model._optimizer.velocities:
            velocity[...] = 0

    def step(x: Any, y: Any) -> float:
        model.partial_fit(x, y)
        return scale * float(model.loss_)

    def epoch(order: Array) -> float:
        model.partial_fit(X[order], Y[order])
        return scale * float(model.loss_)

    return Contestant(reset, step, epoch, lambda x, y: _batch(problem, x, y))


def _batch(problem: Problem, x: Array, y: Array) -> tuple[Array, Array]:
    """One column of targets as a vector, one-hot rows as classes: what scikit-learn asks for."""
    if problem.workload.loss != "mse":
        return x, y.argmax(1)
    return x, y.ravel() if y.shape[1] == 1 else y
