"""Adam and AdamW: equal to PyTorch's to 1e-11 in float64, to the formula, and the same after a return."""

import numpy as np
import pytest

import minitorch as mt

BACKENDS = ["interpreter", "numpy", "c"]
OPTIONS = [
    {}, {"lr": 0.05}, {"betas": (0.5, 0.9)}, {"betas": (0.0, 0.99)}, {"betas": (0.9, 0.5)}, {"eps": 1e-3},
    {"weight_decay": 0.0}, {"weight_decay": 0.1, "maximize": True}, {"lr": 0.01, "weight_decay": 0.3, "eps": 0.1},
]  # fmt: skip
KINDS = ["Adam", "AdamW"]
X, Y = np.random.default_rng(0).standard_normal((40, 3)), np.random.default_rng(1).standard_normal((40, 2))


def network(dtype="float64"):
    x, y = mt.placeholder("x", ("batch", 3), dtype), mt.placeholder("y", ("batch", 2), dtype)
    model = mt.nn.MLP(3, [5, 2], seed=0, dtype=dtype)
    return [x, y], model, mt.mse_loss(model(x), y)


def batch(i):
    rows = slice(i % 4 * 10, i % 4 * 10 + 10)
    return X[rows], Y[rows]


def torch_losses(torch, kind, options, model, steps):
    """What the same network loses in PyTorch, and its parameters after that."""
    parameters = [torch.tensor(p.data.astype("float64"), requires_grad=True) for p in model.parameters()]
    optimiser = getattr(torch.optim, kind)(parameters, **options)
    losses = []
    for i in range(steps):
        x, y = map(torch.tensor, batch(i))
        w1, b1, w2, b2 = parameters
        loss = ((torch.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, [p.detach().numpy() for p in parameters]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items()) or "plain")
