"""`train` and `predict`: a multilayer perceptron on a table, kept in one safetensors file."""

from __future__ import annotations

import csv
import io
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minitorch import functional, ops
from minitorch.cli.tables import Table, numbers_of, read_table
from minitorch.data import standardize, train_test_split
from minitorch.errors import ArgumentError, FileError
from minitorch.files import read, write_whole
from minitorch.graph.storage import Array
from minitorch.lazy import lazy
from minitorch.nn import MLP, Module
from minitorch.optim import SGD
from minitorch.program import Program, compile
from minitorch.training import State, fit

safetensors = lazy("safetensors")
safetensors_numpy = lazy("safetensors.numpy")

LOSSES = {"mse": functional.mse_loss, "cross_entropy": functional.cross_entropy}


def train(options: Namespace) -> None:
    """Read a table, train, report on rows that were held out, and save where that is asked for."""
    if options.save is not None and not options.save.parent.is_dir():
        raise FileError(f"{options.save}: there is no such folder")
    if options.save is not None and options.save.is_dir():
        raise FileError(f"{options.save}: this is a folder; the path of a file is expected")
    table = read_table(options.data, options.target, needs_target=True)
    assert table.y is not None
    if len(table.X) < 2:
        raise FileError(f"{options.data}: {len(table.X)} rows are too few to train on and to hold some out")
    if not table.X.shape[1]:
        raise FileError(f"{options.data}: there is no column to learn from, but {table.target} alone")
    classes = _classes(options.data, table.y) if options.loss == "cross_entropy" else []
    y = _indices(table.y, classes) if classes else numbers_of(options.data, table.y)
    share = max(options.test_size, 1 / len(table.X))
    X_train, X_test, y_train, y_test = train_test_split(table.X, y, test_size=share, seed=options.seed)
    widths = [*options.hidden, len(classes) or y.shape[1]]
    model = MLP(X_train.shape[1], widths, activation=options.activation, seed=options.seed)
    step = _step(model, y, options)
    print(
        f"{model!r}: {sum(p.data.size for p in model.parameters()):,} parameters, {len(X_train):,} rows, {step.backend}"
    )
    history = fit(
        step, standardize(X_train), y_train, epochs=options.epochs, batch_size=options.batch_size, seed=options.seed,
        callbacks=[_report(options.epochs)],
    )  # fmt: skip
    _require_finite(history.loss, options.lr)
    model = _with_scale(model, X_train, options.activation)
    print(f"{history}; on {len(X_test):,} rows held out: {_score(model.predict(X_test), y_test, bool(classes))}")
    if options.save is not None:
        told = {"minitorch.mlp": 1, "activation": options.activation, "classes": classes, "names": table.names,
                "target": table.target}  # fmt: skip
        _save(options.save, model, told)
        print(f"saved to {options.save}")


def _step(model: Module, y: Array, options: Namespace) -> Program:
    x = ops.placeholder("x", ("batch", model.parameters()[0].shape[0]))
    labels = options.loss == "cross_entropy"
    goal = ops.placeholder("y", ("batch",), "int64") if labels else ops.placeholder("y", ("batch", y.shape[1]))
    loss = LOSSES[options.loss](model(x), goal)
    sgd = SGD(model.parameters(), lr=options.lr, momentum=options.momentum)
    return compile([x, goal], loss, updates=sgd.minimize(loss), name="train_step")


def _require_finite(losses: Sequence[float], lr: float) -> None:
    for epoch, loss in enumerate(losses, 1):
        if not np.isfinite(loss):
            raise ArgumentError(f"the loss is {loss} in epoch {epoch}: try a smaller --lr than {lr}")


