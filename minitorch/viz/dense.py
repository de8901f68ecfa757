"""The dense layers of a graph, recognised by what they compute: weighted sums of units, a bias, an activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor
from minitorch.viz.picture import LATE


@dataclass(eq=False)
class Dense:
    """One layer. `total` is its weighted sums, `biased` those with the bias, `result` what leaves it: one node for
    two of them, or for all, where there is no bias or no activation. `nodes` are those of its way."""

    source: Tensor
    weight: Tensor
    total: Tensor
    bias: Tensor | None = None
    biased: Tensor | None = None
    result: Tensor | None = None
    nodes: list[Tensor] = field(default_factory=list)

    @property
    def last(self) -> Tensor:
        return self.nodes[-1]

    @property
    def activation(self) -> str:
        return "" if self.result is None else self.result.op.name

    @property
    def nin(self) -> int:
        return self._sizes[0]

    @property
    def nout(self) -> int:
        return self._sizes[1]

    @property
    def _sizes(self) -> tuple[int, int]:
        nin, nout = self.weight.shape
        assert isinstance(nin, int)
        assert isinstance(nout, int)
        return nin, nout


class Layers:
    """The dense layers of a graph, in its order, and which nodes a picture of neurons has in them."""

    def __init__(self, graph: Graph) -> None:
        self.forward = [node for node in graph.nodes if node.role not in LATE]
        self.kept = {*graph.outputs}
        self.readers: dict[Tensor, list[Tensor]] = {node: [] for node in (*graph.inputs, *self.forward)}
        self.varying = {*graph.inputs}
        for node in self.forward:
            for source in node.inputs:
                self.readers[source].append(node)
            if node.op.name == "placeholder" or not self.varying.isdisjoint(node.inputs):
                self.varying.add(node)
        self.found = [self._from(node) for node in self.forward if self._is_dense(node)]
        self.owner = {node: layer for layer in self.found for node in layer.nodes}
        self.held = self._held()

    def _is_dense(self, node: Tensor) -> bool:
        """Whether it is rows of units, each by a matrix that is the same for every row."""
        if node.op.name != "matmul":
            return False
        source, weight = node.inputs
        plain = len(source.shape) == len(weight.shape) == 2 and all(isinstance(size, int) for size in weight.shape)
        return plain and source in self.varying and weight not in self.varying

    def _from(self, product: Tensor) -> Dense:
        source, weight = product.inputs
        layer = Dense(source, weight, product, nodes=[product])
        while (node := self._after(layer)) is not None:
            layer.nodes.append(node)
        return layer

    def _after(self, layer: Dense) -> Tensor | None:
        """The next node of a layer's way, entered where it belongs."""
        last = layer.last
        readers = self.readers[last]
        if last in self.kept or len(readers) != 1 or layer.result is not None:
            return None
        (node,) = readers
        others = [source for source in node.inputs if source is not last]
        if node.op.name == "reshape" and layer.nout == 1 and layer.biased is None and len(node.shape) == 1:
            layer.total = node
        elif node.op.name == "add" and layer.biased is None and self._is_bias(others, layer):
            layer.bias, layer.biased = others[0], node
        elif node.op.elementwise and not others:
            layer.result = node
        else:
            return None
        return node

    def _is_bias(self, others: Sequence[Tensor], layer: Dense) -> bool:
        """Whether what is added is one number for each unit, the same for every row."""
        if len(others) != 1 or others[0] in self.varying:
            return False
        *before, last = others[0].shape or (layer.nout,)
        return last == layer.nout and all(size == 1 for size in before)

    def _held(self) -> set[Tensor]:
        """What has no box of its own: parameters and views of them that layers alone read."""
        held: set[Tensor] = set()
        for node in reversed(self.forward):
            leaf = node.role == "parameter" or node.op.name == "constant" or node.op.view
            inside = all(reader in self.owner or reader in held for reader in self.readers[node])
            if leaf and inside and node not in self.varying and node not in self.kept and self.readers[node]:
                held.add(node)
        return held
