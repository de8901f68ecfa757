"""The explorer in a real browser: from a file, with no request but that, with numbers that are the trace's."""

import json
import re

import numpy as np
import pytest

import minitorch as mt

ActionChains = pytest.importorskip("selenium.webdriver", reason="selenium is not installed").ActionChains


@pytest.fixture(scope="module")
def program(quickstart):
    return quickstart("numpy")


@pytest.fixture(scope="module")
def folder(program, tmp_path_factory):
    path = tmp_path_factory.mktemp("explorer")
    program[0].explore(path / "run.html", program[1])
    program[0].explore(path / "bare.html")
    return path


@pytest.fixture
def open_page(browser, folder):
    """Opens a page anew; afterwards nothing may have been asked for but it, and no error may have been said."""
    browser.get_log("performance"), browser.get_log("browser")

    def opened(name="run.html"):
        browser.get((folder / name).as_uri())
        return Page(browser)

    yield opened
    requests = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    urls = {r["params"]["request"]["url"] for r in requests if r["method"] == "Network.requestWillBeSent"}
    assert urls
    assert all(url.startswith("file://") and url.endswith(".html") for url in urls), urls
    assert not browser.get_log("browser")


class Page:
    """What a reader does and sees."""

    def __init__(self, browser):
        self.browser = browser

    def js(self, code, *arguments):
        return self.browser.execute_script(f"return {code}", *arguments)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def one(self, selector):
        (found,) = self.all(selector)
        return found

    def text(self, selector):
        return self.one(selector).text

    def click(self, selector):
        element = self.all(selector)[0]
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", element)
        element.click()

    def press(self, *keys):
        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def node(self, label):
        """The number of the node with a label in the stage that is shown."""
        return self.js("shownStage().boxes.find((b) => b[LABEL] === arguments[0])[NODE]", label)

    def choose(self, label):
        number = self.node(label)
        self.js("(chooseNode(arguments[0]), reveal(arguments[0]))", number)
        return number

    def facts(self):
        return {e.get_attribute("data-fact"): e.get_attribute("data-exact") for e in self.all("#node [data-exact]")}


@pytest.fixture
def keys():
    return pytest.importorskip("selenium.webdriver.common.keys").Keys


# ---- stages ----


def test_every_stage_can_be_opened_and_shows_its_nodes(open_page, program):
    page = open_page()
    step, _ = program
    tabs = page.all("#stages [role=tab]")
    assert len(tabs) == len(step.passes) + 1
    for i, record in enumerate([*step.passes, None]):
        page.click(f"#stage-{i}")
        assert page.one("#stages [aria-selected=true]").get_attribute("id") == f"stage-{i}"
        boxes = page.js("shownStage().boxes.length")
        assert len(page.all("#scene .node")) == boxes > 10
        if record is not None and record.rewrites:
            reasons = " ".join(e.text for e in page.all(".reason"))
            assert all(r.reason in reasons for r in record.rewrites)


def test_before_and_after_mark_what_changed(open_page):
    page = open_page()
    number = page.js("DATA.stages.findIndex((s) => s.name === 'contract')")
    page.click(f"#stage-{number}")
    added = page.all(".node.added")
    assert added
    assert all("added by this pass" in e.get_attribute("aria-label") for e in added)
    assert {e.get_attribute("textContent") for e in page.all(".node.added .mark")} == {"+"}
    page.click("#view-before")
    removed = page.all(".node.removed")
    assert removed
    assert {e.get_attribute("textContent") for e in page.all(".node.removed .mark")} == {"−"}
    page.click(".reason")
    assert "through the stages" in page.text("#node")


def test_a_node_leads_back_to_its_origin_through_all_stages(open_page):
    page = open_page()
    page.click(f"#stage-{page.js('LAST')}")
    update = page.js("DATA.updates[0][1]")
    last = page.js("[...reach(arguments[0], children)].find((n) => nodesOfStage[LAST].has(n))", update)
    page.js("chooseNode(arguments[0])", last)
    chain = page.all("#node .chain")
    assert len(chain) >= 3
    page.browser.execute_script("arguments[0].click()", chain[0].find_elements("css selector", ".link")[0])
    assert page.js("state.stage") < page.js("LAST")
    assert page.js("reach(state.chosen, children).has(arguments[0])", last)


