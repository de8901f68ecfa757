"""What a picture is of: tensors, graphs, programs and modules, each as the graph to draw."""

from __future__ import annotations

from typing import Any

from minitorch import ops
from minitorch.compiler.plan import Plan
from minitorch.compiler.roles import with_roles
from minitorch.errors import ArgumentError, OptionError
from minitorch.graph.graph import Graph
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import shown
from minitorch.graph.types import FLOAT32
from minitorch.nn import Module
from minitorch.program import Program


def graph_of(what: Any, function: str = "draw") -> Graph:
    """The graph of a tensor, a list of tensors, a module, a plan, or a program (as optimised); a graph is its own.

    Raises `TypeError` for anything else, and `ValueError` for a module that is no function of one array of rows.
    """
    if isinstance(what, Graph):
        return what
    if isinstance(what, Program):
        return what.optimised
    if isinstance(what, Plan):
        return what.graph
    if isinstance(what, Module):
        return _traced(what, function)
    tensors = [what] if isinstance(what, Tensor) else what
    if isinstance(tensors, list | tuple) and tensors and all(isinstance(t, Tensor) for t in tensors):
        return with_roles(Graph(tensors))
    expected = "a tensor, a list of tensors, a graph, a program, a plan or a module is expected"
    raise ArgumentError(f"{function}: {expected}, but {shown(what)} was given")


def _traced(module: Module, function: str) -> Graph:
    """A module on a batch of rows, as wide as its first parameter asks for."""
    held = [*module.parameters(), *(value for value in vars(module).values() if isinstance(value, Tensor))]
    width = held[0].shape[0] if held and held[0].shape else "features"
    x = ops.placeholder("x", ("batch", width), held[0].dtype if held else FLOAT32)
    kind = type(module).__name__
    try:
        output = module(x)
    except (TypeError, ValueError) as error:
        how = f"draw what it makes of your own placeholders instead, for example draw({kind.lower()}(x), path)"
        raise OptionError(f"{function}: {shown(module)} takes no {x.type}, so {how}: {error}") from error
    return with_roles(Graph([output], inputs=[x], name=kind))
