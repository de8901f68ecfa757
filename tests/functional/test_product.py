"""Products against NumPy: matmul, dot, outer, tensordot and einsum over many shapes, known and unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch as mt

MATMUL = [
    (("n",), ("n",)), (("n", 3), (3,)), ((3,), (3, "n")), (("n", 3), (3, 2)), ((2, "n"), ("n", 3)),
    (("n", 3), (3, "m")), (("n", 2, 3), (3, 2)), ((2, 3), ("n", 3, 2)),
    (("n", 1, 2, 3), ("m", 3, 2)), (("n", 2, 3), ("n", 3, 1)), (("n", 2, 3), (3,)), ((3,), ("n", 3, 2)),
    ((1, 2, "n"), (3, "n", 2)), ((0, 3), (3, "n")), ((1, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", MATMUL)
def test_matmul(through, shapes):
    through(mt.matmul, np.matmul, *shapes)
    through(lambda a, b: a @ b, lambda a, b: a @ b, *shapes, sizes=(2,), gradient=False)


@pytest.mark.parametrize(
    "shapes",
    [
        *MATMUL[:6],
        ((), ("n", 2)),
        (("n",), ()),
        ((), ()),
        (("n", 3), ("m", 3, 2)),
        (("n", 2, 3), (3,)),
        ((2, "n", 3), (2, 3, "n")),
        (("n",), ("m", "n", 2)),
    ],
)
def test_dot(through, shapes):
    through(mt.dot, np.dot, *shapes)


@pytest.mark.parametrize(
    "shapes", [(("n",), ("m",)), (("n", 2), ("m",)), ((), ("n",)), (("n",), (2, 3)), ((), ()), ((0,), ("n",))]
)
def test_outer(through, shapes):
    through(mt.outer, np.outer, *shapes)


TENSORDOT = [
    (("n", 3), ("n", 3), 2), (("n", 2, 3), (2, 3, "m"), 2), (("n",), ("m",), 0), (("n", 3), (3, "m"), 1),
    (("n", 2, 3), (3, "n"), ([0, 2], [1, 0])), (("n", 2, 3), (3, "n"), ((-3, -1), (-1, 0))),
    (("n", 3), (3,), (1, 0)), (("n", 3), ("m", 3), ([-1], [-1])), ((2, "n"), ("n", 2), ([0, 1], [1, 0])),
    ((), ("n",), 0),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "axes"), TENSORDOT)
def test_tensordot(through, a, b, axes):
    through(lambda x, y: mt.tensordot(x, y, axes), lambda x, y: np.tensordot(x, y, axes), a, b)


EINSUM = [
    ("i->i", ("n",)), ("i->", ("n",)), ("ij->ji", ("n", 3)), ("ij->i", ("n", 3)), ("ij->j", ("n", 3)),
    ("ij->", ("n", 3)), ("ji", ("n", 3)), ("ii", (3, 3)), ("ii->i", (3, 3)), ("ii->i", ("n", "n")), ("ii", ("n", "n")),
    ("iji->j", ("n", 2, "n")), ("iii->i", (2, 2, 2)), ("iijj->ij", (2, 2, 3, 3)), ("abc->cab", ("n", 2, "m")),
    ("->", ()), ("i,i->", ("n",), ("n",)), ("i,i->i", ("n",), ("n",)), ("i,j->ij", ("n",), ("m",)),
    ("i,j->ji", ("n",), ("m",)),
    ("i,j->", ("n",), ("m",)), ("i,j->i", ("n",), ("m",)), (",i->i", (), ("n",)), (",->", (), ()),
    ("ij,jk->ik", ("n", 3), (3, "m")), ("ij,jk", ("n", 3), (3, "m")), ("ij,kj->ik", ("n", 3), ("m", 3)),
    ("ij,ij->ij", ("n", 3), ("n", 3)),
    ("ij,ij->i", ("n", 3), ("n", 3)), ("ij,ji->", ("n", 3), (3, "n")), ("ij,j->i", ("n", 3), (3,)),
    ("bij,bjk->bik", ("n", 2, 3), ("n", 3, 2)), ("bij,jk->bik", ("n", 2, 3), (3, 2)),
    ("bhqd,bhkd->bhqk", ("n", 2, 3, 2), ("n", 2, "m", 2)),
    ("ii,ij->j", (3, 3), (3, "n")), ("ij,jk,kl->il", ("n", 2), (2, 3), (3, "m")),
    ("i,i,i->i", ("n",), ("n",), ("n",)), ("i,ij,j->", ("n",), ("n", "m"), ("m",)),
    ("ab,cd->acbd", ("n", 2), (3, "m")), ("abc,c,b->a", ("n", 2, 3), (3,), (2,)),
    ("zA,Ab->bz", ("n", 2), (2, 3)), (" i j , j k -> i k ", ("n", 3), (3, 2)), ("ij,k->i", ("n", 3), (2,)),
    ("ijk,ilm,njm,nlk->", (2, 2, 3), (2, 2, 2), (1, 2, 2), (1, 2, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "shapes"), [(s, shapes) for s, *shapes in EINSUM])
def test_einsum(through, subscripts, shapes):
    through(lambda *xs: mt.einsum(subscripts, *xs), lambda *arrays: np.einsum(subscripts, *arrays), *shapes)


@given(st.lists(st.text("abcd", max_size=3), min_size=1, max_size=3), st.data())
def test_any_einsum(terms, data):
    letters = sorted(set("".join(terms)))
    result = "".join(data.draw(st.permutations(letters))[: data.draw(st.integers(0, len(letters)))])
    spec = ",".join(terms) + ("->" + result if data.draw(st.booleans()) else "")
    size = {c: data.draw(st.integers(0, 3)) for c in letters}
    arrays = [np.random.default_rng(i).standard_normal([size[c] for c in term]) for i, term in enumerate(terms)]
    xs = [
        mt.placeholder(
            f"x{i}",
            [c if data.draw(st.booleans()) else size[c] for c in term] if len(terms) == 1 else a.shape,
            "float64",
        )
        for i, (term, a) in enumerate(zip(terms, arrays))
    ]
    want = np.einsum(spec, *arrays)
    got = mt.compile(xs, mt.einsum(spec, *xs))(*arrays)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "int64", "int32"])
def test_products_keep_the_dtype(dtype):
    a, b = np.array([[1, 2, 3], [4, 5, 6]], dtype), np.array([[1, 0], [2, 1], [0, 3]], dtype)
    x, y = mt.placeholder("x", a.shape, dtype), mt.placeholder("y", b.shape, dtype)
    pairs = [
        (mt.matmul(x, y), a @ b),
        (mt.dot(x, y), a.dot(b)),
        (mt.outer(x, y), np.outer(a, b)),
        (mt.tensordot(x, y, 1), np.tensordot(a, b, 1)),
        (mt.einsum("ij,jk->ik", x, y), np.einsum("ij,jk->ik", a, b)),
    ]
    for got, (_, want) in zip(mt.compile([x, y], [t for t, _ in pairs])(a, b), pairs, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


# ---- sizes that differ are refused, also where their products agree ----

A, B, LINE, SCALAR = (
    mt.placeholder(name, shape, "float64")
    for name, shape in (("a", (2, 3)), ("b", (3, 2)), ("line", (4,)), ("scalar", ()))
)
U, V = mt.placeholder("u", (None, None), "float64"), mt.placeholder("v", (None, None), "float64")

ERRORS = {
    "matmul": (lambda: mt.matmul(A, A), "matmul", "(2, 3)", "inner sizes 3 and 2"),
    "matmul scalar": (lambda: A @ SCALAR, "matmul", "scalar"),
    "matmul vector": (lambda: A @ LINE, "matmul", "3 and 4"),
    "matmul vector first": (lambda: LINE @ A, "matmul", "4 and 2"),
    "matmul batches": (lambda: mt.placeholder("p", (2, 2, 3)) @ mt.placeholder("q", (3, 3, 2)), "matmul", "2 and 3"),
    "dot": (lambda: mt.dot(A, LINE), "dot", "3", "4"), "dot matrices": (lambda: mt.dot(A, A), "dot", "3", "2"),
    "tensordot": (lambda: mt.tensordot(A, B), "tensordot", "f64[2, 3]", "f64[3, 2]"),
    "tensordot counts": (lambda: mt.tensordot(A, A, ([0], [0, 1])), "tensordot", "[0]", "[0, 1]"),
    "tensordot axes": (lambda: mt.tensordot(A, A, ([5], [0])), "tensordot", "axis 5"),
    "tensordot too many": (lambda: mt.tensordot(A, A, 3), "tensordot"),
    "tensordot axis twice": (lambda: mt.tensordot(A, A, ([0, 0], [0, 0])), "tensordot"),
    "einsum sizes": (lambda: mt.einsum("ij,jk->ik", A, A), "einsum", "'j'", "3", "2"),
    "einsum sizes, one product": (lambda: mt.einsum("ij,ij->", A, B), "einsum", "'i'", "2", "3"),
    "einsum batch sizes": (lambda: mt.einsum("ij,ij->ij", A, B), "einsum", "'i'"),
    "einsum sizes later": (lambda: mt.einsum("ij,jk,i->k", A, B, LINE), "einsum", "'i'"),
    "einsum diagonal": (lambda: mt.einsum("ii->i", A), "einsum", "'i'"),
    "einsum rank": (lambda: mt.einsum("ijk->i", A), "einsum", "ijk"),
    "einsum count": (lambda: mt.einsum("ij,jk->ik", A), "einsum", "ij,jk->ik"),
    "einsum letters": (lambda: mt.einsum("i1->i", A), "einsum", "i1->i"),
    "einsum result": (lambda: mt.einsum("ij->k", A), "einsum", "'k'"),
    "einsum result twice": (lambda: mt.einsum("ij->ii", A), "einsum", "'ii'"),
    "einsum arrows": (lambda: mt.einsum("ij->i->j", A), "einsum"),
    "einsum no operands": (lambda: mt.einsum("->"), "einsum"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_name_the_function_what_was_met_and_the_line(refused, name):
    call, function, *words = ERRORS[name]
    refused(call, function, *words)


@pytest.mark.parametrize(
    ("make", "reference"),
    [
        (mt.tensordot, np.tensordot),
        (lambda u, v: mt.einsum("ij,ij->", u, v), lambda a, b: np.einsum("ij,ij->", a, b)),
        (lambda u, v: mt.einsum("ij,ij->ij", u, v), lambda a, b: a * b),
        (lambda u, v: mt.tensordot(u, v, ([0, 1], [1, 0])), lambda a, b: np.tensordot(a, b, ([0, 1], [1, 0]))),
        (lambda u, v: mt.einsum("ij,ji->", u, v), lambda a, b: np.einsum("ij,ji->", a, b)), (mt.matmul, np.matmul),
        (lambda u, v: mt.einsum("bi,bi->b", u, v), lambda a, b: (a * b).sum(1)),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "shapes",
    [((2, 3), (3, 2)), ((2, 3), (2, 3)), ((2, 2), (2, 2)), ((6, 1), (2, 3)), ((3, 3), (9, 1)), ((0, 0), (0, 0))],
)
def test_unnamed_sizes_that_differ_are_refused_when_a_program_runs(make, reference, shapes):
    program = mt.compile([U, V], make(U, V))
    a, b = (np.arange(1.0, 1 + np.prod(s)).reshape(s) for s in shapes)
    try:
        if a.shape[1] == 1 or b.shape[1] == 1:  # NumPy would stretch a size of 1; only a literal 1 does here
            raise ValueError
        want = reference(a, b)
    except ValueError:
        with pytest.raises(ValueError, match="must be equal"):
            program(a, b)
    else:
        np.testing.assert_allclose(program(a, b), want)


def test_a_diagonal_of_unnamed_sizes_that_differ_is_refused_when_a_program_runs():
    program = mt.compile([U], mt.einsum("ii->i", U))
    np.testing.assert_array_equal(program([[1.0, 2.0], [3.0, 4.0]]), [1, 4])
    with pytest.raises(ValueError, match="must be equal"):
        program(np.ones((2, 3)))
