"""A failing graph made small: whatever can go while it still fails in the same way goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tests.fuzz.case import Case, Step
from tests.fuzz.check import EXACT, check
from tests.fuzz.finding import Failure

MOST_CHECKS = 600


def shrunk(case: Case, failure: Failure, backends: Sequence[str] = EXACT) -> Case:
    """The smallest case found that fails with a failure of the same kind."""
    left = MOST_CHECKS
    again = True
    while again and left > 0:
        again = False
        for smaller in _smaller(case):
            left -= 1
            if left <= 0:
                break
            if _fails(smaller, failure, backends):
                case, again = smaller, True
                break
    return case


def _fails(case: Case, failure: Failure, backends: Sequence[str]) -> bool:
    found = check(case, backends)
    return found is not None and found.kind == failure.kind and "building" not in found.kind


def _smaller(case: Case) -> Iterator[Case]:
    """Smaller cases, the greatest steps first."""
    yield from _fewer_roots(case)
    yield from _fewer_calls(case)
    yield from _fewer_steps(case)
    yield from _plainer_values(case)


def _fewer_roots(case: Case) -> Iterator[Case]:
    if len(case.outputs) > 1:
        for i in case.outputs:
            yield replace(case, outputs=(i,), updates=()).pruned()
    if case.updates:
        yield replace(case, updates=()).pruned()
        if case.outputs:
            yield replace(case, outputs=()).pruned()
    for k in range(len(case.outputs)):
        yield replace(case, outputs=case.outputs[:k] + case.outputs[k + 1 :]).pruned()
    for k in range(len(case.updates)):
        yield replace(case, updates=case.updates[:k] + case.updates[k + 1 :]).pruned()


def _fewer_calls(case: Case) -> Iterator[Case]:
    if len(case.calls) > 1:
        for k in range(len(case.calls)):
            yield replace(case, calls=(case.calls[k],))
        for k in range(len(case.calls)):
            yield replace(case, calls=case.calls[:k] + case.calls[k + 1 :])


def _fewer_steps(case: Case) -> Iterator[Case]:
    """Outputs replaced by what they are made of; steps by one of their operands, or by a leaf."""
    for k, i in enumerate(case.outputs):
        for operand in case.steps[i].operands:
            yield replace(case, outputs=(*case.outputs[:k], operand, *case.outputs[k + 1 :])).pruned()
    try:
        tensors = case.build().steps
    except Exception:  # cases that cannot be built are not made smaller this way
        return
    for i in reversed(range(len(case.steps))):
        step = case.steps[i]
        if not step.operands:
            continue
        for k in range(i):
            if tensors[k].type == tensors[i].type and (k in step.operands or not case.steps[k].operands):
                yield _redirected(case, i, k).pruned()
        leaf = _leaf(tensors[i])
        if leaf is not None:
            yield replace(case, steps=(*case.steps[:i], leaf, *case.steps[i + 1 :])).pruned()


def _redirected(case: Case, old: int, new: int) -> Case:
    move = lambda i: new if i == old else i
    steps = tuple(s._replace(operands=tuple(map(move, s.operands))) if k > old else s for k, s in enumerate(case.steps))
    updates = tuple((i, move(k)) for i, k in case.updates)
    return replace(case, steps=steps, outputs=tuple(map(move, case.outputs)), updates=updates)


def _leaf(tensor: Any) -> Step | None:
    """A parameter in the place of a tensor of known size."""
    if not all(isinstance(n, int) for n in tensor.shape):
        return None
    value = np.arange(1, 1 + int(np.prod(tensor.shape))).reshape(tensor.shape) / 2
    return Step(f'mt.parameter({{v}}, dtype="{tensor.dtype}")', (), value.astype(tensor.dtype))


def _plainer_values(case: Case) -> Iterator[Case]:
    """Arrays of small numbers; NaN and infinities alone kept."""
    for i, step in enumerate(case.steps):
        if step.value is not None and not _plain(step.value):
            yield replace(
                case, steps=(*case.steps[:i], step._replace(value=_rounded(step.value)), *case.steps[i + 1 :])
            )
    for k, call in enumerate(case.calls):
        for i, array in call.items():
            if not _plain(array):
                yield replace(case, calls=(*case.calls[:k], {**call, i: _rounded(array)}, *case.calls[k + 1 :]))


def _plain(array: Any) -> bool:
    return bool(np.array_equal(_rounded(array), array, equal_nan=array.dtype.kind == "f"))


def _rounded(array: Any) -> Any:
    if array.dtype.kind != "f":
        return array
    with np.errstate(all="ignore"):
        small = np.where(np.abs(array) < 100, np.round(array * 2) / 2, array)
    return np.where(np.isfinite(array), np.where(np.abs(array) > 100, 2, small), array).astype(array.dtype)
