"""The fuzzer itself: 2,000 graphs without a finding, planted bugs found, saved cases kept, every operation reached."""

import os
from pathlib import Path

import pytest

from minitorch.graph.order import LEAVES
from minitorch.graph.tensor import reserved
from tests.fuzz.bugs import BUGS
from tests.fuzz.case import Saved
from tests.fuzz.check import check
from tests.fuzz.finish import generate
from tests.fuzz.measure import caught
from tests.fuzz.shrink import shrunk

GRAPHS = int(os.environ.get("MINITORCH_GRAPHS", "2000"))
PARTS = 20
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.py"))
QUICK = (
    "early_slot", "forgotten_view", "into_input", "into_constant", "into_parameter", "over_itself",
    "output_is_parameter", "output_is_input", "output_is_output", "one_after_the_other", "stale_binding", "hash_order",
    "dropped_update", "nominal_slots", "empty_sum", "folded_wide", "wide_number",
)  # fmt: skip
UNREACHED = {"copy", "variable", *LEAVES}  # no function makes a copy; leaves are not computed


@pytest.mark.parametrize("part", range(PARTS))
def test_graphs_mean_the_same_in_every_way_to_run_them(part):
    for seed in range(part * GRAPHS // PARTS, (part + 1) * GRAPHS // PARTS):
        case = generate(seed)
        failure = check(case)
        assert failure is None, f"graph {seed}: {failure}\n\n{shrunk(case, failure).text(str(failure.kind))}"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once_stays_right(path):
    failure = check(Saved(path))
    assert failure is None, failure


@pytest.mark.parametrize("name", QUICK)
def test_planted_bugs_are_found(name):
    assert caught(name, 250) is not None, BUGS[name].text


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


def test_a_case_prints_as_the_program_that_it_is(tmp_path):
    for seed in range(20):
        case = generate(seed)
        path = tmp_path / "case.py"
        path.write_text(case.text())
        found = [check(each) for each in (case, Saved(path))]
        assert len({failure and failure.kind for failure in found}) == 1
        assert len(Saved(path).build().calls) == 4
