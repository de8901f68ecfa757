"""minitorch: a define-then-run deep learning framework. The public names, nothing else."""

from minitorch import data, errors, nn, ops, optim, training
from minitorch.compiler.autodiff import grad, hvp, jvp, vjp
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
