"""Running compilers: their words, their time, their end."""

import os
import sys
import time

import pytest

from minitorch.compiler.backends.c_source.process import Outcome, run
from minitorch.errors import CompilerError


def sh(script):
    return ["/bin/sh", "-c", script]


def gone(pid):
    """Whether a process has ended, given a moment to do so."""
    for _ in range(200):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if file.read().split()[2] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_words_and_status_in_the_order_of_the_commands(tmp_path):
    scripts = ["sleep 0.2; echo one", "echo two >&2; exit 3", ":"] + [f"echo {i}" for i in range(9)]
    outcomes = run([sh(script) for script in scripts], tmp_path)
    assert outcomes[:3] == [Outcome(0, "one"), Outcome(3, "two"), Outcome(0, "")]
    assert outcomes[3:] == [Outcome(0, str(i)) for i in range(9)]
    assert [o.silent for o in outcomes[:4]] == [False, False, True, False]


def test_any_bytes_are_words_in_any_locale(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.ISO-8859-1")
    (outcome,) = run([sh(r"printf 'f\374r $LC_ALL'; printf ' %s' $LC_ALL $TMPDIR")], tmp_path)
    assert outcome.words == f"f\ufffdr $LC_ALL C {tmp_path}"


def test_much_output_stops_nothing(tmp_path):
    outcomes = run([sh("yes | head -c 1000000"), sh("yes | head -c 1000000")], tmp_path)
    assert [len(o.words) for o in outcomes] == [999999, 999999]


def test_a_hanging_compiler_is_killed_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setenv("MINITORCH_COMPILE_TIMEOUT", "0.5")
    script = f"sleep 300 & echo $! > '{tmp_path}/child'; echo $$ > '{tmp_path}/self'; wait"
    (outcome,) = run([sh(script)], tmp_path)
    assert outcome.status is None
    assert not outcome.silent
    assert outcome.ended == "took longer than 0.5 s"
    assert gone(int((tmp_path / "self").read_text()))
    assert gone(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize("limit", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_limit_is_a_positive_number(tmp_path, monkeypatch, limit):
    monkeypatch.setenv("MINITORCH_COMPILE_TIMEOUT", limit)
    with pytest.raises(CompilerError, match=f"MINITORCH_COMPILE_TIMEOUT: .*'{limit}'"):
        run([sh(":")], tmp_path)


def test_what_cannot_be_run_is_named_and_leaves_none_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    first = sh(f"echo $$ > '{tmp_path}/self'; exec sleep 300")
    for name in ("missing", "text"):
        with pytest.raises(CompilerError, match=f"{name} cannot be run"):
            run([first, sh(f"while [ ! -s '{tmp_path}/self' ]; do sleep 0.01; done"), [str(tmp_path / name)]], tmp_path)
    if (tmp_path / "self").exists():  # it may have been killed before it could write
        assert gone(int((tmp_path / "self").read_text() or sys.maxsize))


def test_the_next_one_starts_when_any_has_ended(tmp_path, monkeypatch):
    """The first waits for what the third does."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    first = sh(f"for i in $(seq 500); do [ -e '{tmp_path}/made' ] && echo found && exit; sleep 0.02; done")
    outcomes = run([first, sh(":"), sh(f"touch '{tmp_path}/made'")], tmp_path)
    assert outcomes == [Outcome(0, "found"), Outcome(0, ""), Outcome(0, "")]
