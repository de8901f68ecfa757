"""Bad programs and bad calls, a row each in rows.txt: the exception, and the words that its message must have.

Every message was read: it names the operation, what was met and what was expected, and the user's line.
Rows beside these, with more around them, are in tests/test_errors.py.
"""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import minitorch as mt
from minitorch import errors
from tests.test_errors import BUILT, INTERNAL, NAMED

LINES = Path(__file__).with_name("rows.txt").read_text("utf-8").splitlines()
ROWS = [line.rsplit(" | ", 2) for line in LINES if line and not line.startswith("#")]
PLACE = "user's program"  # the name under which the code of a row is compiled
PLAIN = (TypeError, ValueError, AttributeError, IndexError, FileNotFoundError)
FROM_PYTHON = ("mse_loss(out)", "mt.grad(loss)", "mt.matmul(x)", "mt.nn.Linear(2)", "x.nothing")
"""What Python itself says of a call with too few arguments, or of an attribute that is not there."""
OTHERS = (*FROM_PYTHON, "np.sin(x)", "mt.load('no such file', model)")
"""Messages that are not ours: NumPy and the system have theirs, at whose end the traceback has the user's line."""


@pytest.fixture(scope="module")
def names():
    x, y = mt.placeholder("pixels", ("batch", 3)), mt.placeholder("target", ("batch", 2))
    model = mt.nn.MLP(3, [4, 2], seed=0)
    out = model(x)
    loss = mt.mse_loss(out, y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return {
        "mt": mt, "np": np, "copy": copy, "pickle": pickle, "x": x, "y": y, "model": model, "out": out, "loss": loss,
        "sgd": sgd, "step": mt.compile([x, y], loss, sgd.minimize(loss), name="train_step"),
        "w": model.layers[0].weight, "k": mt.placeholder("labels", ("batch",), "int64"),
        "mask": mt.placeholder("mask", ("batch",), "bool"), "v": mt.placeholder("v", (4,)),
        "other": mt.placeholder("other", ("time", 3)), "p": mt.parameter([1.0, 2.0], "weights"),
        "count": mt.variable(3, "count", "int64"), "X": np.ones((6, 3)), "Y": np.ones((6, 2)),
    }  # fmt: skip


def values(names):
    stored = (*names["model"].parameters(), *names["sgd"].velocities, names["p"], names["count"])
    return [t.data.tobytes() for t in stored] + [names["sgd"].lr]


def caught(code, names):
    """What a row raises; an error that nothing was raised otherwise."""
    try:
        given = eval(compile(code, PLACE, "eval"), dict(names))
    except Exception as error:
        return error
    raise AssertionError(f"{code} raised nothing, and gave {given!r}")


def test_there_are_enough_rows_and_none_twice():
    assert len({code for code, _, _ in ROWS}) == len(ROWS)
    assert len(ROWS) >= 550
    assert len(ROWS) + len(BUILT) + len(NAMED) >= 750


@pytest.mark.parametrize(("code", "kind", "words"), ROWS, ids=[code for code, _, _ in ROWS])
def test_what_is_wrong_is_said_in_the_users_words(code, kind, words, names):
    expected = eval(kind, vars(errors) | {e.__name__: e for e in PLAIN})
    before = values(names)
    error = caught(code, names)
    text = str(error)
    assert isinstance(error, expected), f"{type(error).__name__}: {text}"
    assert not any(phrase in text for phrase in INTERNAL) or any(c in code for c in FROM_PYTHON), text
    missing = [w for w in words.split("; ") if not any(option in text for option in w.split("|"))]
    assert not missing, f"{missing} not in: {text}"
    if not any(c in code for c in OTHERS):
        assert isinstance(error, errors.MinitorchError)
        assert text.count("\n  in ") == 1, text
        assert PLACE in text.splitlines()[-1], text  # the user's line, once, at the end
    assert values(names) == before
    assert len(text) < 1500, "too much to read"
    assert " at 0x" not in text, "where an object lies tells nobody anything"
