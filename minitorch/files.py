"""Saving and loading: safetensors files, written whole or not at all, checked before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Union

from minitorch.errors import ArgumentError, FileError
from minitorch.graph.array import as_array
from minitorch.graph.storage import Array
from minitorch.graph.tensor import held
from minitorch.graph.text import shown
from minitorch.lazy import lazy
from minitorch.nn import Module

safetensors = lazy("safetensors.numpy")
secrets = lazy("secrets")

Path = Union[str, "os.PathLike[str]"]


def save(path: Path, model: Module | Mapping[str, Any]) -> None:
    """Write the values of a model, or of a mapping from names to arrays, to a safetensors file. In a mapping parameters
    and variables stand for their values, as in `mt.save("sgd.safetensors", sgd.state())`.

    The file appears whole or not at all: it is written beside its place, flushed to the disk, and renamed.

    >>> import tempfile, minitorch as mt
    >>> model = mt.nn.Linear(2, 1, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mt.save(f"{folder}/model.safetensors", model)
    ...     mt.load(f"{folder}/model.safetensors", mt.nn.Linear(2, 1, seed=1)).weight.data.shape
    (2, 1)
    """
    path = _path(path, "save")
    if os.path.isdir(path or "."):
        raise IsADirectoryError(f"save: {shown(path)} is a folder; the path of a file is expected")
    if not isinstance(model, Module | Mapping):
        raise ArgumentError(f"save: a module or a dict of arrays is expected, but {shown(model)} was given")
    state = model.state_dict() if isinstance(model, Module) else model
    arrays = {str(name): as_array(held(v), f"save: {shown(name)}").copy(order="C") for name, v in state.items()}
    write_whole(path, safetensors.save(arrays))


def load(path: Path, model: Module | None = None) -> Any:
    """Read a safetensors file into `model` and return it; without a model return a dict of arrays.

    Raises `FileError` where the file is damaged, its names or shapes are not the model's, or its dtypes cannot be
    rounded to the model's, and changes nothing then.
    """
    if model is not None and not isinstance(model, Module):
        raise ArgumentError(f"load: a module is expected, but {shown(model)} was given")
    try:
        arrays = read(_path(path, "load"))
    except FileError as error:
        raise FileError(f"load: {error.message}") from None
    if model is None:
        return arrays
    try:
        model.load_state_dict(arrays)
    except FileError as error:
        raise FileError(f"load: {os.fsdecode(path)}: {error.message}") from None
    return model


def _path(path: Any, function: str) -> str:
    """A path as text, or an error for what is none: an int would be a file that is open already."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise ArgumentError(f"{function}: a path is expected, but {shown(path)} was given")
    return os.fsdecode(path)


def read(path: Path) -> dict[str, Array]:
    """The arrays of a safetensors file. Its header is checked against its length before anything is allocated."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        arrays: dict[str, Array] = safetensors.load(content)
    except Exception as error:  # safetensors raises its own kind and several built-in ones
        raise FileError(f"{path}: this is no whole safetensors file ({error})") from None
    return arrays


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` so that `path` is, at every moment, the old file or the new one."""
    folder, name = os.path.split(os.path.realpath(path))  # through a link, so that the link stays one
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}")
    handle, mode = _new_file(temporary, path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, os.path.join(folder, name))
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _new_file(temporary: str, path: Path) -> tuple[int, int]:
    """A new file, and the permissions it is to have: those of the file that is replaced, else those of any new file.

    Those are what the system gives it. Asking for the mask itself would mean to set it, for every thread.
    """
    kept = os.stat(path).st_mode & 0o777 if os.path.exists(path) else None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(temporary, flags, 0o666 if kept is None else 0o600)  # nobody reads it who could not read the old
    return handle, os.fstat(handle).st_mode & 0o777 if kept is None else kept


def _sync_folder(folder: str) -> None:
    """Make the rename itself durable, where the system can open folders."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
