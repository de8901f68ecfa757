"""The style sheet of an SVG of ours: what the rules say of an element, told with all that are around it."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree import ElementTree

Kind = tuple[str, frozenset[str]]  # of an element: its tag and its classes


class _Rule(NamedTuple):
    strength: int
    parts: tuple[Kind, ...]
    style: dict[str, str]


class Rules:
    """The rules of a style sheet: of those that fit, the most exact counts, and of equals the last."""

    def __init__(self, text: str) -> None:
        self.rules: list[_Rule] = []
        self.known: dict[tuple[Kind, ...], dict[str, str]] = {}
        for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
            style = dict(part.split(":", 1) for part in body.split(";") if ":" in part)
            self.rules += [self._rule(selector, style) for selector in selectors.split(",")]
        self.rules.sort(key=lambda rule: rule.strength)

    def _rule(self, selector: str, style: dict[str, str]) -> _Rule:
        parts = tuple((re.split(r"\.", p)[0], frozenset(p.split(".")[1:])) for p in selector.split())
        return _Rule(sum(100 * len(classes) + bool(tag) for tag, classes in parts), parts, style)

    def of(self, kinds: tuple[Kind, ...]) -> dict[str, str]:
        """The style of an element, told with all that are around it; what is around hands its own down."""
        if not kinds:
            return {}
        if kinds not in self.known:
            own = [rule.style for rule in self.rules if _fits(rule.parts, kinds)]
            self.known[kinds] = {key: value for style in (self.of(kinds[:-1]), *own) for key, value in style.items()}
        return self.known[kinds]


def _fits(parts: tuple[Kind, ...], kinds: tuple[Kind, ...]) -> bool:
    *before, last = parts
    around = iter(kinds[:-1])
    return _is(last, kinds[-1]) and all(any(_is(part, kind) for kind in around) for part in before)


def _is(part: Kind, kind: Kind) -> bool:
    return part[0] in ("", kind[0]) and part[1] <= kind[1]


def kind_of(element: ElementTree.Element) -> Kind:
    return element.tag.rpartition("}")[2], frozenset(element.attrib.get("class", "").split())
