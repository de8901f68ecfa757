"""One neuron, seen whole: its graph, its gradient by hand, by minitorch and by finite differences, and its learning.

What to learn here: a model is a graph of plain operations; its gradient is the chain rule written down as more graph;
and a step of training is that graph with `parameter - lr * gradient` at its end.

The neuron computes p = sigmoid(z), z = x @ w + b, for n rows x. Its loss is L = mean((p - y)^2). By hand:

    dL/dp = 2 (p - y) / n           each row has its share of the mean
    dp/dz = p (1 - p)               the derivative of the sigmoid
    delta = dL/dz = dL/dp * dp/dz   the chain rule
    dL/dw = x^T delta               z = sum_j x_j w_j + b, so dz/dw_j = x_j, summed over rows
    dL/db = sum of delta            dz/db = 1

python examples/one_neuron.py [folder for the pictures]
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minitorch as mt

Array = NDArray[Any]
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0.0, 1.0, 1.0, 1.0])  # logical or


def main(out: Path) -> None:
    """Build the neuron, print it, draw it, differentiate it in three ways, and teach it logical or."""
    x = mt.placeholder("x", ("batch", 2), dtype="float64")
    y = mt.placeholder("y", ("batch",), dtype="float64")
    neuron = mt.nn.Neuron(2, activation="sigmoid", seed=0, dtype="float64")
    loss = mt.mse_loss(neuron(x), y)
    parameters = neuron.parameters()

    # its graph, forward and backward
    gradient = mt.compile([x, y], mt.grad(loss, parameters), name="gradient")
    print(mt.compile([x], neuron(x), name="neuron"))
    print(f"\n{gradient}")
    out.mkdir(parents=True, exist_ok=True)
    gradient.draw(out / "one_neuron.svg")

    # its gradient, three times
    evaluate = mt.compile([x, y], loss, name="evaluate")
    evaluate.draw(out / "one_neuron_values.svg", level="neuron", inputs=(X[1:2], Y[1:2]))
    show_gradients(
        by_hand(neuron.weight.data, neuron.bias.data),
        np.hstack(gradient(X, Y)),
        by_finite_differences(lambda: float(evaluate(X, Y)), [p.data for p in parameters]),
    )

    # its learning: the same gradient, with updates at the end
    sgd = mt.optim.SGD(parameters, lr=5.0)
    learn = mt.compile([x, y], loss, updates=sgd.minimize(loss), name="learn")
    losses = [float(learn(X, Y)) for _ in range(200)]
    print(f"\n200 steps of gradient descent: loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    for row, answer in zip(X, neuron.predict(X), strict=True):
        print(f"  {row[0]:.0f} or {row[1]:.0f}: {answer:.3f}")
    print(f"the graph with its gradient as a picture: {out / 'one_neuron.svg'}")
    print(f"the neuron with the values of one row, and their gradients: {out / 'one_neuron_values.svg'}")


def by_hand(w: Array, b: Array) -> Array:
    """dL/dw and dL/db as derived above."""
    p = 1 / (1 + np.exp(-(X @ w + b)))
    delta = 2 * (p - Y) / len(Y) * p * (1 - p)
    return np.hstack([X.T @ delta, delta.sum()])


def by_finite_differences(loss: Callable[[], float], parameters: list[Array], step: float = 1e-6) -> Array:
    """How much the loss changes when one number moves up and down: (L(v + h) - L(v - h)) / 2h."""
    slopes = []
    for values in parameters:  # live views: what is written here is what the programs read
        for i in np.ndindex(values.shape):
            kept = values[i]
            values[i] = kept + step
            above = loss()
            values[i] = kept - step
            slopes.append((above - loss()) / (2 * step))
            values[i] = kept
    return np.array(slopes)


def show_gradients(hand: Array, symbolic: Array, differences: Array) -> None:
    """The three side by side, and the greatest difference between any two."""
    print(f"\n{'gradient':10}{'by hand':>16}{'minitorch':>16}{'differences':>16}")
    for name, *row in zip(["w[0]", "w[1]", "b"], hand, symbolic, differences, strict=True):
        print(f"{'dL/d' + name:10}" + "".join(f"{value:16.10f}" for value in row))
    print(f"minitorch and by hand differ by {np.abs(symbolic - hand).max():.1e} at most,")
    print(f"minitorch and finite differences by {np.abs(symbolic - differences).max():.1e}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
