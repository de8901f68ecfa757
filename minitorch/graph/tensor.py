"""`Op`, an operation, and `Tensor`, a node: the result of an operation on other nodes, before it has a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any, NoReturn
from weakref import WeakValueDictionary

import numpy as np

from minitorch.errors import ArgumentError, DTypeError, GradientError, ImmutableError, MinitorchError, OptionError
from minitorch.graph.array import as_array, fitting
from minitorch.graph.dim import Dim, Shape, Size
from minitorch.graph.operators import Operand as Operand
from minitorch.graph.operators import Operators
from minitorch.graph.origin import Origin, context, here
from minitorch.graph.storage import Array, Storage
from minitorch.graph.text import printable, shown
from minitorch.graph.types import SHORT, DType, Type, common_dtype, is_float
from minitorch.lazy import lazy

flat = lazy("minitorch.graph.flat")
functional = lazy("minitorch.functional")
autodiff = lazy("minitorch.compiler.autodiff")
program = lazy("minitorch.program")

Attrs = Mapping[str, Any]
Gradient = Callable[..., Sequence[Any]]  # tensors, numbers, or None for an operand without a gradient

registry: dict[str, Op] = {}
"""Every operation by its name. Operators, tests and pictures find operations here."""

reserved: set[str] = set()
"""The names of minitorch's own operations, which no other may take. A user's own may be defined anew."""

made: set[str] = set()
"""The names of those that only the compiler makes, which no other may take either."""

traced: WeakValueDictionary[int, Any] = WeakValueDictionary()
"""By the serial of a tensor, the values of the latest trace that has it: a dict, for as long as somebody keeps it."""

_NO_ATTRS: Attrs = MappingProxyType({})
_serial = count()


def next_serial() -> int:
    """A number below those of all tensors that are made from now on."""
    return next(_serial)


# ---- operations ----


class Op:
    """An operation: all that defines it, in one row. Calling it adds a node to the graph.

    The callables take the operands in order, then the attributes as keywords:

    `infer(*types, **attrs) -> Type`
        The type of the result, or a `ShapeError` or `DTypeError` that says what does not fit.
    `kernel(*arrays, out=None, **attrs) -> array`
        The meaning, on arrays; unknown sizes in attributes have become ints. Writes into `out` where given.
    `gradient(g, y, *inputs, **attrs) -> tensors`
        For a gradient `g` of the result `y`, the gradients of the inputs, as graph; None for an input that has
        none. Each may have the broadcast shape of the result: differentiation sums it back. `None` in place of
        the rule says that nothing flows back through this operation.
    `operands(types) -> (dtype, weak)`
        The dtype that the operands are brought to before anything else; None leaves them as they are.
    `flops(out, *types, **attrs) -> size`
        Floating-point operations, as an expression over unknown sizes.

    `elementwise`: each element of the result depends on one element of each operand. `view`: the result shares
    the memory of the first operand. `inplace`: the operands whose memory the kernel may overwrite with the result.
    """

    def __init__(
        self,
        name: str,
        infer: Callable[..., Type],
        kernel: Callable[..., Array],
        gradient: Gradient | None = None,
        operands: Callable[[Sequence[Type]], tuple[DType, bool]] | None = None,
        flops: Callable[..., Size] = lambda out, *types, **attrs: 0,
        elementwise: bool = False,
        view: bool = False,
        inplace: tuple[int, ...] = (),
        uncoerced: tuple[int, ...] = (),  # operands that keep their dtype: the condition of `where`
        distinct: bool = False,  # every node stands for itself: two random draws are not one
        raises: bool = False,  # the kernel may raise for some values: an index of what is not there
    ) -> None:
        if not isinstance(name, str):
            raise ArgumentError(f"Op: a name is a str, but {shown(name)} was given")
        for what, function in (("infer", infer), ("kernel", kernel), ("gradient", gradient)):
            if not callable(function) and (function is not None or what != "gradient"):
                raise ArgumentError(f"Op {shown(name)}: {what} is a function, but {shown(function)} was given")
        if name in reserved or name in made:
            raise OptionError(f"Op: {shown(name)} is an operation of minitorch; choose another name")
        self.name, self.infer, self.kernel, self.gradient = name, infer, kernel, gradient
        self.operands, self.flops = operands, flops
        self.elementwise, self.view, self.inplace, self.uncoerced = elementwise, view, inplace, uncoerced
        self.distinct, self.raises = distinct, raises
        registry[name] = self

    def __call__(self, *inputs: Operand, **attrs: Any) -> Tensor:
        tensors: list[Tensor] = [value for value in inputs if isinstance(value, Tensor)]
        try:
            if len(tensors) < len(inputs):
                tensors = [to_tensor(value) for value in inputs]
            if self.operands is not None and tensors:
                tensors = self._coerce(tensors)
            type = self.infer(*[t.type for t in tensors], **attrs)
            if self.name not in reserved and (type.__class__ is not Type or type.dtype not in SHORT):
                raise DTypeError(f"infer must give a Type, of a dtype of minitorch, but gave {_shown_type(type)}")
        except MinitorchError as error:
            raise self._explain(error, tensors) from None
        except TypeError as error:
            raise self._explain(ArgumentError(f"takes other operands or attributes: {error}"), tensors) from error
        return Tensor(self, tuple(tensors), attrs, type)

    def _coerce(self, tensors: list[Tensor]) -> list[Tensor]:
        """Bring the operands to one dtype; bare numbers become constants of it."""
        assert self.operands is not None
        types = [t.type for t in tensors]
        kept = self.uncoerced
        first = types[0]
        same = not kept and not first.weak and all(t.dtype is first.dtype and not t.weak for t in types)
        if same and self.operands([first])[0] is first.dtype:  # the usual case: nothing to do
            return tensors
        brought = [t for i, t in enumerate(types) if i not in kept]
        if not brought:
            return tensors
        dtype, weak = self.operands(brought)
        return [t if i in kept else brought_to(t, dtype, weak) for i, t in enumerate(tensors)]

    def _explain(self, error: MinitorchError, tensors: Sequence[Tensor]) -> MinitorchError:
        """The same error with the operation, the operands and the user's lines."""
        operands = "".join(f"\n  {t.describe()}" for t in tensors if t.op.name != "constant")
        return type(error)(f"{self.name}: {error.message}{operands}\n  in {here()!r}")

    def __reduce__(self) -> tuple[Callable[[str], Op], tuple[str]]:
        return find_op, (self.name,)

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


