"""What users choose and what they give, made fit for a line of text, of code or of a picture."""

from __future__ import annotations

import re


def printable(name: str, most: int = 60) -> str:
    """`name` on one line and of bearable length: nothing in it can end a line or a comment line."""
    text = name[: most + 1]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(name) <= most else text[:most] + "..."


def shown(value: object, most: int = 120) -> str:
    """A value in a message, as Python writes it: on one line, of bearable length, without the address of an object.

    >>> shown("a"), shown([1, 2]), shown(object())
    ("'a'", '[1, 2]', '<object object>')
    """
    kind = type(value)
    if isinstance(value, str | bytes):
        return printable(repr(value[: most + 1]), most)
    try:
        text = " ".join(repr(value).split())
    except Exception:
        return f"<{kind.__name__}>"
    known = kind.__module__ in ("builtins", "numpy") or kind.__name__ in text
    return printable(re.sub(r" at 0x[0-9a-fA-F]+", "", text if known else f"{kind.__name__} {text}"), most)


def told(value: object) -> str:
    """A value with its kind, where that cannot be seen.

    >>> told("a"), told(None), told({1})
    ("str 'a'", 'None', 'set {1}')
    """
    name, text = type(value).__name__, shown(value)
    return text if value is None or name in text else f"{name} {text}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "axis", "axes"), counted(2, "input")
    ('1 axis', '2 inputs')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
