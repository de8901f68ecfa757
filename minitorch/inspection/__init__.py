"""Inspection: tools over a program that answer what it computes, whether that is right, and what was done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minitorch.graph.tensor import Tensor
from minitorch.lazy import lazy

gradients = lazy("minitorch.inspection.gradients")


def check_gradients(loss: Tensor, wrt: Tensor | Sequence[Tensor], feeds: Mapping[Tensor, Any]) -> Any:
    """Compare the gradient rule of every operation between `wrt` and `loss` with differences of its kernel.

    See `minitorch.inspection.gradients.check_gradients`.
    """
    return gradients.check_gradients(loss, wrt, feeds)
