"""The output and the derivatives of each layer agree with those of the judge, computed in long double."""

import numpy as np
import pytest

import judge
from judge import network as judge_network
from softgrad import OptionError, nn
from tolerance import assert_within, errors_in_ulps

LAYERS = {"Dense": lambda: nn.Dense(4), "ReLU": nn.ReLU, "Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "Softmax": nn.Softmax}

CASES = {  # name: (rows, columns, spread of x)
    "one entry": (1, 1, 1.0),
    "one row": (1, 6, 1.0),
    "one column": (6, 1, 1.0),
    "batch": (7, 5, 1.0),
    "nearly saturated": (7, 5, 5.0),  # sigmoid, tanh and softmax have small derivatives here
}

every_layer = pytest.mark.parametrize("name", LAYERS)
every_case = pytest.mark.parametrize("case", CASES)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def example(name, case, dtype):
    """A layer with parameters, x, and dL/dy. Both arrays are read-only, since a layer never changes its arguments."""
    rows, columns, spread = CASES[case]
    rng = np.random.default_rng(0)
    layer = LAYERS[name]()
    layer.initialize(columns, rng)
    layer.parameters = {key: (value + 0.1).astype(dtype) for key, value in layer.parameters.items()}
    x = rng.normal(0, spread, (rows, columns)).astype(dtype)
    grad_output = rng.normal(0, 1, (rows, layer.out_features(columns))).astype(dtype)
    x.setflags(write=False)
    grad_output.setflags(write=False)
    return layer, x, grad_output


SIZES = {  # the sum of the absolute values of the terms in each input_grad, which bounds its rounding error
    "Dense": lambda layer, y, g: np.abs(g) @ np.abs(layer.parameters["weight"]).T,
    "ReLU": lambda layer, y, g: np.abs(g),
    "Sigmoid": lambda layer, y, g: np.abs(g) * y * (1 + y),
    "Tanh": lambda layer, y, g: np.abs(g) * (1 + y * y),
    "Softmax": lambda layer, y, g: y * (np.abs(g) + (np.abs(g) * y).sum(axis=1, keepdims=True)),
}


def agrees(got, wanted, size, dtype):
    """Whether the error of every entry is at most 8 ulp of its size.

    The judge's differences are accurate to an ulp of float64 of the largest size; four of these are added to each size.
    """
    eps = np.finfo(np.float64).eps / np.finfo(dtype).eps
    return got.dtype == dtype and bool((errors_in_ulps(got, wanted, size + 4 * eps * size.max()) <= 8).all())


def judged_input_grad(layer, x, grad_output):
    x = judge.wide(x)
    jacobian = judge_network.derivative(lambda: judge_network.forward(layer, layer.parameters, x), x)
    return np.tensordot(judge.wide(grad_output), jacobian, axes=2)


@every_layer
@every_case
@every_dtype
def test_output_agrees_with_the_judge(name, case, dtype):
    layer, x, _ = example(name, case, dtype)
    wanted = judge_network.forward(layer, layer.parameters, judge.wide(x))
    size = np.abs(x) @ np.abs(layer.parameters["weight"]) + 1 if name == "Dense" else np.abs(wanted)
    assert agrees(layer.forward(x), wanted, size, dtype)


@every_layer
@every_case
@every_dtype
def test_input_grad_agrees_with_the_judge(name, case, dtype):
    layer, x, g = example(name, case, dtype)
    y = layer.forward(x)
    got, wanted, size = layer.input_grad(x, y, g), judged_input_grad(layer, x, g), SIZES[name](layer, y, g)
    assert agrees(got, wanted, size, dtype)
    if np.abs(wanted).max() > 1e-9:  # the softmax of a single class is constant, so its gradient is 0
        for slip in (np.zeros_like(got), -got, 2 * got, got[:, ::-1] if got.shape[1] > 1 else -got):
            assert not agrees(slip, wanted, size, dtype)


@every_case
@every_dtype
def test_parameter_grads_agree_with_the_judge(case, dtype):
    layer, x, g = example("Dense", case, dtype)
    parameters = {key: judge.wide(value) for key, value in layer.parameters.items()}
    got = layer.parameter_grads(x, g)
    for key, size in (("weight", np.abs(x).T @ np.abs(g)), ("bias", np.abs(g).sum(axis=0))):
        jacobian = judge_network.derivative(
            lambda: judge_network.forward(layer, parameters, judge.wide(x)), parameters[key]
        )
        wanted = np.tensordot(judge.wide(g), jacobian, axes=2)
        assert agrees(got[key], wanted, size, dtype), key
        assert not agrees(np.zeros_like(got[key]), wanted, size, dtype), key


@pytest.mark.parametrize("name", ["ReLU", "Sigmoid", "Tanh", "Softmax"])
def test_activations_have_no_parameters(name):
    layer, x, g = example(name, "batch", np.float64)
    assert layer.parameters == layer.parameter_shapes(5) == layer.parameter_grads(x, g) == layer.config() == {}


LARGE_INPUTS = {  # name: (layer, its output for the row -1e4, 0, 1e4)
    "relu": (nn.ReLU, [0, 0, 1e4]),
    "sigmoid": (nn.Sigmoid, [0, 0.5, 1]),
    "tanh": (nn.Tanh, [-1, 0, 1]),
    "softmax": (nn.Softmax, [0, 0, 1]),
}


@pytest.mark.parametrize("case", LARGE_INPUTS)
@every_dtype
def test_large_inputs_do_not_overflow(case, dtype):  # pytest turns NumPy's warning of an overflow into an error
    kind, wanted = LARGE_INPUTS[case]
    layer, x = kind(), np.array([[-1e4, 0, 1e4]], dtype)
    y = layer.forward(x)
    grad = layer.input_grad(x, y, np.ones_like(x))
    assert y.tolist() == [wanted]
    assert y.dtype == grad.dtype == dtype
    assert np.isfinite(grad).all()


def test_relu_has_derivative_0_at_0():
    x = np.array([[-1.0, 0.0, 1.0]])
    layer = nn.ReLU()
    assert layer.input_grad(x, layer.forward(x), np.ones_like(x)).tolist() == [[0, 0, 1]]


def test_softmax_input_grad_uses_the_whole_jacobian():
    """An upstream gradient at one output alone gives a gradient at every input."""
    layer, x = nn.Softmax(), np.array([[0.0, np.log(2), np.log(5)]])  # p = 1/8, 2/8, 5/8
    grad = layer.input_grad(x, layer.forward(x), np.array([[1.0, 0.0, 0.0]]))
    assert_within(4, grad, [[7 / 64, -2 / 64, -5 / 64]])


def test_initial_weights_are_uniform_within_the_glorot_limit_and_biases_are_0():
    layer = nn.Dense(200)
    layer.initialize(100, np.random.default_rng(0))
    weight, bias = layer.parameters["weight"], layer.parameters["bias"]
    limit = np.sqrt(6 / 300)
    assert weight.shape == (100, 200)
    assert 0.99 * limit < weight.max() <= limit
    assert -limit <= weight.min() < -0.99 * limit
    assert abs(weight.var() / (2 / 300) - 1) < 0.02
    assert bias.tolist() == [0] * 200


@pytest.mark.parametrize("units", [0, -1])
def test_dense_with_less_than_one_unit_raises(units):
    with pytest.raises(OptionError, match=f"Dense: units is {units}, wanted at least 1"):
        nn.Dense(units)
