"""`python -m benchmarks` as it is used: tables, JSON, a chart; every workload, every row."""

import json
import re

import pytest

from benchmarks import processes, tables


def test_one_command_prints_tables_and_writes_json_and_a_chart(tmp_path, run, markdown_rows):
    written, drawn = tmp_path / "new" / "figures.json", tmp_path / "new" / "figures.svg"
    who = ["minitorch", "matmul", "tuned", "products"]
    printed = run(
        "benchmarks", "--workloads", "moons", "relu", "--peers", *who[1:], "--threads", 1, 2, "--rounds", 2,
        "--parts", "time", "--backend", "numpy", "--json", written, "--chart", drawn,
    )  # fmt: skip
    heads = re.findall(
        r"^.*BLAS \S+ \S+, \S+, (\d) threads?; NumPy .*; minitorch backend numpy, 2 rounds$", printed, re.MULTILINE
    )
    assert heads == ["1", "2"]
    rows = ["workload", "---", "moons (2-16-16-1, batch 32)", "relu (784-256-128-10, batch 128, relu)"]
    assert markdown_rows(printed) == [(name, 8) for name in rows] * 4
    reason = "tuned for tanh, mean squared error and plain SGD alone"
    assert printed.count(f"by hand, tuned did not take part in relu: {reason}.") == 2
    found = json.loads(written.read_text())["time"]
    for process in found:
        assert [r["workload"]["name"] for r in process["results"]] == ["moons", "relu"]
        assert [r["left_out"] for r in process["results"]] == [{}, {"tuned": reason}]
        for kind in ("step", "epoch"):
            moons, relu = (r[kind] for r in process["results"])
            assert list(moons["microseconds"]) == who
            assert list(relu["ratios"]) == ["matmul", "products"]
            for middle, low, high in [*moons["microseconds"].values(), *relu["ratios"].values()]:
                assert 0 < low <= middle <= high
    assert drawn.read_text().startswith("<?xml")


def test_the_command_refuses_names_that_it_does_not_know(run):
    assert "there is no workload sun; there are moons, digits, mnist, wide, deep" in run(
        "benchmarks", "--workloads", "sun", status=2
    )
    assert "there is no peer theano; there are matmul, dot" in run("benchmarks", "--peers", "theano", status=2)


def test_processes_get_their_threads_and_caches_and_no_choice_of_kernels(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump=1")
    changes = processes.threads(2) | processes.caches(tmp_path)
    found = processes.fresh("import json, os; print('...'); print(json.dumps(dict(os.environ)))", changes)
    assert "OPENBLAS_CORETYPE" not in found
    assert found["OPENBLAS_NUM_THREADS"] == found["NPROC"] == "2"
    assert found["XLA_FLAGS"].split() == [
        "--xla_dump=1", "--xla_cpu_multi_thread_eigen=true", "intra_op_parallelism_threads=2",
    ]  # fmt: skip
    assert found["MINITORCH_CACHE"].startswith(str(tmp_path))
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        processes.fresh("1 / 0")


def test_a_busy_machine_is_told():
    result = {kind: {"cores": {"minitorch": share}} for kind, share in (("step", 1.0), ("epoch", 0.4))}
    assert tables._crowded([result]) == [
        "The machine was busy: a contestant got 0.40 of a core, so these figures say little."
    ]
    result["epoch"]["cores"]["minitorch"] = 0.98
    assert tables._crowded([result]) == []
