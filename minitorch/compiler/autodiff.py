"""Differentiation: the chain rule over the sorted graph, written as more graph.

Reverse mode sweeps the order backwards and adds up what reaches each node (Linnainmaa 1970; Griewank and Walther,
Evaluating Derivatives, 2008, ch. 3). Forward mode is reverse mode twice: a vector-Jacobian product is linear in its
cotangent, and the derivative of that linear map is the Jacobian-vector product, so every row needs one rule only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple
from weakref import ref

from minitorch import ops
from minitorch.compiler.asked import listed, missing, require_float, scalar, seeds_of, targets_of
from minitorch.errors import GradientError
from minitorch.graph.order import depth_first
from minitorch.graph.origin import context, derived, here
from minitorch.graph.tensor import Operand, Tensor, as_tensor, brought_to, next_serial
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


class Sweep(NamedTuple):
    """A sweep of reverse mode, as kept by what was made for it or in it, which is given to `asked`.

    That tells the outputs, seeds and tensors to differentiate by, as long as they are there. What was made has the
    serials after `first`, in the order of making. Steps are noted for those alone who ask for them, by sweeping once
    more: see `minitorch.compiler.steps`.
    """

    asked: Callable[[Tensor], Asked | None]
    first: int


Asked = tuple[Tensors, Tensors, Tensors]
Noted = list[tuple[Tensor, Step]]


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
    scalar(function, loss)
    targets = targets_of(function, wrt)
    gradients = _of_scalar(loss, targets, lambda seed: ([loss], [seed], targets))
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
    weak, nodes = ref(loss), _differentiable(loss)  # gradients of parameters may live long, and loss need not
    again = lambda seed: None if (loss := weak()) is None else ([loss], [seed], _differentiable(loss))
    for node, gradient in zip(nodes, _of_scalar(loss, nodes, again), strict=True):
        set_(node, "_grad", gradient)


def _differentiable(loss: Tensor) -> list[Tensor]:
    return [node for node in depth_first([loss]) if is_float(node.dtype) and node.op.name != "constant"]


def check_gradients(loss: Tensor, wrt: Tensor | Tensors, feeds: Mapping[Tensor, Any]) -> Any:
    """Compare the gradient rule of every operation between `wrt` and `loss` with the slope of its kernel.

    The report is `.ok`, or names the first operation whose rule is wrong. See `minitorch.inspection.gradients`.
    """
    return checks.check_gradients(loss, wrt, feeds)


# ---- the chain rule ----


def _of_scalar(loss: Tensor, wrt: Tensors, asked: Callable[[Tensor], Asked | None]) -> list[Tensor | None]:
    """The gradient of `loss` for each of `wrt`, None where there is no path. The seed knows the sweep."""
    seed = _one(loss)
    set_(seed, "_sweep", Sweep(asked, seed.serial))
    return sweep([loss], [seed], wrt)


def _reverse(outputs: Tensors, seeds: Tensors, wrt: Tensors) -> list[Tensor | None]:
    """The gradient of sum(outputs * seeds). What was made knows the sweep: seeds may be the user's own."""
    asked = (tuple(outputs), tuple(seeds), tuple(wrt))
    made = Sweep(lambda _: asked, next_serial())
    gradients = sweep(*asked)
    for g in gradients:
        if g is not None and g.serial > made.first:
            set_(g, "_sweep", made)
    return gradients


def sweep(outputs: Tensors, seeds: Tensors, wrt: Tensors, noted: Noted | None = None) -> list[Tensor | None]:
    """The chain rule, from the outputs backwards. Each step is `noted` where somebody asks for them."""
    order = depth_first(outputs)
    active = _depends_on(order, wrt)
    gradients: dict[Tensor, Tensor] = {}
    with derived(None, "gradient"):
        for output, seed in zip(outputs, seeds, strict=True):
            _accumulate(gradients, output, seed)
            if noted is not None:
                noted += _sum(output, seed, gradients)
        for node in reversed(order):
            g = gradients.get(node)
            if g is not None and node in active and node.op.gradient is not None and node.inputs:
                context.source = node.origins, node.scope  # what the rule makes comes from this node's line
                _pull_back(node, g, active, gradients, noted)
    return [gradients.get(t) if t in active else None for t in wrt]


def _depends_on(order: Tensors, wrt: Tensors) -> set[Tensor]:
    """The nodes that a gradient may flow through on its way to `wrt`."""
    active = set(wrt)
    for node in order:
        if node.op.gradient is not None and not active.isdisjoint(node.inputs):
            active.add(node)
    return active


def _pull_back(
    node: Tensor, g: Tensor, active: set[Tensor], gradients: dict[Tensor, Tensor], noted: Noted | None
) -> None:  # fmt: skip
    """One step of the chain rule: what `node` passes on to its inputs."""
    contributions = _contributions(node, g)
    for operand, source, contribution in zip(count(), node.inputs, contributions):
        if contribution is not None and source in active and is_float(source.type.dtype):
            part = fitted(contribution, source.type, node.op.name)
            _accumulate(gradients, source, part)
            if noted is not None:
                noted += [(part, Step(node, operand)), *_sum(source, part, gradients)]


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
    gradients[node] = g


def _sum(node: Tensor, part: Tensor, gradients: Mapping[Tensor, Tensor]) -> Noted:
    """The step that added a part to others, where there are any."""
    return [(gradients[node], Step(node, None))] if gradients[node] is not part else []


def fitted(contribution: Operand, type: Type, what: str = "a gradient") -> Tensor:
    """A contribution summed back to the shape that was broadcast, and in the dtype that was promoted.

    Static, since only a literal 1 broadcasts: the axes to sum are those the input lacks, or has as 1.
    """
    g = brought_to(as_tensor(contribution, what), type.dtype, type.weak)
    extra = g.ndim - len(type.shape)
    if extra > 0:
        g = ops.sum(g, axis=tuple(range(extra)), keepdims=False)
    stretched = tuple(i for i, size in enumerate(type.shape) if size == 1 and extra >= 0 and g.shape[i] != 1)
    if stretched:
        g = ops.sum(g, axis=stretched, keepdims=True)
    return g if g.shape == type.shape else ops.broadcast_to(g, shape=type.shape)


def _one(loss: Tensor) -> Tensor:
    return brought_to(as_tensor(1.0), loss.dtype, loss.type.weak)
