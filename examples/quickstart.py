"""minitorch in thirty lines: build a graph, compile it, train it, look at it.

python examples/quickstart.py [folder for the picture]
"""

import sys
from pathlib import Path

import numpy as np

import minitorch as mt


def main(out: Path) -> None:
    """Learn to tell two half moons apart."""
    random = np.random.default_rng(0)
    angle = random.uniform(0, np.pi, (2, 500))
    upper = np.stack([np.cos(angle[0]), np.sin(angle[0])], 1)
    lower = np.stack([1 - np.cos(angle[1]), 0.5 - np.sin(angle[1])], 1)
    X = np.concatenate([upper, lower]) + random.normal(0, 0.15, (1000, 2))
    Y = np.repeat([[1.0], [-1.0]], 500, axis=0)

    # build: placeholders stand for data; "batch" is a size that stays open
    x = mt.placeholder("x", ("batch", 2))
    y = mt.placeholder("y", ("batch", 1))
    model = mt.nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    loss = mt.mse_loss(model(x), y)

    # compile: loss, gradients and updates become one program
    sgd = mt.optim.SGD(model.parameters(), lr=0.1)
    train_step = mt.compile([x, y], loss, updates=sgd.minimize(loss), name="train_step")

    # run
    history = mt.fit(train_step, X, Y, epochs=100, batch_size=32, shuffle=True, seed=0)
    accuracy = np.mean(np.sign(model.predict(X)) == Y)

    # look
    print(train_step)
    out.mkdir(parents=True, exist_ok=True)
    train_step.draw(out / "train_step.svg")
    print(f"\n{history}; {accuracy:.1%} of the points on the right side")
    print(f"the graph as a picture: {out / 'train_step.svg'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
