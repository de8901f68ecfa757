"""Pictures as files: their kinds, names in them, the same bytes for the same graph, and what is refused."""

import os
import re
import subprocess
import sys
import threading
from xml.etree import ElementTree

import pytest

import minitorch as mt
from minitorch.viz import draw

HEADS = {
    "svg": b"<?xml", "png": b"\x89PNG\r\n", "pdf": b"%PDF-", "dot": b"digraph", "gv": b"digraph",
    "mmd": b"flowchart TB", "mermaid": b"flowchart TB", "json": b'{\n "format"', "graphml": b"<?xml",
}  # fmt: skip
pytest.importorskip("pygraphviz")


@pytest.fixture
def y():
    return mt.tanh(mt.placeholder("x", ("n",)))


def texts(path):
    svg = ElementTree.parse(path)
    return ["".join(e.itertext()).replace("\xa0", " ") for e in svg.iter("{http://www.w3.org/2000/svg}text")]


# ---- kinds ----


@pytest.mark.parametrize("kind", HEADS)
def test_the_suffix_says_the_kind(step, kind, tmp_path):
    for name, format in ((f"a.{kind}", None), (f"b.{kind.upper()}", None), ("c", kind), ("d.txt", f".{kind}")):
        step.draw(tmp_path / name, format=format)
        content = (tmp_path / name).read_bytes()
        assert content.startswith(HEADS[kind])
        assert len(content) > 1000


def test_what_can_be_drawn(y, tmp_path):
    x = mt.placeholder("x", ("n", 3))
    model = mt.nn.MLP(3, [2, 1], seed=0)
    subjects = [
        y, [y, y * 2.0], mt.Graph([y]), mt.compile([x], model(x)), model, mt.nn.Neuron(3), mt.nn.Layer(3, 2).neurons[1],
        mt.nn.Tanh(), mt.nn.Sequential(mt.nn.Linear(5, 2, dtype="float64"), mt.nn.ReLU()), mt.constant([1.0, 2.0]),
    ]  # fmt: skip
    for subject in subjects:
        for engine in (None, "dot"):
            draw(subject, str(tmp_path / "a.svg"), engine=engine)
            assert len(texts(tmp_path / "a.svg")) > 1
        draw(subject, tmp_path / "a.dot", level="layer")
    mt.draw(y, tmp_path / "b.svg")
    mt.Graph([y]).draw(tmp_path / "b.dot")


def test_a_module_is_drawn_on_rows_of_its_own_width_and_dtype(tmp_path):
    mt.nn.Linear(7, 2, dtype="float64").draw(tmp_path / "a.svg")
    assert "f64[batch, 7]" in {t.strip() for t in texts(tmp_path / "a.svg")}


def test_a_new_picture_takes_the_place_of_the_old(y, tmp_path):
    for tensor, word in ((y, "tanh"), (mt.exp(y), "exp")):
        draw(tensor, tmp_path / "a.svg")
        assert word in texts(tmp_path / "a.svg")
    assert os.listdir(tmp_path) == ["a.svg"]


# ---- the same graph, the same bytes ----

SAME = """
import sys
import minitorch as mt
for _ in range(int(sys.argv[2])):
    mt.placeholder("unused", ())
with mt.scope("a"):
    x, w = mt.placeholder("x", ("n", 3)), mt.parameter([[1.0], [2.0], [3.0]], name="w")
    loss = ((x @ w) ** 2).mean()
step = mt.compile([x], loss, updates=mt.optim.SGD([w], lr=0.1, momentum=0.5).minimize(loss))
for level in ("op", "layer"):
    for kind in ("svg", "png", "pdf", "dot", "mmd", "json", "graphml"):
        step.draw(f"{sys.argv[1]}/{level}.{kind}", level=level)
    for kind in ("svg", "png", "pdf"):
        step.draw(f"{sys.argv[1]}/{level}-dot.{kind}", level=level, engine="dot")
"""


def test_the_same_graph_gives_the_same_bytes(tmp_path):
    for seed, serials in (("0", "0"), ("1", "999")):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", SAME, str(folder), serials], env=environment, check=True)
    names = sorted(os.listdir(tmp_path / "0"))
    assert len(names) == 20
    for name in names:
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
    assert b"D:1970" in (tmp_path / "0" / "op-dot.pdf").read_bytes()  # not of today


@pytest.mark.parametrize("engine", [None, "dot"])
def test_threads_draw_at_once(step, engine, tmp_path):
    step.draw(tmp_path / "alone.svg", engine=engine)
    threads = [
        threading.Thread(target=step.draw, args=(tmp_path / f"{i}.svg",), kwargs={"engine": engine}) for i in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(tmp_path / f"{name}.svg").read_bytes() for name in ("alone", 0, 1, 2)}) == 1


