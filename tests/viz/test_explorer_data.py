"""What the explorer tells, as data: stages, where each node comes from, rules, lines, code, steps, values."""

import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import minitorch as mt
from minitorch.viz.explorer import data_of
from minitorch.viz.lineage import became, parents
from minitorch.viz.page import embedded
from minitorch.viz.rules import derivative, rules_of
from minitorch.viz.runs import heat, told

BACKENDS = ("interpreter", "numpy", "c")


def rows(data, stage):
    """The boxes of a stage, by their labels."""
    number = data["stages"][stage].get("like", stage)
    return {box[1]: box for box in data["stages"][number]["boxes"]}


def wasteful(backend="numpy"):
    x = mt.placeholder("x", ("batch", 3), dtype="float64")
    w = mt.parameter([[0.5], [-0.3], [0.8]], name="w", dtype="float64")
    scores = x @ w
    shifted = scores + -((x @ w) * 0.5)
    loss = mt.mean(mt.square(shifted * mt.exp(mt.constant(0.0))))
    return mt.compile([x], loss, mt.optim.SGD([w], lr=0.1, momentum=0.9).minimize(loss), backend=backend)


# ---- stages and lineage ----


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stage_for_each_pass_and_one_for_the_plan(quickstart, backend):
    step, _ = quickstart(backend)
    data = data_of(step)
    assert [s["name"] for s in data["stages"]] == [*(p.name for p in step.passes), "plan"]
    for stage, record in zip(data["stages"], step.passes, strict=False):
        assert stage["count"] == len(record.after.nodes)
        assert ("like" in stage) == (record.name != "trace" and not record.rewrites and record.name != "differentiate")
        assert stage["what"]
    labels = set(step.graph.labels().values())
    assert set(rows(data, -1)) <= labels
    assert len(rows(data, -1)) > len(labels) / 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", ["quickstart", "wasteful"])
def test_every_node_comes_from_one_that_was_written(quickstart, make, backend):
    step = quickstart(backend)[0] if make == "quickstart" else wasteful(backend)
    for record in step.passes[2:]:
        found = parents(record, became(record))
        assert set(found) == set(record.after.nodes)
        before = set(record.before.nodes)
        for node, sources in found.items():
            assert sources, f"{record.name}: {node.describe()} comes from nothing"
            assert before.issuperset(sources)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_has_become_of_a_node_is_the_same_value(quickstart, backend):
    """Roots become roots, and what is no region's part has the type that it had."""
    step, _ = quickstart(backend)
    for record in step.passes[2:]:
        becomes = became(record)
        for old, new in zip(record.before.roots, record.after.roots, strict=True):
            assert becomes[old] is new or record.name == "materialise"
        for old, new in becomes.items():
            assert new.op.name in ("fused", "gemm") or old.type.size == new.type.size


def test_added_removed_and_fused_are_told(quickstart):
    data = data_of(quickstart("c")[0])
    stages = {s["name"]: s for s in data["stages"]}
    title = {i: row[0] for i, row in enumerate(data["nodes"])}
    assert "broadcast_to" in [title[n] for n in stages["simplify"]["removed"]]
    assert any("tanh" in title[n] for n in stages["fuse"]["fused"])
    assert len(stages["differentiate"]["added"]) > 30
    reasons = [r[0] for r in stages["fuse"]["rewrites"]]
    assert reasons == [r.reason for r in quickstart("c")[0].passes[-1].rewrites]


def test_every_rewrite_has_its_reason():
    step = wasteful()
    data = data_of(step)
    told_ = [r[0] for s in data["stages"] for r in s.get("rewrites", ())]
    assert told_ == [r.reason for p in step.passes for r in p.rewrites]
    assert "x * 1 = x" in told_
    assert all(-1 <= n < len(data["nodes"]) for s in data["stages"] for r in s.get("rewrites", ()) for n in r[1:3])


# ---- where boxes stand ----


@pytest.mark.parametrize("backend", BACKENDS)
def test_boxes_do_not_overlap_and_stand_in_their_frames(quickstart, backend):
    for stage in data_of(quickstart(backend)[0])["stages"]:
        boxes, frames = stage.get("boxes", []), stage.get("frames", [])
        assert len({(b[2], b[3]) for b in boxes}) == len(boxes)
        by_row = {}
        for b in boxes:
            by_row.setdefault(b[3], []).append((b[2], b[2] + b[4]))
            assert b[2] >= 0
            assert b[2] + b[4] <= stage["size"][0]
            assert 0 <= b[3] <= stage["size"][1]
            if b[5] >= 0:
                _, _, top, bottom = frames[b[5]]
                assert top < b[3] < b[3] + 36 <= bottom
        for spans in by_row.values():
            spans.sort()
            assert all(a[1] < b[0] for a, b in pairwise(spans))
        for parent, _, top, bottom in frames:
            if parent >= 0:
                assert frames[parent][2] < top < bottom < frames[parent][3]