@pytest.mark.parametrize("kind", KINDS)
def test_fifty_steps_are_those_of_pytorch(kind, options, backend):
    torch = pytest.importorskip("torch")
    inputs, model, loss = network()
    losses, parameters = torch_losses(torch, kind, options, model, 50)
    step = mt.compile(
        inputs, loss, getattr(mt.optim, kind)(model.parameters(), **options).minimize(loss), backend=backend
    )
    np.testing.assert_allclose([step(*batch(i)) for i in range(50)], losses, rtol=1e-11)
    for mine, other in zip(model.parameters(), parameters, strict=True):
        np.testing.assert_allclose(mine.data, other, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_is_float64_to_its_digits_from_the_first_step_on(kind):
    """1 - 0.999^t has half of its digits in float32: the first steps would be off by 2e-5."""
    values = {}
    for dtype in ("float32", "float64"):
        w = mt.parameter([1.0, -2.0, 0.5], dtype=dtype)
        optimiser = getattr(mt.optim, kind)([w], lr=0.25)
        step = mt.compile([], [], optimiser.minimize(mt.sum(w * w * w)))
        values[dtype] = [step() or w.data.copy() for _ in range(3)]
    np.testing.assert_allclose(values["float32"], values["float64"], rtol=1e-6)


def test_steps_are_the_formula():
    w = mt.parameter([1.0, -2.0], dtype="float64")
    step = mt.compile([], [], mt.optim.AdamW([w], lr=0.1, betas=(0.8, 0.9), eps=0.01, weight_decay=0.5).minimize(
        mt.sum(w**2)
    ))  # fmt: skip
    value, mean, square = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for t in range(1, 20):
        step()
        g = 2 * value
        mean, square = 0.8 * mean + 0.2 * g, 0.9 * square + 0.1 * g**2
        value = value - 0.1 * 0.5 * value
        value = value - 0.1 * (mean / (1 - 0.8**t)) / (np.sqrt(square / (1 - 0.9**t)) + 0.01)
        np.testing.assert_allclose(w.data, value, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_learning_rate_moves_and_parameters_keep_their_dtypes(backend):
    a, b = mt.parameter(1.0, dtype="float32"), mt.parameter(1.0, dtype="float64")
    adam = mt.optim.Adam([a, b], lr=0.1)
    step = mt.compile([], [], adam.minimize(a * a + b * b), backend=backend)
    step()
    adam.lr = 0.0
    before = float(b.data)
    step()
    assert float(b.data) == before
    assert (a.dtype, b.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(a.data, b.data, rtol=1e-6)
    np.testing.assert_allclose(b.data, 0.9, rtol=1e-7)


def test_a_state_that_is_saved_is_gone_on_from(tmp_path):
    def made():
        inputs, model, loss = network("float32")
        adam = mt.optim.Adam(model.parameters(), lr=0.05)
        return model, adam, mt.compile(inputs, loss, adam.minimize(loss))

    model, adam, step = made()
    assert len(adam.state()) == 2 * 4 + 1
    for i in range(5):
        step(*batch(i))
    mt.save(tmp_path / "model.safetensors", model)
    mt.save(tmp_path / "adam.safetensors", adam.state())
    ahead = [float(step(*batch(i))) for i in range(5)]
    model, adam, step = made()
    mt.load(tmp_path / "model.safetensors", model)
    adam.load_state(mt.load(tmp_path / "adam.safetensors"))
    assert [float(step(*batch(i))) for i in range(5)] == ahead


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_gone_on_from_with_other_options_as_in_pytorch(kind):
    torch = pytest.importorskip("torch")
    gradients = np.random.default_rng(0).standard_normal((8, 3))
    mine, theirs = mt.parameter([1.0, -2.0, 0.5], dtype="float64"), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    g = mt.placeholder("g", (3,), "float64")
    state = torch_state = None
    for betas, part in (((0.9, 0.999), gradients[:5]), ((0.5, 0.9), gradients[5:])):
        adam = getattr(mt.optim, kind)([mine], lr=0.1, betas=np.array(betas))
        other = getattr(torch.optim, kind)([theirs], lr=0.1, betas=betas)
        if state is not None:
            adam.load_state(state)
            other.load_state_dict({**other.state_dict(), "state": torch_state})
        step = mt.compile([g], [], adam.updates([g * 1.0]))
        for gradient in part:
            step(gradient)
            theirs.grad = torch.tensor(gradient)
            other.step()
        state, torch_state = adam.state(), other.state_dict()["state"]
        np.testing.assert_allclose(mine.data, theirs.numpy(), rtol=1e-12)


def test_a_fit_learns_and_backends_agree():
    losses = []
    for backend in BACKENDS:
        inputs, model, loss = network()
        step = mt.compile(inputs, loss, mt.optim.Adam(model.parameters(), lr=0.02).minimize(loss), backend=backend)
        losses.append(mt.fit(step, X, Y, epochs=40, batch_size=7, seed=0).loss)
    np.testing.assert_allclose(losses[1:], losses[:1] * 2, rtol=1e-9)
    assert losses[0][-1] < 0.8 * losses[0][0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"betas": 0.9}, r"Adam: betas are two numbers .*0.9"), ({"betas": (0.9, 1.0)}, r"Adam: betas .*1.0"),
        ({"betas": (-0.1, 0.9)}, r"Adam: betas .*-0.1"), ({"betas": (0.9, "a")}, r"Adam: betas .*'a'"),
        ({"betas": (0.9, float("nan"))}, r"Adam: betas .*nan"), ({"eps": -1}, r"Adam: eps .*-1"),
        ({"weight_decay": float("inf")}, r"Adam: weight_decay .*inf"), ({"lr": -1}, r"Adam: lr .*-1"),
        ({"maximize": 1}, r"Adam: maximize is True or False, but 1"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(options, words):
    with pytest.raises(ValueError, match=words):
        mt.optim.Adam([mt.parameter(1.0)], **options)


def test_it_tells_its_options():
    model = mt.nn.MLP(2, [3, 1], seed=0)
    assert repr(mt.optim.Adam(model.parameters())) == "Adam(4 parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-08)"
    adam = mt.optim.AdamW(model.parameters()[:1], 0.1, [0.5, 0.75], 1e-4, 0.25, maximize=True)
    options = "betas=(0.5, 0.75), eps=0.0001, weight_decay=0.25, maximize=True"
    assert repr(adam) == f"AdamW(1 parameter, lr=0.1, {options})"
