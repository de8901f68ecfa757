"""Tables of plain text: columns side by side, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Lines of a table whose first `left` columns are words, and the others numbers."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    return [
        "  ".join(
            text.ljust(width) if k < left else text.rjust(width)
            for k, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def short(text: str, most: int) -> str:
    """A text on at most so many columns."""
    return text if len(text) <= most else text[: most - 3] + "..."


def number(value: float) -> str:
    """A number on at most 10 columns."""
    return f"{value:.4g}"


def percent(share: float) -> str:
    """A share of one; nothing for none at all, so that the others stand out."""
    if not share:
        return ""
    return f"{share:.1%}" if share >= 0.001 else "<0.1%"
