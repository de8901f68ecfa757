"""`python -m tests.fuzz.sanitized --graphs 30`: generated C under sanitizers, which end the process at the first fault.

The environment says which: `$CC` with `-fsanitize=...`, and their runtime preloaded.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import numpy as np

import minitorch as mt
from minitorch.compiler.backends.c_source import blocked, kept
from minitorch.compiler.passes import fuse
from tests.fuzz.bugs import BUGS
from tests.fuzz.check import check
from tests.fuzz.finish import generate
from tests.fuzz.memory import fences
from tests.fuzz.own_cache import own_cache
from tests.nothing_kept import no_name


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sanitized", description=__doc__)
    parser.add_argument("--graphs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bug", choices=sorted(BUGS))
    given = parser.parse_args()
    os.environ.pop("LD_PRELOAD", None)  # the compiler needs none
    with own_cache(), BUGS[given.bug].planted() if given.bug else nullcontext():
        for activation, dtype in (("tanh", "float32"), ("relu", "float64")):
            train(activation, dtype)
            with every_product_by_blocks():
                train(activation, dtype)
        print("networks trained", flush=True)
        for seed in range(given.seed, given.seed + given.graphs):
            failure = check(generate(seed), ["c"], judging=False)
            assert failure is None, f"graph {seed}: {failure}"
    print(f"{given.graphs} graphs run")


@contextmanager
def every_product_by_blocks() -> Iterator[None]:
    """Products of two known sizes, however small, on any machine."""
    with (
        patch.object(fuse, "MOST_WEIGHTS", 0), patch.object(blocked, "NARROW", 0), patch.object(blocked, "WIDE", 0),
        patch.object(kept, "name", no_name),
    ):  # fmt: skip
        yield


def train(activation: str, dtype: str) -> None:
    """Steps, a loop and a fit of a network whose sizes are no multiples of anything."""
    with fences():
        x, y = mt.placeholder("x", ("batch", 13), dtype=dtype), mt.placeholder("y", ("batch", 5), dtype=dtype)
        model = mt.nn.MLP(13, [37, 70, 5], activation=activation, seed=0, dtype=dtype)
        loss = mt.mse_loss(model(x), y)
        sgd = mt.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        step = mt.compile([x, y], loss, updates=sgd.minimize(loss), backend="c")
        random = np.random.default_rng(0)
        data = [random.normal(size=(301, n)).astype(dtype) for n in (13, 5)]
        for batch in (0, 1, 2, 3, 7, 64, 301):
            step(*(a[:batch] for a in data))
        for batch in (1, 7, 64, 1000):
            step.loop(*data, order=random.permutation(301), batch_size=batch)
            step.evaluate(*data, batch_size=batch)
        mt.fit(step, *data, epochs=2, batch_size=32, seed=0)


if __name__ == "__main__":
    main()
