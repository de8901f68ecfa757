"""`Graph`: what a program computes, its nodes in an order in which they can be computed, printed one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

from minitorch.errors import ArgumentError
from minitorch.graph.dim import Dim
from minitorch.graph.flat import from_rows, to_rows
from minitorch.graph.order import depth_first
from minitorch.graph.pictured import Pictured
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable, shown
from minitorch.graph.types import show_shape
from minitorch.lazy import lazy

viz = lazy("minitorch.viz")

Update = tuple[Tensor, Tensor]
MOST_TEXT = 160  # characters of a fused expression that is still read as one


class Graph(Pictured):
    """Outputs, and updates of parameters, with every node that they need. Immutable; prints one line a node.

    `nodes` are in topological order: depth-first from the outputs, or as a pass has arranged them.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", ("batch", 2))
    >>> print(Graph([mt.tanh(x * 2.0)], name="double").text(origins=False))
    double: 4 nodes
      x: f32[batch, 2] = placeholder
      %0: f32[] = 2.0
      %1: f32[batch, 2] = multiply(x, %0)
      %2: f32[batch, 2] = tanh(%1)
      return %2
    """

    __slots__ = ("inputs", "name", "nodes", "outputs", "training", "updates")

    def __init__(
        self, outputs: Sequence[Tensor], updates: Sequence[Update] = (), inputs: Sequence[Tensor] = (),
        name: str = "graph", nodes: Iterable[Tensor] | None = None, training: bool = True,
    ) -> None:  # fmt: skip
        if nodes is None:
            _require_tensors(outputs, updates, inputs, name)
        self.outputs, self.updates, self.inputs = tuple(outputs), tuple(updates), tuple(inputs)
        self.name, self.training = name, training
        self.nodes = tuple(depth_first(self.roots) if nodes is None else nodes)

    def rebuilt(
        self, outputs: Sequence[Tensor], updates: Sequence[Update], nodes: Iterable[Tensor] | None = None
    ) -> Graph:  # fmt: skip
        """A graph for the same purpose, of other nodes."""
        return Graph(outputs, updates, self.inputs, self.name, nodes, self.training)

    @property
    def roots(self) -> tuple[Tensor, ...]:
        """The tensors that are asked for: outputs, then the new values of updates."""
        return self.outputs + tuple(value for _, value in self.updates)

    @property
    def mentioned(self) -> tuple[Tensor, ...]:
        """Inputs and what is updated, needed or not, then all other nodes."""
        return tuple(dict.fromkeys((*self.inputs, *(target for target, _ in self.updates), *self.nodes)))

    def labels(self) -> dict[Tensor, str]:
        """A name for each node, unique in this graph: the user's where there is one, else a number."""
        labels: dict[Tensor, str] = {}
        nodes = self.mentioned
        taken: set[str] = set()
        repeats: dict[str, int] = {}
        for node in nodes:
            if node.name is not None:
                labels[node] = _unique(printable(node.name), taken, repeats)
        numbers = (label for i in count() if (label := f"%{i}") not in taken)
        return {node: labels.get(node) or next(numbers) for node in nodes}

    def text(self, origins: bool = True) -> str:
        """One typed line a node, then what is returned and updated. `origins` adds the user's lines."""
        labels = self.labels()
        lines = [f"{printable(self.name)}: {len(self.nodes)} nodes"]
        rows = [(_line(node, labels), place(node) if origins else "") for node in self.nodes]
        width = min(max((len(line) for line, _ in rows), default=0), 72)
        lines += [f"  {line:{width}}  # {where}" if where else f"  {line}" for line, where in rows]
        if self.outputs or not self.updates:
            lines.append(f"  return {', '.join(labels[t] for t in self.outputs) or 'nothing'}")
        lines += [f"  update {labels[target]} <- {labels[value]}" for target, value in self.updates]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.nodes)} nodes, {len(self.outputs)} outputs, {len(self.updates)} updates>"

    def __reduce__(self) -> tuple[Callable[..., Graph], tuple[Any, ...]]:
        number = {node: i for i, node in enumerate(self.nodes)}
        outputs = [number[t] for t in self.outputs]
        updates = [(target, number[value]) for target, value in self.updates]
        return _restored, (to_rows(self.nodes), outputs, updates, self.inputs, self.name, self.training)


