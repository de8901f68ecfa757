"""A picture as data: boxes and arrows, told from a graph. Every format is written from this one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from minitorch.graph.graph import Graph, attr_text, constant_text, expression, place
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable

Path = tuple[str, ...]
"""The scopes around a box, the outermost first."""

REPEATED = "dashed: one value, drawn in each scope that reads it"
MOST_DEPTH = 16  # scopes deeper than this are drawn in the one that holds them: no engine nests without end
LATE = ("gradient", "update")
LANES = {role: lane for lane, role in enumerate(LATE, 1)}  # beside what is forward, from left to right


@dataclass(frozen=True, slots=True)
class Box:
    """A node as it is drawn: `title(call)` over lines of detail, of a role, in a scope; `note` is for hovering."""

    title: str
    role: str
    home: Path = ()
    call: str = ""
    details: tuple[str, ...] = ()
    note: str = ""
    output: bool = False
    repeated: bool = False  # one of several for the same node, each where it is read
    section: str = ""  # the frame inside that of its scope, one for gradients and one for updates
    round: bool = False  # a unit of a layer

    @property
    def frame(self) -> Path:
        """The names of the frames around it, the outermost first."""
        return (*self.home, self.section) if self.section else self.home


@dataclass(frozen=True, slots=True)
class Arrow:
    """A value on its way from box to box, by number. `writes`: an update, to the parameter that it changes.

    `upward`: the reader stands above the source, so that gradients climb beside what they are gradients of.
    """

    source: int
    target: int
    role: str
    label: str = ""
    note: str = ""
    upward: bool = False
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in the order of the graph, and arrows between them. `remark` is what the reader must be told besides;
    `rows` are boxes that stand side by side, by number, in that order."""

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    remark: str = ""
    rows: tuple[tuple[int, ...], ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remark, and what dashed boxes are where there are some."""
        repeated = any(box.repeated for box in self.boxes)
        return tuple(filter(None, (REPEATED if repeated else "", self.remark)))


def drawn(graph: Graph) -> Picture:
    """A box for each node, but for scalar constants, which stand in the boxes that read them."""
    return _Drawing(graph).picture()


def drawn_from(graph: Graph) -> tuple[Picture, tuple[Tensor, ...]]:
    """The same, and the node that each box stands for."""
    drawing = _Drawing(graph)
    return drawing.picture(), tuple(node for node, _ in drawing.number)


class _Drawing:
    """What is worked out once about a graph, to draw it."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.labels = graph, graph.labels()
        targets = [target for target, _ in graph.updates]
        nodes = list(dict.fromkeys((*graph.nodes, *graph.inputs, *targets)))
        self.readers = _readers(nodes)
        self.outputs, roots = set(graph.outputs), set(graph.roots)
        self.inlined = {n for n in nodes if n.op.name == "constant" and not n.shape and n not in roots}
        self.climbs = any(node.role == "forward" for node in nodes)
        self.apart = self._apart(nodes, roots.union(targets))
        self.places = self._places(nodes, _homes(nodes, self.readers, graph))
        shown = [(node, home) for node in nodes if node not in self.inlined for home in self.places[node]]
        self.number = {place: i for i, place in enumerate(shown)}

    def _apart(self, nodes: Sequence[Tensor], kept: set[Tensor]) -> set[Tensor]:
        """What is no part of the flow, but there for gradients and updates alone: learning rates, vectors of ones."""
        apart: set[Tensor] = set()
        for node in nodes:
            serves = node not in kept and all(reader.role in LATE for reader in self.readers[node])
            leaf = node.role in ("parameter", "constant")
            if serves and (leaf or (node.role in LATE and all(i in self.inlined or i in apart for i in node.inputs))):
                apart.add(node)
        return apart

    def _places(self, nodes: Sequence[Tensor], homes: Mapping[Tensor, Path]) -> dict[Tensor, list[Path]]:
        """The scopes that a node stands in: its own; in each that reads it, if it is apart, not across them all."""
        places: dict[Tensor, list[Path]] = {}
        for node in reversed(nodes):
            read = [home for reader in self.readers[node] for home in places[reader]]
            places[node] = list(dict.fromkeys(read)) if node in self.apart and read else [homes[node]]
        return places

    def picture(self) -> Picture:
        boxes = [self.box(node, home) for node, home in self.number]
        arrows = [arrow for node, home in self.number for arrow in self.arrows(node, home)]
        writes = [self.write(target, value) for target, value in self.graph.updates]
        return Picture(printable(self.graph.name), tuple(boxes), (*arrows, *writes))

    # ---- boxes ----

    def box(self, node: Tensor, home: Path) -> Box:
        output, repeated = node in self.outputs, len(self.places[node]) > 1
        told = str(node.type) if node.role in ("placeholder", "parameter", "constant") else _attributes(node)
        details = tuple(filter(None, (printable(told), "output" if output else "")))
        title = self.title(node).removeprefix("".join(f"{scope}." for scope in home[-1:]))
        section = node.role if node.role in LATE else ""
        return Box(title, node.role, home, self.call(node), details, self.note(node), output, repeated, section)

    def title(self, node: Tensor) -> str:
        """The name that the user gave, else the operation."""
        if node.op.name == "constant":
            return printable(constant_text(node))
        return self.labels[node] if node.name is not None else printable(node.op.name)

    def call(self, node: Tensor) -> str:
        """The arguments, where one of them is a constant that has no box of its own: `(1.0, ·)`."""
        if self.inlined.isdisjoint(node.inputs):
            return ""
        arguments = [_short(constant_text(source)) if source in self.inlined else "·" for source in node.inputs]
        return printable(f"({', '.join(arguments)})")

    def note(self, node: Tensor) -> str:
        """The node as a line of the listing, and where it comes from."""
        called = expression(node, [self.labels[source] for source in node.inputs])
        listed = printable(placeless(f"{self.labels[node]}: {node.type} = {called}"), 200)
        return "\n".join(filter(None, (listed, printable(place(node), 400))))

    # ---- arrows ----

    def arrows(self, node: Tensor, home: Path) -> Iterable[Arrow]:
        for position, source in enumerate(node.inputs):
            if source not in self.inlined:
                apart = source in self.apart
                above = self.number[source, home if apart else self.places[source][0]]
                note = f"{self.labels[source]}, operand {position} of {self.labels[node]}"
                upward = self.upward(node) and not (apart and not source.inputs)
                yield Arrow(above, self.number[node, home], node.role, printable(str(source.type)), note, upward)

    def write(self, target: Tensor, value: Tensor) -> Arrow:
        """From a new value to its parameter."""
        source, goal = ((t, self.places[t][0]) for t in (value, target))
        note = f"the new value of {self.labels[target]}"
        return Arrow(
            self.number[source], self.number[goal], "update", "", note, upward=not self.upward(value), writes=True
        )

    def upward(self, node: Tensor) -> bool:
        return self.climbs and node.role in LATE


# ---- where a node is drawn ----


def _homes(nodes: Sequence[Tensor], readers: Mapping[Tensor, Sequence[Tensor]], graph: Graph) -> dict[Tensor, Path]:
    """The scope of each node. Parameters stand with what reads them, updates with the parameter that they change."""
    homes = {node: _path(node.scope) for node in nodes}
    held = [node for node in nodes if node.role in ("parameter", "constant") and not node.scope]
    for leaf in held:
        by_role = ([homes[r] for r in readers[leaf] if r.role == role] for role in ("forward", "gradient"))
        homes[leaf] = next(map(_meet, filter(None, by_role)), ())
    served: dict[Tensor, list[Path]] = {node: [] for node in nodes}
    for target, value in graph.updates:
        if homes[target]:
            served[value].append(homes[target])
    for node in reversed(nodes):
        if node.role == "update":
            served[node] += [homes[reader] for reader in readers[node]]
            changed = [homes[i] for i in node.inputs if i.role == "parameter" and homes[i]]
            homes[node] = homes[node] or _meet(served[node] or changed)
    for target, _ in graph.updates:  # an optimiser's own: momentum, averages
        homes[target] = homes[target] or _meet([homes[reader] for reader in readers[target]])
    return homes


def _readers(nodes: Iterable[Tensor]) -> dict[Tensor, list[Tensor]]:
    readers: dict[Tensor, list[Tensor]] = {node: [] for node in nodes}
    for node in readers:
        for source in node.inputs:
            readers[source].append(node)
    return readers


def _path(scope: str) -> Path:
    return tuple(printable(part) for part in scope.split("/", MOST_DEPTH)[:MOST_DEPTH]) if scope else ()


def _meet(paths: Sequence[Path]) -> Path:
    """The innermost scope that holds all."""
    first, last = min(paths, default=()), max(paths, default=())
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


# ---- text ----


def _attributes(node: Tensor) -> str:
    """What the operation is told besides its operands, but for what is off, or says the type again."""
    said = {"None", "False", str(node.dtype)}
    told = {key: attr_text(value) for key, value in node.attrs.items() if key not in ("storage", "value")}
    return placeless(", ".join(f"{key}={text}" for key, text in told.items() if text not in said))


def _short(number: str) -> str:
    return number if len(number) <= 8 else f"{float(number):.4g}"


def placeless(text: str) -> str:
    """Without the addresses in memory that Python shows of some objects: they differ from run to run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
