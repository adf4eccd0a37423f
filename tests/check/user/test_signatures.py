"""Backward passes that take other arguments than vjp(*inputs, output, grad_output)."""

import inspect
import re

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.user.signatures import way_to_wrap

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2))


def relu(x):
    return np.maximum(0, x)


def relu_backward(dA, Z):
    return dA * (Z > 0)


def tanh_backward(dA, A):
    return dA * (1 - A**2)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dout, out):
    return out * (dout - (out * dout).sum(axis=1, keepdims=True))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def sigmoid_derivative(a):
    return a * (1 - a)


def matmul_backward(dout, w, x):
    return dout @ w.T, x.T @ dout


def with_a_default(dout, x, slope=0.0):
    return dout * np.where(x > 0, 1, slope)


def scaled(x, alpha=1.0):
    return alpha * np.sin(x)


def scaled_backward(dA, Z, alpha=1.0):
    return alpha * dA * np.cos(Z)


def unscaled_backward(dA, x, alpha=1.0):
    return dA * np.cos(x)


TAKEN = {  # what its arguments are: (forward, backward, inputs, the fact)
    "upstream, input": (relu, lambda dout, x: dout * (x > 0), (X,), "vjp is taken as vjp(grad_output, x)"),
    "by trying, input": (relu, relu_backward, (X,), "vjp is taken as relu_backward(grad_output, x)"),
    "by trying, at a kink": (relu, relu_backward, (np.array([[0.0, 1.0], [-2.0, 0.0]]),), "(grad_output, x)"),
    "by trying, integers": (relu, relu_backward, (np.array([[0, 1], [-2, 0]]),), "(grad_output, x)"),
    "output": (softmax, softmax_backward, (X,), "vjp is taken as softmax_backward(grad_output, output)"),
    "by trying, the output": (
        lambda z: np.tanh(z), tanh_backward, (X,), "vjp is taken as tanh_backward(grad_output, output)"
    ),
    "another order": (lambda x, w: x @ w, matmul_backward, (X, W), "taken as matmul_backward(grad_output, w, x)"),
    "upstream alone": (lambda z: 3 * z, lambda dout: 3 * dout, (X,), "vjp is taken as vjp(grad_output)"),
    "a default": (relu, with_a_default, (X,), "vjp is taken as with_a_default(grad_output, x)"),
    "by trying, a default that is given": (scaled, scaled_backward, (X, 0.5), "(grad_output, x, alpha)"),
    "a derivative": (sigmoid, sigmoid_prime, (X,), "vjp is taken as grad_output * sigmoid_prime(z)"),
    "a derivative of the output": (
        sigmoid, sigmoid_derivative, (X,), "vjp is taken as grad_output * sigmoid_derivative(output)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN)
def test_is_called_as_it_is_meant(case):
    forward, backward, inputs, fact = TAKEN[case]
    report = sg.check_vjp(forward, backward, *inputs)
    assert report.ok is True, report
    assert fact in report.facts[0]


@pytest.mark.parametrize("case", [case for case in TAKEN if "by trying" not in case and "of the output" not in case])
def test_a_planted_slip_is_found(case):
    """Where the names say what the arguments are."""
    forward, backward, inputs, _ = TAKEN[case]

    def slipped(*arguments):
        value = backward(*arguments)
        return tuple(-one for one in value) if isinstance(value, tuple) else -value

    slipped.__signature__ = inspect.signature(backward)
    slipped.__name__ = backward.__name__
    assert sg.check_vjp(forward, slipped, *inputs, max_calls=150).ok is False


ASKED = {  # where nothing fits: (forward, backward, inputs, the lambda to write)
    "wrong": (relu, lambda dA, Z: -dA * (Z > 0), "lambda x, out, dout: vjp(dout, x)"),
    "of a name": (relu, tanh_backward, "lambda x, out, dout: tanh_backward(dout, x)"),
    "a derivative of no such name": (relu, lambda z: z > 0, "lambda x, out, dout: dout * vjp(x)"),
}


@pytest.mark.parametrize("case", ASKED)
def test_otherwise_the_lambda_to_write_is_told(case):
    forward, backward, said = ASKED[case]
    with pytest.raises(sg.CheckError, match=re.escape(f"wrap it, as in {said}")):
        sg.check_vjp(forward, backward, X)


WAYS = {  # (backward, the names of the inputs, whether it is a vjp, the lambda)
    "a derivative": (sigmoid_prime, ["z"], True, "lambda z, out, dout: dout * sigmoid_prime(z)"),
    "taken names": (softmax_backward, ["x", "out"], True, "lambda x, out, out_, dout: softmax_backward(dout, out)"),
    "no names": (relu_backward, ["input 0"], True, "lambda x0, out, dout: relu_backward(dout, x0)"),
    "too many arguments": (lambda a, b, c, d: a, ["x"], True, ""),
    "a gradient": (sigmoid_prime, ["z", "y"], False, "lambda z, y: sigmoid_prime(z)"),
    "a gradient of other names": (sigmoid_prime, ["x", "y"], False, "lambda x, y: sigmoid_prime(x)"),
    "no signature": (dict, ["x"], True, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", WAYS)
def test_the_lambda(case):
    backward, names, takes_upstream, said = WAYS[case]
    assert way_to_wrap("vjp", backward, names, takes_upstream=takes_upstream) == said


def test_a_default_in_the_place_of_the_upstream_gradient():
    """vjp(x, output, grad_output) can be called so too, where it is meant so."""

    def backward(x, y, g=0.0):
        return g * (x > 0)

    report = sg.check_vjp(relu, backward, X)
    assert report.ok is True
    assert not report.facts


def of_more_arguments(dout, *more):
    return dout


def of_none(dout, out=None, g=None):
    return dout if g is None else g * X


@pytest.mark.parametrize("backward", [of_more_arguments, of_none])
def test_what_takes_three_arguments_is_called_so(backward):
    """By its names it might be backward(grad_output), and is wrong so too."""
    report = sg.check_vjp(relu, backward, X, max_calls=150)
    assert report.ok is False
    assert not any("taken as" in fact for fact in report.facts)


def test_a_slope_is_no_upstream_gradient():
    report = sg.check_vjp(relu, lambda dout, x, slope=0.5: dout * np.where(x > 0, 1, slope), X, max_calls=150)
    assert report.ok is False
    assert report.facts[0] == "vjp is taken as vjp(grad_output, x)"


def penalised(w, x, reg=0.0):
    return (x @ w).sum() + reg * (w**2).sum()


class Net:
    def __init__(self):
        self.W = W.copy()

    def loss(self, x, reg=0.0, scale=0.0):
        value = (x @ self.W).sum() + reg * (self.W**2).sum()
        return value, {"W": np.tile(x.sum(axis=0)[:, None], 2) + reg * self.W}


def test_what_is_hidden_by_a_default_is_told():
    fact = "reg is 0 by default: terms with this factor were not checked; give it as a further input"

    def grad(w, x, reg=0.0):
        return np.tile(x.sum(axis=0)[:, None], 2) + reg * w

    report = sg.check_grad(penalised, grad, W, X)
    assert report.ok is True
    assert fact in report.facts
    report = sg.check_grad(penalised, grad, W, X, 0.1)
    assert report.ok is False
    assert fact not in report.facts
    assert any("reg and scale are 0 by default" in one for one in sg.check_layer(Net(), X).facts)
    assert sg.check_layer(Net(), X, 0.1).ok is False


def test_a_missing_factor_that_is_1_by_default():
    report = sg.check_vjp(scaled, unscaled_backward, X)
    assert report.ok is True
    fact = "alpha is 1 by default: a missing factor would not be noticed; give it as a further input"
    assert fact in report.facts
    assert sg.check_vjp(scaled, unscaled_backward, X, 0.5).ok is False
