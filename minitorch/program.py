"""`compile` and `Program`: a graph made into something to call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NoReturn

import numpy as np

from minitorch.compiler import PIPELINE
from minitorch.compiler.choice import compiled, require
from minitorch.compiler.plan import Plan
from minitorch.compiler.rewrite import PassRecord
from minitorch.errors import ArgumentError, InputError
from minitorch.executor import Executor
from minitorch.graph.array import as_array
from minitorch.graph.graph import Graph
from minitorch.graph.origin import here
from minitorch.graph.pictured import Pictured
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import counted, printable, shown
from minitorch.inputs import Requirement, input_text
from minitorch.lazy import lazy
from minitorch.loop import Loop
from minitorch.tracing import Updates, requirements_of, trace

viz = lazy("minitorch.viz")
verifying = lazy("minitorch.inspection.verify")
reporting = lazy("minitorch.inspection.report")
explanation = lazy("minitorch.inspection.explain")
inspection = lazy("minitorch.inspection")


def compile(
    inputs: Tensor | Sequence[Tensor], outputs: Tensor | Sequence[Tensor], updates: Updates | None = None, *,
    backend: str = "auto", name: str | None = None, training: bool | None = None,
) -> Program:  # fmt: skip
    """Make a program that computes `outputs` from `inputs`, and stores `updates`.

    `inputs` are placeholders, `outputs` one tensor or a list, `updates` new values for parameters and variables. All
    new values are computed from the old ones, whatever the order written. `backend` is "c", "numpy", "interpreter", or
    "auto" for the fastest there is. One program serves every size of its unknown dimensions. `training` says which
    side of `dropout` and its like is meant; unless told otherwise, a program with updates trains, others predict.

    Raises `GraphError` where the graph needs an input that is not given or an update has no variable to go to, and
    `ShapeError` or `DTypeError` where a new value does not fit its variable.

    >>> import minitorch as mt
    >>> x, w = mt.placeholder("x", ("batch",)), mt.parameter(2.0, name="w")
    >>> step = mt.compile([x], (x * w).sum(), updates={w: w + 1})
    >>> float(step([1, 2])), float(w.data)
    (6.0, 3.0)
    """
    if name is not None and not isinstance(name, str):
        raise ArgumentError(f"compile: a name is a str, but {shown(name)} was given\n  in {here()!r}")
    if training is not None and not isinstance(training, bool):
        raise ArgumentError(f"compile: training is True, False or None, not {shown(training)}\n  in {here()!r}")
    return _compile("compile", inputs, outputs, updates, backend, name or "program", training)


def _compile(
    function: str, inputs: Any, outputs: Any, updates: Any, backend: str, name: str, training: bool | None
) -> Program:
    """The same; its errors name the `function` that the user called."""
    traced, requirements = trace(inputs, outputs, updates, name, training, function)
    require(backend, function)
    single = isinstance(outputs, Tensor)
    pack: Callable[[Sequence[Array]], Any] = itemgetter(0) if single else tuple if isinstance(outputs, tuple) else list
    return Program(traced, requirements, backend, pack)


class Program(Pictured):
    """A compiled graph. Call it with arrays, in the order of its inputs or by their names.

    Results are fresh arrays, as one array where one tensor was compiled, else as a list. Arguments may be anything
    that NumPy makes an array of; they are converted to the placeholder's dtype where that is safe, and never written.

    Raises `InputError` for missing, unknown or doubled inputs and for shapes that do not fit, `DTypeError` for values
    that are no numbers or do not fit the dtype. Then nothing has changed.
    """

    def __init__(
        self, traced: Graph, requirements: Sequence[Requirement], backend: str, pack: Callable[[Sequence[Array]], Any]
    ) -> None:
        self._pack, self._requirements = pack, requirements
        self.written: Graph = traced
        """The graph of the very tensors that the user holds, node for node as in `traced`, which tells their roles."""
        self._compilation, code = compiled(traced, backend)
        self._verified: tuple[PassRecord, ...] = ()
        self.backend: str = code.name
        self.source: str = code.source
        """The generated code; "" for the interpreter, which generates none."""
        self._executor = Executor(code, requirements)
        self._arity = len(traced.inputs)
        self._without_updates: Program | None = None if traced.updates else self

    @property
    def passes(self) -> tuple[PassRecord, ...]:
        """What each pass did, in order."""
        return self._verified or self._compilation.passes()

    @property
    def plan(self) -> Plan:
        """The instructions, and the memory they work in."""
        return self._compilation.plan()

    @property
    def traced(self) -> Graph:
        """The graph as written, with its gradients."""
        return self.passes[1].after

    @property
    def optimised(self) -> Graph:
        """The graph after the passes that all backends share: what pictures show."""
        return self.passes[1 + len(PIPELINE)].after

    @property
    def graph(self) -> Graph:
        """The graph as compiled."""
        return self.passes[-1].after

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The placeholders, in the order in which arrays are passed."""
        return self.written.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The tensors whose values a call returns."""
        return self.traced.outputs

    @property
    def updates(self) -> dict[Tensor, Tensor]:
        """The parameters and variables that a call changes, with their new values."""
        return dict(self.traced.updates)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        how = "save the model with minitorch.save, or copy it, and compile a program for the copy"
        why = "a program cannot be copied or pickled, for it works on the parameters of its model"
        raise ArgumentError(f"{printable(self.written.name)}: {why}: {how}")

    # ---- running ----

    def __call__(self, /, *values: Any, **named: Any) -> Any:
        if named or len(values) != self._arity:
            values = self._by_name(values, named)
        return self._pack(self._executor.run(values))

    def _ordered(self, values: Sequence[Any], named: Mapping[str, Any]) -> Sequence[Array]:
        """The arguments of a call as arrays that fit the inputs."""
        return self._executor.prepare(self._by_name(values, named))

    def _by_name(self, values: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """Positional and named arguments in the order of the inputs."""
        names = [p.name for p in self.inputs]
        problem = None
        if len(values) > len(names):
            problem = f"{counted(len(values), 'input')} {'was' if len(values) == 1 else 'were'} given"
        elif unknown := [name for name in named if name not in names]:
            problem = f"there is no input {printable(unknown[0])!r}"
        elif twice := [name for name in names[: len(values)] if name in named]:
            problem = f"the input {printable(str(twice[0]))!r} was given twice, by position and by name"
        elif missing := [name for name in names[len(values) :] if name not in named]:
            problem = f"the input {printable(str(missing[0]))!r} is missing"
        if problem is not None:
            raise InputError(f"{printable(self.written.name)}: {problem}; its inputs are {input_text(self.inputs)}")
        return (*values, *(named[str(name)] for name in names[len(values) :]))

    def loop(self, *arrays: Any, order: Any = None, batch_size: int = 32) -> Any:
        """Run the rows in `order`, all rows in their order unless told otherwise, `batch_size` rows a step.

        Inputs that share the leading unknown dimension are taken batch by batch, the last batch with what is left;
        others are passed whole. Of each output come the values of all batches: concatenated where it has that leading
        dimension, else stacked. Raises like a call, and `InputError` for an order that names rows which are not there.
        """
        return self._pack(self.results(*arrays, order=order, batch_size=batch_size))

    def results(self, *arrays: Any, order: Any = None, batch_size: int = 32) -> list[Array]:
        """The same as a list, however many outputs there are."""
        prepared, rows, chosen = self.checked(arrays, batch_size, order)
        return Loop(self._executor, prepared, chosen, rows, int(batch_size)).run()

    def checked(
        self, arrays: Sequence[Any], batch_size: Any, order: Any = None, function: str = ""
    ) -> tuple[Sequence[Array], int, Array | None]:  # fmt: skip
        """Arguments as arrays that fit the inputs, the number of their rows, and the order. Raises like `loop`."""
        title = function or self._executor.title
        if not isinstance(batch_size, int | np.integer) or isinstance(batch_size, bool) or batch_size < 1:
            raise InputError(f"{title}: a batch size is an int of 1 or more, but {shown(batch_size)} was given")
        if len(arrays) != self._arity:
            given = f"{counted(len(arrays), 'input')} {'was' if len(arrays) == 1 else 'were'} given"
            whose = "its inputs are" if title == self._executor.title else f"the inputs of {self._executor.title} are"
            raise InputError(f"{title}: {given}; {whose} {input_text(self.inputs)}")
        executor = self._executor
        prepared = executor.prepare(arrays)
        shapes = tuple([a.shape for a in prepared])
        rows = executor.rows(shapes)
        chosen = _order(order, rows, title)
        executor.cut(shapes, rows if chosen is None else len(chosen), int(batch_size))  # all, before the first runs
        return prepared, rows, chosen

    def evaluate(self, *arrays: Any, batch_size: int = 1024) -> Any:
        """`loop` without the updates: what the outputs are, with the parameters as they stand."""
        return self.without_updates().loop(*arrays, batch_size=batch_size)

    def without_updates(self) -> Program:
        """A program that computes the outputs and changes nothing; compiled when it is first asked for."""
        if self._without_updates is None:
            name = f"{self.written.name}, without updates"
            bare = Graph(self.written.outputs, (), self.inputs, name, training=False)
            self._without_updates = Program(bare, requirements_of(bare), self.backend, self._pack)
        return self._without_updates

    # ---- looking ----

    def verify(self) -> None:
        """Compute the graph before and after every pass, and both sides of every rewrite, on the same values.

        Raises `minitorch.inspection.verify.DisagreementError` where they differ by more than the law of the rewrite
        declares. Then every rewrite in `passes` says that it was `checked`, and the largest `difference` that it made,
        and `verification` tells all that was compared.
        """
        self._verified = verifying.verified(self)

    @property
    def verification(self) -> Any:
        """What `verify` found, pass by pass and law by law. See `minitorch.inspection.report`."""
        return reporting.Verification(self)

    def explain(self) -> str:
        """What the compiler did, pass by pass: each rewrite with its law, its two sides, its lines and its savings."""
        text: str = explanation.explain(self)
        return text

    def __str__(self) -> str:
        return str(self.graph)

    def __repr__(self) -> str:
        return f"<Program {printable(self.written.name)}({input_text(self.inputs)}) on {self.backend}>"

    def trace(self, /, *inputs: Any, compiled: bool = False, **named: Any) -> Any:
        """Every value of the user's graph, and its gradients, for these inputs. See `minitorch.inspection.trace`."""
        return inspection.trace(self, self._ordered(inputs, named), compiled)

    def first_bad(self, /, *inputs: Any, **named: Any) -> Any:
        """The first node that is not finite where its inputs were, or None. See `minitorch.inspection.first_bad`."""
        return inspection.first_bad(self, self._ordered(inputs, named))

    def profile(self, /, *inputs: Any, repeat: int = 10, **named: Any) -> Any:
        """What each instruction costs, as predicted and as measured. See `minitorch.inspection.profile`."""
        return inspection.profile(self, self._ordered(inputs, named), repeat)

    def cost(self, size: int | None = None, /, **sizes: int) -> Any:
        """The work of a step, `.flops` and `.bytes`, for these unknown sizes; `size` is for those not named."""
        return inspection.cost(self, size, sizes)

    def memory(self, size: int | None = None, /, **sizes: int) -> Any:
        """The bytes that a step takes, for these unknown sizes. See `minitorch.inspection.memory`."""
        return inspection.memory(self, size, sizes)

    def explore(self, path: Any, inputs: Any = None) -> None:
        """Write one offline page: every stage, every reason, and the values of a run. See `minitorch.viz.explore`."""
        viz.explore(self, path, inputs)

    def to_networkx(self) -> Any:
        """The compiled graph as a `networkx.MultiDiGraph` with plain attributes."""
        return viz.to_networkx(self.graph)


