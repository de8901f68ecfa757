"""What `verify` has found, as a table: every pass and every law, counted, in each float type."""

import numpy as np
import pytest

import minitorch as mt


def step(backend="numpy", dtype="float32"):
    x, y = mt.placeholder("x", ("batch", 30), dtype), mt.placeholder("y", ("batch", 1), dtype)
    model = mt.nn.MLP(30, [8, 1], seed=0, dtype=dtype)
    loss = mt.mse_loss(model(x), y)
    updates = mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss)
    return mt.compile([x, y], loss, updates, backend=backend, name="step")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_pass_and_every_law_is_told_for_both_floats(backend, dtype):
    program = step(backend, dtype)
    assert str(program.verification) == f"step on {backend}: nothing is verified yet, see verify()"
    assert len(program.verification) == 0
    program.verify()
    found = program.verification
    assert sorted(found.floats) == ["float32", "float64"]
    assert [line.name for line in found if not line.name.startswith(" ")] == [p.name for p in program.passes[2:]]
    laws = [line for line in found if line.name.startswith(" ")]
    assert {line.name.strip() for line in laws} == {r.reason for p in program.passes for r in p.rewrites}
    assert sum(line.rewrites for line in laws) == sum(len(p.rewrites) for p in program.passes)
    for line in found:
        assert 0 < line.all.special < line.all.values
        assert len(line.found) == 2
        assert line.all.values == sum(t.values for t in line.found)


def test_the_largest_difference_is_that_of_the_floats_it_was_computed_in():
    x = mt.placeholder("x", ("n", 400))
    program = mt.compile([x], [mt.sum(mt.square(x * 3)), mt.sum(x, 0), mt.sum(x, 1)], backend="numpy")
    program.verify()
    found = program.verification
    laws = [line for line in found if "x . x" in line.name or "x over its columns" in line.name]
    assert len(laws) == 2
    single, double = (max(law.found[found.floats.index(n)].largest for law in laws) for n in ("float32", "float64"))
    assert 0 < double < 1e-10 < single < 1e-2
    loose = {r.reason for p in program.passes for r in p.rewrites if r.reassociates}
    for line in found:
        if line.name.strip() not in (*loose, "contract"):
            assert (line.all.rounded, line.all.unsettled, line.all.largest) == (0, 0, 0)


def test_the_table_reads_well():
    program = step("numpy")
    program.verify()
    lines = str(program.verification).splitlines()
    assert lines[0] == "step on numpy: 7 passes verified, no difference but those that a law declares"
    assert lines[1].split()[:3] == ["pass,", "law", "rewrites"]
    assert lines[1].endswith("largest, float64")
    assert any(line.startswith("  contract ") for line in lines)
    assert any(line.startswith("    the sum of x over its rows = ") for line in lines)
    assert max(map(len, lines)) < 170
    for word in ("special: ", "last bits: ", "overflow, ±0: ", "largest: "):
        assert sum(line.strip().startswith(word) for line in lines) == 1


def test_mixed_floats_and_no_floats_are_named():
    x, k = mt.placeholder("x", ("n",)), mt.placeholder("k", ("n",), "int64")
    mixed = mt.compile([x], [x * 2, x.astype("float64") + 1], backend="numpy")
    mixed.verify()
    assert mixed.verification.floats == ("as written", "float32", "float64")
    whole = mt.compile([k], k * 2 + k * 2, backend="numpy")
    whole.verify()
    assert whole.verification.floats == ("no floats",)
    assert "largest, no floats" in str(whole.verification)


def test_it_is_told_by_explain_too():
    program = step("numpy")
    program.verify()
    lines = program.explain().splitlines()
    (at,) = (k for k, line in enumerate(lines) if line.startswith("contract: "))
    for line, name in zip(lines[at + 1 : at + 3], ("float32", "float64"), strict=True):
        assert line.startswith(f"  checked, {name}: ")
        assert "differ by rounding" in line
    (at,) = (k for k, line in enumerate(lines) if line.startswith("sort: "))
    assert lines[at + 1].endswith("on special probes; the same bits")


def test_names_of_every_kind_stay_on_the_line():
    program = mt.compile([], mt.parameter(np.ones(2)) * 2, name="a\nb")
    program.verify()
    assert str(program.verification).splitlines()[0].startswith("a")
    assert "verified" in str(program.verification).splitlines()[0]