# ---- lines, nodes and instructions ----


def test_a_line_lights_up_its_nodes_and_its_code(open_page):
    page = open_page()
    line = next(e for e in page.all("#lines button.line") if "mse_loss" in e.text)
    line.click()
    assert "lit" in line.get_attribute("class")
    lit = page.all(".node.lit")
    assert 20 < len(lit) < len(page.all(".node"))
    titles = " ".join(e.text for e in lit)
    assert "tanh" in titles
    assert "matmul" in titles
    assert any("tanh(" in e.text for e in page.all("#code button.line.lit"))


def test_a_node_lights_up_its_line_and_its_code(open_page):
    page = open_page()
    page.choose("%2")
    assert "tanh(%1)" in page.text("#node")
    assert ["mse_loss" in e.text for e in page.all("#lines .line.lit")] == [True]
    assert [re.search(r"tanh\(b\d, out", e.text) is not None for e in page.all("#code .line.lit")] == [True]


def test_an_instruction_lights_up_its_node_and_its_line(open_page):
    page = open_page()
    code = next(e for e in page.all("#code button.line") if "tanh(" in e.text and "out=" in e.text)
    page.browser.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()", code)
    assert "tanh" in page.text("#node h2")
    assert len(page.all("#lines .line.lit")) == 1
    assert "lit" in code.get_attribute("class")


# ---- values, rules, steps ----


def test_the_numbers_shown_are_those_of_the_trace(open_page, program):
    step, inputs = program
    trace, labels = step.trace(*inputs), step.traced.labels()
    page = open_page()
    compared = 0
    for node in step.traced.nodes:
        value = trace[node]
        if not page.js("shownStage().boxes.some((b) => b[LABEL] === arguments[0])", labels[node]):
            continue
        page.js("chooseNode(arguments[0])", page.node(labels[node]))
        shown = page.facts()
        if value.size == 1:
            assert float(shown["value"]) == pytest.approx(float(value.ravel()[0]), rel=1e-6)
        else:
            expected = {"min": value.min(), "max": value.max(), "mean": value.mean(dtype="f8")}
            for name, number in expected.items():
                assert float(shown[name]) == pytest.approx(float(number), rel=1e-5, abs=1e-9)
            assert float(shown["norm"]) == pytest.approx(np.linalg.norm(value.astype("f8")), rel=1e-6)
            assert page.text("#node [data-fact=first]").startswith("[")
        compared += 1
    assert compared > 50


def test_gradients_show_their_rule(open_page):
    page = open_page()
    number = page.js("DATA.updates.find(([t]) => DATA.nodes[t][TITLE] === 'layers.1.weight')[1]")
    gradient = page.js(
        "Object.keys(DATA.rules).map(Number).find((n) => DATA.rules[n].some(([t]) => t.startsWith('d/db (a @ b)')))"
    )
    assert number
    page.js("chooseNode(arguments[0])", gradient)
    assert "d/db (a @ b) = aᵀ @ g" in page.text("#node")


def test_steps_by_buttons_and_keys(open_page, keys):
    page = open_page()
    steps = page.js("DATA.steps.length")
    page.press(keys.ARROW_RIGHT)
    assert page.text("#at") == f"1 / {steps}"
    assert page.js("stageOf(state.stage).name") == "plan"
    page.click("#next")
    assert page.text("#at") == f"2 / {steps}"
    page.press(keys.ARROW_LEFT)
    assert page.text("#at") == f"1 / {steps}"
    page.press(keys.END)
    assert page.text("#at") == f"{steps} / {steps}"
    assert page.text("#phase") == "update"
    assert not page.all(".node.pending")
    page.press(keys.HOME)
    assert page.text("#at") == f"1 / {steps}"
    assert page.all(".node.pending")
    assert page.js("document.getElementById('live').textContent").startswith(f"step 1 of {steps}")
    phases = {page.js("(goTo(arguments[0]), $('phase').textContent)", i) for i in range(steps)}
    assert phases == {"once a size", "forward", "backward", "update"}


def test_play_and_pause(open_page):
    page = open_page()
    page.press(" ")
    assert page.text("#play") == "⏸ pause"
    page.press(" ")
    assert page.text("#play") == "▶ play"


