"""What `step(xb, yb)` costs beside the same step written by hand, and beside its matrix products alone.

    python -m benchmarks.step [--threads 1] [--repeat 60] [--json FILE] [workload ...]

All contestants start from the same parameters and take turns in one process: a round times some calls of each, in an
order that rotates. What is reported is the median over rounds, and of ratios the median of the ratios within a round,
with an interval that holds the true median in 95 of 100 runs.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import minitorch as mt
from benchmarks import report
from benchmarks.hand_written import Step, cut, plain_step, products_alone, tuned_step
from benchmarks.workloads import RATE, WORKLOADS, Array, Workload, initial_parameters, random_batch

ROUND = 0.012  # seconds that a contestant runs in a round
PRODUCTS = "products"
OURS = "minitorch"
HAND = ("matmul", "dot")


@dataclass
class Contestant:
    """A step with the parameters that it trains."""

    step: Step
    parameters: Sequence[Array]
    seconds: list[float] = field(default_factory=list)  # a call, round by round

    def reset(self, initial: Sequence[Array]) -> None:
        """Start again, so that no round is about a network that has long converged."""
        for parameter, value in zip(self.parameters, initial, strict=True):
            parameter[...] = value


def contestants(workload: Workload, backend: str) -> dict[str, Contestant]:
    """Everyone who takes part, by name."""
    initial = initial_parameters(workload)
    matmul, dot, products = ([p.copy() for p in initial] for _ in range(3))
    block = np.concatenate([p.reshape(-1) for p in initial])
    tuned = cut(block, [p.shape for p in initial])
    return {
        OURS: _minitorch(workload, backend),
        "matmul": Contestant(plain_step(matmul, workload.batch, RATE, np.matmul), matmul),
        "dot": Contestant(plain_step(dot, workload.batch, RATE, np.dot), dot),
        "tuned": Contestant(tuned_step(block, tuned, workload.batch, RATE), tuned),
        PRODUCTS: Contestant(products_alone(products, workload.batch), products),
    }


def _minitorch(workload: Workload, backend: str) -> Contestant:
    nin, *nouts = workload.sizes
    x = mt.placeholder("x", ("batch", nin))
    y = mt.placeholder("y", ("batch", nouts[-1]))
    model = mt.nn.MLP(nin, nouts, activation="tanh", seed=0)
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=RATE)
    step = mt.compile([x, y], loss, updates=sgd.minimize(loss), backend=backend)
    return Contestant(step, [p.data for p in model.parameters()])


# ---- measuring ----


def check(workload: Workload, entered: dict[str, Contestant], steps: int = 5) -> None:
    """Raise unless all compute the same losses, step after step."""
    initial, batch = initial_parameters(workload), random_batch(workload)
    losses = {}
    for name, contestant in entered.items():
        if name != PRODUCTS:
            contestant.reset(initial)
            losses[name] = [float(contestant.step(*batch)) for _ in range(steps)]
    for name, found in losses.items():
        np.testing.assert_allclose(found, losses["matmul"], rtol=1e-4, err_msg=f"{workload.name}: losses of {name}")


def measure(workload: Workload, entered: dict[str, Contestant], rounds: int) -> None:
    """Fill in the seconds a call of each contestant."""
    initial, batch = initial_parameters(workload), random_batch(workload)
    names = list(entered)
    calls = {name: _calls(entered[name], batch) for name in names}
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            contestant = entered[name]
            contestant.reset(initial)
            contestant.step(*batch)  # bring its memory back into the caches
            contestant.seconds.append(_timed(contestant.step, batch, calls[name]))


def _calls(contestant: Contestant, batch: tuple[Array, Array]) -> int:
    """How many calls fill a round."""
    contestant.step(*batch)
    return max(3, round(ROUND / _timed(contestant.step, batch, 3)))


def _timed(step: Step, batch: tuple[Array, Array], calls: int) -> float:
    x, y = batch
    start = time.perf_counter()
    for _ in range(calls):
        step(x, y)
    return (time.perf_counter() - start) / calls


# ---- reporting ----


def result(workload: Workload, entered: dict[str, Contestant]) -> dict[str, Any]:
    """The figures of one workload: microseconds a call, and what minitorch takes over each of the others."""
    ours = entered[OURS].seconds
    medians = {name: report.median_and_interval([1e6 * s for s in c.seconds]) for name, c in entered.items()}
    ratios = {
        name: report.median_and_interval([a / b for a, b in zip(ours, c.seconds, strict=True)])
        for name, c in entered.items()
        if name != OURS
    }
    best = max(HAND, key=lambda name: ratios[name][0])  # the one that is harder to keep up with
    about = {"workload": asdict(workload), "title": str(workload), "best": best}
    return {**about, "microseconds": medians, "ratios": ratios}


COLUMNS = (
    "workload", "minitorch µs", "by hand, matmul", "by hand, dot", "products alone", "ours / best by hand",
    "ours / tuned by hand", "ours / products",
)  # fmt: skip


def row(result: dict[str, Any]) -> list[str]:
    """Figures as a row of the table."""
    times = [f"{result['microseconds'][name][0]:.1f}" for name in (OURS, *HAND, PRODUCTS)]
    ratios = [report.interval_text(result["ratios"][name]) for name in (result["best"], "tuned", PRODUCTS)]
    return [result["title"], *times, *ratios]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the workloads named, all unless told otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workload", nargs="*", default=list(WORKLOADS), help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--threads", type=int, default=1, help="threads of BLAS")
    parser.add_argument("--repeat", type=int, default=60, help="rounds")
    parser.add_argument("--backend", default="numpy", help="of minitorch")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.workload if name not in WORKLOADS]:
        parser.error(f"there is no workload {unknown[0]}; there are {', '.join(WORKLOADS)}")
    with threadpool_limits(options.threads, user_api="blas"):
        here = report.machine()
        results = [run(WORKLOADS[name], options.backend, options.repeat) for name in options.workload]
    print(f"{report.title(here)}; backend {options.backend}, {options.repeat} rounds\n")
    print(report.table(COLUMNS, [row(r) for r in results]))
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": here, "backend": options.backend, "results": results}, indent=1))


def run(workload: Workload, backend: str, rounds: int) -> dict[str, Any]:
    """Check, then measure, one workload."""
    entered = contestants(workload, backend)
    check(workload, entered)
    measure(workload, entered, rounds)
    return result(workload, entered)


if __name__ == "__main__":
    main()
