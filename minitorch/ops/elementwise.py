"""Elementwise operations: each element of the result comes from one element of each operand, with broadcasting.

In the gradient rules `g` is the gradient of the result, `y` the result, `a, b, x` the operands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from minitorch.errors import ArgumentError, DTypeError
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Gradient, Op, Operand, Tensor
from minitorch.graph.text import counted, shown
from minitorch.graph.types import BOOL, Check, DType, Type, broadcast, common_dtype, floating_dtype, is_float

__all__ = [
    "add", "cast", "clip", "copy", "divide", "elementwise", "equal", "floor_divide", "greater", "greater_equal", "less",
    "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "mod", "multiply",
    "negative", "not_equal", "sign", "square", "stop_gradient", "subtract", "where",
]  # fmt: skip


def elementwise(
    name: str, kernel: Callable[..., Any], gradient: Gradient | None = None, *,
    operands: Any = floating_dtype, result: DType | None = None, flops: int = 1,
    inplace: tuple[int, ...] | None = None, uncoerced: tuple[int, ...] = (),
) -> Op:  # fmt: skip
    """A row for an elementwise operation: shape, dtype and cost follow from broadcasting.

    `kernel` is a NumPy ufunc or anything called like one. `operands` says what the operands are brought to (floats,
    unless told otherwise), `result` a fixed dtype of the result. The result may overwrite any operand whose position
    is in `inplace`: all of them for a ufunc, none for any other kernel unless told otherwise, since it might read an
    operand after it has written.

    >>> import minitorch as mt
    >>> cube = elementwise("doc_cube", lambda a, out=None: np.power(a, 3, out=out), lambda g, y, a: (g * 3 * a * a,))
    >>> x = mt.placeholder("x", (2,))
    >>> cube(x).eval({x: [1, 2]}).tolist()
    [1.0, 8.0]
    """

    def infer(*types: Type, **attrs: object) -> Type:
        _require_arguments(kernel, types, attrs)
        checks: list[Check] = []
        shape = broadcast([t.shape for t in types], checks)
        weak = all(t.weak for t in types)
        return Type(shape, result or types[-1].dtype, weak and result is None, tuple(checks))

    free = tuple(range(kernel.nin)) if isinstance(kernel, np.ufunc) else ()
    return Op(
        name, infer, kernel, gradient, operands, lambda out, *_, **__: flops * out.size,
        elementwise=True, inplace=free if inplace is None else inplace, uncoerced=uncoerced,
    )  # fmt: skip


def _require_arguments(kernel: Callable[..., Any], types: Sequence[Type], attrs: Mapping[str, object]) -> None:
    expected = arity(kernel, attrs)
    if expected is not None and len(types) != expected:
        were = "was" if len(types) == 1 else "were"
        raise ArgumentError(f"takes {counted(expected, 'operand')}, but {len(types)} {were} given")
    if attrs:
        named = () if isinstance(kernel, np.ufunc) else [p.name for p in _parameters(kernel) if p.name != "out"]
        unknown = [name for name in attrs if name not in named]
        if unknown:
            raise ArgumentError(f"takes no argument named {shown(unknown[0])}")


def arity(kernel: Callable[..., Any], attrs: Mapping[str, object]) -> int | None:
    """The number of operands that an elementwise kernel takes beside its attributes; None where any will do."""
    if isinstance(kernel, np.ufunc):
        return kernel.nin
    parameters = _parameters(kernel)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return len([p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name not in attrs])


@cache
def _parameters(kernel: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(kernel).parameters.values())


def numbers(types: Sequence[Type]) -> tuple[DType, bool]:
    """The common dtype, where bools have no meaning."""
    dtype, weak = common_dtype(types)
    if dtype == BOOL:
        raise DTypeError("takes numbers, but bools were given; use logical_not, logical_and, != or .astype")
    return dtype, weak


# ---- arithmetic ----

add = elementwise("add", np.add, lambda g, y, a, b: (g, g), operands=common_dtype)
subtract = elementwise("subtract", np.subtract, lambda g, y, a, b: (g, -g), operands=numbers)
multiply = elementwise("multiply", np.multiply, lambda g, y, a, b: (g * b, g * a), operands=common_dtype)
divide = elementwise("divide", np.divide, lambda g, y, a, b: (g / b, -g * (y / b)))
negative = elementwise("negative", np.negative, lambda g, y, x: (-g,), operands=numbers)
floor_divide = elementwise("floor_divide", np.floor_divide, lambda g, y, a, b: (0, 0), operands=numbers)
mod = elementwise("mod", np.mod, lambda g, y, a, b: (g, -g * floor_divide(a, b)), operands=numbers)
sign = elementwise("sign", np.sign, lambda g, y, x: (0,), operands=numbers)
square = elementwise("square", np.square, lambda g, y, x: (g * 2 * x,), operands=numbers)


# ---- comparison and logic: results are bools, nothing flows back ----

equal, not_equal, less, less_equal, greater, greater_equal = (
    elementwise(ufunc.__name__, ufunc, operands=common_dtype, result=BOOL)
    for ufunc in (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
)
logical_and = elementwise("logical_and", np.logical_and, operands=common_dtype, result=BOOL)
logical_or = elementwise("logical_or", np.logical_or, operands=common_dtype, result=BOOL)
logical_xor = elementwise("logical_xor", np.logical_xor, operands=common_dtype, result=BOOL)
logical_not = elementwise("logical_not", np.logical_not, operands=common_dtype, result=BOOL)


# ---- choice; where operands tie, each of two gets half of the gradient, as in PyTorch ----


def _where_kernel(condition: Array, a: Array, b: Array, out: Array | None = None) -> Array:
    if out is None:
        return np.where(condition, a, b)
    np.copyto(out, b)  # the result may overwrite b, but not a
    np.copyto(out, a, where=condition)
    return out


def _where_type(*types: Type, **attrs: object) -> Type:
    if len(types) != 3 or attrs:
        given = counted(len(types), "operand") + "".join(f" and {name}=" for name in attrs)
        raise ArgumentError(f"takes a condition and 2 operands, 3 in all, but was given {given}")
    condition, a, b = types
    if condition.dtype != BOOL:
        raise DTypeError(f"a condition is made of bools, but this one is {condition.dtype}; compare it, say with != 0")
    checks: list[Check] = []
    return Type(broadcast([condition.shape, a.shape, b.shape], checks), b.dtype, a.weak and b.weak, tuple(checks))


where: Op = Op(
    "where", _where_type, _where_kernel, lambda g, y, c, a, b: (None, where(c, g, 0), where(c, 0, g)), common_dtype,
    lambda out, *_: out.size, elementwise=True, inplace=(2,), uncoerced=(0,),
)  # fmt: skip
maximum = elementwise(
    "maximum", np.maximum, lambda g, y, a, b: (tied(g, less(a, b), a, b), tied(g, greater(a, b), a, b)),
    operands=common_dtype,
)  # fmt: skip
minimum = elementwise(
    "minimum", np.minimum, lambda g, y, a, b: (tied(g, greater(a, b), a, b), tied(g, less(a, b), a, b)),
    operands=common_dtype,
)  # fmt: skip


def tied(g: Tensor, loses: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """0 for the operand that loses, half where the two tie, all where it wins or either is NaN."""
    return where(loses, 0, where(equal(a, b), g * 0.5, g))


def _clip_kernel(x: Array, low: Array, high: Array, out: Array | None = None) -> Array:
    if out is None:
        return np.asarray(np.minimum(np.maximum(x, low), high))
    np.maximum(x, low, out=out)
    return np.minimum(out, high, out=out)


def clip_gradient(g: Tensor, y: Tensor, x: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All to x where it lies within the bounds (both included), else to the bound that it was clipped to."""
    within = logical_and(greater_equal(x, low), less_equal(x, high))
    below = logical_and(less(x, low), less(low, high))
    above = logical_or(greater(x, high), greater(low, high))
    return where(within, g, 0), where(below, g, 0), where(above, g, 0)


clip = elementwise("clip", _clip_kernel, clip_gradient, operands=common_dtype, flops=2, inplace=(0, 1))


# ---- identities ----


def _copy_kernel(x: Array, out: Array | None = None) -> Array:
    if out is None:
        return x.copy()
    np.copyto(out, x)
    return out


def _cast_kernel(x: Array, dtype: DType, out: Array | None = None) -> Array:
    if out is None:
        return x.astype(dtype)
    np.copyto(out, x, casting="unsafe")
    return out


def _cast_type(x: Type, dtype: DType) -> Type:
    return Type(x.shape, dtype)


def cast_gradient(g: Tensor, y: Tensor, x: Tensor, dtype: DType) -> tuple[Operand]:
    """The gradient in the dtype of x; none flows back into ints or bools."""
    return (g if is_float(x.dtype) else None,)  # differentiation brings g to the dtype of x


copy = elementwise("copy", _copy_kernel, lambda g, y, x: (g,), operands=None, flops=0, inplace=(0,))
stop_gradient = Op("stop_gradient", lambda x: x, lambda x, out=None: x, view=True)
cast = Op(
    "cast", _cast_type, _cast_kernel, cast_gradient, flops=lambda out, *_, **__: out.size, elementwise=True,
)  # fmt: skip
