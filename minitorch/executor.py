"""`Executor`: binds a plan to storage and to sizes, and runs it, one step or batch after batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from minitorch.compiler.backends import Backend, Batches, Bound, Memory
from minitorch.compiler.backends.base import known_shape
from minitorch.compiler.backends.interpreter import evaluate_node, node_error
from minitorch.compiler.plan import Plan
from minitorch.errors import InputError, MinitorchError
from minitorch.graph.dim import Size, Symbol, as_symbol
from minitorch.graph.graph import expression
from minitorch.graph.storage import Array, Guard
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.graph.types import DType
from minitorch.inputs import Requirement, Shapes, check_rank, converted, input_text, input_title, leading, read_sizes

MOST_BOUND = 64  # bindings kept; the oldest goes when another batch size comes


Kinds = tuple[tuple[type, DType, tuple[int, ...]], ...]

_kind = attrgetter("__class__", "dtype", "shape")
_dtype, _shape = attrgetter("dtype"), attrgetter("shape")


class Cut(NamedTuple):
    """How rows are cut into batches: of all full ones and of what is left, the first row, the number of steps and the
    rows of each; with these the kinds of its inputs, and the shapes of its results. `shapes` are those that are met of
    each output, without their rows where these are joined."""

    parts: list[tuple[int, int, int]]
    inputs: list[Kinds]
    results: list[list[tuple[int, ...]]]
    shapes: list[set[tuple[int, ...]]]


class Executor:
    """What a backend made of a plan, with its memory.

    Binding to a batch size happens once and is kept, by the kinds of the inputs: class, dtype and shape of each. A call
    holds the locks of all parameters that the plan reads or writes, in one fixed order, so that calls from many threads
    see whole steps.
    """

    def __init__(self, backend: Backend, requirements: Sequence[Requirement]) -> None:
        self.backend, self.requirements = backend, requirements
        self.graph = backend.graph
        self.inputs, self.outputs = self.graph.inputs, self.graph.outputs
        self.title = printable(self.graph.name)
        self._input_titles = [input_title(self.title, p) for p in self.inputs]
        self._types = (np.ndarray,) * len(self.inputs)
        self._dtypes = tuple(p.dtype for p in self.inputs)
        self.memory = Memory(backend.slots)
        self.bound: dict[Kinds, Bound] = {}
        self.leading = leading(self.inputs, requirements)
        self.batched = [bool(p.shape) and self.counts_rows(p.shape[0]) for p in self.inputs]
        self.joined = [bool(t.shape) and self.counts_rows(t.shape[0]) for t in self.outputs]
        self.written = list({id(b): b for t, _ in self.graph.updates for b in [t.attrs["storage"].block]}.values())
        self._cuts: dict[tuple[Shapes, int, int], Cut] = {}
        self._rows: dict[Shapes, int] = {}
        self.paces: dict[int, float] = {}  # steps a second, by the rows of a batch
        self._latest: tuple[Kinds | None, Bound | None] = None, None  # of what is bound, the one asked for last
        self._guards = self._all_guards()
        self._lock = self._guards[0].lock
        self._bind = self.guarded(self._binding)
        self._run = _under(self._guards[1:], self._step)  # which takes the last lock itself
        self._run_steps = self.guarded(self._steps)

    @property
    def plan(self) -> Plan:
        """The instructions that the backend runs."""
        return self.backend.plan

    def guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call` under the locks of the plan's parameters; under its own where there are none."""
        return _under(self._guards, call)

    def _all_guards(self) -> list[Guard]:
        """The guards of the plan's parameters, the one that is taken last first."""
        leaves = [node for node in self.graph.mentioned if "storage" in node.attrs]
        guards = {leaf.attrs["storage"].block.guard for leaf in leaves} or {Guard()}
        return sorted(guards, key=lambda guard: -guard.serial)

    def run(self, values: Sequence[Any]) -> Sequence[Array]:
        """One step with these inputs, converted where they do not fit: see `prepare`.

        What is bound already needs no lock to be found: it holds its memory, even if a larger arena has come since.
        """
        try:
            kinds = tuple(map(_kind, values))
            known, bound = self._latest
            if kinds != known:  # which costs less than looking for them
                bound = self.bound.get(kinds)
        except Exception:  # what is no array may have any attributes, or raise anything instead
            bound = None
        if bound is None:
            values = self.prepare(values)
            bound = self._bind((tuple(map(_kind, values)), values))
        return self._run(bound, values)  # type: ignore[no-any-return]

    def _step(self, bound: Bound, arrays: Sequence[Array]) -> Sequence[Array]:
        with self._lock:
            try:
                return bound.step(arrays)
            except MinitorchError:
                raise
            except Exception as error:
                blamed = self._blamed(error, arrays)
                if blamed is error:
                    raise
                raise blamed from error

    def run_steps(self, kinds: Kinds, batches: Batches, first: int, steps: int, size: int) -> None:
        """Steps in compiled code: the kinds of a batch, the rows, the first of them, the steps, and their size."""
        bound = self.bound.get(kinds) or self._bind((kinds, _batch(batches, first, size)))
        self._run_steps((bound, batches, first, steps, size))

    def _steps(self, work: tuple[Bound, Batches, int, int, int]) -> None:
        bound, batches, first, steps, size = work
        made = bound.run(batches, first, steps, size)  # type: ignore[attr-defined]  # the backend has a loop
        if made < steps:
            raise self._blamed(IndexError("an index is out of range"), _batch(batches, first + made * size, size))

    def _blamed(self, error: Exception, arrays: Sequence[Array]) -> Exception:
        """The error of a kernel with the instruction and node that it came from, found by computing node by node."""
        sizes = self.sizes(tuple(map(_shape, arrays)))
        graph = self.plan.graph
        values = dict(zip(self.inputs, arrays, strict=True))
        for node in graph.nodes:
            try:
                with np.errstate(all="ignore"):
                    if node not in values:
                        values[node] = evaluate_node(node, [values[i] for i in node.inputs], sizes)
            except Exception as again:
                return node_error(again, node, f"  {self._instruction_text(node)}\n")
        error.add_note(f"{self.title}: computed once more, node by node, it did not fail")
        return error

    def _instruction_text(self, node: Tensor) -> str:
        """Which instruction of the plan computes a node, as its listing has it."""
        labels = self.plan.graph.labels()
        calls = [i for i in self.plan.instructions if not i.node.op.view]
        number = next((k for k, i in enumerate(calls, 1) if any(n is node for n in i.nodes)), None)
        what = "a view" if number is None else f"instruction {number} of {len(calls)}"
        call = expression(node, [labels[i] for i in node.inputs])
        return f"{what} of {self.title}: {labels[node]}: {node.type} = {call}"

    # ---- arguments ----

    def prepare(self, values: Sequence[Any]) -> Sequence[Array]:
        """The arguments as arrays of the dtypes of the placeholders. Arrays that fit are taken as they are."""
        if tuple(map(type, values)) == self._types and tuple(map(_dtype, values)) == self._dtypes:
            return values
        return [converted(v, p, what) for v, p, what in zip(values, self.inputs, self._input_titles, strict=True)]

    # ---- binding ----

    def _binding(self, work: tuple[Kinds, Sequence[Array]]) -> Bound:
        """What is bound to these kinds of inputs, or will be from now on. The inputs are for errors."""
        kinds, arrays = work
        if kinds not in self.bound:
            self._add(kinds, arrays)
        bound = self.bound[kinds]
        self._latest = kinds, bound
        return bound

    def _add(self, kinds: Kinds, arrays: Sequence[Array]) -> None:
        sizes = self.sizes(tuple(shape for _, _, shape in kinds))
        if not self.memory.fits(sizes):
            self.bound.clear()  # the arena has moved
        while len(self.bound) >= MOST_BOUND:
            del self.bound[next(iter(self.bound))]
        try:
            self.bound[kinds] = self.backend.bind(sizes, self.memory)
        except MinitorchError:
            raise
        except Exception as error:
            raise self._blamed(error, arrays) from error

    def sizes(self, shapes: Shapes) -> dict[Symbol, int]:
        """The unknown sizes, read off the shapes of the inputs; `InputError` where they contradict the graph."""
        return read_sizes(self.title, self.inputs, shapes, self.requirements)

    # ---- batches ----

    def counts_rows(self, size: Size) -> bool:
        """Whether a leading size is the number of rows of a batch."""
        return as_symbol(size) in self.leading

    def rows(self, shapes: Shapes) -> int:
        """The rows of the inputs that are taken batch by batch; `InputError` where they differ or there are none."""
        if (found := self._rows.get(shapes)) is None:
            _forget(self._rows)
            found = self._rows[shapes] = self._count(shapes)
        return found

    def cut(self, shapes: Shapes, count: int, size: int) -> Cut:
        """Batches of `size` of `count` rows, of inputs of these shapes. Raises like `sizes`."""
        key = shapes, count, size
        if (found := self._cuts.get(key)) is None:
            _forget(self._cuts)
            found = self._cuts[key] = self._cut(shapes, count, size)
        return found

    def _cut(self, shapes: Shapes, count: int, size: int) -> Cut:
        full, left = divmod(count, size)
        parts = [part for part in ((0, full, size), (full * size, 1, left)) if part[1] and part[2]]
        inputs = [
            tuple((rows, *shape[1:]) if by_rows else shape for shape, by_rows in zip(shapes, self.batched, strict=True))
            for _, _, rows in parts
        ]
        found = [self.sizes(own) for own in inputs]
        kinds: list[Kinds] = [
            tuple((np.ndarray, p.dtype, x) for p, x in zip(self.inputs, own, strict=True)) for own in inputs
        ]
        results = [[known_shape(t.shape, sizes) for t in self.outputs] for sizes in found]
        met = [{own[i][1:] if joined else own[i] for own in results} for i, joined in enumerate(self.joined)]
        return Cut(parts, kinds, results, met)

    def _count(self, shapes: Shapes) -> int:
        for p, shape in zip(self.inputs, shapes, strict=True):
            check_rank(self.title, p, shape)
        counts = {p.name: shape[0] for p, shape, row in zip(self.inputs, shapes, self.batched, strict=True) if row}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{printable(name or '')} has {n}" for name, n in counts.items())
            raise InputError(f"{self.title}: the inputs differ in their number of rows: {listed}")
        if not counts:
            none = "no input has a first dimension of unknown size, so there are no batches to take"
            raise InputError(f"{self.title}: {none}; its inputs are {input_text(self.inputs)}")
        return next(iter(counts.values()))


def _under(guards: Sequence[Guard], call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` under these guards, taken from the last to the first, which `fork` finds for as long as they live."""
    for guard in guards:
        call = _holding(guard, call)
    return call


def _holding(guard: Guard, call: Callable[..., Any]) -> Callable[..., Any]:
    lock = guard.lock

    def held(*work: Any) -> Any:
        with lock:
            return call(*work)

    return held


def _forget(found: dict[Any, Any]) -> None:
    """Make room for one more of what is kept."""
    if len(found) >= MOST_BOUND:
        found.clear()


def _batch(batches: Batches, start: int, size: int) -> list[Array]:
    """The inputs of the step whose rows begin at `start`."""
    rows = slice(start, start + size) if batches.order is None else batches.order[start : start + size]
    return [a[rows] if by_rows else a for a, by_rows in zip(batches.arrays, batches.rows, strict=True)]
