"""Products: everything that contracts axes, by rewriting to `matmul`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minitorch import ops
from minitorch.errors import ArgumentError, ShapeError
from minitorch.functional.arguments import axis_of, fail, speaking_as
from minitorch.functional.indexing import diagonal
from minitorch.graph.dim import Size, equal
from minitorch.graph.tensor import Operand, Tensor, as_tensor
from minitorch.graph.text import counted, shown
from minitorch.graph.types import Type, show_shape

__all__ = ["dot", "einsum", "matmul", "outer", "tensordot"]


def matmul(a: Operand, b: Operand) -> Tensor:
    """`a @ b` as in NumPy: matrices, vectors on either side, batches of matrices that broadcast.

    Raises `ShapeError` where the inner sizes differ or an operand is a scalar.

    >>> import minitorch as mt
    >>> x, w = mt.placeholder("x", ("batch", 3)), mt.parameter([1.0, 2.0, 3.0])
    >>> str((x @ w).type)
    'f32[batch]'
    """
    a, b = as_tensor(a, "matmul"), as_tensor(b, "matmul")
    if not a.ndim or not b.ndim:
        raise fail(ShapeError, "matmul", "a scalar has no axis to multiply along; use *", a, b)
    if a.ndim > 1 and b.ndim > 1:
        return ops.matmul(a, b)
    inner = a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[-1]
    if equal(*inner) is False:
        shapes = f"{show_shape(a.shape)} and {show_shape(b.shape)}"
        differ = f"{shapes} do not chain: the inner sizes {inner[0]} and {inner[1]} differ"
        raise fail(ShapeError, "matmul", differ, a, b)
    left = a if a.ndim > 1 else ops.reshape(a, shape=(1, *a.shape))
    right = b if b.ndim > 1 else ops.reshape(b, shape=(*b.shape, 1))
    product = ops.matmul(left, right)
    rows = product.shape[:-2] + (product.shape[-2],) * (a.ndim > 1)
    return ops.reshape(product, shape=rows + (product.shape[-1],) * (b.ndim > 1))


def dot(a: Operand, b: Operand) -> Tensor:
    """NumPy's dot: a product with a scalar, else the sum over the last axis of `a` and the last but one of `b`."""
    a, b = as_tensor(a, "dot"), as_tensor(b, "dot")
    if not a.ndim or not b.ndim:
        return ops.multiply(a, b)
    with speaking_as("dot"):
        if b.ndim == 1 or (a.ndim <= 2 and b.ndim == 2):
            return matmul(a, b)
        return tensordot(a, b, ([a.ndim - 1], [b.ndim - 2]))


def outer(a: Operand, b: Operand) -> Tensor:
    """Every element of `a` times every element of `b`, both flattened: a matrix."""
    a, b = as_tensor(a, "outer"), as_tensor(b, "outer")
    return ops.multiply(ops.reshape(a, shape=(a.size, 1)), ops.reshape(b, shape=(1, b.size)))


def tensordot(a: Operand, b: Operand, axes: Any = 2) -> Tensor:
    """The sum over pairs of axes: the last of `a` with the first of `b`, that many, or those in two lists."""
    a, b = as_tensor(a, "tensordot"), as_tensor(b, "tensordot")
    left, right = _paired_axes(a, b, axes)
    if len(set(left)) < len(left) or len(set(right)) < len(right):
        raise fail(ShapeError, "tensordot", f"the axes {left} and {right} name one axis twice", a, b)
    if len(left) != len(right) or any(equal(a.shape[i], b.shape[k]) is False for i, k in zip(left, right, strict=True)):
        raise fail(ShapeError, "tensordot", f"the axes {left} and {right} do not pair sizes that are equal", a, b)
    paired = dict(zip(right, left, strict=True))
    b = _of_shape(b, tuple(a.shape[paired[k]] if k in paired else size for k, size in enumerate(b.shape)))
    kept_a, kept_b = ([i for i in range(t.ndim) if i not in used] for t, used in ((a, left), (b, right)))
    rows, columns = _shape(a, kept_a), _shape(b, kept_b)
    matrix_a = _matrix(ops.transpose(a, axes=(*kept_a, *left)), rows, _shape(a, left))
    matrix_b = _matrix(ops.transpose(b, axes=(*right, *kept_b)), _shape(b, right), columns)
    return ops.reshape(ops.matmul(matrix_a, matrix_b), shape=(*rows, *columns))


