"""The film in a browser: opens from its file, asks for nothing else, plays, and shows the numbers that it holds."""

import os
import re
import shutil

import numpy as np
import pytest

import minitorch as mt

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
service = pytest.importorskip("selenium.webdriver.chrome.service")
wait = pytest.importorskip("selenium.webdriver.support.wait")
keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

CHROMIUM, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium, or no chromedriver")
R = np.random.default_rng(0)


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,1600"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=service.Service(DRIVER, env=dict(os.environ)))
    yield driver
    driver.quit()


def trained(nin, nouts, targets, epochs=8, validation=None):
    X = R.normal(0, 1, (90, nin))
    x, y = mt.placeholder("x", ("batch", nin)), mt.placeholder("y", ("batch", nouts[-1]))
    model = mt.nn.MLP(nin, nouts, seed=0)
    loss = mt.mse_loss(model(x), y)
    step = mt.compile([x, y], loss, mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss))
    Y = targets(X)
    held = (X, Y) if validation else None
    return mt.fit(step, X, Y, epochs=epochs, batch_size=16, seed=0, snapshots=epochs + 1, validation=held), model, X, Y


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A page for each kind of network, with the history that it was made of."""
    folder = tmp_path_factory.mktemp("films")
    kinds = {
        "classes": trained(2, [6, 1], lambda X: np.sign(X[:, :1])),
        "three": trained(2, [6, 3], lambda X: np.eye(3)[(X > 0).sum(1)]),
        "values": trained(2, [5, 1], lambda X: np.sin(X[:, :1])),
        "images": trained(64, [30, 10], lambda X: np.eye(10)[(X[:, 0] > 0).astype(int)], validation=True),
    }
    for name, (history, model, X, Y) in kinds.items():
        history.film(folder / f"{name}.html", model, X, Y, title=name)
    return {name: (folder / f"{name}.html", kind[0]) for name, kind in kinds.items()}


def opened(browser, films, name):
    for log in ("browser", "performance"):
        browser.get_log(log)
    path, history = films[name]
    browser.get(path.as_uri())
    return history


def shown(browser, id):
    return browser.find_element("id", id).text


@pytest.mark.parametrize("name", ["classes", "three", "values", "images"])
def test_a_page_opens_and_asks_for_nothing(browser, films, name):
    opened(browser, films, name)
    browser.find_element("id", "theme").click()
    browser.execute_script("for (let k = 0; k < N; k++) go(k)")
    sent = [e["message"] for e in browser.get_log("performance") if '"Network.requestWillBeSent"' in e["message"]]
    urls = [re.search(r'"url":"([^"]*)"', message)[1] for message in sent]
    assert urls == [films[name][0].as_uri()]
    assert browser.get_log("browser") == []
    heads = [e.text for e in browser.find_elements("css selector", ".card h2")]
    assert {"Weights", "Norm of the weights (Euclidean)", "Norm of the gradients (over the data)"} <= set(heads)
    assert ("Decision boundary" in heads) == (name in ("classes", "three"))
    assert ("Output over the plane" in heads) == (name == "values")
    assert ("What the first layer looks for" in heads) == (name == "images")


def test_numbers_are_those_of_the_history(browser, films):
    history = opened(browser, films, "classes")
    assert "before training" in shown(browser, "now")
    for k in (3, 8):
        browser.execute_script(f"$('scrub').value = {k}; $('scrub').dispatchEvent(new Event('input'))")
        epoch, loss = re.search(r"epoch (\d+) of 8 .* loss (\S+)", shown(browser, "now")).groups()
        assert int(epoch) == k
        assert float(loss) == pytest.approx(history.loss[k - 1], rel=1e-3)
        told = browser.find_element("id", "scrub").get_attribute("aria-valuetext")
        assert told.startswith(f"epoch {k} of 8, loss {loss}")
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#sheet tbody tr')].map(r => r.cells[1].textContent)"
    )
    np.testing.assert_allclose([float(text) for text in rows[1:]], history.loss, rtol=1e-5)
    current = browser.find_elements("css selector", "#sheet tr[aria-current]")
    assert len(current) == 1


def test_keys_move_the_film(browser, films):
    opened(browser, films, "values")
    body, frame = browser.find_element("tag name", "body"), lambda: browser.execute_script("return frame")
    for key, expected in [
        (keys.ARROW_RIGHT, 1), (keys.ARROW_RIGHT, 2), (keys.ARROW_LEFT, 1), (keys.END, 8), (keys.ARROW_RIGHT, 8),
        (keys.HOME, 0),
    ]:  # fmt: skip
        body.send_keys(key)
        assert frame() == expected
    body.send_keys(" ")
    assert shown(browser, "play").endswith("pause")
    browser.execute_script("$('speed').value = '30'; $('speed').dispatchEvent(new Event('change'))")
    wait.WebDriverWait(browser, 20).until(lambda _: frame() == 8 and shown(browser, "play").endswith("play"))
    assert "epoch 8 of 8" in browser.execute_script("return $('told').textContent")  # read out where it stops


def test_a_chart_can_be_clicked(browser, films):
    opened(browser, films, "classes")
    chart = browser.find_element("css selector", "svg.chart")
    webdriver.ActionChains(browser).move_to_element(chart).click().perform()
    assert 3 <= browser.execute_script("return frame") <= 5


def test_edges_show_the_weights(browser, films):
    history = opened(browser, films, "classes")
    browser.execute_script("go(5)")
    titles = browser.execute_script(
        "return [...document.querySelectorAll('line.more, line.less')]"
        ".map(line => [line.getAttribute('class'), line.textContent])"
    )
    weights = [v for v in history.snapshots[5].values.values() if v.ndim == 2]
    flat = np.concatenate([w.ravel() for w in weights])
    assert len(titles) == flat.size
    np.testing.assert_allclose([float(text.split("= ")[1]) for _, text in titles], flat, rtol=1e-3)
    assert [kind == "less" for kind, _ in titles] == (flat < 0).tolist()


CONTRAST = """
const light = (c) => { const v = c.map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
const numbers = (c) => c.match(/[\\d.]+/g).map(Number);
const paper = (e) => { for (; e; e = e.parentElement) { const c = numbers(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
const found = [];
for (const e of document.querySelectorAll("h1, h2, h3, p, td, th, summary, button:not(:disabled), label, svg text")) {
  if (!e.textContent.trim()) continue;
  const style = getComputedStyle(e), ink = numbers(e.tagName === "text" ? style.fill : style.color).slice(0, 3);
  const [a, b] = [light(ink), light(paper(e))].sort((x, y) => y - x);
  found.push([(a + 0.05) / (b + 0.05), e.textContent.slice(0, 40)]);
}
return found;
"""


@pytest.mark.parametrize("name", ["classes", "images"])
def test_text_can_be_read_in_both_themes(browser, films, name):
    opened(browser, films, name)
    for _ in range(2):
        found = browser.execute_script(CONTRAST)
        assert len(found) > 60
        assert [pair for pair in found if pair[0] < 4.5] == []
        browser.find_element("id", "theme").click()


def test_everything_has_a_name(browser, films):
    for name in films:
        opened(browser, films, name)
        unnamed = browser.execute_script(
            "return [...document.querySelectorAll('[role=img], button, input, select')]"
            ".filter(e => !(e.getAttribute('aria-label')"
            " || e.textContent.trim() || (e.labels && e.labels.length))).map(e => e.outerHTML)"
        )
        assert unnamed == []
        images = browser.execute_script(
            "return [...document.querySelectorAll('#cards svg, #cards canvas')].map(e => e.getAttribute('role'))"
        )
        assert images
        assert set(images) == {"img"}


def test_nothing_is_wider_than_a_narrow_window(browser, films):
    for width in (1300, 700, 420):
        browser.set_window_size(width, 1400)
        for name in films:
            opened(browser, films, name)
            wide = browser.execute_script(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, (name, width)
    browser.set_window_size(1300, 1600)
