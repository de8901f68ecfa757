"""How pictures look: a colour and a shape for each role, apart from each other for colour-blind readers too.

There are two themes, for light and for dark paper. They have the same parts, so that one can be put for the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from minitorch.errors import OptionError
from minitorch.graph.text import shown


@dataclass(frozen=True, slots=True)
class Look:
    """How a role is drawn: the colours of line and filling, and Graphviz's name of the shape."""

    line: str
    fill: str
    shape: str


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a picture. `sections` are the fillings of the frames around gradients and around updates."""

    looks: Mapping[str, Look]
    paper: str
    ink: str
    quiet_ink: str
    edge: str
    frame_line: str
    frame_fill: str
    sections: Mapping[str, str]


SHAPES = {
    "placeholder": "invhouse", "parameter": "cylinder", "constant": "note", "forward": "box", "gradient": "hexagon",
    "update": "house",
}  # fmt: skip


def _looks(**colours: tuple[str, str]) -> dict[str, Look]:
    return {role: Look(line, fill, SHAPES[role]) for role, (line, fill) in colours.items()}


# The lines are from the palette of Okabe and Ito (2008), with a grey; the fillings are tints for dark text.
LIGHT = Theme(
    looks=_looks(
        placeholder=("#56B4E9", "#C6E3FA"), parameter=("#E69F00", "#FFF6D2"), constant=("#555555", "#D0D0D0"),
        forward=("#0072B2", "#F0F6FC"), gradient=("#D55E00", "#F9D9C2"), update=("#009E73", "#C2E6D6"),
    ),
    paper="#FFFFFF", ink="#1A1A1A", quiet_ink="#505050", edge="#8A8A8A",
    frame_line="#CFCFCF", frame_fill="#FAFAFA", sections={"gradient": "#FEF6F0", "update": "#EFF9F5"},
)  # fmt: skip

# The same hues, the lines lighter where they would sink into the paper, the fillings shades for light text.
DARK = Theme(
    looks=_looks(
        placeholder=("#96DDFF", "#27485F"), parameter=("#FECA20", "#433B14"), constant=("#8F8F8F", "#33363B"),
        forward=("#3C8BEF", "#11223E"), gradient=("#DC6424", "#38140B"), update=("#39D97D", "#0A3B2C"),
    ),
    paper="#0D1117", ink="#F0F0F0", quiet_ink="#B9BEC6", edge="#7D848E",
    frame_line="#3A414B", frame_fill="#151A21", sections={"gradient": "#22180F", "update": "#0F211B"},
)  # fmt: skip

THEMES = {"light": LIGHT, "dark": DARK}


def theme_named(name: str, besides: str = "") -> Theme:
    """`ValueError` for a theme that there is not."""
    if not isinstance(name, str) or name not in THEMES:
        raise OptionError(f"draw: there is no theme {shown(name)}; there are {', '.join(THEMES)}{besides}")
    return THEMES[name]


def theme_of(kind: str, theme: str) -> str:
    """The theme of a picture of a kind: only an SVG can follow the reader's system."""
    return "light" if theme == "auto" and kind != "svg" else theme


def scoped(rules: str, scope: str) -> str:
    """The rules for what is in an element of that class alone: a page can hold more than one picture."""

    def inside(rule: re.Match[str]) -> str:
        return ",".join(f".{scope} {selector}" for selector in rule[1].split(",")) + rule[2]

    return re.sub(r"([^{}]+)(\{[^{}]*\})", inside, rules)


LOOKS, INK, QUIET_INK, SECTION_FILL = LIGHT.looks, LIGHT.ink, LIGHT.quiet_ink, LIGHT.sections
FONT = "Helvetica,Arial,sans-serif"
SMALL = "9"


# ---- the same as attributes of Graphviz ----


def graph_attributes(theme: Theme) -> dict[str, str]:
    return {
        "rankdir": "TB", "nodesep": "0.2", "ranksep": "0.25", "bgcolor": theme.paper, "pad": "0.2",
        "fontname": FONT, "fontsize": "10", "fontcolor": theme.quiet_ink, "labeljust": "l", "labelloc": "t",
    }  # fmt: skip


def node_attributes(theme: Theme) -> dict[str, str]:
    return {
        "fontname": FONT, "fontsize": "11", "fontcolor": theme.ink, "style": NODE_STYLE, "height": "0.3",
        "margin": "0.1,0.04", "penwidth": "1.3",
    }  # fmt: skip


def edge_attributes(theme: Theme) -> dict[str, str]:
    return {
        "fontname": FONT, "fontsize": "8", "fontcolor": theme.quiet_ink, "color": theme.edge, "arrowsize": "0.6",
        "penwidth": "0.9",
    }  # fmt: skip


def frame_attributes(theme: Theme, section: str = "") -> dict[str, str]:
    fill = theme.sections.get(section, theme.frame_fill)
    return {"style": NODE_STYLE, "color": theme.frame_line, "fillcolor": fill}


NODE_STYLE = "rounded,filled"
# Every unit leads to every one of the next row: straight lines that cross can be read, and units keep their order only
# where crossings are counted once.
ROWS = {"splines": "line", "ranksep": "0.8", "remincross": "false"}


# ---- both at once ----


def dark_rules() -> str:
    """CSS for an SVG in the light theme: where the reader's system is dark, so does each colour become."""
    pairs = dict(zip(colours(LIGHT), colours(DARK), strict=True))
    rules = [f'[{what}="{a}"]{{{what}:{b}}}' for a, b in pairs.items() for what in ("fill", "stroke")]
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"


def colours(theme: Theme) -> list[str]:
    """Every colour of a theme, in the same order for each, as Graphviz writes them."""
    looks = [colour for look in theme.looks.values() for colour in (look.line, look.fill)]
    plain = [theme.paper, theme.ink, theme.quiet_ink, theme.edge, theme.frame_line, theme.frame_fill]
    return [colour.lower() for colour in (*looks, *plain, *theme.sections.values())]