def _shown_type(given: object) -> str:
    return f"one of {shown(given.dtype)}, which is no numpy.dtype of them" if isinstance(given, Type) else shown(given)


def find_op(name: str) -> Op:
    """The operation of that name, or an error that says it is unknown."""
    try:
        return registry[name]
    except KeyError:
        raise OptionError(f"find_op: there is no operation named {shown(name)}") from None


# ---- nodes ----


_COMPILE = "compile it and call the program, or use t.eval({...})"


def _teach(asked: str, how: str = _COMPILE) -> Callable[..., NoReturn]:
    def refuse(self: Tensor, *args: object, **kwargs: object) -> NoReturn:
        raise ArgumentError(f"{asked}: {self.describe()} has no value yet: {how}")

    return refuse


def _not_an_array(self: Tensor, function: Any, *args: object, **kwargs: object) -> NoReturn:
    name = getattr(function, "__name__", str(function))
    called = f"{getattr(function, '__module__', None) or 'numpy'}.{name}".replace("numpy", "np", 1)
    ours = name in registry or hasattr(functional, name)
    how = f"use mt.{name}, or {_COMPILE}" if ours else _COMPILE
    raise ArgumentError(f"{called}: arrays are expected, but {self.describe()} is a tensor: {how}")


_REFLECTED = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__",
    "floor_divide": "__rfloordiv__", "remainder": "__rmod__", "power": "__rpow__", "matmul": "__rmatmul__",
    "bitwise_and": "__rand__", "bitwise_or": "__ror__", "bitwise_xor": "__rxor__", "equal": "__eq__",
    "not_equal": "__ne__", "less": "__gt__", "less_equal": "__ge__", "greater": "__lt__", "greater_equal": "__le__",
}  # fmt: skip
"""What the operators of an array ask NumPy for, and the method that answers where its right side is a tensor."""


