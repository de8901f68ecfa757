"""Saving and loading: safetensors files, written whole or not at all, checked before anything is changed."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minitorch.errors import FileError
from minitorch.graph.storage import Array
from minitorch.lazy import lazy
from minitorch.nn import Module

safetensors = lazy("safetensors.numpy")


def save(path: str | os.PathLike[str], model: Module | Mapping[str, Any]) -> None:
    """Write the values of a model, or of a mapping from names to arrays, to a safetensors file.

    The file appears whole or not at all: it is written beside its place, flushed to the disk, and renamed.

    >>> import tempfile, minitorch as mt
    >>> model = mt.nn.Linear(2, 1, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mt.save(f"{folder}/model.safetensors", model)
    ...     mt.load(f"{folder}/model.safetensors", mt.nn.Linear(2, 1, seed=1)).weight.data.shape
    (2, 1)
    """
    state = model.state_dict() if isinstance(model, Module) else model
    arrays = {str(name): np.ascontiguousarray(value) for name, value in state.items()}
    write_whole(Path(path), safetensors.save(arrays))


def load(path: str | os.PathLike[str], model: Module | None = None) -> Any:
    """Read a safetensors file into `model` and return it; without a model return a dict of arrays.

    Raises `FileError` where the file is damaged or its names, shapes or dtypes are not the model's, and changes
    nothing then.
    """
    arrays = read(Path(path))
    if model is None:
        return arrays
    try:
        model.load_state_dict(arrays)
    except FileError as error:
        raise FileError(f"{path}: {error}") from None
    return model


def read(path: Path) -> dict[str, Array]:
    """The arrays of a safetensors file. Its header is checked against its length before anything is allocated."""
    content = path.read_bytes()
    try:
        arrays: dict[str, Array] = safetensors.load(content)
    except Exception as error:  # safetensors raises its own kind and several built-in ones
        raise FileError(f"{path}: this is no whole safetensors file ({error})") from None
    return arrays


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` so that `path` is, at every moment, the old file or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _mode(path: Path) -> int:
    """The permissions of the file that is replaced, else those of any new file."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can open folders."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
