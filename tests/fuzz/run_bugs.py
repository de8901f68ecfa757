"""Planted bugs of what surrounds the plan: results and their memory, sizes, order, the NumPy backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from minitorch.compiler import slots
from minitorch.compiler.backends import base, numpy_source
from minitorch.compiler.passes import materialise
from minitorch.executor import Executor
from tests.fuzz.planting import Patches, bug, module_of

# ---- results and updates ----


def materialised(shared: Callable[[Any, list[Any]], bool] | None, stored: bool) -> Patches:
    """Another rule for which results are copied, or none for which new values are."""
    owner = module_of(materialise)

    class Wrong(owner._Materialise):  # type: ignore[name-defined,misc]
        def copy(self, node: Any, reason: str, role: str | None = None) -> Any:
            if reason == owner.RESULT and shared is not None and shared(node, self.nodes):
                return node
            if reason == owner.STORED and stored:
                return node
            return super().copy(node, reason, role)

    results = numpy_source.Writer._results

    def only_results(self: Any) -> Any:
        names = {self.value_names[v] for v in self.plan.outputs if v.kind == "result"}
        return [line for line in results(self) if line.split(" ")[0] in names]

    return [patch.object(owner, "_Materialise", Wrong), patch.object(numpy_source.Writer, "_results", only_results)]


@bug("an output is the memory of a parameter")
def output_is_parameter() -> Patches:
    return materialised(lambda node, nodes: "storage" in node.attrs, stored=False)


@bug("an output is the caller's input")
def output_is_input() -> Patches:
    return materialised(lambda node, nodes: node.op.name == "placeholder", stored=False)


@bug("two outputs are one array")
def output_is_output() -> Patches:
    return materialised(lambda node, nodes: bool(node.inputs) and not node.op.view, stored=False)


@bug("an output is a view of the arena or of an input")
def output_is_view() -> Patches:
    return materialised(lambda node, nodes: node.op.view, stored=False)


@bug("updates are applied one after the other: a swap makes both the same")
def one_after_the_other() -> Patches:
    return materialised(None, stored=True)


# ---- sizes and order ----


@bug("the binding of the first batch size is used for every other")
def stale_binding() -> Patches:
    def binding(self: Any, work: Any) -> Any:
        return next(iter(self.bound.values()), None) or bind(self, work)

    bind = Executor._binding
    return [patch.object(Executor, "_binding", binding)]


@bug("a binding is found by the first input's shape alone")
def half_a_key() -> Patches:
    def binding(self: Any, work: Any) -> Any:
        kinds, _ = work
        return next((b for k, b in self.bound.items() if k[:1] == kinds[:1]), None) or bind(self, work)

    bind = Executor._binding
    return [patch.object(Executor, "_binding", binding)]


@bug("the order of nodes depends on their hashes")
def hash_order() -> Patches:
    def by_hash(nodes: Any) -> Any:
        left, done, order = set(nodes), set(), []
        while left:
            node = next(n for n in left if all(i in done for i in n.inputs))
            left.remove(node)
            done.add(node)
            order.append(node)
        return order

    return [patch("minitorch.compiler.passes.sort.as_written", by_hash)]


# ---- the NumPy backend ----


def emit(name: str, new: Any) -> Patches:
    return [patch.dict(numpy_source.EMIT, {name: new})]


@bug("a sum over an empty axis is not computed")
def empty_sum() -> Patches:
    plain = numpy_source.EMIT["sum"]
    return emit("sum", lambda w, out, x, n: [f"{x[0]}.size and {plain(w, out, x, n)[0]}"])


@bug("relu loses NaN")
def relu_of_nan() -> Patches:
    return [
        *emit("relu", lambda w, out, x, n: [f"fmax({x[0]}, {w.scalar(0, n)}, out={out})"]),
        patch.dict(numpy_source.NUMPY, {"fmax": np.fmax}),
    ]


@bug("where overwrites the operand that it reads next")
def where_twice() -> Patches:
    code = lambda w, out, x, n: [f"copyto({out}, {x[1]})", f"copyto({out}, {x[2]}, where=~{x[0]})"]
    return emit("where", code)


@bug("slots are laid out for the smallest of the values that share them")
def narrow_slots() -> Patches:
    def layout(self: Any, sizes: Any) -> Any:
        offsets = [0]
        for members in self.slots:
            width = min(base.evaluate(size, sizes) for size in members)
            offsets.append(offsets[-1] - (-width // 64) * 64)
        return [*offsets[:-1], offsets[-1] + 10**6]

    return [patch.object(base.Memory, "layout", layout)]


@bug("slots are compared at nominal sizes")
def nominal_slots() -> Patches:
    return [patch.object(slots, "at_least", lambda a, b: slots.nominal(a) >= slots.nominal(b))]
