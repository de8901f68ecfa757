"""Arrays that users give: what is taken for one, and when it may change its dtype."""

from __future__ import annotations

import sys

import numpy as np

from minitorch.errors import DTypeError
from minitorch.graph.storage import Array
from minitorch.graph.text import shown, told
from minitorch.graph.types import DType


def as_array(value: object, what: str) -> Array:
    """`value` as an array of bools, ints or floats, or a `DTypeError` that names `what` it was meant for."""
    if "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray):  # where nobody imported it, there is none
        raise DTypeError(f"{what} takes an array without a mask; fill the masked elements first")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise DTypeError(f"{what} takes numbers of 64 bits, but was given {shown(value)}")
    try:
        array = np.asarray(value)
    except Exception as error:  # a tensor, rows that differ in length, or whatever the __array__ of others says
        raise DTypeError(f"{what} takes an array, but {_no_array(value, error)}") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DTypeError(f"{what} takes bools, ints or floats, but was given {_kind(value, array)}")
    return array


def _no_array(value: object, error: Exception) -> str:
    """Why NumPy makes no array of a value."""
    if isinstance(value, list | tuple) and "inhomogeneous" in str(error):
        return f"the rows given differ in length: {shown(value)}"
    describe = getattr(type(value), "describe", None)
    if describe is not None:
        how = "give its .data, or what a program computes for it"
        return f"was given a tensor, {describe(value)}; {how}"
    tensors = [v for v in value if hasattr(type(v), "describe")] if isinstance(value, list | tuple) else []
    if tensors:
        return f"was given a {type(value).__name__} of tensors, {shown(value)}; join them with stack or concatenate"
    why = error.message if isinstance(error, DTypeError) else str(error)
    return f"was given {type(value).__name__}, which makes none: {why}"


def fitting(array: Array, dtype: DType, what: str) -> Array:
    """`array` in another dtype where that is safe: floats to floats, ints and bools to what holds their values."""
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "f" and dtype.kind != "f" and array.size:
        raise DTypeError(f"{what} has the dtype {dtype}, but was given {array.dtype}; convert with .astype('{dtype}')")
    with np.errstate(all="ignore"):
        result: Array = array.astype(dtype)
    if dtype.kind != "f" and not (result == array).all():
        raise DTypeError(f"{what} has the dtype {dtype}, but was given {array.dtype} values that do not fit into it")
    return result


def _kind(value: object, array: Array) -> str:
    names = {"O": "objects", "U": "strings", "S": "bytes", "c": "complex numbers", "M": "dates", "m": "time spans"}
    kind = names.get(array.dtype.kind, str(array.dtype))
    if isinstance(value, np.ndarray | list | tuple):
        return kind
    return told(value)
