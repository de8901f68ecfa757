"""C text to a loaded library: once, whole, wherever it lies, and with plain words where it fails."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from minitorch.compiler.backends.c_source import cache, objects, toolchain
from minitorch.compiler.backends.c_source.process import undisturbed
from minitorch.errors import CompilerError

TWICE = "double twice(double x);\ndouble twice(double x) { return 2 * x; }\n"
SQUARE = "double square(double x);\ndouble square(double x) { return x * x; }\n"


def program(name="f"):
    """A text that calls both parts."""
    declarations = "double twice(double);\ndouble square(double);\n"
    return f"{declarations}double {name}(double x) {{ return twice(square(x)) + 1; }}\n"


def call(library, name="f", x=3.0):
    function = getattr(library, name)
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
    return function(x)


def compiled(calls):
    """The calls that made something other than a trial."""
    return [line for line in calls() if " -o " in line and "trial.c" not in line]


def again():
    """As in the next process: nothing is known but what the disk holds."""
    toolchain.search.cache_clear()
    objects._loaded.clear()


# ---- once ----


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_a_text_and_its_parts_become_a_library(fresh, monkeypatch, name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("CC", name)
    library = objects.load(program(), [TWICE, SQUARE])
    assert isinstance(library, ctypes.CDLL)
    assert call(library) == 19.0
    assert objects.load(program(), [TWICE, SQUARE]) is library


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_a_loop_that_stays_scalar_is_no_error(fresh, monkeypatch, name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("CC", name)
    loop = "#pragma omp simd\nfor (int i = 1; i < n; i++) x[i] = next(x[i - 1]);"
    objects.load(f"double next(double x) {{ return x + 1; }}\nvoid f(int n, double *x) {{\n{loop}\n}}\n")
    size = toolchain.require().vector_bytes
    wide = f"typedef double wide __attribute__((vector_size({size})));\nwide add(wide a, wide b) {{ return a + b; }}\n"
    objects.load(wide)


def test_a_text_with_other_comments_is_not_compiled_again(fresh, fake):
    calls = fake()
    texts = [f"// {said}\n{program()} // {said}" for said in ("one", "two: x.py:12", "")]
    libraries = [objects.load(text, [TWICE, SQUARE]) for text in texts]
    again()
    assert [call(library) for library in (*libraries, objects.load(texts[1], [TWICE, SQUARE]))] == [19.0] * 4
    assert len(compiled(calls)) == 4  # three texts, and a link
    objects.load(program().replace("1", "2"), [TWICE, SQUARE])
    assert len(compiled(calls)) == 5


def test_no_comment_of_ours_goes_on_behind_its_line():
    for path in Path(objects.__file__).parent.glob("*.c"):
        assert not re.search(r"//[^\n]*\\\n", path.read_text("utf-8")), path.name


def test_each_part_is_compiled_once(fresh, fake):
    calls = fake()
    assert call(objects.load(program("one"), [TWICE, SQUARE]), "one") == 19.0
    assert len(compiled(calls)) == 4  # three texts and a link
    assert call(objects.load(program("two"), [TWICE, SQUARE]), "two") == 19.0
    assert len(compiled(calls)) == 5  # one text, linked at once
    assert call(objects.load(program("three"), [TWICE, SQUARE, SQUARE]), "three") == 19.0  # a part named twice


def test_the_next_process_calls_no_compiler(fresh, fake):
    calls = fake()
    objects.load(program(), [TWICE, SQUARE])
    before = calls()
    again()
    assert call(objects.load(program(), [TWICE, SQUARE])) == 19.0
    assert calls() == before


def test_a_second_real_process_calls_no_compiler(fresh, fake):
    calls = fake()
    code = f"from minitorch.compiler.backends.c_source import objects; objects.load({program()!r}, {[TWICE, SQUARE]!r})"
    noted = []
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=environment(), check=True)
        noted.append(calls())
    assert noted[0] == noted[1] != []


def test_threads_compile_once(fresh, fake):
    calls = fake("sleep 0.3")
    toolchain.require()
    libraries = []
    threads = [
        threading.Thread(target=lambda: libraries.append(objects.load(program(), [TWICE, SQUARE]))) for _ in "12345"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(libraries) == 5
    assert len({id(library) for library in libraries}) == 1
    assert len(compiled(calls)) == 4


def environment(**variables):
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} | variables


def test_sixteen_processes_at_once(fresh, real):
    code = f"""
