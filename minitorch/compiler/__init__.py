"""The compiler: a traced graph becomes a plan, one recorded pass after another."""

from collections.abc import Callable

from minitorch.compiler.passes import contract, deduplicate, fold, materialise, simplify, sort, specialise
from minitorch.compiler.rewrite import PassRecord, Rewrite, verify
from minitorch.compiler.roles import forward_part, with_roles
from minitorch.graph.graph import Graph

Pass = Callable[[Graph], tuple[Graph, list[Rewrite]]]

PIPELINE: tuple[Pass, ...] = (
    specialise,  # training and prediction, where they differ
    sort,  # forward, gradients, updates, each in the order it was written
    deduplicate,  # what is computed twice is computed once
    fold,  # what depends on constants alone is computed now
    simplify,  # identities that hold bit for bit
    contract,  # sums that are faster as matrix products
    materialise,  # results and updates in memory of their own
)


def optimise(traced: Graph) -> tuple[PassRecord, ...]:
    """Run the pipeline; the last record's `after` is the graph to plan. Each step is verified."""
    differentiated = with_roles(traced)
    forward = forward_part(differentiated)
    records = [
        PassRecord("trace", forward, forward),
        PassRecord("differentiate", forward, differentiated),
    ]
    for run in PIPELINE:
        before = records[-1].after
        after, rewrites = run(before)
        verify(before, after, run.__name__)
        records.append(PassRecord(run.__name__, before, after, tuple(rewrites)))
    return tuple(records)
