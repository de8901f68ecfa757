"""Gradient check: every operation's rule, for itself, against the slope of its kernel in float64.

Each node between `wrt` and the loss is cut out of the graph and differentiated along random directions: once by its
rule, once by the slope of its kernel (`slopes.py`); and the rule's result once more in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from minitorch import ops
from minitorch.compiler.asked import targets_of
from minitorch.compiler.autodiff import gradients_for, vjp
from minitorch.compiler.backends.base import known_shape, resolve
from minitorch.errors import GradientError, InputError, MinitorchError
from minitorch.graph.dim import Symbol, as_symbol
from minitorch.graph.graph import Graph
from minitorch.graph.order import depth_first
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import shown
from minitorch.graph.types import FLOAT64, Type, is_float
from minitorch.inputs import converted, input_title
from minitorch.inspection.evaluation import Values
from minitorch.inspection.retype import retyped
from minitorch.inspection.slopes import directions, slope_along

TOLERANCE = 1e-6  # of the slopes compared

Tensors = Sequence[Tensor]


class Finding(NamedTuple):
    """One rule against one slope: the derivative by operand number `operand`, of first or second order."""

    node: Tensor
    operand: int
    order: int
    by_rule: float
    by_differences: float
    problem: str = ""

    def __str__(self) -> str:
        where = f"{self.node.op.name}: {self.node.describe()}\n  in {self.node.origin!r}"
        if self.problem:
            return f"{where}\n  {self.problem}"
        name = ("first", "second")[self.order - 1]
        return (
            f"{where}\n  the {name} derivative by operand {self.operand} is {self.by_rule:.10g} by its rule, "
            f"but {self.by_differences:.10g} by differences"
        )


@dataclass(frozen=True)
class GradientReport:
    """What was compared, what was left out and why, and the first operation whose rule is wrong, if there is one."""

    wrong: Finding | None = None
    compared: int = 0
    """Slopes that were compared."""
    nodes: tuple[Tensor, ...] = ()
    """The nodes that were found right, in their order."""
    skipped: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return self.wrong is None

    def __str__(self) -> str:
        names = ", ".join(dict.fromkeys(n.op.name for n in self.nodes)) or "none"
        lines = [f"gradients: {len(self.nodes)} nodes agree in {self.compared} slopes ({names})"]
        if self.wrong is not None:
            lines.insert(0, f"the first wrong gradient rule is that of {self.wrong}")
        return "\n".join([*lines, *(f"  skipped: {text}" for text in self.skipped)])


def check_gradients(loss: Tensor, wrt: Tensor | Tensors, feeds: Mapping[Tensor, Any]) -> GradientReport:
    """Compare the rule of every operation between `wrt` and `loss` with the slope of its kernel, at these inputs.

    `feeds` are {placeholder: array}. Everything is computed in float64, whatever the graph is in. The report is `ok`
    where all agree; else it names the first operation, in the order of the graph, that does not. Raises like `grad`
    where `loss` has no gradient, and `InputError` for a placeholder that is not fed.

    >>> import minitorch as mt
    >>> w = mt.parameter([0.5, 2.0], name="w")
    >>> mt.check_gradients(mt.log(w).sum(), [w], {}).ok
    True
    """
    targets = targets_of("check_gradients", wrt)
    gradients_for("check_gradients", loss, targets)
    if not isinstance(feeds, Mapping):
        raise InputError(f"check_gradients: inputs are {{placeholder: array}}, but {shown(feeds)} was given")
    nodes = depth_first([loss])
    graph = Graph((loss,), (), [n for n in nodes if n.op.name == "placeholder"])
    _, becomes = retyped(graph, FLOAT64)
    values = _values(graph, becomes, feeds)
    checker = _Checker(values)
    for node in _between(nodes, targets):
        if not checker.agrees(node, becomes[node]):
            break
    return checker.report()


def _values(graph: Graph, becomes: Mapping[Tensor, Tensor], feeds: Mapping[Tensor, Any]) -> Values:
    leaves: dict[Tensor, Array] = {}
    sizes: dict[Symbol, int] = {}
    for node in graph.nodes:
        if node.op.name == "placeholder":
            if node not in feeds:
                raise InputError(f"check_gradients: {node.describe()} is not among the inputs that were given")
            array = converted(feeds[node], becomes[node], input_title("check_gradients", node))
            if array.ndim != node.ndim:
                raise InputError(f"check_gradients: {node.describe()} was given an array of shape {array.shape}")
            found = ((as_symbol(size), n) for size, n in zip(node.shape, array.shape, strict=True))
            sizes.update({s: n for s, n in found if s is not None})
            leaves[becomes[node]] = array
        elif "storage" in node.attrs:
            leaves[becomes[node]] = node.data.astype(becomes[node].dtype)
    for node in graph.inputs:
        if known_shape(node.shape, sizes) != leaves[becomes[node]].shape:
            raise InputError(
                f"check_gradients: {node.describe()} was given an array of shape {leaves[becomes[node]].shape}"
            )
    return Values(leaves, sizes)


def _between(nodes: Tensors, wrt: Tensors) -> list[Tensor]:
    """The nodes that depend on `wrt`, in their order."""
    reached = set(wrt)
    found: list[Tensor] = []
    for node in nodes:
        if node.inputs and not reached.isdisjoint(node.inputs):
            reached.add(node)
            found.append(node)
    return found


# ---- one node ----


class _Checker:
    def __init__(self, values: Values) -> None:
        self.values, self.random = values, np.random.default_rng(0)
        self.wrong: Finding | None = None
        self.compared = 0
        self.right: list[Tensor] = []
        self.skipped: list[str] = []

    def report(self) -> GradientReport:
        return GradientReport(self.wrong, self.compared, tuple(self.right), tuple(dict.fromkeys(self.skipped)))

    def agrees(self, node: Tensor, wide: Tensor) -> bool:
        """Whether the rule of a node is right, as far as can be said."""
        why = self._unfit(node, wide)
        if why:
            self._skip(node, why)
            return True
        arrays = [self.values[i] for i in wide.inputs]
        alone = _cut_out(wide, arrays, self.values.sizes)
        for operand in range(len(arrays)):
            if not is_float(wide.inputs[operand].dtype):
                self._skip(node, f"operand {operand} is {wide.inputs[operand].dtype}, which has no slope")
            elif arrays[operand].size and not self._operand(node, alone, arrays, operand):
                return False
        self.right.append(node)
        return True

    def _skip(self, node: Tensor, why: str) -> None:
        self.skipped.append(f"{node.op.name} ({node.origin}): {why}")

    def _unfit(self, node: Tensor, wide: Tensor) -> str:
        if node.op is ops.stop_gradient:
            return "nothing flows back, as was asked for"
        if node.op.gradient is None:
            return "it has no gradient rule"
        if not is_float(wide.dtype):
            return f"its result is {wide.dtype}, which has no slope"
        floats = [v for v in (self.values[wide], *(self.values[i] for i in wide.inputs)) if v.dtype.kind == "f"]
        return "" if all(np.isfinite(v).all() for v in floats) else "there are values that are not finite"

    def _operand(self, node: Tensor, alone: _Alone, arrays: list[Array], operand: int) -> bool:
        cotangent = self.random.uniform(0.5, 1.5, alone.node.shape)
        try:
            first = alone.pulled_back(cotangent, operand)
        except GradientError as error:
            if "rule must give" not in str(error):
                self._skip(node, f"it has no gradient for operand {operand}")
                return True
            self.wrong = Finding(node, operand, 1, np.nan, np.nan, error.message.splitlines()[0])
            return False
        except MinitorchError as error:
            self.wrong = Finding(node, operand, 1, np.nan, np.nan, f"its rule fails: {error.message.splitlines()[0]}")
            return False
        if not self._compare(node, operand, 1, arrays, first, alone.kernel(cotangent)):
            return False
        return all(self._second(node, alone, arrays, cotangent, operand, by) for by in alone.floats)

    def _second(
        self, node: Tensor, alone: _Alone, arrays: list[Array], cotangent: Array, operand: int, by: int
    ) -> bool:  # fmt: skip
        """The slope of the rule's own result, along one direction, by operand `by`."""
        direction = self.random.uniform(0.5, 1.5, arrays[operand].shape)
        try:
            second = alone.pulled_back_twice(cotangent, direction, operand, by)
        except GradientError:
            return True  # the first derivative does not depend on it, or is made of what has no slope
        pulled = alone.slope_of_rule(cotangent, direction, operand)
        return self._compare(node, by, 2, arrays, second, pulled)

    def _compare(
        self, node: Tensor, operand: int, order: int, arrays: list[Array], rule: Callable[[list[Array]], Array],
        function: Callable[[list[Array]], Any],
    ) -> bool:  # fmt: skip
        gradient: Any = rule(arrays)
        for direction in directions(self.random, arrays[operand].shape):
            with np.errstate(all="ignore"):
                by_rule = float((gradient * direction)[direction != 0].sum())
            slope = slope_along(function, arrays, operand, direction)
            if slope is None:
                self._skip(node, f"a kink, or a step, by operand {operand}")
                continue
            self.compared += 1
            size = max(abs(by_rule), abs(slope.value))
            if not abs(by_rule - slope.value) <= TOLERANCE * size + slope.error:
                self.wrong = Finding(node, operand, order, by_rule, slope.value)
                return False
        return True


