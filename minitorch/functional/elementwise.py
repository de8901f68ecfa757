"""Elementwise functions made of operations: powers, bounds, rounding, activations."""

from __future__ import annotations

import math
from collections.abc import Callable

from minitorch import ops
from minitorch.errors import OptionError
from minitorch.functional.arguments import axis_of, fail, int_of, known_dtype, speaking_as
from minitorch.graph.tensor import Op, Operand, Tensor, as_tensor
from minitorch.graph.text import shown
from minitorch.graph.types import FLOAT64, DTypeLike, is_float

__all__ = [
    "activations", "cast", "clip", "elu", "gelu", "hard_tanh", "identity", "leaky_relu", "log_softmax", "power",
    "round", "silu", "softmax", "softsign",
]  # fmt: skip


def power(a: Operand, b: Operand) -> Tensor:
    """`a ** b`. A number as exponent takes the short ways that NumPy takes: squares, roots, reciprocals.

    The gradient at `b = 0` is 0 for `a`; at `a = 0 <= b` it is 0 for `b` (PyTorch's convention).

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", (2,))
    >>> (x ** 3).eval({x: [1, 2]}).tolist()
    [1.0, 8.0]
    """
    if isinstance(a, Tensor) and isinstance(b, int | float) and not isinstance(b, bool):
        if is_float(a.dtype):
            return ops.raised(a, b)
        if isinstance(b, int) and b == 2:
            return ops.square(a)
        if isinstance(b, int) and b < 0:
            raise fail(OptionError, "power", f"ints have no power of {b}; use a float", a)
    return ops.power(a, b)


def clip(x: Operand, low: Operand = None, high: Operand = None) -> Tensor:
    """`x` held between `low` and `high`; None is no bound. At a bound the gradient goes to `x`, as in PyTorch.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", (3,))
    >>> mt.clip(x, -1, 1).eval({x: [-5, 0.5, 5]}).tolist()
    [-1.0, 0.5, 1.0]
    """
    x = as_tensor(x, "clip")
    if low is None and high is None:
        raise fail(OptionError, "clip", "a bound is expected, low or high, but None was given for both", x)
    if low is not None and high is not None:
        return ops.clip(x, low, high)
    bound = as_tensor(low if high is None else high, "clip")
    with speaking_as("clip"):
        return _bounded(x, bound, ops.less if high is None else ops.greater)


def _bounded(x: Tensor, bound: Tensor, beyond: Op) -> Tensor:
    """`x`, or the bound where x lies beyond it or the bound is NaN."""
    return ops.where(ops.logical_or(beyond(x, bound), ops.not_equal(bound, bound)), bound, x)


def cast(x: Operand, dtype: DTypeLike) -> Tensor:
    """`x` in another dtype, converted as NumPy's `astype` does."""
    t = as_tensor(x, "cast")
    target = known_dtype(dtype, "cast", t)
    return t if t.dtype == target and not t.type.weak else ops.cast(t, dtype=target)


def round(x: Operand, decimals: int = 0) -> Tensor:
    """`x` rounded to that many decimals, halves to the even neighbour. The gradient is 0 everywhere."""
    x = as_tensor(x, "round")
    decimals = int_of(decimals, "decimals", "round", x)
    if abs(decimals) > 300:
        raise fail(OptionError, "round", f"decimals is an int from -300 to 300, but {decimals} was given", x)
    if not is_float(x.dtype):
        wide = ops.cast(x, dtype=FLOAT64) if decimals < 0 else x
        return ops.cast(round(wide, decimals), dtype=x.dtype) if decimals < 0 else ops.copy(x)
    scale = 10.0 ** abs(decimals)
    if decimals == 0:
        return ops.rint(x)
    if decimals > 0:
        return ops.divide(ops.rint(x * scale), scale)
    return ops.multiply(ops.rint(x / scale), scale)


# ---- activations ----


def identity(x: Tensor) -> Tensor:
    """x."""
    return x


