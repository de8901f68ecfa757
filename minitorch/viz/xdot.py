"""An SVG of ours in the drawing language of Graphviz (xdot), so that an engine renders as PNG or PDF what we laid out.

It knows what our pictures are made of: rules for classes, rectangles, circles, lines, paths with arrowheads, and text.
Patterns are left out, and text that stands upright is written letter under letter, for xdot has neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from xml.etree import ElementTree

from minitorch.viz.css import Kind, Rules, kind_of
from minitorch.viz.engines import render
from minitorch.viz.layout.metrics import BOLD, text_width
from minitorch.viz.outlines import LENGTHS, OUTLINES, Point, head, path

KINDS = ("svg", "png", "pdf")
MOST_INCHES = {"png": "55", "pdf": "200"}  # what is larger is made smaller: programs that show them have limits
FONT, FIXED = "Arial", "Courier New"
NONE = "#00000000"
PAPER: Kind = ("rect", frozenset(("paper",)))
HIDDEN = ("title", "style", "defs")

Style = Mapping[str, str]


def converted(svg: str, kind: str) -> bytes:
    """An SVG of one theme as "png" or "pdf"; as "svg" it stays. `EngineError` where Graphviz is missing."""
    return svg.encode() if kind == "svg" else render([to_dot(svg, MOST_INCHES[kind])], kind, layout="nop2")


def to_dot(svg: str, most_inches: str = "") -> str:
    """The DOT text of a picture of the same size, to be rendered by the engine `nop2`. The SVG has one theme."""
    root = ElementTree.fromstring(svg.encode())
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    drawn = _Drawing(root, width, height)
    drawing, paper = _quoted("".join(drawn.operations())), drawn.rules.of((kind_of(root), PAPER))["fill"]
    corners = "".join(f'c{i} [pos="{x},{y}"];' for i, (x, y) in enumerate(((0, 0), (width, height))))
    size = f' size="{most_inches}"' if most_inches else ""
    return (
        f'digraph {{ graph [bb="0,0,{width},{height}" bgcolor="{paper}" pad=0 margin=0 dpi=144{size}'
        f" _background={drawing}];"
        f'node [style=invis label="" width=0.001 height=0.001 fixedsize=true]; {corners} }}\n'
    )


def _quoted(text: str) -> str:
    """A string of DOT in parts, for Graphviz reads none of more than 16,384 characters."""
    parts = re.findall(r"(?s).{1,4000}(?<!\\)", text)  # none ends in what would take its closing quote for its own
    return " + ".join('"' + part.replace('"', '\\"') + '"' for part in parts)


class _Drawing:
    """The operations of xdot, in the order of the elements. They count upwards from the foot of the picture."""

    def __init__(self, root: ElementTree.Element, width: float, height: float) -> None:
        self.root, self.width, self.height = root, width, height
        self.rules = Rules("".join(style.text or "" for style in root.iterfind(".//{*}style")))

    def operations(self) -> Iterator[str]:
        stack: list[tuple[ElementTree.Element, tuple[Kind, ...], Point]] = [(self.root, (), (0.0, 0.0))]
        while stack:
            element, around, at = stack.pop()
            kinds, attributes = (*around, kind_of(element)), element.attrib
            if (moved := re.match(r"translate\(([-\d.]+) ([-\d.]+)\)", attributes.get("transform", ""))) is not None:
                at = at[0] + float(moved[1]), at[1] + float(moved[2])
            yield from self.operation(element, kinds, at)
            if kinds[-1][0] != "text":
                stack += [(child, kinds, at) for child in reversed(element) if kind_of(child)[0] not in HIDDEN]

    def operation(self, element: ElementTree.Element, kinds: tuple[Kind, ...], at: Point) -> Iterator[str]:
        tag, style = kinds[-1][0], {**element.attrib, **self.rules.of(kinds)}
        if tag == "text":
            yield from self.text(element, kinds, style, at)
        elif tag == "path" or tag in OUTLINES:
            number = {name: self.length(value, name) for name, value in element.attrib.items() if name in LENGTHS}
            found = path(style["d"]) if tag == "path" else OUTLINES[tag](number)
            lines = [([(x + at[0], y + at[1]) for x, y in points], closed) for points, closed in found]
            yield from self.outline(lines, style)
            if "marker-end" in style:
                yield from self.outline([(head(lines[-1][0]), True)], {"fill": style["stroke"]})

    def length(self, text: str, name: str) -> float:
        whole = self.width if name == "width" else self.height
        return whole * float(text[:-1]) / 100 if text.endswith("%") else float(text)

    def outline(self, lines: Iterable[tuple[list[Point], bool]], style: Style) -> Iterator[str]:
        line, filling = _colour(style, "stroke", "none"), _colour(style, "fill", "#000000")
        if line is filling is None:
            return
        yield _written("S", f"setlinewidth({float(style.get('stroke-width', '1').removesuffix('px')):g})")
        yield _written("S", "dashed" if "stroke-dasharray" in style else "solid")
        pen, ink = _written("c", line or NONE), _written("C", filling or NONE)
        for points, closed in lines:
            told = f"{len(points)} {' '.join(f'{x:.2f} {self.height - y:.2f}' for x, y in points)} "
            yield f"{pen}{ink}P {told}" if closed else f"{_written('c', NONE)}{ink}P {told}{pen}L {told}"

    # ---- text ----

    def text(self, element: ElementTree.Element, kinds: tuple[Kind, ...], style: Style, at: Point) -> Iterator[str]:
        size, x, y = _size(style), float(element.attrib["x"]) + at[0], float(element.attrib["y"]) + at[1]
        runs = [(run, _weight({**style, **self.rules.of(run_kinds)})) for run, run_kinds in _runs(element, kinds)]
        widths = [text_width(run, size) * (BOLD if bold else 1.0) for run, bold in runs]
        x -= sum(widths) * {"middle": 0.5, "end": 1.0}.get(style.get("text-anchor", "start"), 0.0)
        yield _written(f"F {size:g}", FIXED if "mono" in style.get("font-family", "") else FONT)
        if "rotate" in style.get("transform", ""):
            yield from self.upright(runs[0][0], size, float(element.attrib["x"]), style)
            return
        if (around := _colour(style, "stroke", "none")) is not None:
            box = [(x, y - size * 0.8), (x + sum(widths), y - size * 0.8), (x + sum(widths), y + 1.5), (x, y + 1.5)]
            yield from self.outline([(box, True)], {"fill": around})
        yield _written("c", _colour(style, "fill", "#000000") or NONE)
        alone = len(runs) == 1  # then its middle or end is where it belongs, whatever its font is
        for (run, bold), width in zip(runs, widths, strict=True):
            anchor = {"middle": 0, "end": 1}.get(style.get("text-anchor", ""), -1) if alone else -1
            yield f"t {int(bold)} " + self.words(run, x + width * (anchor + 1) / 2, y, anchor, width)
            x += width + 1.0

    def words(self, run: str, x: float, y: float, anchor: int, width: float) -> str:
        return _written(f"T {x:.2f} {self.height - y:.2f} {anchor} {width:.2f}", run)

    def upright(self, run: str, size: float, x: float, style: Style) -> Iterator[str]:
        middle = float(re.findall(r"[-\d.]+", style["transform"])[-1])
        yield _written("c", _colour(style, "fill", "#000000") or NONE) + "t 0 "
        for i, letter in enumerate(run):
            yield self.words(letter, x - 1, middle + (i - (len(run) - 1) / 2) * size * 0.85 + size * 0.35, 0, size)


def _runs(element: ElementTree.Element, kinds: tuple[Kind, ...]) -> list[tuple[str, tuple[Kind, ...]]]:
    """The pieces of a text, each in one style."""
    spans = [(child.text or "", (*kinds, kind_of(child))) for child in element if kind_of(child)[0] == "tspan"]
    tails = "".join(child.tail or "" for child in element if kind_of(child)[0] == "tspan")
    return [(run, of) for run, of in ((element.text or "", kinds), *spans, (tails, kinds)) if run]


def _written(operation: str, text: str) -> str:
    """An operation with a text after it. What would end a string of DOT, or be an entity, is parted by no width."""
    safe = re.sub(r'\\(?=")|&', lambda found: f"{found[0]}\u200b", text)
    return f"{operation} {len(safe.encode())} -{safe} "


# ---- styles ----


def _colour(style: Style, what: str, otherwise: str) -> str | None:
    """Graphviz's name of a colour, None for none and for patterns."""
    colour = style.get(what, otherwise)
    opacity = float(style.get(f"{what}-opacity", "1"))
    if not colour.startswith("#") or opacity == 0:
        return None
    return colour + (f"{round(opacity * 255):02x}" if opacity < 1 else "")


def _size(style: Style) -> float:
    found = re.search(r"([\d.]+)px", style.get("font-size", style.get("font", "")))
    return float(found[1]) if found is not None else 11.0


def _weight(style: Style) -> bool:
    return style.get("font-weight", "") in ("bold", "600", "650")