def _paired_axes(a: Tensor, b: Tensor, axes: Any) -> tuple[list[int], list[int]]:
    """The axes that are summed over, counted from the left: of `a`, and of `b`."""
    if isinstance(axes, int | np.integer) and not isinstance(axes, bool):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            has = " and ".join(f"{t.type} has {counted(t.ndim, 'axis', 'axes')}" for t in (a, b))
            summed = f"{counted(int(axes), 'axis', 'axes')} of each cannot be summed over: {has}"
            raise fail(ShapeError, "tensordot", summed, a, b)
        return list(range(a.ndim - int(axes), a.ndim)), list(range(int(axes)))
    if not (isinstance(axes, list | tuple) and len(axes) == 2):
        what = f"axes are an int of 0 or more, or two lists of axes, but {shown(axes)} was given"
        raise fail(ArgumentError, "tensordot", what, a, b)
    left, right = (list(i) if isinstance(i, list | tuple) else [i] for i in axes)
    return [axis_of(a, i, "tensordot") for i in left], [axis_of(b, i, "tensordot") for i in right]


def _shape(t: Tensor, axes: Sequence[int]) -> tuple[Size, ...]:
    return tuple(t.shape[i] for i in axes)


def _matrix(t: Tensor, rows: tuple[Size, ...], columns: tuple[Size, ...]) -> Tensor:
    return ops.reshape(t, shape=(Type(rows, t.dtype).size, Type(columns, t.dtype).size))


# ---- einsum: operands are contracted two at a time, each time as one batched matmul ----


def einsum(subscripts: str, *operands: Operand) -> Tensor:
    """Einstein's summation, as in NumPy: `einsum("bi,ij->bj", x, w)`. Letters that the result lacks are summed over.

    Letters may repeat within an operand (its diagonal is taken); `...` is not there. Raises `ShapeError` for
    subscripts that do not fit the operands.

    >>> import minitorch as mt
    >>> x, w = mt.placeholder("x", ("batch", 3)), mt.parameter([[1.0], [2.0], [3.0]])
    >>> str(einsum("bi,ij->bj", x, w).type)
    'f32[batch, 1]'
    """
    if not isinstance(subscripts, str):
        raise fail(ArgumentError, "einsum", f"a str such as 'bi,ij->bj' is expected, but {shown(subscripts)} was given")
    tensors = [as_tensor(t, "einsum") for t in operands]
    terms, result = _subscripts(subscripts, tensors)
    tensors = _one_size_a_letter(tensors, terms)
    pairs = [_without_repeats(t, term) for t, term in zip(tensors, terms, strict=True)]
    t, term = pairs[0]
    for k, (other, letters) in enumerate(pairs[1:], 2):
        later = set(result).union(*(set(more) for _, more in pairs[k:]))
        t, term = _contract(t, term, other, letters, later)
    t, term = _sum_out(t, term, set(result))
    return ops.transpose(t, axes=tuple(term.index(c) for c in result))


