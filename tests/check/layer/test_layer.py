"""check_layer: an object's parameters and gradients are found, judged, and the object is left as it was."""

import contextlib
import functools
import io
import re
import threading
from collections import deque

import numpy as np
import pytest

import softgrad as sg
from check.layer import losses, networks, ways_to_write, where_gradients_are  # noqa: F401 (they fill STYLES)
from check.layer.objects import STYLES, Dense, Sigmoid, SoftmaxWithLoss, T, X, normal

FACTOR = 1.01


def kept(value, seen=None):
    """The state of an object in plain data: identities, types, and every bit of its arrays."""
    seen = {} if seen is None else seen
    if id(value) in seen:
        return "seen", seen[id(value)]
    seen[id(value)] = len(seen)
    if isinstance(value, np.ndarray):
        return id(value), str(value.dtype), value.shape, value.strides, value.tobytes()
    if isinstance(value, dict):
        return id(value), [(key, kept(one, seen)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return id(value), [kept(one, seen) for one in value]
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    if hasattr(value, "__dict__") or slots:
        held = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
        return id(value), [(key, kept(one, seen)) for key, one in held.items()]
    return repr(value)


@pytest.mark.parametrize("name", STYLES)
def test_a_right_layer_is_right_and_left_as_it_was(name):
    make, names, told = STYLES[name]
    layer, inputs, options = make()
    held = [layer, *inputs]
    before = kept(held)
    report = sg.check_layer(layer, *inputs, **options)
    assert kept(held) == before
    assert report.ok is True, report.text()
    assert set(report.checked) == set(names)
    assert told in report.facts[0]
    again = sg.check_layer(layer, *inputs, **options)
    assert again.to_dict() == report.to_dict()
    assert kept(held) == before


def slipped(layer, monkeypatch):
    """The same layer, whose backward pass takes the upstream gradient for a larger one."""
    first = layer[0] if isinstance(layer, list) else layer
    name = next(n for n in ("backward", "backward_propagation", "gradient", "backprop", "loss") if hasattr(first, n))
    right = getattr(type(first), name)

    at = 2 if right.__code__.co_argcount == 4 else 0

    @functools.wraps(right)
    def backward(self, *arguments):
        return right(self, *(FACTOR * one if i == at else one for i, one in enumerate(arguments)))

    monkeypatch.setattr(type(first), name, backward)


OTHERS = ("loss", "number", "lists whose", "returned alone")  # they take no upstream gradient
UPSTREAM = [name for name in STYLES if not any(word in name for word in OTHERS) or "names with the loss" in name]


FEW = [
    pytest.param(name, marks=[pytest.mark.thorough] if i % 4 else [], id=name) for i, name in enumerate(UPSTREAM)
]  # a slip is explained, which takes a second


@pytest.mark.parametrize("name", FEW)
def test_a_slip_is_caught(name, monkeypatch):
    make, names, _ = STYLES[name]
    layer, inputs, options = make()
    slipped(layer, monkeypatch)
    report = sg.check_layer(layer, *inputs, **options)
    assert report.ok is False
    assert report.where.name in names


LOSSES = {  # a slip in what a loss's backward pass returns
    "a loss whose upstream gradient is 1": ("backward", lambda value: FACTOR * value),
    "a loss whose backward takes nothing": ("backward", lambda value: FACTOR * value),
    "a network whose loss returns the gradients": (
        "loss",
        lambda value: (value[0], {k: FACTOR * v for k, v in value[1].items()}),
    ),
    "a network of lists whose gradients are returned": (
        "backprop",
        lambda value: (value[0], [FACTOR * v for v in value[1]]),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_slip_in_what_is_returned_is_caught(name, monkeypatch):
    method, slip = LOSSES[name]
    layer, inputs, options = STYLES[name].make()
    right = getattr(type(layer), method)

    @functools.wraps(right)
    def wrong(self, *arguments):
        return slip(right(self, *arguments))

    monkeypatch.setattr(type(layer), method, wrong)
    assert sg.check_layer(layer, *inputs, **options).ok is False


def test_a_slip_beside_a_loss_is_caught_and_named():
    class Slips(losses.Classifier):
        def backward(self, X, y):
            super().backward(X, y)
            self.dW1 = self.dW1 * len(X)

    report = sg.check_layer(Slips(), X, T)
    assert report.ok is False
    assert report.where.name == "W1"
    assert "the loss is compute_loss(y, output)" in report.facts
    assert report.mistakes


def test_a_mistake_is_named_in_a_layer():
    class Wrong(Dense):
        def backward(self, dout):
            dx = super().backward(dout)
            self.db = dout.mean(axis=0)
            return dx

    report = sg.check_layer(Wrong(), X)
    assert report.function == "check_layer"
    assert report.mistake.name == "bias-averaged"
    assert report.where.name == "b"
    with pytest.raises(AssertionError, match="The gradient of the bias is averaged"):
        sg.testing.assert_layer(Wrong(), X)


def test_a_gradient_that_is_left_out_is_told():
    class Forgets(Dense):
        def backward(self, dout):
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    report = sg.check_layer(Forgets(), X)
    assert report.ok is True
    assert list(report.checked) == ["x", "W"]
    told = (
        "no gradient of b was found, so that it is not checked; if there is one, say where, as in gradients={'b': 'db'}"
    )
    assert told in report.facts


ODD = {  # attributes that an object may have besides; they change nothing
    "a lock": threading.Lock(),
    "a file": io.StringIO(),
    "an array of objects": np.array([None, 1], dtype=object),
    "an array of records": np.zeros(3, dtype=[("a", float)]),
    "a masked array": np.ma.array([1.0, 2.0], mask=[0, 1]),
    "complex numbers": np.ones(3) * 1j,
    "not a number": np.full(3, np.nan),
    "a long list": list(range(5000)),
    "a deque": deque([np.ones(2)], maxlen=2),
    "a function": np.sin,
    "a generator": (i for i in range(3)),
    "numbers that forward does not use": np.ones((4, 3)),
    "the text of a name": "dW",
}


@pytest.mark.parametrize("kind", ODD)
def test_other_attributes_change_nothing(kind):
    layer = Dense()
    layer.other = ODD[kind]
    report = sg.check_layer(layer, X)
    assert report.ok is True
    assert list(report.checked) == ["x", "W", "b"]
    assert len(report.facts) == 1


class Square(Dense):
    """Its gradients have the shape of its input, and are returned in one order or another."""

    def __init__(self, order, count=2):
        super().__init__(4, 4)
        self.order, self.V = order, normal(4, 4, seed=9)

    def forward(self, x):
        self.x = x
        return x @ self.W @ self.V

    def backward(self, dout):
        gradients = {
            "x": dout @ (self.W @ self.V).T,
            "W": self.x.T @ dout @ self.V.T,
            "V": (self.x @ self.W).T @ dout,
        }
        return tuple(gradients[name] for name in self.order)


@pytest.mark.parametrize("order", ["xWV", "WVx", "VxW", "VWx", "xV", "xW", "WV", "Wx", "V"])
def test_gradients_of_one_shape_are_told_apart_by_differences(order):
    report = sg.check_layer(Square(order), X[:4])
    assert report.ok is True, report.text()
    assert set(report.checked) == set(order)


class MakesNames(Dense):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_: None


class RaisesInProperty(Dense):
    @property
    def dV(self):
        raise RuntimeError


class CopiesW(Dense):
    def forward(self, x):
        self.W = self.W.copy()
        return super().forward(x)


class Integers(Dense):
    def __init__(self):
        super().__init__()
        self.W = np.arange(12).reshape(4, 3)


class OneVector(Dense):
    def __init__(self):
        self.theta = normal(15)

    def forward(self, x):
        self.W, self.b = self.theta[:12].reshape(4, 3), self.theta[12:]
        return super().forward(x)

    def backward(self, dout):
        dx = super().backward(dout)
        self.dtheta = np.concatenate([self.dW.ravel(), self.db])
        return dx


@pytest.mark.parametrize("make", [MakesNames, RaisesInProperty, CopiesW, Integers, OneVector])
def test_odd_objects_are_read(make):
    report = sg.check_layer(make(), X)
    assert report.ok is True, report.text()
    assert set(report.checked) == {"x", "W", "b"}


def test_inputs_are_drawn_beside_parameters():
    asked = []

    def inputs(rng):
        asked.append(1)
        return rng.normal(size=(int(rng.integers(2, 6)), 4))

    assert sg.check_layer(Dense(), X, inputs=inputs).ok is True
    assert asked


def test_an_object_is_left_as_it_was_after_an_exception_too():
    class Fails(Dense):
        calls = 0

        def forward(self, x):
            type(self).calls += 1
            if self.calls > 9:
                raise KeyboardInterrupt
            return super().forward(x)

    layer = Fails()
    before = kept(layer)
    with contextlib.suppress(KeyboardInterrupt):
        sg.check_layer(layer, X)
    assert kept(layer) == before


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


class Raises(Dense):
    def backward(self, dout):
        raise KeyError("W3")


MESSAGES = {  # what is wrong: (the call, its error, its message)
    "a class": (lambda: sg.check_layer(Dense, X), sg.CheckError, "layer is the class Dense, wanted an object"),
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
        'backward(dout, y) takes y, which forward does not; name the method that returns the loss, as in ',
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
