"""Slots: pieces of the arena that values take one after the other."""

from __future__ import annotations

from bisect import bisect_left, insort

from minitorch.compiler.schedule import nominal
from minitorch.graph.dim import Size, at_least
from minitorch.graph.tensor import Tensor


def nbytes(node: Tensor) -> Size:
    """The bytes that a value takes, as an expression over unknown sizes."""
    return node.size * node.dtype.itemsize


class Slots:
    """Free slots by size. A value takes one that fits, the tightest first; else the largest one grows to hold it."""

    def __init__(self) -> None:
        self.members: list[list[Size]] = []  # for each slot the sizes of the values it has to hold
        self.width: list[int] = []  # the largest of them, taken at nominal sizes
        self.idle: list[tuple[int, int]] = []  # (width, slot), sorted

    def take(self, node: Tensor) -> int:
        """A slot for a new value."""
        size = nbytes(node)
        wanted = nominal(size)
        if not self.idle:
            self.members.append([])
            self.width.append(0)
            slot = len(self.members) - 1
        else:
            slot = self.idle.pop(self._best(size, wanted))[1]
        return self._hold(slot, size, wanted)

    def _best(self, size: Size, wanted: int) -> int:
        at = bisect_left(self.idle, (wanted, -1))
        tight = range(at, min(at + 8, len(self.idle)))  # of equal width, one that holds the very same expression
        same = (i for i in tight if any(size == member for member in self.members[self.idle[i][1]]))
        return next(same, min(at, len(self.idle) - 1))

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

    def sizes(self) -> tuple[tuple[Size, ...], ...]:
        return tuple(tuple(members) for members in self.members)
