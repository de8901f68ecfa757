"""What tests of the C compiler share: a cache of their own, and compilers that misbehave."""

import shutil

import pytest

from minitorch.compiler.backends.c_source import cache, objects, toolchain

ASKED = ("CC", "MINITORCH_CACHE", "MINITORCH_COMPILE_TIMEOUT", "MINITORCH_BLAS", "XDG_CACHE_HOME")


def forget():
    """What this process remembers of compilers, folders and libraries."""
    toolchain.search.cache_clear()
    cache.usable.cache_clear()
    objects._loaded.clear()


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A process as it starts, with an empty cache; the fixture's value is the cache's folder."""
    for name in ASKED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINITORCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_temporary", {})
    forget()
    yield tmp_path / "cache"
    cache.remove_temporary()
    forget()


@pytest.fixture(scope="session")
def real():
    """The path of a compiler that works."""
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if found is None:
        pytest.skip("no C compiler is installed")
    return found


@pytest.fixture
def fake(fresh, real, tmp_path, monkeypatch):
    """`fake(body)`: $CC becomes a script that notes each call, does `body` when it compiles what is not a trial, and
    then is the real compiler. Returns a function that gives the calls noted so far."""

    def install(body="", name="fake-cc"):
        log, script = tmp_path / "calls", tmp_path / name
        log.touch()
        lines = ["#!/bin/sh", f"printf '%s\\n' \"$*\" >> '{log}'"]
        lines += [f'case "$*" in *source.c*) {body or ":"} ;; esac', f"exec '{real}' \"$@\"", ""]
        script.write_text("\n".join(lines))
        script.chmod(0o755)
        monkeypatch.setenv("CC", str(script))
        return lambda: log.read_text().splitlines()

    return install
