"""Training as others do it: the loss curves of scikit-learn's SGD and of PyTorch's, to 1e-12 in float64."""

import warnings
from itertools import product

import numpy as np
import pytest

import minitorch as mt

TIGHT = {"rtol": 1e-12, "atol": 1e-12}
ROWS, BATCH, EPOCHS = 50, 16, 12  # the last batch of an epoch is ragged
BACKENDS = ("interpreter", "numpy", "c")


def data(inputs=4, outputs=2):
    random = np.random.default_rng(0)
    X = random.standard_normal((ROWS, inputs))
    return X, np.tanh(X @ random.standard_normal((inputs, outputs))) + 0.1 * random.standard_normal((ROWS, outputs))


def placeholders():
    return mt.placeholder("x", ("batch", 4), "float64"), mt.placeholder("y", ("batch", 2), "float64")


# ---- scikit-learn ----

DEPTHS = {1: (6,), 2: (6, 5), 3: (6, 5, 4)}
ACTIVATIONS = {"identity": None, "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
WAYS = {  # momentum, whether Nesterov's, alpha
    "plain": (0.0, False, 0.0), "momentum": (0.9, False, 0.0), "nesterov": (0.9, True, 0.0),
    "penalised": (0.9, True, 0.5),
}  # fmt: skip
RATE, OUTPUTS = 0.02, 2


def scikit_network(activation, depth, **options):
    networks = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is not installed")
    return networks.MLPRegressor(
        hidden_layer_sizes=DEPTHS[depth], activation=activation, solver="sgd", batch_size=BATCH, shuffle=False,
        learning_rate="constant", random_state=1, tol=0.0, n_iter_no_change=EPOCHS + 1, **options,
    )  # fmt: skip


def fitted(network, X, Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return network.fit(X, Y)


def scikit_layers(network):
    """Weight and bias of one layer after the other."""
    return [a for pair in zip(network.coefs_, network.intercepts_, strict=True) for a in pair]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_curves_are_those_of_scikit_learn(activation, depth, way, backend):
    (X, Y), (momentum, nesterov, alpha) = data(), WAYS[way]
    still = scikit_network(activation, depth, learning_rate_init=1e-300, max_iter=1, momentum=0.0)
    start = scikit_layers(fitted(still, X, Y))  # where the seed starts from: a step of 1e-300 leads nowhere
    network = scikit_network(
        activation, depth, learning_rate_init=RATE, max_iter=EPOCHS, momentum=momentum, nesterovs_momentum=nesterov,
        alpha=alpha,
    )  # fmt: skip
    fitted(network, X, Y)

    x, y = placeholders()
    model = mt.nn.MLP(4, [*DEPTHS[depth], OUTPUTS], activation=ACTIVATIONS[activation], dtype="float64")
    for parameter, value in zip(model.parameters(), start, strict=True):
        parameter.data = value
    # scikit-learn reports half of the mean over rows and outputs, and descends half of the mean over rows
    squares = sum(mt.square(layer.weight).sum() for layer in model.layers)
    penalty = alpha / 2 * squares / mt.ones_like(x[:, 0]).sum() if alpha else 0.0
    half = mt.mse_loss(model(x), y) / 2
    sgd = mt.optim.SGD(model.parameters(), lr=RATE, momentum=momentum, nesterov=nesterov)
    step = mt.compile([x, y], half + penalty, sgd.minimize(half * OUTPUTS + penalty), backend=backend)
    history = mt.fit(step, X, Y, epochs=EPOCHS, batch_size=BATCH, shuffle=False)

    np.testing.assert_allclose(history.loss, network.loss_curve_, **TIGHT)
    for parameter, value in zip(model.parameters(), scikit_layers(network), strict=True):
        np.testing.assert_allclose(parameter.data, value, **TIGHT)
    assert history.loss[-1] < history.loss[0]


# ---- PyTorch ----

OPTIONS = [
    {"lr": 0.05, "momentum": momentum, "dampening": dampening, "weight_decay": decay, "maximize": maximize,
     "nesterov": nesterov}
    for momentum, dampening, decay, maximize, nesterov in product(
        (0.0, 0.9, 0.5), (0.0, 0.3, 1.0), (0.0, 0.05), (False, True), (False, True)
    )
    if not nesterov or (momentum and not dampening)
]  # fmt: skip
"""Every combination of options that PyTorch takes; foreach, fused, capturable and differentiable change no value."""


def shown(options):
    return "-".join(f"{name}={value}" for name, value in options.items() if value) or "nothing"


def torch_model(torch, model):
    """The same layers with the same weights."""
    layers = []
    for layer in model.layers:
        linear = torch.nn.Linear(*layer.weight.shape, dtype=torch.float64)
        linear.weight.data = torch.from_numpy(layer.weight.data.T.copy())
        linear.bias.data = torch.from_numpy(layer.bias.data.copy())
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def torch_curve(torch, network, X, Y, options, rates, sign=1):
    """The loss of every batch, whose sign may be turned; `rates` are learning rates epoch by epoch."""
    sgd, losses = torch.optim.SGD(network.parameters(), **options), []
    X, Y = torch.from_numpy(X), torch.from_numpy(Y)
    for rate in rates:
        for group in sgd.param_groups:
            group["lr"] = rate
        for start in range(0, ROWS, BATCH):
            sgd.zero_grad()
            loss = torch.nn.functional.mse_loss(network(X[start : start + BATCH]), Y[start : start + BATCH])
            (sign * loss).backward()
            sgd.step()
            losses.append(loss.item())
    return np.array(losses)


def our_curve(X, Y, options, rates, backend, sign=1):
    """The same by us, and the trained model."""
    x, y = placeholders()
    model = mt.nn.MLP(4, [6, 5, 2], seed=0, dtype="float64")
    sgd = mt.optim.SGD(model.parameters(), **options)
    loss = mt.mse_loss(model(x), y)
    step = mt.compile([x, y], loss, sgd.minimize(sign * loss), backend=backend)
    losses = []
    for rate in rates:
        sgd.lr = rate
        losses += mt.fit(step, X, Y, epochs=1, batch_size=BATCH, shuffle=False).batch_loss
    return np.array(losses), model


def fresh(torch):
    return torch_model(torch, mt.nn.MLP(4, [6, 5, 2], seed=0, dtype="float64"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("decay", [1.0, 0.7], ids=["constant", "changing"])
@pytest.mark.parametrize("options", OPTIONS, ids=shown)
def test_loss_curves_are_those_of_pytorch(options, decay, backend):
    """Who climbs climbs the loss with its sign turned, which has a top: what happens without one is tested below."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    (X, Y), sign = data(), -1 if options["maximize"] else 1
    rates = [options["lr"] * decay**epoch for epoch in range(EPOCHS)]
    network = fresh(torch)
    want = torch_curve(torch, network, X, Y, options, rates, sign)
    got, model = our_curve(X, Y, options, rates, backend, sign)
    np.testing.assert_allclose(got, want, **TIGHT)
    for layer, linear in zip(model.layers, network[::2], strict=True):
        np.testing.assert_allclose(layer.weight.data, linear.weight.detach().numpy().T, **TIGHT)
        np.testing.assert_allclose(layer.bias.data, linear.bias.detach().numpy(), **TIGHT)
    first, last = want[: len(want) // EPOCHS].mean(), want[-len(want) // EPOCHS :].mean()
    assert last < first


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_climb_without_a_top(momentum, backend):
    """Slow, it is PyTorch's to 1e-12. Fast, it runs away, and rounding with it: PyTorch from a start that is one unit
    in the last place off is as far from PyTorch as we are."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    (X, Y), options = data(), {"maximize": True, "momentum": momentum}
    slow = [1e-3] * EPOCHS
    want = torch_curve(torch, fresh(torch), X, Y, {"lr": 1e-3, **options}, slow)
    np.testing.assert_allclose(our_curve(X, Y, {"lr": 1e-3, **options}, slow, backend)[0], want, **TIGHT)
    assert want[-1] > want[0]

    fast, near = [0.05] * EPOCHS, fresh(torch)
    for p in near.parameters():
        p.data.mul_(1 + np.finfo(np.float64).eps)
    want = torch_curve(torch, fresh(torch), X, Y, {"lr": 0.05, **options}, fast)
    off = np.abs(torch_curve(torch, near, X, Y, {"lr": 0.05, **options}, fast) / want - 1)
    ours = np.abs(our_curve(X, Y, {"lr": 0.05, **options}, fast, backend)[0] / want - 1)
    assert want[-1] > 1e9 * want[0]
    assert (ours <= 10 * np.maximum.accumulate(off) + 1e-14).all()
