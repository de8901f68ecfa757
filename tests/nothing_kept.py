"""Programs made anew: for tests that change the compiler itself, of which no name on disk knows."""

from __future__ import annotations

from minitorch.graph import Graph


def no_name(traced: Graph, vector_bytes: int) -> None:
    """In the place of `kept.name`: nothing is found under it, and nothing kept."""
