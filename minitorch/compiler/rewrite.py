"""Rebuild a graph, giving rules a chance at every node: the one traversal that all passes share."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from minitorch.compiler.checked import Check
from minitorch.graph.dim import Dim
from minitorch.graph.graph import Graph
from minitorch.graph.origin import context, derived, merge_origins
from minitorch.graph.tensor import Op, Tensor

Rule = Callable[[Tensor], Tensor | None]
"""What a node may be replaced by, or None to keep it. The first line of its docstring is the law that it uses."""

_REASSOCIATES: set[Rule] = set()

MOST_STEPS = 32  # rewrites of one node in one traversal; a set of rules that goes on longer runs in circles
MERGED = "the same operation on the same inputs is computed once"
PLAIN = (int, str, Dim, np.dtype, type(None))  # of attributes that are equal where their bits are
ROLES = ("placeholder", "parameter", "constant", "forward", "gradient", "update")


def reassociating(rule: Rule) -> Rule:
    """Declare that a rule may change the last bits: the same sum, added up in another order."""
    _REASSOCIATES.add(rule)
    return rule


class Rewrite(NamedTuple):
    """One replacement: the law, the node before and after. `reassociates` where the law may change the last bits.

    `difference` is the largest that `Program.verify` found between the values of the two sides on ordinary numbers, in
    the floats of the program; None before it looked.
    """

    reason: str
    before: Tensor
    after: Tensor
    reassociates: bool = False
    difference: float | None = None

    @property
    def checked(self) -> bool:
        """Whether both sides were computed on the same values, and agreed."""
        return self.difference is not None

    @property
    def changes_values(self) -> bool:
        """Whether the value is computed in another way; not where the same is only done once."""
        return self.reason != MERGED

    def __str__(self) -> str:
        return f"{self.reason}: {self.before.describe()} -> {self.after.describe()}"


class PassRecord(NamedTuple):
    """What one pass did: the graph before and after it, and each rewrite with its reason.

    `checks` are what `Program.verify` found, for each float type; none before it looked.
    """

    name: str
    before: Graph
    after: Graph
    rewrites: tuple[Rewrite, ...] = ()
    checks: tuple[Check, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {len(self.before.nodes)} -> {len(self.after.nodes)} nodes, {len(self.rewrites)} rewrites"


Pass = Callable[[Graph], tuple[Graph, list[Rewrite]]]
"""A pass: the graph that it makes of another, and the log of what it did."""


# ---- interning: one node for each operation on the same inputs ----


class Interner:
    """Nodes by what they compute. Placeholders, parameters and random nodes stand for themselves."""

    def __init__(self) -> None:
        self.known: dict[object, Tensor] = {}
        self.finished: set[Tensor] = set()

    def __call__(self, node: Tensor) -> Tensor:
        """The node that computes what `node` does: an earlier one where there is one."""
        if node in self.finished:
            return node
        key = structure(node)
        found = node if key is None else self.known.setdefault(key, node)
        self.finished.add(found)
        return found


def structure(node: Tensor) -> object:
    """What makes two nodes the same: operation, inputs, attributes and exact bits (0.0 is not -0.0, 1 is not True)."""
    if node.op.name == "constant":
        value = node.attrs["value"]
        return "constant", value.tobytes(), value.shape, value.dtype, node.type.weak
    if node.op.distinct or node.role in ("placeholder", "parameter"):
        return None
    attrs = tuple([(key, exact(value)) for key, value in node.attrs.items()]) if node.attrs else ()
    return node.op, tuple([i.serial for i in node.inputs]), attrs


def exact(value: object) -> object:
    """A key that is equal only for attributes of the same type and bits."""
    if isinstance(value, tuple):
        return tuple([exact(v) for v in value])
    if isinstance(value, float):
        return "float", value.hex()
    if isinstance(value, PLAIN):
        return type(value), value
    return id(value)


# ---- the traversal ----


def rewrite(graph: Graph, rules: Mapping[Op, Sequence[Rule]] | None = None) -> tuple[Graph, list[Rewrite]]:
    """The graph with every node rebuilt on rebuilt inputs, interned, and offered to the rules for its operation.

    Common subexpressions and dead nodes disappear on the way, whatever the rules are.
    """
    return _Traversal(rules or {}).run(graph)


class _Traversal:
    def __init__(self, rules: Mapping[Op, Sequence[Rule]]) -> None:
        self.rules = rules
        self.intern = Interner()
        self.becomes: dict[Tensor, Tensor] = {}
        self.placed: dict[Tensor, None] = {}  # as first met, which is topological
        self.absorbed: dict[Tensor, list[Tensor]] = {}  # nodes, with those that were merged into them
        self.log: list[Rewrite] = []

    def run(self, graph: Graph) -> tuple[Graph, list[Rewrite]]:
        with derived(None, "forward"):
            for node in graph.nodes:
                self.becomes[node] = self._visit(node)
        final = self._refreshed() if self.absorbed else {node: node for node in self.placed}
        outputs = [final[self.becomes[t]] for t in graph.outputs]
        updates = [(target, final[self.becomes[value]]) for target, value in graph.updates]
        nodes = needed(final.values(), (*outputs, *(value for _, value in updates)))
        log = [Rewrite(r.reason, r.before, final.get(r.after, r.after), r.reassociates) for r in self.log]
        return graph.rebuilt(outputs, updates, nodes), log

    def _visit(self, node: Tensor) -> Tensor:
        new = node
        for _ in range(MOST_STEPS):
            new = on_inputs(new, self.becomes)
            found = self.intern(new)
            if found is not new:
                self._merged(new, found)
                new = found
            rules = None if new in self.placed else self.rules.get(new.op)
            replacement = None if rules is None else self._apply(rules, new)
            if replacement is None:
                self.placed[new] = None
                self.becomes.setdefault(new, new)
                return new
            new = self._adopted(replacement)
        raise AssertionError(f"the rules for {node.op.name} run in circles")

    def _merged(self, node: Tensor, found: Tensor) -> None:
        self.log.append(Rewrite(MERGED, node, found))
        self.absorbed.setdefault(found, []).append(node)

    def _apply(self, rules: Sequence[Rule], node: Tensor) -> Tensor | None:
        """The first replacement that a rule gives, made in the name of the node it replaces."""
        context.source, context.role = (node.origins, node.scope), node.role
        for rule in rules:
            replacement = rule(node)
            if replacement is not None:
                self.log.append(Rewrite(law(rule), node, replacement, rule in _REASSOCIATES))
                return replacement
        return None

    def _adopted(self, replacement: Tensor) -> Tensor:
        """What a rule made, with its new inputs visited first."""
        for node in _fresh(replacement, self.placed):
            if node is not replacement:
                self.becomes[node] = self._visit(node)
        return replacement

    def _refreshed(self) -> dict[Tensor, Tensor]:
        """Nodes that absorbed others, anew with the origins of all; and so whatever reads them."""
        final: dict[Tensor, Tensor] = {}
        for node in self.placed:
            merged = self.absorbed.get(node, ())
            new = on_inputs(node, final)
            if merged and node.role not in ("placeholder", "parameter"):
                origins = node.origins
                for other in merged:
                    origins = merge_origins(origins, other.origins)
                role = min((node.role, *(other.role for other in merged)), key=ROLES.index)
                new = new.replace(origins=origins, role=role)
            final[node] = new
        return final


def on_inputs(node: Tensor, becomes: Mapping[Tensor, Tensor]) -> Tensor:
    """`node` computed from what its inputs have become, of the same types; itself where none is another."""
    for i in node.inputs:
        if becomes[i] is not i:
            return node.with_inputs(tuple([becomes[i] for i in node.inputs]))
    return node


def law(rule: Rule) -> str:
    """The first line of a rule's docstring."""
    return (rule.__doc__ or rule.__name__).strip().splitlines()[0].rstrip(".")


