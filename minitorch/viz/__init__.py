"""Pictures and exchange: networkx views, Graphviz drawings."""

from __future__ import annotations

from minitorch.viz.dot import to_graphviz
from minitorch.viz.draw import draw
from minitorch.viz.exchange import to_networkx
from minitorch.viz.explorer import explore

__all__ = ["draw", "explore", "to_graphviz", "to_networkx"]
