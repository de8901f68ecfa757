"""What is not used costs nothing: a program that nobody looks at imports no tool, and one that was looked at runs on as
its twin does that never was, in every instruction and every bit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minitorch as mt
from minitorch import viz
from minitorch.compiler.backends.c_source import Found

ROOT = Path(mt.__file__).parent.parent

# ---- imports ----

WITHOUT_LOOKING = """
import sys
import minitorch as mt

def loaded(after):
    found = [m for m in sys.modules if m.startswith(("minitorch.inspection", "minitorch.viz", "minitorch.cli"))]
    assert not found, (after, found)

loaded("import")
import numpy as np

x, y = mt.placeholder("x", ("n", 2)), mt.placeholder("y", ("n", 1))
model = mt.nn.MLP(2, [3, 1], seed=0)
loss = mt.mse_loss(mt.dropout(model(x), 0.1, seed=0), y)
loss.backward()
sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loaded("build")
step = mt.compile([x, y], loss, sgd.minimize(loss), backend=BACKEND)
loaded("compile")
X, Y = np.ones((6, 2)), np.ones((6, 1))
step(X, Y), step(x=X, y=Y), x.sum().eval({x: X})
loaded("step")
step.loop(X, Y, batch_size=4), step.loop(X, Y, order=[3, 1, 2], batch_size=2)
loaded("loop")
mt.fit(step, X, Y, epochs=2, batch_size=4, validation=[X, Y], callbacks=[mt.training.EarlyStopping()], snapshots=2)
loaded("fit")
step.evaluate(X, Y), model.predict(X), mt.predict(model, X)
loaded("predict")
str(step), repr(step), str(step.plan), step.source, model.summary(), str(loss)
try:
    step(X, np.ones((5, 1)))
except ValueError as error:
    str(error)
