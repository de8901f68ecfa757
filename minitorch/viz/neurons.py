"""The picture neuron by neuron: layers as their units, and a unit alone as weighted sum, bias and activation.

Drawn as textbooks draw networks (Rosenblatt 1958; Goodfellow, Bengio and Courville, Deep Learning, 2016, ch. 6), with
the value and the gradient of each unit in it when a run is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from minitorch.compiler.autodiff import grad
from minitorch.errors import GradientError
from minitorch.graph.graph import Graph, place
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.graph.types import is_float
from minitorch.program import compile
from minitorch.viz.dense import Dense, Layers
from minitorch.viz.picture import LATE, Arrow, Box, Picture, drawn_from

MOST_UNITS = 8  # units of a layer that are drawn: of a wider one the first and the last
FIRST, LAST = 5, 2
MOST_WEIGHTS = 12  # between two layers, that stand at their arrows; others are told when the pointer is on them
LATE_REMARK = "gradients and updates are drawn at level op"
Numbers = tuple[Array | None, Array | None]  # a value and its gradient


def by_neuron(graph: Graph, inputs: Any = None) -> Picture:
    """Forward nodes alone; layers as their units, the rest as operations. With `inputs`, the values of row 0."""
    return _Neurons(graph, Layers(graph), {} if inputs is None else run(graph, inputs)).picture()


def run(graph: Graph, inputs: Any) -> dict[Tensor, Numbers]:
    """The value of each forward node, and its gradient of the first output that is a scalar. Nothing changes."""
    nodes = list(dict.fromkeys((*graph.inputs, *(node for node in graph.nodes if node.role not in LATE))))
    given = list(graph.inputs) or [node for node in nodes if node.op.name == "placeholder"]
    loss = next((t for t in graph.outputs if not t.shape and is_float(t.dtype)), None)
    gradient_of = {} if loss is None else gradients(loss, nodes)
    asked = list(dict.fromkeys((*(n for n in nodes if n.inputs), *gradient_of.values())))
    program = compile(given, asked or list(graph.outputs), backend="interpreter")
    arrays = inputs if isinstance(inputs, list | tuple | Mapping) else [inputs]
    trace = program.trace(**arrays) if isinstance(arrays, Mapping) else program.trace(*arrays)
    return {n: (_known(trace, n), _known(trace, gradient_of.get(n))) for n in nodes}


def gradients(loss: Tensor, nodes: Sequence[Tensor]) -> dict[Tensor, Tensor]:
    """The gradients of a scalar, of those nodes that it has one of."""
    before = set(Graph([loss]).nodes)
    wanted = [node for node in nodes if node in before and is_float(node.dtype)]
    try:
        found = grad(loss, wanted)
        assert isinstance(found, list)
        return dict(zip(wanted, found, strict=True))
    except GradientError:  # some stand in an index or a comparison alone, or behind a stop
        return {node: gradient for node in wanted if (gradient := _gradient(loss, node)) is not None}


def _gradient(loss: Tensor, node: Tensor) -> Tensor | None:
    try:
        found = grad(loss, node)
    except GradientError:
        return None
    assert isinstance(found, Tensor)
    return found


def _known(trace: Any, node: Tensor | None) -> Array | None:
    return trace[node] if node is not None and node in trace else None


def indices(count: int) -> list[int | None]:
    """The units of a layer that are drawn; None for those between that are not."""
    if count <= MOST_UNITS:
        return list(range(count))
    return [*range(FIRST), None, *range(count - LAST, count)]


class _Neurons:
    """What is worked out once about a graph, to draw its neurons."""

    def __init__(self, graph: Graph, layers: Layers, numbers: Mapping[Tensor, Numbers]) -> None:
        self.graph, self.layers, self.numbers = graph, layers, numbers
        whole, nodes = drawn_from(graph)
        self.whole, self.nodes = whole, nodes
        self.batches = {layer.source.shape[0] for layer in layers.found}
        self.split = {layer.source: layer.nin for layer in layers.found if layer.source.op.name == "placeholder"}
        self.boxes: list[Box] = []
        self.ends: dict[Tensor, list[tuple[int, int | None]]] = {}  # boxes of a node, and the unit that each is
        self.starts: dict[Tensor, list[tuple[int, int | None]]] = {}
        self.arrows: list[Arrow] = []
        self.rows: list[tuple[int, ...]] = []

    def picture(self) -> Picture:
        for node, box in zip(self.nodes, self.whole.boxes, strict=True):
            if box.role not in LATE and node not in self.layers.held and node not in self.ends and self.serves(node):
                self.place(node, box)
        for arrow in self.whole.arrows:
            if not arrow.writes:
                self.arrows += self.between(arrow)
        return Picture(self.whole.name, tuple(self.boxes), tuple(self.arrows), self.remark(), tuple(self.rows))

    def serves(self, node: Tensor) -> bool:
        """Whether it is there for what is forward; a learning rate is not."""
        return (
            bool(node.inputs or self.layers.readers.get(node)) or node in self.layers.kept or node.role == "placeholder"
        )

    def remark(self) -> str:
        told = []
        if self.numbers:
            rows = next((len(v) for n, (v, _) in self.numbers.items() if n in self.split and v is not None), 1)
            told.append(f"values of row 0 of {rows}; ∂ is the gradient of the output")
        if any(node.role in LATE for node in self.graph.nodes):
            told.append(LATE_REMARK)
        return "; ".join(told)

    # ---- boxes ----

    def place(self, node: Tensor, box: Box) -> None:
        layer = self.layers.owner.get(node)
        if layer is not None and node is layer.last:
            lone = len(self.layers.found) == 1 and layer.nout == 1
            self.open(layer, box) if lone else self.closed(layer, box)
        elif layer is None and node in self.split:
            self.ends[node] = self.starts[node] = self.add(self.columns(node, box))
        elif layer is None:
            shown = replace(box, details=(*box.details, *self.entry(node, None)), section="")
            self.ends[node] = self.starts[node] = self.add([(shown, None)])

    def add(self, boxes: Sequence[tuple[Box, int | None]]) -> list[tuple[int, int | None]]:
        """Enter boxes; their numbers, each with its unit."""
        start = len(self.boxes)
        self.boxes += [box for box, _ in boxes]
        self.rows += [tuple(range(start, len(self.boxes)))] if len(boxes) > 1 else []
        return [(start + i, unit) for i, (_, unit) in enumerate(boxes)]

    def columns(self, node: Tensor, box: Box) -> list[tuple[Box, int | None]]:
        """An input as one unit for each of its columns."""
        count = self.split[node]
        unit = replace(box, details=(), section="", round=True)
        return [
            (replace(unit, title=f"{box.title}[{i}]", details=self.entry(node, i)), i)
            if i is not None else (self.rest(unit, count), None)
            for i in indices(count)
        ]  # fmt: skip

    def rest(self, unit: Box, count: int) -> Box:
        return replace(unit, title="…", details=(f"{count - FIRST - LAST} more",))

    def closed(self, layer: Dense, box: Box) -> None:
        """A layer as its units, each with all that it does in it."""
        formula = "Σ w x" + (" + b" if layer.bias is not None else "")
        title = layer.activation or "Σ"
        unit = replace(box, title=title, call="", details=(), section="", round=True)
        made: list[tuple[Box, int | None]] = []
        for j in indices(layer.nout):
            if j is None:
                made.append((self.rest(unit, layer.nout), None))
                continue
            inside = self.number(layer.total if layer.biased is None else layer.biased, j)
            told = f"{formula} = {inside}" if inside and layer.activation else formula
            bias = self.number(layer.bias, j) if layer.bias is not None else ""
            details = (told, *((f"b = {bias}",) if bias else ()), *self.entry(layer.last, j))
            made.append((replace(unit, details=details, note=f"unit {j}\n{unit.note}"), j))
        self.starts[layer.last] = self.ends[layer.total] = self.add(made)
        self.ends[layer.nodes[0]] = self.ends[layer.total]

    def open(self, layer: Dense, box: Box) -> None:
        """A neuron as products, their sum, the bias and the activation, in the manner of micrograd."""
        step = replace(box, call="", details=(), section="", output=False, round=True)
        held = replace(step, role="parameter", round=False)
        weights, products = [], []
        for i in indices(layer.nin):
            name = "…" if i is None else f"w[{i}]"
            count = (f"{layer.nin - FIRST - LAST} more",) if i is None else ()
            weights.append(
                (
                    replace(
                        held, title=name, details=count or self.entry(layer.weight, (i, 0)), note=_at(layer.weight)
                    ),
                    i,
                )
            )
            products.append(
                (replace(step, title="×", details=count or self.product(layer, i), note=_at(layer.nodes[0])), i)
            )
        factors, parts = self.add(weights), self.add(products)
        way = [self.stage(layer.total, step, "Σ", "weighted sum")]
        self.arrows += [Arrow(a, b, "forward") for (a, _), (b, _) in zip(factors, parts, strict=True)]
        self.arrows += [Arrow(a, way[0], "forward") for a, _ in parts]
        if layer.bias is not None and layer.biased is not None:
            way.append(self.stage(layer.biased, step, "+", "bias"))
            ((bias, _),) = self.add(
                [(replace(held, title="b", details=self.entry(layer.bias, 0), note=_at(layer.bias)), None)]
            )
            self.arrows.append(Arrow(bias, way[-1], "forward"))
        if layer.result is not None:
            way.append(self.stage(layer.result, step, layer.activation, "activation"))
        self.boxes[way[-1]] = replace(self.boxes[way[-1]], output=box.output)
        self.arrows += [Arrow(a, b, "forward") for a, b in pairwise(way)]
        self.ends[layer.nodes[0]], self.starts[layer.last] = parts, [(way[-1], 0)]

    def stage(self, node: Tensor, step: Box, title: str, what: str) -> int:
        made = replace(step, title=title, details=(what, *self.entry(node, 0)), note=_at(node))
        return self.add([(made, None)])[0][0]

    # ---- numbers ----

    def product(self, layer: Dense, i: int | None) -> tuple[str, ...]:
        a, b = self.numbers.get(layer.source, (None, None))[0], self.numbers.get(layer.weight, (None, None))[0]
        if i is None or a is None or b is None:
            return ()
        return (_short(a[0, i] * b[i, 0]),)

    def entry(self, node: Tensor, unit: Any) -> tuple[str, ...]:
        """Value and gradient of a unit, as the lines of its box."""
        value, gradient = self.number(node, unit), self.number(node, unit, 1)
        told = node in self.layers.varying or node in self.layers.held or node.role == "parameter"
        gradient = gradient if told else ""
        return (*((value,) if value else ()), *((f"∂ {gradient}",) if gradient else ()))

    def number(self, node: Tensor, unit: Any, which: int = 0) -> str:
        """One number of a node, in row 0 where it has rows; nothing where it is not one number."""
        array = self.numbers.get(node, (None, None))[which]
        if array is None or not array.size:
            return ""
        if node in self.layers.varying and node.shape and node.shape[0] in self.batches:
            array = array[0]
        if array.ndim and unit is not None and array.size > 1:
            array = array.reshape(-1)[unit] if isinstance(unit, int) else array[unit]
        return _short(array.reshape(-1)[0]) if array.size == 1 else ""

    # ---- arrows ----

    def between(self, arrow: Arrow) -> Iterator[Arrow]:
        source, target = self.nodes[arrow.source], self.nodes[arrow.target]
        into = self.layers.owner.get(target)
        if source not in self.starts or target not in self.ends or self.layers.owner.get(source, 0) is into:
            return
        layer = into if into is not None and source is into.source else None
        alone = into is not None and len(self.ends[target]) != len(indices(into.nout))
        for a, i in self.starts[source]:
            for b, j in self.ends[target]:
                if alone and layer is not None and i != j:
                    continue  # to a product, what it multiplies alone
                label, note = self.weight(layer, i, j) if layer is not None and not alone else ("", arrow.note)
                yield Arrow(a, b, "forward", label, note)

    def weight(self, layer: Dense, i: int | None, j: int | None) -> tuple[str, str]:
        """The label of an arrow between two units, and what is told of it."""
        if i is None or j is None:
            return "", "several weights"
        value, gradient = (self.number(layer.weight, (i, j), which) for which in (0, 1))
        note = f"weight from unit {i} to unit {j}" + (f": {value}" if value else "")
        note += f", gradient {gradient}" if gradient else ""
        return value if layer.nin * layer.nout <= MOST_WEIGHTS else "", note


def _short(number: Any) -> str:
    return f"{float(number):.3g}"


def _at(node: Tensor) -> str:
    return printable(place(node), 400)
