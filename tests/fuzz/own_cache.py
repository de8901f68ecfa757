"""A cache of compiled objects for as long as graphs are fuzzed: thousands of programs that nobody runs again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from unittest.mock import patch


@contextmanager
def own_cache() -> Iterator[str]:
    """The folder; gone afterwards."""
    with TemporaryDirectory(prefix="minitorch-fuzz-") as folder, patch.dict(os.environ, MINITORCH_CACHE=folder):
        yield folder
