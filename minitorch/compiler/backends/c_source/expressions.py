"""Expressions: what C computes for each elementwise operation, and which functions it calls for whole arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from minitorch.compiler.backends.c_source.mathematics import NAMES
from minitorch.graph.tensor import Tensor
from minitorch.graph.types import DType

C_TYPES = {
    np.dtype("bool"): "bool8", np.dtype("uint8"): "uint8_t", np.dtype("int8"): "int8_t",
    np.dtype("int16"): "int16_t", np.dtype("int32"): "int32_t", np.dtype("int64"): "int64_t",
    np.dtype("float32"): "float", np.dtype("float64"): "double",
}  # fmt: skip

Expression = Callable[[Sequence[str], Tensor], str]


def c_type(dtype: DType) -> str:
    return C_TYPES[dtype]


def suffix(dtype: DType) -> str:
    """`f32`, `i64`, `b8`: how our own C functions tell types apart."""
    return f"{dtype.kind}{8 * dtype.itemsize}"


def literal(value: np.generic, dtype: DType) -> str:
    """A number as C, exact in every bit."""
    if dtype.kind == "f":
        return _float_literal(float(value), "f" if dtype.itemsize == 4 else "")
    number = int(value)
    if number == -(2**63):
        return "INT64_MIN"
    return f"INT64_C({number})" if dtype.itemsize == 8 else str(number)


def _float_literal(value: float, letter: str) -> str:
    if math.isnan(value):
        return f'__builtin_nan{letter}("")'
    if math.isinf(value):
        return f"{'-' if value < 0 else ''}__builtin_inf{letter}()"
    if value == int(value) and abs(value) < 2**20:
        return f"{value:.1f}{letter}"
    return f"{value.hex()}{letter}"


# ---- one expression a row; x are the operands, n is the node ----


def _is_float(n: Tensor) -> bool:
    return n.inputs[0].dtype.kind == "f"


def _infix(operator: str, of_bools: str | None = None) -> Expression:
    def expression(x: Sequence[str], n: Tensor) -> str:
        chosen = of_bools if of_bools is not None and n.inputs[0].dtype.kind == "b" else operator
        return f"{x[0]} {chosen} {x[1]}"

    return expression


def _logical(operator: str) -> Expression:
    return lambda x, n: f"({x[0]} != 0) {operator} ({x[1]} != 0)"


def _call(name: str) -> Expression:
    """A function of ours, one for each type."""
    return lambda x, n: f"{name}_{suffix(n.inputs[-1].dtype)}({', '.join(x)})"


def _library(name: str) -> Expression:
    """A function of the C library."""
    return lambda x, n: f"__builtin_{name}{'f' if n.dtype.itemsize == 4 else ''}({', '.join(x)})"


def _of_floats(name: str) -> Expression:
    """A function of the C library that does nothing to ints."""
    return lambda x, n: _library(name)(x, n) if n.dtype.kind == "f" else x[0]


def _test(of_floats: str, of_ints: str) -> Expression:
    return lambda x, n: (of_floats if _is_float(n) else of_ints).format(x[0])


def _cast(x: Sequence[str], n: Tensor) -> str:
    return f"{x[0]} != 0" if n.dtype.kind == "b" else f"({c_type(n.dtype)}){x[0]}"


def _fixed_power(x: Sequence[str], n: Tensor) -> str:
    exponent = literal(np.float64(n.attrs["exponent"]), n.dtype)
    return _library("pow")([x[0], exponent], n)


EXPRESSIONS: dict[str, Expression] = {
    "add": _infix("+", "|"), "subtract": _infix("-"), "multiply": _infix("*", "&"), "divide": _infix("/"),
    "negative": lambda x, n: f"-({x[0]})",
    "square": lambda x, n: f"{x[0]} * {x[0]}",
    "reciprocal": lambda x, n: f"{literal(np.float64(1), n.dtype)} / {x[0]}",
    "floor_divide": _call("floor_divide"), "mod": _call("mod"), "sign": _call("sign"),
    "maximum": _call("maximum"), "minimum": _call("minimum"),
    "clip": lambda x, n: f"minimum_{suffix(n.dtype)}(maximum_{suffix(n.dtype)}({x[0]}, {x[1]}), {x[2]})",
    "equal": _infix("=="), "not_equal": _infix("!="), "less": _infix("<"), "less_equal": _infix("<="),
    "greater": _infix(">"), "greater_equal": _infix(">="),
    "logical_and": _logical("&"), "logical_or": _logical("|"), "logical_xor": _logical("^"),
    "logical_not": lambda x, n: f"{x[0]} == 0",
    "where": lambda x, n: f"{x[0]} ? {x[1]} : {x[2]}",
    "copy": lambda x, n: x[0],
    "cast": _cast,
    "abs": _call("absolute"),
    "relu": _call("relu"), "bernoulli_loss": _call("bernoulli_loss"),
    "sqrt": _library("sqrt"), "floor": _of_floats("floor"), "ceil": _of_floats("ceil"),
    "trunc": _of_floats("trunc"), "rint": _library("rint"),
    "isnan": _test("{0} != {0}", "0"),
    "isinf": _test("(__builtin_isinf({0}) != 0)", "0"),
    "isfinite": _test("(__builtin_isfinite({0}) != 0)", "1"),
    "arctan2": _library("atan2"), "power": _library("pow"), "fixed_power": _fixed_power,
}  # fmt: skip
"""Every elementwise row of minitorch but those that call a function on whole arrays."""


def array_function(node: Tensor) -> str | None:
    """The function that computes a node for a whole array, where there is one: `mt_tanh_f32`."""
    if node.op.name in NAMES and node.dtype.kind == "f":
        return f"mt_{node.op.name}_{suffix(node.dtype)}"
    return None