def test_a_large_graph_is_laid_out():
    x = mt.placeholder("x", ("batch", 4))
    model = mt.nn.MLP(4, [4] * 80, seed=0)
    loss = mt.mse_loss(model(x), x)
    step = mt.compile([x], loss, mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), backend="numpy")
    assert len(step.traced.nodes) > 1400
    stages = data_of(step)["stages"]
    assert len(stages[1]["boxes"]) > 1400


def test_a_chain_of_any_depth_is_no_trouble():
    x = y = mt.placeholder("x", ("n",))
    for _ in range(3000):
        y = mt.sin(y)
    data = data_of(mt.compile([x], y, backend="interpreter"))
    assert len(data["stages"][0]["boxes"]) == 3001


# ---- rules ----


def rule(make, operand=0):
    a, b = mt.placeholder("a", (3, 3)), mt.placeholder("b", (3, 3))
    return derivative(make(a, b), operand)


def test_rules_read_like_mathematics():
    assert rule(lambda a, b: a @ b) == "d/da (a @ b) = g @ bᵀ"
    assert rule(lambda a, b: a @ b, 1) == "d/db (a @ b) = aᵀ @ g"
    assert rule(lambda a, b: a * b) == "d/da (a * b) = g * b"
    assert rule(lambda a, b: a - b, 1) == "d/db (a - b) = -g"
    assert rule(lambda a, b: mt.tanh(a)) == "d/dx tanh(x) = g * (1 - y²), where y is the result"
    assert rule(lambda a, b: mt.relu(a)) == "d/dx relu(x) = where(y <= 0, 0, g), where y is the result"


def test_an_operation_of_ones_own_has_a_rule_too():
    cube = mt.ops.elementwise("explorer_cube", lambda a: a**3, lambda g, y, a: (g * 3 * a * a,))
    assert derivative(cube(mt.placeholder("x", (2,))), 0) == "d/dx explorer_cube(x) = g * 3 * x * x"


def test_gradients_know_their_rule_and_sums_their_readers():
    w = mt.parameter([1.0, 2.0], name="w")
    shared = mt.exp(w)
    g = mt.grad((mt.sin(shared) * shared).sum(), w)
    lines = {text for node in mt.Graph([g]).nodes for text, _, _ in rules_of(node, lambda t: t.name or t.op.name)}
    assert "sum of the gradients from 2 readers of exp" in lines
    assert "d/dx exp(x) = g * y, where y is the result" in lines
    assert "d/dx sin(x) = g * cos(x)" in lines


def test_the_page_has_the_rule_of_every_gradient_of_a_parameter(quickstart):
    step, _ = quickstart()
    data = data_of(step)
    at = rows(data, 1)
    for label in ("layers.0.weight", "layers.1.weight"):
        (value,) = [v for t, v in data["updates"] if t == at[label][0]]
        assert value is not None
    texts = {text for found in data["rules"].values() for text, _, _ in found}
    assert {"d/db (a @ b) = aᵀ @ g", "d/da (a @ b) = g @ bᵀ"} <= texts


# ---- lines and code ----


