"""Arguments as NumPy's users give them, brought to the form that the rows take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import index
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.errors import ArgumentError, DTypeError, MinitorchError, OptionError, ShapeError
from minitorch.graph.dim import Dim, Size
from minitorch.graph.origin import here
from minitorch.graph.tensor import Operand, Tensor
from minitorch.graph.text import counted, shown
from minitorch.graph.types import DType, DTypeLike, dtype_of
from minitorch.lazy import lazy

random = lazy("numpy.random")

Axis = int | Sequence[int] | None


def fail(error: type[Exception], function: str, message: str, *tensors: Tensor) -> Exception:
    """An error at the user's line, with the tensors that it is about."""
    about = "".join(f"\n  {t.describe()}" for t in tensors)
    return error(f"{function}: {message}{about}\n  in {here()!r}")


@contextmanager
def speaking_as(function: str) -> Iterator[None]:
    """What goes wrong inside is said in the name of the function that was called, not of those it is made of."""
    try:
        yield
    except MinitorchError as error:
        name, colon, message = str(error).partition(": ")
        if not colon or name == function or not name.isidentifier():
            raise
        raise type(error)(f"{function}: {message}") from None


def known_dtype(dtype: DTypeLike, function: str, *tensors: Tensor) -> DType:
    """A dtype as it was given, or an error at the user's line."""
    try:
        return dtype_of(dtype)
    except DTypeError as error:
        raise fail(DTypeError, function, error.message, *tensors) from None


def axes_of(x: Tensor, axis: Axis, function: str) -> tuple[int, ...]:
    """`axis` as a sorted tuple of axes counted from the left; None means all."""
    if axis is None:
        return tuple(range(x.ndim))
    given = list(axis) if isinstance(axis, list | tuple) else [axis]
    axes = sorted(axis_of(x, i, function) for i in given)
    if len(set(axes)) < len(axes):
        raise fail(ShapeError, function, f"the axes {shown(axis)} name one axis twice", x)
    return tuple(axes)


def axis_of(x: Tensor, axis: Any, function: str, extra: int = 0) -> int:
    """An axis counted from the left. `extra` axes more than x has are allowed for."""
    rank = x.ndim + extra
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool):
        raise fail(ArgumentError, function, f"an axis is an int, but {shown(axis)} was given", x)
    if not -rank <= axis < rank:
        raise fail(
            ShapeError, function, f"axis {axis} does not exist: {x.type} has {counted(x.ndim, 'axis', 'axes')}", x
        )
    return index(axis) % rank


def shape_of(shape: Any, function: str, *tensors: Tensor, hole: bool = False) -> tuple[Size, ...]:
    """A shape of ints and unknown sizes; one may be -1 where there can be a `hole`."""
    sizes = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    least = -1 if hole else 0
    kept = tuple(index(s) if isinstance(s, int | np.integer) and not isinstance(s, bool) else s for s in sizes)
    if any(isinstance(s, bool) or not isinstance(s, int | Dim) for s in kept) or not all(
        least <= s < 2**63 for s in kept if isinstance(s, int)
    ):
        allowed = "sizes are ints of 0 or more" + (", or one -1" if hole else "") + ", of 64 bits, or sizes of tensors"
        raise fail(ShapeError, function, f"{shown(sizes)} is not a shape: {allowed}", *tensors)
    return kept


def flag_of(flag: Any, option: str, function: str, *tensors: Tensor) -> bool:
    """An option that is on or off."""
    if not isinstance(flag, bool | np.bool_):
        raise fail(ArgumentError, function, f"{option} is True or False, but {shown(flag)} was given", *tensors)
    return bool(flag)


def int_of(value: Any, what: str, function: str, *tensors: Tensor, least: int | None = None) -> int:
    """A whole number, of `least` or more where that is asked for, as Python's int."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and -(2**63) <= value < 2**63 and (least is None or value >= least):
        return index(value)
    bound = "an int" if least is None else f"an int of {least} or more"
    bound += "" if not whole or abs(value) < 2**63 else ", of 64 bits"
    error = OptionError if whole else ArgumentError
    raise fail(error, function, f"{what} is {bound}, but {shown(value)} was given", *tensors)


def is_number(value: Any) -> bool:
    """Whether a value is one real number, not a bool."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def source_of(seed: Any, function: str) -> Any:
    """The generator of random numbers that a seed stands for: an int, one of NumPy's own sources, or None."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0
    kinds = (random.Generator, random.BitGenerator, random.SeedSequence, random.RandomState)
    if seed is None or whole or isinstance(seed, kinds):
        return random.default_rng(seed)
    raise ArgumentError(f"{function}: a seed is an int of 0 or more, or a generator, but {shown(seed)} was given")


def number(size: Size, dtype: DType) -> Operand:
    """A size as an operand: a number where it is known, else a node that has it when a program runs."""
    return size if isinstance(size, int) else ops.size_of(size=size, dtype=dtype)
