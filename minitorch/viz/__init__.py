"""Pictures and exchange: drawings by Graphviz, the explorer, networkx views, Mermaid, JSON, GraphML, notebooks."""

from __future__ import annotations

from minitorch.viz.dot import to_graphviz
from minitorch.viz.draw import draw, mimebundle
from minitorch.viz.exchange import to_graphml, to_networkx
from minitorch.viz.explorer import explore
from minitorch.viz.film import film
from minitorch.viz.mermaid import to_mermaid
from minitorch.viz.notation import to_json
from minitorch.viz.plan import draw_plan

__all__ = [
    "draw",
    "draw_plan",
    "explore",
    "film",
    "mimebundle",
    "to_graphml",
    "to_graphviz",
    "to_json",
    "to_mermaid",
    "to_networkx",
]
