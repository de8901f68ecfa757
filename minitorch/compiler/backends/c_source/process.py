"""Run compilers: side by side, within a time limit, in any locale, and never leaving one behind."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import inf
from time import monotonic
from typing import Any, NamedTuple

from minitorch.errors import CompilerError
from minitorch.lazy import lazy

selectors = lazy("selectors")
signal = lazy("signal")
subprocess = lazy("subprocess")


class Outcome(NamedTuple):
    """How a run ended: the exit status, None for one that took too long, and all words that were printed."""

    status: int | None
    words: str

    @property
    def silent(self) -> bool:
        return self.status == 0 and not self.words

    @property
    def ended(self) -> str:
        if self.status is None:
            return f"took longer than {time_limit():g} s"
        return f"failed with status {self.status}" if self.status else "printed a warning"


def run(commands: Sequence[Sequence[str]], work: str) -> list[Outcome]:
    """Run all commands, as many at once as there are processors. None is left when this ends, however it ends."""
    limit, waiting = time_limit(), deque(enumerate(commands))
    running: dict[int, tuple[Any, float]] = {}
    outcomes: dict[int, Outcome] = {}
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                number, command = waiting.popleft()
                with undisturbed():
                    running[number] = start(command, work), monotonic() + limit
            number = first_heard_of(running)
            outcomes[number] = finish(*running[number])
            del running[number]
    finally:
        for process, _ in running.values():
            kill(process)
    return [outcomes[number] for number in range(len(commands))]


def first_heard_of(running: Mapping[int, tuple[Any, float]]) -> int:
    """The process that ends or prints first, or the oldest when its time is up."""
    oldest: int = next(iter(running))
    if os.name != "posix" or len(running) == 1:  # elsewhere pipes cannot be waited for
        return oldest
    with selectors.DefaultSelector() as selector:
        for number, (process, _) in running.items():
            selector.register(process.stdout, selectors.EVENT_READ, number)
        ready: list[int] = [key.data for key, _ in selector.select(max(running[oldest][1] - monotonic(), 0))]
    return next(iter(ready), oldest)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits, so that no process is started that nobody knows of.

    To block the signal in this thread would not do: another one, of BLAS say, takes it then, and it interrupts here.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    met: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda *given: met.append(given))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if met:
            handler(*met[-1])


def start(command: Sequence[str], work: str) -> Any:
    """Start one command in a session of its own, so that all that it starts can be killed with it."""
    environment = {**os.environ, "LC_ALL": "C", "TMPDIR": work}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)
    except OSError as error:
        raise CompilerError(f"the C compiler {command[0]} cannot be run: {error.strerror}") from None


def finish(process: Any, deadline: float) -> Outcome:
    """Wait for a process, and kill it when it takes too long."""
    try:
        words, _ = process.communicate(timeout=max(deadline - monotonic(), 0.1))  # one that has ended is heard out
    except subprocess.TimeoutExpired:
        kill(process)
        return Outcome(None, "")
    return Outcome(process.returncode, words.decode("utf-8", "replace").strip())


def kill(process: Any) -> None:
    """End a process and all that it started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()


def time_limit() -> float:
    """Seconds that a compiler may take."""
    text = os.environ.get("MINITORCH_COMPILE_TIMEOUT", "").strip() or "60"
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not 0 < limit < inf:
        raise CompilerError(f"MINITORCH_COMPILE_TIMEOUT: a positive number of seconds is expected, not {text!r}")
    return limit
