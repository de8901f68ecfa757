"""Losses: each the mean over all elements, or over rows where it says so."""

from __future__ import annotations

from minitorch import ops
from minitorch.errors import ArgumentError, OptionError, ShapeError
from minitorch.functional.arguments import fail, is_number
from minitorch.functional.elementwise import log_softmax
from minitorch.functional.indexing import take_along_axis
from minitorch.functional.reduction import mean
from minitorch.functional.shape import expand_dims
from minitorch.graph.dim import Size, equal
from minitorch.graph.tensor import Operand, Tensor, as_tensor
from minitorch.graph.text import shown
from minitorch.graph.types import INT64, show_shape

__all__ = ["binary_cross_entropy", "cross_entropy", "huber_loss", "mae_loss", "mse_loss"]


_AGREE = "reshape one so that they agree"


def _same_shape(
    loss: str, prediction: Operand, target: Operand, what: str = "prediction", how: str = _AGREE
) -> tuple[Tensor, Tensor]:
    """Both as tensors, or an error: (n,) against (n, 1) would broadcast to (n, n) and train on nonsense."""
    p, t = as_tensor(prediction, loss), as_tensor(target, loss)
    if p.ndim != t.ndim or not all(_could_equal(a, b) for a, b in zip(p.shape, t.shape, strict=True)):
        shapes = f"{what} {show_shape(p.shape)} and target {show_shape(t.shape)}"
        raise fail(ShapeError, loss, f"{shapes} differ in shape; {how}", p, t)
    return p, t


def _could_equal(a: Size, b: Size) -> bool:
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    return 1 not in (a, b) and equal(a, b) is not False


def mse_loss(prediction: Operand, target: Operand) -> Tensor:
    """The mean of (prediction - target)^2 over all elements. Both must have one shape; a scalar comes back.

    Raises `ShapeError` where the shapes differ: nothing broadcasts here.

    >>> import minitorch as mt
    >>> p, t = mt.placeholder("p", ("n", 1)), mt.placeholder("t", ("n", 1))
    >>> float(mse_loss(p, t).eval({p: [[1.0], [2.0]], t: [[1.0], [4.0]]}))
    2.0
    """
    p, t = _same_shape("mse_loss", prediction, target)
    return mean(ops.square(p - t))


def mae_loss(prediction: Operand, target: Operand) -> Tensor:
    """The mean of |prediction - target|; the gradient is 0 where the two are equal."""
    p, t = _same_shape("mae_loss", prediction, target)
    return mean(ops.abs(p - t))


def huber_loss(prediction: Operand, target: Operand, delta: float = 1.0) -> Tensor:
    """The mean of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2) (Huber 1964), e the difference."""
    p, t = _same_shape("huber_loss", prediction, target)
    if not is_number(delta) or not delta > 0:
        raise fail(OptionError, "huber_loss", f"delta is {shown(delta)}; a number greater than 0 is expected")
    distance = ops.abs(p - t)
    near = ops.minimum(distance, delta)  # no branch that is not taken can be infinite: 0 * inf would be NaN
    return mean(ops.square(near) * 0.5 + delta * (distance - near))


def binary_cross_entropy(prediction: Operand, target: Operand, from_logits: bool = False) -> Tensor:
    """The mean of -t log(p) - (1 - t) log(1 - p) for probabilities `p`; logarithms are held at -100, as in PyTorch.

    With `from_logits` the prediction is the argument of a sigmoid: softplus(z) - t z, which neither overflows nor
    needs the bound.
    """
    p, t = _same_shape("binary_cross_entropy", prediction, target)
    if not isinstance(from_logits, bool):
        raise fail(
            ArgumentError, "binary_cross_entropy", f"from_logits is True or False, but {shown(from_logits)} was given"
        )
    if from_logits:
        return mean(ops.softplus(p) - t * p)
    return mean(ops.bernoulli_loss(p, t))


def cross_entropy(logits: Operand, target: Operand) -> Tensor:
    """The mean over rows of -sum(t * log_softmax(logits)).

    `logits` are (rows, classes). `target` is of the same shape (probabilities, one-hot rows) or, as ints, of shape
    (rows,): the number of the class. A class that is not there raises `OutOfRangeError` when the program runs.
    """
    z, t = as_tensor(logits, "cross_entropy"), as_tensor(target, "cross_entropy")
    if z.ndim != 2:
        what = f"logits of the shape (rows, classes) are expected, but {show_shape(z.shape)} was given"
        raise fail(ShapeError, "cross_entropy", what, z)
    if t.dtype.kind in "iu" and t.ndim == 1:
        if equal(z.shape[0], t.shape[0]) is False:
            shapes = f"{show_shape(z.shape)} and {show_shape(t.shape)}"
            raise fail(ShapeError, "cross_entropy", f"{shapes} differ in their number of rows", z, t)
        label = ops.in_range(ops.cast(t, dtype=INT64), size=z.shape[1], back=False)  # -1 is no class, nor the last one
        return mean(-take_along_axis(log_softmax(z), expand_dims(label, 1), axis=1))
    how = "give probabilities of the shape of the logits, or the number of a class for each row, as ints"
    z, t = _same_shape("cross_entropy", z, t, "logits", how)
    return mean(-ops.sum(t * log_softmax(z), axis=(1,), keepdims=False))