def _report(epochs: int) -> Any:
    """A line now and then: some ten in all, and the last."""
    every = max(1, epochs // 10)

    def report(state: State) -> None:
        if state.epoch % every == 0 or state.epoch == epochs:
            print(f"epoch {state.epoch:>{len(str(epochs))}}  loss {state.loss:.6g}")

    return report


def _with_scale(model: MLP, X: Array, activation: str) -> MLP:
    """The same model in float64, whose first layer does the shift and the scale that training was given, so that it
    takes plain rows. Where they are far from 0, float32 would lose what differs between them."""
    state = model.state_dict()
    wide = _model(state, activation, "float64")
    (zero, one), layer = _scale(X), wide.layers[0]
    weight: Any = layer.weight.data
    layer.bias.data = layer.bias.data + zero @ weight
    layer.weight.data = one[:, None] * weight
    return wide


def _model(state: Mapping[str, Array], activation: str, dtype: Any) -> MLP:
    """A perceptron with these values, in the order of their layers."""
    shapes = [value.shape for name, value in sorted(state.items(), key=_layer) if name.endswith(".weight")]
    model = MLP(shapes[0][0], [shape[1] for shape in shapes], activation=activation, seed=0, dtype=dtype)
    model.load_state_dict(state)
    return model


def _scale(X: Array) -> tuple[Any, Any]:
    """What `standardize` does, as `X * one + zero`, told by what it makes of the ends of each column."""
    low: Any = X.min(0)
    high: Any = X.max(0)
    first, last = (row[0] for row in standardize(X, low[None], high[None])[1:])
    constant = high == low
    one = np.where(constant, 1, last - first) / np.where(constant, 1, high - low)
    return first - low * one, one


def _classes(path: Path, y: Array) -> list[str]:
    """The labels that occur, numbers by their size, else by the alphabet."""
    if y.shape[1] != 1:
        raise FileError(f"{path}: labels are one column, but there are {y.shape[1]}; of rows with a 1, take argmax")
    found = {str(label) for label in y[:, 0]}
    try:
        return sorted(found, key=float)
    except ValueError:
        return sorted(found)


def _indices(y: Array, classes: Sequence[str]) -> Array:
    place = {label: i for i, label in enumerate(classes)}
    return np.array([place[str(label)] for label in y[:, 0]], "int64")


def _score(prediction: Any, y: Any, labels: bool) -> str:
    if labels:
        return f"{np.mean(prediction.argmax(1) == y):.1%} right"
    return f"mean squared error {np.mean((prediction - y) ** 2):.6g}"


# ---- files ----


def _save(path: Path, model: Module, told: dict[str, Any]) -> None:
    """The model's own safetensors file, which `minitorch.load` reads; what else `predict` needs is its metadata."""
    write_whole(path, safetensors_numpy.save(model.state_dict(), {"minitorch": json.dumps(told)}))


def _load(path: Path) -> tuple[MLP, dict[str, Any]]:
    state = read(path)
    with safetensors.safe_open(path, framework="numpy") as file:
        told = json.loads((file.metadata() or {}).get("minitorch", "{}"))
    if "activation" not in told:
        raise FileError(f"{path}: this is no model that `python -m minitorch train` has saved")
    return _model(state, told["activation"], next(iter(state.values())).dtype), told


def _layer(item: tuple[str, Any]) -> int:
    return int(item[0].split(".")[1])


def predict(options: Namespace) -> None:
    """A column of predictions for the rows of a table, as CSV."""
    model, told = _load(options.model)
    table = read_table(options.data, told["target"] or None, needs_target=False)
    width = model.layers[0].weight.shape[0]
    if table.X.shape[1] != width:
        raise FileError(f"{options.data}: the model takes {width} columns, but there are {table.X.shape[1]}")
    _require_order(options.data, table, told)
    prediction = model.predict(table.X)
    if told["classes"]:
        rows = [[told["classes"][i]] for i in prediction.argmax(1)]
    else:
        rows = [[f"{value:.9g}" for value in row] for row in prediction]
    columns = len(rows[0]) if rows else 1
    titles = [told["target"]] if columns < 2 else [f"{told['target']}{i}" for i in range(columns)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([titles, *rows])
    if options.out is None:
        print(text.getvalue(), end="")
    else:
        write_whole(options.out, text.getvalue().encode())


def _require_order(path: Path, table: Table, told: dict[str, Any]) -> None:
    """Named columns must be those that were learned from, in their order."""
    if told["names"] and table.names and list(table.names) != told["names"]:
        raise FileError(f"{path}: the model takes the columns {', '.join(told['names'])}, not {', '.join(table.names)}")
