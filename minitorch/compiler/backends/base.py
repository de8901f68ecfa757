"""What a backend is: a plan in, a callable for each batch size out."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import call
from typing import Any, NamedTuple, Protocol

import numpy as np

from minitorch.compiler.passes import contract, materialise
from minitorch.compiler.plan import Plan, Rules
from minitorch.compiler.rewrite import Pass
from minitorch.compiler.slots import SlotSizes
from minitorch.graph.dim import Dim, Size, Symbol, evaluate
from minitorch.graph.graph import Graph
from minitorch.graph.storage import ALIGNMENT, Array, aligned
from minitorch.graph.types import DType


class Bound(Protocol):
    """A program bound to sizes."""

    @property
    def step(self) -> Callable[[Sequence[Array]], Sequence[Array]]:
        """One step: input arrays in order, results out, updates done."""


class Function(NamedTuple):
    """What is bound, where one function is all of it."""

    step: Callable[[Sequence[Array]], Sequence[Array]]


class Memory:
    """The arena of one program: allocated for the largest sizes met so far, shared by all of them."""

    def __init__(self, slots: SlotSizes) -> None:
        self.slots = slots
        self.arena = aligned(0)

    def layout(self, sizes: Mapping[Symbol, int]) -> list[int]:
        """The offset of each slot in bytes, and the end of the last one."""
        offsets = [0]
        for members in self.slots:
            width = max(evaluate(size, sizes) for size in members)
            offsets.append(offsets[-1] - (-width // ALIGNMENT) * ALIGNMENT)
        return offsets

    def fits(self, sizes: Mapping[Symbol, int]) -> bool:
        """Whether the arena is large enough; where it is not, it grows, and what was bound to it is void."""
        if (needed := self.layout(sizes)[-1]) <= self.arena.size:
            return True
        self.arena = aligned(needed)
        return False

    def slot(self, sizes: Mapping[Symbol, int]) -> Callable[[int, tuple[int, ...], DType], Array]:
        """A function that gives the array of a shape and dtype that lies in a slot."""
        offsets, arena = self.layout(sizes), self.arena

        def cut(slot: int, shape: tuple[int, ...], dtype: DType) -> Array:
            return np.ndarray(shape, dtype, arena.data, offsets[slot])

        return cut


class Batches(NamedTuple):
    """Rows that many steps work on: the inputs, which of them are taken by rows, the order of the rows, and where the
    results of all steps go, a row or a step after the other."""

    arrays: Sequence[Array]
    rows: Sequence[bool]
    order: Array | None
    batch_size: int
    results: Sequence[tuple[Array, bool]]

    def steps(self, first: int) -> int:
        """The number of steps before the one that starts at row `first`."""
        return -(-first // self.batch_size)


class Backend(ABC):
    """A plan made executable. `source` is the code that was generated, "" where there is none, `graph` tells what is
    given, returned and updated, `slots` what the arena holds.

    `lowering` are the passes after those that all backends share, `rules` what its plans may do.
    """

    name: str
    source: str = ""
    lowering: tuple[Pass, ...] = (contract, materialise)
    rules: Rules = Rules()
    loops: bool = False  # whether what it binds has a method `run` that makes many steps

    @abstractmethod
    def __init__(self, plan: Plan) -> None:
        self.graph, self.slots = plan.graph, plan.slots
        self._plan = plan

    @classmethod
    def of(cls, traced: Graph, plan: Callable[[], Plan]) -> Backend:
        """The code of a traced graph, made of its plan, which a backend need not ask for where it has the code."""
        return cls(plan())

    @property
    def plan(self) -> Plan:
        """What it runs."""
        return self._plan

    def scratch(self, sizes: Mapping[Symbol, int]) -> int:
        """Bytes that a step takes beside the arena."""
        return 0

    @abstractmethod
    def bind(self, sizes: Mapping[Symbol, int], memory: Memory) -> Bound:
        """The program for these sizes."""


def resolve(value: Any, sizes: Mapping[Symbol, int]) -> Any:
    """An attribute with numbers in place of unknown sizes."""
    if isinstance(value, Dim):
        return evaluate(value, sizes)
    if isinstance(value, tuple):
        parts = [resolve(v, sizes) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def known_shape(shape: Sequence[Size], sizes: Mapping[Symbol, int]) -> tuple[int, ...]:
    """A shape with numbers in place of unknown sizes."""
    return tuple(evaluate(size, sizes) for size in shape)


@cache
def takes_out(kernel: Callable[..., Any]) -> bool:
    """Whether a kernel can write into memory that it is given."""
    if isinstance(kernel, np.ufunc):
        return True
    parameters = inspect.signature(kernel).parameters.values()
    return any(p.name == "out" for p in parameters)


def written(out: Array, value: Any) -> None:
    """Make sure that `out` holds what a kernel returned: `out` itself, or another array of its shape."""
    if value is out:
        return
    if value is None:
        raise ValueError("its kernel returned nothing; a kernel returns its result, which may be `out`")
    if np.shape(value) != out.shape:
        raise ValueError(f"its kernel returned an array of shape {np.shape(value)}; {out.shape} is expected")
    np.copyto(out, value, "same_kind")


def commit(stores: Iterable[Callable[[], object]]) -> None:
    """Make all these calls, `partial`s of compiled functions, in one go.

    Nothing here runs Python code, so an interrupt comes before the first call or after the last, never in between.
    """
    deque(map(call, stores), 0)
