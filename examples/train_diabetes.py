"""Regression on 442 patients: how far diabetes has progressed after a year, from ten measurements.

What to learn here: scale by the training part alone, compare with baselines before believing a network, and look at
several splits, since one split of 442 patients says little. The relation is close to linear, so a network has little to
gain over least squares here; the table says how little.

python examples/train_diabetes.py [folder for the picture]
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes

import minitorch as mt

Array = NDArray[Any]
SPLITS = 5
METHODS = ("mean of the training part", "ordinary least squares", "network 10-32-1, tanh")


def main(out: Path) -> None:
    """Fit both baselines and the network on five splits, print the table, draw the last split."""
    data = load_diabetes(scaled=False)
    X, Y = data.data, data.target[:, None]
    print(f"{len(X)} patients, {X.shape[1]} measurements; {SPLITS} random splits, a quarter held out each time")
    scores = []
    for seed in range(SPLITS):
        X_train, X_test, Y_train, Y_test = mt.data.train_test_split(X, Y, test_size=0.25, seed=seed)
        A_train, A_test = mt.data.standardize(X_train, X_test)
        predictions = [
            np.full_like(Y_test, Y_train.mean()),
            least_squares(A_train, Y_train, A_test),
            network(A_train, Y_train, A_test, seed),
        ]
        scores.append([(r_squared(p, Y_test), root_mean_square(p - Y_test)) for p in predictions])
    print_table(np.array(scores))
    out.mkdir(parents=True, exist_ok=True)
    draw_predictions(predictions[-1], Y_test, out / "diabetes.png")
    print(f"the network's predictions on the last split: {out / 'diabetes.png'}")


def least_squares(X: Array, Y: Array, X_new: Array) -> Array:
    """Linear regression with an intercept."""
    weights = np.linalg.lstsq(with_ones(X), Y, rcond=None)[0]
    return with_ones(X_new) @ weights


def with_ones(X: Array) -> Array:
    return np.column_stack([X, np.ones(len(X))])


def network(X: Array, Y: Array, X_new: Array, seed: int) -> Array:
    """A small MLP on a target of mean 0 and deviation 1. Its settings were chosen on other splits, seeds 10 to 19."""
    mean, deviation = Y.mean(), Y.std()
    x = mt.placeholder("x", ("batch", X.shape[1]))
    y = mt.placeholder("y", ("batch", 1))
    model = mt.nn.MLP(X.shape[1], [32, 1], activation="tanh", seed=seed)
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.003, momentum=0.9, weight_decay=0.1)
    train_step = mt.compile([x, y], loss, updates=sgd.minimize(loss))
    mt.fit(train_step, X, (Y - mean) / deviation, epochs=100, batch_size=32, seed=seed)
    return np.asarray(model.predict(X_new) * deviation + mean)


def root_mean_square(error: Array) -> float:
    return float(np.sqrt(np.mean(error**2)))


def r_squared(prediction: Array, Y: Array) -> float:
    """The share of the variance that is explained; 0 for the mean of `Y` itself."""
    return float(1 - np.sum((Y - prediction) ** 2) / np.sum((Y - Y.mean()) ** 2))


def print_table(scores: Array) -> None:
    """Mean and deviation over the splits, `scores` being (split, method, R2 and RMSE)."""
    print(f"\n{'on the part held out':28}{'R2':>16}{'RMSE (score points)':>24}")
    for name, (r2, rmse), (r2_spread, rmse_spread) in zip(METHODS, scores.mean(0), scores.std(0), strict=True):
        print(f"{name:28}{r2:8.3f} ± {r2_spread:.3f}{rmse:16.1f} ± {rmse_spread:.1f}")
    gain = scores[:, 2, 0] - scores[:, 1, 0]
    better = int((gain > 0).sum())
    print(f"\nR2 of the network less that of least squares, split by split: {gain.mean():+.3f} ± {gain.std():.3f}")
    print(f"It is ahead on {better} of {len(gain)}; differences of this size are not a reason to prefer either.")


def draw_predictions(prediction: Array, Y: Array, path: Path) -> None:
    """Predicted against true: a perfect model would lie on the diagonal."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(Y, prediction, s=14)
    axes.axline((150, 150), slope=1, color="gray", linewidth=1)
    axes.set(xlabel="progression after a year (score points)", ylabel="predicted", title="Diabetes, patients held out")
    axes.set_aspect("equal")
    figure.savefig(path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
