"""Programs kept on disk: found by equal plans in other processes, and by no others; what is damaged is written anew."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends.c_source import cache, toolchain, written
from minitorch.compiler.backends.c_source.writer import Writer

CODE = """
import sys
import numpy as np
import minitorch as mt

halved = mt.ops.elementwise("halved", lambda x, out=None: np.multiply(x, 0.5, out=out), lambda g, y, x: (g * 0.5,))
x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 2))
model = mt.nn.MLP(3, [5, 2], seed=0)
loss = mt.mse_loss(model(x), y) + mt.sum(mt.FUNCTION(x))
step = mt.compile([x, y], loss, updates=mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), backend="c")
losses = [float(step(np.full((n, 3), 0.3, "f"), np.ones((n, 2), "f"))) for n in (2, 7, 2)]
own = mt.compile([x], mt.tanh(halved(mt.sin(x))), backend="c")
print(losses, own(np.ones((1, 3), "f")).tolist())
print("minitorch.compiler.backends.c_source.writer" in sys.modules)
print(step.source, own.source)
"""


@pytest.fixture
def noted(fresh, monkeypatch):
    """The names of the graphs whose programs were written, not found."""
    names = []
    write = Writer.write
    monkeypatch.setattr(Writer, "write", lambda self: [names.append(self.plan.graph.name), write(self)][1])
    return names


def program(name="program", factor=2.0):
    x = mt.placeholder("x", ("n", 3))
    return mt.compile([x], [mt.sum(mt.exp(x) * factor, 0), x[:, ::-1]], backend="c", name=name)


def agrees(made, factor=2.0):
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    total, turned = made(x)
    np.testing.assert_allclose(total, (np.exp(x) * np.float32(factor)).sum(0), rtol=1e-5)
    np.testing.assert_array_equal(turned, x[:, ::-1])


def run(folder, seed, function="exp"):
    environment = {**os.environ, "PYTHONHASHSEED": seed, "MINITORCH_CACHE": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", CODE.replace("FUNCTION", function)], env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    values, wrote, source = done.stdout.split("\n", 2)
    return values, wrote == "True", source


def test_another_process_finds_what_one_has_written(tmp_path):
    first, again, other = (run(tmp_path, *given) for given in (("1",), ("2",), ("3", "cos")))
    assert (first[1], again[1], other[1]) == (True, False, True)
    assert (first[0], first[2]) == (again[0], again[2])
    assert other[0] != first[0]


def test_an_equal_plan_finds_it_and_another_does_not(noted):
    for name, factor in (("a", 2.0), ("a", 2.0), ("b", 2.0), ("a", 3.0), ("b", 2.0)):
        agrees(program(name, factor), factor)
    assert noted == ["a", "b", "a"]


@pytest.mark.parametrize("harm", [lambda note: note.write_bytes(b""), lambda note: note.unlink(),
    lambda note: note.write_bytes(note.read_bytes()[:-9]), lambda note: note.chmod(0o666)])  # fmt: skip
def test_what_is_damaged_is_written_anew(noted, fresh, harm):
    agrees(program())
    for note in fresh.rglob(f"*{cache.NOTE}"):
        harm(note)
    toolchain.search.cache_clear()
    agrees(program())
    assert len(noted) == 2


def test_a_cache_that_cannot_be_written_is_done_without(noted, fresh, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MINITORCH_CACHE", str(tmp_path / "file" / "cache"))
    agrees(program())
    assert len(noted) == 1


def test_another_minitorch_finds_nothing(noted, tmp_path, monkeypatch):
    package = written.package
    for part in written.PARTS:
        (tmp_path / part / "inner").mkdir(parents=True)
    source = tmp_path / "ops" / "inner" / "source.py"
    monkeypatch.setattr(written, "PACKAGE", str(tmp_path))
    for text in ("a = 1", "b = 1", "c = 10"):
        source.write_text(text)
        package.cache_clear()
        agrees(program())
        agrees(program())
    package.cache_clear()
    assert len(noted) == 3


def test_what_measures_a_program_is_not_found_in_its_place(noted):
    for _ in range(2):
        made, x = program(), np.ones((2, 3), "f")
        assert len(made.profile(x, repeat=1)) == len(made.plan.calls)
        assert "SECONDS" not in made.source
        agrees(made)
    assert len(noted) == 3  # the program once, and what measures it each time
