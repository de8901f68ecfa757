"""Sizes: known ones are plain ints, unknown ones are `Dim`, polynomials in canonical form.

Two sizes are the same when their canonical forms are. An unknown size is a `Symbol`: symbols of one
name are equal, symbols of different names never are, and an unnamed symbol is equal only to itself
until a run shows otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from math import prod
from operator import index
from typing import Any, Union

from minitorch.errors import ArgumentError
from minitorch.graph.text import printable, shown

_serial = count()


class Symbol:
    """One unknown size: `Symbol("batch")`, or an unnamed one, told by the placeholder and axis it stands in."""

    __slots__ = ("axis", "key", "name", "owner")

    def __init__(self, name: str | None, owner: str = "", axis: int = 0) -> None:
        self.name, self.owner, self.axis = name, owner, axis
        self.key = f"0{name}" if name is not None else f"1{owner}[{axis}]{next(_serial):012}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbol) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __deepcopy__(self, memo: object) -> Symbol:
        return self  # a copy of an unnamed size would be another size

    def __reduce__(self) -> tuple[type[Symbol], tuple[str | None, str, int]]:
        return Symbol, (self.name, self.owner, self.axis)

    def __str__(self) -> str:
        return printable(self.name) if self.name is not None else "?"

    __repr__ = __str__


class Call:
    """A function of sizes that no polynomial expresses: `max(a, b)`, `min(a, b)`, `a // b`."""

    __slots__ = ("a", "b", "function", "key")

    def __init__(self, function: str, a: Size, b: Size) -> None:
        self.function, self.a, self.b = function, a, b
        self.key = f"2{function}({_key(a)},{_key(b)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Call) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __reduce__(self) -> tuple[type[Call], tuple[str, Size, Size]]:
        return Call, (self.function, self.a, self.b)

    def __str__(self) -> str:
        if self.function == "//":
            return f"({_atomic(self.a)}//{_atomic(self.b)})"
        return f"{self.function}({self.a}, {self.b})"


def _atomic(size: Size) -> str:
    """A size as an operand of `//`."""
    return str(size) if isinstance(size, int) or as_symbol(size) is not None else f"({size})"


Atom = Symbol | Call
Monomial = tuple[Atom, ...]
Size = Union[int, "Dim"]
Shape = tuple[Size, ...]


class Dim:
    """An unknown size: a polynomial over symbols, with a constructor that keeps it canonical.

    Sums, differences, products and `//` of sizes are sizes. With a tensor they make a node, as a number does.

    >>> n, m = Dim.named("n"), Dim.named("m")
    >>> print(n + m + n - 1, (n + 1) * 2 == 2 * n + 2, n - n)
    m + 2*n - 1 True 0
    """

    __slots__ = ("key", "terms")

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]) -> None:
        if terms.__class__ is not tuple:
            how = "it is what x.shape holds, or Dim.named('batch')"
            raise ArgumentError(f"Dim: a size is not made of {shown(terms)}; {how}")
        self.terms = terms
        self.key = "+".join(f"{c}[{''.join([f'{len(a.key)}:{a.key}' for a in monomial])}]" for monomial, c in terms)

    @staticmethod
    def named(name: str) -> Dim:
        if not isinstance(name, str):
            raise ArgumentError(f"Dim.named: a name is a str, but {shown(name)} was given")
        return Dim((((Symbol(name),), 1),))

    @staticmethod
    def unnamed(owner: str, axis: int) -> Dim:
        return Dim((((Symbol(None, owner, axis),), 1),))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return self.key == other.key if isinstance(other, Dim) else NotImplemented  # a tensor makes a node of it

    def __hash__(self) -> int:
        return hash(self.key)

    def __add__(self, other: Size) -> Size:
        if _is_tensor(other):
            return NotImplemented  # which makes a node of it
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Size) -> Size:
        if isinstance(other, int):  # the usual case, in which the order of the terms stays
            return self if other == 1 else Dim(tuple([(m, c * other) for m, c in self.terms])) if other else 0
        if _is_tensor(other):
            return NotImplemented
        pairs = [(p, q) for p in self.terms for q in _terms(other)]
        return _collect([(p[0] + q[0], p[1] * q[1]) for p, q in pairs])

    def __sub__(self, other: Size) -> Size:
        if _is_tensor(other):
            return NotImplemented
        return _collect([*self.terms, *((m, -c) for m, c in _terms(other))])

    def __rsub__(self, other: Size) -> Size:
        return -1 * self + other

    def __neg__(self) -> Size:
        return -1 * self

    def __floordiv__(self, other: Size) -> Size:
        if _is_tensor(other):
            return NotImplemented
        exact = divide(self, other)
        return exact if exact is not None else _call("//", self, other)

    def __rfloordiv__(self, other: int) -> Size:
        return 0 if other == 0 else _call("//", other, self)

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: object) -> Any:
        if _is_tensor(other):
            return NotImplemented
        met = f"{self} is a whole number that no one knows until a program runs"
        how = "a size can be divided by //, and is an operand of a tensor as it is: x.sum() / x.shape[0]"
        raise ArgumentError(f"arithmetic of sizes: {met}: {how}")

    __rtruediv__ = __pow__ = __rpow__ = __mod__ = __rmod__ = __truediv__

    def __bool__(self) -> bool:
        raise ArgumentError(f"bool: the size {self} is neither true nor false, and not known until a program runs")

    def __index__(self) -> int:
        raise ArgumentError(f"int: the size {self} is not known until a program is called, and cannot serve as an int")

    __int__ = __index__

    def __float__(self) -> float:
        raise ArgumentError(f"float: the size {self} is not known until a program is called")

    def _compared(self, other: object) -> bool:
        raise ArgumentError(f"comparison: the size {self} is not known until a program is called")

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def __reduce__(self) -> tuple[Callable[..., Size], tuple[object, ...]]:
        return _collect, (list(self.terms),)

    def __str__(self) -> str:
        ordered = sorted(self.terms, key=lambda term: not term[0])  # the constant comes last
        text = " + ".join(_term_text(monomial, c) for monomial, c in ordered).replace("+ -", "- ")
        match self.terms:
            case (((Call(function="//"),), 1),):
                return text[1:-1]  # a quotient alone needs no parentheses
        return text

    __repr__ = __str__


def _term_text(monomial: Monomial, coefficient: int) -> str:
    factors = [str(atom) for atom in monomial]
    if not factors:
        return str(coefficient)
    sign = "-" if coefficient < 0 else ""
    return sign + "*".join([str(abs(coefficient))] * (abs(coefficient) != 1) + factors)


def _key(size: Size) -> str:
    return size.key if isinstance(size, Dim) else str(size)


def _rank(size: Size) -> tuple[bool, str]:
    return isinstance(size, Dim), _key(size)  # numbers first: max(0, n - 1)


def _is_tensor(value: object) -> bool:
    """Whether it is a tensor, a class that stands further down."""
    return value.__class__ is not int and value.__class__ is not Dim and hasattr(value, "op")


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(size, Dim):
        return size.terms
    try:
        return (((), index(size)),)
    except Exception:
        met = f"sizes are made of ints and sizes, but {shown(size)} was given"
        raise ArgumentError(f"arithmetic of sizes: {met}") from None


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Size:
    """The canonical sum: factors and terms in the order of their keys, no zero terms, an int where it is one."""
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        monomial = tuple(sorted(monomial, key=lambda atom: atom.key))
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = [(m, c) for m, c in total.items() if c]
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    return Dim(tuple(sorted(kept, key=lambda term: [atom.key for atom in term[0]])))


def _call(function: str, a: Size, b: Size) -> Size:
    return Dim((((Call(function, a, b),), 1),))


# ---- functions of sizes ----


def lower_bound(size: Size) -> int | None:
    """The least value that `size` can have, where that is plain: sizes are never negative."""
    if isinstance(size, int):
        return size
    total = 0
    for monomial, coefficient in size.terms:
        if coefficient < 0:
            return None
        bounds = [bound for atom in monomial if (bound := _atom_bound(atom)) is not None]
        if len(bounds) < len(monomial) or (len(bounds) > 1 and min(bounds) < 0):
            return None
        total += coefficient * prod(bounds)
    return total


def _atom_bound(atom: Atom) -> int | None:
    if isinstance(atom, Symbol):
        return 0
    a, b = lower_bound(atom.a), lower_bound(atom.b)
    known = [bound for bound in (a, b) if bound is not None]
    if atom.function == "max":
        return max(known) if known else None
    if len(known) < 2:
        return None
    if atom.function == "min":
        return min(known)
    return known[0] // atom.b if isinstance(atom.b, int) and atom.b > 0 else None


def at_least(a: Size, b: Size) -> bool:
    """Whether `a >= b` whatever the unknown sizes are."""
    if a == b:
        return True
    bound = lower_bound(a - b)
    return bound is not None and bound >= 0


def maximum(a: Size, b: Size) -> Size:
    """max(a, b), simplified where the order is plain."""
    if at_least(a, b):
        return a
    return b if at_least(b, a) else _call("max", *sorted((a, b), key=_rank))


def minimum(a: Size, b: Size) -> Size:
    """min(a, b), simplified where the order is plain."""
    if at_least(a, b):
        return b
    return a if at_least(b, a) else _call("min", *sorted((a, b), key=_rank))


def divide(a: Size, b: Size) -> Size | None:
    """`a / b` where it is exact whatever the unknown sizes are, else None. `b` must have one term."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b and a % b == 0 else None
    (monomial, coefficient), *more = _terms(b)
    if more or not coefficient:
        return None
    terms = [(_without(m, monomial), c) for m, c in _terms(a)]
    if any(m is None or c % coefficient for m, c in terms):
        return None
    return _collect([(m, c // coefficient) for m, c in terms if m is not None])


def _without(monomial: Monomial, factors: Monomial) -> Monomial | None:
    rest = list(monomial)
    for factor in factors:
        if factor not in rest:
            return None
        rest.remove(factor)
    return tuple(rest)


def equal(a: Size, b: Size) -> bool | None:
    """Whether two sizes are equal: True or False where that is decided, None where only a run can tell."""
    if a is b or a == b:
        return True
    difference = a - b
    if isinstance(difference, int):
        return False
    if _name(a) is not None and _name(b) is not None:
        return False  # different names never unify
    for size in (difference, -difference):
        bound = lower_bound(size)
        if bound is not None and bound > 0:
            return False
    return None


def _name(size: Size) -> str | None:
    match size:
        case Dim(terms=(((Symbol(name=name),), 1),)):
            return name
    return None


def symbols(size: Size) -> Iterator[Symbol]:
    """The unknown sizes that `size` is made of."""
    for monomial, _ in _terms(size):
        for atom in monomial:
            if isinstance(atom, Symbol):
                yield atom
            else:
                yield from symbols(atom.a)
                yield from symbols(atom.b)


def symbols_in(value: object) -> Iterator[Symbol]:
    """The unknown sizes in a size, in a shape, or anywhere in an attribute."""
    if isinstance(value, Dim):
        yield from symbols(value)
    elif isinstance(value, tuple):
        for part in value:
            if not isinstance(part, int):
                yield from symbols_in(part)


def as_symbol(size: Size) -> Symbol | None:
    """The symbol that `size` is, where it is nothing more."""
    match size:
        case Dim(terms=(((Symbol() as symbol,), 1),)):
            return symbol
    return None


def evaluate(size: Size, sizes: Mapping[Symbol, int]) -> int:
    """The value of `size` where every symbol has the value that `sizes` gives it."""
    if isinstance(size, int):
        return size
    return sum(c * prod(_evaluate_atom(atom, sizes) for atom in m) for m, c in size.terms)


def _evaluate_atom(atom: Atom, sizes: Mapping[Symbol, int]) -> int:
    if isinstance(atom, Symbol):
        return sizes[atom]
    a, b = evaluate(atom.a, sizes), evaluate(atom.b, sizes)
    if atom.function == "//":
        return a // b if b else 0
    return max(a, b) if atom.function == "max" else min(a, b)
