"""Everyone who takes part: a table of names, and what each must be able to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from benchmarks import reference
from benchmarks.workloads import Array, Problem

OURS = "minitorch"
PRODUCTS = "products"


class UnsupportedError(Exception):
    """What a contestant raises for a workload that it cannot train."""


def as_is(*arrays: Array) -> Any:
    """The arrays themselves: what contestants that compute on NumPy arrays take."""
    return arrays if len(arrays) > 1 else arrays[0]


@dataclass
class Contestant:
    """A way to train a workload.

    `step(xb, yb)` trains on one batch and returns the loss before that, done when it returns. `epoch(order)` trains on
    the rows in that order, batch by batch, and returns the losses, or their mean. Both take arrays of the
    contestant's own kind, which `batch(xb, yb)` and `rows(order)` make. `reset` starts again from given parameters.
    """

    reset: Callable[[Sequence[Array]], None]
    step: Callable[[Any, Any], Any] | None
    epoch: Callable[[Any], Any] | None
    batch: Callable[[Array, Array], tuple[Any, Any]] = as_is
    rows: Callable[[Array], Any] = as_is


class Entry(NamedTuple):
    """How to come by a contestant: a function of a `Problem` in a file of `benchmarks/peers/`."""

    file: str
    function: str
    title: str
    trains: bool = True
    usual: bool = True
    """Whether it takes part without being named."""


CONTESTANTS = {
    OURS: Entry("ours", "build", "minitorch"),
    "matmul": Entry("hand", "matmul", "by hand, np.matmul"),
    "dot": Entry("hand", "dot", "by hand, np.dot"),
    "tuned": Entry("hand", "tuned", "by hand, tuned"),
    "torch": Entry("torch_eager", "build", "PyTorch"),
    "torch-compile": Entry("torch_compiled", "build", "torch.compile"),
    "torch-compile-default": Entry("torch_compiled", "build_default", "torch.compile, default", usual=False),
    "jax": Entry("jax_jit", "build", "JAX jit"),
    "jax-scan": Entry("jax_jit", "build_scan", "JAX jit + scan"),
    "pytensor": Entry("pytensor_function", "build", "PyTensor"),
    "tinygrad": Entry("tinygrad_jit", "build", "tinygrad"),
    "sklearn": Entry("sklearn_mlp", "build", "scikit-learn"),
    PRODUCTS: Entry("hand", "products", "products alone", trains=False),
}


def build(name: str, problem: Problem) -> Contestant:
    """One contestant. Raises `ImportError` where its library is missing, `UnsupportedError` where it cannot do it."""
    entry = CONTESTANTS[name]
    made: Contestant = getattr(load(name), entry.function)(problem)
    return made


def load(name: str) -> Any:
    """The file of a contestant, which imports its library."""
    return import_module(f"benchmarks.peers.{CONTESTANTS[name].file}")


def enter(names: Sequence[str], problem: Problem) -> tuple[dict[str, Contestant], dict[str, str]]:
    """Those that compute what they should, and why the others do not take part. Minitorch itself must not fail."""
    entered, left_out = {}, {}
    for name in names:
        try:
            contestant = build(name, problem)
            check(name, contestant, problem)
        except ImportError as error:
            left_out[name] = f"not installed: {error}"
        except UnsupportedError as error:
            left_out[name] = str(error)
        except Exception as error:
            if name == OURS:
                raise
            left_out[name] = f"failed: {type(error).__name__}: {_first_line(error)}"
        else:
            entered[name] = contestant
    return entered, left_out


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else ""


# ---- the same losses ----


class WrongLossesError(AssertionError):
    """A contestant computes something else than the workload."""


def check(name: str, contestant: Contestant, problem: Problem, steps: int = 5) -> None:
    """Raise `WrongLossesError` unless steps and epochs have the losses of the reference, from the same parameters.

    Steps and an epoch after them, so that it is seen that the first have trained, and that `reset` starts again.
    """
    if not CONTESTANTS[name].trains:
        return
    if contestant.step is not None:
        contestant.reset(problem.parameters)
        batch = contestant.batch(*problem.batch)
        found = [float(contestant.step(*batch)) for _ in range(steps)]
        _compare(f"{name}, step by step", problem, found, reference.losses(problem, [problem.batch] * steps))
    if contestant.epoch is not None:
        contestant.reset(problem.parameters)
        order = contestant.rows(problem.order)
        losses = [np.array([float(v) for v in np.atleast_1d(contestant.epoch(order))]) for _ in range(2)]
        expected = reference.losses(problem, [*problem.batches(), *problem.batches()])
        for epoch, wanted in zip(losses, np.split(np.array(expected), 2), strict=True):
            if len(epoch) == 1:  # the mean over an epoch
                wanted = wanted.mean(keepdims=True)
            _compare(f"{name}, an epoch", problem, epoch, wanted)


def _compare(what: str, problem: Problem, found: Any, expected: Any) -> None:
    tolerance = 1e-3 if problem.workload.dtype == "float32" else 1e-9
    try:
        np.testing.assert_allclose(found, expected, rtol=tolerance)
    except AssertionError as error:
        worst = " ".join(str(error).split())
        raise WrongLossesError(f"{problem.workload.name}: losses of {what}: {worst}") from None
