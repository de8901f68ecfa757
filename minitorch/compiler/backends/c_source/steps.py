"""Steps: the order in which a block of a region is computed: loops over its elements and, between them, calls.

Loops have even numbers, calls odd ones. What is needed after the step that computed it waits in a buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from minitorch.compiler.backends.c_source.blocks import Access
from minitorch.compiler.passes.fuse import FOLDS
from minitorch.graph.tensor import Tensor


class Steps:
    """For each node of a body its step; for each that waits its buffer; for each that is stored the step that does.

    `calls` are the nodes that a function computes for a whole block, `product` the one among them that is a product,
    whose operands are no elements of the region.
    """

    def __init__(
        self, nodes: Sequence[Tensor], calls: Collection[Tensor], product: Tensor | None,
        reads: Mapping[Tensor, Access], writes: Mapping[Tensor, Access], dense: Callable[[Access], bool],
    ) -> None:  # fmt: skip
        self.nodes = [n for n in nodes if n.inputs]
        self.calls, self.product = calls, product
        self.readers: dict[Tensor, list[Tensor]] = {n: [] for n in nodes}
        for n in self.nodes:
            for i in n.inputs if n is not product else ():
                self.readers[i].append(n)
        self.step = self._earliest()
        self.last = max(s + s % 2 for s in self.step.values())
        overwritten = {w.name for w in writes.values()} & {r.name for r in reads.values()}
        apart = {n for n, w in writes.items() if w.name not in overwritten}
        in_place = {n for n in calls if n in writes and self._replaces(n, reads, writes)}
        self.direct = {n for n in calls if n in apart | in_place and dense(writes[n])}
        """Results that a call writes where they belong."""
        self.stored = {
            n: self.step[n] + self.step[n] % 2 if n in apart else self.last  # after everybody has read what was there
            for n in writes if n.op not in FOLDS and n not in self.direct
        }  # fmt: skip
        self._later()
        self.in_place = {p for p, a in reads.items() if dense(a)}
        self.buffers = self._buffers(nodes, set(writes))

    def _replaces(self, n: Tensor, reads: Mapping[Tensor, Access], writes: Mapping[Tensor, Access]) -> bool:
        """Whether the result of a call takes the place of its operand, which nothing else reads or writes."""
        place, operand = writes[n], n.inputs[0]
        if self.product is not None or operand not in reads or self.readers[operand] != [n]:
            return False
        met = [a for a in (*reads.values(), *writes.values()) if a.name == place.name]
        return len(met) == 2 and _lying(reads[operand]) == _lying(place)

    def _earliest(self) -> dict[Tensor, int]:
        """The first step that can compute each node."""
        step: dict[Tensor, int] = {}
        for n in self.nodes:
            before = [step[i] for i in n.inputs if i in step and n is not self.product]
            if n in self.calls:
                step[n] = max([1, *(s + 1 + s % 2 for s in before)])
            else:
                step[n] = max([0, *(s + s % 2 for s in before)])
        return step

    def _later(self) -> None:
        """What a loop computes is computed in the last loop that can, so that it need not wait in a buffer."""
        for n in reversed(self.nodes):
            needed = [self.step[r] - self.step[r] % 2 for r in self.readers[n]]
            needed += [self.stored[n]] if n in self.stored else []
            if n not in self.calls and needed:
                self.step[n] = max(self.step[n], min(needed))

    def _buffers(self, nodes: Sequence[Tensor], results: Collection[Tensor]) -> dict[Tensor, str]:
        """A buffer for each that waits; the result of a call may take that of its operand."""
        buffers: dict[Tensor, str] = {}
        for n in nodes:
            if not self._waits(n):
                continue
            operand = n.inputs[0] if n in self.calls and n is not self.product else None
            alone = operand in buffers and len(self.readers[operand]) == 1 and operand not in results
            reused = operand is not None and alone and operand.dtype == n.dtype
            buffers[n] = buffers[operand] if reused and operand is not None else f"s{len(buffers)}"
        return buffers

    def _waits(self, n: Tensor) -> bool:
        if not n.inputs:  # read by a call that cannot read it where it lies
            called = any(r in self.calls and r is not self.product for r in self.readers[n])
            return called and n not in self.in_place
        last = max([*(self.step[r] for r in self.readers[n]), self.stored.get(n, 0)], default=0)
        return n.op not in FOLDS and n not in self.direct and (n in self.calls or last > self.step[n])


def _lying(access: Access) -> object:
    return access.name, access.layout.offset, access.strides
