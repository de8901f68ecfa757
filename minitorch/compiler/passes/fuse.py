"""Fuse: elementwise operations over one index space, with their reductions and a small product, become one node.

Values that are read in the region alone then need no memory. The node holds the region as a graph, its body; a region
with several results becomes one node for each, all with the same body and the same inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from heapq import heapify, heappop, heappush
from math import prod
from types import MappingProxyType

from minitorch import ops
from minitorch.compiler.fused import fused
from minitorch.compiler.processor import outruns_second_cache
from minitorch.compiler.rewrite import ROLES, Rewrite, on_inputs
from minitorch.graph.dim import Shape
from minitorch.graph.graph import Graph
from minitorch.graph.origin import Origin, context, derived, merge_origins
from minitorch.graph.tensor import Tensor, registry, reserved
from minitorch.graph.types import is_float

REASON = "operations over the same indices are one loop"
FOLDS = (ops.sum, ops.prod, ops.max, ops.min, ops.any, ops.all)
MOST_NODES = 48  # in one region: longer loops run out of registers, and compilers out of patience
MOST_WEIGHTS = 1 << 19  # elements of the known operand or result of a product that is worth loops of its own
MOST_WHOLE = 1 << 17  # the same where a second cache is slow, of rows of whole tiles, if no known size is below LEAST
TILE, LEAST = 128, 256  # bytes of a row of a tile, two vectors; a size
MOST_MERGED = 20_000  # nodes of a graph in which regions are merged at all


def fuse(graph: Graph) -> tuple[Graph, list[Rewrite]]:
    """Join what can be computed in one loop, whatever the order of the loop's steps; roles stay apart where one would
    be left without an instruction."""
    regions = _Regions(graph)
    regions.join_into_readers()
    if len(graph.nodes) <= MOST_MERGED:
        regions.merge_neighbours()
    return _rebuilt(graph, regions)


def small_product(node: Tensor) -> bool:
    """Whether a product of matrices is small enough for loops of its own; large ones go by blocks, or to BLAS."""
    if node.op is not ops.matmul or node.ndim != 2 or not is_float(node.dtype):
        return False
    (m, n), k = node.shape, node.inputs[0].shape[1]
    known = sorted(size for size in (m, n, k) if isinstance(size, int))
    if len(known) < 2 or known[0] == 0:
        return False
    whole = isinstance(n, int) and n * node.dtype.itemsize % TILE == 0 and known[0] >= LEAST
    return prod(known[-2:]) <= min(MOST_WEIGHTS, MOST_WHOLE if whole and outruns_second_cache() else MOST_WEIGHTS)


# ---- regions ----


def _space(node: Tensor) -> Shape:
    """The indices that a node loops over."""
    return node.inputs[0].shape if node.op in FOLDS else node.shape


def _joins(node: Tensor) -> bool:
    """Whether a node can be part of a region."""
    if node.op.elementwise and not node.op.distinct and node.op.name in reserved and node.inputs:
        return is_float(node.dtype) or node.op not in (ops.power, ops.fixed_power)  # ints to negative powers raise
    return node.op in FOLDS or small_product(node)


class _Regions:
    """Nodes by the region they belong to. A region is named by one of its nodes."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = graph.nodes
        self.index = {node: i for i, node in enumerate(graph.nodes)}
        self.readers: dict[Tensor, list[Tensor]] = {node: [] for node in graph.nodes}
        for node in graph.nodes:
            for source in dict.fromkeys(node.inputs):
                self.readers[source].append(node)
        self.wanted = set(graph.roots)
        self.spaces = {node: _space(node) for node in graph.nodes if _joins(node)}  # of what can be part of a region
        self.members: dict[Tensor, list[Tensor]] = {}
        self.region: dict[Tensor, Tensor] = {}
        self.role: dict[Tensor, str] = {}  # of each region: the latest among its members
        self.left = dict.fromkeys(ROLES, 0)  # instructions of each role, if nothing more is joined
        for node in graph.nodes:
            self.left[node.role] += bool(node.inputs) and not node.op.view

    def reads_along(self, reader: Tensor, node: Tensor) -> bool:
        """Whether `reader` needs of `node` just the element at the index where it is itself."""
        return self.spaces.get(reader) == node.shape and node.op not in FOLDS and reader.op is not ops.matmul

    # ---- what only one region reads belongs there ----

    def join_into_readers(self) -> None:
        for node in reversed(self.nodes):
            if node not in self.spaces:
                continue
            region = self._sole_reader(node)
            if region is not None:
                self.left[node.role] -= 1
                self.members[region].append(node)
                self.region[node] = region
                self.role[region] = _later(self.role[region], node.role)
            else:
                self.members[node] = [node]
                self.region[node] = node
                self.role[node] = node.role

    def _sole_reader(self, node: Tensor) -> Tensor | None:
        readers = self.readers[node]
        if not readers or node in self.wanted or not all(self.reads_along(r, node) for r in readers):
            return None
        region = self.region[readers[0]]
        same = all(self.region[r] is region for r in readers)
        return region if same and self._room(region, [node]) and self._keeps_roles(node.role, region) else None

    def _room(self, region: Tensor, more: Sequence[Tensor]) -> bool:
        members = self.members[region]
        products = sum(n.op is ops.matmul for n in (*members, *more))
        return len(members) + len(more) <= MOST_NODES and products <= 1

    def _keeps_roles(self, role: str, region: Tensor) -> bool:
        return role == self.role[region] or self.left[role] > 1

    # ---- regions that share a value are one, where nothing lies between them ----

    def merge_neighbours(self) -> None:
        """Merge along the edges of the graph, its units (regions, single nodes) staying in an order to compute."""
        self.order: list[Tensor | None] = [self.unit(members[0]) for members in _ordered(self)]
        self.rank = {unit: k for k, unit in enumerate(self.order)}
        for node in self.nodes:
            for reader in self.readers[node]:
                a, b = self.region.get(node), self.region.get(reader)
                if a is not None and b is not None and a is not b and self.reads_along(reader, node):
                    self._merge(a, b)

    def _merge(self, a: Tensor, b: Tensor) -> None:
        gone = self.members[b]
        role_a, role_b = self.role[a], self.role[b]
        if not self._room(a, gone) or (role_a != role_b and self.left[role_a] <= 1):
            return
        after = self._after(a, b)
        if after is None:
            return
        self.left[min(role_a, role_b, key=ROLES.index)] -= 1
        self.members[a] += gone
        self.role[a] = _later(role_a, role_b)
        del self.members[b]
        self.region.update(dict.fromkeys(gone, a))
        self._place(a, b, after)

    def _after(self, a: Tensor, b: Tensor) -> set[Tensor] | None:
        """The units before `b` that wait for `a`; None where some path leaves the two regions and comes back, or needs
        a whole value of theirs inside them."""
        both, last = {a, b}, self.rank[b]
        found: set[Tensor] = set()
        stack = [r for region in both for n in self.members[region] for r in self._leaving(n, both)]
        while stack:
            node = stack.pop()
            unit = self.region.get(node, node)
            if unit in both:
                return None
            if unit not in found and self.rank[unit] < last:  # all of a unit waits for each of its nodes
                found.add(unit)
                for member in self.members.get(unit, (node,)):
                    stack += self.readers[member]
        return found

    def _place(self, a: Tensor, b: Tensor, after: set[Tensor]) -> None:
        """`a`, which `b` has joined, comes where `b` was: after what it waits for, and before what waits for it."""
        start, end = self.rank[a], self.rank.pop(b) + 1
        between = self.order[start + 1 : end - 1]
        moved = [unit for unit in between if unit in after]
        self.order[start:end] = [*(unit for unit in between if unit not in after), a, *moved, None]
        self.rank.update((unit, k) for k, unit in enumerate(self.order[start:end], start) if unit is not None)

    def unit(self, node: Tensor) -> Tensor:
        """What a node is computed with: its region's name, or itself."""
        return self.region.get(node, node)

    def _leaving(self, node: Tensor, both: set[Tensor]) -> Iterator[Tensor]:
        for reader in self.readers[node]:
            if self.region.get(reader) not in both or not self.reads_along(reader, node):
                yield reader


