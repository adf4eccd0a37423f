"""Layers that keep their gradients in one place or another."""

import numpy as np

from check.corpus.common import softmax
from check.layer.objects import Dense, Listed, Silent, X, normal, style


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


@style("x", "W", "b", told="params['W']['grad'] is read as the gradient of W")
def dicts_of_value_and_gradient():
    class Layer:
        def __init__(self):
            self.params = {"W": {"value": normal(4, 3), "grad": None}, "b": {"value": normal(3), "grad": None}}

        def forward(self, x):
            self.x = x
            return x @ self.params["W"]["value"] + self.params["b"]["value"]

        def backward(self, g):
            self.params["W"]["grad"], self.params["b"]["grad"] = self.x.T @ g, g.sum(axis=0)
            return g @ self.params["W"]["value"].T

    return Layer(), (X,), {}


@style("x", "params[0]", "params[1]", told="grads[0] is read as the gradient of params[0]")
def tuples_of_parameters_and_gradients():
    class Layer:
        def __init__(self):
            self.params, self.grads = (normal(4, 3), normal(3)), None

        def forward(self, x):
            self.x = x
            return x @ self.params[0] + self.params[1]

        def backward(self, g):
            self.grads = (self.x.T @ g, g.sum(axis=0))
            return g @ self.params[0].T

    return Layer(), (X,), {}


@style("x", "W[0]", "W[1]", "b[0]", "b[1]", told="dW[0] is read as the gradient of W[0]")
def lists_beside_lists():
    class Network:
        def __init__(self):
            self.W, self.b = [normal(4, 5), normal(5, 3)], [normal(5), normal(3)]

        def forward(self, x):
            self.values = [x]
            for W, b in zip(self.W, self.b, strict=True):
                self.values.append(np.tanh(self.values[-1] @ W + b))
            return self.values[-1]

        def backward(self, delta):
            self.dW, self.db = [], []
            for i in reversed(range(len(self.W))):
                delta = delta * (1 - self.values[i + 1] ** 2)
                self.dW.insert(0, self.values[i].T @ delta)
                self.db.insert(0, delta.sum(axis=0))
                delta = delta @ self.W[i].T
            return delta

    return Network(), (X,), {}


@style("X", "W", "b", told="dL_dW is read as the gradient of W, dL_db as that of b, dL_dX as that of X")
def names_with_the_loss_in_them():
    class Layer:
        def __init__(self):
            self.W, self.b = normal(4, 3), normal(3)

        def forward(self, X):
            self.X = X
            return X @ self.W + self.b

        def backward(self, dL_dY):
            self.dL_dW, self.dL_db, self.dL_dX = self.X.T @ dL_dY, dL_dY.sum(axis=0), dL_dY @ self.W.T

    return Layer(), (X,), {}
