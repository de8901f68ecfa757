"""What the processor decides."""

import pytest

from minitorch.compiler import processor


@pytest.fixture
def fresh(monkeypatch):
    """Nothing is known yet of the processor."""
    found = (processor.described, processor.identity, processor.outruns_second_cache)
    for known in found:
        known.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    for known in found:
        known.cache_clear()


@pytest.mark.parametrize(
    ("vendor", "wide", "outruns"),
    [("GenuineIntel", True, True), ("AuthenticAMD", True, False), (None, True, True), ("GenuineIntel", False, False)],
)
def test_blocks_pay_where_vectors_are_wide_and_the_second_cache_is_slow(fresh, vendor, wide, outruns):
    fresh.setattr(processor, "described", lambda: {"vendor_id": vendor} if vendor else {})
    fresh.setattr(processor, "extension", type("extension", (), {"__cpu_features__": {"AVX512F": wide}}))
    assert processor.outruns_second_cache() is outruns


def test_a_system_without_a_list_names_its_machine_instead(fresh):
    def absent(*args, **kwargs):
        raise FileNotFoundError

    fresh.setattr("builtins.open", absent)
    assert processor.described() == {}
    assert processor.os.uname().nodename in processor.identity()
