"""The C compiler: which is taken, what is found out about it, and how seldom it is called."""

import os
import shutil

import pytest

from minitorch.compiler import processor
from minitorch.compiler.backends.c_source import cache, toolchain
from minitorch.errors import CompilerError


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_a_compiler_is_known(fresh, monkeypatch, name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("CC", name)
    compiler = toolchain.require()
    assert compiler is toolchain.find()
    assert compiler.command == (name,)
    assert any(c.isdigit() for c in compiler.version)
    wanted = {"-std=gnu11", "-O2", "-fPIC", "-ftree-vectorize", "-fopenmp-simd", "-fwrapv"}
    assert wanted <= set(compiler.flags)
    assert {"-fno-math-errno", "-fno-trapping-math"} <= set(compiler.flags)
    assert not [flag for flag in compiler.flags if "fast" in flag]
    assert "-w" in compiler.flags
    assert ("-mprefer-vector-width=512" in compiler.flags) == ("AVX512F" in compiler.features)
    assert compiler.lanes(4) * 4 == compiler.lanes(8) * 8 == compiler.vector_bytes


@pytest.mark.parametrize(
    ("features", "width"), [(("AVX512F", "AVX2", "AVX"), 64), (("AVX2", "AVX"), 32), (("SSE2",), 16), ((), 16)]
)
def test_vectors_are_as_wide_as_the_features_say(fresh, real, features, width):
    compiler = toolchain.require()._replace(features=features)
    assert compiler.vector_bytes == width
    assert compiler.key != compiler._replace(features=("other",)).key


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="this system does not list what its processor can do")
def test_features_are_the_processors(fresh, real):
    flags = set(processor.identity().replace("'", " ").split())
    for name in ("avx512f", "avx2", "avx", "fma"):
        assert name not in flags or name.upper() in toolchain.require().features


def test_without_a_compiler_there_is_none_and_an_error_says_what_to_do(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.find() is None
    with pytest.raises(CompilerError, match=r"no C compiler \(cc, gcc, clang\) was found on PATH; install one"):
        toolchain.require()


@pytest.mark.parametrize("chosen", ["/nonexistent/cc", "no-such-cc -O1", "'open"])
def test_a_chosen_compiler_that_is_not_there_is_an_error(fresh, monkeypatch, chosen):
    monkeypatch.setenv("CC", chosen)
    for ask in (toolchain.find, toolchain.require):
        with pytest.raises(CompilerError, match="CC is .*" + chosen.split()[0].strip("'")):
            ask()


@pytest.mark.parametrize("content", ["#!/bin/sh\necho cannot do it\nexit 1\n", "no program", "#!/nonexistent\n"])
def test_a_chosen_compiler_that_does_not_work_is_an_error(fresh, monkeypatch, tmp_path, content):
    script = tmp_path / "bad-cc"
    script.write_text(content)
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    with pytest.raises(CompilerError, match="bad-cc") as caught:
        toolchain.find()
    assert ("cannot do it" in str(caught.value)) == ("cannot" in content)


def test_a_compiler_on_the_path_that_does_not_work_is_passed_over(fresh, real, monkeypatch, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "cc").write_text("#!/bin/sh\necho no headers are here\nexit 1\n")
    (folder / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    assert toolchain.find() is None
    with pytest.raises(CompilerError, match=r"(?s)cc does not work.*no headers are here.*install one"):
        toolchain.require()
    (folder / "gcc").write_text(f'#!/bin/sh\nPATH={os.defpath}\nexec {real} "$@"\n')
    (folder / "gcc").chmod(0o755)
    toolchain.search.cache_clear()
    assert toolchain.require().command == ("gcc",)


@pytest.mark.parametrize("name", ["with space/my cc", "größe/ccä", "plain"])
def test_a_chosen_compiler_may_have_arguments_and_any_path(fresh, real, monkeypatch, tmp_path, name):
    script = tmp_path / name
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    assert toolchain.require().command == (str(script),)
    monkeypatch.setenv("CC", f"'{script}' -DX=1  -DY")
    assert toolchain.require().command == (str(script), "-DX=1", "-DY")


def test_a_flag_that_is_not_taken_without_a_word_is_not_used(fresh, real, monkeypatch, tmp_path):
    script = tmp_path / "old-cc"
    refusals = "*-fvect-cost-model*) echo unknown; exit 1;; *-ftree-vectorize*) echo ignored;; *-Bsymbolic*) exit 1;;"
    script.write_text(f'#!/bin/sh\ncase "$*" in {refusals} esac\nexec {real} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    compiler = toolchain.require()
    assert not {"-fvect-cost-model=dynamic", "-ftree-vectorize"} & set(compiler.flags)
    assert {"-fwrapv", "-fno-math-errno"} <= set(compiler.flags)
    assert "-Wl,-Bsymbolic" not in compiler.link_flags


def test_what_was_found_out_is_kept_on_disk(fresh, fake):
    calls = fake()
    first = toolchain.find()
    assert len(calls()) >= 2
    before = calls()
    assert toolchain.find() is first
    toolchain.search.cache_clear()
    assert toolchain.find() == first
    assert calls() == before


def test_a_changed_compiler_or_processor_is_another(fresh, fake, monkeypatch):
    fake()
    keys = {toolchain.require().key}
    fake(": changed")
    toolchain.search.cache_clear()
    keys.add(toolchain.require().key)
    monkeypatch.setattr(processor, "identity", lambda: "another")
    toolchain.search.cache_clear()
    keys.add(toolchain.require().key)
    assert len(keys) == 3


def test_a_damaged_finding_is_found_out_again(fresh, fake):
    calls = fake()
    first = toolchain.find()
    (note,) = fresh.rglob(f"*{cache.NOTE}")
    note.write_text("{}")
    before = len(calls())
    toolchain.search.cache_clear()
    assert toolchain.find() == first
    assert len(calls()) > before
    assert cache.recall(note.parent.name)["version"] == first.version
