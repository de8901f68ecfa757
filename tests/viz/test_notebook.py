"""What a notebook shows: a picture and a text, what was asked for of them, and never an error."""

import re
import sys
from xml.etree import ElementTree

import pytest

import minitorch as mt


@pytest.fixture(scope="module")
def step():
    x = mt.placeholder("x", ("n", 2))
    loss = (mt.nn.Linear(2, 1, seed=0)(x) ** 2).mean()
    return mt.compile([x], loss)


def chain(length, scope="part"):
    t = mt.placeholder("x", ("n",))
    with mt.scope(scope):
        for _ in range(length):
            t = mt.tanh(t)
    return mt.Graph([t])


def test_programs_graphs_plans_and_modules_show_a_picture_and_a_text(step):
    assert "values in" in step.plan._repr_mimebundle_()["image/svg+xml"]
    for what, text in (
        (step, str(step)), (step.graph, str(step.graph)), (step.plan, str(step.plan)),
        (mt.nn.Linear(2, 1), "Linear(2, 1)"),
    ):  # fmt: skip
        bundle = what._repr_mimebundle_()
        assert set(bundle) == {"image/svg+xml", "text/plain"}
        assert bundle["text/plain"] == text
        assert "matmul" in "".join(ElementTree.fromstring(bundle["image/svg+xml"].encode()).itertext())


@pytest.mark.parametrize(
    ("include", "exclude", "kinds"),
    [
        (None, None, {"image/svg+xml", "text/plain"}), (["text/plain"], None, {"text/plain"}),
        (None, {"image/svg+xml"}, {"text/plain"}), (["image/svg+xml"], [], {"image/svg+xml"}),
        (["image/png"], None, set()), (["text/plain"], ["text/plain"], set()),
    ],
)  # fmt: skip
def test_what_is_included_and_excluded(step, include, exclude, kinds):
    assert set(step._repr_mimebundle_(include=include, exclude=exclude)) == kinds


def test_a_large_graph_is_shown_as_layers_or_as_text():
    assert "drawn as layers" in chain(600)._repr_mimebundle_()["image/svg+xml"]
    assert set(chain(600, scope="")._repr_mimebundle_()) == {"text/plain"}


def test_the_rules_of_a_picture_hold_for_it_alone(step):
    for what in (step, step.plan):
        root = ElementTree.fromstring(what._repr_mimebundle_()["image/svg+xml"].encode())
        rules = re.findall(r"([^{}]+)\{[^{}]*\}", re.sub(r"@media[^{]*\{", "", root.findtext("{*}style")))
        assert len(rules) > 20
        assert all(part.startswith(f".{root.get('class')} ") for rule in rules for part in rule.split(","))


class NoFunction(mt.nn.Module):
    def forward(self, a, b):
        raise KeyError("nothing")


def test_what_cannot_be_drawn_is_text(step, monkeypatch):
    assert NoFunction()._repr_mimebundle_() == {"text/plain": "NoFunction()"}
    monkeypatch.setattr(sys.modules["minitorch.viz.draw"], "to_svg", lambda *a: 1 / 0)
    assert set(step._repr_mimebundle_()) == {"text/plain"}
