"""The training film: snapshots of a fit as one offline page to play and to scrub through."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np

from minitorch.compiler.autodiff import grad
from minitorch.compiler.backends import BACKENDS
from minitorch.errors import ArgumentError, InputError
from minitorch.files import write_whole
from minitorch.functional.arguments import int_of, is_number
from minitorch.graph.array import as_array
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable, shown
from minitorch.inspection.copies import executor_of
from minitorch.nn import Module
from minitorch.program import compile
from minitorch.training import History
from minitorch.viz.page import asset, encoded, page
from minitorch.viz.plane import plane_of, score_of, truth_of
from minitorch.viz.target import target_of

EXACT = 4000  # weights that are kept as float32; more are kept as 8-bit shares of the largest
LARGEST = 64  # rows and columns of a matrix that is shown whole; of larger ones the largest weight of each block
IMAGE = 25  # inputs from which a square number of them is taken for an image
ROWS = 4096  # rows that gradients are computed on

BODY = """<main id="film">
<div id="player" role="group" aria-label="Playback">
<button type="button" id="play"></button>
<button type="button" id="back" aria-label="one frame back">&#8249;</button>
<input type="range" id="scrub" min="0" value="0" step="1" aria-label="frame of the film">
<button type="button" id="on" aria-label="one frame on">&#8250;</button>
<label for="speed">speed</label>
<select id="speed"><option value="4">slow</option><option value="10" selected>normal</option>\
<option value="30">fast</option></select>
<p id="now"></p>
</div>
<p class="unseen" id="told" aria-live="polite"></p>
<div id="cards"></div>
<details id="numbers"><summary>Every frame in numbers</summary><div id="sheet" tabindex="0" role="region"
 aria-label="every frame in numbers"></div></details>
