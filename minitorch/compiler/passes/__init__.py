"""The passes, one a file: each takes a graph and gives one back, with the rewrites it made. Those of C are its own."""

from minitorch.compiler.passes.contract import contract
from minitorch.compiler.passes.deduplicate import deduplicate
from minitorch.compiler.passes.fold import fold
from minitorch.compiler.passes.materialise import materialise
from minitorch.compiler.passes.simplify import simplify
from minitorch.compiler.passes.sort import sort
from minitorch.compiler.passes.specialise import specialise

__all__ = ["contract", "deduplicate", "fold", "materialise", "simplify", "sort", "specialise"]
