"""Programs kept on disk: found by equal graphs in other processes, and by no others; what is damaged is made anew."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler import choice
from minitorch.compiler.backends.c_source import CSource, Found, cache, kept, toolchain
from minitorch.compiler.backends.c_source.footing import footing_of
from minitorch.compiler.backends.c_source.writer import Writer

CODE = """
import sys
import numpy as np
import minitorch as mt

x, y = mt.placeholder("x", ("n", 3)), mt.placeholder("y", ("n", 2))
model = mt.nn.MLP(3, [5, 2], seed=0)
loss = mt.mse_loss(model(x), y) + mt.sum(mt.FUNCTION(x))
step = mt.compile([x, y], loss, updates=mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), backend="c")
losses = [float(step(np.full((n, 3), 0.3, "f"), np.ones((n, 2), "f"))) for n in (2, 7, 2)]
ahead = mt.compile([x], mt.tanh(x * mt.arange(x.shape[0])[:, None]), backend="c")
print(losses, ahead(np.ones((2, 3), "f")).tolist(), ahead(np.ones((1, 3), "f")).tolist())
print("minitorch.compiler.backends.c_source.writer" in sys.modules)
print(step.source, ahead.source)
"""


@pytest.fixture
def noted(fresh, keeping, monkeypatch):
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


def test_an_equal_graph_finds_it_and_another_does_not(noted):
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
    package = kept.package
    for part in kept.PARTS:
        (tmp_path / part / "inner").mkdir(parents=True)
    source = tmp_path / "ops" / "inner" / "source.py"
    monkeypatch.setattr(kept, "PACKAGE", str(tmp_path))
    monkeypatch.setattr(kept, "LOADED", time.time_ns() + 10**12)  # as if what is written here were there before
    for text in ("a = 1", "b = 1", "c = 10"):
        source.write_text(text)
        package.cache_clear()
        agrees(program())
        agrees(program())
    package.cache_clear()
    assert len(noted) == 3


def test_of_files_that_have_changed_since_they_were_imported_nothing_is_kept(noted, tmp_path, monkeypatch):
    for part in kept.PARTS:
        (tmp_path / part).mkdir()
    (tmp_path / "ops" / "source.py").touch()
    monkeypatch.setattr(kept, "PACKAGE", str(tmp_path))
    kept.package.cache_clear()
    assert kept.package() is None
    for _ in range(2):
        agrees(program())
    kept.package.cache_clear()
    assert len(noted) == 2


def test_what_measures_a_program_is_not_found_in_its_place(noted):
    for _ in range(2):
        made, x = program(), np.ones((2, 3), "f")
        assert len(made.profile(x, repeat=1)) == len(made.plan.calls)
        assert "SECONDS" not in made.source
        agrees(made)
    assert len(noted) == 5  # the program once, and each time what measures it and what that is compared with


def test_what_a_users_own_operation_has_part_in_is_made_each_time(noted, added_rows):
    for factor in (0.5, 0.25):
        kernel = lambda x, out=None, f=factor: np.multiply(x, f, out=out)
        scaled = mt.ops.elementwise("scaled", kernel, lambda g, y, x: (g,))
        made = mt.compile([], scaled(mt.constant([4.0])) + 1, backend="c")
        assert made().tolist() == [4.0 * factor + 1]
    assert len(noted) == 2


# ---- what is found is what would be made ----


@pytest.mark.parametrize("seed", range(60))
def test_a_random_graph_that_is_found_is_the_program_that_is_made(seed, request, random_graph, random_feeds):
    made = compiled(*random_graph(seed))
    request.getfixturevalue("keeping")
    found = [compiled(*random_graph(seed)) for _ in range(2)][1]
    programs = made, found
    backend = found._executor.backend
    assert (type(made._executor.backend), type(backend)) == (CSource, Found)
    for n in (3, 1, 3):
        feeds = random_feeds(made.inputs, n, seed)
        outcomes = [[a.tobytes() for a in (*each(*feeds), *values(each))] for each in programs]
        assert outcomes[0] == outcomes[1]
    assert backend.write(toolchain.require().vector_bytes) == backend.written  # of the plan that is made only here
    assert described(footing_of(backend.layouts)) == described(backend.footing)
    assert str(found.plan) == str(made.plan)


def described(footing):
    """What is the graph's own as it is, what is made of it by its bits."""
    leaves = {key: id(t) if "storage" in t.attrs else t.data.tobytes() for key, t in footing.leaves.items()}
    return footing._replace(leaves=leaves, ahead=str(footing.ahead))


def compiled(inputs, outputs, updates):
    return mt.compile(inputs, outputs, updates, backend="c")


def values(program):
    return [target.data for target in program.updates]


def test_a_program_that_was_found_makes_no_plan_to_run_train_and_evaluate(noted, monkeypatch):
    steps = [training() for _ in range(2)]
    rows, targets = np.linspace(-1, 1, 33, dtype="f").reshape(11, 3), np.ones((11, 2), "f")
    outcomes = []
    for step in steps:
        if step is steps[1]:
            monkeypatch.setattr(choice, "optimise", None)
        step(rows, targets)
        step(x=rows, y=targets)
        history = mt.fit(step, rows, targets, epochs=2, batch_size=4, seed=0, validation=(rows, targets))
        outcomes.append((step.loop(rows, targets, batch_size=5).tolist(), history.loss, history.validation_loss))
    assert outcomes[0] == outcomes[1]


def test_an_error_in_a_program_that_was_found_names_the_users_line(noted):
    for _ in range(2):
        x, i = mt.placeholder("x", (3,)), mt.placeholder("i", ("n",), "int64")
        step = mt.compile([x, i], mt.take(x, i), backend="c")
        with pytest.raises(IndexError, match=r"(?s)take.*test_kept.py:\d+"):
            step([1, 2, 3], [5])
    assert len(noted) == 1


def test_looking_inside_a_scope_finds_the_graph_that_was_compiled(noted):
    made, found = training(), training()
    with mt.scope("elsewhere"):
        assert (str(found.graph), str(found.plan)) == (str(made.graph), str(made.plan))
    assert found.passes is found.passes
    assert found.plan is found._executor.plan


def test_a_graph_of_other_lines_and_names_is_another_program_of_the_same_code(noted):
    first, second = training(), training(n="rows", scope="elsewhere")
    assert len(noted) == 2
    assert first.source != second.source
    assert first._executor.backend.library is second._executor.backend.library


def training(n="n", scope="here"):
    x, y = mt.placeholder("x", (n, 3)), mt.placeholder("y", (n, 2))
    model = mt.nn.MLP(3, [5, 2], seed=0)
    with mt.scope(scope):
        loss = mt.mse_loss(model(x), y)
    return mt.compile([x, y], loss, mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), backend="c")
