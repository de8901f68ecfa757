"""Differentiation: the chain rule over the sorted graph, written as more graph.

Reverse mode sweeps the order backwards and adds up what reaches each node (Linnainmaa 1970; Griewank and Walther,
Evaluating Derivatives, 2008, ch. 3). Forward mode is reverse mode twice: a vector-Jacobian product is linear in its
cotangent, and the derivative of that linear map is the Jacobian-vector product, so every row needs one rule only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from weakref import ref

from minitorch import ops
from minitorch.compiler.asked import listed, missing, require_float, scalar, seeds_of, targets_of
from minitorch.errors import GradientError
from minitorch.graph.order import depth_first
from minitorch.graph.origin import context, derived, here
from minitorch.graph.tensor import Operand, Tensor, as_tensor, brought_to
from minitorch.graph.types import Type, is_float
from minitorch.lazy import lazy

checks = lazy("minitorch.inspection.gradients")

Tensors = Sequence[Tensor]

_OUTPUTS, _WRT = "outputs are a list of tensors", "wrt is a list of tensors"

set_ = object.__setattr__


class Step(NamedTuple):
    """Of what a gradient is a part: what the rule of `node` gives for an operand, or, where that is None, the sum of
    what the readers of `node` give for it."""

    node: Tensor
    operand: int | None


def steps_of(gradient: Tensor) -> list[Step]:
    """The steps of the chain rule whose result a tensor is, for those who show it; of nodes that are still there."""
    noted = getattr(gradient, "_steps", ())
    return [Step(node, operand) for weak, operand in noted if (node := weak()) is not None]


def _note(gradient: Tensor, node: Tensor, operand: int | None) -> None:
    """Keep a step with its result, but keep no node alive by it: a parameter's gradient may live long."""
    set_(gradient, "_steps", (*getattr(gradient, "_steps", ()), (ref(node), operand)))


# ---- what users call ----


def grad(loss: Tensor, wrt: Tensor | Tensors) -> Tensor | list[Tensor]:
    """The gradients of a scalar `loss`, as tensors of the shapes and dtypes of `wrt`: a list for a list.

    The result is graph like any other, so gradients of gradients are taken the same way. Raises `GradientError`
    where `loss` is not a float scalar, or where it does not depend on a tensor of `wrt`, which the message names.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", (), dtype="float64")
    >>> float(mt.grad(mt.grad(x**3, x), x).eval({x: 2.0}))
    12.0
    """
    found = gradients_for("grad", loss, wrt)
    return found[0] if isinstance(wrt, Tensor) else found


def gradients_for(function: str, loss: Tensor, wrt: Tensor | Tensors) -> list[Tensor]:
    """What `grad` gives, as a list; its errors name the `function` that the user called."""
    seed, targets = _one(scalar(function, loss)), targets_of(function, wrt)
    gradients = _reverse([loss], [seed], targets)
    return [g if g is not None else missing(function, [loss], t) for g, t in zip(gradients, targets, strict=True)]


def vjp(outputs: Tensors, wrt: Tensors, cotangents: Sequence[Operand]) -> list[Tensor]:
    """Reverse mode: for each tensor of `wrt` the sum over outputs of cotangent^T Jacobian.

    A cotangent has the shape of its output. Raises like `grad`.
    """
    outputs, wrt = listed("vjp", _OUTPUTS, outputs), listed("vjp", _WRT, wrt)
    gradients = _reverse(outputs, seeds_of("vjp", "outputs", outputs, cotangents, "cotangent"), wrt)
    return [g if g is not None else missing("vjp", outputs, t) for g, t in zip(gradients, wrt, strict=True)]


def jvp(outputs: Tensors, wrt: Tensors, tangents: Sequence[Operand]) -> list[Tensor]:
    """Forward mode: how each output moves when `wrt` moves along `tangents`; zeros for one that does not.

    A tangent has the shape of its tensor. Raises `GradientError` for outputs or `wrt` that are not floats.

    >>> import minitorch as mt
    >>> w = mt.parameter([1.0, 2.0])
    >>> (t,) = mt.jvp([w * w], [w], [[1.0, 0.5]])
    >>> t.eval().tolist()
    [2.0, 2.0]
    """
    outputs, wrt = listed("jvp", _OUTPUTS, outputs), listed("jvp", _WRT, wrt)
    seeds = seeds_of("jvp", "wrt", wrt, tangents, "tangent")
    for t in outputs:
        require_float("jvp", t)
    cotangents = [
        ops.placeholder("cotangent", t.shape, t.dtype) for t in outputs
    ]  # without values: all is linear in them
    pulled = _reverse(outputs, cotangents, wrt)
    pairs = [(g, seed) for g, seed in zip(pulled, seeds, strict=True) if g is not None]
    pushed = _reverse([g for g, _ in pairs], [seed for _, seed in pairs], cotangents)
    return [p if p is not None else fitted(0.0, t.type) for p, t in zip(pushed, outputs, strict=True)]


