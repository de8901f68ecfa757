"""How pictures look: a colour and a shape for each role, apart from each other for colour-blind readers too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """How a role is drawn: the colours of line and filling, and Graphviz's name of the shape."""

    line: str
    fill: str
    shape: str


# The lines are from the palette of Okabe and Ito (2008), with a grey; the fillings are tints for dark text.
LOOKS = {
    "placeholder": Look("#56B4E9", "#DDF0FB", "invhouse"),
    "parameter": Look("#E69F00", "#FCEFD2", "cylinder"),
    "constant": Look("#555555", "#F1F1F1", "note"),
    "forward": Look("#0072B2", "#E4EFF7", "box"),
    "gradient": Look("#D55E00", "#FBE8DC", "hexagon"),
    "update": Look("#009E73", "#DCF1EA", "house"),
}

INK, QUIET_INK = "#1A1A1A", "#595959"
FONT = "Helvetica,Arial,sans-serif"
SMALL = "9"

GRAPH = {
    "rankdir": "TB", "nodesep": "0.2", "ranksep": "0.25", "bgcolor": "white", "pad": "0.2",
    "fontname": FONT, "fontsize": "10", "fontcolor": QUIET_INK, "labeljust": "l", "labelloc": "t",
}  # fmt: skip
NODE = {
    "fontname": FONT, "fontsize": "11", "fontcolor": INK, "style": "rounded,filled", "height": "0.3",
    "margin": "0.1,0.04", "penwidth": "1.3",
}  # fmt: skip
EDGE = {
    "fontname": FONT, "fontsize": "8", "fontcolor": QUIET_INK, "color": "#8A8A8A", "arrowsize": "0.6",
    "penwidth": "0.9",
}  # fmt: skip
CLUSTER = {"style": "rounded,filled", "color": "#CFCFCF", "fillcolor": "#FAFAFA"}
SECTION_FILL = {"gradient": "#FEF6F0", "update": "#EFF9F5"}