def test_the_users_lines_are_there(quickstart):
    data = data_of(quickstart()[0])
    (file,) = data["files"]
    assert file["name"] == "conftest.py"
    known = {number: text for _, text, number in file["lines"] if number >= 0}
    loss = next(number for number, text in known.items() if "mse_loss" in text)
    assert any(row[0] == "tanh" and loss in row[4] for row in data["nodes"])
    assert not any(os.sep + "tests" in text for text in json.dumps(data["files"]).split('"'))


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_every_instruction_has_lines_of_code_and_every_line_its_own(quickstart, backend):
    step, _ = quickstart(backend)
    data = data_of(step)
    linked = {}
    for _, text, instructions in data["code"]:
        for i in instructions:
            linked.setdefault(i, []).append(text)
    source = step.source.splitlines()
    assert all(source[n - 1].strip()[:60] in text for n, text, _ in data["code"] if source[n - 1].strip())
    run_time = [row for row in data["steps"] if row[0] != "bind"]
    assert len(run_time) > 8
    for row in run_time:
        assert row[4] in linked, row
    tanh = next(row for row in run_time if "tanh" in row[1])
    assert any("tanh" in text and not text.strip().startswith(("#", "//")) for text in linked[tanh[4]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_steps_are_the_instructions_of_the_plan(quickstart, backend):
    step, _ = quickstart(backend)
    data = data_of(step)
    computed = [i for i, instruction in enumerate(step.plan.instructions) if not instruction.node.op.view]
    assert sorted(row[4] for row in data["steps"]) == computed
    shown = {box[0] for box in rows(data, -1).values()} | {
        v for row in data["steps"] if "copy" in row[1] for v in row[2]
    }
    assert all(node in shown for row in data["steps"] for node in row[2])
    assert {"forward", "backward", "update"} <= {row[0] for row in data["steps"]}


# ---- values ----


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_figures_are_those_of_the_trace(quickstart, backend):
    step, inputs = quickstart(backend)
    data, trace = data_of(step, inputs), step.trace(*inputs)
    at = {box[1]: data["figures"][data["figure"][box[0]]] for box in rows(data, 1).values()}
    labels = step.traced.labels()
    compared = 0
    for node in step.traced.nodes:
        if labels[node] not in at:
            continue
        told_, value = at[labels[node]], trace[node]
        assert told_["shape"] == list(value.shape)
        assert told_["dtype"] == str(value.dtype)
        assert told_["norm"] == pytest.approx(float(np.linalg.norm(value.astype("f8"))), rel=1e-6)
        assert told_["first"] == pytest.approx(value.ravel()[:8].tolist(), rel=1e-6)
        compared += 1
    assert compared > 50


def test_inputs_by_name_and_nothing_changes(quickstart):
    step, (X, Y) = quickstart()
    parameters = [t.data.copy() for t in step.updates]
    assert data_of(step, {"x": X, "y": Y}) == data_of(step, (X, Y))
    assert all((t.data == kept).all() for t, kept in zip(step.updates, parameters, strict=True))
    assert "figures" not in data_of(step)


def test_what_is_odd_is_flagged():
    x = mt.placeholder("x", ("n", 2), dtype="float64")
    w = mt.parameter([[1.0, -1.0], [1.0, -1.0]], name="w", dtype="float64")
    h = mt.relu(x @ w)
    loss = mt.log(h.sum() - 8.0)
    step = mt.compile([x], loss, mt.optim.SGD([w], lr=0.1).minimize(loss), backend="numpy")
    data = data_of(step, [np.ones((2, 2))])
    flags = {row[0]: data["figures"][data["figure"][i]].get("flags") for i, row in enumerate(data["nodes"])
             if i in data["figure"]}  # fmt: skip
    assert flags["relu"] == ["1 of 2 units are dead: the same for every row"]
    assert flags["log"] == ["1 NaN"]
    json.loads(embedded(data))


def test_gradients_that_vanish_or_explode_are_flagged():
    w = mt.parameter([1.0], name="w", dtype="float64")
    small, large = (mt.grad((w * scale).sum(), w) for scale in (1e-12, 1e9))
    assert told(np.array([1e-12]), small)["flags"] == ["vanishing: its root mean square is below 1e-7"]
    assert told(np.array([1e9]), large)["flags"] == ["exploding: its root mean square is above 1000"]


def test_a_heat_map_says_where_a_matrix_is_large():
    assert heat(np.array([[0.0, 1.0], [-1.0, 0.5]])) == [2, 1.0, "jsan"]
    columns, most, text = heat(np.full((100, 40), 2.0))
    assert (columns, most, text) == (16, 2.0, "s" * 256)
    assert heat(np.array([[math.nan, 1.0]]))[2] == "?s"
    assert heat(np.zeros((1, 2)))[2] == "jj"


# ---- the file ----


def test_the_file_is_small_and_the_same_again(quickstart, tmp_path):
    step, inputs = quickstart()
    step.explore(tmp_path / "bare.html")
    step.explore(str(tmp_path / "a.html"), inputs)
    step.explore(tmp_path / "b.html", inputs=inputs)
    assert (tmp_path / "bare.html").stat().st_size < 300_000
    assert (tmp_path / "a.html").stat().st_size < 2_000_000
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b.html", "bare.html"]


CODE = """
import sys, minitorch as mt
x = mt.placeholder("x", ("n", 2))
model = mt.nn.MLP(2, [3, 1], seed=0)
loss = mt.mean(model(x))
step = mt.compile([x], loss, mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), backend="numpy")
step.explore(sys.argv[1], [[[1.0, 2.0]]])
"""


def test_the_bytes_do_not_depend_on_the_process(tmp_path):
    root = str(Path(mt.__file__).parent.parent)
    for seed, path in (("1", ""), ("2", os.environ["PATH"])):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PATH": path, "PYTHONPATH": root}
        subprocess.run([sys.executable, "-c", CODE, str(tmp_path / f"{seed}.html")], env=environment, check=True)
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()


def test_names_are_text(tmp_path):
    hostile = "</script><script>alert(1)</script>\u2028\ud800\"'`${x}"
    with mt.scope(hostile):
        x = mt.placeholder(hostile, ("n",))
        y = mt.tanh(x)
    mt.compile([x], y, name=hostile, backend="numpy").explore(tmp_path / "x.html", [np.ones(2)])
    text = (tmp_path / "x.html").read_text("utf-8")
    assert "<script>alert(1)" not in text
    assert text.count("</script>") == 2


def test_what_is_no_path_is_refused(quickstart, tmp_path):
    step, _ = quickstart()
    with pytest.raises(TypeError, match="a path is expected"):
        step.explore(7)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        step.explore(tmp_path / "no" / "a.html")
    with pytest.raises(mt.errors.InputError, match="missing"):
        step.explore(tmp_path / "a.html", [np.ones((2, 2))])
    assert not list(tmp_path.iterdir())
