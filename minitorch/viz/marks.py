"""Marks of charts in SVG: elements, the colours of both themes as rules, roles by pattern too, amounts as text."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from minitorch.graph.text import printable
from minitorch.viz.style import DARK, LIGHT, THEMES, Theme, scoped

MONO = 'ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace'
SANS = 'system-ui,"Segoe UI",Helvetica,Arial,"DejaVu Sans",sans-serif'
SCOPE = "minitorch-plan"
ROLES = ("forward", "gradient", "update")
PATTERNS = {  # what lies over the colour of a role, for those who cannot tell the colours
    "gradient": '<path d="M-1 1 1 -1M0 8 8 0M7 9 9 7" class="line-gradient"/>',
    "update": '<circle cx="2" cy="2" r="0.9" class="dot-update"/><circle cx="6" cy="6" r="0.9" class="dot-update"/>',
}


def element(tag: str, content: str = "", title: str = "", **attributes: Any) -> str:
    """An element: attributes (`class_` is `class`, `font_size` is `font-size`), a title to hover, and what is inside.

    `content` stands as it is; text goes through `text`.
    """
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(_short(value))}"' for name, value in attributes.items()
    )
    named = f"<title>{html.escape(printable(title, 600))}</title>" if title else ""
    inside = named + content
    return f"<{tag}{told}>{inside}</{tag}>" if inside else f"<{tag}{told}/>"


def text(x: float, y: float, words: str, class_: str = "", **attributes: Any) -> str:
    return element("text", html.escape(words), x=x, y=y, class_=class_, **attributes)


def document(width: float, height: float, title: str, body: Iterable[str], theme: str = "auto") -> str:
    """A whole file in a theme, or in both: "auto" follows the reader's system."""
    patterns = "".join(
        element("pattern", mark, id=f"over-{role}", width=8, height=8, patternUnits="userSpaceOnUse")
        for role, mark in PATTERNS.items()
    )
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    shown = html.escape(printable(title, 300))
    rules = scoped(FIXED + _rules(LIGHT if theme == "auto" else THEMES[theme]), SCOPE)
    dark = f"@media (prefers-color-scheme:dark){{{scoped(_rules(DARK), SCOPE)}}}" if theme == "auto" else ""
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{SCOPE}" {size} role="img" aria-label="{shown}">',
        f"<title>{shown}</title>",
        f"<style>{rules}{dark}</style>",
        f"<defs>{patterns}</defs>",
        element("rect", width="100%", height="100%", class_="paper"),
        *body,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


FIXED = (
    f"text{{font:11px {SANS}}}.mono{{font-family:{MONO}}}.head{{font-weight:600}}"
    ".name{font-size:16px;font-weight:650}"
    ".small{font-size:10px}.tiny{font-size:9px}.end{text-anchor:end}.middle{text-anchor:middle}"
    ".bar{stroke-width:1.2}.wide{stroke-width:1.6}"
)


def _rules(theme: Theme) -> str:
    """The colours of a theme, by class."""
    rules = [
        f".paper{{fill:{theme.paper}}}text,.ink{{fill:{theme.ink}}}.quiet{{fill:{theme.quiet_ink}}}",
        f".rule{{stroke:{theme.frame_line}}}.band{{fill:{theme.frame_fill}}}.peak{{fill:none;stroke:{theme.ink}}}",
        f".mark{{stroke:{theme.ink};fill:{theme.paper}}}.area{{fill:{theme.frame_line};stroke:{theme.quiet_ink}}}",
    ]
    for role in ROLES:
        look = theme.looks[role]
        rules.append(f".{role}{{fill:{look.fill};stroke:{look.line}}}.solid-{role}{{fill:{look.line}}}")
        rules.append(f".on-{role}{{paint-order:stroke;stroke:{look.fill};stroke-width:3px;stroke-linejoin:round}}")
    rules.append(f".line-gradient{{stroke:{theme.looks['gradient'].line};stroke-opacity:.3;fill:none}}")
    rules.append(f".dot-update{{fill:{theme.looks['update'].line};fill-opacity:.45}}")
    return "".join(rules)


def _short(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def amount(value: float, unit: str = "") -> str:
    """A number on few columns: 512, 16.4 k, 2.1 M; with the unit after it."""
    for scale, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale * 0.9995 and value >= 10_000:
            return f"{value / scale:.3g} {prefix}{unit}"
    return f"{value:,.0f} {unit}".rstrip() if value >= 10 or value == int(value) else f"{value:.2g} {unit}".rstrip()