def _later(a: str, b: str) -> str:
    return max(a, b, key=ROLES.index)


# ---- the graph of regions ----


def _rebuilt(graph: Graph, regions: _Regions) -> tuple[Graph, list[Rewrite]]:
    becomes: dict[Tensor, Tensor] = {}
    order: list[Tensor] = []
    log: list[Rewrite] = []
    for unit in _ordered(regions):
        if len(unit) == 1:
            made = [(unit[0], on_inputs(unit[0], becomes))]
        else:
            made = _fused(unit, regions, becomes)
            log += [Rewrite(REASON, old, new, reassociates=True) for old, new in made]
        for old, new in made:
            becomes[old] = new
            order.append(new)
    updates = [(target, becomes[value]) for target, value in graph.updates]
    return graph.rebuilt([becomes[t] for t in graph.outputs], updates, order), log


def _ordered(regions: _Regions) -> Iterator[list[Tensor]]:
    """The regions, and the nodes that are in none, each after what it reads; otherwise as they were."""
    index = regions.index
    unit_of = {node: regions.unit(node) for node in regions.nodes}
    units = {unit: sorted(regions.members.get(unit, [unit]), key=index.__getitem__) for unit in unit_of.values()}
    waits = {unit: {unit_of[i] for n in members for i in n.inputs} - {unit} for unit, members in units.items()}
    readers: dict[Tensor, list[Tensor]] = {unit: [] for unit in units}
    for unit, sources in waits.items():
        for source in sources:
            readers[source].append(unit)
    waiting = {unit: len(sources) for unit, sources in waits.items()}
    ready = [(index[units[unit][-1]], unit) for unit in units if not waiting[unit]]
    heapify(ready)
    while ready:
        _, unit = heappop(ready)
        yield units[unit]
        for reader in readers[unit]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(ready, (index[units[reader][-1]], reader))


