"""Where a picture or a page goes: one check of paths, before anything is drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from minitorch.errors import ArgumentError
from minitorch.graph.text import shown


def target_of(path: Any, function: str) -> Path:
    """A path in a folder that is there, or an error of the function that was called with it."""
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"{function}: a path is expected, but {shown(path)} was given")
    found = Path(path)
    if not found.parent.is_dir():
        raise FileNotFoundError(f"{function}: there is no folder {shown(str(found.parent))}")
    if found.is_dir():
        raise IsADirectoryError(f"{function}: {shown(str(path))} is a folder; the path of a file is expected")
    return found
