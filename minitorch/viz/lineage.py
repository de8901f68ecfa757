"""Lineage: what became of each node in a pass, and so where each node comes from, back to what the user wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minitorch.compiler.fused import fused
from minitorch.compiler.rewrite import PassRecord, Rewrite, exact
from minitorch.graph.tensor import Tensor

Becomes = dict[Tensor, Tensor]


def became(record: PassRecord) -> Becomes:
    """The node after a pass that each node before it has become; what is in none was left out.

    Passes rebuild nodes and keep no list of it, so a node is recognised by what it is: the same operation on what its
    inputs have become; or else by the rewrites of it that the pass has recorded.
    """
    return _Matching(record).run()


class _Matching:
    """Nodes of before, after and in between by what they compute: `images` says which one stands for each."""

    def __init__(self, record: PassRecord) -> None:
        self.record = record
        self.after = set(record.after.nodes)
        self.rewrites: dict[Tensor, Rewrite] = {r.before: r for r in record.rewrites}
        self.known: dict[object, Tensor] = {}
        self.images: dict[Tensor, Tensor] = {}
        for node in record.after.nodes:
            self.known.setdefault(_key(node, node.inputs), node)
            self.images[node] = node

    def run(self) -> Becomes:
        for node in self.rewrites:  # in the order in which they were made: each rests on those before it
            for source in node.inputs:
                self._resolve(source)
            self.known.setdefault(self._key_now(node), node)
        for node in self.record.before.nodes:
            self._resolve(node)
        found = {node: self.images[node] for node in self.record.before.nodes if self.images[node] in self.after}
        for rewrite in self.record.rewrites:
            if rewrite.after.op is fused and rewrite.after in self.after:
                self._absorb(rewrite, found)
        return found

    def _resolve(self, root: Tensor) -> None:
        """Find the image of a node, after those of its inputs and of what it was rewritten to, which rules made."""
        stack, open_ = [root], set()
        while stack:
            node = stack[-1]
            waiting = [] if node in self.images else self._ahead(node)
            waiting = [n for n in waiting if n not in self.images and n not in open_]
            if waiting:
                open_.add(node)
                stack += waiting
                continue
            stack.pop()
            if node not in self.images:
                self.images[node] = self._find(node)

    def _ahead(self, node: Tensor) -> list[Tensor]:
        return [*node.inputs, *([self.rewrites[node].after] if node in self.rewrites else [])]

    def _find(self, node: Tensor) -> Tensor:
        if node in self.rewrites:
            after = self.rewrites[node].after
            return self.images.get(after, after)
        same = self.known.setdefault(self._key_now(node), node)
        if same in self.rewrites:
            self._resolve(self.rewrites[same].after)
            return self.images[self.rewrites[same].after]
        return self.images.get(same, same)

    def _key_now(self, node: Tensor) -> object:
        return _key(node, [self.images.get(i, i) for i in node.inputs])

    def _absorb(self, rewrite: Rewrite, found: Becomes) -> None:
        """What lies between the inputs of a region and its result has become a part of it."""
        outside = set(rewrite.after.inputs)
        stack = list(rewrite.before.inputs)
        while stack:
            node = stack.pop()
            if node not in found and node not in outside:
                found[node] = rewrite.after
                stack.extend(node.inputs)


def _key(node: Tensor, inputs: Iterable[Tensor]) -> object:
    if node.op.name == "constant":
        return "constant", node.attrs["value"].tobytes(), str(node.type), node.type.weak
    if not node.inputs:
        return node
    return node.op, tuple(i.serial for i in inputs), exact(tuple(node.attrs.items()))


def parents(record: PassRecord, becomes: Mapping[Tensor, Tensor]) -> dict[Tensor, list[Tensor]]:
    """For each node after a pass those before it that it comes from; none where it was added for itself.

    A rule may make several nodes; what it made on the way to its result comes from what the result comes from.
    """
    found: dict[Tensor, list[Tensor]] = {node: [] for node in record.after.nodes}
    for old, new in becomes.items():
        found[new].append(old)
    for new in [node for node in found if found[node] and any(old is not node for old in found[node])]:
        for inner in _made(new, found):
            found[inner] = found[new]
    return found


def _made(root: Tensor, found: Mapping[Tensor, list[Tensor]]) -> list[Tensor]:
    """The nodes under a replacement that come from nothing yet."""
    made: dict[Tensor, None] = {}
    stack = list(root.inputs)
    while stack:
        node = stack.pop()
        if node in found and node not in made and not found[node]:
            made[node] = None
            stack += node.inputs
    return list(made)
