"""A picture as Mermaid text, which GitHub, GitLab and many editors draw where it stands in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from minitorch.functional.arguments import speaking_as
from minitorch.viz.levels import by_layer, picture_of
from minitorch.viz.picture import Arrow, Box, Path, Picture
from minitorch.viz.style import Theme, theme_named
from minitorch.viz.subject import graph_of

# What Mermaid draws unless its site says otherwise (maxEdges, maxTextSize). A diagram cannot raise the limits itself.
MOST_EDGES, MOST_CHARACTERS = 500, 50_000

SHAPES = {
    "placeholder": ("[\\", "/]"), "parameter": ("[(", ")]"), "constant": (">", "]"), "forward": ("[", "]"),
    "gradient": ("{{", "}}"), "update": ("[/", "\\]"),
}  # fmt: skip
_HARMLESS = re.compile(r"[^\W_]|[ ,()\[\]=·]|(?<=[^\W_])[._](?=[^\W_])")


def to_mermaid(what: Any, *, level: str | None = None, theme: str = "light", inputs: Any = None) -> str:
    """A Mermaid flowchart of a tensor, a graph, a program, a plan or a module.

    `level` and `inputs` are as for `draw`; unless told, operations, or layers where Mermaid would refuse so many.
    Updates lead to their parameters by dotted arrows.
    """
    with speaking_as("to_mermaid"):
        look = theme_named(theme)
        picture = picture_of(graph_of(what, "to_mermaid"), "op" if level is None else level, inputs)
    text = flowchart(picture, look)
    if level is None and (len(picture.arrows) > MOST_EDGES or len(text) > MOST_CHARACTERS):
        return flowchart(by_layer(picture), look)
    return text


def flowchart(picture: Picture, theme: Theme) -> str:
    """The lines of a picture as Mermaid text."""
    lines = ["flowchart TB", f"    accTitle: {_text(picture.name)}"]
    lines += _frames(picture)
    lines += [f"    {_arrow(arrow)}" for arrow in picture.arrows]
    lines += _classes(picture, theme)
    return "\n".join(lines) + "\n"


def _frames(picture: Picture) -> Iterator[str]:
    """Boxes in nested subgraphs: those of one frame together, at its place among the others."""
    inside: dict[Path, list[str | Path]] = {(): []}
    for number, box in enumerate(picture.boxes):
        for depth in range(1, len(box.frame) + 1):
            path = box.frame[:depth]
            if path not in inside:
                inside[path] = []
                inside[path[:-1]].append(path)
        inside[box.frame].append(_node(number, box))
    number_of = {path: i for i, path in enumerate(inside)}
    stack: list[str | Path] = [*reversed(inside[()])]
    depth = 1
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            depth -= item == "end"
            yield f"{'    ' * depth}{item}"
        else:
            yield f'{"    " * depth}subgraph s{number_of[item]}["{_text(item[-1])}"]'
            stack += ["end", *reversed(inside[item])]
            depth += 1


def _node(number: int, box: Box) -> str:
    before, after = ("([", "])") if box.round else SHAPES[box.role]
    lines = [f"{box.title}{box.call}", *box.details]
    return f'n{number}{before}"{"<br/>".join(map(_text, lines))}"{after}:::{box.role}'


def _arrow(arrow: Arrow) -> str:
    if arrow.writes:
        return f"n{arrow.source} -.-> n{arrow.target}"
    label = "<br/>".join(map(_text, arrow.label.split("\n")))
    return (
        f'n{arrow.source} -->|"{label}"| n{arrow.target}' if label.strip() else f"n{arrow.source} --> n{arrow.target}"
    )


def _classes(picture: Picture, theme: Theme) -> Iterator[str]:
    """A class for each role that occurs, and one for outputs. No line ends in a semicolon: it would lose its last."""
    roles = {box.role for box in picture.boxes}
    for role, look in theme.looks.items():
        if role in roles:
            yield f"    classDef {role} fill:{look.fill},stroke:{look.line},color:{theme.ink}"
    outputs = [f"n{i}" for i, box in enumerate(picture.boxes) if box.output]
    if outputs:
        yield "    classDef output stroke-width:4px"
        yield f"    class {','.join(outputs)} output"


def _text(text: str) -> str:
    """Text between quotes. All but letters, digits and what means nothing anywhere is written by its number: quotes
    would end it, `%%` begins a comment, `#` an entity, a backtick, `1.` or `-` Markdown, `$$` a formula."""
    written = "".join(c if _HARMLESS.match(text, i) else f"#{ord(c)};" for i, c in enumerate(text))
    return written if written.strip() else "#160;"
