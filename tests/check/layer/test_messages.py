"""What check_layer says where an object cannot be checked, or where it cannot be told what is meant."""

import re

import numpy as np
import pytest

import softgrad as sg
from check.layer.objects import Dense, Sigmoid, SoftmaxWithLoss, Square, T, X, normal


class Slipped(Square):
    def backward(self, dout):
        return super().backward(1.5 * dout)


class Momentum(Dense):
    def backward(self, dout, learning_rate):
        dx = dout @ self.W.T
        self.W *= 1 - 0.1 * learning_rate  # weight decay
        self.W -= learning_rate * self.x.T @ dout
        return dx


class Adam(Dense):
    def loss(self, output, y):
        return ((output - y) ** 2).mean()

    def backward(self, x, y, output, lr):
        grad = 2 * x.T @ (output - y) / y.size
        self.W -= lr * grad / (np.abs(grad) + 1e-8)


class TwoGradients(Dense):
    def backward(self, dout):
        dx = super().backward(dout)
        self.W_grad = self.dW / len(dout)
        return dx


class TakesTarget(Dense):
    def backward(self, dout, y):
        return dout


class TakesMore(Dense):
    def backward(self, dout, zzz):
        return dout


class ReturnsNothing(Dense):
    def forward(self, x):
        self.kept = x


class Losses(SoftmaxWithLoss):
    def forward(self, x, t):
        super().forward(x, t)
        return -np.log((self.y * t).sum(axis=1))

    def backward(self):
        return super().backward()


class Lost:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, g):
        self.inner = g * (1 - np.tanh(self.x) ** 2)


class TwoOutputs(Dense):
    def forward(self, x):
        return super().forward(x), x

    def backward(self, dout):
        return super().backward(dout)


class Raises(Dense):
    def backward(self, dout):
        raise KeyError("W3")


MESSAGES = {  # what is wrong: (the call, its error, its message)
    "a class": (lambda: sg.check_layer(Dense, X), sg.CheckError, "layer is the class Dense, wanted an object"),
    "a module of torch": (
        lambda: sg.check_layer(type("Linear", (), {"__module__": "torch.nn"})(), X),
        sg.CheckError,
        "layer is a Linear of torch, which takes tensors",
    ),
    "no methods": (
        lambda: sg.check_layer(object(), X),
        sg.CheckError,
        "an object of type object has no forward and backward; it has no methods; name two of them",
    ),
    "no such method": (
        lambda: sg.check_layer(Dense(), X, forward="predict"),
        sg.CheckError,
        "an object of type Dense has no method predict; it has backward, forward",
    ),
    "two places": (
        lambda: sg.check_layer(TwoGradients(), X),
        sg.CheckError,
        "both dW and W_grad may be the gradient of W; say which, as in gradients={'W': 'dW'}",
    ),
    "gradients of one shape, all wrong": (
        lambda: sg.check_layer(Slipped("Wx"), X[:4]),
        sg.CheckError,
        "backward returned arrays of shapes (4, 4), (4, 4), and it cannot be told whose gradients they are; say it, "
        "as in gradients={'x': 0} for the first",
    ),
    "a step that is no gradient": (
        lambda: sg.check_layer(Momentum(), X),
        sg.CheckError,
        "backward changes W, and not by a learning rate times a gradient; keep the gradient as an attribute",
    ),
    "a step of another optimizer": (
        lambda: sg.check_layer(Adam(), X, normal(5, 3)),
        sg.CheckError,
        "backward changes W, and not by a learning rate times a gradient; keep the gradient as an attribute",
    ),
    "a target in backward": (
        lambda: sg.check_layer(TakesTarget(), X),
        sg.CheckError,
        "backward(dout, y) takes y, which forward does not; give it after the inputs of forward, and as the option",
    ),
    "an unknown argument": (
        lambda: sg.check_layer(TakesMore(), X),
        sg.CheckError,
        "backward(dout, zzz) takes zzz, which is not known; wrap the layer in a class with backward(grad_output)",
    ),
    "no output": (
        lambda: sg.check_layer(ReturnsNothing(), X),
        sg.CheckError,
        "forward returned None, wanted an array; is there a return?",
    ),
    "two outputs and one upstream gradient": (
        lambda: sg.check_layer(TwoOutputs(), X),
        sg.CheckError,
        "returned a tuple, wanted an array; for several outputs, backward takes a gradient for each, such as (dh, dc)",
    ),
    "several losses": (
        lambda: sg.check_layer(Losses(), normal(5, 3), T),
        sg.CheckError,
        "forward returned an array of shape (5,), and backward takes no upstream gradient; name the method "
        "that returns the loss",
    ),
    "no gradient": (
        lambda: sg.check_layer(Lost(), X),
        sg.CheckError,
        "backward returned None, and no gradient was found in the object, where it writes inner; say which it is, "
        "as in gradients={'x': 'inner'}",
    ),
    "no loss": (
        lambda: sg.check_layer(Dense(), X, T),
        sg.CheckError,
        "forward takes 1 and 2 inputs were given; name the method that returns the loss, as in loss=\"compute_loss\"",
    ),
    "a loss that does not exist": (
        lambda: sg.check_layer(Dense(), X, T, loss="mse"),
        sg.CheckError,
        "the object has no method mse; name the method that returns the loss",
    ),
    "a loss that is a number": (
        lambda: sg.check_layer(Dense(), X, T, loss=3),
        sg.OptionError,
        "loss is 3 of type int, wanted a function or the name of a method",
    ),
    "a loss where backward takes the upstream gradient": (
        lambda: sg.check_layer(Dense(), X, normal(5, 3), loss=lambda out, t: ((out - t) ** 2).sum()),
        sg.CheckError,
        "backward takes the gradient of the output, and so needs no loss; give the inputs of forward alone",
    ),
    "an exception": (lambda: sg.check_layer(Raises(), X), sg.CheckError, "check_layer: backward raised KeyError: 'W3'"),
    "gradients of an unknown parameter": (
        lambda: sg.check_layer(Dense(), X, gradients={"V": "dV"}),
        sg.OptionError,
        "gradients has 'V', wanted an input or a parameter: W, b, x",
    ),
    "gradients at no place": (
        lambda: sg.check_layer(Dense(), X, gradients={"W": "dV"}),
        sg.OptionError,
        "gradients['W'] is 'dV', wanted what backward writes (dW, db), the position in what it returns, or None",
    ),
    "gradients as a list": (
        lambda: sg.check_layer(Dense(), X, gradients=["dW"]),
        sg.OptionError,
        "gradients is ['dW'], wanted a dict, such as {\"W\": \"dW\"}",
    ),
    "a function as a method": (
        lambda: sg.check_layer(Dense(), X, forward=np.sin),
        sg.OptionError,
        "forward is <ufunc 'sin'> of type ufunc, wanted the name of a method",
    ),
    "a layer of a list without methods": (
        lambda: sg.check_layer([Sigmoid(), 3], X),
        sg.CheckError,
        "an object of type int has no forward and backward",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MESSAGES)
def test_what_is_wrong_is_told(case):
    call, error, message = MESSAGES[case]
    with pytest.raises(error, match=re.escape(message)) as raised:
        call()
    assert str(raised.value).startswith("check_layer: ")
