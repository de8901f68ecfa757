"""The levels a picture can be drawn at: every operation, one box for each module and phase, or every neuron."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from minitorch.errors import OptionError
from minitorch.graph.graph import Graph
from minitorch.graph.text import shown
from minitorch.viz.neurons import by_neuron
from minitorch.viz.picture import LATE, Arrow, Box, Path, Picture, drawn

MOST_LEGIBLE = 500  # boxes that a reader still finds a way through
MOST_LABELS = 3  # types on one arrow
MOST_TITLES = 3  # operations named in the box of a layer


def picture_of(graph: Graph, level: str, inputs: Any = None) -> Picture:
    """The picture at a level, with the values of a run at level "neuron"; `ValueError` for one that there is not."""
    if not isinstance(level, str) or level not in LEVELS:
        raise OptionError(f"draw: there is no level {shown(level)}; there are {', '.join(LEVELS)}")
    if inputs is None:
        return LEVELS[level](graph)
    if level != "neuron":
        raise OptionError(f'draw: the values of inputs are drawn at level="neuron", not at {shown(level)}')
    return by_neuron(graph, inputs)


def fitting(graph: Graph) -> Picture:
    """Every operation where they can be read, else a box for each module, and a remark that says so."""
    whole = drawn(graph)
    count = len(whole.boxes)
    layers = by_layer(whole) if count > MOST_LEGIBLE else whole
    if len(layers.boxes) == count:
        return whole
    return replace(layers, remark=f'{count:,} operations, drawn as layers (level="op" draws each)')


def by_layer(picture: Picture) -> Picture:
    """One box for what is forward in a scope, one for its gradients, one for its updates; the rest as it is."""
    members: dict[object, list[int]] = {}
    for i, box in enumerate(picture.boxes):
        alone = not box.home or box.role == "placeholder"
        members.setdefault(i if alone else (box.home, _phase(box)), []).append(i)
    number = {i: new for new, group in enumerate(members.values()) for i in group}
    boxes = [_merged([picture.boxes[i] for i in group]) for group in members.values()]
    between: dict[tuple[int, int, bool], list[Arrow]] = {}
    for arrow in picture.arrows:
        key = number[arrow.source], number[arrow.target], arrow.writes
        between.setdefault(key, []).append(arrow)
    arrows = [
        _bundled(group, source, target)
        for (source, target, _), group in between.items()
        if source != target and (target, source, True) not in between  # to write it, an update has read it
    ]
    return Picture(picture.name, tuple(boxes), tuple(arrows))


LEVELS: dict[str, Callable[[Graph], Picture]] = {
    "op": drawn, "layer": lambda graph: by_layer(drawn(graph)), "neuron": by_neuron,
}  # fmt: skip


def _phase(box: Box) -> str:
    return box.role if box.role in LATE else "forward"


def _bundled(arrows: list[Arrow], source: int, target: int) -> Arrow:
    """One arrow in the place of several that run side by side."""
    labels = list(dict.fromkeys(arrow.label for arrow in arrows if arrow.label))
    label = "\n".join(labels[:MOST_LABELS]) + ("\n..." if len(labels) > MOST_LABELS else "")
    return replace(arrows[0], source=source, target=target, label=label)


def _merged(boxes: list[Box]) -> Box:
    """One box in the place of several of the same scope and phase."""
    home: Path = boxes[0].home
    if not home or boxes[0].role == "placeholder":
        return boxes[0]
    titles = list(dict.fromkeys(box.title for box in boxes if box.role not in ("parameter", "constant")))
    shown = ", ".join(titles[:MOST_TITLES]) + (", ..." if len(titles) > MOST_TITLES else "")
    held = [f"{box.title} {' '.join(box.details)}" for box in boxes if box.role == "parameter" and not box.repeated]
    output = any(box.output for box in boxes)
    details = (*filter(None, (shown,)), *held, *(("output",) if output else ()))
    note = f"{'/'.join(home)}: {len(boxes)} nodes"
    return Box(home[-1], _phase(boxes[0]), home[:-1], "", details, note, output)
