"""SGD: every option equal to PyTorch's to 1e-12 in float64, a learning rate that moves, and what is refused."""

import copy
import pickle
from itertools import product

import numpy as np
import pytest

import minitorch as mt
from minitorch.errors import GradientError

BACKENDS = ["interpreter", "numpy", "c"]
OPTIONS = [
    {"lr": 0.05, "momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
    for momentum, nesterov, decay in product((0.0, 0.9, 0.5), (False, True), (0.0, 0.01))
    if momentum or not nesterov
]  # fmt: skip
"""The rest of them, and every combination, are in test_training_truth.py."""
X, Y = np.random.default_rng(0).standard_normal((40, 3)), np.random.default_rng(1).standard_normal((40, 2))


def network(dtype="float64"):
    x, y = mt.placeholder("x", ("batch", 3), dtype), mt.placeholder("y", ("batch", 2), dtype)
    model = mt.nn.MLP(3, [5, 2], seed=0, dtype=dtype)
    return [x, y], model, mt.mse_loss(model(x), y)


def torch_twin(torch, model, options):
    """The same network in PyTorch; its weights are transposed."""
    first, second = torch.nn.Linear(3, 5).double(), torch.nn.Linear(5, 2).double()
    with torch.no_grad():
        for layer, mine in zip((first, second), model.layers):
            layer.weight.copy_(torch.tensor(mine.weight.data.T.copy()))
            layer.bias.copy_(torch.tensor(mine.bias.data.copy()))
    twin = torch.nn.Sequential(first, torch.nn.Tanh(), second)
    return twin, torch.optim.SGD(twin.parameters(), **options)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items() if v))
def test_fifty_steps_are_those_of_pytorch(options, backend):
    torch = pytest.importorskip("torch")
    inputs, model, loss = network()
    step = mt.compile(inputs, loss, mt.optim.SGD(model.parameters(), **options).minimize(loss), backend=backend)
    twin, sgd = torch_twin(torch, model, options)
    for i in range(50):
        rows = slice(i % 4 * 10, i % 4 * 10 + 10)
        sgd.zero_grad()
        value = torch.nn.functional.mse_loss(twin(torch.tensor(X[rows])), torch.tensor(Y[rows]))
        value.backward()
        sgd.step()
        np.testing.assert_allclose(step(X[rows], Y[rows]), value.item(), rtol=1e-12)
    for layer, mine in zip((twin[0], twin[2]), model.layers):
        np.testing.assert_allclose(mine.weight.data, layer.weight.detach().numpy().T, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(mine.bias.data, layer.bias.detach().numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items() if v))
def test_steps_are_the_formula(options):
    """v = momentum v + g + decay p; p -= lr v, or lr (g + decay p + momentum v) with Nesterov: on p^2 by hand."""
    p = mt.parameter([1.0, -2.0], name="p", dtype="float64")
    loss = mt.sum(p**2)
    step = mt.compile([], loss, mt.optim.SGD([p], **options).minimize(loss))
    value, velocity = np.array([1.0, -2.0]), np.zeros(2)
    for _ in range(20):
        step()
        gradient = 2 * value + options["weight_decay"] * value
        velocity = options["momentum"] * velocity + gradient
        direction = gradient + options["momentum"] * velocity if options["nesterov"] else velocity
        value = value - options["lr"] * direction
        np.testing.assert_allclose(p.data, value, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_new_learning_rate_takes_effect_without_a_new_compile(backend):
    w = mt.parameter(0.0, dtype="float64")
    sgd = mt.optim.SGD([w], lr=1.0)
    step = mt.compile([], [], sgd.minimize(w * 2), backend=backend)
    for lr in (1.0, 0.5, 0.0, 0.25, 3, np.float32(0.5)):
        before = float(w.data)
        sgd.lr = lr
        step()
        assert float(w.data) == before - 2 * float(lr)
        assert sgd.lr == float(lr)


def test_each_optimiser_has_a_learning_rate_of_its_own():
    w = mt.parameter(0.0)
    slow, fast = mt.optim.SGD([w], lr=0.25), mt.optim.SGD([w], lr=4.0)
    steps = [mt.compile([], [], sgd.minimize(w * 1.0)) for sgd in (slow, fast)]
    steps[0]()
    assert float(w.data) == -0.25
    steps[1]()
    assert float(w.data) == -4.25


def test_parameters_of_several_dtypes_keep_them():
    a, b = mt.parameter(1.0, dtype="float32"), mt.parameter(1.0, dtype="float64")
    sgd = mt.optim.SGD([a, b], lr=0.1, momentum=0.9, weight_decay=0.1)
    step = mt.compile([], [], sgd.minimize(a * a + b * b))
    step()
    assert (a.dtype, b.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(b.data, 1 - 0.1 * 2.1, rtol=1e-14)
    sgd.lr = 0.2
    step()
    np.testing.assert_allclose(a.data, b.data, rtol=1e-6)


def test_updates_take_gradients_that_were_changed():
    w = mt.parameter([3.0, -4.0])
    (gradient,) = mt.grad(mt.sum(w * w), [w])
    sgd = mt.optim.SGD([w], lr=1.0)
    mt.compile([], [], sgd.updates([mt.clip(gradient, -1, 1)]))()
    assert w.data.tolist() == [2, -3]
    with pytest.raises(ValueError, match="1 parameter, but 2 gradients were given"):
        sgd.updates([gradient, gradient])


def test_two_programs_share_the_state_of_one_optimiser():
    w = mt.parameter(0.0, dtype="float64")
    sgd = mt.optim.SGD([w], lr=1.0, momentum=0.5)
    one, other = (mt.compile([], [], sgd.minimize(w * 1.0)) for _ in range(2))
    one()
    other()
    assert float(w.data) == -1 - 1.5


def test_the_state_is_zeros_of_the_shape_of_the_parameters():
    model = mt.nn.MLP(3, [4], seed=0)
    assert mt.optim.SGD(model.parameters(), lr=0.1).state() == {}
    state = mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9).state()
    assert [v.shape for v in state.values()] == [(3, 4), (4,)]
    assert not any(v.data.any() for v in state.values())


def test_update_nodes_are_told_from_gradients():
    _, model, loss = network("float32")
    updates = mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9).minimize(loss)
    assert {value.role for value in updates.values()} == {"update"}
    assert all(target.shape == value.shape and target.dtype == value.dtype for target, value in updates.items())


