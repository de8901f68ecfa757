"""`Record`: a class of a few named values. A named tuple takes ten times as long to define, and imports wait for it."""

from __future__ import annotations

from typing import Any, dataclass_transform


@dataclass_transform(frozen_default=True)
class Record:
    """Subclasses annotate their values, in order; those with a default come last.

    >>> class Point(Record):
    ...     x: int
    ...     y: int = 0
    >>> Point(1).y, Point(1, y=2).y
    (0, 2)
    """

    def __init__(self, *values: Any, **named: Any) -> None:
        self.__dict__.update(zip(self.__annotations__, values), **named)
