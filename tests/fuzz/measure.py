"""`python -m tests.fuzz.measure --graphs 2000 [--output table.md]`: each planted bug switched on, and who finds it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.fuzz.apart import words_of
from tests.fuzz.bugs import BUGS
from tests.fuzz.check import EXACT, check
from tests.fuzz.finding import Failure
from tests.fuzz.finish import generate
from tests.fuzz.own_cache import own_cache

BROKEN = tuple(f"compiling raised {error}" for error in ("AttributeError", "TypeError", "NameError", "KeyError"))
"""How a patch shows that does not fit the compiler any more, which finds nothing."""


Finding = tuple[int, Failure | None]


def caught(name: str, graphs: int, seed: int = 0) -> tuple[int, Failure] | None:
    """After how many graphs a planted bug was found, and how it showed."""
    talk = partial(_checks, name, graphs, seed)
    words, killed = (list(talk()), "") if BUGS[name].backends == EXACT else words_of(talk)
    number, failure = words[-1]
    if killed:
        failure = Failure(f"killed by {killed}", "")
    assert failure is None or not failure.kind.endswith(BROKEN), f"{name} cannot be planted as it is: {failure}"
    return None if failure is None else (number, failure)


def _checks(name: str, graphs: int, seed: int) -> Iterator[Finding]:
    """Each graph by its number, before it is checked and where something was found."""
    with BUGS[name].planted():
        for number, k in enumerate(range(seed, seed + graphs), 1):
            yield number, None
            failure = check(generate(k), BUGS[name].backends)
            if failure is not None:
                yield number, failure
                return


def main() -> int:
    """Exit status 1 where fewer than 95 of 100 bugs are found."""
    with own_cache():
        return measured()


def measured() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.measure", description=__doc__)
    parser.add_argument("--graphs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bugs", nargs="+", default=list(BUGS))
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    rows = ["| bug | what is wrong | found after graphs | how it showed |", "| --- | --- | ---: | --- |"]
    found = 0
    for name in given.bugs:
        start = time.perf_counter()
        result = caught(name, given.graphs, given.seed)
        found += result is not None
        number, how = (str(result[0]), result[1].kind) if result else ("never", "")
        rows.append(f"| `{name}` | {BUGS[name].text} | {number} | {how} |")
        print(f"{rows[-1]}  ({time.perf_counter() - start:.0f} s)", flush=True)
    summary = f"{found} of {len(given.bugs)} planted bugs found within {given.graphs} graphs"
    print(summary)
    if given.output is not None:
        given.output.write_text("\n".join([summary, "", *rows]) + "\n")
    return 0 if found >= 0.95 * len(given.bugs) else 1


if __name__ == "__main__":
    raise SystemExit(main())
