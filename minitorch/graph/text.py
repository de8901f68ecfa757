"""Names that users choose, made fit for a line of text, of code or of a picture."""

from __future__ import annotations


def printable(name: str, most: int = 60) -> str:
    """`name` on one line and of bearable length: nothing in it can end a line or a comment line."""
    text = name[: most + 1]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(name) <= most else text[:most] + "..."