import ctypes, os, sys
from minitorch.compiler.backends.c_source import objects
def child():
    library = objects.load({program()!r}, {[TWICE, SQUARE]!r})
    library.f.restype, library.f.argtypes = ctypes.c_double, [ctypes.c_double]
    os._exit(0 if library.f(3.0) == 19.0 else 1)
children = [os.fork() or child() for _ in range(16)]
print([os.waitpid(child, 0)[1] for child in children])
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([0] * 16), done.stderr
    assert not list(fresh.glob(".work-*"))
    again()
    assert call(objects.load(program(), [TWICE, SQUARE])) == 19.0


def test_a_fork_while_another_thread_compiles(fresh, fake):
    fake("sleep 0.5")
    code = f"""
import os, threading, time
from minitorch.compiler.backends.c_source import objects
thread = threading.Thread(target=objects.load, args=({program()!r}, {[TWICE, SQUARE]!r}))
thread.start()
while not objects._lock.locked(): time.sleep(0.001)
child = os.fork()
if child == 0:
    objects.load({TWICE!r})
    os._exit(7)
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "7"


# ---- whole ----


@pytest.mark.parametrize("suffix", [".so", ".o"])
@pytest.mark.parametrize("damage", ["empty", "truncated", "changed", "writable", "another's"])
def test_what_is_damaged_is_built_again_and_never_loaded(fresh, fake, suffix, damage):
    if damage == "another's" and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    calls = fake()
    objects.load(program("one"), [TWICE, SQUARE])
    for path in fresh.rglob(f"*{suffix}"):
        harm(path, damage)
    before = len(compiled(calls))
    again()
    name = "one" if suffix == ".so" else "two"
    assert call(objects.load(program(name), [TWICE, SQUARE]), name) == 19.0
    assert len(compiled(calls)) - before == (1 if suffix == ".so" else 4)


def harm(path, damage):
    content = path.read_bytes()
    if damage == "writable":
        path.chmod(0o666)
    elif damage == "another's":
        os.chown(path, 12345, -1)
    else:
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.unlink()  # the old file may be mapped
        path.write_bytes({"empty": b"", "truncated": content[:middle], "changed": changed}[damage])
        path.chmod(0o600)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_leaves_nothing_half_written_and_no_child(fresh, fake, tmp_path):
    fake(f"echo $$ > '{tmp_path}/pid.new'; mv '{tmp_path}/pid.new' '{tmp_path}/pid'; exec sleep 300")
    code = f"""
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
from minitorch.compiler.backends.c_source import objects
try: objects.load({program()!r})
except KeyboardInterrupt: print("stopped")
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        while not (tmp_path / "pid").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0].strip() == "stopped"
    gone = int((tmp_path / "pid").read_text())
    for _ in range(200):  # until whoever collects the dead has done so
        if not alive(gone):
            break
        time.sleep(0.05)
    assert not alive(gone)
    assert {p.suffix for p in fresh.rglob("*") if p.is_file()} == {".c", cache.NOTE}
    assert not list(fresh.glob(".work-*"))


