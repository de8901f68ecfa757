"""`Pictured`: what graphs, programs and modules have in common, to be drawn and written in other notations."""

from __future__ import annotations

from typing import Any

from minitorch.lazy import lazy

viz = lazy("minitorch.viz")


class Pictured:
    """Methods over `minitorch.viz`, which is imported when one is called. A program is shown as optimised, a module on
    a batch of rows."""

    __slots__ = ()

    def draw(self, path: Any, **options: Any) -> None:
        """Write a picture to `path`; its suffix says which kind. See `minitorch.viz.draw`."""
        viz.draw(self, path, **options)

    def to_graphviz(self, **options: Any) -> Any:
        """A `graphviz.Digraph`. See `minitorch.viz.to_graphviz`."""
        return viz.to_graphviz(self, **options)

    def to_networkx(self) -> Any:
        """A `networkx.MultiDiGraph` with plain attributes. See `minitorch.viz.to_networkx`."""
        return viz.to_networkx(self)

    def to_mermaid(self, **options: Any) -> str:
        """A Mermaid flowchart. See `minitorch.viz.to_mermaid`."""
        text: str = viz.to_mermaid(self, **options)
        return text

    def to_json(self, **options: Any) -> str:
        """JSON text by a schema that stays; of a program as compiled, with its passes. See `minitorch.viz.to_json`."""
        text: str = viz.to_json(self, **options)
        return text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture, where there is one that can be read, and the text in print."""
        bundle: dict[str, str] = viz.mimebundle(self, str(self), include, exclude)
        return bundle
