"""The examples run as a reader would run them, and print and write what they promise."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"


def run(name, folder, files=("pictures",)):
    """What an example prints when it is run in a folder of its own; its files go to `folder / "pictures"`."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), str(folder / "pictures")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == list(files), "files outside the folder that was named"
    return done.stdout


def check_svg(path, *texts):
    root = ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    shown = " ".join(root.itertext())
    assert all(text in shown for text in texts), shown


def check_png(path):
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
    assert width >= 300
    assert height >= 300


def test_every_example_is_tested():
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {
        "quickstart",
        "train_digits",
        "train_diabetes",
        "one_neuron",
        "what_the_compiler_did",
        "debug_a_nan",
        "explore",
        "training_film",
    }


def test_quickstart(tmp_path):
    printed = run("quickstart", tmp_path)
    first, last = re.search(r"100 epochs, loss (\S+) -> ([^;]+);", printed).groups()
    assert float(last) < float(first) / 3
    accuracy = float(re.search(r"([\d.]+)% of the points on the right side", printed)[1])
    assert accuracy >= 95
    assert "x: f32[batch, 2] = placeholder" in printed
    assert "update layers.0.weight" in printed
    check_svg(tmp_path / "pictures" / "train_step.svg", "matmul", "tanh")


def test_train_digits(tmp_path):
    printed = run("train_digits", tmp_path)
    accuracy = re.fullmatch(r"test accuracy: (\d+\.\d) %", printed.splitlines()[-1])
    assert accuracy, printed
    assert 95 <= float(accuracy[1]) <= 100
    assert re.search(r"\d+ images, .* ms an epoch", printed, re.DOTALL)
    check_png(tmp_path / "pictures" / "digits_loss.png")
    check_svg(tmp_path / "pictures" / "digits.svg", "matmul", "tanh")


def test_train_digits_shares_no_image_between_parts():
    example = runpy.run_path(str(EXAMPLES / "train_digits.py"))
    pixels, labels = example["load_digits"](return_X_y=True)
    parts = example["images"](seed=3)
    sizes = [len(part) for part in parts]
    assert sizes == [1294, 144, 359] * 2
    rows = np.concatenate([(np.concatenate(parts[:3]) + 1) * 8, np.concatenate(parts[3:])[:, None]], axis=1)
    expected = np.column_stack([pixels, labels])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, expected))  # each image once, with its label


@pytest.mark.parametrize("seed", [1, 2])
def test_train_digits_does_not_hang_on_one_seed(seed, tmp_path, capsys):
    accuracy = runpy.run_path(str(EXAMPLES / "train_digits.py"))["main"](tmp_path, seed=seed)
    shown = capsys.readouterr()
    assert accuracy >= 0.96
    assert "60/60" in shown.err  # the progress bar


def test_train_diabetes(tmp_path):
    printed = run("train_diabetes", tmp_path)
    table = dict(re.findall(r"^(mean|ordinary|network)\b.*?(-?\d\.\d{3}) ±", printed, re.MULTILINE))
    r2 = {name: float(value) for name, value in table.items()}
    assert abs(r2["mean"]) < 0.1
    assert r2["ordinary"] > 0.4
    assert r2["network"] > r2["mean"] + 0.4
    assert abs(r2["network"] - r2["ordinary"]) < 0.05
    check_png(tmp_path / "pictures" / "diabetes.png")


def test_diabetes_baseline_and_score_agree_with_scikit_learn():
    linear, metrics = pytest.importorskip("sklearn.linear_model"), pytest.importorskip("sklearn.metrics")
    example = runpy.run_path(str(EXAMPLES / "train_diabetes.py"))
    X, Y = example["load_diabetes"](return_X_y=True)
    Y = Y[:, None]
    predicted = example["least_squares"](X[:300], Y[:300], X[300:])
    np.testing.assert_allclose(predicted, linear.LinearRegression().fit(X[:300], Y[:300]).predict(X[300:]), rtol=1e-8)
    assert example["r_squared"](predicted, Y[300:]) == pytest.approx(metrics.r2_score(Y[300:], predicted))
    rmse = example["root_mean_square"](predicted - Y[300:])
    assert rmse == pytest.approx(metrics.root_mean_squared_error(Y[300:], predicted))


