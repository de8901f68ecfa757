"""The README's picture is what minitorch draws. Drawn anew by

python -m minitorch show tests/viz/test_readme_picture.py:train_step --draw examples/train_step.svg
"""

from pathlib import Path
from xml.etree import ElementTree

import minitorch as mt

PICTURE = Path(__file__).resolve().parent.parent.parent / "examples" / "train_step.svg"


def train_step():
    """The whole of a training step, small enough to be read."""
    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", 1))
    model = mt.nn.MLP(2, [16, 1], activation="tanh", seed=0)
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1)
    return mt.compile([x, y], loss, updates=sgd.minimize(loss), backend="interpreter", name="train_step")


def test_the_picture_is_fresh(tmp_path):
    train_step().draw(tmp_path / "fresh.svg")
    assert PICTURE.read_text("utf-8") == (tmp_path / "fresh.svg").read_text("utf-8")


def test_it_shows_all_that_its_caption_says_on_light_and_dark_pages():
    root = ElementTree.parse(PICTURE).getroot()
    texts = {"".join(e.itertext()).strip() for e in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"forward", "gradient", "update", "placeholder", "parameter", "tanh", "f32[batch, 16]"} <= texts
    assert "prefers-color-scheme:dark" in root.findtext("{*}style")
