"""One offline page: a title, a body, data, our own style and script, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from minitorch.graph.storage import Array
from minitorch.graph.text import printable


def page(title: str, body: str, data: Any, *, css: Iterable[str] = (), js: Iterable[str] = (), note: str = "") -> str:
    """The text of a page that asks the network for nothing.

    `body` is HTML that stands as it is, `title` and `note` are text. `data` is what JSON can hold, and is `DATA` in the
    script. `css` and `js` are texts that follow those of every page, which bring the colours of both themes and the
    button that changes between them. Style and script are allowed by their hashes, so `body` has no `style="..."`.
    """
    style, script = "\n".join([asset("page.css"), *css]), "\n".join([asset("page.js"), *js])
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'"
    shown = html.escape(printable(title, 200))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{shown}</title>
<style>{style}</style>
</head>
<body>
<header id="top">
<h1>{shown}</h1>
<p id="note">{html.escape(printable(note, 400))}</p>
<div id="tools" role="toolbar" aria-label="Page"><button type="button" id="theme"></button></div>
</header>
{body}
<script type="application/json" id="data">{embedded(data)}</script>
<script>{script}</script>
</body>
</html>
"""


def asset(name: str) -> str:
    """A file of this package that pages are made of."""
    return files("minitorch.viz").joinpath("assets", name).read_text("utf-8")


def embedded(data: Any) -> str:
    """JSON in ASCII in which nothing can end a script element. Raises `ValueError` for NaN and infinity."""
    return json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def encoded(values: Array) -> str:
    """The bytes of an array, the lowest first, as text."""
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
