"""Generated C under AddressSanitizer and UndefinedBehaviorSanitizer: dozens of graphs, and networks that train."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRAPHS = os.environ.get("MINITORCH_GRAPHS_SANITIZED", "30")


@pytest.fixture(scope="module")
def sanitized():
    """Runs `tests.fuzz.sanitized` in a process that has the sanitizers' runtime."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    names = ("libasan.so", "libubsan.so")
    paths = [
        subprocess.run(["gcc", f"-print-file-name={n}"], capture_output=True, text=True).stdout.strip() for n in names
    ]
    missing = [name for name, path in zip(names, paths, strict=True) if not os.path.isabs(path)]
    if missing:
        pytest.skip(f"gcc has no {' and no '.join(missing)}")

    def run(*arguments):
        environment = {
            **os.environ,
            "CC": "gcc -fsanitize=address,undefined -fno-sanitize-recover=all -g1",
            "LD_PRELOAD": " ".join(paths),
            "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps much to its end
            "OPENBLAS_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "tests.fuzz.sanitized", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200)

    return run


def test_generated_code_stays_in_its_memory_and_in_the_standard(sanitized):
    ended = sanitized("--graphs", GRAPHS)
    assert ended.returncode == 0, ended.stderr[-5000:]
    assert f"{GRAPHS} graphs run" in ended.stdout


def test_a_planted_fault_does_not_pass(sanitized):
    ended = sanitized("--graphs", GRAPHS, "--bug", "long_last_block")
    assert ended.returncode != 0
    assert "AddressSanitizer" in ended.stderr, ended.stderr[-5000:]
