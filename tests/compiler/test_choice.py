"""Compiling leaves the process as it was."""

import gc

import pytest

import minitorch as mt
from minitorch.compiler import choice


@pytest.fixture(params=[True, False], ids=["collecting", "not collecting"])
def collecting(request):
    was = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if was else gc.disable)()


def test_the_collector_waits_and_is_then_as_it_was(collecting, monkeypatch):
    seen = []
    plan = choice.make_plan
    monkeypatch.setattr(choice, "make_plan", lambda *given: seen.append(gc.isenabled()) or plan(*given))
    mt.compile([], mt.constant(1.0), backend="numpy")
    assert seen == [False]
    assert gc.isenabled() is collecting


def test_so_it_is_after_an_error(collecting, monkeypatch):
    def fail(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(choice, "make_plan", fail)
    with pytest.raises(KeyboardInterrupt):
        mt.compile([], mt.constant(1.0), backend="numpy")
    assert gc.isenabled() is collecting