<p class="quiet" id="keys">Keys: space plays and pauses; left and right go a frame back and on, with shift ten; home and
end go to the first and the last. Charts can be clicked.</p>
</main>"""


def film(
    history: History, path: str | os.PathLike[str], model: Module, X: Any = None, y: Any = None, *,
    title: str = "Training film", boundary: float | None = None, image: tuple[int, int] | None = None,
) -> None:  # fmt: skip
    """Write the snapshots of a fit, `mt.fit(..., snapshots=60)`, as one HTML file that needs no network.

    It shows, epoch by epoch: the loss; the weights of `model`, as lines between its units or, where there are many, as
    matrices, and those of square images as images; their norms; and given the data, `X` and `y` as in the fit, the
    norms of the gradients over it, the score, and for two inputs the output over the plane with the data on it.

    Where `y` has two values, a class ends at the output `boundary`, which is half-way between them unless told.
    `image` is the height and width of the images that the inputs are; 25 or more inputs that are a square number are
    taken for a square one, `(0, 0)` says that they are none.

    Raises `ArgumentError` for a history without snapshots and for a model that was not trained in it.
    """
    path = target_of(path, "film")
    if not isinstance(history, History) or not history.snapshots:
        how = "take some with fit(..., snapshots=60)"
        raise ArgumentError(f"film: a history with snapshots is expected, but {shown(history)} has none; {how}")
    if not isinstance(model, Module):
        raise ArgumentError(f"film: the model that was trained is expected, but {shown(model)} was given")
    if not any(t in history.snapshots[0].values for _, t in model._named()):
        raise ArgumentError(f"film: the fit of this history did not train {shown(model)}")
    _require_options(title, boundary, image)
    rows = None if X is None else _rows(X, "X")
    targets = None if y is None else _rows(y, "y")
    if rows is not None and targets is not None and len(rows) != len(targets):
        raise InputError(f"film: X has {len(rows)} rows, but y has {len(targets)}")
    data = _Film(history, model, rows, targets, boundary).data(image)
    note = f"{printable(repr(model), 120)}, {len(history.loss)} epochs, {len(history.snapshots)} frames"
    text = page(title, BODY, data, css=[asset("film.css")], js=[asset("film.js")], note=note)
    write_whole(path, text.encode())


def _require_options(title: Any, boundary: Any, image: Any) -> None:
    if not isinstance(title, str):
        raise ArgumentError(f"film: a title is a str, but {shown(title)} was given")
    if boundary is not None and not is_number(boundary):
        raise ArgumentError(f"film: boundary is a number or None, but {shown(boundary)} was given")
    if image is not None and not (isinstance(image, list | tuple) and len(image) == 2):
        raise ArgumentError(f"film: image is a height and a width, or None, but {shown(image)} was given")
    for side in image or ():
        int_of(side, "a side of image", "film", least=0)


def _rows(given: Any, what: str) -> Array:
    array = as_array(given, f"film: {what}")
    if not array.ndim or not len(array):
        raise InputError(f"film: {what} is an array of rows, one or more, but {shown(given)} was given")
    return array


class _Film:
    """A copy of the model that takes the values of each snapshot in turn, and what is computed with it."""

    def __init__(
        self, history: History, model: Module, X: Array | None, y: Array | None, boundary: float | None
    ) -> None:  # fmt: skip
        self.history, self.X, self.y = history, X, y
        self.model = copy.deepcopy(model)
        self.twin = {t: own for (_, t), (_, own) in zip(model._named(), self.model._named(), strict=True)}
        self.matrices = matrices_of(model)
        self.truth = None if X is None or y is None else truth_of(y, self.model.predict(X[:1]), boundary)

    def data(self, image: tuple[int, int] | None) -> dict[str, Any]:
        """What the page shows, as JSON can hold it."""
        names = [name for name, _ in self.matrices]
        kept = [[self.value(i, t) for i in range(len(self.history.snapshots))] for _, t in self.matrices]
        exact = sum(values[0].size for values in kept) <= EXACT
        return {
            "frames": [s.epoch for s in self.history.snapshots],
            "loss": finite(self.history.loss), "validation": finite(self.history.validation_loss),
            "network": {"chain": chained([v[0] for v in kept]), "biases": self.biases(),
                        "layers": [packed(n, v, exact) for n, v in zip(names, kept, strict=True)]},
            "image": image_of(kept[0][0].shape[0], image) if kept else None,
            "norms": {"names": names, "weights": norms(kept), "gradients": self.gradients()},
            **self.answers(),
        }  # fmt: skip

    def value(self, frame: int, tensor: Tensor) -> Array:
        """A tensor of the model at a frame; where training does not change it, as it is."""
        value: Array = self.history.snapshots[frame].values.get(tensor, tensor.data)
        return value

    def biases(self) -> list[list[list[float]] | None]:
        """The bias of each matrix, frame by frame: the vector as long as the matrix is wide that follows it."""
        follower = dict(pairwise(self.twin))
        frames = range(len(self.history.snapshots))
        found: list[list[list[float]] | None] = []
        for _, t in self.matrices:
            bias = follower.get(t)
            fits = bias is not None and bias.shape == t.shape[1:]
            found.append([finite(self.value(i, bias)) for i in frames] if bias is not None and fits else None)
        return found

    def answers(self) -> dict[str, Any]:
        """The outputs for the data at each frame: how good they are, and what they are over the plane."""
        if self.X is None:
            return {"score": None, "plane": None}
        plane = plane_of(self.X, self.truth, self.model.predict) if self.X.ndim == 2 and self.X.shape[1] == 2 else None
        scores = []
        for i in range(len(self.history.snapshots)):
            for tensor, own in self.twin.items():
                own.data = self.value(i, tensor)
            if plane is not None:
                plane.look()
            if self.truth is not None:
                scores.append(score_of(self.truth, self.model.predict(self.X)))
        shown = None if self.truth is None else {"name": self.truth.measure, "values": finite(scores)}
        return {"score": shown, "plane": None if plane is None else plane.data()}

    def gradients(self) -> list[list[float | None]] | None:
        """The norm of the loss's gradient by each matrix over the data, frame by frame; None where it has no data."""
        program = self.history.program
        if self.X is None or self.y is None or program is None or len(program.inputs) != 2 or not self.matrices:
            return None
        step = -(-len(self.X) // ROWS)
        wanted = [t for _, t in self.matrices if t in self.history.snapshots[0].values]
        gradients = compile(list(program.inputs), grad(program.outputs[0], wanted), backend="numpy")
        try:
            arrays = gradients.checked((self.X[::step], self.y[::step]), 1)[0]
        except (ValueError, TypeError):  # data of another form than the fit's, good enough for a score
            return None
        executor = executor_of(gradients, BACKENDS["numpy"])
        held = [t.attrs["storage"] for t in gradients.graph.nodes if "storage" in t.attrs]
        own = [t.attrs["storage"] for t in executor.plan.graph.nodes if "storage" in t.attrs]
        place = {id(storage): mine.array for storage, mine in zip(held, own, strict=True)}
        found = []
        for snapshot in self.history.snapshots:
            for tensor, value in snapshot.values.items():
                if (array := place.get(id(tensor.attrs["storage"]))) is not None:
                    array[...] = value
            results = dict(zip(wanted, executor.run(arrays), strict=True))
            found.append([float(np.linalg.norm(results[t])) if t in results else 0.0 for _, t in self.matrices])
        return [finite(column) for column in zip(*found, strict=True)]


# ---- weights ----


def matrices_of(model: Module) -> list[tuple[str, Tensor]]:
    """The parameters of a model that are matrices, with their names, in the order in which it holds them."""
    return [(printable(name), t) for name, t in model.named_parameters() if t.ndim == 2 and t.data.size]


def chained(matrices: Sequence[Array]) -> bool:
    """Whether each layer's outputs are as many as the next one's inputs."""
    return all(a.shape[1] == b.shape[0] for a, b in pairwise(matrices))


def packed(name: str, frames: Sequence[Array], exact: bool) -> dict[str, Any]:
    """A matrix over all frames: as float32, or as 127ths of the largest weight that it ever has."""
    blocks = np.stack([reduced(frame) for frame in frames]).astype(np.float32)
    largest = float(np.max(np.abs(blocks), initial=0.0, where=np.isfinite(blocks)))
    shape = frames[0].shape
    shares = blocks * (127 / largest) if largest else np.zeros_like(blocks)
    values = blocks if exact else np.round(np.nan_to_num(shares, nan=0, posinf=127, neginf=-127)).astype(np.int8)
    return {
        "name": name, "inputs": shape[0], "outputs": shape[1], "rows": blocks.shape[1], "columns": blocks.shape[2],
        "largest": largest, "kind": "f4" if exact else "i1", "values": encoded(values),
    }  # fmt: skip


def reduced(matrix: Array) -> Array:
    """A matrix of at most 64 rows and columns: of each block the weight that is the largest."""
    for axis in (0, 1):
        size = matrix.shape[axis]
        if size > LARGEST:
            cuts = np.linspace(0, size, LARGEST + 1).astype(int)[:-1]
            high, low = np.maximum.reduceat(matrix, cuts, axis), np.minimum.reduceat(matrix, cuts, axis)
            matrix = np.where(high >= -low, high, low)
    return matrix


def norms(kept: Sequence[Sequence[Array]]) -> list[list[float | None]]:
    """The Euclidean norm of each matrix at each frame."""
    return [finite([float(np.linalg.norm(value)) for value in values]) for values in kept]


def image_of(inputs: int, image: tuple[int, int] | None) -> list[int] | None:
    """The height and width of the images that the inputs are, or None."""
    if image is not None:
        height, width = image
        if height * width not in (0, inputs):
            raise InputError(f"film: images of {height} by {width} are not {inputs} inputs")
        return [int(height), int(width)] if height * width else None
    side = isqrt(inputs)
    return [side, side] if side * side == inputs >= IMAGE and side <= LARGEST and inputs <= LARGEST else None


# ---- numbers ----


def finite(values: Any) -> list[Any]:
    """Numbers as JSON can hold them, to seven digits; None for what is not finite."""
    return [float(f"{v:.7g}") if np.isfinite(v) else None for v in map(float, values)]
