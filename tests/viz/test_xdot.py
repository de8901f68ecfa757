"""An SVG of ours in Graphviz's drawing language: the same shapes, texts and colours at the same places."""

import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import minitorch as mt
from minitorch.viz.css import Rules, kind_of
from minitorch.viz.levels import picture_of
from minitorch.viz.outlines import head, path
from minitorch.viz.plan import plan_svg
from minitorch.viz.style import LIGHT
from minitorch.viz.subject import graph_of
from minitorch.viz.svg import to_svg
from minitorch.viz.xdot import converted, to_dot


def operations(dot):
    """The operations of the drawing, each as (letter, text after it)."""
    drawing = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', dot.split("_background=")[1].split("];node")[0]))
    data, found = drawing.replace('\\"', '"').encode(), []
    while data:
        letter, _, data = data.partition(b" ")
        head_of = {b"T": 5, b"F": 2, b"S": 1, b"c": 1, b"C": 1, b"t": 1}
        if letter in head_of:
            numbers = [data.split(b" ", i + 1)[i] for i in range(head_of[letter])]
            data = data.split(b" ", head_of[letter])[head_of[letter]]
            text = b""
            if letter != b"t":
                text, data = data[1 : 1 + int(numbers[-1])], data[2 + int(numbers[-1]) :]
            found.append((letter.decode(), [float(n) for n in numbers], text.decode()))
        else:
            count, _, data = data.partition(b" ")
            points = data.split(b" ", 2 * int(count))
            data = points.pop()
            found.append((letter.decode(), [float(p) for p in points], ""))
    return found


@pytest.fixture
def svg(step):
    return to_svg(picture_of(graph_of(step), "op"), "light")


def test_every_text_is_there_at_its_place(svg):
    root = ElementTree.fromstring(svg.encode())
    height = float(root.get("viewBox").split()[3])
    texts = [e for e in root.iter() if kind_of(e)[0] == "text"]
    drawn = [(text, numbers) for letter, numbers, text in operations(to_dot(svg)) if letter == "T"]
    assert "".join(text for text, _ in drawn) == "".join("".join(e.itertext()) for e in texts)
    alone = [e for e in texts if e.text and "gradient" not in e.text]
    assert len(alone) > 20
    by_text = {(text, round(height - numbers[1])) for text, numbers in drawn}
    assert {(e.text, round(float(e.get("y")))) for e in alone if e.get("class") == "title"} <= by_text


def test_shapes_have_the_colours_of_their_roles(svg):
    filled = {text for letter, _, text in operations(to_dot(svg)) if letter == "C"}
    lines = {text for letter, _, text in operations(to_dot(svg)) if letter == "c"}
    for role in ("placeholder", "parameter", "forward", "gradient", "update"):
        look = LIGHT.looks[role]
        assert look.fill in filled
        assert look.line in lines
    assert any(letter == "S" and text == "dashed" for letter, _, text in operations(to_dot(svg)))


def test_all_of_it_lies_in_the_picture(svg, step):
    for text in (svg, plan_svg(step.plan, theme="light"), to_svg(picture_of(graph_of(step), "neuron"), "dark")):
        width, height = map(float, ElementTree.fromstring(text.encode()).get("viewBox").split()[2:])
        points = [numbers for letter, numbers, _ in operations(to_dot(text)) if letter in "PLp"]
        assert len(points) > 20
        assert all(-1 <= x <= width + 1 for numbers in points for x in numbers[::2])
        assert all(-1 <= y <= height + 1 for numbers in points for y in numbers[1::2])


@pytest.mark.parametrize("name", ['a\\"b', "\\", '"', "&amp;", "x" * 60, "été 漢字", "-1 -2 C 7 -#ffffff "])
def test_texts_are_not_taken_for_anything_else(name):
    text = to_svg(picture_of(mt.Graph([mt.tanh(mt.placeholder(name, ("n",)))], name=name), "op"), "light")
    drawn = [text.replace("\u200b", "") for letter, _, text in operations(to_dot(text)) if letter == "T"]
    assert drawn.count(name) == 2  # the graph and the placeholder


def test_strings_are_short_enough_for_graphviz(svg):
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', to_dot(svg))
    assert len(strings) > 8
    assert max(map(len, strings)) < 16_384


def test_rules_of_more_exact_selectors_count_more():
    rules = Rules("text{fill:red;x:1}.a text{fill:green}.a.b text{fill:blue}.c{fill:black}")
    text, a, ab = ("text", frozenset()), ("g", frozenset("a")), ("g", frozenset("ab"))
    assert rules.of((text,)) == {"fill": "red", "x": "1"}
    assert rules.of((a, text))["fill"] == "green"
    assert rules.of((ab, ("g", frozenset()), text))["fill"] == "blue"
    assert rules.of((("g", frozenset("c")), ("rect", frozenset())))["fill"] == "black"  # handed down


def test_paths_are_cut_into_straight_pieces():
    assert path("M1 2L3 4h2v-1l1 1Z") == [([(1, 2), (3, 4), (5, 4), (5, 3), (6, 4)], True)]
    ((curve, closed),) = path("M0 0C0 10 10 10 10 0")
    assert (curve[-1], closed) == ((10, 0), False)
    assert max(y for _, y in curve) == 7.5
    ((over, _),), ((under, _),) = path("M0 0a5 3 0 0 1 10 0"), path("M0 0a5 3 0 0 0 10 0")
    assert min(y for _, y in over) == pytest.approx(-3)
    assert max(y for _, y in under) == pytest.approx(3)
    assert [len(path(d)) for d in ("M0 0L1 1M2 2L3 3", "")] == [2, 0]


def test_heads_point_along_the_line():
    assert max(head([(0, 0), (10, 0)])) == pytest.approx((10.8, 0))
    assert min(head([(0, 0), (0, 0), (0, -10), (0, -10)]), key=lambda p: p[1]) == pytest.approx((0, -10.8))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_engine_renders_it(step, theme, tmp_path):
    pytest.importorskip("pygraphviz")
    for what in (step, step.plan):
        mt.draw(what, tmp_path / "a.png", theme=theme)
        data = (tmp_path / "a.png").read_bytes()
        svg = plan_svg(step.plan, theme=theme) if what is step.plan else to_svg(picture_of(graph_of(step), "op"), theme)
        width, height = map(float, ElementTree.fromstring(svg.encode()).get("viewBox").split()[2:])
        shown = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
        assert shown == pytest.approx((width * 2, height * 2), abs=4)  # 144 dots an inch of 72 points
        assert len(data) > 5000
    assert converted(svg, "svg") == svg.encode()


def test_a_missing_engine_is_named(step, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    for what in (step, step.plan):
        with pytest.raises(mt.errors.MinitorchError, match="pdf needs Graphviz, and there is none: pip install"):
            mt.draw(what, tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())


def test_dot_has_nothing_to_complain_of(svg, tmp_path):
    if shutil.which("dot") is None:
        pytest.skip("there is no dot on PATH")
    run = subprocess.run(["dot", "-Knop2", "-Tpng"], input=to_dot(svg).encode(), capture_output=True, check=True)
    assert run.stderr == b""