# ---- names ----

NAMES = [
    "<script>alert(1)</script>", '"];evil[', "back\\slash\\N\\G\\n\\", "'\"", "été 漢字 🎉", "", " ", "&amp;&lt;",
    "-->", "]]>", "</B>", "<b>x</b>", "%s${x}", "graph",
]  # fmt: skip


ELEMENTS = {
    None: {"svg", "title", "style", "defs", "marker", "rect", "g", "path", "text", "tspan"},
    "dot": {"svg", "style", "g", "title", "a", "path", "polygon", "polyline", "ellipse", "text"},
}


@pytest.mark.parametrize("engine", ELEMENTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is_and_does_no_harm(name, engine, tmp_path):
    with mt.scope(name.replace("/", "|")):
        t = mt.tanh(mt.placeholder(name, (name or "n",)) @ mt.parameter([1.0], name=name)[:, None])
    mt.Graph([t], name=name).draw(tmp_path / "a.svg", engine=engine)
    shown = texts(tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg")
    assert {e.tag.split("}")[1] for e in root.iter()} <= ELEMENTS[engine]
    if name.strip():
        assert {name, name.replace("/", "|"), f"f32[{name}]", f"{name}#2"} <= {t.strip() for t in shown}
    nodes = [e for e in root.iter() if e.get("id", "n").startswith("n") and "node" in e.get("class", "").split()]
    assert len([e for e in nodes if e.get("id")]) == len(mt.Graph([t]).nodes)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_in_a_png(name, tmp_path):
    mt.Graph([mt.tanh(mt.placeholder(name, (name or "n",)))], name=name).draw(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(HEADS["png"])


LONG = "x" * 100_000


@pytest.mark.parametrize(("name", "shown"), [("a\nb\t\x00\ud800", r"a\nb\t\x00\ud800"), (LONG, LONG[:60] + "...")])
@pytest.mark.parametrize("engine", [None, "dot"])
@pytest.mark.parametrize("level", ["op", "layer"])
def test_what_cannot_be_shown_is_written_in_escapes_or_cut(name, shown, level, engine, tmp_path):
    x = mt.placeholder(name, ("n",))
    with mt.scope(name):
        t = mt.tanh(x)
    draw(t, tmp_path / "a.svg", level=level, engine=engine)
    assert texts(tmp_path / "a.svg").count(shown) == 2  # the frame or the layer, and the placeholder
    assert (tmp_path / "a.svg").stat().st_size < 20_000


# ---- bad input ----


@pytest.mark.parametrize(("name", "format"), [("a.jpg", None), ("a", None), ("a.svg", "bmp"), ("a.svg", "")])
def test_an_unknown_kind_lists_those_there_are(y, name, format, tmp_path):
    with pytest.raises(ValueError, match=r"there are \.svg, \.png, \.pdf, \.dot, \.gv, \.graphml, \.json, \.mmd"):
        draw(y, tmp_path / name, format=format)
    assert not os.listdir(tmp_path)


def test_an_unknown_level_lists_those_there_are(y, tmp_path):
    with pytest.raises(ValueError, match="no level 'cell'; there are op, layer"):
        draw(y, tmp_path / "a.dot", level="cell")
    assert not os.listdir(tmp_path)


def test_an_unknown_engine_is_refused(y, tmp_path):
    with pytest.raises(ValueError, match="there is no engine 'neato'; there is dot, or None for our own layout"):
        draw(y, tmp_path / "a.svg", engine="neato")
    assert not os.listdir(tmp_path)


def test_a_folder_that_is_not_there(y, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*missing'"):
        draw(y, tmp_path / "missing" / "a.svg")


@pytest.mark.parametrize("what", [None, 3, "x", [], [1], {"a": 1}])
def test_what_cannot_be_drawn(what, tmp_path):
    kinds = "a tensor, a list of tensors, a graph, a program, a plan or a module"
    with pytest.raises(TypeError, match=rf"draw: {kinds} is expected, but .* was given"):
        draw(what, tmp_path / "a.svg")


class TwoInputs(mt.nn.Module):
    def forward(self, a, b):
        return a + b


class Wide(mt.nn.Module):
    def __init__(self):
        self.scale = mt.parameter([1.0, 2.0, 3.0])
        self.weight = mt.parameter([[1.0], [2.0]])

    def forward(self, x):
        return x @ self.weight * self.scale


@pytest.mark.parametrize("module", [TwoInputs(), Wide()])
def test_a_module_that_takes_something_else_says_what_to_draw(module, tmp_path):
    with pytest.raises(ValueError, match=r"takes no f32\[batch, .*draw what it makes of your own placeholders"):
        module.draw(tmp_path / "a.svg")


# ---- size ----


def chain(length):
    t = mt.placeholder("x", ("n",))
    for i in range(length):
        with mt.scope(f"part{i % 5}"):
            t = mt.tanh(t)
    return t


def test_a_graph_too_large_to_lay_out_says_what_to_do(tmp_path):
    how = r"2001 boxes are more than .*write it as \.dot, or draw it with level=\"layer\""
    with pytest.raises(ValueError, match=how):
        draw(chain(2000), tmp_path / "a.svg", level="op")
    assert not os.listdir(tmp_path)


def test_a_long_chain_is_written_as_dot_and_drawn_by_layers(tmp_path):
    long = chain(10_000)
    draw(long, tmp_path / "a.dot")
    assert (tmp_path / "a.dot").read_text().count(" -> ") == 10_000
    draw(long, tmp_path / "a.svg", level="layer")
    assert {f"part{i}" for i in range(5)} <= set(texts(tmp_path / "a.svg"))


def test_what_cannot_be_read_is_drawn_as_layers_and_says_so(step, tmp_path):
    draw(chain(600), tmp_path / "a.svg")
    shown = texts(tmp_path / "a.svg")
    assert '601 operations, drawn as layers (level="op" draws each)' in shown
    assert {f"part{i}" for i in range(5)} <= set(shown)
    assert shown.count("tanh") == 5
    draw(chain(200), tmp_path / "b.svg")
    assert texts(tmp_path / "b.svg").count("tanh") == 200
    assert not any("drawn as layers" in text for text in texts(tmp_path / "b.svg"))


# ---- plans ----


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_a_plan_is_drawn_as_it_draws_itself(step, kind, tmp_path):
    draw(step.plan, tmp_path / f"a.{kind}")
    step.plan.draw(tmp_path / f"b.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert (tmp_path / f"a.{kind}").read_bytes().startswith(HEADS[kind])


def test_in_other_kinds_a_plan_is_the_graph_that_it_computes(step, tmp_path):
    draw(step.plan, tmp_path / "plan.json")
    draw(step.graph, tmp_path / "graph.json")
    assert (tmp_path / "plan.json").read_bytes() == (tmp_path / "graph.json").read_bytes()


@pytest.mark.parametrize("option", [{"level": "op"}, {"inputs": [1.0]}, {"engine": "dot"}])
def test_the_picture_of_a_plan_has_no_level(step, option, tmp_path):
    with pytest.raises(ValueError, match=f"the picture of a plan has no {next(iter(option))}; .* draw plan.graph"):
        draw(step.plan, tmp_path / "a.svg", **option)


# ---- themes ----


def test_an_svg_follows_the_readers_system_and_else_has_one_theme(step, tmp_path):
    for theme in ("auto", "light", "dark"):
        step.draw(tmp_path / f"{theme}.svg", theme=theme)
    auto, light, dark = ((tmp_path / f"{theme}.svg").read_text() for theme in ("auto", "light", "dark"))
    parts = [re.fullmatch(r"(.*<style>)(.*?)(</style>.*)", text, re.DOTALL) for text in (auto, light, dark)]
    assert len({(part[1], part[3]) for part in parts}) == 1
    assert parts[0][2].startswith(parts[1][2])
    assert parts[0][2].count("prefers-color-scheme:dark") == 1
    assert parts[2][2].endswith(parts[0][2].split("prefers-color-scheme:dark){")[1].removesuffix("}"))


def test_an_svg_by_dot_follows_the_readers_system_and_else_has_one_theme(step, tmp_path):
    for theme in ("auto", "light", "dark"):
        step.draw(tmp_path / f"{theme}.svg", theme=theme, engine="dot")
    auto, light, dark = ((tmp_path / f"{theme}.svg").read_text() for theme in ("auto", "light", "dark"))
    assert auto.count("prefers-color-scheme:dark") == 1
    assert re.sub(r"\n<style>.*?</style>", "", auto) == light
    swap = dict(re.findall(r'\[(?:fill|stroke)="(#\w+)"\]\{\w+:(#\w+)\}', auto))
    assert re.sub(r"#[0-9a-f]{6}", lambda colour: swap[colour[0]], light) == dark  # by these rules, nothing left out


@pytest.mark.parametrize("kind", ["svg", "png", "dot", "mmd"])
def test_there_is_no_other_theme(y, kind, tmp_path):
    with pytest.raises(ValueError, match="no theme 'sepia'; there are light, dark"):
        draw(y, tmp_path / f"a.{kind}", theme="sepia")
    assert not os.listdir(tmp_path)


def test_scopes_nested_without_end(tmp_path):
    with mt.scope("/".join(["s"] * 3000)):
        draw(mt.tanh(mt.placeholder("x", ())), tmp_path / "a.svg")
    assert "tanh" in texts(tmp_path / "a.svg")
