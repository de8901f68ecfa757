"""The fuzzer itself: 2,000 graphs without a finding, planted bugs found, saved cases kept, every operation reached."""

import os
from pathlib import Path

import pytest

import minitorch as mt
from minitorch.compiler.backends import BACKENDS, Backend
from minitorch.compiler.backends.c_source import mathematics, toolchain
from minitorch.compiler.backends.c_source.expressions import EXPRESSIONS
from minitorch.compiler.backends.c_source.moves import MOVES
from minitorch.compiler.fused import fused
from minitorch.compiler.passes.fuse import FOLDS
from minitorch.graph.order import LEAVES
from minitorch.graph.tensor import reserved
from tests.fuzz.bugs import BUGS
from tests.fuzz.case import Saved
from tests.fuzz.check import check
from tests.fuzz.finish import generate
from tests.fuzz.measure import caught
from tests.fuzz.own_cache import own_cache
from tests.fuzz.shrink import shrunk

GRAPHS = int(os.environ.get("MINITORCH_GRAPHS", "2000"))
GRAPHS_IN_C = int(os.environ.get("MINITORCH_GRAPHS_IN_C", "200"))
PARTS = 20
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.py"))
QUICK = (
    "early_slot", "forgotten_view", "into_input", "into_constant", "into_parameter", "over_itself",
    "output_is_parameter", "output_is_input", "output_is_output", "one_after_the_other", "stale_binding", "hash_order",
    "dropped_update", "nominal_slots", "empty_sum", "folded_wide", "wide_number",
)  # fmt: skip
QUICK_IN_C = ("no_identity", "long_last_block", "stepped_over", "no_offset", "same_function", "swapped_siblings")
UNREACHED = {"copy", "variable", *LEAVES}  # no function makes a copy; leaves are not computed
UNPLANNED = {*UNREACHED, "in_training", "stop_gradient"}  # gone before there is a plan


@pytest.mark.parametrize("part", range(PARTS))
def test_graphs_mean_the_same_in_every_way_to_run_them(part):
    for seed in range(part * GRAPHS // PARTS, (part + 1) * GRAPHS // PARTS):
        case = generate(seed)
        failure = check(case)
        assert failure is None, f"graph {seed}: {failure}\n\n{shrunk(case, failure).text(str(failure.kind))}"


@pytest.fixture(scope="module")
def c_backend():
    """The name of the C backend, whose objects are not kept."""
    if toolchain.find() is None:
        pytest.skip("no C compiler is installed")
    with own_cache():
        yield "c"


@pytest.mark.parametrize("part", range(PARTS))
def test_graphs_mean_the_same_in_c(part, c_backend):
    for seed in range(part * GRAPHS_IN_C // PARTS, (part + 1) * GRAPHS_IN_C // PARTS):
        case = generate(seed)
        failure = check(case, [c_backend], judging=False)
        assert failure is None, (
            f"graph {seed}: {failure}\n\n{shrunk(case, failure, [c_backend]).text(str(failure.kind))}"
        )


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once_stays_right(path):
    failure = check(Saved(path))
    assert failure is None, failure


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once_is_right_in_c(path, c_backend):
    failure = check(Saved(path), [c_backend], judging=False)
    assert failure is None, failure


@pytest.mark.parametrize("name", BUGS)
def test_bugs_can_be_planted(name):
    """What they break is there."""
    with BUGS[name].planted():
        pass


@pytest.mark.parametrize("name", QUICK)
def test_planted_bugs_are_found(name):
    assert caught(name, 250) is not None, BUGS[name].text


@pytest.mark.parametrize("name", QUICK_IN_C)
def test_planted_bugs_are_found_in_c(name, c_backend):
    assert caught(name, 60) is not None, BUGS[name].text


def test_a_failure_becomes_small():
    with BUGS["over_itself"].planted():
        case, failure = next((c, f) for c in map(generate, range(200)) if (f := check(c)) is not None)
        small = shrunk(case, failure)
    assert check(small) is None
    assert len(small.steps) <= 5 < len(case.steps)
    assert "/" in small.text()


def test_every_operation_is_reached():
    reached = set()
    for seed in range(1500):
        stack = list(generate(seed).build().steps)
        seen = set()
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(node.inputs)
        reached |= {node.op.name for node in seen}
        if reached >= reserved - UNREACHED:
            return
    assert not reserved - UNREACHED - reached


def test_every_operation_is_reached_in_c(c_backend, monkeypatch):
    """Those that C has a row for in C, the others by their NumPy kernels."""
    monkeypatch.setattr(BACKENDS[c_backend], "__init__", Backend.__init__)  # what is planned is enough
    wanted = reserved - UNPLANNED
    own = wanted & {*EXPRESSIONS, *mathematics.NAMES, *(op.name for op in (*MOVES, *FOLDS))}
    reached, in_python = set(), set()
    for seed in range(1500):
        built = generate(seed).build()
        plan = mt.compile(built.inputs, built.outputs, built.updates, backend=c_backend, training=built.training).plan
        for i in plan.instructions:
            inner = [n.op.name for n in i.node.attrs["body"].nodes] if i.node.op is fused else [i.node.op.name]
            (reached if i.native else in_python).update(inner)
        if reached >= own and reached | in_python >= wanted:
            break
    assert len(own) > 50
    assert not own - reached, sorted(own - reached)
    assert not wanted - reached - in_python, sorted(wanted - reached - in_python)


def test_a_case_prints_as_the_program_that_it_is(tmp_path):
    for seed in range(20):
        case = generate(seed)
        path = tmp_path / "case.py"
        path.write_text(case.text())
        found = [check(each) for each in (case, Saved(path))]
        assert len({failure and failure.kind for failure in found}) == 1
        assert len(Saved(path).build().calls) == 4
