"""The stages of a program as data: each graph on the way from what was written to what runs, where its boxes stand,
what each pass added, removed and fused, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minitorch.compiler.fused import fused
from minitorch.compiler.rewrite import PassRecord
from minitorch.compiler.steps import steps_in
from minitorch.graph.graph import Graph, constant_text, expression
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.program import Program
from minitorch.viz.lanes import placed
from minitorch.viz.lineage import became, parents
from minitorch.viz.picture import drawn_from, placeless
from minitorch.viz.rules import rules_of

WHAT = {
    "trace": "What was written, as a graph.",
    "differentiate": "The chain rule, written down as more graph; and the new values of parameters.",
    "specialise": "Where training and predicting differ, the side that this program is for.",
    "sort": "One order for everything: forward, then gradients, then updates.",
    "deduplicate": "What is computed twice is computed once.",
    "fold": "What depends on constants alone is computed now.",
    "simplify": "Identities that hold bit for bit.",
    "contract": "Sums as products, where they are faster so.",
    "shape_products": "A large product and what it is added to become one call.",
    "materialise": "Memory of their own for results that must not share any.",
    "fuse": "Operations over the same indices become one loop.",
}
TITLES = {"trace": "as traced", "differentiate": "with gradients"}
WIDEST, NARROWEST, LETTER = 190, 78, 7.4  # of a box; a letter is that wide
MOST_REASONS = 400  # rewrites of a pass that are listed one by one
ROLES = ("placeholder", "parameter", "constant", "forward", "gradient", "update")

Row = list[Any]


class Nodes:
    """Each node once, whatever the stages that have it. Rows are [title, type, role, scope, lines, full]."""

    def __init__(self, line: Callable[[Tensor], list[int]]) -> None:
        self.line = line
        self.number: dict[Tensor, int] = {}
        self.rows: list[Row] = []

    def __call__(self, node: Tensor) -> int:
        if node not in self.number:
            self.number[node] = len(self.rows)
            role, scope = ROLES.index(node.role), printable(node.scope)
            self.rows.append([title(node), printable(str(node.type)), role, scope, self.line(node), operations(node)])
        return self.number[node]


def title(node: Tensor) -> str:
    """What is written into a box: the user's name, else the operation, or those of a region."""
    if node.name is not None:
        return printable(node.name)
    if node.op.name == "constant":
        return printable(constant_text(node), 24)
    if node.op is fused:
        names = [n.op.name for n in node.attrs["body"].nodes if n.inputs]
        return printable(" · ".join(names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]))
    return printable(node.op.name)


def operations(node: Tensor) -> str:
    """For a region, all that is in it."""
    if node.op is not fused:
        return ""
    return printable(", ".join(n.op.name for n in node.attrs["body"].nodes if n.inputs), 400)


def stages(program: Program, nodes: Nodes) -> list[dict[str, Any]]:
    """A stage for each pass, and one for the plan, in order. One that changed nothing is `like` the one before it."""
    found: list[dict[str, Any]] = []
    scenes: dict[int, int] = {}
    for record in program.passes:
        stage: dict[str, Any] = {"name": record.name, "title": TITLES.get(record.name, record.name)}
        stage["what"] = WHAT.get(record.name, "")
        stage["count"] = len(record.after.nodes)
        first = record.name == "trace"
        same = not first and _same(record)
        if same:
            stage["like"] = scenes.get(len(found) - 1, len(found) - 1)
            scenes[len(found)] = stage["like"]
        else:
            stage.update(_scene(record.after, nodes))
        if not first and not same:
            stage.update(_change(record, nodes))
        found.append(stage)
    last = len(found) - 1
    planned = {"name": "plan", "title": "as planned", "like": scenes.get(last, last), "count": found[-1]["count"]}
    planned["what"] = "The order in which it runs, and the memory that it runs in. Step through it below."
    return [*found, planned]


def _same(record: PassRecord) -> bool:
    """Whether a pass made nothing and left nothing out; to put in another order changes no picture."""
    roots = zip(record.before.roots, record.after.roots)
    return set(record.before.nodes) == set(record.after.nodes) and all(a is b for a, b in roots)


# ---- where everything stands ----


