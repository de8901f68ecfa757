"""minitorch: a define-then-run deep learning framework. The public names, nothing else."""

from minitorch import data, errors, nn, ops, optim, training
from minitorch.compiler.autodiff import grad, hvp, jvp, vjp
from minitorch.files import load, save
from minitorch.functional import (
    binary_cross_entropy,
    broadcast_to,
    cast,
    clip,
    concatenate,
    cross_entropy,
    expand_dims,
    huber_loss,
    log_softmax,
    logsumexp,
    mae_loss,
    matmul,
    max,
    mean,
    mse_loss,
    one_hot,
    power,
    reshape,
    softmax,
    stack,
    sum,
    transpose,
)  # fmt: skip
from minitorch.graph import Dim, Graph, Op, Tensor, Type, draw, scope
from minitorch.lazy import lazy
from minitorch.nn import predict
from minitorch.ops import (
    abs,
    add,
    constant,
    cos,
    divide,
    equal,
    exp,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    parameter,
    placeholder,
    relu,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    square,
    stop_gradient,
    subtract,
    tanh,
    variable,
    where,
)  # fmt: skip
from minitorch.program import Program, compile
from minitorch.training import fit

viz = lazy("minitorch.viz")
__version__ = "0.1.0"

__all__ = [
    "abs", "add", "binary_cross_entropy", "broadcast_to", "cast", "clip", "compile", "concatenate", "constant",
    "cos", "cross_entropy", "data", "Dim", "divide", "draw", "equal", "errors", "exp", "expand_dims", "fit",
    "grad", "Graph", "greater", "greater_equal", "huber_loss", "hvp", "jvp", "less", "less_equal", "load",
    "log", "log_softmax", "logical_and", "logical_not", "logical_or", "logsumexp", "mae_loss", "matmul", "max",
    "maximum", "mean", "minimum", "mse_loss", "multiply", "negative", "nn", "not_equal", "one_hot", "Op", "ops",
    "optim", "parameter", "placeholder", "power", "predict", "Program", "relu", "reshape", "save", "scope",
    "sigmoid", "sign", "sin", "softmax", "softplus", "sqrt", "square", "stack", "stop_gradient", "subtract",
    "sum", "tanh", "Tensor", "training", "transpose", "Type", "variable", "viz", "vjp", "where",
]  # fmt: skip
