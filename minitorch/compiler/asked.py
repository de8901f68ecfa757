"""What differentiation is asked for: tensors, scalars and vectors that fit, or an error of the function called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from minitorch.errors import ArgumentError, GradientError, ShapeError
from minitorch.graph.dim import equal
from minitorch.graph.order import depth_first
from minitorch.graph.origin import here
from minitorch.graph.tensor import Operand, Tensor, as_tensor, brought_to
from minitorch.graph.text import counted, shown
from minitorch.graph.types import is_float, show_shape


def targets_of(function: str, wrt: object) -> list[Tensor]:
    """What to differentiate by, one tensor or several, as a list."""
    return [wrt] if isinstance(wrt, Tensor) else listed(function, "gradients are taken by tensors", wrt)


def listed(function: str, expected: str, given: Any) -> list[Tensor]:
    """A list of tensors, or an error that says what was `expected`."""
    if isinstance(given, list | tuple) and all(isinstance(t, Tensor) for t in given):
        return list(given)
    wrong = next((t for t in given if not isinstance(t, Tensor)), None) if isinstance(given, list | tuple) else given
    hint = "; for a model give its parameters()" if hasattr(wrong, "parameters") else ""
    raise ArgumentError(f"{function}: {expected}, but {shown(wrong)} was given{hint}\n  in {here()!r}")


def scalar(function: str, loss: object) -> Tensor:
    """A loss, which is a float scalar."""
    if not isinstance(loss, Tensor):
        raise ArgumentError(f"{function}: a loss is a tensor, but {shown(loss)} was given\n  in {here()!r}")
    if loss.shape != ():
        how = "take .sum() or .mean() of it first, or use vjp with cotangents"
        raise GradientError(f"{function}: {loss.describe()} is not a scalar; {how}\n  in {here()!r}")
    if not is_float(loss.dtype):
        raise GradientError(f"{function}: {loss.describe()} is not a float, so it has no gradient\n  in {here()!r}")
    return loss


def require_float(function: str, t: Tensor) -> None:
    if not is_float(t.dtype):
        raise GradientError(f"{function}: {t.describe()} is not a float, so it has no derivative\n  in {here()!r}")


def seeds_of(function: str, what: str, tensors: Sequence[Tensor], vectors: Any, kind: str) -> list[Tensor]:
    """A vector for each tensor, of its shape and in its dtype; `what` the tensors are, and which `kind` of vector."""
    if not isinstance(vectors, list | tuple):
        expected = f"a list of {kind}s is expected, one for each of {what}, but {shown(vectors)} was given"
        raise ArgumentError(f"{function}: {expected}\n  in {here()!r}")
    if len(tensors) != len(vectors):
        given = f"{counted(len(vectors), kind)} {'was' if len(vectors) == 1 else 'were'} given"
        raise GradientError(f"{function}: {given} for {counted(len(tensors), 'tensor')} of {what}\n  in {here()!r}")
    return [_seed(function, kind, t, v) for t, v in zip(tensors, vectors, strict=True)]


def _seed(function: str, kind: str, t: Tensor, value: Operand) -> Tensor:
    require_float(function, t)
    seed = as_tensor(value, function)
    if seed.ndim != t.ndim or any(equal(a, b) is False for a, b in zip(seed.shape, t.shape, strict=True)):
        shapes = f"{show_shape(seed.shape)}, but {show_shape(t.shape)} is expected for {t.describe()}"
        raise ShapeError(f"{function}: a {kind} has the shape {shapes}\n  in {here()!r}")
    return brought_to(seed, t.dtype)


def missing(function: str, outputs: Sequence[Tensor], t: Tensor) -> NoReturn:
    """Say why there is no gradient: a dtype without one, no path at all, or only paths that end on the way."""
    what = outputs[0].describe() if len(outputs) == 1 else "the outputs"
    if not is_float(t.dtype):
        why = f"{t.dtype} values have no gradients; only floats do"
    elif any(node is t for node in depth_first(outputs)):
        why = f"every path from it to {what} ends at stop_gradient or at an operation without a gradient"
    else:
        why = f"{what} {'does' if len(outputs) == 1 else 'do'} not depend on it"
    raise GradientError(f"{function}: no gradient for {t.describe()}: {why}\n  in {here()!r}")
