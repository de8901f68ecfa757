"""The explorer: a program as one offline page in which it is seen being built, differentiated, compiled and run."""

from __future__ import annotations

import os
from typing import Any

from minitorch.compiler.listing import value_names
from minitorch.compiler.plan import BIND
from minitorch.errors import ArgumentError
from minitorch.files import write_whole
from minitorch.graph.text import printable, shown
from minitorch.program import Program
from minitorch.viz.page import asset, page
from minitorch.viz.runs import Run, traced
from minitorch.viz.sources import Lines, code_of, text_of
from minitorch.viz.stages import ROLES, Nodes, gradients, stages
from minitorch.viz.style import DARK, LIGHT
from minitorch.viz.target import target_of

SCRIPTS = ("state.js", "routes.js", "scene.js", "panels.js", "values.js", "steps.js", "explorer.js")
PHASES = {"constant": "forward", "gradient": "backward"}


def explore(program: Program, path: str | os.PathLike[str], inputs: Any = None) -> None:
    """Write one HTML file: every stage from what was written to what runs, with the reason of every rewrite, the user's
    lines, the generated code, and, where `inputs` are given (arrays in order, or by name), the values of a real run.

    The file asks the network for nothing. It appears whole or not at all, and is the same for the same program. A run
    changes neither parameters nor the counters of random numbers.
    """
    path = target_of(path, "explore")
    if not isinstance(program, Program):
        raise ArgumentError(f"explore: a compiled program is expected, but {shown(program)} was given")
    data = data_of(program, inputs)
    scripts = [asset(name) for name in SCRIPTS]
    note = f"{len(program.traced.nodes)} nodes written, {len(data['steps'])} instructions on {program.backend}"
    text = page(program.graph.name, asset("explorer.html"), data, css=[_colours(), asset("explorer.css")], js=scripts,
                note=note)  # fmt: skip
    write_whole(path, text.encode())


def data_of(program: Program, inputs: Any = None) -> dict[str, Any]:
    """All that the page shows, as plain data."""
    trace = None if inputs is None else traced(program, inputs)
    lines = Lines()
    nodes = Nodes(lines)
    data: dict[str, Any] = {"name": printable(program.graph.name), "backend": program.backend, "roles": ROLES}
    data["stages"] = stages(program, nodes)
    data["rules"] = gradients(program, nodes)
    data["steps"] = _steps(program, nodes)
    data["code"] = code_of(program)
    data["updates"] = [[nodes(target), nodes(value)] for target, value in program.graph.updates]
    if trace is not None:
        run = Run(program, trace)
        data["figure"] = run.of(program.passes, nodes.number)
        data["figures"] = run.rows
    data["nodes"] = nodes.rows
    data["files"] = lines.files()
    return data


def _steps(program: Program, nodes: Nodes) -> list[list[Any]]:
    """The instructions, in order: [phase, text, nodes, what is said of memory, number in the plan]."""
    names = value_names(program.plan)
    rows: list[list[Any]] = []
    for number, i in enumerate(program.plan.instructions):
        if i.node.op.view:
            continue
        phase = "bind" if i.stage == BIND else PHASES.get(i.role, i.role)
        slots = sorted({v.slot for v in i.outputs if v.slot is not None})
        said = [f"slot {', '.join(map(str, slots))} of the arena"] if slots else []
        said += ["in place"] if i.in_place else []
        said += [] if i.native else ["by NumPy"]
        rows.append([phase, text_of(i, names), [nodes(n) for n in i.nodes], ", ".join(said), number])
    return sorted(rows, key=lambda row: row[0] != "bind")  # what is computed once for each batch size comes first


def _colours() -> str:
    """The colours of each role in both themes, the same as in pictures."""
    lines = []
    for role, light in LIGHT.looks.items():
        dark = DARK.looks[role]
        lines.append(f"  --{role}: light-dark({light.line}, {dark.line});")
        lines.append(f"  --{role}-fill: light-dark({light.fill}, {dark.fill});")
    return "\n".join([":root {", *lines, "}"])
