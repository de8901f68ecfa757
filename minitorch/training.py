"""Training: `fit` runs a compiled step over epochs, and keeps a `History`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np

from minitorch.errors import ArgumentError, InputError
from minitorch.functional.arguments import flag_of, int_of, is_number
from minitorch.graph.graph import Graph
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import shown
from minitorch.lazy import lazy
from minitorch.loop import Loop
from minitorch.program import Program

inspection = lazy("minitorch.inspection")
viz = lazy("minitorch.viz")
tqdm = lazy("tqdm")
random = lazy("numpy.random")


class Snapshot(NamedTuple):
    """The values of what a program changes and its outputs depend on, after an epoch; epoch 0 is before training."""

    epoch: int
    values: Mapping[Tensor, Array]


class History:
    """What a fit has seen: the mean loss over rows of each epoch, of each batch, and of the validation data.

    Where the fit was asked for them, `snapshots` are the parameters on the way, and `program` is what was fitted.
    """

    def __init__(
        self, loss: Sequence[float] = (), batch_loss: Sequence[float] = (), validation_loss: Sequence[float] = ()
    ) -> None:  # fmt: skip
        kinds = {"loss": loss, "batch_loss": batch_loss, "validation_loss": validation_loss}
        self.loss, self.batch_loss, self.validation_loss = (_losses(name, given) for name, given in kinds.items())
        self.snapshots: list[Snapshot] = []
        self.program: Program | None = None

    def film(self, path: Any, model: Any, X: Any = None, y: Any = None, **options: Any) -> None:
        """Write the snapshots as one offline page to play and to scrub through. See `minitorch.viz.film`."""
        viz.film(self, path, model, X, y, **options)

    def __repr__(self) -> str:
        return f"<History {self}>"

    def __str__(self) -> str:
        if not self.loss:
            return "no epoch yet"
        held_out = f", validation loss {self.validation_loss[-1]:.6g}" if self.validation_loss else ""
        return f"{len(self.loss)} epochs, loss {self.loss[0]:.6g} -> {self.loss[-1]:.6g}{held_out}"


def _losses(name: str, given: Any) -> list[float]:
    if not isinstance(given, list | tuple | np.ndarray) or not all(map(is_number, given)):
        raise ArgumentError(f"History: {name} is a list of numbers, but {shown(given)} was given")
    return list(given)


class State:
    """Where a fit stands, as callbacks see it after each epoch. `stop()` ends the fit.

    `at_end` are functions that are called with it, too, when the fit is over, whatever has ended it save for an error.
    """

    def __init__(self, program: Program, history: History) -> None:
        self.program, self.history = program, history
        self.at_end: list[Callback] = []
        self.epoch = self.step = 0
        self.loss = float("nan")
        self.validation_loss: float | None = None
        self.stopped = False

    def stop(self) -> None:
        """End the fit after this epoch."""
        self.stopped = True


Callback = Callable[[State], object]


class _Copies:
    """Copies of some of the tensors that a program changes, made and put back between its steps."""

    def __init__(self, program: Program, tensors: Iterable[Tensor]) -> None:
        self.arrays: dict[Tensor, Array] = {t: t.attrs["storage"].array for t in tensors}
        self.copy: Callable[[], dict[Tensor, Array]] = program._executor.guarded(self._copy)
        self.put_back: Callable[[Mapping[Tensor, Array]], None] = program._executor.guarded(self._put_back)

    def _copy(self) -> dict[Tensor, Array]:
        return {t: array.copy() for t, array in self.arrays.items()}

    def _put_back(self, values: Mapping[Tensor, Array]) -> None:
        for t, value in values.items():
            self.arrays[t][...] = value


class EarlyStopping:
    """A callback that ends a fit when the loss has not improved by more than `tolerance` for `patience` epochs.

    It looks at the validation loss where there is one (Prechelt, Early Stopping, 1998). With `restore`, all that the
    program updates is, when the fit is over, as it was after the epoch with the lowest loss: parameters and what the
    optimiser keeps, but not a learning rate. That is meant for validation: the loss of training is computed before and
    while its epoch changes them.
    """

    def __init__(self, patience: int = 10, tolerance: float = 0.0, restore: bool = False) -> None:
        self.patience = int_of(patience, "patience", "EarlyStopping", least=0)
        if not is_number(tolerance) or not tolerance >= 0:
            raise ArgumentError(f"EarlyStopping: tolerance is a number of 0 or more, but {shown(tolerance)} was given")
        self.tolerance, self.restore = float(tolerance), flag_of(restore, "restore", "EarlyStopping")
        self.best = self._lowest = float("inf")
        self.waited = 0
        self._history: History | None = None
        self._copies: _Copies | None = None
        self._values: dict[Tensor, Array] = {}

    def __call__(self, state: State) -> None:
        if not isinstance(state, State):
            raise ArgumentError(f"EarlyStopping: the state of a fit is expected, but {shown(state)} was given")
        if state.history is not self._history:  # another fit
            self._begin(state)
        loss = state.loss if state.validation_loss is None else state.validation_loss
        if self._copies is not None and loss < self._lowest:
            self._lowest, self._values = loss, self._copies.copy()
        if loss < self.best - self.tolerance:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            state.stop()

    def _begin(self, state: State) -> None:
        self._history, self.waited, self._values = state.history, 0, {}
        self.best = self._lowest = float("inf")
        if self.restore:
            self._copies = _Copies(state.program, [t for t, _ in state.program.written.updates])
            state.at_end.append(self._end)

    def _end(self, state: State) -> None:
        if self._copies is not None:
            self._copies.put_back(self._values)  # none where no loss was finite
        self._copies, self._values = None, {}


def fit(
    program: Program, *arrays: Any, epochs: int, batch_size: int, shuffle: bool = True, seed: int | None = None,
    progress: bool = False, callbacks: Sequence[Callback] = (), validation: Sequence[Any] | None = None,
    check_finite: bool = False, snapshots: int | Sequence[int] = 0,
) -> History:  # fmt: skip
    """Run a training step over the rows of `arrays`, `epochs` times, and return what happened to the loss.

    The first output of `program` is the loss. Rows are taken in a new random order each epoch (the same orders for the
    same `seed`), the last batch with what is left. `progress` shows a bar (package tqdm). `validation` are arrays like
    `arrays`, whose loss is computed after each epoch without training on them. `callbacks` are called with the
    `State` after each epoch. `check_finite` looks at every step, which takes longer, and raises `NotFiniteError` at
    the first whose loss or new parameters are not finite, with the parameters of the step before.

    `snapshots` keeps copies of the parameters on the way, in `history.snapshots`, for `history.film`: at most so many,
    evenly spread over the epochs, the first before training and the last after it; or a list of the epochs after which
    to keep them, 0 being before, as in `snapshots=training.spread(epochs, 60, early=True)`.

    Raises `InputError` for arrays that do not fit the program, before anything has changed.

    >>> import minitorch as mt
    >>> x, w = mt.placeholder("x", ("batch",)), mt.parameter(0.0)
    >>> loss = mt.mean((x - w) ** 2)
    >>> step = mt.compile([x], loss, updates=mt.optim.SGD([w], lr=0.4).minimize(loss))
    >>> history = fit(step, [1.0, 1.0, 1.0], epochs=3, batch_size=2, seed=0)
    >>> [round(value, 4) for value in history.loss]
    [0.68, 0.0011, 0.0]
    """
    flags = {"shuffle": shuffle, "progress": progress, "check_finite": check_finite}
    _require_arguments(program, epochs, callbacks, validation, flags)
    prepared, rows, _ = program.checked(arrays, batch_size, None, "fit")
    held_out = None if validation is None else program.checked(validation, batch_size, None, "fit: validation")[:2]
    _require_seed(seed)
    wanted = _frames(snapshots, int(epochs))
    source = random.default_rng(seed)
    state = State(program, History())
    after: list[Callback] = list(callbacks)
    if wanted:
        after.append(_Camera(state, wanted))
    if progress:
        after.append(_Bar(state, epochs))
    for _ in range(epochs):
        order = source.permutation(rows) if shuffle else None
        _epoch(state, prepared, order, rows, int(batch_size), check_finite)
        if held_out is not None:
            _validate(state, *held_out, int(batch_size))
        for callback in after:
            callback(state)
        if state.stopped:
            break
    with ExitStack() as stack:  # which calls all of them, even if one raises
        for function in reversed(state.at_end):
            stack.callback(function, state)
    return state.history


def _require_arguments(program: Any, epochs: Any, callbacks: Any, validation: Any, flags: Mapping[str, Any]) -> None:
    """Refuse what cannot be fitted, before anything has changed."""
    if not isinstance(program, Program):
        what = f"a compiled program is expected, but {shown(program)} was given; see minitorch.compile"
        raise ArgumentError(f"fit: {what}")
    if not isinstance(epochs, int | np.integer) or isinstance(epochs, bool) or epochs < 0:
        raise InputError(f"fit: epochs is an int of 0 or more, but {shown(epochs)} was given")
    outputs = program.written.outputs
    if not outputs or outputs[0].shape != ():
        first = outputs[0].describe() if outputs else "there is none"
        raise InputError(
            f"fit: the first output of the program is the loss, and must be a scalar, but {first} was given"
        )
    if not isinstance(callbacks, list | tuple):
        raise ArgumentError(f"fit: callbacks are a list of functions, but {shown(callbacks)} was given")
    for callback in callbacks:
        if not callable(callback):
            raise ArgumentError(f"fit: a callback is a function of the state, but {shown(callback)} was given")
    if validation is not None and not isinstance(validation, list | tuple):
        what = f"validation is a list of arrays like those to train on, but {shown(validation)} was given"
        raise InputError(f"fit: {what}")
    for option, flag in flags.items():
        flag_of(flag, option, "fit")


def _require_seed(seed: Any) -> None:
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0
    if seed is not None and not whole:
        raise InputError(f"fit: a seed is an int of 0 or more, or None, but {shown(seed)} was given")


def _epoch(
    state: State, arrays: Sequence[Array], order: Array | None, rows: int, batch_size: int, check_finite: bool
) -> None:  # fmt: skip
    losses: Array
    if check_finite:
        losses = np.array(inspection.finite_results(state.program, arrays, order, rows, batch_size, state.epoch + 1))
    else:
        (losses,) = Loop(state.program._executor, arrays, order, rows, batch_size, wanted=1).run()  # all was checked
    state.epoch += 1
    state.step += len(losses)
    state.loss = mean_over_rows(losses, rows, batch_size)
    state.history.batch_loss += losses.tolist()
    state.history.loss.append(state.loss)


# ---- snapshots ----


def spread(epochs: int, most: int, early: bool = False) -> list[int]:
    """At most so many epochs from 0 to `epochs`, both among them, evenly spread; `early`: the closer the earlier.

    >>> spread(100, 5), spread(100, 5, early=True)
    ([0, 25, 50, 75, 100], [0, 1, 5, 22, 100])
    """
    epochs, most = (int_of(epochs, "epochs", "spread", least=0), int_of(most, "most", "spread", least=0))
    most = min(most, epochs + 1)
    if epochs < 1 or most < 2:
        return [epochs][:most]
    if not flag_of(early, "early", "spread"):
        return sorted({round(epochs * k / (most - 1)) for k in range(most)})
    return sorted({0, *(round(epochs ** (k / (most - 2))) for k in range(most - 2)), epochs})


def _frames(snapshots: Any, epochs: int) -> frozenset[int]:
    """The epochs after which to keep a snapshot."""
    if isinstance(snapshots, int | np.integer) and not isinstance(snapshots, bool) and snapshots >= 0:
        return frozenset(spread(epochs, min(int(snapshots), epochs + 1)))
    chosen: list[Any] = list(snapshots) if isinstance(snapshots, list | tuple | range | np.ndarray) else [None]
    if not all(isinstance(e, int | np.integer) and not isinstance(e, bool) and 0 <= e <= epochs for e in chosen):
        how = f"how many to keep, or a list of epochs from 0 to {epochs}"
        raise InputError(f"fit: snapshots is {how}, but {shown(snapshots)} was given")
    return frozenset(map(int, chosen))


class _Camera:
    """Copies the parameters of a fit at the epochs that are wanted, and at the last if callbacks end it before."""

    def __init__(self, state: State, wanted: frozenset[int]) -> None:
        self.wanted, program = wanted, state.program
        read = set(Graph(program.written.outputs).nodes)
        self.learned = _Copies(program, [t for t, _ in program.written.updates if t in read])
        state.history.program = program
        self(state)

    def __call__(self, state: State) -> None:
        if state.epoch in self.wanted or state.stopped:
            state.history.snapshots.append(Snapshot(state.epoch, self.learned.copy()))


def _validate(state: State, arrays: Sequence[Array], rows: int, batch_size: int) -> None:
    (losses,) = Loop(state.program.without_updates()._executor, arrays, None, rows, batch_size, wanted=1).run()
    state.validation_loss = mean_over_rows(losses, rows, batch_size)
    state.history.validation_loss.append(state.validation_loss)


def mean_over_rows(losses: Array, rows: int, batch_size: int) -> float:
    """The mean of batch means, each weighted by the rows of its batch, in float64; NaN over nothing."""
    if not len(losses):
        return float("nan")
    sums = losses.astype(np.float64) * batch_size
    sums[-1] = float(losses[-1]) * (rows - batch_size * (len(losses) - 1))  # the last batch is what was left
    return float(sums.sum() / rows)


class _Bar:
    """Shows how far a fit is, and its losses."""

    def __init__(self, state: State, epochs: int) -> None:
        self.bar = tqdm.tqdm(total=epochs, unit="epoch")
        state.at_end.append(lambda _: self.bar.close())

    def __call__(self, state: State) -> None:
        values = {"loss": f"{state.loss:.4g}"}
        if state.validation_loss is not None:
            values["validation"] = f"{state.validation_loss:.4g}"
        self.bar.set_postfix(values, refresh=False)
        self.bar.update()
