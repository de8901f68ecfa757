"""The passes, one a file: each takes a graph and gives one back, with the rewrites it made."""

from minitorch.compiler.passes.contract import contract
from minitorch.compiler.passes.deduplicate import deduplicate
from minitorch.compiler.passes.fold import fold
from minitorch.compiler.passes.fuse import fuse
from minitorch.compiler.passes.materialise import materialise
from minitorch.compiler.passes.shape_products import shape_products
from minitorch.compiler.passes.simplify import simplify
from minitorch.compiler.passes.sort import sort
from minitorch.compiler.passes.specialise import specialise

__all__ = ["contract", "deduplicate", "fold", "fuse", "materialise", "shape_products", "simplify", "sort", "specialise"]
