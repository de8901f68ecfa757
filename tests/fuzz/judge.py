"""float64 as judge of float32, and finite differences as judge of gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch.graph import Graph
from tests.fuzz.case import Built
from tests.fuzz.finding import Buildable, Found, attempt
from tests.fuzz.meaning import Expected
from tests.fuzz.reference import evaluate, judged, off, sizes_of, slope


def judge(case: Buildable, built: Built, program: Any, expected: Expected) -> None:
    wide = attempt("building in float64", lambda: case.build(wide=True))
    arrays = wide.calls[len(built.calls) - 1]
    feeds = dict(zip(wide.inputs, arrays, strict=True))
    sizes = sizes_of(wide.inputs, arrays)
    _slopes(case, wide, feeds, sizes)
    if not any(t.dtype == np.float32 for t in built.outputs):
        return
    graph = Graph(wide.outputs, (), wide.inputs, "wide", training=program.traced.training)
    fresh = evaluate(program.traced, dict(zip(built.inputs, built.calls[-1], strict=True)), expected.sizes)
    for i, (verdict, t) in enumerate(zip(judged(graph, feeds, sizes), program.traced.outputs, strict=True)):
        if verdict is None or t.dtype != np.float32 or wide.outputs[i].dtype != np.float64:
            continue
        if (wrong := off(fresh[t], verdict)).any():
            at = tuple(np.argwhere(wrong)[0])
            found = f"{fresh[t][at]!r}, but {verdict[0][at]!r} +- {verdict[1][at]!r}"
            raise Found("float64 disagrees", f"output {i} at {at}: {found}")


UNJUDGED = ("mt.stop_gradient", "mt.clip({0}, {1}, {2})")
"""What has another gradient than its slope: between two bounds that are equal, PyTorch's is 0 for both."""


def _slopes(case: Buildable, wide: Built, feeds: dict[Any, Any], sizes: dict[Any, int]) -> None:
    """The gradients that the case takes, against finite differences in float64."""
    steps = getattr(case, "steps", ())
    if any(step.code.startswith(UNJUDGED) for step in steps):
        return
    for i, step in enumerate(steps):
        if step.code != "mt.grad({0}, {1})":
            continue
        loss, at = (wide.steps[k] for k in step.operands)
        both = Graph([loss, wide.steps[i]], (), wide.inputs, "slope", training=True)
        try:
            found = slope(Graph([loss], (), wide.inputs, "loss"), both, at, feeds, sizes)
        except IndexError:
            return
        if found is not None and abs(found[0] - found[1]) > 1e-2 * found[2]:
            got, rise, _ = found
            raise Found("a gradient", f"step {i}: {got} along a direction, but the slope is {rise}")
