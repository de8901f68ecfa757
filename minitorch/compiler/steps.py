"""The steps of the chain rule, found again for those who show them.

Differentiation keeps no more than what it was asked for. The same sweep made once more makes the same nodes in the same
order, and says of each which step it is the result of; so its k-th node tells what the k-th was in the first sweep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from minitorch.compiler.autodiff import Noted, Step, Sweep, sweep
from minitorch.graph.order import depth_first
from minitorch.graph.tensor import Tensor, next_serial


def steps_of(gradient: Tensor) -> list[Step]:
    """The steps of the chain rule whose result a tensor is."""
    return steps_in(depth_first([gradient])).get(gradient, [])


def steps_in(nodes: Iterable[Tensor]) -> dict[Tensor, list[Step]]:
    """The same for each of many nodes, of those sweeps that some of them belong to."""
    known = {node.serial: node for node in nodes}
    sweeps = {id(s): (s, node) for node in known.values() if (s := getattr(node, "_sweep", None)) is not None}
    found: dict[Tensor, list[Step]] = {}
    for made, keeper in sweeps.values():
        for serial, step in _again(made, keeper, known):
            found.setdefault(known[serial], []).append(step)
    return found


def _again(made: Sweep, keeper: Tensor, known: Mapping[int, Tensor]) -> Iterator[tuple[int, Step]]:
    """The steps of a sweep with the serials of their results, as far as these are known and what they were."""
    if (asked := made.asked(keeper)) is None:
        return
    start = next_serial()
    noted: Noted = []
    sweep(*asked, noted)

    def first(double: Tensor) -> int:
        """The serial in the first sweep; its own of what is older."""
        return double.serial if double.serial < start else double.serial - start + made.first

    for double, step in noted:
        node = known.get(first(double))
        if node is None or node.op is not double.op or node.type != double.type:
            continue
        if [i.serial for i in node.inputs] == [*map(first, double.inputs)]:  # no other thread made nodes in between
            yield node.serial, step
