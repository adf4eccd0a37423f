"""Layers whose backward pass is called in one way or another, and whose attributes are of one kind or another."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from check.corpus.common import softmax
from check.layer.objects import Dense, X, normal, style


@style("x", told="what backward returns is read as the gradient of x")
def backward_takes_the_input_and_the_output():
    class Softmax:
        def forward(self, x):
            return softmax(x)

        def backward(self, x, out, dout):
            return out * (dout - (out * dout).sum(axis=-1, keepdims=True))

    return Softmax(), (X,), {}


@style("x", "weights", "bias", told="the change of weights, divided by the learning rate, as that of weights")
def backward_takes_a_learning_rate_and_changes_the_parameters():
    class Layer:
        def __init__(self):
            self.weights, self.bias = normal(4, 3), normal(1, 3)

        def forward_propagation(self, x):
            self.input = x
            return np.dot(x, self.weights) + self.bias

        def backward_propagation(self, output_error, learning_rate):
            input_error = np.dot(output_error, self.weights.T)
            self.weights -= learning_rate * np.dot(self.input.T, output_error)
            self.bias = self.bias - learning_rate * output_error.sum(axis=0, keepdims=True)
            return input_error

    return Layer(), (X,), {}


@style("x", "W", told="the change of W, divided by the learning rate, as that of W")
def the_learning_rate_is_an_attribute():
    class Layer:
        def __init__(self):
            self.W, self.lr = normal(4, 3), 0.01

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, delta):
            dx = delta @ self.W.T
            self.W -= self.lr * self.x.T @ delta
            return dx

    return Layer(), (X,), {}


@style("x", "W", told="dW is read as the gradient of W")
def slots():
    class Layer:
        __slots__ = ("W", "_x", "dW")

        def __init__(self):
            self.W = normal(4, 3)

        def __call__(self, x):
            self._x = x
            return np.tanh(x @ self.W)

        def backward(self, g):
            dz = g * (1 - np.tanh(self._x @ self.W) ** 2)
            self.dW = self._x.T @ dz
            return dz @ self.W.T

    return Layer(), (X,), {}


@style("x", "weight", "bias", told="weight_grad is read as the gradient of weight, bias_grad as that of bias")
def a_dataclass():
    @dataclass
    class Linear:
        weight: Any
        bias: Any
        weight_grad: Any = None
        bias_grad: Any = None
        cache: dict = field(default_factory=dict)

        def forward(self, x):
            self.cache["x"] = x
            return x @ self.weight.T + self.bias

        def backward(self, grad_output):
            self.weight_grad, self.bias_grad = grad_output.T @ self.cache["x"], grad_output.sum(axis=0)
            return grad_output @ self.weight

    return Linear(normal(3, 4), normal(3)), (X,), {}


@style("x", "W", told="_dW is read as the gradient of W")
def properties():
    class Layer:
        def __init__(self):
            self._W, self._dW = normal(4, 3), None

        @property
        def W(self):
            return self._W

        @property
        def dW(self):
            return self._dW

        def forward(self, x):
            self._x = x
            return x @ self.W

        def backward(self, g):
            self._dW = self._x.T @ g
            return g @ self.W.T

    return Layer(), (X,), {}


@style("x", "W", told="__dW is read as the gradient of W")
def names_with_two_underscores():
    class Layer:
        def __init__(self):
            self.__W = normal(4, 3)

        def forward(self, x):
            self.__x = x
            return x @ self.__W

        def backward(self, g):
            self.__dW = self.__x.T @ g
            return g @ self.__W.T

    return Layer(), (X,), {}


@style("x", "W", "b", told="weird as that of W, grad['second'] as that of b")
def places_that_the_user_names():
    class Layer(Dense):
        def backward(self, dout):
            self.weird = self.x.T @ dout
            self.grad = {"second": dout.sum(axis=0)}
            return dout @ self.W.T

    return Layer(), (X,), {"gradients": {"W": "weird", "b": "grad['second']"}}


@style("x", "W", told="returned[1] is read as the gradient of x, returned[0] as that of W")
def positions_that_the_user_names():
    """A square matrix: the two gradients have one shape."""

    class Layer(Dense):
        def __init__(self):
            super().__init__(4, 4)

        def forward(self, x):
            return super().forward(x) - self.b

        def backward(self, dout):
            return self.x.T @ dout, dout @ self.W.T

    return Layer(), (X[:4],), {"gradients": {"x": 1, "W": 0, "b": None}}


@style("x", "W", "b", told="dW is read as the gradient of W, db as that of b")
def weights_made_at_the_first_call():
    class Layer:
        def __init__(self):
            self.W = self.b = None

        def forward(self, x):
            if self.W is None:
                self.W, self.b = np.random.randn(x.shape[1], 3), np.zeros(3)  # noqa: NPY002
            self.x = x
            return x @ self.W + self.b

        def backward(self, g):
            self.dW, self.db = self.x.T @ g, g.sum(axis=0)
            return g @ self.W.T

    return Layer(), (X,), {}


@style("x", "W", told="dW is read as the gradient of W")
def weights_of_the_class():
    class Layer:
        W = normal(4, 3)

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, g):
            self.dW = self.x.T @ g
            return g @ self.W.T

    return Layer(), (X,), {}


@style("x", "h", "c", "W", "b", told="dW is read as the gradient of W, db as that of b, returned[0] as that of x")
def three_inputs():
    class Cell:
        def __init__(self):
            self.W, self.b = 0.5 * normal(5, 8), normal(8)

        def forward(self, x, h, c):
            self.z, self.c0 = np.hstack([x, h]), c
            a = self.z @ self.W + self.b
            self.i, self.f, self.o = (1 / (1 + np.exp(-a[:, n : n + 2])) for n in (0, 2, 4))
            self.g = np.tanh(a[:, 6:])
            self.c1 = self.f * c + self.i * self.g
            return self.o * np.tanh(self.c1)

        def backward(self, dh):
            t = np.tanh(self.c1)
            dc = dh * self.o * (1 - t**2)
            gates = zip((dc * self.g, dc * self.c0, dh * t), (self.i, self.f, self.o), strict=True)
            da = np.hstack([*(d * gate * (1 - gate) for d, gate in gates), dc * self.i * (1 - self.g**2)])
            self.dW, self.db = self.z.T @ da, da.sum(axis=0)
            dz = da @ self.W.T
            return dz[:, :3], dz[:, 3:], dc * self.f

    return Cell(), (normal(4, 3), normal(4, 2), normal(4, 2, seed=2)), {}


@style("x", "W", told="the change of W, divided by the learning rate, as that of W")
def an_optimizer_in_the_layer():
    class Descent:
        def __init__(self):
            self.learning_rate = 0.05

        def update(self, w, grad):
            return w - self.learning_rate * grad

    class Layer:
        def __init__(self):
            self.W, self.optimizer = normal(4, 3), Descent()

        def forward_pass(self, x, training=True):
            self.layer_input = x
            return x @ self.W

        def backward_pass(self, accum_grad):
            W = self.W
            self.W = self.optimizer.update(self.W, self.layer_input.T @ accum_grad)
            return accum_grad @ W.T

    return Layer(), (X,), {}


@style("x", "parts.a.p.w", "parts.b.p.w", told="parts['a'].g['w'] is read as the gradient of parts.a.p.w")
def dicts_of_the_same_keys():
    class Part:
        def __init__(self, *shape):
            self.p, self.g = {"w": normal(*shape)}, {}

        def f(self, x):
            self.x = x
            return x @ self.p["w"]

        def b(self, g):
            self.g["w"] = self.x.T @ g
            return g @ self.p["w"].T

    class Network:
        def __init__(self):
            self.parts = {"a": Part(4, 5), "b": Part(5, 2)}

        def forward(self, x):
            return self.parts["b"].f(self.parts["a"].f(x))

        def backward(self, g):
            return self.parts["a"].b(self.parts["b"].b(g))

    return Network(), (X,), {}
