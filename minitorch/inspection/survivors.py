"""Survivors: which node of the compiled graph has the value of a tensor that the user holds, and where others went.

Two nodes have one value where a rewrite says that the second stands for the first, where they are the same root before
and after a pass, and where they are the same operation on operands of which this is known (congruence closure, after
Downey, Sethi and Tarjan 1980, by going over all nodes until nothing is found any more).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from minitorch.compiler.fused import fused
from minitorch.compiler.rewrite import PassRecord, exact
from minitorch.graph.graph import expression
from minitorch.graph.order import depth_first
from minitorch.graph.tensor import Tensor
from minitorch.program import Program

MOST_ROUNDS = 16


class Survivors:
    """The nodes of all graphs of a program, from the written one to the one that runs, in classes of equals."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._parent: dict[Tensor, Tensor] = {}
        self.nodes = list(dict.fromkeys(self._all()))
        for a, b in self._given():
            self._join(a, b)
        for _ in range(MOST_ROUNDS):
            if not self._congruent():
                break
        final = (*program.graph.inputs, *program.graph.nodes)
        self.last = {self.find(node): node for node in reversed(final)}

    def get(self, node: Tensor) -> Tensor:
        """The node of the compiled graph that has the value of `node`; itself where there is none."""
        return self.last.get(self.find(node), node)

    def fate(self, node: Tensor) -> str:
        """Where a value went that the compiled graph does not have as a whole; "" of what was never part of it."""
        return self._inside(node) or self._gone(node)

    # ---- classes ----

    def find(self, node: Tensor) -> Tensor:
        """The node that stands for the class of `node`."""
        path = []
        while (up := self._parent.get(node, node)) is not node:
            path.append(node)
            node = up
        self._parent.update(dict.fromkeys(path, node))
        return node

    def _join(self, a: Tensor, b: Tensor) -> bool:
        one, other = self.find(a), self.find(b)
        if one is not other:
            self._parent[other] = one
        return one is not other

    def _all(self) -> Iterator[Tensor]:
        program = self.program
        yield from program.written.nodes
        for record in program.passes:
            sides = [side for r in record.rewrites for side in (r.before, r.after)]
            yield from depth_first([*record.before.nodes, *sides, *record.after.nodes])
        for node in program.graph.nodes:
            if node.op is fused:
                yield from node.attrs["body"].nodes

    def _given(self) -> Iterator[tuple[Tensor, Tensor]]:
        """What is known to be equal before looking at operations."""
        program = self.program
        yield from zip(program.traced.nodes, program.written.nodes, strict=True)
        for record in program.passes:
            yield from ((r.before, r.after) for r in record.rewrites)
            if len(record.before.roots) == len(record.after.roots):
                yield from zip(record.before.roots, record.after.roots, strict=True)
        for node in program.graph.nodes:
            if node.op is fused:
                body = node.attrs["body"]
                yield node, body.outputs[node.attrs["result"]]
                yield from zip(node.inputs, body.inputs, strict=True)

    def _congruent(self) -> bool:
        """Join the nodes that are the same operation on operands of the same classes; whether any were found."""
        known: dict[object, Tensor] = {}
        found = False
        for node in self.nodes:
            if node.op.name == "constant":
                value = node.attrs["value"]
                key: object = ("constant", value.tobytes(), value.shape, value.dtype)
            elif not node.inputs and node.role in ("placeholder", "parameter"):
                continue
            else:
                attrs = exact(tuple(node.attrs.items()))
                key = (node.op, tuple([self.find(i).serial for i in node.inputs]), attrs, node.type)
            found |= self._join(known.setdefault(key, node), node)
        return found

    # ---- what became of the others ----

    @cached_property
    def _bodies(self) -> dict[Tensor, Tensor]:
        """By class, a node of the compiled graph that computes a value of this class on the way."""
        found: dict[Tensor, Tensor] = {}
        for node in self.program.graph.nodes:
            if node.op is fused:
                found.update((self.find(n), node) for n in reversed(node.attrs["body"].nodes))
        return found

    def _inside(self, node: Tensor) -> str:
        within = self._bodies.get(self.find(node))
        if within is None:
            return ""
        labels = self.program.graph.labels()
        calls = [i for i in self.program.plan.instructions if not i.node.op.view]
        number = next((k for k, i in enumerate(calls, 1) if within in i.nodes), None)
        call = f"{labels[within]} = {expression(within, [labels[i] for i in within.inputs])}"
        where = f"instruction {number} of {len(calls)}" if number else "an instruction"
        return f"its value lives in registers inside {where}, {call}; trace without compiled=True shows it"

    def _gone(self, node: Tensor) -> str:
        wanted = self.find(node)
        record = next((p for p in self.program.passes if self._loses(p, wanted)), None)
        if record is None:
            return ""
        laws = [r.reason for r in record.rewrites if any(self.find(i) is wanted for i in r.before.inputs)]
        law = f": {laws[0]}" if laws else ""
        return f"the compiled program does without it since the pass {record.name}{law}"

    def _loses(self, record: PassRecord, wanted: Tensor) -> bool:
        has = [any(self.find(n) is wanted for n in graph.nodes) for graph in (record.before, record.after)]
        return has == [True, False]