class _Draft:
    """A node in the making: what can be set until it becomes a `Tensor`."""

    __slots__ = (
        "__weakref__", "_grad", "_sweep", "attrs", "inputs", "name", "op", "origins", "role", "scope", "serial", "type",
    )  # fmt: skip

    op: Op
    inputs: tuple[Tensor, ...]
    attrs: Attrs
    type: Type
    name: str | None
    origins: tuple[Origin, ...]
    scope: str
    role: str
    serial: int
    _grad: Tensor | None


class Tensor(Operators, _Draft):
    """A node of the graph: what `op` makes of `inputs`. Immutable, and equal only to itself.

    Arithmetic, comparisons, indexing and methods (`Operators`) follow NumPy and make new nodes; nothing is computed.

    >>> import minitorch as mt
    >>> x = mt.placeholder("x", ("batch", 3))
    >>> h = mt.tanh(x * 2 + 1)
    >>> h.op.name, h.shape, str(h.type)
    ('tanh', (batch, 3), 'f32[batch, 3]')
    """

    __slots__ = ()
    __match_args__ = ("op", "inputs", "attrs")

    def __new__(
        cls, op: Op, inputs: tuple[Tensor, ...], attrs: Attrs, type: Type,
        name: str | None = None, role: str | None = None,
    ) -> Tensor:  # fmt: skip
        source = context.source
        new = _Draft()
        new.op = op
        new.inputs = inputs
        new.attrs = MappingProxyType(dict(attrs)) if attrs else _NO_ATTRS
        new.type = type
        new.name = name
        new.origins = (here(),) if source is None else source[0]
        new.scope = context.scope if source is None else source[1]
        new.role = role or context.role
        return _finished(new)

    def replace(self, **changes: Any) -> Tensor:
        """A new node like this one, but for the slots named. The type is taken as it stands."""
        new, get = _Draft(), changes.get
        new.op = get("op", self.op)
        new.inputs = get("inputs", self.inputs)
        new.attrs = get("attrs", self.attrs)
        new.type = get("type", self.type)
        new.name = get("name", self.name)
        new.origins = get("origins", self.origins)
        new.scope = get("scope", self.scope)
        new.role = get("role", self.role)
        return _finished(new)

    def with_inputs(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """`replace` of the inputs alone, which is most of what passes do."""
        new = _Draft()
        new.op = self.op
        new.inputs = inputs
        new.attrs = self.attrs
        new.type = self.type
        new.name = self.name
        new.origins = self.origins
        new.scope = self.scope
        new.role = self.role
        return _finished(new)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "data":
            object.__setattr__(self, name, value)
            return
        raise ImmutableError(f"setting {shown(name)}: {self.describe()} is immutable; make a new tensor instead")

    def __delattr__(self, name: str) -> None:
        raise ImmutableError(f"deleting {shown(name)}: {self.describe()} is immutable")

    # ---- what it is ----

    @property
    def shape(self) -> Shape:
        """The sizes, ints where known and `Dim`s where not."""
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def size(self) -> Size:
        """The number of elements."""
        return self.type.size

    @property
    def origin(self) -> Origin:
        """The place in the user's code that made this node: `filename`, `lineno`, `function`."""
        return self.origins[0]

    def describe(self) -> str:
        """One phrase for messages: `x f32[batch, 3] made at train.py:12`."""
        return f"{printable(self.name or self.op.name)} {self.type} made at {self.origin}"

    def __repr__(self) -> str:
        return f"<Tensor {self.describe()}>"

    # ---- values ----

    @property
    def data(self) -> Array:
        """The value of a parameter, a variable or a constant; for any other tensor its value in the latest trace.

        For a parameter or variable it is a live view: writing into it, or assigning to `.data`, changes what every
        program that shares the parameter sees. A trace fills it for as long as somebody keeps what `Program.trace`
        returned. Raises `ValueError` for a tensor that holds no value.
        """
        if isinstance(storage := self.attrs.get("storage"), Storage):
            return storage.array
        if self.op.name == "constant":
            value: Array = self.attrs["value"]
            return value
        if (values := traced.get(self.serial)) is not None:
            found: Array = values[self]
            return found
        raise OptionError(
            f".data: {self.describe()} holds no value, only parameters, variables and constants do: "
            "evaluate it with t.eval({placeholder: array, ...}), or keep what program.trace(*inputs) returns, "
            "which gives every tensor of the program its .data"
        )

    @data.setter
    def data(self, value: Any) -> None:
        storage = self.attrs.get("storage")
        if not isinstance(storage, Storage):
            what = f".data: {self.describe()} holds no value that could be set"
            raise ImmutableError(f"{what}; parameters and variables do")
        what = f".data: {self.describe()}"
        array = fitting(as_array(value, what), self.dtype, what)
        if array.shape != storage.array.shape:
            raise OptionError(f"{what} was given a value of shape {array.shape}; {self.shape} is expected")
        with storage.block.guard.lock:
            storage.array[...] = array

    @property
    def grad(self) -> Tensor:
        """The symbolic gradient that the latest `loss.backward()` found for this tensor.

        Raises `GradientError` where there was none.
        """
        if self._grad is None:
            raise GradientError(
                f".grad: {self.describe()} has no gradient: call loss.backward() first, on a loss that depends on it"
            )
        return self._grad

    def backward(self) -> None:
        """Give every tensor that this scalar depends on its `.grad`, a symbolic gradient. Nothing accumulates."""
        autodiff.backward(self)

    def eval(self, feeds: Mapping[Tensor, Operand] | None = None) -> Array:
        """Compile and run in one call, for a first look.

        >>> import minitorch as mt
        >>> x = mt.placeholder("x", (), dtype="float64")
        >>> float((x * x + 1).eval({x: 3.0}))
        10.0
        """
        value: Array = program.evaluate_once(self, {} if feeds is None else feeds)
        return value

    # ---- copies ----

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copied: Tensor = flat.deep_copy(self, memo)
        return copied

    def __reduce__(self) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
        reduced: tuple[Callable[..., Tensor], tuple[Any, ...]] = flat.reduce_tensor(self)
        return reduced

    # ---- what it is not ----

    __hash__ = object.__hash__
    __bool__ = _teach("bool", "it is neither true nor false. Use mt.where to choose, and `is` to compare tensors "
                      "(`in` on a list of tensors asks for ==: use any(t is u for u in tensors))")  # fmt: skip
    __float__, __complex__ = _teach("float"), _teach("complex")
    __int__ = __index__ = _teach("int")
    __iter__ = _teach("iteration", "it cannot be iterated over. Slice it, t[0], t[1], or iterate over what a program "
                      "computes for it")  # fmt: skip
    __len__ = _teach("len", "it has no length. Its sizes are in t.shape")
    __array__ = _teach("np.asarray", f"it is not an array. Instead {_COMPILE}")
    __array_function__ = _not_an_array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """`array + tensor` builds the graph, as `tensor + array` does; other functions of NumPy are refused."""
        reflected = _REFLECTED.get(ufunc.__name__)
        if reflected is None or method != "__call__" or options or isinstance(inputs[0], Tensor):
            _not_an_array(self, ufunc)
        return getattr(self, reflected)(inputs[0])

    def __setitem__(self, key: object, value: object) -> NoReturn:
        how = "make a new tensor, with where or concatenate"
        raise ArgumentError(
            f"t[...] = value: {self.describe()} is immutable: {how}; a parameter's .data can be written"
        )


def _finished(draft: Any) -> Tensor:
    """A draft as the node that it is from now on, which nobody can change."""
    draft.serial = next(_serial)
    draft._grad = None
    draft.__class__ = Tensor
    node: Tensor = draft
    return node


# ---- operands ----


def as_tensor(value: Operand, what: str = "an operation") -> Tensor:
    """`value` itself where it is a tensor, else a constant: weak for bare numbers and float arrays."""
    try:
        return to_tensor(value)
    except MinitorchError as error:
        raise type(error)(f"{what}: {error.message}\n  in {here()!r}") from None


def to_tensor(value: Operand) -> Tensor:
    """The same, with an error that leaves it to the caller to say where it happened."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Dim):
        return _size(value, np.dtype("int64"), weak=True)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        raise DTypeError(f"the number {value} does not fit into 64 bits")
    array = as_array(value, "an operand")
    weak = is_float(array.dtype) or (array.dtype.kind in "iu" and not isinstance(value, np.ndarray | list | tuple))
    return constant_of(array, weak)


def constant_of(array: Array, weak: bool = False) -> Tensor:
    """A constant node over a private copy of `array`."""
    wide = {"b": "bool", "i": "int64", "u": "int64", "f": "float64"}[array.dtype.kind]
    keeps = not weak and array.dtype.newbyteorder("=") in STORED
    target = array.dtype.newbyteorder("=") if keeps else np.dtype(wide)
    value = np.array(fitting(array, target, "a constant"), order="C")
    value.flags.writeable = False
    return Tensor(registry["constant"], (), {"value": value}, Type(value.shape, value.dtype, weak), role="constant")


def held(given: Any) -> Any:
    """The value that a parameter or variable holds; anything else as it is."""
    return given.data if isinstance(given, Tensor) and "storage" in given.attrs else given


STORED = {np.dtype(name) for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")}


def _size(size: Dim, dtype: DType, weak: bool) -> Tensor:
    """A size that is known when a program runs, as a number, which takes the dtype of what it meets."""
    if dtype.kind in "iu" and dtype.itemsize < 8:
        raise DTypeError(f"the size {size} may not fit into {dtype}; cast the tensor to int64 or a float first")
    return Tensor(registry["size_of"], (), {"size": size, "dtype": dtype}, Type((), dtype, weak))


def brought_to(t: Tensor, dtype: DType, weak: bool = False) -> Tensor:
    """`t` in another dtype: a constant or a size is made anew, anything else goes through `cast`."""
    if t.type.dtype == dtype and t.type.weak == weak:
        return t
    if t.op.name == "size_of":
        return _size(t.attrs["size"], dtype, weak)
    if t.op.name != "constant":
        return registry["cast"](t, dtype=dtype)
    value: Array = t.attrs["value"]
    with np.errstate(all="ignore"):
        converted = value.astype(dtype)
    if dtype.kind in "iu" and not (converted == value).all():
        raise DTypeError(f"the number {value[converted != value].flat[0]} does not fit into {dtype}")
    converted.flags.writeable = False
    type = Type(value.shape, dtype, weak)
    return Tensor(registry["constant"], (), {"value": converted}, type, role="constant")


def strong(t: Tensor) -> Tensor:
    """`t` with a dtype of its own: what is made of bare numbers alone becomes float32 (or stays int64, bool)."""
    if not t.type.weak:
        return t
    dtype, _ = common_dtype([t.type])
    return brought_to(t, np.dtype("float32") if is_float(dtype) else dtype)