def test_one_neuron(tmp_path):
    printed = run("one_neuron", tmp_path)
    rows = re.findall(r"^dL/d\S+ +(\S+) +(\S+) +(\S+)$", printed, re.MULTILINE)
    gradients = np.array(rows, dtype=float)
    assert gradients.shape == (3, 3)
    assert np.abs(gradients).min() > 0.01
    np.testing.assert_allclose(gradients[:, 1], gradients[:, 0], atol=1e-9)
    np.testing.assert_allclose(gradients[:, 2], gradients[:, 0], atol=1e-7)
    answers = {f"{a}{b}": float(p) for a, b, p in re.findall(r"(\d) or (\d): (\S+)", printed)}
    assert {key: round(p) for key, p in answers.items()} == {"00": 0, "01": 1, "10": 1, "11": 1}
    check_svg(tmp_path / "pictures" / "one_neuron.svg", "matmul", "sigmoid")
    check_svg(tmp_path / "pictures" / "one_neuron_values.svg", "sigmoid", "weighted sum", "w[1]", "∂")


def test_the_gradient_by_hand_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    example = runpy.run_path(str(EXAMPLES / "one_neuron.py"))
    w = torch.tensor([0.3, -1.2], dtype=torch.float64, requires_grad=True)
    b = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    prediction = torch.sigmoid(torch.from_numpy(example["X"]) @ w + b)
    torch.nn.functional.mse_loss(prediction, torch.from_numpy(example["Y"])).backward()
    by_hand = example["by_hand"](w.detach().numpy(), b.detach().numpy())
    np.testing.assert_allclose(by_hand, [*w.grad.numpy(), b.grad.item()], rtol=1e-12)


def test_what_the_compiler_did(tmp_path):
    printed = run("what_the_compiler_did", tmp_path, files=())
    written, compiled = map(int, re.search(r"written: (\d+) nodes, compiled: (\d+)", printed).groups())
    assert compiled < written
    for law in ("computed once", "a + (-b) = a - b", "x * 1 = x", "an operation on constants is a constant"):
        assert law in printed
    assert float(re.search(r"one made to a value: (\S+)", printed)[1]) < 1e-12
    assert "not checked" not in printed
    assert "gradients: 9 nodes agree" in printed
    first, second = map(float, re.search(r"is (\S+) by its rule, but (\S+) by differences", printed).groups())
    assert first / second == pytest.approx(2 / 3)


def test_debug_a_nan(tmp_path):
    printed = run("debug_a_nan", tmp_path, files=())
    assert "loss of the step by hand: nan" in printed
    assert re.search(r"log made a value that is not finite.*row 40.*debug_a_nan\.py:\d+", printed)
    assert "p from 0\n" in printed
    assert "first bad node after the repair: None" in printed
    first, last = map(float, re.search(r"loss (\S+) -> (\S+)", printed).groups())
    assert last < first / 2


def test_explore(tmp_path):
    printed = run("explore", tmp_path)
    for name in ("moons", "digits"):
        text = (tmp_path / "pictures" / f"{name}.html").read_text("utf-8")
        nodes, size = map(int, re.search(rf"{name}\.html: (\d+) nodes, (\d+) kB", printed).groups())
        assert nodes > 60
        assert 60 < size < 600
        assert "default-src 'none'" in text
        assert '"figures":' in text


def test_training_film(tmp_path):
    printed = run("training_film", tmp_path)
    sizes = dict(re.findall(r"(moons|digits)\.html: (\d+) kB", printed))
    assert set(sizes) == {"moons", "digits"}
    assert all(50 < int(size) < 1000 for size in sizes.values())
    for name in sizes:
        page = (tmp_path / "pictures" / f"{name}.html").read_text("utf-8")
        assert "default-src 'none'" in page
        frames = int(re.search(rf"{name}: .*; (\d+) frames", printed)[1])
        assert f"{frames} frames" in page
        assert frames > 30
