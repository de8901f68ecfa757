"""The folder on disk where compiled objects stay: private, written atomically, checked before anything is used.

Each key has a folder of its own in it. An object's name there is the digest of its content, so that one look tells
whether it is whole, and of many writers at once each leaves a whole one. Paths are texts: a first step would wait 3 ms
for `pathlib` to be imported.
"""

from __future__ import annotations

import atexit
import marshal
import os
import stat
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple

from minitorch.errors import CompilerError
from minitorch.lazy import lazy

hashlib = lazy("hashlib")
shutil = lazy("shutil")
tempfile = lazy("tempfile")

WORK = ".work-"
"""How the names of working folders begin."""

NOTE = f".{sys.implementation.cache_tag}"
"""How the names of files end that hold a value, as this version of Python writes it."""

ROOM = 1 << 23
"""Bytes that are to be free where the cache is before a compiler writes there. It writes some hundred thousand."""

STALE = 24 * 3600.0
"""Seconds after which what a killed process left half-made is swept away."""


class Kept(NamedTuple):
    """A file of the cache that was found whole."""

    path: str
    content: bytes


def digest(*parts: str | bytes) -> str:
    """A name for these parts, their order and their borders."""
    summary = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = encoded(part) if isinstance(part, str) else part
        summary.update(len(data).to_bytes(8, "little") + data)
    return str(summary.hexdigest())


def encoded(text: str) -> bytes:
    """A text as it is written to a file, whatever letters it holds."""
    return text.encode("utf-8", "backslashreplace")


# ---- what is there ----


def find(key: str, suffix: str) -> Kept | None:
    """The whole file of this kind under a key. Damaged ones are removed; those that others could write are left out."""
    for place in (user_folder(), *_temporary.get(os.getpid(), ())):
        if place is None or not private(entry := os.path.join(place, key)):
            continue
        for name in (name for name in listed(entry) if name.endswith(suffix)):
            path = os.path.join(entry, name)
            content = read(path)
            if content is not None and digest(content) + suffix == name:
                return Kept(path, content)
            with suppress(OSError):
                os.unlink(path)
    return None


def listed(folder: str) -> list[str]:
    """The names in a folder; none where it cannot be read, or somebody has removed it."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def read(path: str) -> bytes | None:
    """What a file holds; None where it cannot be read, or is not a plain file that this user alone may write."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not stop us
    try:
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            return file.read() if stat.S_ISREG(status.st_mode) and only_ours(status) else None
    except OSError:
        return None


def private(path: str) -> bool:
    """Whether a path is a folder that this user alone may write."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and only_ours(status)


def only_ours(status: os.stat_result) -> bool:
    """Whether a file belongs to this user, and others may not write it."""
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


# ---- what comes in ----


@contextmanager
def workspace() -> Iterator[str]:
    """A fresh folder inside the cache to build in, gone afterwards; `keep` moves from it what is to stay."""
    work = start()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def start() -> str:
    """A new working folder in the user's cache; where that cannot be written, or is full, in a temporary one."""
    if (place := user_folder()) is not None and has_room(place):
        with suppress(OSError):
            sweep(place)
            return folder_in(place)
    try:
        return folder_in(temporary())
    except OSError as error:
        problem = f"nothing can be compiled: neither {location()} nor a temporary folder can be written: {error}"
        raise CompilerError(problem) from error


def has_room(place: str) -> bool:
    """Whether the disk that a folder lies on has room for what compilers write."""
    try:
        status = os.statvfs(place)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize >= ROOM


def folder_in(place: str) -> str:
    return str(tempfile.mkdtemp(prefix=WORK, dir=place))


def sweep(place: str) -> None:
    """Remove the working folders of processes that were killed."""
    for entry in os.scandir(place):
        with suppress(OSError):  # its owner may be removing it
            if entry.name.startswith(WORK) and time.time() - entry.stat().st_mtime > STALE:
                shutil.rmtree(entry.path)


def keep(work: str, key: str, suffix: str, content: bytes) -> Kept:
    """Put content under a key, into the cache that a working folder lies in."""
    return Kept(write(work, key, digest(content) + suffix, content), content)


def write(work: str, key: str, name: str, content: bytes) -> str:
    """Write a file under a key, whole or not at all."""
    entry = os.path.join(os.path.dirname(work), key)
    os.makedirs(entry, 0o700, exist_ok=True)
    if not private(entry):
        raise PermissionError(f"{entry} belongs to another user, or others may write it")
    half = os.path.join(work, f"half-{name}")
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
    os.replace(half, path := os.path.join(entry, name))
    return path


def recall(key: str) -> Any:
    """The value that was remembered under a key, by this process or another; None where there is none."""
    kept = find(key, NOTE)
    return None if kept is None else marshal.loads(kept.content)


def remember(key: str, value: Any) -> Any:
    """Keep a value made of tuples, dicts, texts and numbers; returns the one that stands: another's that came first."""
    if (standing := recall(key)) is None:
        with suppress(OSError, CompilerError), workspace() as work:  # without a place for it, it is not kept
            keep(work, key, NOTE, marshal.dumps(value))
        standing = recall(key)
    return value if standing is None else standing


# ---- where it is ----


def user_folder() -> str | None:
    """The user's cache; None where it cannot be made, or others could change it."""
    return usable(location())


def location() -> str:
    """Where the cache belongs: `$MINITORCH_CACHE`, or what the platform sets aside for caches."""
    if chosen := os.environ.get("MINITORCH_CACHE"):
        return os.path.abspath(chosen)
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "minitorch")
    base = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(base if os.path.isabs(base) else os.path.join(home, ".cache"), "minitorch")


@cache
def usable(folder: str) -> str | None:
    """A folder, made where it is missing; None, with a warning, where others could change what it holds."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
    except OSError:
        return None
    if private(folder):
        return folder
    message = f"{folder} belongs to another user, or others may write it: compiled code is kept for this process alone"
    warnings.warn(message, RuntimeWarning, stacklevel=2)
    return None


_temporary: dict[int, tuple[str]] = {}
"""The private folder of a process, by its number: a forked child must not use, or remove, its parent's."""


def temporary() -> str:
    """A private folder of this process, removed when it ends."""
    process = os.getpid()
    if process not in _temporary or not os.path.isdir(_temporary[process][0]):
        _temporary[process] = (tempfile.mkdtemp(prefix="minitorch-"),)
    return _temporary[process][0]


@atexit.register
def remove_temporary() -> None:
    """Remove what this process, and not its parent, has made."""
    for place in _temporary.get(os.getpid(), ()):
        shutil.rmtree(place, ignore_errors=True)
