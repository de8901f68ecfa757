"""Slots: pieces of the arena that values take one after the other."""

from __future__ import annotations

from bisect import bisect_left, insort

from minitorch.compiler.schedule import nominal
from minitorch.graph.dim import Size, at_least
from minitorch.graph.storage import ALIGNMENT
from minitorch.graph.tensor import Tensor

SlotSizes = tuple[tuple[Size, ...], ...]
"""For each slot of an arena the sizes in bytes of the values that share it."""


def nbytes(node: Tensor) -> Size:
    """The bytes that a value takes, as an expression over unknown sizes."""
    return node.size * node.dtype.itemsize


class Slots:
    """Free slots by size. A value takes one of about its own size, which grows to hold it; else a new one."""

    def __init__(self) -> None:
        self.members: list[list[Size]] = []  # for each slot the sizes of the values it has to hold
        self.width: list[int] = []  # the largest of them, taken at nominal sizes
        self.idle: list[tuple[int, int]] = []  # (width, slot), sorted

    def take(self, node: Tensor) -> int:
        """A slot for a new value."""
        size = nbytes(node)
        wanted = max(nominal(size), ALIGNMENT)
        found = self._best(size, wanted)
        if found is not None:
            return self._hold(self.idle.pop(found)[1], size, wanted)
        self.members.append([])
        self.width.append(0)
        return self._hold(len(self.members) - 1, size, wanted)

    def _best(self, size: Size, wanted: int) -> int | None:
        """The idle slot to take: not one more than twice as wide, for that would waste what others need."""
        at = bisect_left(self.idle, (wanted, -1))
        tight = range(at, min(at + 8, len(self.idle)))  # of equal width, one that holds the very same expression
        for i in tight:
            if any(size == member for member in self.members[self.idle[i][1]]):
                return i
        near = [i for i in (at, at - 1) if 0 <= i < len(self.idle)]
        return next((i for i in near if self.idle[i][0] <= 2 * wanted), None)

    def reuse(self, slot: int | None, node: Tensor) -> int:
        """The slot of an operand that the result overwrites."""
        assert slot is not None
        return self._hold(slot, nbytes(node), nominal(nbytes(node)))

    def _hold(self, slot: int, size: Size, wanted: int) -> int:
        members = self.members[slot]
        if not any(at_least(member, size) for member in members):
            members[:] = [m for m in members if not at_least(size, m)] + [size]
        self.width[slot] = max(self.width[slot], wanted)
        return slot

    def free(self, slot: int) -> None:
        """The value in `slot` has been read for the last time."""
        insort(self.idle, (self.width[slot], slot))

    def sizes(self) -> SlotSizes:
        return tuple(tuple(members) for members in self.members)
