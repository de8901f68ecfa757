"""The scaffold of every page: a policy that lets nothing in, text that stays text, data that cannot end its element."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from minitorch.viz.page import asset, embedded, page

HOSTILE = "</script><script>alert(1)</script><!--<script> & \" ' \u2028\u2029 \ud800 \x00"


class Parts(HTMLParser):
    """The elements of a page, and the text in each style and script."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = f"{tag}#{dict(attrs).get('id', '')}"

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.texts[self.inside] = self.texts.get(self.inside, "") + data


def test_style_and_script_are_allowed_by_their_hashes_and_nothing_else_is():
    parts = Parts(page("title", "<main></main>", {}, css=["main { color: red; }"], js=["let a = 1 < 2;"]))
    (policy,) = [a["content"] for tag, a in parts.tags if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == rules.pop("base-uri") == "'none'"
    for name, key in (("script-src", "script#"), ("style-src", "style#")):
        digest = base64.b64encode(hashlib.sha256(parts.texts[key].encode()).digest()).decode()
        assert rules.pop(name) == f"'sha256-{digest}'"
    assert not rules
    assert "let a = 1 < 2;" in parts.texts["script#"]
    assert "main { color: red; }" in parts.texts["style#"]


def test_titles_notes_and_data_cannot_break_out():
    parts = Parts(page(HOSTILE, "", {"name": HOSTILE}, note=HOSTILE))
    assert [tag for tag, _ in parts.tags].count("script") == 2  # the data and our own
    assert json.loads(parts.texts["script#data"]) == {"name": HOSTILE}
    assert parts.texts["title#"].startswith("</script><script>alert(1)")


def test_data_is_ascii_json():
    text = embedded([HOSTILE, 1.5, None, "é"])
    assert text.isascii()
    assert "<" not in text
    assert json.loads(text) == [HOSTILE, 1.5, None, "é"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_refused(number):
    with pytest.raises(ValueError, match="JSON"):
        embedded([number])


def test_nothing_is_asked_from_anywhere():
    text = page("title", "", {})
    assert not re.search(r"""(src|href|url|import|fetch)\s*[=(]\s*["']?\s*(https?:)?//""", text)
    assert asset("page.js") in text
