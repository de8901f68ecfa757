"""minitorch: a define-then-run deep learning framework. The public names, nothing else."""

from minitorch import data, errors, nn, ops, optim, training
from minitorch.compiler.autodiff import check_gradients, grad, hvp, jvp, vjp
from minitorch.files import load, save
from minitorch.functional import *
from minitorch.graph import Dim, Graph, Op, Tensor, Type, draw, scope
from minitorch.lazy import lazy
from minitorch.nn import predict
from minitorch.ops import (
    abs, add, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, ceil, constant, cos, cosh, divide, equal, erf,
    exp, exp2, expm1, floor, floor_divide, greater, greater_equal, isfinite, isinf, isnan, less, less_equal, log,
    log10, log1p, log2, logical_and, logical_not, logical_or, logical_xor, maximum, minimum, mod, multiply, negative,
    not_equal, parameter, placeholder, reciprocal, relu, sigmoid, sign, sin, sinh, softplus, sqrt, square,
    stop_gradient, subtract, tan, tanh, trunc, variable, where,
)  # fmt: skip
from minitorch.program import Program, compile
from minitorch.training import fit

viz = lazy("minitorch.viz")
__version__ = "0.1.0"

__all__ = [
    "abs", "add", "all", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "argmax", "argmin", "binary_cross_entropy", "broadcast_to", "cast", "ceil", "check_gradients", "clip",
    "compile", "concatenate", "constant", "cos", "cosh", "cross_entropy", "cumsum", "data", "diagonal", "Dim", "divide",
    "dot", "draw", "dropout", "einsum", "elu", "equal", "erf", "errors", "exp", "exp2", "expand_dims", "expm1",
    "fit", "flip", "floor", "floor_divide", "full_like", "gelu", "grad", "Graph", "greater", "greater_equal",
    "hard_tanh", "huber_loss", "hvp", "isfinite", "isinf", "isnan", "jvp", "leaky_relu", "less", "less_equal",
    "linspace", "load", "log", "log10", "log1p", "log2", "log_softmax", "logical_and", "logical_not",
    "logical_or", "logical_xor", "logsumexp", "mae_loss", "matmul", "max", "maximum", "mean", "min", "minimum",
    "mod", "moveaxis", "mse_loss", "multiply", "negative", "nn", "norm", "not_equal", "one_hot", "ones_like",
    "Op", "ops", "optim", "outer", "pad", "parameter", "placeholder", "power", "predict", "prod", "Program",
    "random_uniform", "reciprocal", "relu", "repeat", "reshape", "roll", "round", "save", "scope", "sigmoid",
    "sign", "silu", "sin", "sinh", "softmax", "softplus", "softsign", "split", "sqrt", "square", "squeeze",
    "stack", "std", "stop_gradient", "subtract", "sum", "swapaxes", "take", "take_along_axis", "tan", "tanh",
    "Tensor", "tensordot", "tile", "trace", "training", "transpose", "tril", "triu", "trunc", "Type", "var",
    "variable", "viz", "vjp", "where", "zeros_like",
]  # fmt: skip
