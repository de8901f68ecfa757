"""Our own layout of a picture: where boxes, frames and arrows stand, without any engine.

Layered (Sugiyama, Tagawa and Toda 1981), frame by frame from the innermost: a frame that is laid out is one large
item of the frame around it, so that no frame ever covers what is not in it.
"""

from __future__ import annotations

from minitorch.viz.layout.compose import Layout, Placed, Rect, laid_out

__all__ = ["Layout", "Placed", "Rect", "laid_out"]
