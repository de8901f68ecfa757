"""What a tensor is before it has a value: its shape and its dtype, printed as `f32[batch, 16]`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from minitorch.errors import DTypeError, ShapeError
from minitorch.graph.dim import Shape, Size, equal
from minitorch.graph.text import shown

DType = np.dtype[np.generic]
DTypeLike = str | type | np.dtype[Any]

BOOL, INT64, FLOAT32, FLOAT64 = (np.dtype(name) for name in ("bool", "int64", "float32", "float64"))
SHORT = {
    np.dtype(name): short
    for name, short in (
        ("bool", "bool"), ("uint8", "u8"), ("int8", "i8"), ("int16", "i16"), ("int32", "i32"), ("int64", "i64"),
        ("float32", "f32"), ("float64", "f64"),
    )
}  # fmt: skip

NAMED = {str(dtype): dtype for dtype in SHORT}


class Check(NamedTuple):
    """What a node needs of sizes that only a run can tell: `left == right`, or `left >= right`."""

    left: Size
    relation: str
    right: Size


class Type:
    """Shape and dtype. `weak` marks what is made of bare numbers alone and takes the dtype of what it meets.

    `checks`, which a run makes, belong to the node that needs them: two types are equal without them.
    """

    __slots__ = ("checks", "dtype", "shape", "weak")

    def __init__(self, shape: Shape, dtype: DType, weak: bool = False, checks: tuple[Check, ...] = ()) -> None:
        self.shape, self.dtype, self.weak, self.checks = shape, dtype, weak, checks

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Type):
            return NotImplemented
        return (self.shape, self.dtype, self.weak) == (other.shape, other.dtype, other.weak)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.weak))

    def __repr__(self) -> str:
        return f"Type({self}{', weak' if self.weak else ''})"

    @property
    def size(self) -> Size:
        """The number of elements."""
        if not self.shape:
            return 1
        size, *rest = self.shape
        for axis in rest:
            size = size * axis
        return size

    def __str__(self) -> str:
        return f"{SHORT.get(self.dtype, self.dtype)}[{', '.join(map(str, self.shape))}]"


def show_shape(shape: Shape) -> str:
    """A shape as Python writes it: `(batch, 3)`, `(batch,)`, `()`."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def dtype_of(dtype: DTypeLike, function: str = "") -> DType:
    """The dtype that `dtype` means, or an error of the function that was called, which lists the ones there are."""
    if isinstance(dtype, str) and dtype in NAMED:
        return NAMED[dtype]
    found = None
    if isinstance(dtype, type | np.dtype) or (isinstance(dtype, str) and dtype != "a"):  # an alias NumPy warns of
        with suppress(TypeError, ValueError):
            found = np.dtype(np.dtype(dtype).name)  # in the machine's byte order, and the one object that NumPy uses
    if found is None or found not in SHORT:
        called = f"{function}: " if function else ""
        raise DTypeError(f"{called}{shown(dtype)} is not a dtype of minitorch; there are {', '.join(map(str, SHORT))}")
    return found


def is_float(dtype: DType) -> bool:
    return dtype.kind == "f"


# ---- the dtype of a result ----


def promote(a: DType, b: DType) -> DType:
    """An int with a float gives that float, two floats the wider one; otherwise NumPy's rules."""
    if a is b or a == b:
        return a
    if is_float(a) != is_float(b):
        return a if is_float(a) else b
    return np.promote_types(a, b)


def common_dtype(types: Sequence[Type]) -> tuple[DType, bool]:
    """The dtype that operands meet in, and whether it is weak: numbers take the dtype of what they meet."""
    strong = [t.dtype for t in types if not t.weak]
    if not strong:
        return reduce(promote, (t.dtype for t in types)), True
    dtype = reduce(promote, strong)
    for t in types:
        if t.weak and is_float(t.dtype) and not is_float(dtype):
            dtype = FLOAT32
        elif t.weak and dtype == BOOL:
            dtype = INT64
    return dtype, False


def floating_dtype(types: Sequence[Type]) -> tuple[DType, bool]:
    """The same for operations that need a float: ints and bools become float32."""
    dtype, weak = common_dtype(types)
    if is_float(dtype):
        return dtype, weak
    return (FLOAT64, True) if weak else (FLOAT32, False)


# ---- the shape of a result ----


def unify(a: Size, b: Size, checks: list[Check]) -> Size | None:
    """The one size that `a` and `b` both are, with a check where only a run can tell; None where they differ."""
    verdict = equal(a, b)
    if verdict is False:
        return None
    if verdict is None:
        checks.append(Check(a, "==", b))
        return b if isinstance(b, int) or (str(a) == "?" and str(b) != "?") else a
    return a


def broadcast(shapes: Iterable[Shape], checks: list[Check]) -> Shape:
    """The shape that operands broadcast to, aligned at the right; only a literal 1 stretches."""
    result: Shape = ()
    for shape in shapes:
        if shape == result or not shape:
            continue
        result = _broadcast_two(result, shape, checks) if result else shape
    return result


def _broadcast_two(a: Shape, b: Shape, checks: list[Check]) -> Shape:
    rank = max(len(a), len(b))
    sizes: list[Size] = []
    for left, right in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        if left == 1 or right == 1:
            sizes.append(right if left == 1 else left)
            continue
        size = unify(left, right, checks)
        if size is None:
            raise ShapeError(
                f"{show_shape(a)} and {show_shape(b)} do not broadcast: the sizes {left} and {right} differ"
                + ("" if isinstance(left, int) or isinstance(right, int) else "; different names are different sizes")
            )
        sizes.append(size)
    return tuple(sizes)
