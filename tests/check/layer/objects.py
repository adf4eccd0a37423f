"""Layers and networks as people write them, all of them right; each in a style of its own.

STYLES has, by name: a function that makes (object, inputs, options); the names of the gradients that are checked; and a
part of the line that says where they were found.
"""

from typing import Any, NamedTuple

import numpy as np

from check.corpus.common import softmax

STYLES: dict[str, Any] = {}


class Style(NamedTuple):
    make: Any
    names: tuple[str, ...]
    told: str


def style(*names, told):
    def add(make):
        STYLES[make.__name__.strip("_").replace("_", " ")] = Style(make, names, told)
        return make

    return add


def draws(seed=1):
    return np.random.default_rng(seed)


def normal(*shape, seed=1):
    return draws(seed).normal(size=shape)


X, Y = normal(5, 4, seed=2), np.array([0, 2, 1, 1, 0])
T = np.eye(3)[Y]


class Dense:
    """W and b, dW and db beside them; the gradient of the input is returned."""

    def __init__(self, rows=4, columns=3, seed=1):
        self.W, self.b = normal(rows, columns, seed=seed), normal(columns, seed=seed + 1)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Sigmoid:
    def __init__(self):
        self.out = None

    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out


class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


class SoftmaxWithLoss:
    """The upstream gradient of a loss is 1, and its backward pass ignores it."""

    def __init__(self):
        self.loss = self.y = self.t = None

    def forward(self, x, t):
        self.t, self.y = t, softmax(x)
        self.loss = -np.log((self.y * t).sum(axis=1)).mean()
        return self.loss

    def backward(self, dout=1):
        return (self.y - self.t) / len(self.t)


class Listed:
    def __init__(self, W, b):
        self.params, self.grads, self.x = [W, b], [np.zeros_like(W), np.zeros_like(b)], None

    def forward(self, x):
        W, b = self.params
        self.x = x
        return x @ W + b

    def backward(self, dout):
        W, _ = self.params
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ W.T


class Silent:
    def __init__(self, n_inputs, n_neurons):
        self.weights, self.biases = normal(n_inputs, n_neurons), np.zeros((1, n_neurons))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights.T)


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
