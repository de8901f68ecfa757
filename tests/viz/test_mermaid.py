"""Mermaid text: held to a small grammar of flowcharts, read back, and compared with the graph it was written from."""

import re

import pytest

import minitorch as mt
from minitorch.viz import to_mermaid
from minitorch.viz.mermaid import MOST_CHARACTERS, MOST_EDGES
from minitorch.viz.picture import drawn

TEXT = r'"((?:[^\W_]|[ ,()\[\]=·]|(?<=[^\W_])[._](?=[^\W_])|#\d+;|<br/>)+)"'  # neither quotes nor comments nor Markdown
SHAPES = {
    "placeholder": r"\[\\TEXT/\]", "parameter": r"\[\(TEXT\)\]", "constant": r">TEXT\]", "forward": r"\[TEXT\]",
    "gradient": r"\{\{TEXT\}\}", "update": r"\[/TEXT\\\]",
}  # fmt: skip
NODES = {role: re.compile(r"(n\d+)" + shape.replace("TEXT", TEXT) + f":::{role}") for role, shape in SHAPES.items()}
FRAME = re.compile(rf"subgraph (s\d+)\[{TEXT}\]")
FLOW = re.compile(rf"(n\d+) -->(?:\|{TEXT}\|)? (n\d+)")
WRITE = re.compile(r"(n\d+) -\.-> (n\d+)")
STYLE = re.compile(
    r"classDef (\w+) (?:fill:#\w{6},stroke:#\w{6},color:#\w{6}|stroke-width:4px)|class n\d+(,n\d+)* output"
)


def plain(text):
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text.replace("<br/>", "\n"))


class Read:
    """A flowchart as nodes (title, role, frames) and arrows; a line that the grammar does not know is an error."""

    def __init__(self, text):
        first, title, *lines = text.splitlines()
        assert first == "flowchart TB"
        assert re.fullmatch(r"    accTitle: \S.*", title)
        self.nodes, self.flow, self.writes, self.roles, frames = {}, [], [], set(), []
        for line in map(str.strip, lines):
            role = next((role for role, pattern in NODES.items() if pattern.fullmatch(line)), None)
            if role is not None:
                name, label = NODES[role].fullmatch(line).groups()
                self.nodes[name] = plain(label), role, tuple(frames)
            elif found := FRAME.fullmatch(line):
                frames.append(plain(found[2]))
            elif line == "end":
                frames.pop()
            elif found := FLOW.fullmatch(line):
                self.flow.append((found[1], found[3], plain(found[2] or "")))
            elif found := WRITE.fullmatch(line):
                self.writes.append((found[1], found[2]))
            else:
                found = STYLE.fullmatch(line)
                assert found, line
                self.roles.add(found[1])
        assert not frames
        assert {end for a, b, *_ in (*self.flow, *self.writes) for end in (a, b)} <= set(self.nodes)


def test_boxes_arrows_frames_and_roles_are_those_of_the_picture(step):
    read, picture = Read(step.to_mermaid()), drawn(step.optimised)
    assert len(read.nodes) == len(picture.boxes)
    for i, box in enumerate(picture.boxes):
        label, role, frames = read.nodes[f"n{i}"]
        assert (label.split("\n")[0], role, frames) == (box.title + box.call, box.role, box.frame)
    expected = [(f"n{a.source}", f"n{a.target}", a.label) for a in picture.arrows if not a.writes]
    assert sorted(read.flow) == sorted(expected)
    assert sorted(read.writes) == sorted((f"n{a.source}", f"n{a.target}") for a in picture.arrows if a.writes)
    assert read.roles >= {"placeholder", "parameter", "forward", "gradient", "update", "output"}


NAMES = [
    "end", "graph", "subgraph", "style a:b#c;", '"quoted"', "[a](b){c}", "a\nb\t\x00", "‮rtl", "שלום", "`code`",
    "%% comment", "%%{init: {}}%%", "1. one", "- item", "__init__", "**bold**", "$$x$$", "#quot;", "#35;", "&lt;b>",
    "<script>alert(1)</script>", "a --> b", "a|b", "A:::x", "click n0 x", "back\\slash", "é漢🎉", " ", "",
    "x" * 100_000, "fa:fa-ban",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_name_means_anything(name):
    with mt.scope(name.replace("/", "|")):
        t = mt.tanh(mt.placeholder(name, (name or "n",)))
    text = mt.Graph([t], name=name).to_mermaid()
    read, boxes = Read(text), drawn(mt.Graph([t], name=name)).boxes
    assert [label.split("\n")[0].strip("\xa0 ") for label, *_ in read.nodes.values()] == [
        b.title.strip() for b in boxes
    ]
    assert len(text) < 5000


def test_what_mermaid_refuses_is_written_as_layers():
    x = mt.placeholder("x", ("n", 4))
    t = mt.nn.MLP(4, [4] * 150, seed=0)(x)
    assert len(Read(to_mermaid(t, level="op")).flow) > MOST_EDGES
    text = to_mermaid(t)
    assert len(Read(text).nodes) == 151
    assert len(text) < MOST_CHARACTERS


def test_modules_and_tensors_themes_and_levels():
    model = mt.nn.Linear(3, 1)
    assert len(Read(model.to_mermaid()).nodes) == 5
    assert len(Read(to_mermaid(model, level="layer")).nodes) == 2
    assert "#0A3B2C" not in model.to_mermaid(theme="dark")  # no update in it
    assert model.to_mermaid(theme="dark") != model.to_mermaid()
    with pytest.raises(ValueError, match="no theme 'x'"):
        model.to_mermaid(theme="x")
