"""The commands of `python -m minitorch`, called as a function and once as a process."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import minitorch as mt
from minitorch.cli import main

ROOT = Path(mt.__file__).resolve().parent.parent

BUILDERS = """
import minitorch as mt

def build():
    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch",), "int64")
    model = mt.nn.MLP(2, [4, 3], seed=0)
    loss = mt.cross_entropy(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1)
    return mt.compile([x, y], loss, updates=sgd.minimize(loss), backend="interpreter")

def tensor():
    return mt.tanh(mt.placeholder("x", ("n",)))

model = mt.nn.Linear(3, 1, seed=0)

def bad():
    return 1 / 0
"""


@pytest.fixture
def builders(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "b.py").write_text(BUILDERS)
    return f"{tmp_path / 'b.py'}"


def write_csv(path, titles, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([titles, *rows] if titles else rows)
    return str(path)


def read_csv(path):
    """The rows under the titles."""
    with open(path, newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture
def numbers(tmp_path):
    X = np.random.default_rng(0).uniform(10, 20, (200, 2))  # far from 0, so that a model needs the shift
    return write_csv(tmp_path / "numbers.csv", ["a", "b", "sum"], [[a, b, (a + b) / 10] for a, b in X])


@pytest.fixture
def kinds(tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 2))
    return write_csv(tmp_path / "kinds.csv", ["a", "b", "kind"], [[a, b, "high" if a > b else "low"] for a, b in X])


# ---- train and predict ----


def test_numbers_are_learned_and_predicted(numbers, tmp_path, capsys):
    model = str(tmp_path / "m.safetensors")
    assert main(["train", numbers, "--epochs", "60", "--hidden", "8", "--save", model]) == 0
    printed = capsys.readouterr().out
    assert "MLP(2, [8, 1]): 33 parameters, 160 rows" in printed
    assert re.findall(r"epoch +(\d+)  loss", printed) == [str(epoch) for epoch in range(6, 61, 6)]
    (last,), (ended,) = re.findall(r"epoch 60  loss (\S+)", printed), re.findall(r"-> (\S+);", printed)
    assert last == ended
    assert main(["predict", model, numbers]) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    rows = np.array([row[2] for row in read_csv(numbers)], float)
    assert title == "sum"
    assert np.mean((np.array(lines, float) - rows) ** 2) < np.var(rows) / 50


def test_the_file_is_a_plain_model_that_takes_the_rows_as_they_are(numbers, tmp_path, capsys):
    path = tmp_path / "m.safetensors"
    main(["train", numbers, "--epochs", "3", "--hidden", "5,4", "--activation", "relu", "--save", str(path)])
    model = mt.load(path, mt.nn.MLP(2, [5, 4, 1], activation="relu", dtype="float64"))
    X = np.array([row[:2] for row in read_csv(numbers)], float)
    main(["predict", str(path), numbers, "--out", str(tmp_path / "out.csv")])
    _, *lines = (tmp_path / "out.csv").read_text().splitlines()
    np.testing.assert_allclose(np.array(lines, float), model.predict(X)[:, 0], rtol=1e-6)


def test_rows_far_from_0_are_told_apart(tmp_path, capsys):
    """As times are, in seconds: float32 knows one of them from the next by steps of 128."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    rows = [[1.7e9 + a, b, a - b] for a, b in X]
    path, model = write_csv(tmp_path / "t.csv", ["a", "b", "y"], rows), str(tmp_path / "m.safetensors")
    assert main(["train", path, "--hidden", "0", "--epochs", "60", "--save", model]) == 0
    assert float(capsys.readouterr().out.split("mean squared error ")[1].split()[0]) < 1e-4
    assert main(["predict", model, path]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    np.testing.assert_allclose(np.array(lines, float), X[:, 0] - X[:, 1], atol=0.05)


def test_labels_are_learned_and_predicted(kinds, tmp_path, capsys):
    model = str(tmp_path / "m.safetensors")
    assert main(["train", kinds, "--loss", "cross_entropy", "--epochs", "40", "--save", model]) == 0
    assert "% right" in capsys.readouterr().out
    assert main(["predict", model, kinds]) == 0
    lines = capsys.readouterr().out.splitlines()
    right = [row[2] for row in read_csv(kinds)]
    assert lines[0] == "kind"
    assert np.mean(np.array(lines[1:]) == np.array(right)) > 0.95


def test_npz_and_csv_without_titles(tmp_path, capsys):
    X = np.random.default_rng(0).normal(size=(60, 3))
    np.savez(tmp_path / "t.npz", X=X, y=X[:, :2])
    plain = write_csv(tmp_path / "t.csv", None, X.tolist())
    model = str(tmp_path / "m.safetensors")
    assert main(["train", str(tmp_path / "t.npz"), "--epochs", "2", "--hidden", "0", "--save", model]) == 0
    assert main(["predict", model, str(tmp_path / "t.npz")]) == 0
    assert capsys.readouterr().out.splitlines()[-61] == "y0,y1"
    assert main(["train", plain, "--epochs", "2", "--target", "0"]) == 0


def test_the_same_seed_gives_the_same_file(numbers, tmp_path, capsys):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        main(["train", numbers, "--epochs", "2", "--seed", seed, "--save", str(tmp_path / f"{name}.safetensors")])
    a, b, c = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b != c


BAD = [
    (["train", "KINDS"], "the target is to be numbers"),
    (["train", "KINDS", "--target", "a"], "row 2, column kind: '(high|low)' is no number"),
    (["train", "KINDS", "--target", "size"], "there is no column 'size'; there are a, b, kind"),
    (["train", "NUMBERS", "--activation", "tan"], "there is no activation 'tan'; there are"),
    (["train", "NUMBERS", "--save", "missing/m.safetensors"], "there is no such folder"),
    (["train", "NUMBERS", "--save", "."], "this is a folder; the path of a file is expected"),
    (["train", "missing.csv"], "No such file"),
    (["train", "data.txt"], r"a table is a \.csv or an \.npz file"),
    (["predict", "KINDS", "KINDS"], "no whole safetensors file"),
    (["show", "nothing"], "a builder is expected, file.py:name"),
    (["show", "BUILDERS:nope"], "there is no 'nope'; there are build, tensor"),
    (["show", "BUILDERS:bad"], r"ZeroDivisionError at .*b\.py:17: division by zero"),
    (["show", "BUILDERS:tensor", "--what", "plan"], "only a compiled program has plan, but <Tensor"),
    (["show", "BUILDERS:build", "--draw", "a.bmp"], r"there are \.svg, \.png"),
    (["bench", "BUILDERS:tensor"], "a compiled program is expected, but <Tensor"),
]  # fmt: skip


TABLES = [
    ("a,b\n1,2\n3,nan\n5,6", "the target is not finite in row 2, column 1: nan"),
    ("a,b\n1,2\ninf,3\n5,6", "row 3, column a: 'inf' is not finite"),
    ("a,a,a\n1,2,3\n4,5,6", "two columns have the name 'a'"),
    ("b\n1\n2\n3", "there is no column to learn from, but b alone"),
    (b"a,b\n1,2\n\xe9,4", "this is no text in UTF-8"),
    ({"X": np.ones((4, 2)), "y": np.eye(4)}, "labels are one column, but there are 4"),
    ({"X": np.ones((4, 2)), "y": np.float64(1)}, r"X has 4 rows, but y has the shape \(\)"),
    ({"X": np.ones(4), "y": np.ones(4)}, r"X is rows of numbers, but has the shape \(4,\)"),
    ({"X": np.array([["a"], ["b"]]), "y": np.ones(2)}, "X is rows of numbers, but .* the dtype <U1"),
    ({"X": np.array([[1.0], [np.nan]]), "y": np.ones(2)}, "X is not finite in row 2, column 1: nan"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "message"), TABLES)
def test_a_table_that_cannot_be_learned_from(table, message, tmp_path, capsys):
    path = tmp_path / ("t.npz" if isinstance(table, dict) else "t.csv")
    if isinstance(table, dict):
        np.savez(path, **table)
    else:
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
    loss = ["--loss", "cross_entropy"] if "labels" in message else []
    assert main(["train", str(path), "--epochs", "1", *loss, "--save", str(tmp_path / "m")]) == 1
    err = capsys.readouterr().err
    assert re.search(message, err)
    assert str(path) in err
    assert not (tmp_path / "m").exists()


def test_a_training_that_diverges_is_not_saved(numbers, tmp_path, capsys):
    model = tmp_path / "m.safetensors"
    assert main(["train", numbers, "--lr", "1e30", "--epochs", "5", "--save", str(model)]) == 1
    assert re.search(r"the loss is (nan|inf) in epoch \d: try a smaller --lr than 1e\+30", capsys.readouterr().err)
    assert not model.exists()


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_what_is_wrong_is_said_on_a_line_and_nothing_is_written(
    arguments, message, kinds, numbers, builders, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path))
    known = {"KINDS": kinds, "NUMBERS": numbers}
    assert main([known.get(a, a).replace("BUILDERS", builders) for a in arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"minitorch {arguments[0]}: ")
    assert pytest.RaisesExc(ValueError, match=message).matches(ValueError(err))
    assert "Traceback" not in err
    assert sorted(set(os.listdir(tmp_path)) - {"__pycache__"}) == before


REFUSED = [
    [], ["fly"], ["train"], ["train", "x.csv", "--epochs", "0"], ["train", "x.csv", "--hidden", "3,x"],
    ["train", "x.csv", "--test-size", "1"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_argparse_refuses_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: python -m minitorch" in capsys.readouterr().err


def test_a_model_takes_its_own_columns_alone(numbers, tmp_path, capsys):
    model = str(tmp_path / "m.safetensors")
    main(["train", numbers, "--epochs", "1", "--save", model])
    swapped = write_csv(tmp_path / "swapped.csv", ["b", "a"], [[1, 2]])
    narrow = write_csv(tmp_path / "narrow.csv", ["a"], [[1]])
    for path, message in ((swapped, "takes the columns a, b, not b, a"), (narrow, "takes 2 columns, but there are 1")):
        assert main(["predict", model, path]) == 1
        assert message in capsys.readouterr().err


def test_columns_with_the_names_of_numbers_keep_their_order_too(tmp_path, capsys):
    model = str(tmp_path / "m.safetensors")
    main(["train", write_csv(tmp_path / "a.csv", ["x1", "x2", "y"], [[1, 2, 3]] * 9), "--epochs", "1", "--save", model])
    assert main(["predict", model, write_csv(tmp_path / "b.csv", ["x2", "x1"], [[1, 2]])]) == 1
    assert "takes the columns x1, x2, not x2, x1" in capsys.readouterr().err


# ---- looking ----


@pytest.mark.parametrize(("what", "word"), [
    ("graph", "update layers.0.weight <-"), ("traced", "cross_entropy"), ("passes", "deduplicate"),
    ("plan", "instructions a step"), ("source", "the interpreter generates no code"), ("mermaid", "flowchart TB"),
])  # fmt: skip
def test_show_prints_each_stage(what, word, builders, capsys):
    assert main(["show", f"{builders}:build", "--what", what]) == 0
    out = capsys.readouterr().out
    assert word in out or (what == "traced" and "program" in out)


def test_show_takes_tensors_and_modules_and_writes_pictures(builders, tmp_path, capsys):
    assert main(["show", f"{builders}:tensor"]) == 0
    assert "tanh(x)" in capsys.readouterr().out
    assert main(["show", f"{builders}:model", "--what", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["nodes"]) == 5
    pytest.importorskip("pygraphviz")
    assert main(["show", f"{builders}:build", "--draw", str(tmp_path / "a.svg"), "--theme", "dark"]) == 0
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_explore_asks_the_program_for_its_page(builders, tmp_path, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(mt.Program, "explore", lambda self, path: asked.append(path), raising=False)
    assert main(["explore", f"{builders}:build", str(tmp_path / "a.html")]) == 0
    assert asked == [tmp_path / "a.html"]


def test_bench_measures_each_instruction(builders, capsys):
    assert main(["bench", f"{builders}:build", "--batch", "8"]) == 0
    out = capsys.readouterr().out
    assert "program on interpreter" in out
    assert "matmul" in out


def test_bench_without_a_program_runs_the_benchmarks_of_the_checkout(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(
        subprocess, "run", lambda command, **k: ran.append(command) or subprocess.CompletedProcess([], 0)
    )
    assert main(["bench", "--", "--threads", "1"]) == 0
    assert ran == [[sys.executable, "-m", "benchmarks", "--threads", "1"]]


def test_doctor_as_a_process():
    command = [sys.executable, "-W", "error", "-m", "minitorch", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stderr) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert rows["numpy"] == np.__version__
    assert {"python", "BLAS", "Graphviz", "safetensors", "C"} <= rows.keys()
