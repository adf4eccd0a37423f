"""Everything about a network except its gradient: dtypes, names, copies, predictions, error messages."""

import numpy as np
import pytest

import judge
from cases import LOSSES
from nn.networks import HIDDEN, D, K, N, batch, make
from softgrad import DtypeError, LabelError, OptionError, ShapeError, nn
from tolerance import assert_within

every_network = pytest.mark.parametrize("hidden", HIDDEN)


def test_parameters_are_named_by_layer():
    shapes = {name: value.shape for name, value in make("all four", units=4).parameters.items()}
    assert shapes == {
        "layers.0.weight": (D, 4),
        "layers.0.bias": (4,),
        "layers.2.weight": (4, 4),
        "layers.2.bias": (4,),
        "layers.4.weight": (4, 4),
        "layers.4.bias": (4,),
        "layers.6.weight": (4, 4),
        "layers.6.bias": (4,),
        "layers.8.weight": (4, K),
        "layers.8.bias": (K,),
    }


def test_changing_a_parameter_in_place_changes_the_network():
    network, (x, _) = make("tanh"), batch()
    before = network.logits(x)
    network.parameters["layers.2.bias"] += 1
    assert_within(4, network.logits(x), before + 1, abs(before) + 1)


def test_dtype_is_float32_by_default():
    network = nn.Network([nn.Dense(K)]).initialize(D)
    assert network.dtype == network.parameters["layers.0.weight"].dtype == np.float32


@every_network
@pytest.mark.parametrize("target", ["class indices", "probabilities"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_result_has_the_dtype_of_the_network(hidden, target, dtype):
    network, (x, t) = make(hidden, dtype=dtype), batch(target)  # the inputs are float64 in both cases
    loss, grads = network.loss_with_grads(x, t)
    arrays = [loss, network.loss(x, t), network.logits(x), network.predict_proba(x)]
    arrays += [*grads.values(), *network.parameters.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
    assert network.dtype == dtype


@every_network
def test_gradients_have_the_shapes_of_their_parameters(hidden):
    network, (x, t) = make(hidden), batch()
    grads = network.loss_with_grads(x, t).grads
    assert {n: g.shape for n, g in grads.items()} == {n: p.shape for n, p in network.parameters.items()}


@every_network
def test_predictions_are_the_softmax_of_the_logits(hidden):
    network, (x, _) = make(hidden), batch()
    logits, probs, classes = network.logits(x), network.predict_proba(x), network.predict(x)
    assert_within(4, probs, judge.softmax(logits))
    assert (classes == probs.argmax(axis=1)).all()
    assert logits.shape == probs.shape == (N, K)


@every_network
@pytest.mark.parametrize("target", ["class indices", "probabilities"])
def test_arguments_and_parameters_are_not_changed(hidden, target):
    network, (x, t) = make(hidden), batch(target)
    x.setflags(write=False)
    t.setflags(write=False)
    before = {name: value.copy() for name, value in network.parameters.items()}
    network.loss_with_grads(x, t)
    network.predict_proba(x)
    for name, value in network.parameters.items():
        np.testing.assert_array_equal(value, before[name])


def test_astype_is_an_independent_copy():
    network, (x, t) = make("all four", dtype=np.float32), batch()
    copy = network.astype(np.float64)
    assert {value.dtype for value in copy.parameters.values()} == {copy.dtype} == {np.dtype(np.float64)}
    loss = network.loss(x, t)
    for value in copy.parameters.values():
        value += 1
    assert network.loss(x, t) == loss
    assert network.dtype == np.float32


def test_the_same_seed_gives_the_same_parameters():
    first, same, other = (nn.Network([nn.Dense(K)]).initialize(D, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.parameters["layers.0.weight"], same.parameters["layers.0.weight"])
    assert (first.parameters["layers.0.weight"] != other.parameters["layers.0.weight"]).any()


def test_lists_and_integers_are_accepted():
    network, (_, t) = make("relu"), batch()
    x = np.arange(N * D).reshape(N, D)
    assert network.loss(x.tolist(), t.tolist()) == network.loss(x.astype(float), t)


@pytest.mark.parametrize("loss", LOSSES)
def test_large_inputs_give_finite_results(loss):
    network, (x, t) = make("all four", loss=loss, dtype=np.float32), batch()
    value, grads = network.loss_with_grads(1e4 * x, t)
    assert np.isfinite(value)
    assert all(np.isfinite(grad).all() for grad in grads.values())


def test_repr_shows_layers_loss_and_dtype():
    network = nn.Network([nn.Dense(8), nn.ReLU(), nn.Dense(3)], loss="squared_error")
    assert repr(network) == "Network([Dense(8), ReLU(), Dense(3)], loss='squared_error', dtype=float32)"


x, t = batch()
INVALID_CALLS = {  # name: (call, error, message)
    "no layers": (lambda: nn.Network([]), OptionError, "Network: layers is empty, wanted at least one layer"),
    "a layer alone": (lambda: nn.Network(nn.Dense(3)), OptionError, "layers is a Dense, wanted a list of layers"),
    "a class": (lambda: nn.Network([nn.ReLU]), OptionError, r"layers\[0\] is the class ReLU, wanted a layer, ReLU\("),
    "no layer": (
        lambda: nn.Network([nn.Dense(1), "relu"]),
        OptionError,
        r"layers\[1\] is 'relu', wanted a layer, such",
    ),
    "unknown loss": (
        lambda: nn.Network([nn.Dense(1)], loss="mse"),
        OptionError,
        "loss is 'mse', wanted one of",
    ),
    "unsupported dtype": (
        lambda: nn.Network([nn.Dense(1)], dtype="f2"),
        OptionError,
        "dtype is float16, wanted float32 or",
    ),
    "astype to integers": (lambda: make("relu").astype(int), OptionError, "dtype is int64, wanted float32 or float64"),
    "no features": (lambda: nn.Network([nn.Dense(1)]).initialize(0), OptionError, "in_features is 0, wanted at least"),
    "not initialized": (lambda: nn.Network([nn.Dense(K)]).logits(x), OptionError, r"call initialize\(in_features\)"),
    "too few columns": (lambda: make("relu").logits(x[:, :2]), ShapeError, r"x.shape is \(7, 2\), wanted \(N, 5\)"),
    "one-dimensional x": (lambda: make("relu").logits(x[0]), ShapeError, r"x.shape is \(5,\), wanted \(N, 5\)"),
    "strings": (lambda: make("relu").logits(x.astype(str)), DtypeError, "x.dtype is <U32, wanted floating numbers"),
    "target too short": (lambda: make("relu").loss(x, t[:3]), ShapeError, r"target.shape is \(3,\)"),
    "target too wide": (lambda: make("relu").loss(x, np.ones((N, 4))), ShapeError, r"target.shape is \(7, 4\)"),
    "unknown class": (lambda: make("relu").loss(x, t + K), LabelError, r"target\[0\] is \d, but logits have 3 classes"),
}


@pytest.mark.parametrize("case", INVALID_CALLS)
def test_an_invalid_call_raises(case):
    call, error, message = INVALID_CALLS[case]
    with pytest.raises(error, match=message):
        call()
