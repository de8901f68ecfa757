"""Slots: no two values at once, large enough at every batch size, the tightest first."""

import random

import pytest

import minitorch as mt
from minitorch.compiler.slots import Slots, nbytes
from minitorch.graph.dim import evaluate, symbols


def value(*shape, dtype="float32"):
    return mt.placeholder("x", shape, dtype)


def width(slots, slot, n):
    return max(evaluate(size, dict.fromkeys(symbols(size), n)) for size in slots.sizes()[slot])


def test_bytes_are_sizes_times_the_width_of_the_dtype():
    assert nbytes(value(3, 4)) == 48
    assert nbytes(value(3, dtype="float64")) == 24
    assert nbytes(value()) == 4
    assert str(nbytes(value("n", 4, dtype="bool"))) == "4*n"


def test_values_alive_at_once_have_slots_of_their_own():
    slots = Slots()
    assert [slots.take(value(4)) for _ in range(3)] == [0, 1, 2]
    slots.free(1)
    assert slots.take(value(4)) == 1
    assert slots.take(value(4)) == 3


def idle(*sizes):
    """Slots of these sizes, all free again."""
    slots = Slots()
    held = [slots.take(value(*size)) for size in sizes]
    for slot in held:
        slots.free(slot)
    return slots, held


def test_the_tightest_slot_that_fits_is_taken():
    slots, (large, small, middle) = idle((100,), (20,), (50,))
    assert slots.take(value(40)) == middle
    assert slots.take(value(60)) == large
    assert slots.take(value(20)) == small
    assert slots.sizes() == ((400,), (80,), (200,))


def test_a_slot_grows_to_hold_a_value_of_about_its_size():
    slots, (slot,) = idle((60,))
    assert slots.take(value(100)) == slot
    assert slots.sizes() == ((400,),)


def test_a_small_value_does_not_take_a_slot_that_a_large_one_will_need():
    slots, (slot,) = idle((1000,))
    assert slots.take(value(20)) != slot
    assert slots.take(value(1000)) == slot


def test_sizes_that_cannot_be_compared_are_both_kept():
    slots, (slot,) = idle(("n", 3))
    assert slots.take(value("m", 2)) == slot
    assert {str(size) for size in slots.sizes()[slot]} == {"8*m", "12*n"}
    slots.free(slot)
    assert slots.take(value("n", 5)) == slot  # at least as large as (n, 3), whatever n is
    assert {str(size) for size in slots.sizes()[slot]} == {"8*m", "20*n"}


def test_of_equal_width_the_same_expression_is_preferred():
    slots, (_, unknown) = idle((64, 3), ("n", 3))
    assert slots.take(value("n", 3)) == unknown
    assert len(slots.sizes()[unknown]) == 1


def test_a_result_in_place_has_the_slot_of_its_operand():
    slots = Slots()
    slot = slots.take(value("n", 3))
    assert slots.reuse(slot, value("n", 3)) == slot
    assert len(slots.sizes()) == len(slots.sizes()[slot]) == 1


@pytest.mark.parametrize("seed", range(30))
def test_any_course_of_takes_and_frees(seed):
    """Against a set of those alive: never the same slot twice, and every value fits at every size."""
    choose = random.Random(seed)
    sizes = ["n", "m", 1, 2, 5, 64, 65]
    slots, alive = Slots(), {}
    for _ in range(200):
        if alive and choose.random() < 0.5:
            slot = choose.choice(sorted(alive))
            del alive[slot]
            slots.free(slot)
            continue
        taken = value(
            *choose.choices(sizes, k=choose.randrange(3)), dtype=choose.choice(["float32", "float64", "bool"])
        )
        slot = slots.take(taken)
        assert slot not in alive
        alive[slot] = taken
        for held, node in alive.items():
            for n in (0, 1, 63, 1000):
                assert width(slots, held, n) >= evaluate(nbytes(node), dict.fromkeys(symbols(nbytes(node)), n))
    assert len(slots.sizes()) <= 120
