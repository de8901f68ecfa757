"""The training step as an expert would write it in NumPy alone, to be measured against.

Every buffer is allocated once and written through `out=`, views and transposes are taken once for the batch size,
what a call needs is local to it, and the arithmetic is as short as calculus allows. `product` is `np.matmul`, or
`np.dot`, which has less to do before it calls BLAS.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.workloads import Array

Product = Callable[[Array, Array, Array], Any]
Step = Callable[[Array, Array], Any]


def plain_step(parameters: Sequence[Array], batch: int, rate: float, product: Product) -> Step:
    """A function of rows and targets that trains `parameters` in place and returns the loss before that."""
    add, multiply, square, subtract, tanh, total = np.add, np.multiply, np.square, np.subtract, np.tanh, np.add.reduce
    weights, biases = parameters[0::2], parameters[1::2]
    *hidden, error = values = [np.empty((batch, w.shape[1]), np.float32) for w in weights]
    flat_error, share = error.reshape(-1), np.float32(1 / error.size)
    one, lr, seed = (np.array(v, np.float32) for v in (1, rate, 2 / error.size))

    forward = list(zip(weights, biases, values, strict=True))[:-1]
    last, last_weight, last_bias = hidden[-1], weights[-1], biases[-1]
    backward = [
        (w, w.T, b, h, h.T, np.empty_like(h), np.empty_like(w), np.empty_like(b))
        for w, b, h in reversed(list(zip(weights[1:], biases[1:], hidden, strict=True)))
    ]
    first_weight, first_bias = weights[0], biases[0]
    first_w_slope, first_b_slope = np.empty_like(first_weight), np.empty_like(first_bias)

    def step(x: Array, y: Array) -> Any:
        h = x
        for w, b, value in forward:
            product(h, w, value)
            add(value, b, value)
            tanh(value, value)
            h = value
        product(last, last_weight, error)
        add(error, last_bias, error)
        subtract(error, y, error)  # the prediction becomes the error in place
        loss = flat_error.dot(flat_error) * share

        multiply(error, seed, error)
        g = error
        for w, w_transposed, b, h, h_transposed, h_slope, w_slope, b_slope in backward:
            product(h_transposed, g, w_slope)
            product(g, w_transposed, h_slope)
            total(g, 0, out=b_slope)
            square(h, h)  # the slope of tanh is 1 - tanh^2
            subtract(one, h, h)
            multiply(h_slope, h, h_slope)
            multiply(w_slope, lr, w_slope)
            subtract(w, w_slope, w)
            multiply(b_slope, lr, b_slope)
            subtract(b, b_slope, b)
            g = h_slope
        product(x.T, g, first_w_slope)
        total(g, 0, out=first_b_slope)
        multiply(first_w_slope, lr, first_w_slope)
        subtract(first_weight, first_w_slope, first_weight)
        multiply(first_b_slope, lr, first_b_slope)
        subtract(first_bias, first_b_slope, first_bias)
        return loss

    return step


def tuned_step(block: Array, parameters: Sequence[Array], batch: int, rate: float) -> Step:
    """The same with every trick that plain SGD with a fixed rate allows; `parameters` are cut from `block`.

    The rate is multiplied into the error once, so that the gradients come out scaled; the gradients lie in one block
    as the parameters do, so that one call updates all; the sums over rows are products with a row of ones.
    """
    add, dot, multiply, square, subtract, tanh = np.add, np.dot, np.multiply, np.square, np.subtract, np.tanh
    slopes_block = np.empty_like(block)
    slopes = cut(slopes_block, [p.shape for p in parameters])
    weights, biases = parameters[0::2], parameters[1::2]
    *hidden, error = values = [np.empty((batch, w.shape[1]), np.float32) for w in weights]
    flat_error, share = error.reshape(-1), np.float32(1 / error.size)
    one, seed = (np.array(v, np.float32) for v in (1, 2 * rate / error.size))
    ones = np.ones(batch, np.float32)

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


def products_alone(parameters: Sequence[Array], batch: int) -> Step:
    """The matrix products of a step and nothing else: what it cannot do without. Values are left over, not computed."""
    matmul = np.matmul
    weights = parameters[0::2]
    values = [np.full((batch, w.shape[1]), 0.5, np.float32) for w in weights]
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
