"""A plan as a picture: instructions downwards, the slots of the arena across, a bar for each value; costs beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minitorch.compiler.plan import Plan
from minitorch.errors import ArgumentError, InputError, OptionError
from minitorch.files import write_whole
from minitorch.graph.dim import Symbol, symbols_in
from minitorch.graph.text import printable, shown
from minitorch.viz.lifetimes import PHASES, Bar, Lifetimes, ahead
from minitorch.viz.marks import PATTERNS, ROLES, amount, document, element, text
from minitorch.viz.style import theme_named, theme_of
from minitorch.viz.target import target_of
from minitorch.viz.xdot import KINDS, converted

ASSUMED = 32  # what an unknown size is taken to be that was not told
LEFT, TOP, BOTTOM = 20, 118, 26
LETTER = 6.03  # width of a letter of the names, at 10 px


def draw_plan(
    plan: Plan, path: str | os.PathLike[str], size: int | None = None, *, profile: Any = None, theme: str = "auto",
    **sizes: int,
) -> None:  # fmt: skip
    """Write the picture of a plan as SVG, PNG or PDF: which value lies where and when, what each instruction costs.

    Unknown sizes are `sizes`, by name, or else `size`, as for `Program.memory`; 32 unless told, and the picture says
    so. `profile` is what `Program.profile` measured, whose times stand beside what was predicted. `theme` is "light",
    "dark", or "auto": an SVG then follows the reader's system.

    Raises `ValueError` for another suffix or theme, `InputError` for names that are no unknown size, and `EngineError`
    that says what to install where PNG or PDF is asked for and Graphviz is missing.
    """
    path = target_of(path, "draw")
    if not isinstance(plan, Plan):
        raise ArgumentError(f"draw: a plan is expected, but {shown(plan)} was given")
    kind = path.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        how = "there are .svg, .png and .pdf; its graph has more kinds: plan.graph.draw(path)"
        name = f"the suffix {shown(path.suffix)} of {shown(path.name)}"
        raise OptionError(f"draw: a plan has no picture with {name}; {how}")
    if not isinstance(theme, str) or theme != "auto":
        theme_named(theme, ", auto")
    write_whole(path, converted(plan_svg(plan, size, profile=profile, theme=theme_of(kind, theme), **sizes), kind))


def plan_svg(plan: Plan, size: int | None = None, *, profile: Any = None, theme: str = "auto", **sizes: int) -> str:
    """The same as text, an SVG."""
    chosen, told = _sizes(plan, size, sizes)
    seconds = None if profile is None else _measured(plan, profile)
    return _Drawing(Lifetimes(plan, chosen), told, seconds, theme).svg()


def _sizes(plan: Plan, size: int | None, named: dict[str, int]) -> tuple[dict[Symbol, int], str]:
    symbols = list(dict.fromkeys(symbols_in(tuple(t.shape for t in plan.graph.inputs))))
    known = {s.name for s in symbols}
    for name, value in [*named.items(), *([("size", size)] if size is not None else [])]:
        if name != "size" and name not in known:
            listed = ", ".join(map(str, symbols)) or "none"
            raise InputError(f"draw: there is no unknown size {shown(name)}; there are {listed}")
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
            raise InputError(f"draw: {printable(name)} is an int of 0 or more, but {shown(value)} was given")
    chosen = {s: int(named.get(s.name or "", ASSUMED if size is None else size)) for s in symbols}
    assumed = size is None and any(s.name not in named for s in symbols)
    told = ", ".join(f"{printable(str(s))} = {value}" for s, value in chosen.items())
    return chosen, told + (", assumed" if assumed else "")


def _measured(plan: Plan, profile: Any) -> list[float]:
    rows = list(profile) if isinstance(profile, Iterable) else []
    if not rows or not all(hasattr(row, "seconds") and hasattr(row, "node") for row in rows):
        raise ArgumentError(f"draw: a profile is what program.profile(...) gives, but {shown(profile)} was given")
    nodes = {n for i in plan.instructions for n in i.nodes}
    seconds = [float(row.seconds) for row in rows if row.node in nodes]
    if not len(seconds) == len(rows) == len(plan.calls):
        raise InputError("draw: the profile is of another program than the plan, or of the interpreter's single nodes")
    return seconds


class _Drawing:
    """Where everything stands."""

    def __init__(self, lives: Lifetimes, told: str, seconds: Sequence[float] | None, theme: str) -> None:
        self.lives, self.told, self.seconds, self.theme = lives, told, seconds, theme
        count, slots = len(lives.rows), len(lives.slots)
        self.row = 20 if count <= 70 else 15 if count <= 160 else 12
        self.most = 46 if count <= 160 else 38
        longest = max((min(len(r.name), self.most) for r in lives.rows), default=0)
        self.names = LEFT + 46
        self.start = self.names + LETTER * longest + 16
        self.column = 112 if slots <= 8 else 88 if slots <= 14 else 52 if slots <= 30 else 26
        self.end = self.start + slots * self.column
        self.panels = self.end + 26
        self.bottom = TOP + count * self.row

    def svg(self) -> str:
        lives = self.lives
        width = max(self.panels + 124 * (4 if self.seconds else 3) + LEFT, 860)
        name = printable(lives.plan.graph.name)
        saved = f", {1 - lives.arena / lives.without:.0%} saved" if lives.without else ""
        sum_up = (
            f"arena {lives.arena:,} B, {lives.without:,} B without reuse{saved}" if lives.bars else "no arena is needed"
        )
        held = f"{len(lives.bars)} values in {len(lives.slots)} slots"
        title = f"Plan of {name}: {len(lives.rows)} instructions a step, {held}"
        sized = f" ({self.told})" if self.told else ""
        body = [
            text(LEFT, 32, title, "name"),
            text(LEFT, 52, f"{sum_up}{sized}", "quiet"),
            *self.legend(LEFT, 70), *self.grid(), *self.phases(), *self.instructions(), *self.slots(), *self.alive(),
            *self.peak(), *(mark for bar in lives.bars for mark in self.bar(bar)), *self.accesses(), *self.costs(),
        ]  # fmt: skip
        once = len(ahead(lives.plan))
        if once:
            words = f"{once} more are computed once for each batch size."
            body.append(text(LEFT, self.bottom + 18, words, "quiet small"))
        return document(width, self.bottom + BOTTOM + 6, f"{title}; {sum_up}{sized}", body, self.theme)

    def y(self, row: float) -> float:
        return TOP + row * self.row

    def x(self, slot: int) -> float:
        return self.start + slot * self.column

    # ---- frame ----

    def legend(self, x: float, y: float) -> Iterator[str]:
        for role in ROLES:
            yield from self.filled(role, x, y - 9, 22, 12, "")
            yield text(x + 28, y + 1, {"gradient": "backward"}.get(role, role), "small")
            x += 88
        for mark, words, width in (
            ("over", "written over the value before it, in place", 214), ("read", "read", 46),
            ("view", "read through a view", 118),
        ):  # fmt: skip
            yield self.sign(mark, x + 4, y - 3)
            yield text(x + 13, y + 1, words, "small")
            x += width + 14

    def sign(self, kind: str, x: float, y: float) -> str:
        if kind == "over":
            return element("path", d=f"M{x - 4:.1f} {y - 3:.1f}h8l-4 6z", class_="ink")
        if kind == "view":
            return element("path", d=f"M{x:.1f} {y - 4:.1f}l4 4l-4 4l-4 -4z", class_="mark")
        return element("circle", cx=float(x), cy=float(y), r=2.8, class_="mark")

    def grid(self) -> Iterator[str]:
        for k in range(0, len(self.lives.rows), 2):
            yield element("rect", x=LEFT, y=self.y(k), width=self.right - LEFT, height=self.row, class_="band")

    @property
    def right(self) -> float:
        return self.panels + 124 * (4 if self.seconds else 3)

    def phases(self) -> Iterator[str]:
        """A strip beside the numbers, in pieces of one phase, with its name where there is room."""
        roles = [row.role for row in self.lives.rows]
        first = 0
        for k in range(1, len(roles) + 1):
            if k < len(roles) and roles[k] == roles[first]:
                continue
            role, y, height = roles[first], self.y(first), (k - first) * self.row
            phase = PHASES.get(role, role)
            yield from self.filled(role, LEFT + 24, y + 1, 14, height - 2, f"{phase}: instructions {first + 1} to {k}")
            words = phase if height >= 58 else phase[0].upper()
            middle = y + height / 2
            turn = {"transform": f"rotate(-90 {LEFT + 31} {middle:.1f})"} if len(words) > 1 else {}
            yield text(LEFT + 31, middle + 3.5, words, f"tiny middle on-{role}", **turn)
            first = k

    def filled(self, role: str, x: float, y: float, width: float, height: float, title: str) -> Iterator[str]:
        """A bar in the colour of a role, and its pattern over it."""
        size: dict[str, Any] = {
            "x": float(x),
            "y": float(y),
            "width": float(width),
            "height": float(height),
            "rx": 3,
        }
        yield element("rect", title=title, class_=f"bar {role}", **size)
        if role in PATTERNS:
            yield element("rect", fill=f"url(#over-{role})", pointer_events="none", **size)

    def instructions(self) -> Iterator[str]:
        small = "tiny" if self.row < 14 else "small"
        for k, row in enumerate(self.lives.rows):
            y = self.y(k) + self.row / 2 + 3.5
            shown = row.name if len(row.name) <= self.most else row.name[: self.most - 1] + "…"
            yield text(LEFT + 18, y, str(k + 1), f"quiet end {small}")
            yield element("g", text(self.names, y, shown, f"mono {small}"), title=row.note)

    def slots(self) -> Iterator[str]:
        yield text(self.names, TOP - 12, "instruction", "head")
        for slot, size in enumerate(self.lives.slots):
            x = self.x(slot)
            yield element("line", x1=x, x2=x, y1=TOP - 4, y2=self.bottom, class_="rule")
            middle, roomy = x + self.column / 2, self.column > 40
            name = f"slot {slot}" if roomy else str(slot)
            yield text(middle, TOP - 22 if roomy else TOP - 8, name, "head middle small")
            if roomy:
                yield text(middle, TOP - 9, amount(size, "B"), "quiet middle small")
        if self.lives.slots:
            yield element("line", x1=self.end, x2=self.end, y1=TOP - 4, y2=self.bottom, class_="rule")

    # ---- values ----

    def bar(self, bar: Bar) -> Iterator[str]:
        top = self.y(bar.first + 0.5 if bar.over else bar.first) + (1 if bar.over else 2)
        taken = any(b.slot == bar.slot and b.over and b.first == bar.last for b in self.lives.bars if b is not bar)
        bottom = self.y(bar.last + (0.5 if taken else 1)) - (1 if taken else 2)
        x, width = self.x(bar.slot) + 4, self.column - 8
        life = f"alive from instruction {bar.first + 1} to {bar.last + 1}, {bar.bytes:,} B in slot {bar.slot}"
        yield from self.filled(bar.role, x, top, width, max(bottom - top, 3), f"{bar.note}\n{life}")
        shift = 14 if bar.over else 6
        room = int((width - shift - 12) / LETTER)
        kind = "mono small" if self.row >= 15 else "mono tiny"
        baseline = min(top + 12, top + (bottom - top) / 2 + 3.5) if bottom - top < 20 else top + 13
        if bar.over and self.column > 40:
            yield self.sign("over", x + 7, baseline - 3.5)
        if bottom - top < 8 or room < 2:
            return
        both = f"{bar.name} {bar.type}"
        shown = both if len(both) <= room else bar.name if len(bar.name) <= room else bar.name[: room - 1] + "…"
        yield text(x + shift, baseline, shown, f"{kind} on-{bar.role}")
        if shown == bar.name and bottom - top >= 30 and len(bar.type) <= room + 1:
            yield text(x + 6, baseline + 13, bar.type, f"{kind} quiet on-{bar.role}")

    def accesses(self) -> Iterator[str]:
        for k, row in enumerate(self.lives.rows):
            for slot, through in row.reads.items():
                yield self.sign("view" if through else "read", self.x(slot) + self.column - 10, self.y(k + 0.5))

    # ---- beside ----

    def alive(self) -> Iterator[str]:
        """Bytes in use, row by row."""
        alive, x, width = self.lives.alive, self.panels, 84
        most = max([*alive, 1])
        yield text(x, TOP - 22, "bytes alive", "head small")
        yield text(x, TOP - 9, f"of {amount(self.lives.arena, 'B')}", "quiet small")
        path = f"M{x} {TOP}"
        for k, value in enumerate(alive):
            path += f"V{self.y(k):.1f}H{x + width * value / most:.1f}"
        yield element("path", d=f"{path}V{self.bottom:.1f}H{x}z", class_="area")
        for k, value in enumerate(alive):
            title = f"instruction {k + 1}: {value:,} B alive"
            yield element("rect", title=title, x=x, y=self.y(k), width=width, height=self.row, fill_opacity=0)

    def costs(self) -> Iterator[str]:
        rows = self.lives.rows
        yield from self.panel(1, "flops", [r.flops for r in rows], "")
        yield from self.panel(2, "bytes moved", [r.bytes for r in rows], "B")
        if self.seconds:
            yield from self.panel(3, "measured", [s * 1e6 for s in self.seconds], "µs")

    def panel(self, place: int, head: str, values: Sequence[float], unit: str) -> Iterator[str]:
        x, most = self.panels + 124 * place, max([*values, 0]) or 1
        yield text(x, TOP - 22, head, "head small")
        yield text(x, TOP - 9, f"{_short(sum(values), unit)} a step", "quiet small")
        for k, value in enumerate(values):
            role, length = self.lives.rows[k].role, 56 * value / most
            height = self.row - (8 if self.row > 15 else 4)
            title = f"{self.lives.rows[k].name}: {value:,.4g} {unit}".rstrip()
            yield element("rect", title=title, x=float(x), y=self.y(k) + (self.row - height) / 2,
                          width=max(length, 0.6), height=height, class_=f"solid-{role}")  # fmt: skip
            yield text(x + length + 5, self.y(k) + self.row / 2 + 3.5, _short(value, unit), "quiet tiny")

    def peak(self) -> Iterator[str]:
        if not self.lives.bars:
            return
        k = self.lives.peak
        value = self.lives.alive[k]
        title = f"peak: {value:,} B alive at instruction {k + 1}"
        width = self.panels + 96 - LEFT
        yield element("rect", title=title, x=LEFT - 4.0, y=self.y(k), width=width, height=self.row, rx=4,
                      class_="peak wide", stroke_dasharray="5 3", pointer_events="none")  # fmt: skip
        yield text(self.panels + 4, self.y(k + 0.5) + 3.5, f"peak {amount(value, 'B')}", "small head")


def _short(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}" if unit == "µs" else amount(value, unit)
