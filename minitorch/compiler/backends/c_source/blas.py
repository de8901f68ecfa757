"""The BLAS that NumPy has loaded: the addresses of its matrix products, for C to call."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from minitorch.lazy import lazy

threadpoolctl = lazy("threadpoolctl")
extension = lazy("numpy._core._multiarray_umath")

NAMES = (
    ("scipy_cblas_{}gemm64_", True),
    ("cblas_{}gemm64_", True),
    ("scipy_cblas_{}gemm", False),
    ("cblas_{}gemm", False),
)
"""What `cblas_sgemm` is called, the names of wheels first, and whether its sizes are 64-bit integers."""

THREADS = (
    "scipy_openblas_{}_num_threads64_",
    "openblas_{}_num_threads64_",
    "scipy_openblas_{}_num_threads",
    "openblas_{}_num_threads",
)
"""What OpenBLAS calls the functions that get and set how many threads it uses."""

CONFIGURATIONS = ("openblas_get_config", "scipy_openblas_get_config")


class OpenBlas:
    """How many threads an OpenBLAS uses, by functions of its own."""

    def __init__(self, get: Callable[[], int], change: Callable[[int], None]) -> None:
        self.get, self.set_num_threads = get, change

    @property
    def num_threads(self) -> int:
        return self.get()


class Blas(NamedTuple):
    """A BLAS: `sgemm` and `dgemm` are the addresses of C functions with the arguments of `cblas_sgemm`."""

    name: str
    version: str
    path: str
    sgemm: int
    dgemm: int
    wide: bool
    """Whether sizes are 64-bit integers; 32-bit ones otherwise. Order and transposes are always C's int."""
    library: Any = None
    controller: Any = None

    def threads(self) -> int:
        """Threads that it uses now; 1 where it does not tell."""
        return int((self.controller and self.controller.num_threads) or 1)

    @contextmanager
    def limit(self, threads: int) -> Iterator[None]:
        """Let it use so many threads for a while."""
        before = self.threads()
        if self.controller:
            self.controller.set_num_threads(threads)
        try:
            yield
        finally:
            if self.controller:
                self.controller.set_num_threads(before)


def find() -> Blas | None:
    """NumPy's BLAS; None where it has none with a C interface, or `MINITORCH_BLAS` is "none"."""
    return None if os.environ.get("MINITORCH_BLAS", "").strip().lower() == "none" else loaded()


@cache
def loaded() -> Blas | None:
    # Through NumPy's own extension: the loader looks symbols up in all libraries that it is linked to.
    linked = described("blas", "", str(extension.__file__), None)
    if linked is not None and (own := openblas(linked.library)) is not None:
        return linked._replace(name="openblas", controller=own)
    controllers = [c for c in threadpoolctl.ThreadpoolController().lib_controllers if c.user_api == "blas"]
    root = os.path.dirname(str(np.__file__))  # numpy.libs lies beside it
    for controller in sorted(controllers, key=lambda c: not str(c.filepath).startswith(root)):
        found = described(controller.internal_api, controller.version or "", str(controller.filepath), controller)
        if found is not None:
            return found
    return linked  # threadpoolctl knows neither Accelerate nor the reference BLAS


def openblas(library: ctypes.CDLL) -> OpenBlas | None:
    """What sets the threads of a library, or of one that it is linked to; None where that is no OpenBLAS."""
    for pattern in THREADS:
        get, change = (getattr(library, pattern.format(what), None) for what in ("get", "set"))
        if get is not None and change is not None:
            return OpenBlas(get, change)
    return None


def described(name: str, version: str, path: str, controller: Any) -> Blas | None:
    """A library as a BLAS; None where it lacks the products."""
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return None
    for pattern, wide in NAMES:
        single, double = (address(library, pattern.format(letter)) for letter in "sd")
        if single and double:
            wide = wide or has_wide_integers(library)
            return Blas(name, version, path, single, double, wide, library, controller)
    return None


def address(library: ctypes.CDLL, symbol: str) -> int:
    """Where a function is; 0 where there is none."""
    try:
        return ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value or 0
    except AttributeError:
        return 0


def has_wide_integers(library: ctypes.CDLL) -> bool:
    """Whether an OpenBLAS without a suffix was nevertheless built for 64-bit integers."""
    for symbol in CONFIGURATIONS:
        if address(library, symbol):
            function = getattr(library, symbol)
            function.restype = ctypes.c_char_p
            return b"USE64BITINT" in (function() or b"")
    return False
