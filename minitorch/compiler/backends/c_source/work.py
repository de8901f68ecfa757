"""Work: whether a step is worth several threads, by the floating-point operations in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from minitorch import ops
from minitorch.compiler.backends.c_source import blocked
from minitorch.compiler.backends.c_source.product import Lanes
from minitorch.compiler.gemm import gemm
from minitorch.compiler.passes.fuse import small_product
from minitorch.compiler.plan import Instruction
from minitorch.graph.dim import Size, evaluate, symbols_in
from minitorch.graph.tensor import Tensor

SHARED = 2e5  # floating-point operations of an instruction that are worth a meeting of threads where these are near
FASTEST = 4  # floating-point operations of a core in a nanosecond at most, for each byte of a vector
FETCHED = 8  # floating-point operations, or more, in the time in which an element comes from memory
TYPICAL = 256  # what unknown sizes are taken for where it is decided whether threads may share the loops


def shared_from(calls: Sequence[Instruction]) -> float:
    """The floating-point operations in so many instructions that may be worth the meetings of threads: it is tried."""
    return SHARED * len(calls)


def worth_a_team(calls: Sequence[Instruction], flops: Size, lanes: Lanes) -> bool:
    """Whether threads share the loops: of large steps that leave nothing to BLAS, which has threads of its own, and
    nothing to Python."""
    alone = any(not i.native or _by_blas(i.node, lanes) for i in calls)
    typical = evaluate(flops, dict.fromkeys(symbols_in((flops,)), TYPICAL))
    return not alone and bool(calls) and typical >= shared_from(calls)


def _by_blas(node: Tensor, lanes: Lanes) -> bool:
    return node.op in (ops.matmul, gemm) and not small_product(node) and not blocked.is_blocked(node, lanes)


def flops(operations: Mapping[Instruction, int], lanes: Lanes) -> Size:
    """The floating-point operations of a step, as the rows count them, and those for which there is time while the
    matrices of large products come from memory. Of instructions that are alike one is counted for all."""
    counts = Counter(operations.values())
    total: Size = 0
    for i in {number: i for i, number in operations.items()}.values():
        for node in i.nodes:
            total = total + counts[operations[i]] * _flops_of(node, lanes)
    return total


def _flops_of(node: Tensor, lanes: Lanes) -> Size:
    own = node.op.flops(node.type, *[x.type for x in node.inputs], **node.attrs)
    if blocked.is_blocked(node, lanes):
        own = own + FETCHED * (node.size + node.inputs[0].size + node.inputs[1].size)
    return own
