"""How wide text is, and how large the box around it: estimated from a table, for nothing is rendered here."""

from __future__ import annotations

from unicodedata import east_asian_width

from minitorch.viz.picture import Box

TITLE, DETAIL = 11.0, 9.0  # sizes of type
LINE, PAD_X, PAD_Y = 12.0, 12.0, 7.0
ROOM = {"parameter": 5.0, "placeholder": -4.0, "update": 4.0}  # that a shape takes from its text, above, or below (-)
ROUND = 1.2  # what an ellipse needs more than a box
BOLD = 1.08  # what bold adds, and a little room for fonts that are wider

# Widths of Helvetica in thousandths of its size (Adobe's font metrics), for the characters that are far from 556.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 240), **dict.fromkeys("ft .,:;/\\![]I", 278), **dict.fromkeys("r()-{}`\"", 340),
    **dict.fromkeys("ckvxyzsJ*^", 500), **dict.fromkeys("ABEKPSVXY&", 667), **dict.fromkeys("CDHNRUw", 722),
    **dict.fromkeys("GOQ", 778), **dict.fromkeys("mM%", 850), **dict.fromkeys("W@", 980),
}  # fmt: skip


def text_width(text: str, size: float = DETAIL) -> float:
    """The width of a line of text of that size."""
    return sum(_WIDTHS.get(c, 556 if c < "\u0100" else _other(c)) for c in text) * size / 1000


def _other(character: str) -> int:
    return 1000 if east_asian_width(character) in "WF" else 640


def box_size(box: Box) -> tuple[float, float]:
    """Width and height of a box around its title, call and details, with room for the corners of its shape."""
    title = text_width(box.title, TITLE) * BOLD + text_width(box.call, TITLE)
    inner = max([title, *(text_width(detail) for detail in box.details)])
    width, height = max(56.0, inner + 2 * PAD_X), LINE * (1 + len(box.details)) + 2 * PAD_Y
    return (width * ROUND, height * ROUND) if box.round else (width, height + abs(ROOM.get(box.role, 0.0)))
