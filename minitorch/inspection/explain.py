"""Explain: what the compiler did to a program, pass by pass and rewrite by rewrite, in words and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minitorch.compiler.checked import Check
from minitorch.compiler.fused import fused
from minitorch.compiler.rewrite import PassRecord, Rewrite
from minitorch.compiler.schedule import NOMINAL
from minitorch.graph.graph import expression
from minitorch.graph.tensor import Tensor
from minitorch.graph.text import printable
from minitorch.inspection.sides import Work, own, work
from minitorch.program import Program

DEPTH = 3  # operations of a side that are written inside each other
MOST = 160  # characters of a side

Labels = Mapping[Tensor, str]


def explain(program: Program) -> str:
    """Each pass with its nodes, flops and bytes before and after; each rewrite with what it is, where, and its gain."""
    first, last = program.passes[1].after, program.passes[-1].after
    rewrites = sum(len(p.rewrites) for p in program.passes)
    head = f"{printable(program.graph.name)} on {program.backend}: {len(program.passes)} passes, {rewrites} rewrites"
    lines = [head, f"  flops and bytes a step, where an unknown size is {NOMINAL}"]
    for record in program.passes:
        lines += ["", *_record(record)]
    lines += ["", f"in all: {_change(work(first.nodes), work(last.nodes), len(first.nodes), len(last.nodes))}"]
    return "\n".join(lines)


def _record(record: PassRecord) -> Iterator[str]:
    before, after = record.before, record.after
    change = _change(work(before.nodes), work(after.nodes), len(before.nodes), len(after.nodes))
    yield f"{record.name}: {change if before is not after else f'{len(after.nodes)} nodes'}"
    yield from (f"  {_checked(c)}" for c in record.checks if c.graphs.values)
    old, new = before.labels(), after.labels()
    for r in record.rewrites:
        yield from _rewrite(r, old, new)


def _rewrite(r: Rewrite, old: Labels, new: Labels) -> Iterator[str]:
    lines = ", ".join(dict.fromkeys(str(o) for t in (r.before, r.after) for o in t.origins))
    yield f"  {r.reason}  # {lines}"
    yield f"      {_side(r.before, r.after, old)}"
    yield f"   -> {_side(r.after, r.before, new)}"
    yield f"      {_saved(r)}; {_trust(r)}"


def _side(root: Tensor, other: Tensor, labels: Labels) -> str:
    """A node as the expression that makes it, down to what both sides have or is too deep."""
    inner = set(own(root, other)) if root.op is not fused and other.op is not fused else set()

    def text(node: Tensor, depth: int) -> str:
        known = node in labels and node not in inner
        if node is not root and (known or depth > DEPTH) and node.op.name != "constant":
            return labels.get(node, "...")
        return expression(node, [text(i, depth + 1) for i in node.inputs])

    name = f"{labels[root]}: " if root in labels else ""
    whole = f"{name}{root.type} = {text(root, 0)}"
    return whole if len(whole) <= MOST else f"{whole[:MOST]}..."


def _saved(r: Rewrite) -> str:
    """The gain of a rewrite: of the nodes that only the first side has over those that only the second has."""
    if r.after.op is fused:
        body = r.after.attrs["body"]
        if r.after.attrs["result"]:
            return "another result of the same loop"
        gain = Work(0, work(body.nodes).bytes - work([r.after]).bytes)
    elif not r.changes_values:
        gain = work([r.before])
    else:
        gain = work(own(r.before, r.after)).less(work(own(r.after, r.before)))
    parts = [f"{'saves' if n > 0 else 'adds'} {abs(n):,} {unit}" for n, unit in zip(gain, ("flops", "bytes")) if n]
    return ", ".join(parts) or "saves nothing by itself"


def _trust(r: Rewrite) -> str:
    law = "may change the last bits" if r.reassociates else "holds bit for bit"
    if r.difference is None:
        return f"{law}; not checked yet, see verify()"
    return f"{law}; checked, largest difference {r.difference:.3g}"


def _checked(check: Check) -> str:
    """What comparing the graphs before and after a pass has found."""
    found = check.graphs
    where = f"checked, {check.floats}: {found.values:,} values, {found.special:,} of them on special probes"
    if not found.rounded and not found.unsettled:
        return f"{where}; the same bits"
    overflow = f", {found.unsettled:,} by overflow" if found.unsettled else ""
    return f"{where}; {found.rounded:,} differ by rounding{overflow}, by {found.largest:.3g} at most on ordinary ones"


def _change(a: Work, b: Work, nodes_before: int, nodes_after: int) -> str:
    pairs = [("nodes", nodes_before, nodes_after), ("flops", a.flops, b.flops), ("bytes", a.bytes, b.bytes)]
    return ", ".join(f"{name} {x:,} -> {y:,}" if x != y else f"{name} {x:,}" for name, x, y in pairs)
