"""Debug a NaN: a training run that ends in NaN, the line that made it, and the repair.

What to learn here: a NaN is seen at the end of a step but made in the middle of it. `first_bad` runs the same step,
node by node, and names the first one that is not finite though what it was given is: the operation, your line, and
the ranges of what went in. `trace` shows every value around it. Neither changes a parameter.

python examples/debug_a_nan.py
"""

import numpy as np

import minitorch as mt


def main() -> None:
    """Meet the NaN, ask who made it, look at the values around it, and train without it."""
    random = np.random.default_rng(0)
    X = random.standard_normal((64, 2))
    Y = (X[:, 0] * X[:, 1] > 0).astype(float)[:, None]
    X[40], Y[40] = -3000.0, 0.0  # one row was never scaled

    # a model with the logarithm of a probability written out by hand
    x, y = mt.placeholder("x", ("batch", 2), dtype="float64"), mt.placeholder("y", ("batch", 1), dtype="float64")
    model = mt.nn.MLP(2, [8, 1], activation="relu", seed=0, dtype="float64")
    score = model(x)
    p = mt.sigmoid(score)
    loss = -mt.mean(y * mt.log(p) + (1 - y) * mt.log(1 - p))
    step = trained(model, x, y, loss)
    print(f"loss of the step by hand: {step.evaluate(X, Y, batch_size=64)[0]:.3f}")

    # who made it?
    print(f"\n{step.first_bad(X, Y)}\n")
    values = step.trace(X, Y)
    print(f"scores from {values[score].min():.3g} to {values[score].max():.3g}, p from {values[p].min():.3g}")

    # log(p) of p = 0 is minus infinity, and times 0 that is NaN; a loss of the score itself never gets that far
    better = trained(model, x, y, mt.binary_cross_entropy(score, y, from_logits=True))
    print(f"first bad node after the repair: {better.first_bad(X, Y)}")
    history = mt.fit(better, X, Y, epochs=100, batch_size=16, seed=0)
    print(f"100 epochs: loss {history.loss[0]:.3f} -> {history.loss[-1]:.3f}")


def trained(model: mt.nn.Module, x: mt.Tensor, y: mt.Tensor, loss: mt.Tensor) -> mt.Program:
    """A step of gradient descent on `loss`."""
    sgd = mt.optim.SGD(model.parameters(), lr=0.05)
    return mt.compile([x, y], loss, sgd.minimize(loss), name="step")


if __name__ == "__main__":
    main()