def softmax(x: Operand, axis: int = -1) -> Tensor:
    """exp(x) divided by its sum over `axis`.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", (2,))
    >>> softmax(x).eval({x: [3, 3]}).tolist()
    [0.5, 0.5]
    """
    x = as_tensor(x, "softmax")
    axes = (axis_of(x, axis, "softmax"),)
    shifted = ops.exp(_below_peak(x, axes, "softmax"))
    return ops.divide(shifted, ops.sum(shifted, axis=axes, keepdims=True))


def log_softmax(x: Operand, axis: int = -1) -> Tensor:
    """x - logsumexp(x), as the logarithm of `softmax` without its underflow; what is added to all x changes nothing."""
    x = as_tensor(x, "log_softmax")
    axes = (axis_of(x, axis, "log_softmax"),)
    shifted = _below_peak(x, axes, "log_softmax")
    return ops.subtract(shifted, ops.log(ops.sum(ops.exp(shifted), axis=axes, keepdims=True)))


def _below_peak(x: Tensor, axes: tuple[int, ...], function: str) -> Tensor:
    """`x` less its greatest element, which changes no share. Where that is infinite there are none: all NaN."""
    with speaking_as(function):
        return ops.subtract(x, ops.stop_gradient(ops.max(x, axis=axes, keepdims=True)))


def gelu(x: Operand, approximate: str = "none") -> Tensor:
    """x times the normal distribution function of x (Hendrycks and Gimpel 2016), exact or by their "tanh" formula."""
    x = as_tensor(x, "gelu")
    if not isinstance(approximate, str) or approximate not in ("none", "tanh"):
        raise fail(OptionError, "gelu", f"approximate is 'none' or 'tanh', but {shown(approximate)} was given", x)
    if approximate == "none":
        return ops.multiply(x * 0.5, 1 + ops.erf(x * math.sqrt(0.5)))
    return ops.multiply(x * 0.5, 1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def silu(x: Operand) -> Tensor:
    """x * sigmoid(x), also known as swish (Elfwing et al. 2018)."""
    x = as_tensor(x, "silu")
    return ops.multiply(x, ops.sigmoid(x))


def elu(x: Operand, alpha: Operand = 1.0) -> Tensor:
    """x where positive, else alpha (exp(x) - 1) (Clevert et al. 2016). The gradient at 0 is alpha, as in PyTorch."""
    x, alpha = as_tensor(x, "elu"), as_tensor(alpha, "elu")
    with speaking_as("elu"):
        return ops.where(x > 0, x, alpha * ops.expm1(ops.where(x > 0, 0, x)))  # the inner where: exp never overflows


def leaky_relu(x: Operand, slope: Operand = 0.01) -> Tensor:
    """x where positive, else slope * x (Maas et al. 2013). The gradient at 0 is the slope, as in PyTorch."""
    x, slope = as_tensor(x, "leaky_relu"), as_tensor(slope, "leaky_relu")
    with speaking_as("leaky_relu"):
        return ops.where(x > 0, x, slope * x)


def softsign(x: Operand) -> Tensor:
    """x / (1 + |x|)."""
    x = as_tensor(x, "softsign")
    return ops.divide(x, 1 + ops.abs(x))


def hard_tanh(x: Operand, low: Operand = -1.0, high: Operand = 1.0) -> Tensor:
    """x held between two bounds. The gradient at a bound is 0, as in PyTorch."""
    x = as_tensor(x, "hard_tanh")
    low, high = as_tensor(low, "hard_tanh"), as_tensor(high, "hard_tanh")
    with speaking_as("hard_tanh"):
        outside = ops.logical_or(x <= low, x >= high)
        return ops.where(outside, ops.stop_gradient(ops.clip(x, low, high)), x)


activations: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": identity, "tanh": ops.tanh, "relu": ops.relu, "sigmoid": ops.sigmoid, "softplus": ops.softplus,
    "softmax": softmax, "gelu": gelu, "silu": silu, "elu": elu, "leaky_relu": leaky_relu, "softsign": softsign,
    "hard_tanh": hard_tanh, "sin": ops.sin, "exp": ops.exp,
}  # fmt: skip
"""The activations that modules know by name."""