def test_ctrl_c_waits_whichever_thread_it_comes_to():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    other, done, reached = threading.Thread(target=lambda: done.wait()), threading.Event(), []
    other.start()

    def interrupted():
        with undisturbed():
            signal.pthread_kill(other.ident, signal.SIGINT)
            time.sleep(0.05)
            reached.append("the end")

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert reached == ["the end"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        done.set()
        other.join()
        signal.signal(signal.SIGINT, before)


# ---- wherever ----


@pytest.mark.parametrize("name", ["with space", "größe ☃", "quote'\"$x"])
def test_any_path_will_do(fresh, real, monkeypatch, tmp_path, name):
    monkeypatch.setenv("MINITORCH_CACHE", str(tmp_path / name / "cache"))
    library = objects.load(program(), [TWICE, SQUARE])
    assert call(library) == 19.0
    assert Path(library._name).is_relative_to(tmp_path / name / "cache")


def test_any_locale_will_do(fresh, real, tmp_path):
    code = f"from minitorch.compiler.backends.c_source import objects; print(objects.load({TWICE!r}).twice is not None)"
    variables = {
        "MINITORCH_CACHE": str(tmp_path / "größe"),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment(**variables), capture_output=True, check=True)
    assert done.stdout.strip() == b"True"


def test_a_home_that_cannot_be_written(fresh, real, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.delenv("MINITORCH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    library = objects.load(program(), [TWICE, SQUARE])
    assert call(library) == 19.0
    assert Path(library._name).is_relative_to(cache.temporary())


@pytest.fixture
def noexec(tmp_path):
    """A folder whose files the system does not execute."""
    folder = tmp_path / "noexec"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "noexec,mode=700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_cache_whose_files_are_not_executed(noexec, fresh, fake, monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE", str(noexec / "cache"))
    calls = fake()
    library = objects.load(program(), [TWICE, SQUARE])
    assert call(library) == 19.0
    assert Path(library._name).is_relative_to(cache.temporary())
    before = calls()
    again()
    assert call(objects.load(program(), [TWICE, SQUARE])) == 19.0  # nothing is compiled anew
    assert calls() == before


def test_no_folder_whose_files_are_executed(noexec, fresh, real, monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE", str(noexec / "cache"))
    monkeypatch.setattr(cache, "temporary", lambda: noexec)
    one, two = (objects.load(program(name), [TWICE, SQUARE]) for name in ("one", "two"))
    assert one._name.startswith("/proc/self/fd/")
    assert (call(one, "one"), call(two, "two", 2.0)) == (19.0, 9.0)
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(CompilerError, match=r"(?s)could not be loaded.*MINITORCH_CACHE"):
        objects.load(program("three"), [TWICE, SQUARE])


# ---- plain words ----


def test_an_error_has_the_compilers_words_and_the_source(fresh, real):
    with pytest.raises(CompilerError, match=r"(?s)failed with status 1.*nonsense") as caught:
        objects.load("int nonsense\n")
    assert str(next(fresh.rglob("source.c"))) in str(caught.value)
    assert next(fresh.rglob("source.c")).read_text() == "int nonsense\n"


def test_an_error_in_a_part_names_that_part(fresh, real):
    with pytest.raises(CompilerError, match="nonsense") as caught:
        objects.load(program(), [TWICE, "int nonsense\n"])
    named = [path for path in fresh.rglob("source.c") if f"kept in {path}\n" in str(caught.value)]
    assert [path.read_text() for path in named] == ["int nonsense\n"]
    assert not list(fresh.rglob("*.so"))


def test_a_function_that_is_nowhere_is_named(fresh, real):
    with pytest.raises(CompilerError, match="twice"):
        objects.load(program(), [SQUARE])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo out of order; exit 3", "failed with status 3.*out of order"),
        ("echo 'warning: odd' >&2", "printed a warning.*warning: odd"),
        ("exec sleep 300", "took longer than 1.5 s"),
        ("kill -9 $$", "failed with status -9"),
        ("exit 0", "No such file"),
    ],
)
def test_a_compiler_that_misbehaves(fresh, fake, monkeypatch, body, words):
    fake(body)
    toolchain.require()
    monkeypatch.setenv("MINITORCH_COMPILE_TIMEOUT", "1.5")
    with pytest.raises(CompilerError, match=f"(?s){words}"):
        objects.load(program(), [TWICE, SQUARE])
    assert not list(fresh.glob(".work-*"))
    assert not list(fresh.rglob("*.so"))


def test_a_long_complaint_is_cut(fresh, fake):
    fake("yes complaint | head -c 100000; exit 1")
    with pytest.raises(CompilerError) as caught:
        objects.load(program())
    assert len(str(caught.value)) < 2 * objects.LONGEST


def test_without_a_compiler(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerError, match="install one"):
        objects.load(program())


# ---- with the object ----


def test_a_choice_is_kept_with_the_library(fresh, real):
    name = objects.key(program(), [TWICE, SQUARE])
    objects.load(program(), [TWICE, SQUARE])
    assert cache.recall(name) is None
    assert cache.remember(name, ["loops", "blas"]) == ["loops", "blas"]
    assert {path.suffix for path in (fresh / name).iterdir()} == {".c", ".so", cache.NOTE}
    assert objects.key(program()) != name