def hvp(loss: Tensor, wrt: Tensors, vectors: Sequence[Operand]) -> list[Tensor]:
    """The Hessian of a scalar `loss` times `vectors`, without the Hessian (Pearlmutter 1994).

    Zeros where the gradient is constant. Raises like `grad`.
    """
    wrt = listed("hvp", _WRT, wrt)
    gradients = gradients_for("hvp", loss, wrt)
    seeds = seeds_of("hvp", "wrt", wrt, vectors, "vector")
    second = _reverse(gradients, seeds, wrt)
    return [h if h is not None else fitted(0.0, t.type) for h, t in zip(second, wrt, strict=True)]


def backward(loss: Tensor) -> None:
    """Set `.grad` of every tensor that `loss` depends on and has a gradient for."""
    scalar("backward", loss)
    nodes = [node for node in depth_first([loss]) if is_float(node.dtype) and node.op.name != "constant"]
    for node, gradient in zip(nodes, _reverse([loss], [_one(loss)], nodes), strict=True):
        object.__setattr__(node, "_grad", gradient)


def check_gradients(loss: Tensor, wrt: Tensor | Tensors, feeds: Mapping[Tensor, Any]) -> Any:
    """Compare the gradient rule of every operation between `wrt` and `loss` with the slope of its kernel.

    The report is `.ok`, or names the first operation whose rule is wrong. See `minitorch.inspection.gradients`.
    """
    return checks.check_gradients(loss, wrt, feeds)


# ---- the chain rule ----


def _reverse(outputs: Tensors, seeds: Tensors, wrt: Tensors) -> list[Tensor | None]:
    """The gradient of sum(outputs * seeds) for each of `wrt`, None where there is no path."""
    order = depth_first(outputs)
    active = _depends_on(order, wrt)
    gradients: dict[Tensor, Tensor] = {}
    with derived(None, "gradient"):
        for output, seed in zip(outputs, seeds, strict=True):
            _accumulate(gradients, output, seed)
        for node in reversed(order):
            g = gradients.get(node)
            if g is not None and node in active and node.op.gradient is not None and node.inputs:
                context.source = node.origins, node.scope  # what the rule makes comes from this node's line
                _pull_back(node, g, active, gradients)
    return [gradients.get(t) if t in active else None for t in wrt]


def _depends_on(order: Tensors, wrt: Tensors) -> set[Tensor]:
    """The nodes that a gradient may flow through on its way to `wrt`."""
    active = set(wrt)
    for node in order:
        if node.op.gradient is not None and not active.isdisjoint(node.inputs):
            active.add(node)
    return active


def _pull_back(node: Tensor, g: Tensor, active: set[Tensor], gradients: dict[Tensor, Tensor]) -> None:
    """One step of the chain rule: what `node` passes on to its inputs."""
    contributions = _contributions(node, g)
    for operand, (source, contribution) in enumerate(zip(node.inputs, contributions, strict=True)):
        if contribution is not None and source in active and is_float(source.dtype):
            part = fitted(contribution, source.type)
            _note(part, node, operand)
            _accumulate(gradients, source, part)


def _contributions(node: Tensor, g: Tensor) -> Sequence[Operand]:
    """What the rule of a row gives, or an error that names the row where that is no gradient for each operand."""
    assert node.op.gradient is not None
    expected = f"the rule must give a tuple of {len(node.inputs)}, a gradient for each operand"
    try:
        given: Any = node.op.gradient(g, node, *node.inputs, **node.attrs)
    except TypeError as error:
        raise GradientError(f"{node.op.name}: {expected}, but failed: {error}\n  {node.describe()}") from error
    if not isinstance(given, list | tuple) or len(given) != len(node.inputs):
        what = f"{len(given)} values" if isinstance(given, list | tuple) else type(given).__name__
        raise GradientError(f"{node.op.name}: {expected}, but gave {what}\n  {node.describe()}\n  in {here()!r}")
    return given


def _accumulate(gradients: dict[Tensor, Tensor], node: Tensor, g: Tensor) -> None:
    if node in gradients:
        g = ops.add(gradients[node], g)
        _note(g, node, None)
    gradients[node] = g


def fitted(contribution: Operand, type: Type) -> Tensor:
    """A contribution summed back to the shape that was broadcast, and in the dtype that was promoted.

    Static, since only a literal 1 broadcasts: the axes to sum are those the input lacks, or has as 1.
    """
    g = brought_to(as_tensor(contribution), type.dtype, type.weak)
    extra = g.ndim - len(type.shape)
    if extra > 0:
        g = ops.sum(g, axis=tuple(range(extra)), keepdims=False)
    stretched = tuple(i for i, size in enumerate(type.shape) if size == 1 and extra >= 0 and g.shape[i] != 1)
    if stretched:
        g = ops.sum(g, axis=stretched, keepdims=True)
    return g if g.shape == type.shape else ops.broadcast_to(g, shape=type.shape)


def _one(loss: Tensor) -> Tensor:
    return brought_to(as_tensor(1.0), loss.dtype, loss.type.weak)
