"""A fit that looks at every step: it stops where a loss or a new parameter is not finite, and takes that step back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minitorch.errors import NotFiniteError
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Array
from minitorch.graph.text import printable
from minitorch.inspection.blame import FirstBad, first_bad, row_text
from minitorch.inspection.summary import is_finite
from minitorch.program import Program


def finite_results(
    program: Program, arrays: Sequence[Array], order: Array | None, rows: int, batch_size: int, epoch: int
) -> list[float]:  # fmt: skip
    """The losses of an epoch, one step after the other.

    Raises `NotFiniteError` at the first step whose loss or new parameters are not finite, with the parameters,
    variables and random counters of the step before. `epoch` counts from 1.
    """
    chosen = np.arange(rows) if order is None else order
    guarded = program._executor.guarded(lambda batch: _step(program, arrays, batch))
    losses = []
    for number, start in enumerate(range(0, rows, batch_size), 1):
        batch = chosen[start : start + batch_size]
        loss, trouble, bad = guarded(batch)
        if trouble:
            where = f"epoch {epoch}, batch {number}, {row_text(batch.tolist())} of the data"
            kept = "the parameters are those of the step before"
            message = f"fit: {trouble} is not finite in {where}; {kept}\n  {_why(program, batch, bad)}"
            raise NotFiniteError(message, epoch, number, batch, bad)
        losses.append(loss)
    return losses


def _step(program: Program, arrays: Sequence[Array], batch: Array) -> tuple[float, str, FirstBad | None]:
    """One step: its loss, what of it is not finite, and the first node to blame. A bad step is taken back."""
    graph: Graph = program.graph
    before = [(target, target.data, target.data.copy()) for target, _ in graph.updates]
    loss = float(program.results(*arrays, order=batch, batch_size=len(batch))[0][0])
    names = [printable(t.name or t.op.name) for t, now, _ in before if not is_finite(now)]
    if np.isfinite(loss) and not names:
        return loss, "", None
    for _, now, then in before:
        now[...] = then
    taken = [a[batch] if by_rows else a for a, by_rows in zip(arrays, program._executor.batched, strict=True)]
    trouble = "the loss" if not np.isfinite(loss) else f"the new value of {', '.join(names)}"
    return loss, trouble, first_bad(program, taken)


def _why(program: Program, batch: Array, bad: FirstBad | None) -> str:
    """The first bad node, with the rows of the data where the value has them."""
    if bad is None:
        return "Node by node all is finite: only the compiled program makes it, which rounds otherwise."
    by_rows = bad.rows and program._executor.counts_rows(bad.node.shape[0])
    return f"{bad} In the data: {row_text(batch[bad.rows].tolist())}." if by_rows else str(bad)
