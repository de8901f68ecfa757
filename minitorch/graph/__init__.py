"""The graph: sizes, types, nodes, and the orders they can be computed in."""

from minitorch.graph.dim import Dim, Shape, Size, Symbol
from minitorch.graph.graph import Graph, draw
from minitorch.graph.origin import Origin, derived, scope
from minitorch.graph.storage import Array, Storage
from minitorch.graph.tensor import Op, Operand, Tensor, as_tensor, registry
from minitorch.graph.types import Type

__all__ = [
    "Array", "Dim", "Graph", "Op", "Operand", "Origin", "Shape", "Size", "Storage", "Symbol", "Tensor", "Type",
    "as_tensor", "derived", "draw", "registry", "scope",
]  # fmt: skip
