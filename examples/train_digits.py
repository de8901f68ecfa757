"""Train an MLP on real images: scikit-learn's 1,797 handwritten digits, eight by eight pixels each.

What to learn here: how arrays become a training run (scaling, one-hot targets, a part of the images held out),
how the loss is followed on images that the network does not train on, and how training and answering are two
programs over the same parameters.

python examples/train_digits.py [folder for the pictures]
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import minitorch as mt

Array = NDArray[Any]
CLASSES = 10
EPOCHS = 60


def main(out: Path, seed: int = 0) -> float:
    """Train, write the pictures, and return the share of held-out images that are recognised."""
    X_train, X_valid, X_test, y_train, y_valid, y_test = images(seed)
    Y_train, Y_valid = one_hot(y_train), one_hot(y_valid)

    x = mt.placeholder("pixels", ("batch", 64))
    y = mt.placeholder("digit", ("batch", CLASSES))
    model = mt.nn.MLP(64, [64, 64, CLASSES], activation="tanh", seed=seed)
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    train_step = mt.compile([x, y], loss, updates=sgd.minimize(loss), name="train_step")

    print(f"{model} on {len(X_train)} images, {len(X_valid)} more to watch and {len(X_test)} held out to the end")
    print(model.summary())
    started = time.perf_counter()
    history = mt.fit(
        train_step, X_train, Y_train, epochs=EPOCHS, batch_size=32, seed=seed, progress=True,
        validation=(X_valid, Y_valid),
    )  # fmt: skip
    epoch = (time.perf_counter() - started) / EPOCHS

    out.mkdir(parents=True, exist_ok=True)
    train_step.draw(out / "digits.svg")
    draw_losses(history, out / "digits_loss.png")
    print(f"{train_step.backend} backend, {1000 * epoch:.1f} ms an epoch; {history}")
    print(f"pictures: {out / 'digits.svg'}, {out / 'digits_loss.png'}")
    accuracy = float(np.mean(model.predict(X_test).argmax(1) == y_test))
    print(f"test accuracy: {100 * accuracy:.1f} %")
    return accuracy


def images(seed: int) -> list[Array]:
    """Pixels between -1 and 1 and labels: a fifth held out for the test, a tenth of the rest for validation."""
    digits = load_digits()
    X = (digits.data / 8 - 1).astype(np.float32)
    X_rest, X_test, y_rest, y_test = mt.data.train_test_split(X, digits.target, test_size=0.2, seed=seed)
    X_train, X_valid, y_train, y_valid = mt.data.train_test_split(X_rest, y_rest, test_size=0.1, seed=seed)
    return [X_train, X_valid, X_test, y_train, y_valid, y_test]


def one_hot(labels: Array) -> Array:
    """A row for each label, 1 at its place and 0 elsewhere."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


def draw_losses(history: mt.training.History, path: Path) -> None:
    """The loss curves, on a logarithmic scale."""
    figure = Figure(figsize=(6, 4), layout="constrained")  # without pyplot: no window, no screen needed
    axes = figure.add_subplot()
    epochs = range(1, len(history.loss) + 1)
    axes.plot(epochs, history.loss, label="training")
    axes.plot(epochs, history.validation_loss, label="validation")
    axes.set(xlabel="epoch", ylabel="mean squared error", yscale="log", title="Handwritten digits")
    axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