class _Alone(NamedTuple):
    """A node on placeholders of its own, one for each operand, and its attributes as numbers."""

    node: Tensor
    inputs: tuple[Tensor, ...]
    attrs: dict[str, Any]

    @property
    def floats(self) -> list[int]:
        return [i for i, t in enumerate(self.inputs) if is_float(t.dtype)]

    def kernel(self, cotangent: Any) -> Callable[[list[Array]], Any]:
        """The result as one number: its product with the cotangent."""
        return lambda arrays: (np.asarray(self.node.op.kernel(*arrays, **self.attrs)) * cotangent).sum()

    def pulled_back(self, cotangent: Array, operand: int) -> Callable[[list[Array]], Array]:
        return self._evaluated(self._first(cotangent, operand))

    def slope_of_rule(self, cotangent: Array, direction: Any, operand: int) -> Callable[[list[Array]], Any]:
        evaluated: Callable[[list[Array]], Any] = self.pulled_back(cotangent, operand)
        return lambda arrays: (evaluated(arrays) * direction).sum()

    def pulled_back_twice(
        self, cotangent: Array, direction: Array, operand: int, by: int
    ) -> Callable[[list[Array]], Array]:  # fmt: skip
        (second,) = vjp([self._first(cotangent, operand)], [self.inputs[by]], [ops.constant(direction, FLOAT64)])
        return self._evaluated(second)

    def _first(self, cotangent: Array, operand: int) -> Tensor:
        (first,) = vjp([self.node], [self.inputs[operand]], [ops.constant(cotangent, FLOAT64)])
        return first

    def _evaluated(self, result: Tensor) -> Callable[[list[Array]], Array]:
        return lambda arrays: Values(dict(zip(self.inputs, arrays, strict=True)), {})[result]


def _cut_out(node: Tensor, arrays: Sequence[Array], sizes: Mapping[Symbol, int]) -> _Alone:
    stand = tuple(ops.placeholder(f"operand {i}", a.shape, a.dtype) for i, a in enumerate(arrays))
    attrs = {key: resolve(value, sizes) for key, value in node.attrs.items()}
    type = Type(known_shape(node.shape, sizes), node.dtype)
    return _Alone(node.replace(inputs=stand, attrs=MappingProxyType(attrs), type=type), stand, attrs)
