"""Vectors: which loops over the rows of a block are written in them, so that sums of columns stay in registers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from minitorch import ops
from minitorch.compiler.backends.c_source.blocks import Access
from minitorch.compiler.passes.fuse import FOLDS
from minitorch.graph.tensor import Tensor
from minitorch.graph.types import DType

INFIX = {"add", "subtract", "multiply", "divide", "negative", "square", "reciprocal"}
"""Operations whose expressions mean the same of vectors as of numbers."""

MOST_SUMS = 8  # vectors that add up in registers


def in_vectors(
    body: Sequence[Tensor], stored: Collection[Tensor], dtype: DType, reads: Mapping[Tensor, Access],
    writes: Mapping[Tensor, Access], whole: bool, vectors: int,
) -> bool:  # fmt: skip
    """Whether a loop that computes `body` in rows of so many `vectors`, `whole` ones or not, can be written so."""
    folds = [n for n in body if n.op in FOLDS]
    simple = all(n.op is ops.sum or n.op.name in INFIX for n in body)
    met = {*body, *stored, *(i for n in body for i in n.inputs)}
    if not simple or any(n.dtype != dtype for n in met) or vectors * len(folds) > MOST_SUMS:
        return False
    single = {n for n in met if n.op.name == "constant" or (n in reads and reads[n].single)}
    if any(set(n.inputs) <= single for n in body) or not single.isdisjoint(stored):
        return False
    read = [reads[n] for n in met if n in reads and n not in single]
    written = [writes[n] for n in stored]
    in_place = {a.name for a in read} & {a.name for a in written}  # a part of a vector would wait for the one before
    return all(a.strides[-1] == 1 for a in (*read, *written)) and (whole or not in_place)
