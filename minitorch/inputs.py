"""The inputs of a program: how they are converted, the sizes that their shapes tell, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from minitorch.errors import InputError
from minitorch.graph.array import as_array, fitting
from minitorch.graph.dim import Size, Symbol, as_symbol, evaluate, symbols
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable, shown
from minitorch.graph.types import Check

Shapes = tuple[tuple[int, ...], ...]


class Requirement(NamedTuple):
    """A check on sizes, and the node that needs it."""

    check: Check
    node: Tensor


def input_title(called: str, placeholder: Tensor) -> str:
    """An input in messages, after what was called."""
    return f"{called}: input {shown(placeholder.name)}"


def converted(value: Any, placeholder: Tensor, what: str) -> Array:
    """`value` as an array of the placeholder's dtype, where that is safe: floats to floats, ints to what holds them."""
    return fitting(as_array(value, what), placeholder.dtype, what)


# ---- sizes ----


def leading(inputs: Iterable[Tensor], requirements: Iterable[Requirement]) -> set[Symbol]:
    """The symbols that count the rows of a batch: the first leading unknown size, and what must be equal to it."""
    first = next((s for p in inputs if p.shape and (s := as_symbol(p.shape[0])) is not None), None)
    linked = {first} if first is not None else set()
    pairs = [(as_symbol(c.left), as_symbol(c.right)) for c, _ in requirements if c.relation == "=="]
    for _ in pairs:  # as many rounds as the longest chain of equalities can need
        grown = {s for pair in pairs if not linked.isdisjoint(pair) for s in pair if s is not None}
        if grown <= linked:
            break
        linked |= grown
    return linked


def read_sizes(
    title: str, placeholders: Sequence[Tensor], shapes: Shapes, requirements: Iterable[Requirement]
) -> dict[Symbol, int]:  # fmt: skip
    """The unknown sizes, read off the shapes of the inputs; `InputError` where they contradict the graph."""
    sizes: dict[Symbol, int] = {}
    found: dict[Symbol, tuple[Tensor, int]] = {}
    for placeholder, shape in zip(placeholders, shapes, strict=True):
        check_rank(title, placeholder, shape)
        for axis, (size, got) in enumerate(zip(placeholder.shape, shape, strict=True)):
            symbol = as_symbol(size)
            if symbol is not None and symbol not in sizes:
                sizes[symbol] = got
                found[symbol] = placeholder, axis
    for placeholder, shape in zip(placeholders, shapes, strict=True):
        for axis, (size, got) in enumerate(zip(placeholder.shape, shape, strict=True)):
            if (expected := evaluate(size, sizes)) != got:
                met = _disagreement(placeholder, axis, size, got, expected, found)
                raise InputError(f"{title}: {met}")
    for requirement in requirements:
        _require(requirement, sizes, found)
    return sizes


def check_rank(title: str, placeholder: Tensor, shape: tuple[int, ...]) -> None:
    if len(shape) != len(placeholder.shape):
        raise InputError(f"{title}: {_input_text(placeholder)} an array of shape {shape} was given")


def _disagreement(
    placeholder: Tensor, axis: int, size: Size, got: int, expected: int, found: Mapping[Symbol, tuple[Tensor, int]]
) -> str:
    text = f"{_input_text(placeholder)} axis {axis} of the array given has the size {got}"
    if isinstance(size, int):
        return f"{text}; {expected} is expected"
    others = ", ".join(
        f"{s} is axis {at} of {printable(p.name or '')!r}" for s in symbols(size) for p, at in [found[s]]
    )
    return f"{text}; {size} is {expected} ({others})"


def _input_text(placeholder: Tensor) -> str:
    name = printable(placeholder.name or "")
    return f"input {name!r} is {placeholder.type}, made at {placeholder.origin}, but"


def _require(requirement: Requirement, sizes: Mapping[Symbol, int], found: Mapping[Symbol, tuple[Tensor, int]]) -> None:
    """Raise where sizes turn out not to be what a node needs, in terms of the placeholders that they come from."""
    (left, relation, right), node = requirement
    a, b = evaluate(left, sizes), evaluate(right, sizes)
    if a == b if relation == "==" else a >= b:
        return
    sides = f"{_size_text(left, a, found)} and {_size_text(right, b, found)} must be equal"
    if relation == ">=":
        sides = f"{_size_text(left, a, found)} must be at least {b}"
    raise InputError(f"{node.op.name}: {sides}\n  {node.describe()}\n  in {node.origin!r}")


def _size_text(size: Size, value: int, found: Mapping[Symbol, tuple[Tensor, int]]) -> str:
    if isinstance(size, int):
        return str(size)
    symbol = as_symbol(size)
    if symbol is not None:
        placeholder, axis = found[symbol]
        return f"axis {axis} of {printable(placeholder.name or '')!r}, which is {value},"
    parts = ", ".join(f"{s} from axis {found[s][1]} of {printable(found[s][0].name or '')!r}" for s in symbols(size))
    return f"{size} = {value} ({parts})"


def input_text(inputs: Sequence[Tensor]) -> str:
    """The inputs of a program for messages."""
    return ", ".join(f"{printable(p.name or '')}: {p.type}" for p in inputs) or "none"
