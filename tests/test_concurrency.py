"""Programs that share parameters, threads, interrupts and forks: parameters are always those of one whole step."""

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import minitorch as mt


@pytest.fixture(params=["interpreter", "numpy", "c"])
def backend(request):
    return request.param


@pytest.fixture
def quick_switches():
    """Threads take turns as often as Python lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work, count=8):
    """Run `work(i)` in as many threads; the first error of any of them is raised here."""
    errors = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "a deadlock"
    if errors:
        raise errors[0]


# ---- sharing ----


def test_programs_share_the_parameters_they_are_compiled_from(backend):
    x, w = mt.placeholder("x", ("n",)), mt.parameter([1.0, 2.0], name="w")
    read, write = mt.compile([], w * 10, backend=backend), mt.compile([x], [], {w: w + mt.sum(x)}, backend=backend)
    seen = w.data
    write([1, 2])
    assert read().tolist() == [40, 50]
    assert seen.tolist() == [4, 5]
    w.data = [0, 1]
    assert read().tolist() == [0, 10]
    seen[0] = 7
    assert read().tolist() == [70, 10]


def test_a_program_of_one_model_and_of_its_copy_are_apart(backend):
    model = mt.nn.Linear(2, 1, seed=0)
    x = mt.placeholder("x", ("n", 2))
    other = mt.nn.Linear(2, 1, seed=0)
    step = mt.compile([x], [], {p: p + 1 for p in model.parameters()}, backend=backend)
    step([[1, 2]])
    assert [np.array_equal(p.data, q.data + 1) for p, q in zip(model.parameters(), other.parameters())] == [True, True]


# ---- threads ----


def counters():
    """Parameters that every step moves on by one, in every way that an update is made."""
    a, b = mt.parameter(0.0, name="a"), mt.parameter(np.zeros((3, 3)), name="b")
    c, d = mt.parameter(np.zeros(3), name="c", dtype="float64"), mt.variable(0, name="d", dtype="int64")
    x = mt.placeholder("x", ("n",), "float64")
    one = mt.max(x) / mt.max(x)
    updates = {a: a + 1, b: b.T + 1, c: c + one, d: mt.cast(a, "int64") + 1}
    return x, [a, b, c, d], updates


def whole(parameters):
    return {float(value) for p in parameters for value in np.ravel(p.data)}


@pytest.mark.usefixtures("quick_switches")
def test_no_update_is_lost_and_every_step_is_seen_whole(backend):
    x, parameters, updates = counters()
    step = mt.compile([x], [p + 0 for p in parameters], updates, backend=backend)
    look = mt.compile([], parameters, backend=backend)
    firsts = [[] for _ in range(8)]

    def work(i):
        for k in range(300):
            seen = step(np.ones(1 + (i * 7 + k) % 13))
            assert len({float(v) for s in seen for v in np.ravel(s)}) == 1
            firsts[i].append(float(seen[0]))
            if k % 10 == 0:
                assert len({float(v) for s in look() for v in np.ravel(s)}) == 1

    in_threads(work)
    assert whole(parameters) == {2400.0}
    assert sorted(v for seen in firsts for v in seen) == [float(i) for i in range(2400)]


@pytest.mark.usefixtures("quick_switches")
def test_threads_with_batches_of_their_own_get_results_of_their_own(backend):
    """The arena is shared, so are the bindings; new sizes come and old ones go all the time."""
    x = mt.placeholder("x", ("n", 4))
    model = mt.nn.MLP(4, [8, 8, 2], seed=0)
    program = mt.compile([x], [model(x), mt.sum(x)], backend=backend)
    rows = [np.random.default_rng(n).standard_normal((1 + n % 100, 4)).astype("f") for n in range(300)]
    wanted = [[r.copy() for r in program(r)] for r in rows]

    def work(i):
        for k in np.random.default_rng(i).permutation(len(rows)):
            for got, want in zip(program(rows[k]), wanted[k]):
                np.testing.assert_array_equal(got, want)

    in_threads(work)


@pytest.mark.usefixtures("quick_switches")
def test_programs_over_the_same_parameters_in_another_order_do_not_deadlock(backend):
    a, b = mt.parameter(0.0, name="a"), mt.parameter(0.0, name="b")
    programs = [
        mt.compile([], [], pairs, backend=backend) for pairs in ([(a, a + 1), (b, b + 1)], [(b, b + 1), (a, a + 1)])
    ]

    def work(i):
        for _ in range(300):
            programs[i % 2]()

    in_threads(work)
    assert (float(a.data), float(b.data)) == (2400, 2400)


@pytest.mark.usefixtures("quick_switches")
def test_values_may_be_set_while_a_program_runs(backend):
    w = mt.parameter(np.zeros(1000), name="w")
    step = mt.compile([], mt.max(w) - mt.min(w), {w: w + 1}, backend=backend)

    def work(i):
        for k in range(200):
            if i:
                assert float(step()) == 0, "a value that was half set"
            else:
                w.data = np.full(1000, k)

    in_threads(work, 4)


# ---- interrupts ----


def run(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), *arguments],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


INTERRUPTS = """
    import os, random, signal, sys, threading, time
    import numpy as np
    import minitorch as mt

    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
    sys.setswitchinterval(1e-5)
    x = mt.placeholder("x", ("n", 3))
    parameters = [mt.parameter(np.zeros((3, 3)), name=f"p{i}") for i in range(20)]
    one = mt.max(mt.square(x) / mt.square(x))
    new = [p + one if i % 3 else p.T + 1 if i % 2 else mt.abs(p + one) for i, p in enumerate(parameters)]
    step = mt.compile([x], mt.sum(mt.tanh(x)), dict(zip(parameters, new)), backend=sys.argv[1])
    armed, done, choose = threading.Event(), threading.Event(), random.Random(0)

    rows = np.ones((1, 3), "f")
    step(rows)  # an interrupt in the midst of an import is Python's own affair
    step.loop(rows, batch_size=1)

    def interrupt():
        while armed.wait() and not done.is_set():
            armed.clear()
            time.sleep(choose.random() * 3e-4)
            os.kill(os.getpid(), signal.SIGINT)

    def values():
        return {float(v) for p in parameters for v in p.data.ravel()}

    threading.Thread(target=interrupt, daemon=True).start()
    for i in range(400):
        rows = np.ones((1 + i % 90, 3), "f")
        try:
            armed.set()
            while True:
                step.loop(rows, batch_size=40) if i % 2 else step(rows)
        except KeyboardInterrupt:
            pass
        assert len(values()) == 1, f"interrupt {i} left {values()}"
    done.set()
    steps = values().pop()
    elsewhere = threading.Thread(target=lambda: step(np.ones((5, 3))), daemon=True)
    elsewhere.start()
    elsewhere.join(30)
    assert not elsewhere.is_alive(), "a lock was left taken"
    assert values() == {steps + 1}
    np.testing.assert_allclose(step(np.ones((5, 3))), 15 * np.tanh(1), rtol=1e-6)
    print(int(steps) - 2)
