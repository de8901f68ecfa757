"""The engines behind pictures: `dot`, pygraphviz or neither, and that failure leaves nothing behind."""

import os
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import minitorch as mt
from minitorch.errors import MinitorchError
from minitorch.viz import draw
from minitorch.viz.engines import engine_names

ENGINES = {"dot": shutil.which("dot"), "pygraphviz": pytest.importorskip("pygraphviz")}
HEADS = {"svg": b"<?xml", "png": b"\x89PNG\r\n", "pdf": b"%PDF-"}


@pytest.fixture
def y():
    return mt.tanh(mt.placeholder("x", ("n",)))


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """`engine(body)`: the only `dot` on PATH is one that runs this Python; with no body there is none."""

    def install(body=None):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        monkeypatch.setenv("PATH", str(folder))
        if body is not None:
            (folder / "dot").write_text(f"#!{sys.executable}\nimport sys\nsource = sys.stdin.read()\n{body}\n")
            (folder / "dot").chmod(0o755)

    return install


def texts(path):
    svg = ElementTree.parse(path)
    return ["".join(e.itertext()).replace("\xa0", " ") for e in svg.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("engine_name", ENGINES)
def test_each_engine_draws_each_kind(y, engine_name, tmp_path, monkeypatch, capfd):
    if engine_name == "dot" and not ENGINES["dot"]:
        pytest.skip("there is no dot on PATH")
    if engine_name == "pygraphviz":
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert engine_names() == [engine_name]
    for asked in (None, "dot"):
        for kind in HEADS:
            mt.Graph([y], name="step").draw(tmp_path / f"step.{kind}", engine=asked)
            assert (tmp_path / f"step.{kind}").read_bytes().startswith(HEADS[kind])
        assert {"step", "tanh", "f32[n]"} <= {t.strip() for t in texts(tmp_path / "step.svg")}
    assert capfd.readouterr() == ("", "")


def test_dot_on_path_comes_first(y, engine, tmp_path):
    engine("print('<svg>', sys.argv[1:], len(source) > 100)")
    draw(y, tmp_path / "a.svg", theme="light", engine="dot")
    assert (tmp_path / "a.svg").read_text() == "<svg> ['-Kdot', '-Tsvg'] True\n"
    draw(y, tmp_path / "a.png")  # laid out by ourselves
    assert (tmp_path / "a.png").read_text() == "<svg> ['-Knop2', '-Tpng'] True\n"


def test_pygraphviz_steps_in_for_a_dot_that_fails(y, engine, tmp_path, capfd):
    engine("sys.exit('Format: \"svg\" not recognized')")
    draw(y, tmp_path / "a.svg", engine="dot")
    assert "tanh" in texts(tmp_path / "a.svg")
    assert capfd.readouterr() == ("", "")


def test_frames_that_cannot_be_ranked_are_drawn_with_more_care(y, engine, tmp_path):
    engine(
        "careful = 'newrank=true' in source\n"
        "print('careful' if careful else 'quick')\n"
        "careful or print('Error: trouble in init_rank', file=sys.stderr)"
    )
    draw(y, tmp_path / "a.svg", engine="dot")
    assert (tmp_path / "a.svg").read_text() == "careful\n"


WITHOUT = """
import sys
sys.modules["pygraphviz"] = None
import minitorch as mt
from minitorch.viz.engines import EngineError
x = mt.placeholder("x", ("n",))
y = mt.tanh(x)
mt.draw(y, "a.dot")
plan = mt.compile([x], y, backend="numpy").plan
for what, kind, options in (
    (y, "svg", {}), (y, "png", {}), (y, "pdf", {}), (y, "svg", {"engine": "dot"}), (plan, "png", {}),
):
    try:
        mt.draw(what, f"a.{kind}", **options)
    except EngineError as error:
        print(error.message)
"""


def test_without_an_engine_the_error_says_what_to_install_and_svg_and_dot_work(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=tmp_path, env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = run.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["png", "pdf", "svg", "png"]
    assert all("pip install pygraphviz" in line and "install Graphviz" in line for line in lines)
    assert sorted(os.listdir(tmp_path)) == ["a.dot", "a.svg"]
    assert {"tanh", "x"} <= set(texts(tmp_path / "a.svg"))
    assert run.stderr == ""


SVG = """
import sys
if sys.argv[2] == "hidden":
    sys.modules["pygraphviz"] = None
import minitorch as mt
from minitorch.viz.engines import engine_names
print(len(engine_names()))
for level in ("layer", "op", "neuron"):
    mt.nn.MLP(2, [3, 1], seed=0).draw(f"{sys.argv[1]}-{level}.svg", level=level)
"""


def test_an_svg_does_not_depend_on_the_engines_that_there_are(tmp_path):
    engines = []
    for name, path, hidden in (("some", os.environ["PATH"], "no"), ("none", str(tmp_path), "hidden")):
        command = [sys.executable, "-c", SVG, str(tmp_path / name), hidden]
        run = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True)
        engines.append(int(run.stdout))
    assert engines[0] > 0 == engines[1]
    for level in ("layer", "op", "neuron"):
        assert (tmp_path / f"some-{level}.svg").read_bytes() == (tmp_path / f"none-{level}.svg").read_bytes()


def test_engines_are_not_imported_before_they_draw():
    code = "import sys, minitorch.viz; print([m for m in ('graphviz', 'pygraphviz', 'networkx') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_failure_leaves_the_old_file_and_no_other(y, engine, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    engine("print('<svg>half'); sys.exit('no room for it')")
    (tmp_path / "a.svg").write_text("old")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(MinitorchError, match="dot could not draw it: no room for it"):
        draw(y, tmp_path / "a.svg", engine="dot")
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "a.svg").read_text() == "old"
