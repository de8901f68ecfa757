"""`python -m tests.fuzz --graphs 2000 --seed 0`: random graphs, a small program for each failure, then a count."""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from pathlib import Path

from tests.fuzz.bugs import BUGS
from tests.fuzz.check import EXACT, FUZZED, check
from tests.fuzz.finish import generate
from tests.fuzz.own_cache import own_cache
from tests.fuzz.shrink import shrunk

CORPUS = Path(__file__).parent / "corpus"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--graphs", type=int, default=2000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="where the seeds of the graphs start")
    parser.add_argument("--backends", nargs="+", default=list(EXACT), choices=list(FUZZED))
    parser.add_argument("--bug", choices=sorted(BUGS), help="a planted bug to switch on")
    parser.add_argument("--stop", type=int, default=10, help="give up after that many failures")
    parser.add_argument("--save", action="store_true", help="write each failure, made small, into the corpus")
    return parser.parse_args()


def main() -> int:
    """Exit status 1 where something failed."""
    given = arguments()
    start = time.perf_counter()
    failures = 0
    with own_cache(), BUGS[given.bug].planted() if given.bug else nullcontext():
        for number, seed in enumerate(range(given.seed * 10**6, given.seed * 10**6 + given.graphs), 1):
            case = generate(seed)
            failure = check(case, given.backends)
            if failure is not None:
                failures += 1
                small = shrunk(case, failure, given.backends)
                text = small.text(f"Graph {seed}: {failure}".replace('"', "'").replace("\\", "/"))
                print(f"---- graph {seed}: {failure}\n{text}", flush=True)
                if given.save:
                    (CORPUS / f"graph_{seed}.py").write_text(text)
            if number % 1000 == 0 or number == given.graphs or failures >= given.stop:
                print(f"{number} graphs, {failures} failures, {time.perf_counter() - start:.0f} s", flush=True)
            if failures >= given.stop:
                break
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
