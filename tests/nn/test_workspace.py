"""The pass that training runs agrees with that of the network, whose gradients the other files judge."""

import tracemalloc

import numpy as np
import pytest

from cases import LOSSES
from nn.networks import HIDDEN, D, K, batch, make
from softgrad import ShapeError, _kernels, nn
from softgrad.check import compare_gradients
from softgrad.nn.workspace import Workspace
from tolerance import assert_within

every_network = pytest.mark.parametrize("hidden", HIDDEN)
every_loss = pytest.mark.parametrize("loss", LOSSES)
every_target = pytest.mark.parametrize("target", ["class indices", "probabilities"])
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


class ScaledDense(nn.Dense):
    """A subclass with a forward pass of its own: y = 2 x W + b."""

    def forward(self, x):
        return 2 * x @ self.parameters["weight"] + self.parameters["bias"]

    def input_grad(self, x, y, grad_output):
        return 2 * super().input_grad(x, y, grad_output)

    def parameter_grads(self, x, grad_output):
        return super().parameter_grads(2 * x, grad_output) | {"bias": grad_output.sum(axis=0)}


OTHERS = {  # name: the layers before the last one
    "dropout after relu": lambda: [nn.Dense(D), nn.ReLU(), nn.Dropout(0.5)],
    "dropout of the input": lambda: [nn.Dropout(0.3), nn.Dense(D), nn.Tanh()],
    "dropout between dense and relu": lambda: [nn.Dense(D), nn.Dropout(0.5), nn.ReLU()],
    "two dropouts": lambda: [nn.Dense(D), nn.ReLU(), nn.Dropout(0.5), nn.Dense(D), nn.Sigmoid(), nn.Dropout(0.2)],
    "activation first": lambda: [nn.ReLU(), nn.Dense(D), nn.Tanh()],
    "two activations": lambda: [nn.Dense(D), nn.Tanh(), nn.ReLU()],
    "subclass": lambda: [ScaledDense(D), nn.ReLU(), ScaledDense(D), nn.Tanh()],
}


def other(name, dtype=np.float64, **options):
    return nn.Network([*OTHERS[name](), nn.Dense(K)], dtype=dtype, **options).initialize(D, seed=0)


def passes(network, x, target, sample_weight=None, seed=None):
    """The loss and the gradients by name, of the network and of a workspace."""
    wanted = network.loss_with_grads(x, target, sample_weight=sample_weight, rng=generator(seed))
    workspace = Workspace(network)
    loss = workspace.loss_with_grads(x, target, sample_weight, generator(seed))
    return wanted, (loss, workspace.grad_of)


def generator(seed):
    return None if seed is None else np.random.default_rng(seed)


def assert_agree(wanted, got):
    """Within some ulp of the largest entry: the activations differ by rounding."""
    assert_within(16, wanted.loss.dtype.type(got[0]), wanted.loss)
    assert got[1].keys() == wanted.grads.keys()
    for name, grad in wanted.grads.items():
        assert np.abs(grad).max() > 1e-6
        assert got[1][name].dtype == grad.dtype
        assert_within(64, got[1][name], grad, np.full_like(grad, np.abs(grad).max()))


@every_network
@every_loss
@every_target
@every_dtype
def test_agrees_with_the_network(hidden, loss, target, dtype):
    wanted, got = passes(make(hidden, loss=loss, dtype=dtype), *batch(target, dtype))
    assert_agree(wanted, got)


@pytest.mark.parametrize("hidden", ["none", "relu", "relu twice", "softmax"])
@every_dtype
def test_equals_the_network_bit_for_bit_without_sigmoid_and_tanh(hidden, dtype):
    wanted, got = passes(make(hidden, dtype=dtype), *batch(dtype=dtype))
    assert got[0] == wanted.loss
    for name, grad in wanted.grads.items():
        assert got[1][name].tobytes() == grad.tobytes()


@pytest.mark.parametrize("name", OTHERS)
@every_dtype
def test_other_layers_agree_with_the_network(name, dtype):
    wanted, got = passes(other(name, dtype), *batch(dtype=dtype), seed=3)
    assert_agree(wanted, got)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("weighted", [False, True])
def test_passes_the_gradient_check(name, weighted):
    """With dropout the same masks are drawn for every call."""
    network, (x, t) = other(name), batch()
    s = np.arange(1.0, 8.0) if weighted else None
    for parameter in network.parameters.values():
        parameter += 0.1
    workspace = Workspace(network)
    workspace.loss_with_grads(x, t, s, generator(3))
    grads = {key: value.copy() for key, value in workspace.grad_of.items()}
    worst = compare_gradients(
        lambda: workspace.loss_with_grads(x, t, s, generator(3)), network.parameters, grads, limit=1e-6
    )
    assert worst.error < 1e-6, worst


def test_a_method_of_one_layer_object_is_used(monkeypatch):
    network, (x, t) = make("relu"), batch()
    monkeypatch.setattr(network.layers[1], "input_grad", lambda x, y, g: 3 * g)
    wanted, got = passes(network, x, t)
    assert_agree(wanted, got)


def test_a_replaced_method_of_a_class_is_used(monkeypatch):
    network, (x, t) = make("relu"), batch()
    right = nn.ReLU.input_grad
    monkeypatch.setattr(nn.ReLU, "input_grad", lambda self, x, y, g: 3 * right(self, x, y, g))
    wanted, got = passes(network, x, t)
    assert_agree(wanted, got)
    monkeypatch.undo()
    with pytest.raises(AssertionError):
        assert_agree(network.loss_with_grads(x, t), got)