def _order(order: Any, rows: int, title: str) -> Array | None:
    """An order of rows as an array of indices that exist."""
    if order is None or _is_order(order, rows):
        found: Array | None = order
        return found
    array = as_array(order, f"{title}: an order of rows")
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise InputError(
            f"{title}: an order is a list of row numbers, but has shape {array.shape} and dtype {array.dtype}"
        )
    if array.size and (array.min() < 0 or array.max() >= rows):
        raise InputError(f"{title}: an order names the rows 0 to {rows - 1}, but has {array.min()} to {array.max()}")
    return np.ascontiguousarray(array, np.int64)


def _is_order(order: Any, rows: int) -> bool:
    """Whether it is an order as it stands: a negative number is a large one without a sign."""
    if type(order) is not np.ndarray or order.dtype != np.int64 or order.ndim != 1 or not order.flags.c_contiguous:
        return False
    return order.size > 0 and bool(0 <= order[order.view(np.uint64).argmax()] < rows)  # in half the time of `max`


def evaluate_once(tensor: Tensor, feeds: Mapping[Tensor, Any]) -> Array:
    """The value of one tensor for these inputs."""
    if not isinstance(feeds, Mapping):
        raise ArgumentError(f"eval: inputs are given as {{placeholder: array}}, but {shown(feeds)} was given")
    value: Array = _compile("eval", list(feeds), tensor, None, "interpreter", "eval", None)(*feeds.values())
    return value
