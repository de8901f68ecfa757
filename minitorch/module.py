"""Module: a function of tensors that holds parameters and other modules, and knows them by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.errors import ArgumentError, FileError
from minitorch.graph.array import as_array
from minitorch.graph.origin import scope
from minitorch.graph.pictured import Pictured
from minitorch.graph.storage import Array
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable, shown
from minitorch.graph.types import DType, dtype_of, show_shape
from minitorch.program import Program, compile

MOST_PROGRAMS = 64  # that `predict` keeps; the oldest goes when another is compiled
MOST_COMPARED = 1 << 20  # bytes of an array that `predict` looks at for changes


class Module(Pictured):
    """A function of tensors with parameters.

    Subclasses hold parameters and modules as attributes, in lists or dicts too, and define `forward`.

    Calling a module opens a scope of its name, so that its nodes are grouped in print and in pictures.

    >>> import minitorch as mt
    >>> class Scale(mt.nn.Module):
    ...     def __init__(self):
    ...         self.factor = mt.parameter(2.0, name="factor")
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale().predict([1.0, 2.0]).tolist()
    [2.0, 4.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """The graph of this module on `x`."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward; a module defines forward(self, x)")

    def __call__(self, *inputs: Any) -> Tensor:
        with scope(getattr(self, "_name", None) or type(self).__name__.lower()):
            output = self.forward(*inputs)
        if output is None:
            raise ArgumentError(f"{type(self).__name__}: forward is to return a tensor, but returned None")
        return output

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        for path, child in _children({name: value}):
            object.__setattr__(child, "_name", path)  # a module is called by the name of the attribute that holds it

    def _attributes(self) -> dict[str, Any]:
        """All but the programs that `predict` keeps."""
        return {key: value for key, value in vars(self).items() if key != "_programs"}

    def __getstate__(self) -> dict[str, Any]:
        return self._attributes()

    # ---- parameters ----

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters with their paths, `layers.0.weight`, in the order in which the attributes were set; each once."""
        seen: set[Tensor] = set()
        for name, tensor in self._named():
            if tensor not in seen and tensor.op.name == "parameter":
                seen.add(tensor)
                yield name, tensor

    def _named(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        for path, value in _held(self._attributes()):
            if isinstance(value, Module):
                yield from value._named(f"{prefix}{path}.")
            elif "storage" in value.attrs:
                yield prefix + path, value

    def parameters(self) -> list[Tensor]:
        """The parameters that training changes."""
        return [tensor for _, tensor in self.named_parameters()]

    def state_dict(self) -> dict[str, Array]:
        """Copies of the values of all parameters and variables, by name."""
        return {name: tensor.data.copy() for name, tensor in self._named()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take values by name. Floats are rounded to the dtype of the parameter.

        Raises `ValueError` and changes nothing where names or shapes differ, or dtypes cannot be converted so.
        """
        if not isinstance(state, Mapping):
            raise ArgumentError(f"load_state_dict: a state is a dict of values by name, but {shown(state)} was given")
        mine = dict(self._named())
        missing, unknown = mine.keys() - state.keys(), state.keys() - mine.keys()
        if missing or unknown:
            lacks = "".join(f"; {printable(n)} is missing" for n in sorted(missing))
            extra = "".join(f"; {printable(n)} is unknown" for n in sorted(unknown))
            raise FileError(f"load_state_dict: the names are not those of {type(self).__name__}{lacks}{extra}")
        arrays = {name: as_array(value, f"load_state_dict: {shown(name)}") for name, value in state.items()}
        for name, tensor in mine.items():
            shape, dtype = arrays[name].shape, arrays[name].dtype
            if shape != tensor.shape or not np.can_cast(dtype, tensor.dtype, "same_kind"):
                given = f"a value of shape {shape} and dtype {dtype}"
                raise FileError(f"load_state_dict: {printable(name)} is {tensor.type}, but {given} was given")
        for name, tensor in mine.items():
            tensor.data = arrays[name]

    # ---- use ----

    def predict(self, X: Any, *more: Any) -> Array:
        """The outputs for the rows of `X`, by a program that is compiled once for each shape of a row.

        `X` is an array of rows; a module that takes more inputs is given `more` of them, with as many rows each. All
        are converted to the dtype of the parameters, ints as well. A new program is compiled where an attribute has
        changed, of this module or of one inside; writing into an array of more than a MiB is not seen.
        """
        names = ["X", *(f"X{i}" for i in range(2, len(more) + 2))]
        arrays = [as_array(rows, f"predict: {name}") for name, rows in zip(names, (X, *more), strict=True)]
        dtype = next((p.dtype for p in self.parameters()), dtype_of("float32"))
        programs: dict[Any, Program] = vars(self).setdefault("_programs", {})
        key = tuple([rows.shape[1:] if rows.ndim else None for rows in arrays]), dtype, self._structure()
        program = programs.get(key)
        if program is None:
            inputs = [_rows_like(array, name, dtype) for array, name in zip(arrays, names, strict=True)]
            program = compile(inputs, self(*inputs), name=f"{type(self).__name__}.predict")
            for old in list(programs)[: max(0, len(programs) + 1 - MOST_PROGRAMS)]:
                programs.pop(old, None)  # or another thread has removed it
            programs[key] = program
        result: Array = program(*arrays)
        return result

    def _structure(self) -> tuple[Any, ...]:
        """What a compiled prediction depends on: which modules and tensors are there, and every other attribute."""
        return tuple(_fingerprint(k, v) for k, v in self._attributes().items())

    def summary(self) -> str:
        """A table of the modules inside, with what each holds."""
        rows = [("module", "kind", "parameters", "")]
        for name, module in [("", self), *_descendants(self)]:
            held = _held(module._attributes())
            own = {k: v for k, v in held if isinstance(v, Tensor) and "storage" in v.attrs}
            count = sum(v.data.size for v in own.values())
            shapes = ", ".join(f"{k} {show_shape(v.shape)}" for k, v in own.items())
            if own or module is self:
                rows.append((name or "(all)", repr(module), f"{count:,}" if own else "", shapes))
        total = sum(p.data.size for p in self.parameters())
        size = sum(p.data.nbytes for p in self.parameters())
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join(f"{c:{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, f"{total:,} parameters, {size:,} bytes"])

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _rows_like(array: Array, name: str, dtype: DType) -> Tensor:
    """A placeholder for rows like those of an array, or for one value."""
    return ops.placeholder(name, ("batch", *array.shape[1:]) if array.ndim else (), dtype)


class _Same:
    """Equal to another where both are of one object, which lives as long: its number is not given to a new one."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)


def _fingerprint(name: str, value: Any) -> Any:
    """An attribute as a key that changes when the graph it leads to may."""
    if isinstance(value, Module):
        return name, _Same(value), value._structure()
    if isinstance(value, list | tuple):
        return name, tuple(_fingerprint("", v) for v in value)
    if isinstance(value, dict):
        return name, tuple(_fingerprint(str(k), v) for k, v in value.items())
    if isinstance(value, np.ndarray) and value.dtype != object and value.nbytes <= MOST_COMPARED:
        return name, value.dtype, value.shape, value.tobytes()
    simple = isinstance(value, str | int | float | bool | None)
    return name, (type(value), repr(value)) if simple else _Same(value)  # of numbers 1, 1.0 and True would be equal


def _held(attributes: Mapping[str, object]) -> Iterator[tuple[str, Module | Tensor]]:
    """The modules and tensors that attributes hold, alone, in lists or in dicts, at any depth, with their paths."""
    for name, value in attributes.items():
        if isinstance(value, Module | Tensor):
            yield name, value
        elif isinstance(value, list | tuple):
            yield from _held({f"{name}.{i}": v for i, v in enumerate(value)})
        elif isinstance(value, dict):
            yield from _held({f"{name}.{key}": v for key, v in value.items()})


def _children(attributes: Mapping[str, object]) -> Iterator[tuple[str, Module]]:
    """The modules among them."""
    return ((path, value) for path, value in _held(attributes) if isinstance(value, Module))


def _descendants(module: Module, prefix: str = "") -> Iterator[tuple[str, Module]]:
    for path, child in _children(module._attributes()):
        yield prefix + path, child
        yield from _descendants(child, f"{prefix}{path}.")
