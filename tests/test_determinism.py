"""The same program gives the same plan, source and bits: whatever the hash seed, from many threads, after a fork, and
compiled as often as one likes without more memory."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import minitorch as mt
from minitorch.compiler.backends import BACKENDS

ROOT = Path(mt.__file__).parent.parent
SEEDS = range(20)
THREADS, CALLS = 8, int(os.environ.get("MINITORCH_CALLS", "4000"))  # 100,000 by hand
CHILDREN = int(os.environ.get("MINITORCH_CHILDREN", "20"))  # 200 by hand
CYCLES = int(os.environ.get("MINITORCH_CYCLES", "300"))  # 10,000 by hand

TRAINING = """
import hashlib, re
import numpy as np
import minitorch as mt

def parts():
    x, y = mt.placeholder("x", ("batch", 3)), mt.placeholder("y", ("batch", 2))
    model = mt.nn.MLP(3, [4, 2], seed=0)
    loss = mt.mse_loss(mt.dropout(model(x), 0.25, seed=1), y)
    adam = mt.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    yield [x, y], [loss, model(x)], adam.minimize(loss)
    n, m = mt.placeholder("n", ("rows", "columns")), mt.placeholder("m", (None, 3))
    k = mt.placeholder("k", (None,), dtype="int64")
    w = mt.parameter([[1.0, -2.0, 0.5]] * 3, name="w")
    v = mt.variable([0.5, 1.0, 2.0], name="v")
    h = mt.softmax(m @ w + v) * v
    some = mt.where(h > 0.25, h, mt.stop_gradient(h)[::-1])
    total = mt.logsumexp(some) + mt.var(n) + mt.sum(mt.take(v, k % 3))
    g, d = mt.grad(total, [w, v])
    yield [n, m, k], [total, some.T, g, h, h], {w: w - 0.1 * g, v: v * d}

rng = np.random.default_rng(0)
for inputs, outputs, updates in parts():
    sizes = {"batch": 5, "rows": 2, "columns": 4, "?": 6}
    for backend in BACKENDS:
        program = mt.compile(inputs, outputs, updates, backend=backend)
        print(program, program.plan, program.source, *map(str, program.passes), sep="\\n")
        for t in updates if isinstance(updates, dict) else ():
            print(t.name)
        shapes = [[n if isinstance(n, int) else sizes[str(n)] for n in p.shape] for p in inputs]
        arrays = [rng.integers(0, 9, shape).astype(p.dtype) for p, shape in zip(inputs, shapes)]
        for _ in range(3):
            print(*[hashlib.sha1(r.tobytes()).hexdigest() for r in program(*arrays)])
        print(*[hashlib.sha1(p.data.tobytes()).hexdigest() for p in program.updates])
"""


def printed(seed):
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    code = f"BACKENDS = {sorted(BACKENDS)!r}\n{TRAINING}"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_every_hash_seed_gives_the_same_plan_source_and_bits():
    first = printed(0)
    assert "instructions a step" in first
    assert all(printed(seed) == first for seed in SEEDS[1:])


# ---- threads ----


@pytest.fixture
def restless():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work):
    problems = []

    def guarded(number):
        try:
            work(number)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=guarded, args=(k,)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_calls_from_many_threads_are_each_right(restless, backend):
    x = mt.placeholder("x", ("n", 3))
    w = mt.parameter(np.arange(9.0).reshape(3, 3) / 8)
    program = mt.compile([x], [mt.tanh(x @ w) @ w + mt.exp(-x), (x * x).sum()], backend=backend)
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((n, 3)).astype("float32") for n in (1, 2, 3, 7, 64)]
    want = [[r.copy() for r in program(b)] for b in batches]

    def work(number):
        for i in range(CALLS // THREADS):
            k = (i + number) % len(batches)
            for got, right in zip(program(batches[k]), want[k], strict=True):
                assert np.array_equal(got, right)

    in_threads(work)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_step_of_every_thread_counts_once(restless, backend):
    """Two programs that share parameters: each call sees whole steps, so a and -a always cancel."""
    a, b = mt.parameter(np.zeros(5)), mt.parameter(np.zeros(5))
    x = mt.placeholder("x", ("n",))
    step = mt.compile([x], (a + b).sum() + 0 * x.sum(), updates={a: a + 1, b: b - 1}, backend=backend)
    read = mt.compile([x], [(a + b).sum(), a * 1], backend=backend)

    def work(number):
        for i in range(CALLS // THREADS):
            value = np.zeros(1 + (i + number) % 3, "float32")
            if number % 2:
                assert step(value) == 0
            else:
                total, one = read(value)
                assert total == 0
                assert (one == one[0]).all()

    in_threads(work)
    steps = CALLS // THREADS * (THREADS // 2)
    assert a.data.tolist() == [float(steps)] * 5
    assert b.data.tolist() == [float(-steps)] * 5


# ---- fork ----


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_children_find_whole_steps_and_work(restless):
    """Children forked while threads train: parameters of a whole step, no lock lost, the same values as the parent."""
    a, b = mt.parameter(np.zeros(5)), mt.parameter(np.zeros(5))
    x = mt.placeholder("x", ("n",))
    step = mt.compile([x], a.sum() + b.sum() + x.sum(), updates={a: a + 1, b: b - 1})
    done = threading.Event()

    def train():
        while not done.is_set():
            step(np.zeros(2, "float32"))

    threads = [threading.Thread(target=train) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        codes = [
            forked(lambda: step(np.ones(4, "float32")) == 4 and (a.data == -b.data).all()) for _ in range(CHILDREN)
        ]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert codes == [0] * CHILDREN


def forked(check):
    """0 where `check` is true in a child."""
    child = os.fork()
    if not child:
        code = 2
        try:
            code = 0 if check() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# ---- memory ----


def compiled_and_dropped():
    x = mt.placeholder("x", ("n", 3))
    w = mt.parameter(np.ones((3, 2)), name="w")
    loss = mt.mean(mt.square(mt.tanh(x @ w)))
    step = mt.compile([x], loss, updates={w: w - 0.1 * mt.grad(loss, w)})
    for n in (1, 4):
        step(np.ones((n, 3), "float32"))


def resident():
    """The bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not say how much memory is held")
def test_programs_that_are_dropped_leave_nothing_behind():
    for _ in range(50):
        compiled_and_dropped()
    gc.collect()
    objects, memory = len(gc.get_objects()), resident()
    for _ in range(CYCLES):
        compiled_and_dropped()
    gc.collect()
    assert len(gc.get_objects()) < objects + 200
    assert resident() < memory + 4_000_000 + 100 * CYCLES  # each program takes about 100 kB while it is there