"""


def test_an_interrupt_leaves_the_parameters_of_a_whole_step(backend):
    assert int(run(INTERRUPTS, backend)) > 0


# ---- forks ----

FORKS = """
    import os, sys, threading, time
    import numpy as np
    import minitorch as mt

    x = mt.placeholder("x", ("n", 30))
    parameters = [mt.parameter(np.zeros(30), name=f"p{i}") for i in range(5)]
    one = mt.max(x @ x.T) / mt.max(x @ x.T)
    step = mt.compile([x], [], {p: p + one for p in parameters}, backend=sys.argv[1])
    rows = np.ones((30, 30), "f")

    def values():
        return {float(v) for p in parameters for v in p.data.ravel()}

    def work():
        while True:
            step(rows)

    for _ in range(int(sys.argv[2])):
        threading.Thread(target=work, daemon=True).start()
    for i in range(20):
        child = os.fork()
        if not child:
            before = values()
            for _ in range(3):
                step(rows)
            after = values()
            os._exit(0 if len(before) == 1 and after == {before.pop() + 3} else 1)
        end = time.time() + 60
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.time() < end:
            time.sleep(0.002)
        if ended == (0, 0):
            os.kill(child, 9)
            sys.exit("a forked child hangs")
        if ended[1]:
            sys.exit(f"a forked child failed: {ended[1]}")
    if not int(sys.argv[2]):
        step(rows)
        assert values() == {1.0}
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("threads", [0, 3])
def test_a_forked_child_works(backend, threads):
    run(FORKS, backend, str(threads))
