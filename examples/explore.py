"""Two networks to explore: pages in which a graph is seen being built, differentiated, compiled and run.

What to learn here: `explore` writes one HTML file that needs nothing else, neither a server nor the network. In it are
your lines, the graph at every stage with the reason of every rewrite, the generated code, and the values of one real
step. Choose a line, a node or an instruction and what belongs to it lights up; step through the plan with the arrow
keys; press p to guess a value before you see it, g to see how gradients flow, and ? for all keys.

python examples/explore.py [folder for the pages]
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import minitorch as mt

Array = NDArray[Any]
Example = tuple[mt.Program, tuple[Array, ...]]


def main(out: Path) -> None:
    """Train each network a little, and write its page with the values of the step that would come next."""
    out.mkdir(parents=True, exist_ok=True)
    for name, (step, batch) in {"moons": moons(), "digits": digits()}.items():
        for _ in range(20):
            step(*batch)
        step.explore(out / f"{name}.html", inputs=batch)
        size = (out / f"{name}.html").stat().st_size
        print(f"{out / f'{name}.html'}: {len(step.traced.nodes)} nodes, {size / 1000:.0f} kB")


def moons() -> Example:
    """The network of the quickstart, on 32 points of two half moons."""
    angle = np.linspace(0, np.pi, 16)
    upper, lower = np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)
    X, Y = np.concatenate([upper, lower]), np.repeat([[1.0], [-1.0]], 16, axis=0)

    x = mt.placeholder("x", ("batch", 2))
    y = mt.placeholder("y", ("batch", 1))
    model = mt.nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1)
    return mt.compile([x, y], loss, updates=sgd.minimize(loss), name="moons"), (X, Y)


def digits() -> Example:
    """A classifier with rectified units, cross entropy and momentum, on 64 images of handwritten digits."""
    images, labels = load_digits(return_X_y=True)

    pixels = mt.placeholder("pixels", ("batch", 64))
    label = mt.placeholder("label", ("batch",), dtype="int64")
    model = mt.nn.MLP(64, [32, 32, 10], activation="relu", seed=0)
    loss = mt.cross_entropy(model(pixels), label)
    sgd = mt.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    step = mt.compile([pixels, label], loss, updates=sgd.minimize(loss), name="digits")
    return step, ((images[:64] / 8 - 1).astype(np.float32), labels[:64])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