def _subscripts(subscripts: str, tensors: Sequence[Tensor]) -> tuple[list[str], str]:
    """The letters of each operand and of the result; where that is not given, those that come once, sorted."""
    text = subscripts.replace(" ", "")
    left, arrow, result = text.partition("->")
    terms = left.split(",")
    letters = "".join(terms)
    written = shown(subscripts)
    if not all(c.isalpha() for c in letters + result):
        raise fail(ShapeError, "einsum", f"{written} holds more than letters, commas and one ->", *tensors)
    if len(terms) != len(tensors):
        were = "was" if len(tensors) == 1 else "were"
        named = f"{written} names {counted(len(terms), 'operand')}, but {len(tensors)} {were} given"
        raise fail(ShapeError, "einsum", named, *tensors)
    for term, t in zip(terms, tensors, strict=True):
        if len(term) != t.ndim:
            named = f"{written} has {shown(term)} for {t.type}, which has {counted(t.ndim, 'axis', 'axes')}"
            raise fail(ShapeError, "einsum", named, *tensors)
    if not arrow:
        result = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if len(set(result)) < len(result) or not set(result) <= set(letters):
        wrong = next(c for c in result if c not in letters or result.count(c) > 1)
        why = "comes twice" if wrong in letters else "is of no operand"
        raise fail(ShapeError, "einsum", f"{written} asks for the result {result!r}, where {wrong!r} {why}", *tensors)
    return terms, result


def _one_size_a_letter(tensors: Sequence[Tensor], terms: Sequence[str]) -> list[Tensor]:
    """The operands with one size for each letter; where only a run can tell, it is checked then."""
    sizes: dict[str, Size] = {}
    for t, term in zip(tensors, terms, strict=True):
        for c, size in zip(term, t.shape, strict=True):
            if equal(sizes.setdefault(c, size), size) is False:
                what = f"the letter {c!r} stands for two sizes that differ, {sizes[c]} and {size}"
                raise fail(ShapeError, "einsum", what, *tensors)
    return [_of_shape(t, tuple(sizes[c] for c in term)) for t, term in zip(tensors, terms, strict=True)]


def _of_shape(t: Tensor, shape: tuple[Size, ...]) -> Tensor:
    """`t` in a shape that it must have when the program runs: the row checks it."""
    same = all(equal(a, b) for a, b in zip(t.shape, shape, strict=True))
    return t if same else ops.broadcast_to(t, shape=shape)


def _without_repeats(t: Tensor, term: str) -> tuple[Tensor, str]:
    """An operand whose letters come once: diagonals where they came twice."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            first, second = term.index(c), term.rindex(c)
            if equal(t.shape[first], t.shape[second]) is False:
                raise fail(ShapeError, "einsum", f"the letter {c!r} stands for two different sizes", t)
            t = diagonal(t, 0, first, second)
            term = "".join(x for i, x in enumerate(term) if i not in (first, second)) + c
    return t, term


def _contract(a: Tensor, left: str, b: Tensor, right: str, later: set[str]) -> tuple[Tensor, str]:
    """Two operands as one: what both have and nobody needs later is summed over by a matmul."""
    a, left = _sum_out(a, left, later | set(right))
    b, right = _sum_out(b, right, later | set(left))
    batch = [c for c in left if c in right and c in later]
    inner = [c for c in left if c in right and c not in later]
    rows, columns = [c for c in left if c not in right], [c for c in right if c not in left]
    sizes = {c: a.shape[left.index(c)] for c in left} | {c: b.shape[right.index(c)] for c in columns}
    outer_shape = [tuple(sizes[c] for c in group) for group in (batch, rows, columns)]
    matrix_a = _grouped(a, left, (batch, rows, inner))
    matrix_b = _grouped(b, right, (batch, inner, columns))
    product = ops.matmul(matrix_a, matrix_b)
    return ops.reshape(product, shape=sum(outer_shape, ())), "".join([*batch, *rows, *columns])


def _grouped(t: Tensor, term: str, groups: Sequence[Sequence[str]]) -> Tensor:
    """Axes in the order of groups, each group made one axis."""
    ordered = ops.transpose(t, axes=tuple(term.index(c) for group in groups for c in group))
    shape = [Type(tuple(t.shape[term.index(c)] for c in group), t.dtype).size for group in groups]
    return ops.reshape(ordered, shape=tuple(shape))


def _sum_out(t: Tensor, term: str, needed: set[str]) -> tuple[Tensor, str]:
    axes = tuple(i for i, c in enumerate(term) if c not in needed)
    summed = ops.sum(t, axis=axes, keepdims=False) if axes else t
    return summed, "".join(c for c in term if c in needed)
