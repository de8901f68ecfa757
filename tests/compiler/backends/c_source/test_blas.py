"""NumPy's BLAS: the addresses are those of matrix products."""

import _ctypes
import ctypes

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from minitorch.compiler.backends.c_source import blas

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112


@pytest.fixture
def found(monkeypatch):
    monkeypatch.delenv("MINITORCH_BLAS", raising=False)
    if (found := blas.find()) is None:
        pytest.skip("NumPy's BLAS has no C interface here")
    return found


def product(found, a, b, transposed):
    """a @ b, or a @ b.T, through the address."""
    real, address = (ctypes.c_float, found.sgemm) if a.dtype == np.float32 else (ctypes.c_double, found.dgemm)
    size = ctypes.c_int64 if found.wide else ctypes.c_int
    pointer = ctypes.c_void_p
    arguments = [*[ctypes.c_int] * 3, *[size] * 3, real, pointer, size, pointer, size, real, pointer, size]
    gemm = ctypes.CFUNCTYPE(None, *arguments)(address)
    m, k, n = *a.shape, b.shape[0 if transposed else 1]
    c = np.full((m, n), np.nan, a.dtype)
    flag = TRANSPOSED if transposed else PLAIN
    gemm(ROW_MAJOR, PLAIN, flag, m, n, k, 1.0, a.ctypes.data, k, b.ctypes.data, b.shape[1], 0.0, c.ctypes.data, n)
    return c


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_are_those_of_numpy(found, dtype, transposed):
    r = np.random.default_rng(0)
    a, b = r.standard_normal((37, 53)).astype(dtype), r.standard_normal((53, 41)).astype(dtype)
    expected = a @ b
    got = product(found, a, np.ascontiguousarray(b.T) if transposed else b, transposed)
    np.testing.assert_allclose(got, expected, rtol=1e-4 if dtype == "float32" else 1e-11, atol=1e-5)


def test_it_tells_what_it_is(found):
    assert found.name
    assert found.path
    assert found.sgemm != found.dgemm
    assert blas.find() is found
    assert str(found.sgemm) in repr(found)


def test_threads_are_limited_for_a_while(found):
    before = found.threads()
    assert before >= 1
    with found.limit(1):
        assert found.threads() == 1
    assert found.threads() == before
    with pytest.raises(ZeroDivisionError), found.limit(1):
        1 / 0
    assert found.threads() == before


def test_it_can_be_hidden(found, monkeypatch):
    monkeypatch.setenv("MINITORCH_BLAS", "none")
    assert blas.find() is None
    monkeypatch.delenv("MINITORCH_BLAS")
    assert blas.find() is found


def test_numpys_extension_leads_to_the_same_functions(found):
    through = blas.described("blas", "", blas.extension.__file__, None)
    assert (through.sgemm, through.dgemm, through.wide) == (found.sgemm, found.dgemm, found.wide)
    assert through.threads() == 1
    with through.limit(2):
        assert through.threads() == 1


def test_a_library_without_products_is_none(tmp_path):
    (tmp_path / "lib.so").write_bytes(b"not a library")
    assert blas.described("x", "", str(tmp_path / "lib.so"), None) is None
    assert blas.described("x", "", _ctypes.__file__, None) is None


def test_threads_of_a_library_that_is_no_openblas_are_unknown():
    assert blas.openblas(ctypes.CDLL(_ctypes.__file__)) is None


def test_an_openblas_tells_its_threads_itself(found):
    if (own := blas.openblas(found.library)) is None:
        pytest.skip("NumPy's BLAS is no OpenBLAS here")
    info = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    with found.limit(1):
        assert own.num_threads == 1
    assert own.num_threads in [lib["num_threads"] for lib in info]
