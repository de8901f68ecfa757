"""The cache: private, whole, and never in the way."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minitorch.compiler.backends.c_source import cache
from minitorch.errors import CompilerError


def kept(content=b"content", key="key"):
    with cache.workspace() as work:
        return cache.keep(work, key, ".so", content)


@pytest.fixture
def below_a_file(fresh, monkeypatch, tmp_path):
    """A cache that cannot be made, whoever asks."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("MINITORCH_CACHE", str(tmp_path / "file" / "cache"))


def kept_path(content=b"content", key="key"):
    return Path(kept(content, key).path)


def test_what_is_kept_is_found(fresh):
    assert cache.find("key", ".so") is None
    made = kept()
    assert cache.find("key", ".so") == made == (made.path, b"content")
    assert Path(made.path).parent == fresh / "key"
    assert cache.find("key", ".o") is None
    assert cache.find("other", ".so") is None


def test_files_and_folders_are_the_users_alone(fresh):
    file = kept_path()
    for path in (fresh, file.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_but_what_is_kept_stays(fresh):
    def interrupted():
        with cache.workspace() as work:
            Path(work, "half").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    made = kept_path()
    assert [p for p in fresh.rglob("*") if p.is_file()] == [made]


@pytest.mark.parametrize("damage", [b"", b"conten", b"contents", b"Content"])
def test_a_damaged_file_is_removed(fresh, damage):
    path = kept_path()
    path.write_bytes(damage)
    assert cache.find("key", ".so") is None
    assert not path.exists()
    assert cache.find("key", ".so") is None
    assert kept().content == b"content"


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_not_used(fresh, mode):
    path = kept_path()
    path.chmod(mode)
    assert cache.find("key", ".so") is None
    kept()
    assert cache.find("key", ".so").path == str(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_or_folder_of_another_user_is_not_used(fresh):
    path = kept_path()
    os.chown(path, 12345, -1)
    assert cache.find("key", ".so") is None
    path = kept_path()
    assert cache.find("key", ".so") is not None
    os.chown(path.parent, 12345, -1)
    assert cache.find("key", ".so") is None
    with pytest.raises(PermissionError, match="another user"):
        kept()


def test_only_plain_files_are_read(fresh, tmp_path):
    path = kept_path()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.find("key", ".so") is None
    path = kept_path()
    path.unlink()
    os.mkfifo(path, 0o600)
    assert cache.find("key", ".so") is None


def test_a_folder_that_others_may_write_is_not_used_and_that_is_said(fresh):
    fresh.mkdir(0o700)
    fresh.chmod(0o770)
    with pytest.warns(RuntimeWarning, match="others may write it"):
        made = kept()
    assert not list(fresh.iterdir())
    assert cache.find("key", ".so") == made  # in the process's own folder
    assert stat.S_IMODE(Path(made.path).parents[1].stat().st_mode) == 0o700


@pytest.mark.usefixtures("below_a_file")
def test_without_a_folder_there_is_a_temporary_one():
    made = kept()
    assert Path(made.path).is_relative_to(cache.temporary())
    assert cache.find("key", ".so") == made
    assert cache.remember("note", {"a": 1}) == cache.recall("note") == {"a": 1}


@pytest.mark.usefixtures("below_a_file")
def test_without_any_folder_the_error_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "temporary", lambda: str(tmp_path / "nowhere"))
    with pytest.raises(CompilerError, match=r"neither .* nor a temporary folder can be written"):
        kept()


@pytest.mark.usefixtures("below_a_file")
def test_without_any_folder_nothing_is_remembered(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "temporary", lambda: str(tmp_path / "nowhere"))
    assert cache.remember("note", 1) == 1
    assert cache.recall("note") is None


def test_a_folder_that_is_removed_while_it_is_looked_at_holds_nothing(fresh, monkeypatch):
    kept()
    monkeypatch.setattr(cache, "private", lambda path: True)
    assert cache.find("gone", ".so") is None
    assert cache.find("key", ".so") is not None


def test_where_the_disk_of_the_cache_is_full_there_is_a_temporary_folder(fresh, monkeypatch):
    fresh.mkdir(0o700)
    room = os.statvfs(fresh)
    monkeypatch.setattr(os, "statvfs", lambda place: os.statvfs_result((*room[:3], 0, 0, *room[5:])))
    made = kept()
    assert Path(made.path).is_relative_to(cache.temporary())
    assert cache.find("key", ".so") == made
    assert not list(fresh.iterdir())


def test_the_temporary_folder_goes_with_its_process_and_not_with_its_child(tmp_path):
    code = """
import os, sys
from pathlib import Path
from minitorch.compiler.backends.c_source import cache
mine = Path(cache.temporary())
(mine / "file").touch()
child = os.fork()
if child == 0:
    print(cache.temporary() != str(mine), cache.temporary(), flush=True)
    sys.exit(0)
os.waitpid(child, 0)
print((mine / "file").exists(), mine)
"""
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["True", "True"]
    assert all(Path(line[1]).parent == tmp_path and not Path(line[1]).exists() for line in lines)


def test_what_is_remembered_first_stands(fresh):
    assert cache.recall("note") is None
    assert cache.remember("note", [1, "a"]) == [1, "a"]
    assert cache.remember("note", [2]) == [1, "a"]
    assert cache.recall("note") == [1, "a"]


def test_working_folders_of_the_dead_are_swept(fresh):
    kept()
    old, new = fresh / ".work-old", fresh / ".work-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "half").touch()
    os.utime(old, (0, time.time() - 2 * cache.STALE))
    kept()
    assert not old.exists()
    assert new.exists()


def test_digests_tell_borders_and_order():
    assert len({cache.digest(*parts) for parts in [("ab", "c"), ("a", "bc"), ("c", "ab"), ("abc",), ("abc", "")]}) == 5
    assert cache.digest("ä") == cache.digest("ä".encode())
    cache.digest("\ud800")  # no text is refused


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "/home/a/.cache/minitorch"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/minitorch"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/a/.cache/minitorch"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/home/a/Library/Caches/minitorch"),
        ("linux", {"MINITORCH_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c"),
    ],
)
def test_the_place_follows_the_platform(fresh, monkeypatch, platform, variables, expected):
    monkeypatch.delenv("MINITORCH_CACHE")
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in {"HOME": "/home/a", **variables}.items():
        monkeypatch.setenv(name, value)
    assert cache.location() == expected
