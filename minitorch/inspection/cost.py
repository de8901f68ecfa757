"""`cost` and `memory`: the work and the bytes of a step, from the plan alone, for sizes that are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minitorch.compiler.backends import Memory
from minitorch.compiler.backends.base import known_shape
from minitorch.compiler.plan import Instruction, Value
from minitorch.errors import InputError
from minitorch.graph.dim import Size, Symbol, evaluate, symbols_in
from minitorch.graph.storage import ALIGNMENT
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable, shown
from minitorch.program import Program


@dataclass(frozen=True, slots=True)
class Cost:
    """Floating-point operations as the rows count them, and bytes that instructions read and write, of one step."""

    flops: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.flops:,} flops, {self.bytes:,} bytes"


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes of one step. `arena` holds what is computed on the way, and `without_reuse` is what it would be if each
    value had memory of its own; `parameters` are parameters and variables; `peak` is all that is held while a step
    runs: inputs, parameters, constants, arena, results, and what one thread of C code needs for itself."""

    arena: int
    parameters: int
    peak: int
    without_reuse: int

    def __str__(self) -> str:
        saved = 1 - self.arena / self.without_reuse if self.without_reuse else 0.0
        arena = f"arena {self.arena:,} bytes ({self.without_reuse:,} without reuse, {saved:.0%} saved)"
        return f"{arena}, parameters {self.parameters:,}, peak {self.peak:,}"


def cost(program: Program, size: int | None, named: Mapping[str, int]) -> Cost:
    """The work of a step. `InputError` for names that are no unknown size, and for sizes that are not told."""
    sizes = sizes_of(program, "cost", size, named)
    calls = program.plan.calls
    return Cost(sum(flops(i.nodes, sizes) for i in calls), sum(traffic(i, sizes) for i in calls))


def memory(program: Program, size: int | None, named: Mapping[str, int]) -> MemoryUse:
    """The memory of a step. Raises like `cost`."""
    sizes = sizes_of(program, "memory", size, named)
    plan = program.plan
    own = [-(-evaluate(nbytes(v.node), sizes) // ALIGNMENT) * ALIGNMENT for v in plan.buffers]
    arena = Memory(plan.slots).layout(sizes)[-1]
    targets = (target for target, _ in plan.graph.updates)
    storages = {id(s): s for t in (*targets, *plan.graph.nodes) if (s := t.attrs.get("storage")) is not None}
    parameters = sum(s.array.nbytes for s in storages.values())
    given = sum(evaluate(nbytes(t), sizes) for t in plan.graph.inputs)
    held = sum(evaluate(nbytes(v.node), sizes) for v in plan.values if v.kind in ("constant", "bound", "result"))
    peak = given + parameters + held + arena + program._executor.backend.scratch(sizes)
    return MemoryUse(arena, parameters, peak, sum(own))


# ---- instructions ----


def flops(nodes: Sequence[Tensor], sizes: Mapping[Symbol, int]) -> int:
    """The floating-point operations of nodes, as their rows count them."""
    return sum(
        evaluate(n.op.flops(n.type, *[i.type for i in n.inputs], **n.attrs), sizes) for n in nodes
    )  # fmt: skip


def traffic(i: Instruction, sizes: Mapping[Symbol, int]) -> int:
    """The bytes that an instruction reads and writes: of each operand once, however often it is read."""
    values: dict[Value, None] = dict.fromkeys((*i.inputs, *i.outputs))
    return sum(_distinct_bytes(v.node, sizes) for v in values)


def _distinct_bytes(node: Tensor, sizes: Mapping[Symbol, int]) -> int:
    """The bytes of a value; of one that stands for many only what is there."""
    whole = evaluate(nbytes(node), sizes)
    while node.op.view and whole:
        node = node.inputs[0]
        whole = min(whole, evaluate(nbytes(node), sizes))
    return whole


def nbytes(node: Tensor) -> Size:
    """The bytes of a value, as an expression over unknown sizes."""
    return node.size * node.dtype.itemsize


# ---- sizes ----


def sizes_of(program: Program, what: str, size: Any, named: Mapping[str, Any]) -> dict[Symbol, int]:
    """A number for each unknown size of the inputs: by its name, or else `size`."""
    symbols = list(dict.fromkeys(symbols_in(tuple(t.shape for t in program.inputs))))
    known = {s.name for s in symbols}
    title = f"{printable(program.graph.name)}: {what}"
    listed = ", ".join(str(s) for s in symbols) or "none"
    for name in named:
        if name not in known:
            raise InputError(f"{title}: there is no unknown size {shown(name)}; there are {listed}")
    for name, value in [*named.items(), *([("size", size)] if size is not None else [])]:
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
            raise InputError(f"{title}: {printable(name)} is an int of 0 or more, but {shown(value)} was given")
    missing = [s for s in symbols if s.name not in named]
    if missing and size is None:
        example = f"{what}({missing[0]}=64)" if missing[0].name is not None else f"{what}(64)"
        raise InputError(f"{title}: the size {missing[0]} is unknown; say what it is, as in {example}")
    chosen = {s: int(named.get(s.name or "", size)) for s in symbols}
    shapes = tuple(known_shape(t.shape, chosen) for t in program.inputs)
    return program._executor.sizes(shapes)
