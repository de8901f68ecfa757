"""Who is how fast: contestants take turns in one process, which is what `python -m benchmarks` starts.

A round times some calls of each, in an order that rotates. What is reported is the median over rounds, and of ratios
the median of the ratios within a round, with an interval that holds the true median in 95 of 100 runs.
"""

import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from benchmarks import report
from benchmarks.contestants import CONTESTANTS, OURS, Contestant, enter
from benchmarks.workloads import WORKLOADS, Problem

ROUND = 0.012  # seconds that a contestant runs in a round, or one call where that takes longer
BUDGET = 15.0  # seconds after which it sits out the other rounds: the others should not wait for the slowest
REST = 0.15  # seconds before each turn where threads are several: those of OpenBLAS, among others, look for work for a
# tenth of a second after each call, and would take a core from whoever comes next
LEAST = 3  # rounds in which everyone takes part
KINDS = ("step", "epoch")
Figures = dict[str, Any]


@dataclass
class Course:
    """One contestant doing one kind of call over and over."""

    call: Callable[[], Any]
    reset: Callable[[], None]
    steps: int
    """What a call amounts to."""
    calls: int = 1
    """In a round."""
    spent: float = 0.0
    seconds: list[float] = field(default_factory=list)
    """A step, round by round."""
    cores: list[float] = field(default_factory=list)
    """Time of processors over time, which shows whether the number of threads was heeded."""

    def prepare(self) -> None:
        """Find out how many calls fill a round."""
        self.reset()
        self.call()
        self.calls = max(1, min(1000, round(ROUND / self._timed(1)[0])))

    def run(self, rest: float = 0.0) -> None:
        """Take part in a round, from the same parameters each time: a network that has converged is another one."""
        time.sleep(rest)
        self.reset()
        if rest or self.calls > 1:  # what fills a round alone hardly notices
            self._wake(ROUND if rest else 0.0)
            self.reset()
        taken, busy = self._timed(self.calls)
        self.spent += taken * self.calls
        self.seconds.append(taken / self.steps)
        self.cores.append(busy / taken)

    def _wake(self, seconds: float) -> None:
        """Calls that do not count, as training repeats them: they bring the rows of an epoch, among others, back into
        the caches, and wake cores that have slept."""
        end = time.perf_counter() + seconds
        self.call()
        while time.perf_counter() < end:
            self.call()

    def _timed(self, calls: int) -> tuple[float, float]:
        """Seconds a call, by the clock and of the processors."""
        call, start, busy = self.call, time.perf_counter(), time.process_time()
        for _ in range(calls):
            call()
        return (time.perf_counter() - start) / calls, (time.process_time() - busy) / calls


def courses(entered: dict[str, Contestant], problem: Problem) -> dict[str, dict[str, Course]]:
    """For steps and for epochs the course of each that can do it."""
    found: dict[str, dict[str, Course]] = {kind: {} for kind in KINDS}
    for name, contestant in entered.items():
        reset = partial(contestant.reset, problem.parameters)
        step = contestant.step and partial(contestant.step, *contestant.batch(*problem.batch))
        epoch = contestant.epoch and partial(contestant.epoch, contestant.rows(problem.order))
        if step is not None:
            found["step"][name] = Course(step, reset, 1)
        if epoch is not None:
            found["epoch"][name] = Course(epoch, reset, problem.workload.steps)
    return found


def take_turns(everyone: Sequence[Course], rounds: int, rest: float = 0.0) -> None:
    """The rounds, each in another order; so many seconds of rest before each turn."""
    for course in everyone:
        course.prepare()
    gc.collect()
    gc.freeze()  # no search for garbage among all objects of all libraries falls into somebody's time
    for i in range(rounds):
        first = i % len(everyone)
        for course in (*everyone[first:], *everyone[:first]):
            if course.spent < BUDGET or i < LEAST:
                course.run(rest)
    gc.unfreeze()


def run(problem: Problem, names: Sequence[str], rounds: int) -> Figures:
    """Check, then measure, one workload."""
    entered, left_out = enter(names, problem)
    found = courses(entered, problem)
    everyone = [course for kind in found.values() for course in kind.values()]
    take_turns(everyone, rounds, REST if problem.threads > 1 else 0.0)
    backend = getattr(entered[OURS].step, "backend", problem.backend)  # what "auto" has become
    about = {"workload": asdict(problem.workload), "title": str(problem.workload), "backend": backend}
    return {**about, "left_out": left_out, **{kind: figures(by_name) for kind, by_name in found.items()}}


def figures(by_name: dict[str, Course]) -> Figures:
    """Microseconds a step, what minitorch takes over each of the others, and who of them is best."""
    ours = by_name[OURS].seconds
    medians = {name: report.median_and_interval([1e6 * s for s in c.seconds]) for name, c in by_name.items()}
    ratios = {
        name: report.median_and_interval([a / b for a, b in zip(ours, c.seconds, strict=False)])
        for name, c in by_name.items()
        if name != OURS
    }
    peers = [name for name in ratios if CONTESTANTS[name].trains]
    best = min(peers, key=lambda name: medians[name][0], default=None)
    cores = {name: report.median_and_interval(c.cores)[0] for name, c in by_name.items()}
    return {"microseconds": medians, "ratios": ratios, "best": best, "cores": cores}


def run_all(workloads: Sequence[str], names: Sequence[str], threads: int, backend: str, rounds: int) -> Figures:
    """Everything that one process measures, with the machine it found."""
    here = report.machine()
    results = []
    for i, workload in enumerate(workloads):
        print(f"{threads} thread{'s' * (threads > 1)}, {i + 1} of {len(workloads)}: {workload}", file=sys.stderr)
        results.append(run(Problem(WORKLOADS[workload], backend, threads), names, rounds))
    return {"machine": here, "libraries": report.libraries(), "rounds": rounds, "results": results}
