"""Programs to look at, and a browser to look with: headless Chromium, where it and its driver are installed."""

import os
import shutil

import numpy as np
import pytest

import minitorch as mt


@pytest.fixture(scope="session")
def quickstart():
    """A function from a backend to the program of the quickstart, and arrays for one step."""

    def make(backend="numpy", activation="tanh"):
        x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", 1))
        model = mt.nn.MLP(2, [16, 16, 1], activation=activation, seed=0)
        loss = mt.mse_loss(model(x), y)
        sgd = mt.optim.SGD(model.parameters(), lr=0.1)
        step = mt.compile([x, y], loss, updates=sgd.minimize(loss), name="train_step", backend=backend)
        random = np.random.default_rng(0)
        return step, (random.normal(size=(32, 2)), random.choice([-1.0, 1.0], (32, 1)))

    return make


@pytest.fixture(scope="module")
def step():
    """A small training step."""
    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", 1))
    model = mt.nn.MLP(2, [4, 1], seed=0)
    loss = mt.mse_loss(model(x), y)
    return mt.compile([x, y], loss, updates=mt.optim.SGD(model.parameters(), lr=0.1).minimize(loss), name="step")


@pytest.fixture(scope="session")
def browser():
    """A WebDriver whose logs tell of every request and every error."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or chromedriver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    alone = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1600,1000", *alone):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield driver
    driver.quit()
