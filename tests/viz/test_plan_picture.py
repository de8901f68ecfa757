"""The plan as a picture: lifetimes, slots, the arena and the costs are the plan's own; valid XML, the same bytes."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import InputError
from minitorch.graph.dim import symbols_in
from minitorch.viz.lifetimes import Lifetimes
from minitorch.viz.plan import plan_svg

SVG = "{http://www.w3.org/2000/svg}"


def step_of(backend="numpy", nouts=(16, 16, 1), name="train_step", momentum=0.0):
    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", nouts[-1]))
    model = mt.nn.MLP(2, list(nouts), seed=0)
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=momentum)
    return mt.compile([x, y], loss, sgd.minimize(loss), backend=backend, name=name)


def lives_of(step, batch=32):
    symbols = dict.fromkeys(symbols_in(tuple(t.shape for t in step.plan.graph.inputs)), batch)
    return Lifetimes(step.plan, symbols)


def texts(svg):
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg.encode()).iter(f"{SVG}text")]


@pytest.mark.parametrize("backend", ["interpreter", "numpy", "c"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_figures_are_those_of_the_program(backend, momentum):
    step = step_of(backend, momentum=momentum)
    lives = lives_of(step)
    use, cost = step.memory(batch=32), step.cost(batch=32)
    assert (lives.arena, lives.without) == (use.arena, use.without_reuse)
    assert (sum(r.flops for r in lives.rows), sum(r.bytes for r in lives.rows)) == (cost.flops, cost.bytes)
    assert len(lives.bars) == len(step.plan.buffers)
    assert max(lives.alive) <= lives.arena
    assert lives.alive[lives.peak] == max(lives.alive) > 0
    shown = texts(plan_svg(step.plan, batch=32))
    assert any(f"arena {use.arena:,} B, {use.without_reuse:,} B without reuse" in t for t in shown)
    assert any("(batch = 32)" in t for t in shown)


@pytest.mark.parametrize("backend", ["interpreter", "numpy", "c"])
def test_values_in_one_slot_live_one_after_the_other(backend):
    lives = lives_of(step_of(backend, (64,) * 6))
    by_slot = {}
    for bar in lives.bars:
        by_slot.setdefault(bar.slot, []).append(bar)
        assert 0 <= bar.first <= bar.last < len(lives.rows)
        assert bar.bytes <= lives.slots[bar.slot]
    assert any(len(bars) > 1 for bars in by_slot.values())
    for bars in by_slot.values():
        for before, after in pairwise(bars):
            assert before.last < after.first or (before.last == after.first and after.over)


def test_what_is_read_is_alive():
    lives = lives_of(step_of())
    reads = [(k, slot) for k, row in enumerate(lives.rows) for slot in row.reads]
    assert len(reads) > 20
    assert any(through for row in lives.rows for through in row.reads.values())
    assert all(any(b.slot == slot and b.first < k <= b.last for b in lives.bars) for k, slot in reads)


def test_the_size_that_was_not_told_is_said():
    step = step_of()
    assert any("(batch = 32, assumed)" in t for t in texts(plan_svg(step.plan)))
    assert any("(batch = 7)" in t for t in texts(plan_svg(step.plan, 7)))
    with pytest.raises(InputError, match="there is no unknown size 'rows'; there are batch"):
        plan_svg(step.plan, rows=3)
    with pytest.raises(InputError, match="batch is an int of 0 or more"):
        plan_svg(step.plan, batch=-1)


def test_the_picture_is_valid_and_the_same_each_time(tmp_path):
    for name in ("a", "b"):
        step_of().plan.draw(tmp_path / f"{name}.svg", batch=32)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.find(f"{SVG}title").text.startswith("Plan of train_step: 38 instructions a step, 31 values in 10 slots")
    assert "prefers-color-scheme:dark" in root.find(f"{SVG}style").text
    notes = [e.text for e in root.iter(f"{SVG}title")]
    assert any("= tanh(%1)" in n for n in notes)
    assert sum("alive from instruction" in n for n in notes) == 31


def test_nothing_stands_outside_the_picture():
    root = ElementTree.fromstring(plan_svg(step_of("c").plan, batch=32).encode())
    width, height = float(root.get("width")), float(root.get("height"))
    boxes = [e for e in root.iter(f"{SVG}rect") if e.get("x")]
    assert len(boxes) > 40
    for e in boxes:
        x, y, w, h = (float(e.get(k)) for k in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height


def test_measured_times_stand_beside_what_was_predicted():
    step = step_of()
    profile = step.profile(np.ones((32, 2)), np.ones((32, 1)), repeat=1)
    assert "measured" in texts(plan_svg(step.plan, batch=32, profile=profile))
    assert "measured" not in texts(plan_svg(step.plan, batch=32))
    with pytest.raises(InputError, match="of another program"):
        plan_svg(step_of("c").plan, profile=profile)


def test_names_do_no_harm():
    x = mt.placeholder('<script>"&', ("n",))
    program = mt.compile([x], mt.tanh(x * 2.0).sum(), name="</svg><script>alert(1)")
    svg = plan_svg(program.plan)
    assert "<script>" not in svg
    assert any("alert(1)" in t for t in texts(svg))
    assert not re.search(r"(?:href|src)=", svg)


def test_a_plan_without_values_of_its_own(tmp_path):
    x = mt.placeholder("x", (3,))
    mt.compile([x], x * 2.0).plan.draw(tmp_path / "a.svg")
    assert any("no arena is needed" in t for t in texts((tmp_path / "a.svg").read_text("utf-8")))


@pytest.mark.parametrize("name", ["a.dot", "a.json", "a"])
def test_another_kind_says_what_to_do(name, tmp_path):
    with pytest.raises(ValueError, match=r"a plan has no picture with the suffix .*there are \.svg, \.png and \.pdf"):
        step_of().plan.draw(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        step_of().plan.draw(tmp_path / "missing" / "a.svg")
    assert not list(tmp_path.iterdir())


def test_the_theme_of_a_plan(tmp_path):
    for theme in ("auto", "light", "dark"):
        step_of().plan.draw(tmp_path / f"{theme}.svg", batch=32, theme=theme)
    auto, light, dark = ((tmp_path / f"{theme}.svg").read_text("utf-8") for theme in ("auto", "light", "dark"))
    assert "prefers-color-scheme" in auto
    assert "prefers-color-scheme" not in light + dark
    assert light != dark
    with pytest.raises(ValueError, match="no theme 'sepia'; there are light, dark"):
        step_of().plan.draw(tmp_path / "a.svg", theme="sepia")
