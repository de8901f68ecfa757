"""Planted bugs of the C backend: loops that run too far, strides mixed up, values written where they are still read.

Many of them damage memory, so they are measured in processes of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from minitorch import ops
from minitorch.compiler import updates
from minitorch.compiler.backends.c_source import blocks, layout, moves, product, reductions, region, steps, writer
from minitorch.compiler.backends.c_source.function import Function
from minitorch.compiler.backends.c_source.multiplication import Multiplication
from minitorch.compiler.backends.c_source.texts import c_text
from minitorch.executor import Executor
from tests.fuzz.planting import Patches, bug

C = ("c",)


def text(name: str, old: str, new: str) -> Patches:
    """Another text in a file of C that programs are given."""
    assert old in c_text(name), f"{name} has no longer {old}"
    return [patch.object(writer, "c_text", lambda given: c_text(given).replace(old, new if given == name else old))]


def lines_of(owner: Any, name: str, change: Callable[[str], str]) -> Patches:
    """What a method writes into its function, changed."""
    plain = getattr(owner, name)

    def method(self: Any, *arguments: Any) -> Any:
        start = len(self.function.lines)
        result = plain(self, *arguments)
        self.function.lines[start:] = map(change, self.function.lines[start:])
        return result

    return [patch.object(owner, name, method)]


# ---- reductions and blocks ----


@bug("a reduction does not start from its identity", C)
def no_identity() -> Patches:
    return [patch.object(reductions.Reductions, "_identity", lambda self, n: None)]


@bug("the sum of a block takes the place of the sum so far", C)
def forgotten_blocks() -> Patches:
    return lines_of(reductions.Reductions, "totals", lambda line: re.sub(r"= [at]\d+.* \+ (c\d+.*;)", r"= \1", line))


@bug("the last block is as long as the others and runs over", C)
def long_last_block() -> Patches:
    plain = blocks.Blocks.block_loops
    longer = lambda self: [re.sub(r"= smaller\((\d+), .*\);", r"= \1;", head) for head in plain(self)]
    return [patch.object(blocks.Blocks, "block_loops", longer)]


@bug("the greatest of numbers and NaN is a number", C)
def maximum_of_nan() -> Patches:
    return text("prelude.c", "return a > b || a != a ? a : b;", "return a > b ? a : b;")


# ---- strides ----


@bug("the rows of a product are written one vector further apart than they are read", C)
def wide_rows() -> Patches:
    plain = Multiplication.call
    call = lambda self, target, pitch, whole: plain(self, target, f"{pitch} + {self.lanes.of(self.dtype)}", whole)
    return [patch.object(Multiplication, "call", call)]


@bug("an operand that is packed is not transposed", C)
def packed_as_it_is() -> Patches:
    crossed = lambda line: re.sub(r"([^,]+), ([^,]+), 0, packed", r"\2, \1, 0, packed", line)
    return [
        *lines_of(Multiplication, "_pack", crossed),
        *text("gemm.c", "right + t * br, br, bc, 0, packed);", "right + t * br, bc, br, 0, packed);"),
    ]


@bug("the last vector of a row is read to its end, whatever is there", C)
def readable_too_far() -> Patches:
    plain = product._panels
    whole = lambda lanes, columns, dtype: [(n, lanes.of(dtype)) for n, _ in plain(lanes, columns, dtype)]
    return [patch.object(product, "_panels", whole)]


@bug("an axis of size 1 is stepped over where it is stretched", C)
def stepped_over() -> Patches:
    def stretched(x: Any, shape: Any) -> Any:
        return (0,) * (len(shape) - len(x.shape)) + x.strides

    return [patch.object(region, "stretched", stretched), patch.object(moves, "stretched", stretched)]


@bug("a slice starts where what it is cut from starts", C)
def no_offset() -> Patches:
    plain = layout._VIEWS[ops.slice]
    return [patch.dict(layout._VIEWS, {ops.slice: lambda x, node: (x.offset, plain(x, node)[1])})]


# ---- functions that are shared ----


@bug("a shared function is given its sizes in another order", C)
def wrong_symbol() -> Patches:
    plain = Function.sizes
    turned = lambda self: plain(self)[::-1]
    called = writer.Writer._call

    def call(self: Any, i: Any) -> Any:
        with patch.object(Function, "sizes", turned):
            return called(self, i)

    kept = Function.text

    def text_of(self: Any, name: str, apart: bool = False) -> str:
        with patch.object(Function, "sizes", plain):
            return kept(self, name, apart)

    return [patch.object(writer.Writer, "_call", call), patch.object(Function, "text", text_of)]


@bug("functions of one name and the same arguments are taken for equal, whatever their strides", C)
def same_function() -> Patches:
    def named(self: Any, function: Any, i: Any) -> str:
        name: str = writer._words(i.node)
        key = function.text("$" + name).partition("\n")[0]
        if key not in self.functions:
            self.functions[key] = f"{name}_{len(self.functions)}"
            self.definitions.append(function.text(self.functions[key]))
        return str(self.functions[key])

    return [patch.object(writer.Writer, "_named", named)]


# ---- who is written where, and when ----


@bug("two results of a loop are written to each other's place", C)
def swapped_siblings() -> Patches:
    plain = region.Region.__init__

    def init(self: Any, body: Any, inputs: Any, outputs: Any, *others: Any) -> None:
        if len(outputs) > 1 and outputs[0].shape == outputs[1].shape and outputs[0].dtype == outputs[1].dtype:
            outputs = [outputs[0]._replace(key=outputs[1].key), outputs[1]._replace(key=outputs[0].key), *outputs[2:]]
        plain(self, body, inputs, outputs, *others)

    return [patch.object(region.Region, "__init__", init)]


@bug("a result is stored over an operand that a later step of the block reads", C)
def stored_early() -> Patches:
    plain = steps.Steps.__init__

    def init(self: Any, nodes: Any, calls: Any, product: Any, reads: Any, writes: Any, dense: Any) -> None:
        nameless = {n: blocks.Access(access.layout, "", access.strides) for n, access in reads.items()}
        plain(self, nodes, calls, product, nameless, writes, dense)

    return [patch.object(steps.Steps, "__init__", init)]


@bug("an update is written before the last reader of the old value", C)
def early_update() -> Patches:
    plain = updates._Places.move
    early = lambda self, group, before: plain(self, group, group[0].inputs)
    return [patch.object(updates._Places, "move", early)]


@bug("an index is not checked", C)
def unchecked_index() -> Patches:
    return lines_of(moves.Move, "place", lambda line: "" if "return 1;" in line else line)


# ---- the loop ----


@bug("the last, smaller batch is run with the sizes of the full one", C)
def full_last_batch() -> Patches:
    plain = Executor.run_steps

    def run_steps(self: Any, kinds: Any, batches: Any, *work: int) -> None:
        full = tuple(
            (*kind, (batches.batch_size, *shape[1:]) if by_rows else shape)
            for (*kind, shape), by_rows in zip(kinds, batches.rows, strict=True)
        )
        self.bound[kinds] = self.bound.get(full) or self._bind((full, batches.arrays))
        plain(self, kinds, batches, *work)

    return [patch.object(Executor, "run_steps", run_steps)]


@bug("each batch is gathered by the first rows of the order", C)
def gathered_again() -> Patches:
    return text("rows.c", "job->order + start", "job->order")


@bug("the results of a step are written to the place of the one before", C)
def results_behind() -> Patches:
    return text("rows.c", "job->number + s)", "larger(0, job->number + s - 1))")