def _fresh(root: Tensor, placed: Container[Tensor]) -> list[Tensor]:
    """The nodes under `root` that are not placed yet, inputs first."""
    order: list[Tensor] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node not in placed:
            order.append(node)
            stack.extend(node.inputs)
    return list(dict.fromkeys(reversed(order)))


def needed(order: Iterable[Tensor], roots: Iterable[Tensor]) -> list[Tensor]:
    """Those of `order` that `roots` need."""
    alive: set[Tensor] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in alive:
            alive.add(node)
            stack.extend(node.inputs)
    return [node for node in order if node in alive]


# ---- the verifier ----


class VerificationError(AssertionError):
    """A pass broke the graph: a bug of minitorch, not of the user."""


def verify(before: Graph, after: Graph, name: str) -> None:
    """Check what every pass must keep: types of roots and new nodes, inputs before uses, leaves, update targets."""
    old = set(before.nodes)
    seen: set[Tensor] = set()
    for node in after.nodes:
        if not seen.issuperset(node.inputs):
            raise VerificationError(f"{name}: {node.describe()} comes before one of its inputs")
        seen.add(node)
        if node in old:
            continue
        if node.inputs:
            _verify_type(node, name)
        if node.role in ("placeholder", "parameter"):
            raise VerificationError(f"{name}: {node.describe()} is a leaf that was not there before")
    if len(after.outputs) != len(before.outputs) or len(after.updates) != len(before.updates):
        raise VerificationError(f"{name}: outputs or updates were lost, or came from nowhere")
    for root, was in zip(after.roots, before.roots, strict=True):
        if root not in seen or root.type != was.type:
            raise VerificationError(f"{name}: {was.describe()} became {root.describe()}")
    if [target.serial for target, _ in after.updates] != [target.serial for target, _ in before.updates]:
        raise VerificationError(f"{name}: the updates are not those of before")


def _verify_type(node: Tensor, name: str) -> None:
    inferred = node.op.infer(*[i.type for i in node.inputs], **node.attrs)
    if inferred != node.type:
        raise VerificationError(f"{name}: {node.describe()} should have the type {inferred}")
