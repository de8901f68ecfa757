"""A training run as a film: one offline page for two half moons, one for handwritten digits.

What to learn here: `fit` keeps snapshots of the parameters when asked, and `history.film` makes a page of them. Scrub
through the epochs and see the loss fall, the decision boundary bend, the weights grow, and the first layer of the
digits' network turn from noise into strokes.

python examples/training_film.py [folder for the films]
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import minitorch as mt

Array = NDArray[Any]


def main(out: Path) -> None:
    """Train twice, write both films, and say how large they are."""
    out.mkdir(parents=True, exist_ok=True)
    for name, make in (("moons", moons), ("digits", digits)):
        path = out / f"{name}.html"
        make(path)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def moons(path: Path) -> None:
    """The network of the quickstart. Most happens early, so early epochs are kept closer together."""
    random = np.random.default_rng(0)
    angle = random.uniform(0, np.pi, (2, 500))
    upper = np.stack([np.cos(angle[0]), np.sin(angle[0])], 1)
    lower = np.stack([1 - np.cos(angle[1]), 0.5 - np.sin(angle[1])], 1)
    X = np.concatenate([upper, lower]) + random.normal(0, 0.15, (1000, 2))
    Y = np.repeat([[1.0], [-1.0]], 500, axis=0)

    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", 1))
    model = mt.nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    loss = mt.mse_loss(model(x), y)
    step = mt.compile([x, y], loss, mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), name="moons")
    kept = mt.training.spread(100, 80, early=True)
    history = mt.fit(step, X, Y, epochs=100, batch_size=32, seed=0, snapshots=kept)
    history.film(path, model, X, Y, title="Two half moons")
    print(f"moons: {history}; {len(history.snapshots)} frames")


def digits(path: Path) -> None:
    """Eight by eight pixels in, ten classes out; a fifth of the images is held out."""
    data = load_digits()
    X, Y = (data.data / 8 - 1).astype(np.float32), np.eye(10, dtype=np.float32)[data.target]
    X, X_test, Y, Y_test = mt.data.train_test_split(X, Y, test_size=0.2, seed=0)

    x, y = mt.placeholder("pixels", ("batch", 64)), mt.placeholder("digit", ("batch", 10))
    model = mt.nn.MLP(64, [64, 10], activation="tanh", seed=0)
    loss = mt.cross_entropy(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    step = mt.compile([x, y], loss, sgd.minimize(loss), name="digits")
    history = mt.fit(step, X, Y, epochs=40, batch_size=64, seed=0, validation=(X_test, Y_test), snapshots=41)
    history.film(path, model, X_test, Y_test, title="Handwritten digits")
    print(f"digits: {history}; {len(history.snapshots)} frames")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
