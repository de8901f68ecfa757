"""The elementary functions, as C that works on whole arrays: `mt_exp_f32(n, x, y)` computes y[i] = exp(x[i])."""

from __future__ import annotations

LIBRARY = {
    "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10", "log1p": "log1p",
    "tanh": "tanh", "erf": "erf", "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip
NAMES = frozenset([*LIBRARY, "sigmoid", "softplus"])


def source(name: str, dtype: str) -> str:
    """A complete C text for one function of one type."""
    t, s, f = ("float", "f32", "f") if dtype == "float32" else ("double", "f64", "")
    if name == "sigmoid":
        value = f"1 / (1 + exp{f}(-x[i]))"
    elif name == "softplus":
        value = f"(x[i] > 0 ? x[i] : 0) + log1p{f}(exp{f}(-fabs{f}(x[i])))"
    else:
        value = f"{LIBRARY[name]}{f}(x[i])"
    head = f"void mt_{name}_{s}(long n, const {t} *x, {t} *y)"
    return f"#include <math.h>\n\n{head}\n{{\n    for (long i = 0; i < n; i++) y[i] = {value};\n}}\n"
