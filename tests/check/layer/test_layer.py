"""check_layer: an object's parameters and gradients are found, judged, and the object is left as it was."""

import contextlib
import functools
import io
import threading
from collections import deque

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import softmax
from check.layer import losses, networks, ways_to_write, where_gradients_are  # noqa: F401 (they fill STYLES)
from check.layer.objects import STYLES, Dense, Square, T, X, normal
from sampled import every

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


@pytest.mark.parametrize("name", every(2, STYLES))
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
    name = next(n for n in ("backward", "backward_propagation", "backward_pass") if hasattr(first, n))
    right = getattr(type(first), name)

    at = 2 if right.__code__.co_argcount == 4 else 0

    @functools.wraps(right)
    def backward(self, *arguments):
        return right(self, *(FACTOR * one if i == at else one for i, one in enumerate(arguments)))

    monkeypatch.setattr(type(first), name, backward)


OTHERS = ("loss", "number", "lists whose", "returned alone")  # they take no upstream gradient
UPSTREAM = [name for name in STYLES if not any(word in name for word in OTHERS) or "names with the loss" in name]


@pytest.mark.parametrize("name", every(4, UPSTREAM))
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


class OfYAndT:
    """The loss takes the output as y, which is a name of targets elsewhere."""

    def __init__(self):
        self.W = normal(4, 3)

    def forward(self, x):
        self.y = softmax(x @ self.W)
        return self.y

    def loss(self, y, t):
        return -np.sum(t * np.log(y)) / len(t)

    def backward(self, x, t):
        self.dW = x.T @ (self.y - t) / len(x)


def test_beside_t_y_is_the_output():
    report = sg.check_layer(OfYAndT(), X, T)
    assert report.ok is True, report.text()
    assert "the loss is loss(output, t)" in report.facts