@pytest.mark.parametrize("lr", [-0.1, float("nan"), float("inf"), "0.1", None, [0.1], 1j])
def test_a_learning_rate_is_a_number_of_zero_or_more(lr):
    w = mt.parameter(1.0)
    with pytest.raises(ValueError, match="SGD: lr"):
        mt.optim.SGD([w], lr=lr)
    sgd = mt.optim.SGD([w], lr=0.5)
    with pytest.raises(ValueError, match="SGD: lr"):
        sgd.lr = lr
    assert sgd.lr == 0.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"momentum": -0.1}, "SGD: momentum .*-0.1"), ({"momentum": float("nan")}, "SGD: momentum .*nan"),
        ({"weight_decay": -1}, "SGD: .*weight_decay .*-1"), ({"nesterov": True}, "SGD: nesterov"),
        ({"momentum": 0.9, "dampening": -0.5}, "SGD: dampening .*-0.5"),
        ({"momentum": 0.9, "dampening": 0.5, "nesterov": True}, "SGD: nesterov .*momentum=0.9 and dampening=0.5"),
        ({"nesterov": True, "dampening": 0.5}, "SGD: nesterov .*momentum=0.0 and dampening=0.5"),
        ({"nesterov": "yes", "momentum": 0.9}, "SGD: nesterov is True or False, but 'yes'"),
        ({"maximize": 1}, "SGD: maximize is True or False, but 1"), ({"momentum": True}, "SGD: momentum .*True"),
        ({"weight_decay": False}, "SGD: weight_decay .*False"), ({"dampening": "0.1"}, "SGD: dampening .*'0.1'"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(options, words):
    with pytest.raises(ValueError, match=words):
        mt.optim.SGD([mt.parameter(1.0)], lr=0.1, **options)


@pytest.mark.parametrize(
    "what", [lambda: mt.variable(1.0), lambda: mt.placeholder("x", ()), lambda: 3, lambda: np.ones(2)]
)
def test_only_parameters_are_optimised(what):
    with pytest.raises(TypeError, match="parameters are expected"):
        mt.optim.SGD([what()], lr=0.1)


def test_a_parameter_that_the_loss_does_not_depend_on():
    a, b = mt.parameter(1.0, name="a"), mt.parameter(1.0, name="unused")
    with pytest.raises(GradientError, match="unused"):
        mt.optim.SGD([a, b], lr=0.1).minimize(a * a)


def test_a_parameter_that_is_named_twice_is_refused_or_updated_once():
    w = mt.parameter(1.0, dtype="float64")
    try:
        sgd = mt.optim.SGD([w, w], lr=0.25)
    except ValueError:
        return
    mt.compile([], [], sgd.minimize(w * 1.0))()
    assert float(w.data) == 0.75


def test_dampening_leaves_the_first_step_alone_in_every_dtype_and_after_a_return():
    a, b = mt.parameter(1.0, dtype="float64"), mt.parameter(1.0)
    sgd = mt.optim.SGD([a, b], lr=1.0, momentum=0.5, dampening=0.75)
    step = mt.compile([], [], sgd.minimize(a + mt.cast(b, "float64")))
    kept = {name: v.data.copy() for name, v in sgd.state().items()}
    assert sorted(kept) == ["share.float32", "share.float64", "velocity.0", "velocity.1"]
    step()
    step()  # v is 1, then 0.5 + 0.25
    assert (float(a.data), float(b.data)) == (-0.75, -0.75)
    for name, v in sgd.state().items():
        v.data = kept[name]
    step()
    assert (float(a.data), float(b.data)) == (-1.75, -1.75)


def stepped(dampening, state=None, steps=3):
    w = mt.parameter([1.0, -2.0], dtype="float64")
    sgd = mt.optim.SGD([w], lr=0.1, momentum=0.9, dampening=dampening)
    if state is not None:
        sgd.load_state(state)
    step = mt.compile([], [], sgd.minimize((w * w).sum()))
    for _ in range(steps):
        step()
    return sgd, w.data.copy()


def torch_stepped(torch, dampening, state=None, steps=3):
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=0.1, momentum=0.9, dampening=dampening)
    if state is not None:
        kept = copy.deepcopy(state["state"])  # PyTorch would go on in the very tensors
        sgd.load_state_dict({"state": kept, "param_groups": sgd.state_dict()["param_groups"]})
    for _ in range(steps):
        sgd.zero_grad()
        (w * w).sum().backward()
        sgd.step()
    return sgd, w.detach().numpy()