def _require_tensors(outputs: Any, updates: Any, inputs: Any, name: Any) -> None:
    """Refuse what a graph cannot be made of."""
    if not isinstance(name, str):
        raise ArgumentError(f"Graph: a name is a str, but {shown(name)} was given")
    for what, given in (("outputs", outputs), ("inputs", inputs)):
        if not isinstance(given, list | tuple) or not all(isinstance(t, Tensor) for t in given):
            raise ArgumentError(f"Graph: {what} are a list of tensors, but {shown(given)} was given")
    for pair in updates if isinstance(updates, list | tuple) else [None]:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(t, Tensor) for t in pair):
            what = "updates are a list of pairs, of a variable and its new value"
            raise ArgumentError(f"Graph: {what}, but {shown(updates)} was given")


def draw(what: Any, path: Any, **options: Any) -> None:
    """Write a picture of a tensor, a graph, a program or a module to `path`; its suffix says which kind.

    See `minitorch.viz.draw` for the options.
    """
    viz.draw(what, path, **options)


def _restored(
    rows: list[Any], outputs: list[int], updates: list[tuple[Tensor, int]], inputs: tuple[Tensor, ...], name: str,
    training: bool,
) -> Graph:  # fmt: skip
    nodes = from_rows(rows)
    pairs = [(target, nodes[i]) for target, i in updates]
    return Graph([nodes[i] for i in outputs], pairs, inputs, name, nodes, training)


def _unique(name: str, taken: set[str], repeats: dict[str, int]) -> str:
    """`name`, or the first of name#2, name#3, ... that no other has."""
    label = name or "''"
    while label in taken:
        repeats[name] = repeats.get(name, 1) + 1
        label = f"{name}#{repeats[name]}"
    taken.add(label)
    return label


def place(node: Tensor, role: bool = True) -> str:
    """Where a node comes from: the user's lines, the scope, and the role where it is not forward."""
    lines = ", ".join(dict.fromkeys(map(str, node.origins)))
    parts = [lines, printable(node.scope), node.role if role and node.role in ("gradient", "update") else ""]
    return "  ".join(filter(None, parts))


def _line(node: Tensor, labels: dict[Tensor, str]) -> str:
    return f"{labels[node]}: {node.type} = {expression(node, [labels[i] for i in node.inputs])}"


def expression(node: Tensor, inputs: Sequence[str]) -> str:
    """A node as the call that makes it: `sum(%3, axis=(0,))`."""
    if node.op.name == "constant":
        return constant_text(node)
    if not node.attrs and inputs:
        return f"{node.op.name}({', '.join(inputs)})"
    if "storage" in node.attrs:
        return node.op.name
    if isinstance(body := node.attrs.get("body"), Graph):
        return _body_text(body, node.attrs["result"], inputs)
    arguments = [*inputs, *(f"{key}={attr_text(value)}" for key, value in node.attrs.items())]
    return f"{node.op.name}({', '.join(arguments)})" if arguments else node.op.name


def _body_text(body: Graph, result: int, inputs: Sequence[str]) -> str:
    """A region as the one expression that it is, where that is short; else the operations in it."""
    texts = dict(zip(body.inputs, inputs, strict=True))
    for node in body.nodes:
        if node not in texts:
            texts[node] = expression(node, [texts[i] for i in node.inputs])[: MOST_TEXT + 1]
    text = texts[body.outputs[result]]
    if len(text) <= MOST_TEXT:
        return text
    names = ", ".join(node.op.name for node in body.nodes if node.inputs)
    return f"result {result} of {{{names}}}({', '.join(inputs)})"


def constant_text(node: Tensor) -> str:
    value = node.attrs["value"]
    if value.size <= 4:
        return str(value.tolist())
    return f"constant({', '.join(f'{v:.4g}' for v in value.flat[:3])}, ...)"


def attr_text(value: object) -> str:
    """An attribute on one line."""
    if type(value) is tuple and all(isinstance(v, int | Dim) for v in value):
        return show_shape(value)
    if type(value) is tuple:
        return f"({', '.join(attr_text(v) for v in value)})"
    return repr(value) if isinstance(value, str) else str(value)
