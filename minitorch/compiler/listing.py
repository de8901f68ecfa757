"""A plan as text: its instructions phase by phase, and which buffer lives when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minitorch.compiler.plan import BIND, CALL, Instruction, Plan, Value
from minitorch.graph.graph import expression, place
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable

CHART = 48  # columns of the chart of lifetimes


def describe(plan: Plan) -> str:
    """Instructions by phase, then the buffers of the arena: where each lies and when it lives."""
    names = value_names(plan)
    computed = [i for i in plan.instructions if not i.node.op.view]
    once = [i for i in computed if i.stage == BIND]
    calls = plan.calls
    head = f"plan of {printable(plan.graph.name)}: {len(calls)} instructions a step"
    lines = [f"{head}, {len(plan.buffers)} buffers in {len(plan.slots)} slots of one arena"]
    lines += _fallbacks(calls)
    lines += _section("once for each batch size", once, names)
    lines += _section("forward", [i for i in calls if i.role in ("forward", "constant")], names)
    lines += _section("backward", [i for i in calls if i.role == "gradient"], names)
    lines += _section(f"update ({_when(calls)})", _updates(calls), names)
    lines.append(f"return {', '.join(names[v] for v in plan.outputs) or 'nothing'}")
    return "\n".join([*lines, *_lifetimes(plan, names)])


def _fallbacks(calls: Iterable[Instruction]) -> list[str]:
    """What keeps a program from running in generated code alone."""
    names = dict.fromkeys(printable(i.node.op.name) for i in calls if not i.native)
    return [f"each step goes through Python, for the NumPy kernels of {', '.join(names)}"] if names else []


def _when(calls: Iterable[Instruction]) -> str:
    """When parameters change."""
    if any(i.stage == CALL and i.target is not None for i in calls):
        return "a parameter changes when nobody needs its old value any more"
    return "what is stored is stored all at once, at the end"


def _updates(calls: Iterable[Instruction]) -> list[Instruction]:
    return [i for i in calls if i.role == "update"]


def value_names(plan: Plan) -> dict[Value, str]:
    """The names of the graph's listing; for views the expression that makes them."""
    labels = plan.graph.labels()
    by_node = {v.node: v for v in plan.values}
    names: dict[Value, str] = {}
    for v in plan.values:
        if v.kind in ("view", "constant"):
            names[v] = expression(v.node, [names[by_node[i]] for i in v.node.inputs])
        else:
            names[v] = labels.get(v.node, "stored")
    return names


def _section(title: str, instructions: list[Instruction], names: dict[Value, str]) -> list[str]:
    if not instructions:
        return []
    rows = [(text, place(node, role=False)) for i in instructions for text, node in _rows(i, names)]
    width = min(max(len(text) for text, _ in rows), 84)
    return [title, *(f"  {text:{width}}  # {where}" for text, where in rows)]


def _rows(instruction: Instruction, names: dict[Value, str]) -> Iterator[tuple[str, Tensor]]:
    """A line for each result; those of one instruction are joined by `and`."""
    inputs = [names[v] for v in instruction.inputs]
    ending = (" in place" if instruction.in_place else "") + ("" if instruction.native else " by NumPy")
    for k, (node, value) in enumerate(zip(instruction.nodes, instruction.outputs, strict=True)):
        target, call = instruction.targets[k], expression(node, inputs)
        where = "" if value.slot is None else f" slot {value.slot}"
        text = f"{names[value]}: {node.type}{where}{ending} = {call}"
        if target is not None:
            text = f"{printable(target.name or 'parameter')} <- {call}{ending}"
        yield f"{'  and ' if k else ''}{text}", node


def _lifetimes(plan: Plan, names: dict[Value, str]) -> list[str]:
    """A row for each slot and the buffers in it, a column for each instruction (or for several)."""
    if not plan.buffers:
        return []
    steps = 1 + max(v.dies for v in plan.buffers)
    scale = max(1, -(-steps // CHART))
    lines = [f"lifetimes ({'one column an instruction' if scale == 1 else f'{scale} instructions a column'})"]
    rows = sorted(plan.buffers, key=lambda v: (v.slot, v.born))
    width = max(len(f"{names[v]}: {v.node.type}") for v in rows)
    for v in rows:
        bar = "".join("█" if v.born // scale <= c <= v.dies // scale else "·" for c in range(-(-steps // scale)))
        lines.append(f"  slot {v.slot:<3} {f'{names[v]}: {v.node.type}':{width}}  {bar}")
    return lines
