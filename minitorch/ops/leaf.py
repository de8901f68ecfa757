"""Leaves: what a graph starts from. Their values are given, so their kernels are never called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from minitorch.errors import ArgumentError, ShapeError
from minitorch.graph.array import as_array, fitting
from minitorch.graph.dim import Dim, Shape, Size
from minitorch.graph.storage import Array, Storage
from minitorch.graph.tensor import Op, Operand, Tensor, constant_of
from minitorch.graph.text import shown
from minitorch.graph.types import DType, DTypeLike, Type, dtype_of

__all__ = ["constant", "iota", "parameter", "placeholder", "size_of", "variable"]


def _given(*_: object, **__: object) -> NoReturn:
    raise AssertionError("the value of a leaf is given, not computed")


_placeholder, _parameter, _variable, _constant = (
    Op(name, infer=_given, kernel=_given) for name in ("placeholder", "parameter", "variable", "constant")
)


def _size_kernel(size: int, dtype: DType, out: Array | None = None) -> Array:
    out = np.empty((), dtype) if out is None else out
    out[...] = size
    return out


size_of = Op("size_of", infer=lambda size, dtype: Type((), dtype), kernel=_size_kernel)
"""An unknown size as a number: what `mean` divides by. It depends on no value, so it keeps none alive."""


def _iota_kernel(size: int, dtype: DType, out: Array | None = None) -> Array:
    out = np.empty(size, dtype) if out is None else out
    out[...] = np.arange(size)
    return out


iota = Op("iota", infer=lambda size, dtype: Type((size,), dtype), kernel=_iota_kernel)
"""0, 1, 2, ... up to a size, known or not: what `arange`, `one_hot` and masks are made of."""

Axis = int | str | Dim | None


def placeholder(name: str, shape: Sequence[Axis] | Axis, dtype: DTypeLike = "float32") -> Tensor:
    """An input of the programs that are compiled from it.

    `shape` gives a size for each axis: an int, a name for a size unknown until run, `None` for an unknown size
    without a name, or a size of another tensor (`x.shape[0]`). Equal names are equal sizes in every placeholder.
    Raises `ShapeError` for a negative size, `DTypeError` for a dtype that there is not.

    >>> x = placeholder("x", ("batch", 3))
    >>> str(x.type)
    'f32[batch, 3]'
    """
    if not isinstance(name, str):
        raise ArgumentError(f"placeholder: a name is a str, but {shown(name)} was given")
    axes = shape if isinstance(shape, list | tuple) else (shape,)
    sizes = tuple(_size(name, axis, size) for axis, size in enumerate(axes))
    type = Type(sizes, dtype_of(dtype, f"placeholder {shown(name)}"))
    return Tensor(_placeholder, (), {}, type, name, role="placeholder")


def _size(name: str, axis: int, size: Any) -> Size:
    if size is None:
        return Dim.unnamed(name, axis)
    if isinstance(size, str) and size:
        return Dim.named(size)
    if isinstance(size, Dim):
        return size
    if isinstance(size, int | np.integer) and not isinstance(size, bool) and 0 <= size < 2**63:
        return int(size)
    raise ShapeError(
        f"placeholder {shown(name)}: axis {axis} has the size {shown(size)}; "
        "an int of 0 or more, below 2**63, a name or None is expected"
    )


def parameter(value: Operand, name: str | None = None, dtype: DTypeLike = "float32") -> Tensor:
    """A tensor with storage, which updates may change and which training differentiates.

    `value` is copied. `.data` is a live view of the storage.

    >>> w = parameter([[1.0, 2.0]], name="w")
    >>> str(w.type), w.data.tolist()
    ('f32[1, 2]', [[1.0, 2.0]])
    """
    return _stored(_parameter, value, name, dtype)


def variable(value: Operand, name: str | None = None, dtype: DTypeLike = "float32") -> Tensor:
    """The same, not trainable: a learning rate, a momentum buffer."""
    return _stored(_variable, value, name, dtype)


def _stored(op: Op, value: Operand, name: str | None, dtype: DTypeLike) -> Tensor:
    if name is not None and not isinstance(name, str):
        raise ArgumentError(f"{op.name}: a name is a str, but {shown(name)} was given")
    what = f"{op.name} {shown(name)}:" if name else f"{op.name}:"
    array = fitting(as_array(value, what), dtype_of(dtype, what.removesuffix(":")), what)
    shape: Shape = array.shape
    return Tensor(op, (), {"storage": Storage(array)}, Type(shape, array.dtype), name, role="parameter")


def constant(value: Operand, dtype: DTypeLike | None = None) -> Tensor:
    """A fixed value. An array keeps its dtype; a bare Python number stays weak: it takes the dtype of what it meets.

    >>> x = placeholder("x", (3,), dtype="float64")
    >>> str((x + constant(2.0)).type)
    'f64[3]'
    """
    if isinstance(value, Tensor):
        raise ArgumentError(f"constant: a number or an array is expected, but {value.describe()} is a tensor already")
    array = as_array(value, "constant:")
    if dtype is not None:
        return constant_of(fitting(array, dtype_of(dtype, "constant"), "constant:"))
    bare = isinstance(value, int | float) and not isinstance(value, bool | np.generic)
    return constant_of(array, weak=bare)