def test_an_input_grad_of_another_shape_is_refused(monkeypatch):
    network, (x, t) = make("relu twice"), batch()
    monkeypatch.setattr(network.layers[3], "input_grad", lambda x, y, g: g[:2])
    with pytest.raises(ShapeError, match=r"train: input_grad of ReLU\(\) has shape \(2, 5\), wanted \(7, 5\)"):
        Workspace(network).loss_with_grads(x, t, None, None)


SLIPS = {  # name: what the kernel of the backward pass does wrong to (y, g, bias_grad)
    "no mask": lambda y, g, b: b.__setitem__(..., g.sum(axis=0)),
    "bias averaged": lambda y, g, b: (g.__imul__(y > 0), b.__setitem__(..., g.mean(axis=0))),
    "bias of the first row": lambda y, g, b: (g.__imul__(y > 0), b.__setitem__(..., g[0])),
    "mask of negative ones": lambda y, g, b: (g.__imul__(y <= 0), b.__setitem__(..., g.sum(axis=0))),
    "nothing": lambda y, g, b: None,
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_slip_is_caught(slip, monkeypatch):
    right = _kernels.activation_and_bias_grad
    monkeypatch.setattr(
        _kernels,
        "activation_and_bias_grad",
        lambda y, g, b, activation: SLIPS[slip](y, g, b) if activation == 1 else right(y, g, b, activation),
    )
    wanted, got = passes(make("relu"), *batch())
    with pytest.raises(AssertionError):
        assert_agree(wanted, got)


def test_batches_of_different_sizes_share_the_arrays():
    network, (x, t) = make("relu twice"), batch()
    workspace = Workspace(network)
    for rows in (3, 7, 2, 7, 1):
        wanted = network.loss_with_grads(x[:rows], t[:rows])
        assert workspace.loss_with_grads(x[:rows], t[:rows], None, None) == wanted.loss
        for name, grad in wanted.grads.items():
            np.testing.assert_array_equal(workspace.grad_of[name], grad)


def test_parameters_become_views_of_two_arrays():
    network, (x, _) = make("relu"), batch()
    before, logits = {name: value.copy() for name, value in network.parameters.items()}, network.logits(x)
    workspace = Workspace(network)
    assert {name: array.size for name, array in workspace.parameters.items()} == {"weight": 40, "bias": 8}
    for name, value in network.parameters.items():
        np.testing.assert_array_equal(value, before[name])
    assert network.logits(x).tobytes() == logits.tobytes()
    workspace.parameters["bias"] += 1
    assert (network.parameters["layers.0.bias"] == before["layers.0.bias"] + 1).all()


def test_a_bias_of_one_number_is_repeated_as_numpy_does():
    network, (x, t) = make("relu"), batch()
    network.layers[0].parameters["bias"] = np.array([0.25])
    network.layers[0].parameter_grads = lambda x, g: {"weight": x.T @ g, "bias": g.sum(keepdims=True)[0]}
    assert_agree(*passes(network, x, t))


def test_parameters_that_the_network_got_since_are_taken_over():
    network, (x, t) = make("relu"), batch()
    trainer = nn.Trainer(network, x, t, optimizer=nn.SGD(0.1), shuffle=False)
    trainer.run_epoch()
    other = make("relu")
    for layer, its in zip(network.layers, other.layers, strict=True):
        layer.parameters = its.parameters
    with_sgd = nn.Trainer(make("relu"), x, t, optimizer=nn.SGD(0.1), shuffle=False)
    with_sgd.optimizer.restore(trainer.optimizer.state())
    trainer.run_epoch()
    with_sgd.run_epoch()
    for name, value in with_sgd.network.parameters.items():
        np.testing.assert_array_equal(network.parameters[name], value)


def test_an_epoch_allocates_less_than_the_activations_of_one_batch():
    rng = np.random.default_rng(0)
    x, t = rng.random((1000, 64), np.float32), rng.integers(0, K, 1000)
    layers = [nn.Dense(256), nn.ReLU(), nn.Dropout(0.5), nn.Dense(128), nn.Tanh(), nn.Dense(K)]
    trainer = nn.Trainer(nn.Network(layers).initialize(64, seed=0), x, t, batch_size=200, epochs=3, seed=0)
    trainer.run_epoch()
    tracemalloc.start()
    try:
        trainer.run_epoch()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    rows, one_activation = 200 * (64 * 4 + 8) + 1000 * 8, 200 * 128 * 4  # the buffers of the rows and the order
    assert peak < rows + one_activation


@every_dtype
def test_the_kernels_of_activations_pass_on_what_is_not_finite(dtype):
    z = np.array([[np.nan, -np.inf, np.inf, -1e4, 1e4, 0]], dtype)
    wanted = {0: z, 1: [[np.nan, 0, np.inf, 0, 1e4, 0]], 2: [[np.nan, 0, 1, 0, 1, 0.5]], 3: [[np.nan, -1, 1, -1, 1, 0]]}
    for activation, values in wanted.items():
        y = z.copy()
        _kernels.add_bias_and_activate(y, np.zeros(6, dtype), activation)
        np.testing.assert_array_equal(y, values)


@every_dtype
@pytest.mark.parametrize(("activation", "function"), [(2, lambda z: 1 / (1 + np.exp(-z))), (3, np.tanh)])
def test_the_kernels_of_activations_are_within_4_ulp(activation, function, dtype):
    z = np.concatenate([np.linspace(-30, 30, 4001), np.geomspace(1e-30, 1, 500)]).astype(dtype)[None]
    y = z.copy()
    _kernels.add_bias_and_activate(y, np.zeros(z.size, dtype), activation)
    assert_within(4, y, function(z.astype(np.longdouble)))
