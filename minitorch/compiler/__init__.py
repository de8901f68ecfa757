"""The compiler: a traced graph becomes a plan, one recorded pass after another."""

from collections.abc import Sequence

from minitorch.compiler.passes.deduplicate import deduplicate
from minitorch.compiler.passes.fold import fold
from minitorch.compiler.passes.simplify import simplify
from minitorch.compiler.passes.sort import sort
from minitorch.compiler.passes.specialise import specialise
from minitorch.compiler.rewrite import Pass, PassRecord, verify
from minitorch.compiler.roles import forward_part, with_roles
from minitorch.graph.graph import Graph

PIPELINE: tuple[Pass, ...] = (
    specialise,  # training and prediction, where they differ
    sort,  # forward, gradients, updates, each in the order it was written
    deduplicate,  # what is computed twice is computed once
    fold,  # what depends on constants alone is computed now
    simplify,  # identities that hold bit for bit
)
"""Then each backend lowers the graph to what it runs best: for NumPy `contract` (sums that are faster as products) and
`materialise` (results and updates in memory of their own), for C `materialise` and `fuse` (regions that are one loop).
"""


def optimise(traced: Graph, lowering: Sequence[Pass] = ()) -> tuple[PassRecord, ...]:
    """Run the pipeline, then what a backend adds; the last record's `after` is the graph to plan.

    Each step is verified.
    """
    differentiated = with_roles(traced)
    forward = forward_part(differentiated)
    records = [
        PassRecord("trace", forward, forward),
        PassRecord("differentiate", forward, differentiated),
    ]
    for run in (*PIPELINE, *lowering):
        before = records[-1].after
        after, rewrites = run(before)
        verify(before, after, run.__name__)
        records.append(PassRecord(run.__name__, before, after, tuple(rewrites)))
    return tuple(records)