loaded("print")
step.cost(6)
assert "minitorch.inspection" in sys.modules
print("done")
"""


@pytest.mark.parametrize("name", ["interpreter", "numpy", "c"])
def test_nothing_is_imported_that_only_looking_needs(name):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", f"BACKEND = {name!r}\n{WITHOUT_LOOKING}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "done"


# ---- twins ----


class Twin:
    """One of any number of equal programs: a training step with all that a step can have, and data for it."""

    def __init__(self, backend):
        self.x, self.y = mt.placeholder("x", ("batch", 3)), mt.placeholder("y", ("batch", 2))
        self.model = mt.nn.MLP(3, [4, 2], seed=0)
        self.loss = mt.mse_loss(mt.dropout(self.model(self.x), 0.2, seed=5), self.y)
        self.loss.backward()
        sgd = mt.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        updates = sgd.minimize(self.loss)
        self.step = mt.compile([self.x, self.y], [self.loss, self.model(self.x)], updates, backend=backend, name="twin")
        draw = np.random.default_rng(0)
        self.X, self.Y = draw.standard_normal((9, 3)), draw.standard_normal((9, 2))

    def runs(self):
        """The bits of calls, of a loop with a smaller batch at its end, of a fit, of an evaluation, and of the state
        after each."""
        step, X, Y = self.step, self.X, self.Y
        found = [*self._state(), *step(X, Y), *self._state(), *step(X[:4], Y[:4]), *self._state()]
        found += [*step.loop(X, Y, order=[8, 0, 3, 3, 5], batch_size=2), *self._state()]
        bare = mt.fit(step, X, Y, epochs=2, batch_size=4, seed=1).batch_loss
        found += [np.array(bare), *self._state(), *step.evaluate(X, Y, batch_size=4)]
        return [(a.dtype.str, a.shape, a.tobytes()) for a in map(np.asarray, found)]

    def _state(self):
        return [target.data.copy() for target in self.step.updates]

    def code(self):
        """All that says what is run, as text: what was generated, the plan, the graph."""
        step = self.step
        return step.source, str(step.plan), str(step.graph), str(step.traced), [str(r) for r in step.passes]

    def machinery(self):
        """The very objects that a call goes through, and where the memory lies that it works in."""
        executor = self.step._executor
        kept = {**vars(self.step), **vars(executor), **vars(executor.backend), **executor.bound}
        kept.pop("_verified")  # `verify` notes in it what it found, which no step reads
        return kept, [target.data.ctypes.data for target in self.step.updates]

    def feeds(self):
        return {self.x: self.X, self.y: self.Y}


def checked_fit(twin):
    """A fit that looks at each step, with the values put back that it has changed."""
    before = [target.data.copy() for target in twin.step.updates]
    mt.fit(twin.step, twin.X, twin.Y, epochs=1, batch_size=9, check_finite=True)
    for target, value in zip(twin.step.updates, before, strict=True):
        target.data = value


LOOKS = {
    "print": lambda t, _: (str(t.step), repr(t.step), t.step.source, str(t.step.plan), t.model.summary()),
    "trace": lambda t, _: str(t.step.trace(t.X, t.Y)),
    "trace compiled": lambda t, _: str(t.step.trace(t.X, t.Y, compiled=True)),
    "data": lambda t, _: (_kept := t.step.trace(t.X, t.Y), t.loss.data, t.loss.grad.data),
    "first_bad": lambda t, _: t.step.first_bad(t.X, t.Y),
    "first_bad of a NaN": lambda t, _: str(t.step.first_bad(t.X * np.nan, t.Y)),
    "check_gradients": lambda t, _: str(mt.check_gradients(t.loss, t.model.parameters(), t.feeds())),
    "profile": lambda t, _: str(t.step.profile(t.X, t.Y, repeat=2)),
    "cost": lambda t, _: str(t.step.cost(batch=9)),
    "memory": lambda t, _: str(t.step.memory(batch=9)),
    "explain": lambda t, _: t.step.explain(),
    "verify": lambda t, _: t.step.verify(),
    "explain what was verified": lambda t, _: (t.step.verify(), t.step.explain()),
    "draw": lambda t, folder: t.step.draw(folder / "a.svg"),
    "draw the layers": lambda t, folder: t.step.draw(folder / "a.svg", level="layer"),
    "draw the neurons": lambda t, folder: t.step.draw(folder / "a.svg", level="neuron", inputs=[t.X, t.Y]),
    "draw the plan": lambda t, folder: viz.draw_plan(t.step.plan, folder / "a.svg"),
    "draw the loss": lambda t, folder: mt.draw(t.loss, folder / "a.svg"),
    "explore": lambda t, folder: t.step.explore(folder / "a.html"),
    "explore a run": lambda t, folder: t.step.explore(folder / "a.html", inputs=[t.X, t.Y]),
    "to_networkx": lambda t, _: t.step.to_networkx(),
    "to_graphviz": lambda t, _: t.step.to_graphviz().source,
    "to_mermaid": lambda t, _: t.step.to_mermaid(),
    "to_json": lambda t, _: t.step.to_json(),
    "to_graphml": lambda t, _: viz.to_graphml(t.step),
    "notebook": lambda t, _: t.step._repr_mimebundle_(),
    "check_finite": lambda t, _: checked_fit(t),
}


@pytest.fixture(scope="module")
def never_inspected():
    """By backend what a twin is and does that nobody ever looks at."""
    found = {}

    def of(backend):
        if backend not in found:
            twin = Twin(backend)
            found[backend] = twin.code(), [twin.runs(), twin.runs(), twin.runs()]
            assert len({str(run) for run in found[backend][1]}) == 3  # a step that was lost would be seen
        return found[backend]

    return of


@pytest.mark.parametrize("look", LOOKS)
def test_a_program_runs_on_as_if_nobody_had_looked(look, backend, never_inspected, tmp_path):
    runs_on(Twin(backend), look, never_inspected(backend), tmp_path)


@pytest.mark.parametrize("look", LOOKS)
def test_so_does_one_that_was_found_whose_plan_is_made_for_who_looks(look, request, never_inspected, tmp_path):
    alike = never_inspected("c")  # before programs are found
    request.getfixturevalue("keeping")
    found = next(twin for _ in range(2) if isinstance((twin := Twin("c")).step._executor.backend, Found))
    runs_on(found, look, alike, tmp_path)


def runs_on(twin, look, alike, tmp_path):
    """Whatever is looked at, the code, the bits and the machinery are those of a twin."""
    code, runs = alike
    LOOKS[look](twin, tmp_path)  # before its first step
    assert twin.code() == code
    assert twin.runs() == runs[0]
    parts, places = twin.machinery()
    LOOKS[look](twin, tmp_path)  # when it has run, and is bound to the sizes that are looked at
    parts_now, places_now = twin.machinery()
    assert parts.keys() == parts_now.keys()
    assert [key for key, part in parts.items() if parts_now[key] is not part] == []
    assert places == places_now
    assert twin.code() == code
    assert twin.runs() == runs[1]
    assert twin.runs() == runs[2]


@pytest.mark.parametrize("look", ["trace compiled", "profile", "verify", "explore a run"])
def test_what_is_compiled_after_looking_is_what_was_compiled_before(look, backend, never_inspected, tmp_path):
    code, runs = never_inspected(backend)
    first = Twin(backend)
    LOOKS[look](first, tmp_path)
    second = Twin(backend)
    assert second.code() == code
    assert second.runs() == runs[0]
    if backend == "c":
        assert second.step._executor.backend.library is first.step._executor.backend.library  # one and the same object


@pytest.mark.parametrize("look", ["trace compiled", "profile", "verify", "check_gradients"])
def test_looking_between_two_steps_of_a_twin_that_lives_beside(look, backend, tmp_path):
    a, b = Twin(backend), Twin(backend)
    for _ in range(3):
        assert a.runs() == b.runs()
        LOOKS[look](a, tmp_path)