@pytest.mark.parametrize("after", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("before", [0.0, 0.3])
def test_a_state_that_is_loaded_is_gone_on_from_as_in_pytorch(before, after):
    """Also one of an SGD without dampening: its running sum says that the first step was taken."""
    torch = pytest.importorskip("torch")
    mine, theirs = stepped(before)[0].state(), torch_stepped(torch, before)[0].state_dict()
    for state in (mine, {name: v.data.copy() for name, v in mine.items()}):
        np.testing.assert_allclose(
            stepped(after, state)[1], torch_stepped(torch, after, theirs)[1], rtol=1e-14, atol=1e-15
        )
    unlike = stepped(after)[1]
    assert not np.allclose(stepped(after, mine)[1], unlike)


def test_a_state_from_before_the_first_step_starts_with_it():
    torch = pytest.importorskip("torch")
    fresh = stepped(0.0, steps=0)[0].state()
    np.testing.assert_allclose(stepped(0.3, fresh)[1], torch_stepped(torch, 0.3)[1], rtol=1e-14)


def test_a_state_that_does_not_fit_changes_nothing():
    sgd, _ = stepped(0.3)
    before = {name: v.data.copy() for name, v in sgd.state().items()}
    good = {"velocity.0": [9.0, 9.0], "share.float64": 1.0}
    for state, words in (
        ([], "load_state: a state is a dict"), ({}, "'velocity.0' is missing"), ({**good, 1: 2}, "1 is unknown"),
        ({**good, "velocity.1": 0.0}, "'velocity.1' is unknown"),
        ({**good, "share.float64": "a"}, "share.float64.*'a'"),
        ({**good, "velocity.0": [1.0]}, r"velocity.0: the shape \(2,\) is expected, but \(1,\)"),
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError), match=words):
            sgd.load_state(state)
        assert all((v.data == before[name]).all() for name, v in sgd.state().items())


def test_options_that_are_off_leave_the_graph_as_it_was():
    inputs, model, loss = network()
    for momentum in (0.0, 0.9):
        texts = set()
        for options in ({}, {"dampening": 0.0, "maximize": False}):
            sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=momentum, **options)
            texts.add(str(mt.compile(inputs, loss, sgd.minimize(loss))).split("  # ")[0])
            assert not any(name.startswith("share") for name in sgd.state())
        assert len(texts) == 1


@pytest.mark.parametrize(
    "how", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))], ids=["deepcopy", "pickle"]
)
def test_a_model_and_its_optimiser_are_copied_together(how):
    inputs, model, loss = network()
    sgd = mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    step = mt.compile(inputs, loss, sgd.minimize(loss))
    step(X, Y)
    twin, other = how((model, sgd))
    assert all(a is b for a, b in zip(other.parameters, twin.parameters(), strict=True))
    x, y = mt.placeholder("x", ("n", 3), "float64"), mt.placeholder("y", ("n", 2), "float64")
    again = mt.mse_loss(twin(x), y)
    other.lr = 0.01
    sgd.lr = 0.01
    for program in (step, mt.compile([x, y], again, other.minimize(again))):
        program(X, Y)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-14)
        assert not np.shares_memory(p.data, q.data)


def test_an_optimiser_tells_its_options():
    model = mt.nn.MLP(2, [3, 1], seed=0)
    assert repr(mt.optim.SGD(model.parameters(), lr=0.1)) == "SGD(4 parameters, lr=0.1)"
    sgd = mt.optim.SGD(model.parameters()[:1], lr=1e-3, momentum=0.9, nesterov=True)
    assert repr(sgd) == "SGD(1 parameter, lr=0.001, momentum=0.9, nesterov=True)"
