"""Layers and networks as people write them, all of them right; each in a style of its own.

STYLES has, by name: a function that makes (object, inputs, options); the names of the gradients that are checked; and a
part of the line that says where they were found.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
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


@style("x", "W", "b", told="dW is read as the gradient of W, db as that of b, what backward returns as that of x")
def beside_the_parameters():
    return Dense(), (X,), {}


@style("x", "W", "b", told="dW is read as the gradient of W, db as that of b")
def used_before():
    """It holds the input and the gradients of another batch."""
    layer = Dense()
    layer.backward(layer.forward(X[:3] + 1))
    return layer, (X,), {}


@style("x", "W", "b", told="dW is read as the gradient of W, db as that of b")
def dict_of_parameters():
    class Layer:
        def __init__(self):
            self.params = {"W": normal(4, 3), "b": normal(3)}

        def forward(self, x):
            self.x = x
            return x @ self.params["W"] + self.params["b"]

        def backward(self, dout):
            self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
            return dout @ self.params["W"].T

    return Layer(), (X,), {}


@style("inputs", "w", "b", told="grads['w'] is read as the gradient of w")
def dicts_of_parameters_and_gradients():
    class Layer:
        def __init__(self):
            self.params, self.grads = {"w": normal(4, 3), "b": normal(3)}, {}

        def forward(self, inputs):
            self.inputs = inputs
            return inputs @ self.params["w"] + self.params["b"]

        def backward(self, grad):
            self.grads["b"] = np.sum(grad, axis=0)
            self.grads["w"] = self.inputs.T @ grad
            return grad @ self.params["w"].T

    return Layer(), (X,), {}


@style("x", "W1", told="grads['dW1'] is read as the gradient of W1")
def a_dict_of_gradients_called_dW():
    class Layer:
        def __init__(self):
            self.parameters, self.grads = {"W1": normal(4, 3)}, {}

        def forward(self, x):
            self.x = x
            return np.tanh(x @ self.parameters["W1"])

        def backward(self, dA):
            dZ = dA * (1 - np.tanh(self.x @ self.parameters["W1"]) ** 2)
            self.grads["dZ1"], self.grads["dW1"] = dZ, self.x.T @ dZ
            return dZ @ self.parameters["W1"].T

    return Layer(), (X,), {}


@style(
    "x", "params[0]", "params[1]", told="grads[0] is read as the gradient of params[0], grads[1] as that of params[1]"
)
def lists_of_parameters_and_gradients():
    return Listed(normal(4, 3), normal(3)), (X,), {}


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


@style("x", *(f"params[{i}]" for i in range(4)), told="grads[0] is read as the gradient of params[0]")
def a_network_that_shares_the_lists_of_its_layers():
    class Network:
        def __init__(self):
            self.layers = [Listed(normal(4, 6), normal(6)), Sigmoid(), Listed(normal(6, 3), normal(3))]
            self.params, self.grads = [], []
            for layer in self.layers:
                self.params += getattr(layer, "params", [])
                self.grads += getattr(layer, "grads", [])

        def forward(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            return x

        def backward(self, dout=1):
            for layer in reversed(self.layers):
                dout = layer.backward(dout)
            return dout

    return Network(), (X,), {}


class Parameter:
    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


@style("x", "W", "b", told="W.grad is read as the gradient of W, b.grad as that of b")
def parameters_of_their_own_type_that_sum_gradients():
    class Layer:
        def __init__(self):
            self.W, self.b = Parameter(normal(4, 3)), Parameter(normal(3))
            self.W.grad += 3  # of a pass before

        def forward(self, x):
            self._x = x
            return x @ self.W.data + self.b.data

        def backward(self, grad_output):
            self.W.grad += self._x.T @ grad_output
            self.b.grad += grad_output.sum(axis=0)
            return grad_output @ self.W.data.T

        def zero_grad(self):
            self.W.grad[...] = self.b.grad[...] = 0

    return Layer(), (X,), {}


@style("x", "W", told="W.grad is read as the gradient of W")
def a_sum_that_starts_as_None():
    class Layer:
        def __init__(self):
            self.W = Parameter(normal(4, 3))
            self.W.grad = None

        def forward(self, x):
            self.x = x
            return x @ self.W.data

        def backward(self, g):
            grad = self.x.T @ g
            self.W.grad = grad if self.W.grad is None else self.W.grad + grad
            return g @ self.W.data.T

    return Layer(), (X,), {}


@style(
    "inputs",
    "weights",
    "biases",
    told="dweights is read as the gradient of weights, dbiases as that of biases",
)
def nothing_is_returned():
    return Silent(4, 3), (X,), {}


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


@style("inputs", told="dinputs is read as the gradient of inputs")
def an_activation_that_returns_nothing():
    class Softmax:
        def forward(self, inputs):
            self.output = softmax(inputs)

        def backward(self, dvalues):
            self.dinputs = np.empty_like(dvalues)
            for i, (output, d) in enumerate(zip(self.output, dvalues, strict=True)):
                column = output.reshape(-1, 1)
                self.dinputs[i] = (np.diagflat(column) - column @ column.T) @ d

    return Softmax(), (X,), {}


@style(*(f"layers[{i}].{name}" for i in (0, 1) for name in ("weights", "biases")), told="layers[0].dweights is read")
def a_network_of_layers_that_return_nothing():
    class Network:
        def __init__(self):
            self.layers = [Silent(4, 3), Silent(3, 2)]

        def forward(self, X):
            for layer in self.layers:
                layer.forward(X)
                X = layer.output
            return X

        def backward(self, dvalues):
            for layer in reversed(self.layers):
                layer.backward(dvalues)
                dvalues = layer.dinputs

    return Network(), (X,), {}


@style("x", told="gradient is read as the gradient of x")
def an_attribute_called_gradient():
    class Tanh:
        def forward(self, x):
            self.x = x
            return np.tanh(x)

        def backward(self, g):
            self.gradient = g * (1 - np.tanh(self.x) ** 2)

    return Tanh(), (X,), {}


@style(
    "x", "W", "b", told="returned[0] is read as the gradient of x, returned[1] as that of W, returned[2] as that of b"
)
def all_gradients_are_returned():
    class Layer(Dense):
        def backward(self, dout):
            return dout @ self.W.T, self.x.T @ dout, dout.sum(axis=0)

    return Layer(), (X,), {}


@style("x", "W", "b", told="returned[1]['W'] is read as the gradient of W")
def a_dict_is_returned_beside_the_gradient_of_the_input():
    class Layer(Dense):
        def backward(self, dout):
            return dout @ self.W.T, {"W": self.x.T @ dout, "b": dout.sum(axis=0)}

    return Layer(), (X,), {}


@style("x", "y", told="returned[0] is read as the gradient of x, returned[1] as that of y")
def two_inputs():
    class Product:
        def forward(self, x, y):
            self.x, self.y = x, y
            return x * y

        def backward(self, dout):
            return dout * self.y, dout * self.x

    return Product(), (X, X + 1), {}


@style("x", "W", told="returned[0] is read as the gradient of x, returned[1] as that of W")
def a_cache_is_returned():
    class Layer:
        def __init__(self):
            self.W = normal(4, 3)

        def forward(self, x):
            return x @ self.W, (x,)

        def backward(self, dout, cache):
            (x,) = cache
            return dout @ self.W.T, x.T @ dout

    return Layer(), (X,), {}


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


class BatchNorm:
    def __init__(self, features):
        self.gamma, self.beta = 1 + 0.3 * normal(features), normal(features)
        self.running_mean, self.running_var = np.zeros(features), np.linspace(1, 3, features)

    def forward(self, x, training=True):
        mean, var = (x.mean(axis=0), x.var(axis=0)) if training else (self.running_mean, self.running_var)
        if training:
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean
            self.running_var = 0.9 * self.running_var + 0.1 * var
        self.training, self.std = training, np.sqrt(var + 1e-5)
        self.x_hat = (x - mean) / self.std
        return self.gamma * self.x_hat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.x_hat).sum(axis=0), dout.sum(axis=0)
        dx = dout * self.gamma
        if self.training:
            dx = dx - dx.mean(axis=0) - self.x_hat * (dx * self.x_hat).mean(axis=0)
        return dx / self.std


@style("x", "gamma", "beta", told="dgamma is read as the gradient of gamma, dbeta as that of beta")
def batch_normalisation_in_training():
    return BatchNorm(4), (X,), {}


@style("x", "gamma", "beta", told="dgamma is read as the gradient of gamma, dbeta as that of beta")
def batch_normalisation_in_use():
    return BatchNorm(4), (X, False), {}


@style("x", told="what backward returns is read as the gradient of x")
def dropout_by_the_global_generator():
    class Dropout:
        def forward(self, x, train_flg=True):
            self.mask = np.random.rand(*x.shape) > 0.4  # noqa: NPY002
            return x * self.mask

        def backward(self, dout):
            return dout * self.mask

    return Dropout(), (X,), {}


@style("x", "layer.W", "layer.b", told="layer.dW is read as the gradient of layer.W")
def dropout_by_a_generator_of_its_own():
    class Block:
        def __init__(self):
            self.layer, self.inner = Dense(), {"dropout": [draws(3)]}

        def forward(self, x):
            self.mask = self.inner["dropout"][0].random((len(x), 3)) > 0.4
            return self.layer.forward(x) * self.mask

        def backward(self, dout):
            return self.layer.backward(dout * self.mask)

    return Block(), (X,), {}


@style("x", told="what backward returns is read as the gradient of x")
def a_loss_whose_upstream_gradient_is_1():
    return SoftmaxWithLoss(), (normal(5, 3), T), {}


@style("pred", told="what backward returns is read as the gradient of pred")
def a_loss_whose_backward_takes_nothing():
    class MeanSquares:
        def forward(self, pred, target):
            self.error = pred - target
            return (self.error**2).mean()

        def backward(self):
            return 2 * self.error / self.error.size

    return MeanSquares(), (normal(5, 3), T), {}


@style("W1", "b1", "W2", "b2", told="layers['Affine1'].dW is read as the gradient of W1")
def a_network_with_loss_and_gradient():
    class Network:
        def __init__(self):
            self.params = {"W1": normal(4, 6), "b1": normal(6), "W2": normal(6, 3), "b2": normal(3)}
            self.layers = OrderedDict()
            for i in ("1", "2"):
                self.layers["Affine" + i] = Dense()
                self.layers["Affine" + i].W = self.params["W" + i]
                self.layers["Affine" + i].b = self.params["b" + i]
                self.layers["Relu" + i] = Relu()
            del self.layers["Relu2"]
            self.last = SoftmaxWithLoss()

        def loss(self, x, t):
            for layer in self.layers.values():
                x = layer.forward(x)
            return self.last.forward(x, t)

        def gradient(self, x, t):
            self.loss(x, t)
            dout = self.last.backward(1)
            for layer in reversed(list(self.layers.values())):
                dout = layer.backward(dout)
            return {f"{name}{i}": getattr(self.layers["Affine" + i], "d" + name) for i in "12" for name in "Wb"}

    return Network(), (X, T), {}


@style("W1", "b1", "W2", "b2", told="returned['W2'] is read as the gradient of W2")
def a_network_whose_loss_returns_the_gradients():
    class TwoLayerNet:
        def __init__(self):
            self.params = {"W1": normal(4, 6), "b1": normal(6), "W2": normal(6, 3), "b2": np.zeros(3)}

        def loss(self, X, y=None, reg=0.1):
            W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
            h = np.maximum(0, X @ W1 + b1)
            p = softmax(h @ W2 + b2)
            loss = -np.log(p[np.arange(len(X)), y]).mean() + reg * ((W1**2).sum() + (W2**2).sum())
            d = p.copy()
            d[np.arange(len(X)), y] -= 1
            d /= len(X)
            grads = {"W2": h.T @ d + 2 * reg * W2, "b2": d.sum(axis=0)}
            dh = d @ W2.T
            dh[h <= 0] = 0
            grads["W1"], grads["b1"] = X.T @ dh + 2 * reg * W1, dh.sum(axis=0)
            return loss, grads

    return TwoLayerNet(), (X, Y), {"forward": "loss", "backward": True}


@style("biases[0]", "biases[1]", "weights[0]", "weights[1]", told="returned[0][0] is read as the gradient of biases[0]")
def a_network_of_lists_whose_gradients_are_returned():
    """It takes one sample."""

    class Network:
        def __init__(self):
            self.biases = [normal(4, 1), normal(2, 1)]
            self.weights = [normal(4, 3), normal(2, 4)]

        def cost(self, x, y):
            for b, w in zip(self.biases, self.weights, strict=True):
                x = 1 / (1 + np.exp(-(w @ x + b)))
            return 0.5 * ((x - y) ** 2).sum()

        def backprop(self, x, y):
            hidden = 1 / (1 + np.exp(-(self.weights[0] @ x + self.biases[0])))
            out = 1 / (1 + np.exp(-(self.weights[1] @ hidden + self.biases[1])))
            delta = (out - y) * out * (1 - out)
            before = (self.weights[1].T @ delta) * hidden * (1 - hidden)
            return [before, delta], [before @ x.T, delta @ hidden.T]

    return Network(), (normal(3, 1), np.array([[1.0], [0.0]])), {}


@style("w", "b", told="dw is read as the gradient of w, db as that of b")
def a_bias_that_is_a_number():
    class LogisticRegression:
        def __init__(self):
            self.w, self.b, self.lr = normal(4), 0.3, 0.1

        def predict(self, x):
            return 1 / (1 + np.exp(-(x @ self.w + self.b)))

        def loss(self, x, y):
            p = self.predict(x)
            return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()

        def gradient(self, x, y):
            error = self.predict(x) - y
            self.dw, self.db = x.T @ error / len(y), error.mean()
            return self.dw, self.db

    return LogisticRegression(), (X, np.array([0.0, 1, 1, 0, 1])), {}


@style("W", told="dW is read as the gradient of W")
def an_embedding():
    class Embedding:
        def __init__(self):
            self.W = normal(6, 3)
            self.dW = np.zeros_like(self.W)

        def forward(self, index):
            self.index = index
            return self.W[index]

        def backward(self, dout):
            self.dW[...] = 0
            np.add.at(self.dW, self.index, dout)

    return Embedding(), (np.array([0, 2, 2, 5]),), {}


@style("xs[0]", "xs[1]", "xs[2]", "Wx", "Wh", "b", told="dWx is read as the gradient of Wx, dWh as that of Wh")
def a_list_of_inputs():
    class Recurrent:
        def __init__(self):
            self.Wx, self.Wh, self.b = normal(3, 2), normal(3, 3), np.zeros((3, 1))

        def forward(self, xs):
            self.xs, self.hs = xs, [np.zeros((3, 1))]
            for x in xs:
                self.hs.append(np.tanh(self.Wx @ x + self.Wh @ self.hs[-1] + self.b))
            return self.hs[-1]

        def backward(self, dh):
            self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
            dxs = []
            for t in reversed(range(len(self.xs))):
                da = dh * (1 - self.hs[t + 1] ** 2)
                self.dWx += da @ self.xs[t].T
                self.dWh += da @ self.hs[t].T
                self.db += da
                dxs.insert(0, self.Wx.T @ da)
                dh = self.Wh.T @ da
            return dxs

    return Recurrent(), ([normal(2, 1, seed=i) for i in range(3)],), {}


@style("x", "layer1.W", "layer1.b", "layer2.W", "layer2.b", told="layer1.dW is read as the gradient of layer1.W")
def layers_as_attributes():
    class Network:
        def __init__(self):
            self.layer1, self.layer2, self.owner = Dense(4, 5), Dense(5, 2), self

        def forward(self, x):
            self.h = np.tanh(self.layer1.forward(x))
            return self.layer2.forward(self.h)

        def backward(self, g):
            return self.layer1.backward(self.layer2.backward(g) * (1 - self.h**2))

    return Network(), (X,), {}


@style("x", "layers[0].W", "layers[0].b", "layers[2].W", "layers[2].b", told="layers[0].dW is read as the gradient of")
def a_list_of_layers():
    return [Dense(4, 5), Sigmoid(), Dense(5, 2, seed=5)], (X,), {}


@style("x", "W", told="dW is read as the gradient of W")
def float32_parameters():
    class Layer:
        def __init__(self):
            self.W = normal(4, 3).astype(np.float32)

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, g):
            self.dW = self.x.T @ g
            return g @ self.W.T

    return Layer(), (X.astype(np.float32),), {}


@style("x", "W", "b", told="grad_W is read as the gradient of W, grad_b as that of b")
def a_buffer_that_is_returned():
    """Every call writes its output and its gradients into the same arrays."""

    class Layer:
        def __init__(self):
            self.W, self.b = normal(4, 3), normal(3)
            self.grad_W, self.grad_b, self.out = np.zeros((4, 3)), np.zeros(3), np.zeros((5, 3))

        def forward(self, x):
            self.x = x
            np.add(x @ self.W, self.b, out=self.out[: len(x)])
            return self.out[: len(x)]

        def backward(self, grad):
            np.matmul(self.x.T, grad, out=self.grad_W)
            np.sum(grad, axis=0, out=self.grad_b)
            return grad @ self.W.T

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
