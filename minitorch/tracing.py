"""What `compile` is asked for, as a graph: inputs, outputs and updates that fit, or an error that says why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minitorch import ops
from minitorch.compiler.passes.specialise import specialise
from minitorch.errors import DTypeError, GraphError, ShapeError
from minitorch.graph.dim import as_symbol, symbols_in
from minitorch.graph.graph import Graph
from minitorch.graph.origin import here
from minitorch.graph.tensor import Operand, Tensor, brought_to, strong, to_tensor
from minitorch.graph.text import shown
from minitorch.graph.types import is_float, show_shape
from minitorch.inputs import Requirement

Updates = Mapping[Tensor, Operand] | Iterable[tuple[Tensor, Operand]]


def trace(
    inputs: Tensor | Sequence[Tensor],
    outputs: Tensor | Sequence[Tensor],
    updates: Updates | None,
    name: str,
    training: bool | None = None,
    function: str = "compile",
) -> tuple[Graph, list[Requirement]]:
    """The graph that was asked for, with what it requires of unknown sizes; an error where it makes no sense."""
    placeholders = _inputs(function, [inputs] if isinstance(inputs, Tensor) else inputs)
    results = _outputs(function, [outputs] if isinstance(outputs, Tensor) else outputs)
    pairs = _updates(updates)
    trains = bool(pairs) if training is None else training
    graph = Graph(results, pairs, placeholders, name, training=trains)
    if moved := _random_updates(graph):
        graph = Graph(results, (*pairs, *moved), placeholders, name, training=trains)
    _require_inputs(function, graph)
    return graph, requirements_of(graph)


def requirements_of(graph: Graph) -> list[Requirement]:
    """What the nodes of a graph need of sizes that only a run can tell."""
    return list(dict.fromkeys(Requirement(check, node) for node in graph.nodes for check in node.type.checks))


def _inputs(function: str, inputs: Sequence[Tensor]) -> list[Tensor]:
    names: dict[str | None, Tensor] = {}
    if not isinstance(inputs, list | tuple):
        raise GraphError(
            f"{function}: inputs are a list of placeholders, but {shown(inputs)} was given\n  in {here()!r}"
        )
    for t in inputs:
        if not isinstance(t, Tensor) or t.op.name != "placeholder":
            what = t.describe() if isinstance(t, Tensor) else shown(t)
            raise GraphError(f"{function}: inputs are placeholders, but {what} was given\n  in {here()!r}")
        if t.name in names:
            again = f"{names[t.name].describe()} and {t.describe()}"
            raise GraphError(f"{function}: two inputs have the name {shown(t.name)}: {again}\n  in {here()!r}")
        names[t.name] = t
    return list(inputs)


def _outputs(function: str, outputs: Sequence[Tensor]) -> list[Tensor]:
    if not isinstance(outputs, list | tuple):
        raise GraphError(f"{function}: outputs are a tensor or a list, but {shown(outputs)} was given\n  in {here()!r}")
    for t in outputs:
        if not isinstance(t, Tensor):
            raise GraphError(f"{function}: outputs are tensors, but {shown(t)} was given\n  in {here()!r}")
    return [strong(t) for t in outputs]


def _updates(updates: Updates | None) -> list[tuple[Tensor, Tensor]]:
    pairs = _pairs(updates)
    checked: dict[Tensor, Tensor] = {}
    for target, value in pairs:
        if not isinstance(target, Tensor) or "storage" not in target.attrs:
            what = target.describe() if isinstance(target, Tensor) else shown(target)
            raise GraphError(f"compile: only parameters and variables can be updated, not {what}\n  in {here()!r}")
        if target in checked:
            raise GraphError(f"compile: {target.describe()} is updated twice\n  in {here()!r}")
        checked[target] = _new_value(target, value)
    return list(checked.items())


def _pairs(updates: Any) -> list[Any]:
    """Updates as pairs of a variable and its new value."""
    if updates is None or isinstance(updates, Mapping):
        return list((updates or {}).items())
    if isinstance(updates, list | tuple) and all(isinstance(p, tuple) and len(p) == 2 for p in updates):
        return list(updates)
    how = "updates are a dict, or a list of pairs, of variables and their new values"
    how += " (an optimiser gives them: minimize(loss))" if hasattr(updates, "minimize") else ""
    raise GraphError(f"compile: {how}, but {shown(updates)} was given\n  in {here()!r}")


def _random_updates(graph: Graph) -> list[tuple[Tensor, Tensor]]:
    """Every call moves on the counters of the random nodes that are left when training or prediction is chosen."""
    if not any(node.op is ops.random_uniform for node in graph.nodes):
        return []
    drawn = [node for node in specialise(graph)[0].nodes if node.op is ops.random_uniform]
    counters = dict.fromkeys(node.inputs[0] for node in drawn)
    updated = {target for target, _ in graph.updates}
    return [(counter, counter + 1) for counter in counters if counter not in updated]


def _new_value(target: Tensor, value: Operand) -> Tensor:
    """A new value in the type of its variable, or an error that says what does not fit."""
    try:
        new = to_tensor(value)
        fits = new.type.weak and (is_float(target.dtype) or not is_float(new.dtype))
        brought = brought_to(new, target.dtype) if fits else new
    except DTypeError as error:
        raise DTypeError(f"{_titled(target)}: {error.message}\n  in {here()!r}") from None
    if new.shape == target.shape and brought.dtype == target.dtype:
        return brought
    fixed = new.op.name == "constant"
    constant, about = (f" {shown(value)} of", "") if fixed else ("", f"\n  {new.describe()}")
    if new.shape != target.shape:
        shapes = (
            f"the shape {show_shape(target.shape)} is expected, but{constant} {show_shape(new.shape)} was given{about}"
        )
        raise ShapeError(f"{_titled(target)}: {shapes}\n  in {here()!r}")
    how = f"convert with .astype('{target.dtype}')"
    dtypes = f"{target.dtype} is expected, but{constant} {new.dtype} was given; {how}{about}"
    raise DTypeError(f"{_titled(target)}: {dtypes}\n  in {here()!r}")


def _titled(target: Tensor) -> str:
    return f"compile: the new value of {target.describe()}"


def _require_inputs(function: str, graph: Graph) -> None:
    """Every placeholder and every unknown size that the graph needs must come from an input."""
    given = set(graph.inputs)
    known = {as_symbol(size) for t in graph.inputs for size in t.shape}
    for node in graph.nodes:
        if node.op.name == "placeholder" and node not in given:
            reader = next((n for n in graph.nodes if any(i is node for i in n.inputs)), node)
            why = "it is what is asked for" if reader is node else f"{reader.describe()} needs it"
            needed = f"{node.describe()} is not among the inputs, but {why}"
            raise GraphError(f"{function}: {needed}\n  in {here()!r}")
    for node in (*graph.inputs, *graph.nodes):
        for symbol in symbols_in((node.shape, *node.attrs.values())):
            if symbol not in known:
                needed = f"no input has the size {symbol}, but {node.describe()} needs it"
                raise GraphError(f"{function}: {needed}\n  in {here()!r}")