def _scene(graph: Graph, nodes: Nodes) -> dict[str, Any]:
    """Boxes [node, label, x, y, width, frame, call, output], frames [parent, name, top, bottom, members], arrows."""
    picture, shown = drawn_from(graph)
    labels = graph.labels()
    widths = [_width(box.title if node.op is not fused else title(node), str(node.type), box.call)
              for box, node in zip(picture.boxes, shown, strict=True)]  # fmt: skip
    where = placed(picture, widths)
    boxes = []
    for box, node, (x, y, frame), width in zip(picture.boxes, shown, where.boxes, widths, strict=True):
        text = printable(placeless(expression(node, [_operand(i, labels) for i in node.inputs])), 400)
        boxes.append([nodes(node), labels[node], x, y, width, frame, box.call, text, int(box.output)])
    frames = [[f.parent, printable(f.name), f.top, f.bottom] for f in where.frames]
    arrows = [[a.source, a.target, int(a.writes)] for a in picture.arrows]
    size = [where.width, where.height]
    return {"boxes": boxes, "frames": frames, "arrows": arrows, "lanes": list(where.lanes), "size": size}


def _operand(node: Tensor, labels: Mapping[Tensor, str]) -> str:
    return constant_text(node) if node.op.name == "constant" and not node.shape else labels[node]


def _width(name: str, kind: str, call: str) -> int:
    letters = max(len(name + call) * LETTER, len(kind) * LETTER * 0.84)
    return int(min(WIDEST, max(NARROWEST, letters + 22)))


# ---- what a pass did ----


def _change(record: PassRecord, nodes: Nodes) -> dict[str, Any]:
    """Parents by node, what was added, removed and fused, and the rewrites with their reasons."""
    becomes = became(record)
    old = set(record.before.nodes)
    known = parents(record, becomes)
    links = {nodes(n): [nodes(p) for p in ps] for n, ps in known.items() if not (len(ps) == 1 and ps[0] is n)}
    changed = [n for n in record.after.nodes if n not in old and _is_new(n, known[n])]
    removed = [n for n in record.before.nodes if _is_gone(n, becomes)]
    return {
        "parents": links,
        "added": [nodes(n) for n in changed if n.op is not fused],
        "fused": [nodes(n) for n in record.after.nodes if n.op is fused and n not in old],
        "removed": [nodes(n) for n in removed],
        "rewrites": _rewrites(record, nodes, becomes),
    }


def _is_new(node: Tensor, sources: Sequence[Tensor]) -> bool:
    """Whether a node is more than one of before on other inputs."""
    return len(sources) != 1 or sources[0].op is not node.op


def _is_gone(node: Tensor, becomes: Mapping[Tensor, Tensor]) -> bool:
    """Whether a node is no more: left out, made a part of another, or computed in another way."""
    new = becomes.get(node)
    return new is None or (new is not node and (new.op is not node.op or new.op is fused))


def _rewrites(record: PassRecord, nodes: Nodes, becomes: Mapping[Tensor, Tensor]) -> list[Row]:
    """Rows [reason, node before or -1, node after or -1, whether it may change the last bits]."""
    before, after = set(record.before.nodes), set(record.after.nodes)
    rows: list[Row] = []
    origin = {new: old for old, new in reversed(list(becomes.items()))}
    for r in record.rewrites[:MOST_REASONS]:
        old = r.before if r.before in before else origin.get(r.after)
        new = r.after if r.after in after else becomes.get(old) if old is not None else None
        exact = printable(r.reason, 200)
        rows.append([exact, -1 if old is None else nodes(old), -1 if new is None else nodes(new), int(r.reassociates)])
    return rows


# ---- what gradients are ----


def gradients(program: Program, nodes: Nodes) -> dict[int, Row]:
    """By node: the lines of its rule, each with the node that it differentiates and the one whose gradient it gives."""
    found: dict[int, Row] = {}
    labels = program.written.labels()
    forward = dict(zip(program.written.nodes, program.traced.nodes, strict=True))
    steps = steps_in(program.written.nodes)
    for mine, theirs in zip(program.written.nodes, program.traced.nodes, strict=True):
        rules = rules_of(mine, lambda t: labels.get(t, t.op.name), steps)
        if rules:
            told = [(text, of, primal) for text, of, primal in rules if of in forward and primal in forward]
            found[nodes(theirs)] = [[text, nodes(forward[of]), nodes(forward[primal])] for text, of, primal in told]
    return found
