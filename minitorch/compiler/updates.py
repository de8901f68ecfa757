"""Updates: which new values may be written straight into their parameters, and when.

All new values are computed from the old ones. So a parameter may change only when everybody who needs its old value
has read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from minitorch import ops
from minitorch.compiler.fused import elementwise_inputs, fused
from minitorch.compiler.gemm import gemm
from minitorch.compiler.schedule import root_of
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor, reserved
from minitorch.graph.types import is_float

Group = tuple[Tensor, ...]


def overwritable_operands(node: Tensor) -> Iterable[int]:
    """The positions of operands whose memory the result may take."""
    if node.op is not fused:
        return node.op.inplace
    body, result = node.attrs["body"], node.attrs["result"]
    return elementwise_inputs(body) if body.outputs[result].op.elementwise else ()


def siblings(order: Iterable[Tensor]) -> list[Group]:
    """The nodes in their order, those of one fused body and the same inputs together where the first of them stands."""
    groups: dict[object, list[Tensor]] = {}
    for node in order:
        key = (id(node.attrs["body"]), node.inputs) if node.op is fused else node
        groups.setdefault(key, []).append(node)
    return [tuple(sorted(group, key=lambda n: n.attrs.get("result", 0))) for group in groups.values()]


def may_raise(node: Tensor) -> bool:
    """Whether the kernel of a node fails for some values: then no parameter may have changed yet."""
    return node.op.raises or (node.op in (ops.power, ops.fixed_power) and not is_float(node.dtype))


def _alone(graph: Graph) -> set[int]:
    """The updates whose new value nobody else reads or is given, and whose last operation never fails."""
    read = {source for node in graph.nodes for source in node.inputs}
    wanted = set(graph.outputs)
    uses = Counter(value for _, value in graph.updates)
    free = {v for v in uses if v not in read and v not in wanted and uses[v] == 1 and not may_raise(v)}
    return {i for i, (_, v) in enumerate(graph.updates) if v in free}


# ---- a plan whose commits are single calls at the end of a step ----


def direct_updates(graph: Graph) -> set[int]:
    """The updates whose last operation may write straight into the parameter, in the commit at the end of a step.

    All of them run after everything else, so it is enough that nobody else reads the new value, that one ufunc makes
    it (so that no interrupt can fall between two halves), that it reads no input and no result (commits are bound ahead
    of the call) and no parameter that another update changes, and that it
    reads its own parameter, if at all, as an operand that it may overwrite.
    """
    changed = {target for target, _ in graph.updates}
    wanted = set(graph.outputs)
    direct: set[int] = set()
    for i in sorted(_alone(graph)):
        target, value = graph.updates[i]
        if isinstance(value.op.kernel, np.ufunc) and _reads_safely(value, target, changed, wanted):
            direct.add(i)
    return direct


def _reads_safely(value: Tensor, target: Tensor, changed: set[Tensor], wanted: set[Tensor]) -> bool:
    for position, operand in enumerate(value.inputs):
        root = root_of(operand)
        if root.role == "placeholder" or root in wanted:
            return False
        if root in changed and (root is not target or operand is not target or position not in value.op.inplace):
            return False
    return True


# ---- a plan whose steps run to their end ----


def fused_updates(graph: Graph) -> set[int]:
    """The updates that may be written straight into their parameters, each group of siblings after whoever reads the
    old values.

    A group has nothing but new values to compute, and reads its own parameters element by element, at the place that
    it then writes. Groups that need each other's old values in a circle cannot all be direct.
    """
    number = {graph.updates[i][1]: i for i in _alone(graph)}
    groups = [g for g in siblings(graph.nodes) if all(n in number and _elementwise(n) for n in g)]
    targets = {g: [graph.updates[number[n]][0] for n in g] for g in groups}
    allowed = [g for g in groups if _overwrites_safely(g, targets[g])]
    kept = _without_circles({g: targets[g] for g in allowed})
    return {number[n] for g in kept for n in g}


def _elementwise(node: Tensor) -> bool:
    if node.op is fused:
        return bool(node.attrs["body"].outputs[node.attrs["result"]].op.elementwise)
    if node.op is gemm:
        return node.inputs[2].shape == node.shape
    return node.op.elementwise and node.op.name in reserved


def _overwrites_safely(group: Group, targets: Sequence[Tensor]) -> bool:
    """Whether a group reads the parameters that it writes, if at all, just where it writes."""
    node = group[0]
    along, own = set(overwritable_operands(node)), set(targets)
    for position, operand in enumerate(node.inputs):
        if root_of(operand) in own and (operand not in own or position not in along):
            return False
    shapes = {target.shape for target in targets}
    return len(shapes) == 1


def _without_circles(targets: Mapping[Group, Sequence[Tensor]]) -> list[Group]:
    """The groups in an order in which each comes after those that read its parameters, as far as there is one."""
    owner = {target: group for group, own in targets.items() for target in own}
    waits: dict[Group, set[Group]] = {group: set() for group in targets}
    for group in targets:
        for operand in group[0].inputs:
            other = owner.get(root_of(operand))
            if other is not None and other is not group:
                waits[other].add(group)
    kept: list[Group] = []
    while free := [g for g, before in waits.items() if not before]:
        kept += free
        for group in free:
            del waits[group]
        for before in waits.values():
            before.difference_update(free)
    return kept


def placed(order: Sequence[Tensor], targets: Mapping[Tensor, Tensor], early: bool) -> list[Group]:
    """The groups of `order`, with those that write into parameters after all that read the old values.

    `early` puts them right there, so that what they read need not be kept; else they come at the end of the step.
    """
    groups = siblings(order)
    at = {node: i for i, group in enumerate(groups) for node in group}
    readers: dict[Tensor, list[Tensor]] = {target: [] for target in targets.values()}
    for node in order:
        for operand in node.inputs:
            if (root := root_of(operand)) in readers:
                readers[root].append(node)
    places = _Places(groups, at)
    writing = [group for group in groups if group[0] in targets]
    for group in _without_circles({g: [targets[n] for n in g] for g in writing}):
        own = set(group)
        before = [*group[0].inputs, *(r for n in group for r in readers[targets[n]] if r not in own)]
        places.move(group, before if early else order[-1:])
    return places.order()


class _Places:
    """Groups by a key that sorts them: where they stood, or right after the last that they wait for."""

    def __init__(self, groups: Sequence[Group], at: Mapping[Tensor, int]) -> None:
        self.groups, self.at = groups, at
        self.key: dict[Group, tuple[int, int]] = {group: (i, 0) for i, group in enumerate(groups)}
        self.moved = 0

    def move(self, group: Group, before: Iterable[Tensor]) -> None:
        """Put `group` right after the last of `before`, and after what was put there already."""
        self.moved += 1
        keys = [self.key[self.groups[self.at[node]]] for node in before]
        self.key[group] = (max((key[0] for key in keys), default=-1), self.moved)

    def order(self) -> list[Group]:
        return sorted(self.groups, key=self.key.__getitem__)
