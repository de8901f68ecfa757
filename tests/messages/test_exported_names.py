"""Names of every kind in every text and page that leaves: our own SVG, JSON, Mermaid, DOT, GraphML, explorer, film."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

import minitorch as mt
from minitorch.viz.levels import picture_of
from minitorch.viz.svg import to_svg
from tests.messages.test_names import NAMES, program

EVERY_NAME = pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))


@pytest.mark.parametrize("level", ["op", "layer", "neuron"])
@EVERY_NAME
def test_our_own_layout_draws_any_name(name, level):
    """Where no engine is there: well-formed, of bearable size, and with as many lines as for a plain name."""
    plain, drawn = (to_svg(picture_of(program(n, "numpy")[0].optimised, level)) for n in ("x", name))
    trees = [ElementTree.fromstring(text.encode()) for text in (plain, drawn)]
    lines = [sum(e.tag.endswith("path") for e in tree.iter()) for tree in trees]
    assert lines[0] == lines[1] > 0 or (name == "" and level == "layer")  # then there is no scope to make a box of
    assert len(drawn) < 2 * len(plain) + 10_000


@EVERY_NAME
def test_texts_of_any_name_are_built_as_for_a_plain_one(name, tmp_path):
    plain, step = program("x", "numpy")[0], program(name, "numpy")[0]
    ours, theirs = (json.loads(p.to_json())["nodes"] for p in (step, plain))
    assert [node["op"] for node in ours] == [node["op"] for node in theirs]
    mermaid = step.to_mermaid()
    assert len(within_scopes(mermaid)) == len(within_scopes(plain.to_mermaid()))
    assert all(c.isprintable() or c == "\n" for c in mermaid)
    assert step.to_graphviz().source.count(" -> ") == plain.to_graphviz().source.count(" -> ")
    for kind in ("json", "mmd", "mermaid", "graphml", "dot", "gv"):
        step.draw(tmp_path / f"graph.{kind}")
        assert len((tmp_path / f"graph.{kind}").read_text("utf-8")) < 60_000
    ElementTree.parse(tmp_path / "graph.graphml")


def within_scopes(mermaid):
    """The lines that are no frame of a scope: a slash in its name makes more of these."""
    return [line for line in mermaid.splitlines() if line.split()[0] not in ("subgraph", "end")]


class Page(HTMLParser):
    """The tags of a page in their order, and the data in its script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.data, self._reads = [], "", False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, *sorted(key for key, _ in attrs)))
        self._reads = ("id", "data") in attrs

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")
        self._reads = False

    def handle_data(self, data):
        if self._reads:
            self.data += data


def explored(name, path):
    program(name, "numpy")[0].explore(path, {name: np.ones((3, 2))})


def filmed(name, path):
    model, X = mt.nn.Linear(2, 1, seed=0, name=name, dtype="float64"), np.ones((4, 2))
    x = mt.placeholder(name, (name or "n", 2), "float64")
    loss = mt.square(model(x)).mean()
    step = mt.compile([x], loss, mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), name=name, backend="numpy")
    mt.fit(step, X, epochs=2, batch_size=2, snapshots=2).film(path, model, X, np.ones((4, 1)), title=name)


@pytest.mark.parametrize("write", [explored, filmed])
@EVERY_NAME
def test_a_page_of_any_name_has_the_tags_of_a_plain_one(name, write, tmp_path):
    pages = []
    for i, named in enumerate(("x", name)):
        write(named, tmp_path / f"{i}.html")
        pages.append(Page((tmp_path / f"{i}.html").read_text("utf-8")))
    assert pages[0].tags == pages[1].tags
    plain, ours = (json.loads(page.data) for page in pages)
    assert plain.keys() == ours.keys()
    assert len(pages[1].data) < 2 * len(pages[0].data) + 60_000
