"""Arrays that users give: what is taken for one, and when it may change its dtype."""

from __future__ import annotations

import sys

import numpy as np

from minitorch.errors import DTypeError
from minitorch.graph.storage import Array
from minitorch.graph.types import DType


def as_array(value: object, what: str) -> Array:
    """`value` as an array of bools, ints or floats, or a `DTypeError` that names `what` it was meant for."""
    if "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray):  # where nobody imported it, there is none
        raise DTypeError(f"{what} takes an array without a mask; fill the masked elements first")
    try:
        array = np.asarray(value)
    except TypeError as error:  # a tensor, among others
        raise DTypeError(f"{what} takes an array, but was given what makes none: {error}") from None
    except ValueError as error:
        raise DTypeError(f"{what} takes an array, but the rows given differ in length ({error})") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DTypeError(f"{what} takes bools, ints or floats, but was given {_kind(value, array)}")
    return array


def fitting(array: Array, dtype: DType, what: str) -> Array:
    """`array` in another dtype where that is safe: floats to floats, ints and bools to what holds their values."""
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "f" and dtype.kind != "f" and array.size:
        raise DTypeError(f"{what} is {dtype}, but was given {array.dtype}; convert it with .astype({str(dtype)!r})")
    with np.errstate(all="ignore"):
        result: Array = array.astype(dtype)
    if dtype.kind != "f" and not (result == array).all():
        raise DTypeError(f"{what} is {dtype}, but was given {array.dtype} values that do not fit into it")
    return result


def _kind(value: object, array: Array) -> str:
    names = {"O": "objects", "U": "strings", "S": "bytes", "c": "complex numbers", "M": "dates", "m": "time spans"}
    kind = names.get(array.dtype.kind, str(array.dtype))
    return kind if isinstance(value, np.ndarray | list | tuple) else f"{type(value).__name__} {value!r}"
