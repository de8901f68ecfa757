"""Names of every kind go through every export and every backend: printed on one line, and never as code."""

import io
import tokenize
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pytest

import minitorch as mt

NAMES = {
    "a newline": "first\nsecond = 1", "carriage return and tab": "a\r\tb", "quotes": "it's \"quoted\" `so`",
    "end of a C comment": "*/ int x; /*", "a line comment": "// # --", "a backslash at the end": "name\\",
    "three quotes": '"""\'\'\'', "a keyword of Python": "lambda", "a keyword of C": "double", "an operator": "a + b",
    "right to left": "\u202etxet\u202c", "hebrew": "\u05e9\u05dc\u05d5\u05dd", "an emoji": "\U0001f525 loss",
    "a trigraph": "??/", "format fields": "{x} %s %d {0}", "html": "<b>&amp;</b>", "dot": 'a"];b[label="x',
    "empty": "", "a space": " ", "a null": "a\0b", "a line separator": "a\u2028b\x85c", "digits": "0",
    "a path": "../../etc/passwd", "our own label": "%0", "a lone surrogate": "\ud800", "100 kB": "long " * 20_000,
}  # fmt: skip


def program(name, backend):
    """The name on everything that has one: inputs, sizes, parameters, a scope, the program."""
    x = mt.placeholder(name, (name or "n", 2), "float64")
    w = mt.parameter([[0.5], [0.25]], name, "float64")
    with mt.scope(name):
        loss = mt.square(mt.tanh(x @ w)).sum()
    return mt.compile([x], loss, {w: w - 0.1 * mt.grad(loss, w)}, backend=backend, name=name), w


def expected(X):
    w = np.array([[0.5], [0.25]])
    h = np.tanh(X @ w)
    return (h**2).sum(), w - 0.1 * X.T @ (2 * h * (1 - h**2))


@pytest.mark.parametrize("backend", ["interpreter", "numpy", "c"])
@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_a_program_of_any_name_runs(name, backend):
    X = np.linspace(-1, 1, 6).reshape(3, 2)
    step, w = program(name, backend)
    value, moved = expected(X)
    np.testing.assert_allclose(step(X), value, rtol=1e-12)
    np.testing.assert_allclose(w.data, moved, rtol=1e-12)
    again = step(**{name: X})  # by its name, whatever it is
    assert np.isfinite(again)


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_no_name_breaks_a_line_or_the_code(name):
    plain, _ = program("x", "numpy")
    step, _ = program(name, "numpy")
    for text in (lambda p: str(p), lambda p: str(p.plan), lambda p: p.explain(), lambda p: repr(p)):
        shown = text(step)
        assert len(shown.splitlines()) == len(text(plain).splitlines())
        assert len(shown) < 20_000
        assert all(c.isprintable() or c == "\n" for c in shown)
    code = [t.string for t in tokens(step.source)]
    assert code == [t.string for t in tokens(plain.source)]  # names stand in comments alone
    assert len(step.source.splitlines()) == len(plain.source.splitlines())


def tokens(source):
    found = tokenize.generate_tokens(io.StringIO(source).readline)
    return [t for t in found if t.type not in (tokenize.COMMENT, tokenize.NL)]


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_generated_c_has_names_in_comments_alone(name):
    plain, step = program("x", "c")[0].source, program(name, "c")[0].source
    assert len(step.splitlines()) == len(plain.splitlines())
    assert without_comments(step) == without_comments(plain)


def without_comments(source):
    """C as its compiler reads it: what stands between /* and */ or after // is gone."""
    kept = []
    while source:
        at = min((i for mark in ("/*", "//") if (i := source.find(mark)) >= 0), default=len(source))
        kept.append(source[:at])
        end, length = ("*/", 2) if source[at : at + 2] == "/*" else ("\n", 0)
        source = source[source.index(end, at + 2) + length :] if at < len(source) else ""
    return [line.rstrip() for line in "".join(kept).splitlines() if line.strip()]


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_pictures_of_any_name_are_drawn(name, tmp_path):
    step, _ = program(name, "numpy")
    for kind in ("svg", "png", "dot"):
        step.draw(tmp_path / f"picture.{kind}")
    assert ElementTree.parse(tmp_path / "picture.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    step.draw(tmp_path / "layers.svg", level="layer")
    step.draw(tmp_path / "picture.pdf")
    assert (tmp_path / "picture.pdf").read_bytes().startswith(b"%PDF")
    step.plan.draw(tmp_path / "plan.svg", 3)
    ElementTree.parse(tmp_path / "plan.svg")
    assert nx.is_directed_acyclic_graph(nx.DiGraph(step.to_networkx()))
    nx.write_graphml(step.to_networkx(), tmp_path / "graph.graphml")
    assert nx.read_graphml(tmp_path / "graph.graphml").number_of_nodes() == len(step.graph.nodes)


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_errors_and_reports_of_any_name_are_readable(name):
    step, w = program(name, "numpy")
    for bad in (
        lambda: step(np.ones((2, 5))),
        lambda: step(None),
        lambda: step(),
        lambda: step(1, 2, 3),
        lambda: w + np.ones((7, 7, 7)),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            bad()
        text = str(caught.value)
        assert len(text) < 1500
        assert all(c.isprintable() or c == "\n" for c in text)
    step.verify()
