"""What each call must give by the reference; and that the compiled graph means what the traced one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.fuzz.case import Built
from tests.fuzz.finding import Found, attempt, difference, same_bits
from tests.fuzz.reference import Values, evaluate, judged, off, sizes_of


@dataclass
class Expected:
    """What a call must give by the reference: results and parameters after it, or the error that it must raise."""

    results: list[Any]
    stored: list[Any]
    sizes: dict[Any, int]
    error: type[Exception] | None = None


def targets(program: Any) -> list[Any]:
    """The parameters and variables that a call changes."""
    return [target for target, _ in program.traced.updates]


def expected_calls(program: Any, built: Built) -> list[Expected]:
    """The reference, call after call; the parameters are put back as they were."""
    stored = targets(program)
    start = [t.data.copy() for t in stored]
    found = []
    for arrays in built.calls:
        found.append(_meaning(program, built, arrays))
        for target, value in zip(stored, found[-1].stored, strict=True):
            target.data[...] = value
    for target, value in zip(stored, start, strict=True):
        target.data[...] = value
    return found


def _meaning(program: Any, built: Built, arrays: Sequence[Any]) -> Expected:
    try:
        return _expected_call(program, built, arrays)
    except (AssertionError, TypeError, ValueError) as error:
        raise Found(f"the reference raised {type(error).__name__}", str(error)[:300]) from error


def _expected_call(program: Any, built: Built, arrays: Sequence[Any]) -> Expected:
    """What the compiled graph means; and that it means what the traced one does."""
    traced, compiled = program.traced, program.graph
    sizes = sizes_of(traced.inputs, arrays)
    feeds = dict(zip(traced.inputs, arrays, strict=True))
    try:
        as_written = evaluate(traced, feeds, sizes, ordered=True)
    except IndexError as error:
        stored = [t.data.copy() for t in targets(program)]
        return Expected([], stored, sizes, type(error))
    unrounded = exact(program)
    as_compiled = attempt("the compiled graph", lambda: evaluate(unrounded, feeds, sizes, ordered=True))
    for a, b in zip(unrounded.roots, traced.roots, strict=True):
        if not same_bits(as_compiled[a], as_written[b]) and not _as_it_lies(traced, feeds, sizes, as_compiled[a], b):
            raise Found("optimised differs", f"{difference(as_compiled[a], as_written[b])} for {b.describe()}")
    values = evaluate(compiled, feeds, sizes)
    if unrounded is not compiled:
        _close(unrounded, compiled, feeds, sizes, values)
    results = [values[t] for t in compiled.outputs]
    return Expected(results, [np.array(values[v]) for _, v in compiled.updates], sizes)


def _as_it_lies(traced: Any, feeds: Values, sizes: dict[Any, int], got: Any, root: Any) -> bool:
    """Whether a value is what the traced graph gives with views as they lie in memory: so constants are folded."""
    return same_bits(got, evaluate(traced, feeds, sizes)[root])


def exact(program: Any) -> Any:
    """The last graph that must have the bits of the traced one: before any rewrite that is declared to reassociate."""
    records = (r for r in program.passes if any(w.reassociates for w in r.rewrites))
    return next((r.before for r in records), program.graph)


def _close(exact: Any, compiled: Any, feeds: Values, sizes: dict[Any, int], values: Values) -> None:
    """What was reassociated differs by rounding alone."""
    for verdict, before, after in zip(judged(exact, feeds, sizes, 2), exact.roots, compiled.roots, strict=True):
        if verdict is not None and before.dtype.kind == "f" and (wrong := off(values[after], verdict)).any():
            at = tuple(np.argwhere(wrong)[0])
            raise Found(
                "reassociated differs", f"{values[after][at]!r}, but {verdict[0][at]!r} for {before.describe()}"
            )
