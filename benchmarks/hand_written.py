"""The training step as an expert would write it in NumPy alone, to be measured against.

Every buffer is allocated once and written through `out=`, views and transposes are taken once for the batch size,
what a call needs is local to it, and the arithmetic is as short as calculus allows. `product` is `np.matmul`, or
`np.dot`, which has less to do before it calls BLAS.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.workloads import RATE, Array, Workload

Product = Callable[[Array, Array, Array], Any]
Step = Callable[[Any, Any], Any]


def plain_step(workload: Workload, parameters: Sequence[Array], velocities: Sequence[Array], product: Product) -> Step:
    """A function of rows and targets that trains `parameters` in place and returns the loss before that."""
    add, multiply, subtract, total = np.add, np.multiply, np.subtract, np.add.reduce
    square, greater, is_tanh = np.square, np.greater, workload.activation == "tanh"
    zero, one, lr, momentum = (np.array(v, workload.dtype) for v in (0, 1, RATE, workload.momentum))
    has_momentum = workload.momentum > 0
    activate = np.tanh if is_tanh else lambda a, out: np.maximum(a, zero, out=out)

    weights, biases = parameters[0::2], parameters[1::2]
    *hidden, error = values = [np.empty((workload.batch, w.shape[1]), workload.dtype) for w in weights]
    loss_and_slope = _squares(error) if workload.loss == "mse" else _entropy(error)
    slopes = [np.empty_like(p) for p in parameters]
    updates = list(zip(parameters, slopes, velocities, strict=True))

    forward = list(zip(weights, biases, values, strict=True))[:-1]
    last, last_weight, last_bias = hidden[-1], weights[-1], biases[-1]
    backward = [
        (w.T, h, h.T, np.empty_like(h), w_slope, b_slope)
        for w, h, w_slope, b_slope in reversed(list(zip(weights[1:], hidden, slopes[2::2], slopes[3::2], strict=True)))
    ]
    first_w_slope, first_b_slope = slopes[0], slopes[1]

    def step(x: Array, y: Array) -> Any:
        h = x
        for w, b, value in forward:
            product(h, w, value)
            add(value, b, value)
            activate(value, value)
            h = value
        product(last, last_weight, error)
        add(error, last_bias, error)
        loss = loss_and_slope(y)

        g = error
        for w_transposed, h, h_transposed, h_slope, w_slope, b_slope in backward:
            product(h_transposed, g, w_slope)
            product(g, w_transposed, h_slope)
            total(g, 0, out=b_slope)
            if is_tanh:
                square(h, h)  # the slope of tanh is 1 - tanh^2
                subtract(one, h, h)
            else:
                greater(h, zero, h)
            multiply(h_slope, h, h_slope)
            g = h_slope
        product(x.T, g, first_w_slope)
        total(g, 0, out=first_b_slope)
        for p, slope, v in updates:
            if has_momentum:
                multiply(v, momentum, v)
                add(v, slope, v)
                multiply(v, lr, slope)
            else:
                multiply(slope, lr, slope)
            subtract(p, slope, p)
        return loss

    return step


def _squares(z: Array) -> Callable[[Array], Any]:
    """The mean of (z - y)^2, which leaves its slope in `z`."""
    subtract, multiply, flat = np.subtract, np.multiply, z.reshape(-1)
    share, seed = z.dtype.type(1 / z.size), np.array(2 / z.size, z.dtype)

    def loss(y: Array) -> Any:
        subtract(z, y, z)
        found = flat.dot(flat) * share
        multiply(z, seed, z)
        return found

    return loss


def _entropy(z: Array) -> Callable[[Array], Any]:
    """The mean over rows of -sum(y log_softmax(z)), which leaves its slope in `z`. The rows of `y` add up to 1."""
    rows = len(z)
    share, seed = z.dtype.type(1 / rows), np.array(1 / rows, z.dtype)
    flat, powers, column = z.reshape(-1), np.empty_like(z), np.empty((rows, 1), z.dtype)

    def loss(y: Array) -> Any:
        np.maximum.reduce(z, 1, out=column, keepdims=True)
        np.subtract(z, column, z)
        np.exp(z, powers)
        np.add.reduce(powers, 1, out=column, keepdims=True)
        np.divide(powers, column, powers)
        np.log(column, column)
        found = (np.add.reduce(column, None) - flat.dot(y.reshape(-1))) * share
        np.subtract(powers, y, z)
        np.multiply(z, seed, z)
        return found

    return loss


def tuned_step(workload: Workload, block: Array, parameters: Sequence[Array]) -> Step:
    """The plain workloads with every trick that SGD with a fixed rate allows; `parameters` are cut from `block`.

    The rate is multiplied into the error once, so that the gradients come out scaled; the gradients lie in one block
    as the parameters do, so that one call updates all; the sums over rows are products with a row of ones.
    """
    add, dot, multiply, square, subtract, tanh = np.add, np.dot, np.multiply, np.square, np.subtract, np.tanh
    slopes_block = np.empty_like(block)
    slopes = cut(slopes_block, [p.shape for p in parameters])
    weights, biases = parameters[0::2], parameters[1::2]
    *hidden, error = values = [np.empty((workload.batch, w.shape[1]), workload.dtype) for w in weights]
    flat_error, share = error.reshape(-1), error.dtype.type(1 / error.size)
    one, seed = (np.array(v, workload.dtype) for v in (1, 2 * RATE / error.size))
    ones = np.ones(workload.batch, workload.dtype)

    forward = list(zip(weights, biases, values, strict=True))[:-1]
    last, last_weight, last_bias = hidden[-1], weights[-1], biases[-1]
    backward = [
        (w.T, h, h.T, np.empty_like(h), w_slope, b_slope)
        for w, h, w_slope, b_slope in reversed(list(zip(weights[1:], hidden, slopes[2::2], slopes[3::2], strict=True)))
    ]
    first_w_slope, first_b_slope = slopes[0], slopes[1]

    def step(x: Array, y: Array) -> Any:
        h = x
        for w, b, value in forward:
            dot(h, w, value)
            add(value, b, value)
            tanh(value, value)
            h = value
        dot(last, last_weight, error)
        add(error, last_bias, error)
        subtract(error, y, error)
        loss = flat_error.dot(flat_error) * share

        multiply(error, seed, error)
        g = error
        for w_transposed, h, h_transposed, h_slope, w_slope, b_slope in backward:
            dot(h_transposed, g, w_slope)
            dot(g, w_transposed, h_slope)
            dot(ones, g, b_slope)
            square(h, h)
            subtract(one, h, h)
            multiply(h_slope, h, h_slope)
            g = h_slope
        dot(x.T, g, first_w_slope)
        dot(ones, g, first_b_slope)
        subtract(block, slopes_block, block)
        return loss

    return step


def products_alone(workload: Workload, parameters: Sequence[Array]) -> Step:
    """The matrix products of a step and nothing else: what it cannot do without. Values are left over, not computed."""
    matmul = np.matmul
    weights = parameters[0::2]
    values = [np.full((workload.batch, w.shape[1]), 0.5, workload.dtype) for w in weights]
    forward = list(zip(weights[1:], values[:-1], values[1:], strict=True))
    backward = [
        (h.T, g, w.T, np.empty_like(h), np.empty_like(w))
        for w, h, g in reversed(list(zip(weights[1:], values[:-1], values[1:], strict=True)))
    ]
    first_weight, first = weights[0], values[0]
    first_slope = np.empty_like(first_weight)

    def products(x: Array, y: Array) -> None:
        matmul(x, first_weight, first)
        for w, h, value in forward:
            matmul(h, w, value)
        for h_transposed, g, w_transposed, h_slope, w_slope in backward:
            matmul(h_transposed, g, w_slope)
            matmul(g, w_transposed, h_slope)
        matmul(x.T, first, first_slope)

    return products


def cut(block: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Arrays of these shapes, one after the other in `block`."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(block, ends[:-1]), shapes, strict=True)]
