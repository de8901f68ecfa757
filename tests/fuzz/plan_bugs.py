"""Planted bugs of the planner: slots reused too early, results written over what is still read.

In place over an operand that is broadcast, or of another dtype, or over a view of the updated parameter itself are not
among them: NumPy sees that the operands overlap and reads first. A backend that does not should be measured on them.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from minitorch.compiler import plan, updates
from minitorch.compiler.backends import numpy_source
from tests.fuzz.planting import Patches, bug

# ---- lifetimes ----


@bug("a slot is reused one instruction early")
def early_slot() -> Patches:
    plain = plan._Planner._instruction

    def instruction(self: Any, i: int, draft: Any, slots: Any) -> Any:
        roots = dict.fromkeys(self.values[source].root for source in draft.nodes[0].inputs)
        if draft.values[0].kind == "arena" and draft.stage != plan.BIND:
            for root in roots:
                if root.kind == "arena" and root.dies == i and root.slot is not None:
                    slots.free(root.slot)
                    root.dies = len(self.drafts) + len(self.commits) + 1  # it is free already
        return plain(self, i, draft, slots)

    return [patch.object(plan._Planner, "_instruction", instruction)]


@bug("a slot is reused while a view of it is still read")
def forgotten_view() -> Patches:
    def lifetimes(self: Any, drafts: Any) -> None:
        for i, draft in enumerate(drafts):
            if draft.stage == plan.BIND:
                continue
            for value in draft.values:
                value.born = i
            for source in draft.nodes[0].inputs:
                read = self.values[source]
                read.dies = i
                if read.root is not read and read.root.dies < 0:
                    read.root.dies = i
        for t in self.graph.outputs:
            self.values[t].dies = len(drafts)

    return [patch.object(plan._Planner, "_lifetimes", lifetimes)]


# ---- in place ----


def overwritten(alone: bool = True, allowed: bool = True, last: bool = True) -> Patches:
    """The planner's choice of what to overwrite, with some of its conditions left out."""

    def choose(self: Any, i: int, node: Any, inputs: Any, reused: Any) -> Any:
        for value in inputs:
            if (
                value.kind == "arena"
                and (value.dies == i or not last)
                and (not alone or all(v is value or v.root is not value for v in inputs))
                and (not allowed or all(p in node.op.inplace for p, v in enumerate(inputs) if v is value))
                and node.op.elementwise
                and (value.node.shape, value.node.dtype) == (node.shape, node.dtype)
            ):
                return value
        return None

    return [patch.object(plan._Planner, "_overwritten", choose)]


@bug("in place over a flipped, shifted or transposed read of the same buffer")
def over_a_view() -> Patches:
    return overwritten(alone=False)


@bug("in place over an operand that the kernel still reads")
def over_an_operand() -> Patches:
    return overwritten(allowed=False)


@bug("in place over a value that is read again later")
def over_a_later_read() -> Patches:
    return overwritten(last=False)


# ---- into what is not the program's ----


def written_into(kind: str) -> Patches:
    """Elementwise instructions write into an operand of that kind."""
    plain = numpy_source.Writer._name_values

    def name_values(self: Any) -> None:
        plain(self)
        for i in self.plan.instructions:
            viewed = any(v.root is i.output and v is not i.output for v in self.plan.values)
            if i.stage != plan.CALL or not i.node.op.elementwise or i.output.kind != "arena" or viewed:
                continue
            for v in i.inputs:
                if v.kind == kind and v.node.type == i.node.type:
                    self.value_names[i.output] = self.value_names[v]

    return [patch.object(numpy_source.Writer, "_name_values", name_values)]


@bug("in place into an input")
def into_input() -> Patches:
    return written_into("input")


@bug("in place into a constant")
def into_constant() -> Patches:
    return written_into("constant")


@bug("in place into a parameter")
def into_parameter() -> Patches:
    return written_into("parameter")


@bug("in place into a parameter that another update still reads")
def into_parameter_early() -> Patches:
    def safely(value: Any, target: Any, changed: Any, wanted: Any) -> bool:
        return not any(i.op.view or i.role == "placeholder" or i in wanted for i in value.inputs)

    return [patch.object(updates, "_reads_safely", safely)]
