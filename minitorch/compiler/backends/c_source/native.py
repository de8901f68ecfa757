"""Native: which nodes C computes by itself."""

from __future__ import annotations

from minitorch.compiler.fused import fused
from minitorch.compiler.gemm import gemm
from minitorch.graph.tensor import Tensor, reserved

POWERS = ("power", "fixed_power")


def native(node: Tensor) -> bool:
    """Whether C computes a node: each operation of minitorch's own, but powers of ints, of which NumPy refuses some."""
    if node.op is fused:
        return all(native(n) for n in node.attrs["body"].nodes if n.inputs)
    if node.op.name in POWERS:
        return node.dtype.kind == "f"
    return node.op is gemm or node.op.name in reserved