def test_predict_then_reveal(open_page, program):
    page = open_page()
    page.click("#predict")
    page.choose("layers.1.weight")
    weight = next(t for t in program[0].updates if t.name == "layers.1.weight").data
    assert not page.facts()
    assert not page.all("#node .heat")
    page.js("(document.getElementById('ask').value = 'norm')")
    page.one("#guess").send_keys(f"{np.linalg.norm(weight) * 1.02:.4f}")
    page.click("#node .guess button")
    assert "right, within 5 %" in page.text("#verdict-after")
    assert float(page.facts()["norm"]) == pytest.approx(np.linalg.norm(weight), rel=1e-6)
    page.choose("%2")
    page.js("(document.getElementById('ask').value = 'norm')")
    page.one("#guess").send_keys("1000")
    page.click("#node .guess button")
    assert re.search(r"not yet: it is [\d.]+, you are off by \d+", page.text("#verdict-after"))


def test_predicting_a_shape(open_page):
    page = open_page()
    page.click("#predict")
    page.choose("%2")
    page.one("#guess").send_keys("32 x 16")
    page.click("#node .guess button")
    assert "right: (32, 16)" in page.text("#verdict-after")


def test_gradient_flow_is_coloured_with_a_legend(open_page):
    page = open_page()
    page.click("#paint")
    assert page.all("#flow-legend")
    painted = page.all(".node.painted .shape")
    assert len(painted) > 8
    assert len({e.value_of_css_property("fill") for e in painted}) > 3


def test_without_a_run_there_are_no_values_and_it_says_so(open_page):
    page = open_page("bare.html")
    page.choose("%2")
    assert "no run was traced" in page.text("#node")
    assert page.one("#predict").get_attribute("disabled")


# ---- finding one's way ----


def test_search_dims_what_is_not_found(open_page, keys):
    page = open_page()
    page.press("/")
    page.press("tanh")
    found = [e for e in page.all(".node") if "miss" not in e.get_attribute("class")]
    assert len(found) == 2
    assert {e.text.split("\n")[0] for e in found} == {"tanh"}
    page.press(keys.ESCAPE)
    assert not page.all(".node.miss")


def test_modules_close_and_open(open_page):
    page = open_page()
    before = len(page.all(".node"))
    height = page.js("placed.height")
    page.click("#fold")
    closed = page.all(".frame.closed")
    assert len(closed) == 3
    assert all(e.get_attribute("aria-expanded") == "false" for e in closed)
    assert "forward" in closed[0].text
    assert len(page.all(".node")) < before / 2
    assert page.js("placed.height") < height / 2
    page.browser.execute_script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))",
                                page.all(".frame.closed rect")[0])  # fmt: skip
    assert len(page.all(".frame.closed")) == 2
    page.press("m")
    assert len(page.all(".node")) == before


CROSSINGS = """(() => {
  const crossed = [], rects = placed.boxes.filter((b) => !b.host).map((b) => ({ ...edges(b), node: b.box[NODE] }));
  let points = 0;
  for (const path of document.querySelectorAll("#scene .arrow")) {
    const ends = [+path.dataset.from, +path.dataset.to], length = path.getTotalLength();
    for (let at = 2; at < length - 2; at += 3, points++) {
      const { x, y } = path.getPointAtLength(at);
      const hit = rects.find((r) => x > r.left + 1 && x < r.right - 1 && y > r.top + 1 && y < r.bottom - 1);
      if (hit && !ends.includes(hit.node)) { crossed.push([...ends, hit.node]); break; }
    }
  }
  return [points, crossed];
})()"""


def test_no_arrow_runs_through_a_box(open_page, program):
    page = open_page()
    for stage in range(len(program[0].passes) + 1):
        page.click(f"#stage-{stage}")
        points, crossed = page.js(CROSSINGS)
        assert points > 300
        assert crossed == []
    page.click("#fold")
    points, crossed = page.js(CROSSINGS)
    assert points > 100
    assert crossed == []


