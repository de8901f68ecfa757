"""The names under which programs are kept: of graphs that differ a little, those of one name have one program."""

import random
import re
from dataclasses import replace

import pytest

from minitorch.compiler import optimise
from minitorch.compiler.backends.c_source import CSource, alike
from minitorch.compiler.backends.c_source.footing import footing_of
from minitorch.compiler.backends.c_source.layout import Layouts
from minitorch.compiler.backends.c_source.writer import Writer
from minitorch.compiler.plan import make_plan
from minitorch.tracing import trace
from tests.fuzz.finish import generate

NUMBER = re.compile(r"(?<![\w.{])\d+(?![\w}])")


def changed(case, draw):
    """The same with one step that has other operands, or another number in it."""
    steps = list(case.steps)
    k = draw.randrange(len(steps))
    step = steps[k]
    operands = list(step.operands)
    if operands and draw.randrange(2):
        operands[draw.randrange(len(operands))] = draw.randrange(k)
    elif draw.randrange(2):
        operands.reverse()
    steps[k] = step._replace(
        operands=tuple(operands), code=NUMBER.sub(lambda found: str(draw.randrange(4)), step.code, draw.randrange(2))
    )
    return replace(case, steps=tuple(steps))


def made(case):
    """The signature of a graph, and all that is kept of it; None where the graph makes no sense."""
    try:
        built = case.build()
        graph, _ = trace(built.inputs, built.outputs, built.updates, "graph", built.training)
    except (ValueError, TypeError, IndexError):
        return None
    layouts = Layouts(make_plan(optimise(graph, CSource.lowering)[-1].after, CSource.rules))
    footing = footing_of(layouts)
    own = {node: k for k, node in enumerate(graph.mentioned) if not node.inputs}
    leaves = {key: own.get(leaf, leaf.data.tobytes()) for key, leaf in footing.leaves.items()}
    program = repr(Writer(layouts, 32).write())
    return alike.signature(graph), (program, leaves, str(footing.ahead), footing.places, str(footing.slots))


@pytest.mark.parametrize("seed", range(60))
def test_graphs_of_one_signature_have_one_program(seed):
    draw, case = random.Random(seed), generate(seed)
    found = list(filter(None, map(made, [case, case, *(changed(case, draw) for _ in range(10))])))
    assert found[0] == found[1]
    programs = {}
    for signature, program in found:
        assert programs.setdefault(signature, program) == program