def _fused(unit: list[Tensor], regions: _Regions, becomes: dict[Tensor, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """A node for each result of a region: what is read outside it, or asked for."""
    inside = set(unit)
    results = [n for n in unit if n in regions.wanted or any(r not in inside for r in regions.readers[n])]
    body, inputs = body_of(unit, results, becomes)
    origins = reduce(merge_origins, (n.origins for n in reversed(unit)))
    return [(n, _result(n, k, body, inputs, merge_origins(n.origins, origins))) for k, n in enumerate(results)]


def _result(node: Tensor, k: int, body: Graph, inputs: tuple[Tensor, ...], origins: tuple[Origin, ...]) -> Tensor:
    return node.replace(op=fused, inputs=inputs, attrs={"body": body, "result": k}, origins=origins)


def body_of(
    unit: Sequence[Tensor], results: Sequence[Tensor], becomes: Mapping[Tensor, Tensor] = MappingProxyType({})
) -> tuple[Graph, tuple[Tensor, ...]]:
    """Nodes as a graph of their own, with placeholders for what they read; and what these stand for."""
    inside = set(unit)
    outer = [i for n in unit for i in n.inputs if i not in inside]
    inputs = tuple(dict.fromkeys(becomes.get(i, i) for i in outer if not _literal(i)))
    stands = _placeholders(inputs)
    inner: dict[Tensor, Tensor] = {i: i if _literal(i) else stands[becomes.get(i, i)] for i in outer}
    for node in unit:
        inner[node] = on_inputs(node, inner)
    new = [inner[n] for n in unit]
    nodes = dict.fromkeys([*(i for n in new for i in n.inputs if not i.inputs), *new])
    return Graph([inner[n] for n in results], (), list(stands.values()), "body", nodes), inputs


def _literal(node: Tensor) -> bool:
    """A constant of one number, which is written into the code."""
    return node.op.name == "constant" and node.size == 1 and node.ndim == 0


def _placeholders(inputs: Sequence[Tensor]) -> dict[Tensor, Tensor]:
    """What stands in a body for what it reads."""
    stands: dict[Tensor, Tensor] = {}
    with derived(None, "placeholder"):
        for k, i in enumerate(inputs):
            context.source = i.origins, i.scope
            stands[i] = Tensor(registry["placeholder"], (), {}, i.type, f"x{k}")
    return stands
