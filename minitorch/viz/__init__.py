"""Pictures and exchange: networkx views, Graphviz drawings."""

from minitorch.viz.exchange import to_networkx

__all__ = ["to_networkx"]
