"""The operators and methods of a tensor, as in NumPy: each makes a node, by an operation or a function of some name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from minitorch.errors import DTypeError
from minitorch.graph.origin import here
from minitorch.graph.types import DTypeLike
from minitorch.lazy import lazy

functional = lazy("minitorch.functional")
arguments = lazy("minitorch.functional.arguments")
tensor = lazy("minitorch.graph.tensor")

Operand = Any  # a Tensor, a number, or what NumPy makes an array of


class Operators:
    """What makes new tensors of a `Tensor`. Operations and functions are found by name: they stand further down."""

    __slots__ = ()

    def _made(self, operation: str, *operands: Operand) -> Self:
        node: Self = tensor.registry[operation](*operands)
        return node

    def _called(self, function: str, *given: Any) -> Self:
        node: Self = getattr(functional, function)(*given)
        return node

    # ---- operators ----

    def __add__(self, other: Operand) -> Self:
        return self._made("add", self, other)

    def __radd__(self, other: Operand) -> Self:
        return self._made("add", other, self)

    def __sub__(self, other: Operand) -> Self:
        return self._made("subtract", self, other)

    def __rsub__(self, other: Operand) -> Self:
        return self._made("subtract", other, self)

    def __mul__(self, other: Operand) -> Self:
        return self._made("multiply", self, other)

    def __rmul__(self, other: Operand) -> Self:
        return self._made("multiply", other, self)

    def __truediv__(self, other: Operand) -> Self:
        return self._made("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Self:
        return self._made("divide", other, self)

    def __pow__(self, other: Operand) -> Self:
        return self._called("power", self, other)

    def __rpow__(self, other: Operand) -> Self:
        return self._called("power", other, self)

    def __matmul__(self, other: Operand) -> Self:
        return self._called("matmul", self, other)

    def __rmatmul__(self, other: Operand) -> Self:
        return self._called("matmul", other, self)

    def __mod__(self, other: Operand) -> Self:
        return self._made("mod", self, other)

    def __rmod__(self, other: Operand) -> Self:
        return self._made("mod", other, self)

    def __floordiv__(self, other: Operand) -> Self:
        return self._made("floor_divide", self, other)

    def __rfloordiv__(self, other: Operand) -> Self:
        return self._made("floor_divide", other, self)

    def __neg__(self) -> Self:
        return self._made("negative", self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return self._made("abs", self)

    def __invert__(self) -> Self:
        return self._made("logical_not", _bools(self, "~"))

    def __and__(self, other: Operand) -> Self:
        return self._made("logical_and", _bools(self, "&"), _bools(other, "&"))

    def __or__(self, other: Operand) -> Self:
        return self._made("logical_or", _bools(self, "|"), _bools(other, "|"))

    def __xor__(self, other: Operand) -> Self:
        return self._made("logical_xor", _bools(self, "^"), _bools(other, "^"))

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lt__(self, other: Operand) -> Self:
        return self._made("less", self, other)

    def __le__(self, other: Operand) -> Self:
        return self._made("less_equal", self, other)

    def __gt__(self, other: Operand) -> Self:
        return self._made("greater", self, other)

    def __ge__(self, other: Operand) -> Self:
        return self._made("greater_equal", self, other)

    def __eq__(self, other: Operand) -> Self:  # type: ignore[override]  # elementwise, as in NumPy
        return self._made("equal", self, other)

    def __ne__(self, other: Operand) -> Self:  # type: ignore[override]  # elementwise, as in NumPy
        return self._made("not_equal", self, other)

    def __round__(self, decimals: int = 0) -> Self:
        return self._called("round", self, decimals)

    def __getitem__(self, key: Any) -> Self:
        return self._called("getitem", self, key)

    # ---- methods: the functions of the same names ----

    @property
    def T(self) -> Self:
        """The axes in reverse order."""
        return self.transpose()

    def sum(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        return self._called("sum", self, axis, keepdims)

    def mean(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        return self._called("mean", self, axis, keepdims)

    def max(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        return self._called("max", self, axis, keepdims)

    def min(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        return self._called("min", self, axis, keepdims)

    def prod(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        return self._called("prod", self, axis, keepdims)

    def var(self, axis: int | Sequence[int] | None = None, ddof: int = 0, keepdims: bool = False) -> Self:
        return self._called("var", self, axis, ddof, keepdims)

    def std(self, axis: int | Sequence[int] | None = None, ddof: int = 0, keepdims: bool = False) -> Self:
        return self._called("std", self, axis, ddof, keepdims)

    def any(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        return self._called("any", self, axis, keepdims)

    def all(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        return self._called("all", self, axis, keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Self:
        return self._called("argmax", self, axis, keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Self:
        return self._called("argmin", self, axis, keepdims)

    def cumsum(self, axis: int | None = None) -> Self:
        return self._called("cumsum", self, axis)

    def reshape(self, *shape: Any) -> Self:
        return self._called("reshape", self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Self:
        return self._called("transpose", self, axes[0] if len(axes) == 1 else axes or None)

    def astype(self, dtype: DTypeLike) -> Self:
        with arguments.speaking_as("astype"):
            return self._called("cast", self, dtype)

    def squeeze(self, axis: int | Sequence[int] | None = None) -> Self:
        return self._called("squeeze", self, axis)

    def tanh(self) -> Self:
        return self._made("tanh", self)

    def relu(self) -> Self:
        return self._made("relu", self)

    def sigmoid(self) -> Self:
        return self._made("sigmoid", self)

    def exp(self) -> Self:
        return self._made("exp", self)

    def log(self) -> Self:
        return self._made("log", self)

    def sqrt(self) -> Self:
        return self._made("sqrt", self)

    def abs(self) -> Self:
        return self._made("abs", self)

    def clip(self, low: Operand, high: Operand) -> Self:
        return self._called("clip", self, low, high)


_LOGICAL = {"&": "logical_and", "|": "logical_or", "^": "logical_xor", "~": "logical_not"}


def _bools(value: Operand, operator: str) -> Any:
    """An operand of `& | ^ ~`, which are logical here; on ints NumPy's would work on bits, and these do not."""
    t = tensor.as_tensor(value, operator)
    if t.dtype.kind != "b":
        hint = f"compare it, say with != 0, or use {_LOGICAL[operator]}"
        raise DTypeError(f"{operator}: takes bools, but {t.describe()} is {t.dtype}; {hint}\n  in {here()!r}")
    return t
