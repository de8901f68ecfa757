"""Functions of real numbers, element by element: powers, exponentials, trigonometry, rounding, activations.

In the gradient rules `g` is the gradient of the result, `y` the result, `a, b, x` the operands. The derivatives are
those of Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, chapters 3, 4 and 7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch.graph.storage import Array
from minitorch.graph.tensor import Op, Operand, Tensor
from minitorch.graph.types import BOOL, common_dtype
from minitorch.ops.elementwise import (
    elementwise,
    equal,
    greater_equal,
    less_equal,
    logical_and,
    maximum,
    numbers,
    sign,
    square,
    where,
)  # fmt: skip

__all__ = [
    "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "bernoulli_loss", "ceil",
    "cos", "cosh", "erf", "exp", "exp2", "expm1", "fixed_power", "floor", "isfinite", "isinf", "isnan", "log",
    "log10", "log1p", "log2", "power", "raised", "reciprocal", "relu", "rint", "sigmoid", "sin", "sinh",
    "softplus", "sqrt", "tan", "tanh", "trunc",
]  # fmt: skip

LN2, LN10 = math.log(2), math.log(10)


# ---- kernels that are more than one NumPy call ----


def _sigmoid_kernel(x: Array, out: Array | None = None) -> Array:
    out = np.empty(x.shape, x.dtype) if out is None else out
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    return np.reciprocal(out, out=out)  # 1 / (1 + exp(-x))


def _relu_kernel(x: Array, out: Array | None = None) -> Array:
    return np.maximum(x, 0, out=out)  # keeps a NaN


def _softplus_kernel(x: Array, out: Array | None = None) -> Array:
    return np.logaddexp(x, x.dtype.type(0), out=out)  # log(1 + exp(x)) without overflow


def _erf_kernel(x: Array, out: Array | None = None) -> Array:
    """The C library's erf on each element: NumPy has none."""
    values = np.fromiter(map(math.erf, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)
    out = np.empty(x.shape, x.dtype) if out is None else out
    np.copyto(out, values, "same_kind")
    return out


def _power_kernel(a: Array, b: Array, out: Array | None = None) -> Array:
    """NumPy squares, or takes a root, where one number is the exponent of many, which can differ in the last bit from
    the power that it computes where the exponents are many: they always are many here, however they lie."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    if b.shape != shape or 0 in b.strides:
        b = np.array(np.broadcast_to(b, shape), order="C")
    result: Array = np.power(a, b, out=out)
    return result


def _fixed_power_kernel(x: Array, exponent: float, out: Array | None = None) -> Array:
    result: Array = np.power(x, x.dtype.type(exponent), out=out)
    return result


# ---- exponentials and roots ----

# fmt: off
exp        = elementwise("exp",        np.exp,        lambda g, y, x: (g * y,), flops=10)
exp2       = elementwise("exp2",       np.exp2,       lambda g, y, x: (g * LN2 * y,), flops=10)
expm1      = elementwise("expm1",      np.expm1,      lambda g, y, x: (g * exp(x),), flops=10)
log        = elementwise("log",        np.log,        lambda g, y, x: (g / x,), flops=10)
log2       = elementwise("log2",       np.log2,       lambda g, y, x: (g / (x * LN2),), flops=10)
log10      = elementwise("log10",      np.log10,      lambda g, y, x: (g / (x * LN10),), flops=10)
log1p      = elementwise("log1p",      np.log1p,      lambda g, y, x: (g / (x + 1),), flops=10)
sqrt       = elementwise("sqrt",       np.sqrt,       lambda g, y, x: (g * 0.5 / y,), flops=4)
reciprocal = elementwise("reciprocal", np.reciprocal, lambda g, y, x: (-g * square(y),), flops=4)
# fmt: on


# ---- powers ----


def power_gradient(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Operand, Operand]:
    """d(a^b) = b a^(b-1) da + a^b log(a) db; 0 where b = 0, and 0 for db where a = 0 <= b, as in PyTorch."""
    da = where(equal(b, 0), 0, b * power(a, b - 1))
    db = where(logical_and(equal(a, 0), greater_equal(b, 0)), 0, y * log(a))
    return g * da, g * db


def fixed_power_gradient(g: Tensor, y: Tensor, x: Tensor, exponent: float) -> tuple[Operand]:
    """d(x^n) = n x^(n-1) dx, and 0 for n = 0, whatever x is."""
    return (g * exponent * raised(x, exponent - 1) if exponent else 0,)


def raised(x: Tensor, exponent: float) -> Tensor:
    """`x ** exponent` for a known number, in the cheapest way that NumPy's own `**` takes."""
    match exponent:
        case 1:
            return x
        case 2:
            return square(x)
        case 0.5:
            return sqrt(x)
        case -1:
            return reciprocal(x)
    return fixed_power(x, exponent=exponent)


power = elementwise("power", _power_kernel, power_gradient, operands=numbers, flops=10, inplace=())
fixed_power = elementwise(
    "fixed_power", _fixed_power_kernel, fixed_power_gradient, operands=numbers, flops=10, inplace=(0,)
)


# ---- trigonometry ----

# fmt: off
sin     = elementwise("sin",     np.sin,     lambda g, y, x: (g * cos(x),), flops=10)
cos: Op = elementwise("cos",     np.cos,     lambda g, y, x: (-g * sin(x),), flops=10)
tan     = elementwise("tan",     np.tan,     lambda g, y, x: (g * (1 + square(y)),), flops=10)
arcsin  = elementwise("arcsin",  np.arcsin,  lambda g, y, x: (g / sqrt(1 - square(x)),), flops=10)
arccos  = elementwise("arccos",  np.arccos,  lambda g, y, x: (-g / sqrt(1 - square(x)),), flops=10)
arctan  = elementwise("arctan",  np.arctan,  lambda g, y, x: (g / (1 + square(x)),), flops=10)
sinh    = elementwise("sinh",    np.sinh,    lambda g, y, x: (g * cosh(x),), flops=10)
cosh: Op = elementwise("cosh",   np.cosh,    lambda g, y, x: (g * sinh(x),), flops=10)
tanh    = elementwise("tanh",    np.tanh,    lambda g, y, x: (g * (1 - square(y)),), flops=10)
arcsinh = elementwise("arcsinh", np.arcsinh, lambda g, y, x: (g / sqrt(square(x) + 1),), flops=10)
arccosh = elementwise("arccosh", np.arccosh, lambda g, y, x: (g / sqrt(square(x) - 1),), flops=10)
arctanh = elementwise("arctanh", np.arctanh, lambda g, y, x: (g / (1 - square(x)),), flops=10)
# fmt: on


def arctan2_gradient(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """d(atan2(a, b)) = (b da - a db) / (a^2 + b^2); 0 where both are 0, as in PyTorch."""
    length = square(a) + square(b)
    scale = where(equal(length, 0), 0, reciprocal(length))
    return g * b * scale, -g * a * scale


# NumPy takes another path, with other last bits, where the result of these two overlaps an operand: never in place
arctan2 = elementwise("arctan2", np.arctan2, arctan2_gradient, flops=10, inplace=())


# ---- what is special; the error function ----

isnan, isinf, isfinite = (
    elementwise(ufunc.__name__, ufunc, operands=common_dtype, result=BOOL)
    for ufunc in (np.isnan, np.isinf, np.isfinite)
)
erf = elementwise(
    "erf", _erf_kernel, lambda g, y, x: (g * (2 / math.sqrt(math.pi)) * exp(-square(x)),), flops=30, inplace=()
)


# ---- the cross-entropy of yes and no ----


def _bernoulli_kernel(p: Any, t: Any, out: Array | None = None) -> Array:
    yes, no = np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)
    return np.asarray(np.negative(t * yes + (1 - t) * no, out=out))


def bernoulli_gradient(g: Tensor, y: Tensor, p: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """(p - t) / (p (1 - p)) dp, with the denominator held at 1e-12, as in PyTorch; and log((1 - p) / p) dt."""
    slope = (p - t) / maximum(p * (1 - p), 1e-12)
    return g * slope, g * (maximum(log1p(-p), -100) - maximum(log(p), -100))


bernoulli_loss = elementwise("bernoulli_loss", _bernoulli_kernel, bernoulli_gradient, flops=30)


# ---- steps: flat wherever they have a derivative, so the gradient is 0 everywhere, as in PyTorch ----

floor, ceil, trunc = (
    elementwise(ufunc.__name__, ufunc, lambda g, y, x: (0,), operands=numbers)
    for ufunc in (np.floor, np.ceil, np.trunc)
)
rint = elementwise("rint", np.rint, lambda g, y, x: (0,))


# ---- kinks, and activations ----

abs = elementwise("abs", np.absolute, lambda g, y, x: (g * sign(x),), operands=common_dtype)  # at 0: 0
relu = elementwise(  # at 0: 0
    "relu", _relu_kernel, lambda g, y, x: (where(less_equal(y, 0), 0, g),), operands=numbers, inplace=(0,)
)
sigmoid = elementwise("sigmoid", _sigmoid_kernel, lambda g, y, x: (g * (y * (1 - y)),), flops=13, inplace=(0,))
softplus = elementwise("softplus", _softplus_kernel, lambda g, y, x: (g * sigmoid(x),), flops=20, inplace=(0,))