def test_pan_and_zoom(open_page):
    page = open_page()
    first = page.js("view.scale")
    page.press("+")
    assert page.js("view.scale") > first
    page.click("#out")
    assert page.js("view.scale") == pytest.approx(first)
    page.js("$('canvas').dispatchEvent(new WheelEvent('wheel', {deltaY: -100, clientX: 700, clientY: 400}))")
    assert page.js("view.scale") > first
    page.press("0")
    assert page.js("view.scale") == pytest.approx(first)


# ---- for everybody ----


def test_everything_that_can_be_used_has_a_name(open_page):
    page = open_page()
    page.choose("%2")
    nameless = page.js("""[...document.querySelectorAll('button, input, select, [role=button], [tabindex="0"]')]
        .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.getAttribute('aria-labelledby')))
        .map((e) => e.outerHTML)""")
    assert nameless == []
    assert page.js("new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size") == page.js(
        "document.querySelectorAll('[id]').length"
    )
    assert len(page.all('.node[tabindex="0"]')) == 1


def test_nodes_can_be_walked_with_the_keyboard(open_page, keys):
    page = open_page()
    page.choose("%2")
    page.js("document.querySelector('.node.chosen').focus()")
    first = page.js("state.chosen")
    page.press(keys.ARROW_DOWN)
    second = page.js("state.chosen")
    assert second != first
    page.press(keys.ARROW_UP)
    assert page.js("state.chosen") != second
    page.press("?")
    assert page.one("#keys").is_displayed()
    page.press(keys.ESCAPE)


CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const shown = (colour, under) => {
  for (const fill of [`rgb(${under.join(" ")})`, colour]) { canvas.fillStyle = fill; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
};
const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const ground = (element) => {
  const chain = [];
  for (let e = element; e; e = e.parentElement) chain.unshift(getComputedStyle(e).backgroundColor);
  return chain.reduce((under, colour) => shown(colour, under), [255, 255, 255]);
};
const found = [];
const check = (text, back, what) => {
  const [a, b] = [light(shown(text, back)), light(back)].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${what}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
};
for (const e of document.querySelectorAll("body *:not(script):not(svg *)")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  const seen = own && e.checkVisibility() && !e.disabled && !e.closest(".unseen");
  if (seen) check(getComputedStyle(e).color, ground(e), e.outerHTML.slice(0, 80));
}
for (const e of document.querySelectorAll(".node")) {
  const back = shown(getComputedStyle(e.querySelector(".shape")).fill, ground(document.body));
  const texts = e.querySelectorAll("text:not(.mark)");
  for (const t of texts) check(getComputedStyle(t).fill, back, e.getAttribute("aria-label"));
}
return found;
"""

TOO_WIDE = """[...document.querySelectorAll(".node")].filter((g) => {
  const room = g.querySelector(".shape").getBBox().width;
  return [...g.querySelectorAll("text:not(.mark)")].some((t) => t.getComputedTextLength() > room);
}).map((g) => g.textContent)"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("flow", [False, True])
def test_text_stands_out_in_both_themes(open_page, theme, flow):
    page = open_page()
    if page.js("document.documentElement.dataset.theme || 'light'") != theme:
        page.click("#theme")
    if flow:
        page.click("#paint")
    page.choose("%2")
    assert page.browser.execute_script(CONTRAST) == []
    picture = page.browser.get_screenshot_as_png()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000


def test_no_text_runs_out_of_its_box(open_page):
    page = open_page()
    for stage in (0, 1, page.js("LAST")):
        page.click(f"#stage-{stage}")
        if stage > 1:
            page.click("#last")
        page.js("(view.scale = 1, show())")
        wide = page.js(TOO_WIDE)
        assert wide == []


def test_hostile_names_stay_text(browser, tmp_path):
    hostile = "<img src=x onerror=\"document.title='taken'\">"
    with mt.scope(hostile):
        x = mt.placeholder(hostile, ("n",))
        y = mt.tanh(x)
    mt.compile([x], y, name=hostile, backend="numpy").explore(tmp_path / "x.html", [np.ones(2)])
    browser.get((tmp_path / "x.html").as_uri())
    page = Page(browser)
    page.js("(showStage(0), chooseNode(shownStage().boxes[0][NODE]))")
    assert browser.title == hostile
    assert not page.all("img")
    assert hostile in page.text("#node")
