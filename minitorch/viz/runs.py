"""The values of one traced run: what every node of every stage held, in a few numbers, with flags for what is odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minitorch.compiler.rewrite import PassRecord
from minitorch.graph.tensor import Tensor
from minitorch.inspection.evaluation import Values
from minitorch.inspection.summary import summary
from minitorch.inspection.trace import Trace
from minitorch.program import Program

FIRST = 8  # entries that are shown
CELLS = 16  # of a heat map along an axis
LEVELS = 9  # of a heat map on each side of zero
VANISHING, EXPLODING = 1e-7, 1e3  # root mean squares of gradients
Row = dict[str, Any]


def traced(program: Program, inputs: Any) -> Trace:
    """One run, of arrays in order or by name."""
    if isinstance(inputs, Mapping):
        found: Trace = program.trace(**inputs)
    else:
        found = program.trace(*(inputs if isinstance(inputs, list | tuple) else [inputs]))
    return found


class Run:
    """Values by node. The user's nodes are those of the trace; what passes made is computed by the same kernels."""

    def __init__(self, program: Program, trace: Trace) -> None:
        known = {t: trace[t] for t in (*program.written.nodes, *program.traced.nodes) if t in trace}
        known |= {t: trace[t] for t in program.inputs if t in trace}
        arrays = [known[t] for t in program.inputs]
        sizes = program._executor.sizes(tuple(a.shape for a in arrays))
        self.values = Values(known, sizes, program.graph.training)
        self.rows: list[Row] = []
        self.number: dict[str, int] = {}

    def of(self, passes: Sequence[PassRecord], number: Mapping[Tensor, int]) -> dict[int, int]:
        """For each node, by its number, the number of its row of figures."""
        found: dict[int, int] = {}
        for record in passes:
            for node in (*record.after.inputs, *record.after.nodes):
                if node in number and number[node] not in found:
                    found[number[node]] = self.row(node)
        return found

    def row(self, node: Tensor) -> int:
        figures = told(self.values[node], node)
        return self.number.setdefault(repr(figures), self._keep(figures))

    def _keep(self, figures: Row) -> int:
        if repr(figures) not in self.number:
            self.rows.append(figures)
        return self.number.get(repr(figures), len(self.rows) - 1)


def told(value: Any, node: Tensor) -> Row:
    """A value in a few figures."""
    s = summary(value)
    row: Row = {"shape": list(value.shape), "dtype": str(value.dtype), "count": s.count, "first": _first(value)}
    if s.count and s.bad < 1:
        row |= {"min": _short(s.low), "max": _short(s.high), "mean": _short(s.mean), "norm": _short(s.norm)}
    if s.zeros:
        row["zeros"] = round(s.zeros, 4)
    if value.ndim >= 2 and s.count > 1:
        row["heat"] = heat(value.reshape(-1, value.shape[-1]))
    elif value.ndim == 1 and s.count > 1:
        row["heat"] = heat(value.reshape(1, -1))
    flags = _flags(value, node, s.nans, s.infinities, s.norm)
    return row | ({"flags": flags} if flags else {})


def _first(value: Any) -> list[Any]:
    return [_short(v) for v in value.ravel()[:FIRST].tolist()]


def _short(number: float) -> Any:
    """With seven digits, which tell float32 values apart well enough; what JSON does not know, by its name."""
    if isinstance(number, bool | int):
        return number
    if number != number:
        return "NaN"
    return float(f"{number:.7g}") if abs(number) != float("inf") else ("∞" if number > 0 else "-∞")


def heat(matrix: Any) -> list[Any]:
    """A matrix, or the means of its blocks where it is large, as [columns, largest size, a letter for each cell].

    The letters are a to s: j is zero, s the largest, a the largest below zero; ? is what is not finite.
    """
    small = np.asarray(matrix, np.float64)
    for axis in (0, 1):
        if small.shape[axis] > CELLS:
            cuts = np.arange(CELLS) * small.shape[axis] // CELLS
            counts = np.diff([*cuts, small.shape[axis]])
            with np.errstate(all="ignore"):
                small = np.add.reduceat(small, cuts, axis) / counts.reshape((-1, 1) if axis == 0 else (1, -1))
    finite = np.abs(small[np.isfinite(small)])
    most = float(finite.max()) if finite.size else 0.0
    with np.errstate(all="ignore"):
        levels = np.rint(np.nan_to_num(small / (most or 1.0)) * LEVELS).clip(-LEVELS, LEVELS).astype(int)
    letters = np.where(np.isfinite(small), levels, 99).ravel().tolist()
    text = "".join("?" if k == 99 else chr(ord("j") + k) for k in letters)
    return [small.shape[1], _short(most), text]


def _flags(value: Any, node: Tensor, nans: int, infinities: int, norm: float) -> list[str]:
    """What is odd about a value, in words."""
    found = [f"{nans} NaN"] if nans else []
    found += [f"{infinities} infinite"] if infinities else []
    if value.dtype.kind != "f" or not value.size or found:
        return found
    if node.role == "forward" and value.ndim >= 2 and len(value) > 1:
        found += _dead(value.reshape(-1, value.shape[-1]), node)
    if node.role == "gradient" and node.inputs:
        size = norm / value.size**0.5
        found += ["vanishing: its root mean square is below 1e-7"] if size < VANISHING else []
        found += ["exploding: its root mean square is above 1000"] if size > EXPLODING else []
    return found


def _dead(matrix: Any, node: Tensor) -> list[str]:
    """Units that say the same for every row: 0 behind a relu, the end of the range behind a tanh."""
    if node.op.name not in ("relu", "tanh", "sigmoid"):
        return []
    dead = (matrix == matrix[0]).all(0) if node.op.name != "relu" else (matrix == 0).all(0)
    count = int(dead.sum())
    return [f"{count} of {matrix.shape[1]} units are dead: the same for every row"] if count else []
