"""Layers and networks in the classes of a file: the objects that are made of them, and what cannot be checked."""

import inspect
import re

import numpy as np
import pytest

import softgrad as sg
from softgrad.cli.finding.classes import search_classes
from softgrad.cli.finding.known import Known
from softgrad.cli.finding.values_in_file import values_in
from softgrad.cli.inputs import Asked

DENSE = """
class Dense:
    def __init__(self, n_inputs, n_neurons):
        self.weights = np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))
    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases
    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = dvalues @ self.weights.T
"""
NET = """
class Net:
    def __init__(self, input_dim=3072, hidden_dim=100, num_classes=10, reg=0.0):
        self.params = {"W1": np.random.randn(input_dim, hidden_dim), "W2": np.random.randn(hidden_dim, num_classes)}
        self.reg = reg
    def loss(self, X, y=None):
        W1, W2 = self.params["W1"], self.params["W2"]
        h = np.tanh(X @ W1)
        z = h @ W2
        if y is None:
            return z
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        n = len(y)
        loss = -np.log(p[np.arange(n), y]).mean() + self.reg / 2 * sum((W ** 2).sum() for W in (W1, W2))
        d = (p - np.eye(p.shape[1])[y]) / n
        dh = d @ W2.T * (1 - h ** 2)
        return loss, {"W1": X.T @ dh + self.reg * W1, "W2": h.T @ d + self.reg * W2}
"""
RIGHT = {  # name: (the file, what is checked, what is said)
    "lengths in the constructor": (DENSE, "Dense.forward and Dense.backward", "Dense is Dense(n_inputs=7, n_neurons="),
    "no constructor": (
        "class Tanh:\n    def forward(self, x):\n        self.y = np.tanh(x)\n        return self.y\n"
        "    def backward(self, grad):\n        return grad * (1 - self.y ** 2)",
        "Tanh.forward and Tanh.backward", "inputs: x drawn as 5x3"),
    "arrays in the constructor": (
        "class Affine:\n    def __init__(self, W, b):\n        self.W, self.b = W, b\n    def forward(self, x):\n"
        "        self.x = x\n        return x @ self.W + self.b\n    def backward(self, dout):\n"
        "        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)\n        return dout @ self.W.T",
        "Affine.forward and Affine.backward", "Affine is Affine(W=7x3, b=3)"),
    "a sequence, by the shape of the gradients and of the weights": (
        "class Layer:\n    def __init__(self, d_model=8):\n        self.W, self.b = np.eye(d_model), np.ones(d_model)\n"
        "    def forward(self, x):\n        self.x = x\n        return x @ self.W + self.b\n"
        "    def backward(self, dy):\n        self.dW = self.x.reshape(-1, 8).T @ dy.reshape(-1, 8)\n"
        "        self.db = dy.sum((0, 1))\n        return dy @ self.W.T",
        "Layer.forward and Layer.backward", "inputs: x drawn as 5x6x8"),
    "an object of the file": (
        "class Scale:\n    def __init__(self, shape, rng):\n        self.s = rng.normal(size=shape)\n"
        "    def forward(self, x):\n        self.x = x\n        return x * self.s\n    def backward(self, g):\n"
        "        self.ds = (g * self.x).sum(axis=0)\n        return g * self.s\n"
        "scale = Scale((3,), np.random.default_rng(0))",
        "Scale.forward and Scale.backward", "Scale is the object of the file"),
    "a loss with labels": (
        "class Loss:\n    def forward(self, x, t):\n        e = np.exp(x - x.max(axis=1, keepdims=True))\n"
        "        self.p, self.t = e / e.sum(axis=1, keepdims=True), t\n"
        "        return -np.log(self.p[np.arange(len(t)), t]).mean()\n    def backward(self, dout=1):\n"
        "        return (self.p - np.eye(self.p.shape[1])[self.t]) / len(self.t)",
        "Loss.forward and Loss.backward", "x drawn as 5x3, t as class indices 0..2"),
    "static methods with a context": (
        "class ReLU:\n    @staticmethod\n    def forward(ctx, x):\n        ctx.save_for_backward(x)\n"
        "        return np.maximum(x, 0)\n"
        "    @staticmethod\n    def backward(ctx, grad_output):\n        x, = ctx.saved_tensors\n"
        "        return grad_output * (x > 0)",
        "ReLU.forward and ReLU.backward", "inputs: x drawn as 5x3"),
    "a loss of the prediction": (
        "class Net:\n    def __init__(self, n_in, n_out):\n        self.W = np.random.randn(n_in, n_out)\n"
        "    def forward(self, X):\n        self.a = np.tanh(X @ self.W)\n        return self.a\n"
        "    def compute_loss(self, y_pred, y_true):\n        return ((y_pred - y_true) ** 2).sum()\n"
        "    def backward(self, X, y_true):\n"
        "        self.dW = X.T @ (2 * (self.a - y_true) * (1 - self.a ** 2))",
        "Net.compute_loss and Net.backward", "inputs: X drawn as 5x7, y_true as one-hot rows 5x3"),
    "parameters that fit makes": (
        "class Regression:\n    def __init__(self, lr=0.1):\n        self.w = None\n    def fit(self, X, y):\n"
        "        self.w = np.zeros(X.shape[1])\n    def _loss(self, X, y):\n"
        "        return ((X @ self.w - y) ** 2).mean()\n"
        "    def _gradient(self, X, y):\n        return 2 * X.T @ (X @ self.w - y) / len(y)",
        "Regression._loss and Regression._gradient", "Regression is Regression()"),
    "a loss that returns gradients": (NET, "Net.loss", "Net is Net(input_dim=7, hidden_dim=4, num_classes=3, reg=0.1)"),
}  # fmt: skip
LEFT_OUT = {  # name: the file, whose classes compute nothing to check
    "a base": "class Layer:\n    def forward(self, x):\n        raise NotImplementedError\n"
              "    def backward(self, grad):\n        raise NotImplementedError",
    "an error": "class LossError(ValueError):\n    def forward(self, x):\n        return x\n"
                "    def backward(self, g):\n        return g",
    "no gradient": "class Model:\n    def loss(self, x, y):\n        return ((x - y) ** 2).mean()",
    "a module of torch": "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x",
    "other methods": "class Table:\n    def rows(self, x):\n        return x",
}  # fmt: skip
MISSING = {  # name: (the file, what is said)
    "no loss": (
        "class Network:\n    def feedforward(self, a):\n        return np.tanh(a)\n    def backprop(self, x, y):\n"
        "        return x",
        "backprop takes the target y, and no method returns the loss; add one, such as loss(self, a, y)"),
    "no inputs": (
        "class Network:\n    def feedforward(self):\n        return 1.0\n    def backprop(self):\n        return 1.0",
        "Network.feedforward takes no inputs by position"),
    "a constructor that is not understood": (
        "class Layer:\n    def __init__(self, configuration):\n        self.n = configuration.n\n"
        "    def forward(self, x):\n        return x\n    def backward(self, g):\n        return g",
        "no arguments were found for Layer(configuration); make one object in the file, such as a global"),
    "a function of torch": (
        "import torch\nclass F(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        return x\n    @staticmethod\n    def backward(ctx, g):\n        return g",
        "it is a class of torch; check it in Python, with softgrad.torch.check"),
    "a forward pass that always raises": (
        "class Layer:\n    def forward(self, x):\n        return x['a']\n    def backward(self, g):\n        return g",
        "no inputs were found for Layer.forward(x): IndexError"),
}  # fmt: skip


@pytest.fixture
def find(names_in):
    """Loads a file, and searches its classes."""

    def search(source):
        names = names_in(source)
        classes = {name: one for name, one in names.items() if inspect.isclass(one)}
        return search_classes(classes, list(names.values()), Known(Asked(), None, *values_in(names)))

    return search


@pytest.mark.parametrize("case", RIGHT)
def test_a_layer_is_found_and_right(case, find):
    source, title, said = RIGHT[case]
    ((found,),), missing = find(source)
    assert (found.title, missing) == (title, [])
    assert said in "; ".join(found.said)
    report = sg.check_layer(found.forward, *found.draw(np.random.default_rng(0)), names=found.names, **found.methods)
    assert report.ok, report


@pytest.mark.parametrize("case", LEFT_OUT)
def test_nothing_is_said_of_other_classes(case, find):
    assert find(LEFT_OUT[case]) == ([], [])


@pytest.mark.parametrize("case", MISSING)
def test_what_cannot_be_checked_is_said(case, find):
    source, said = MISSING[case]
    gradients, (missing,) = find(source)
    assert gradients == []
    assert said in missing.why


def test_other_methods_that_belong_together_are_found(find):
    source = (
        "class Network:\n    def sigmoid(self, x):\n        return 1 / (1 + np.exp(-x))\n"
        "    def sigmoid_derivative(self, a):\n        return a * (1 - a)\n    def train(self, x):\n        pass"
    )
    ((first, *_),), missing = find(source)
    assert (first.title, missing) == ("Network.sigmoid and sigmoid_derivative", [])
    assert sg.check_vjp(first.forward, first.backward, *first.draw(np.random.default_rng(0))).ok


def test_a_wrong_cell_with_two_outputs_is_reported_in_its_own_names(find):
    source = (
        "class Cell:\n    def __init__(self, n_in):\n        self.params = {'W': np.random.randn(n_in, 4)}\n"
        "        self.grads = {}\n"
        "    def forward(self, x, h_prev):\n        c = h_prev + x @ self.params['W']\n        h = np.tanh(c)\n"
        "        self.cache = x, c\n        return h, c\n"
        "    def backward(self, dh, dc):\n        x, c = self.cache\n        dc = dc + dh * (1 - np.tanh(c))\n"
        "        self.grads['W'] = x.T @ dc\n        return dc @ self.params['W'].T, dc"
    )
    ((found,),), _ = find(source)
    text = str(sg.check_layer(found.forward, *found.draw(np.random.default_rng(0)), names=found.names, **found.methods))
    assert "dc = dc + dh * (1 - np.tanh(c) ** 2)" in text
    assert not re.search(r"stack|cell\.|an array of shape", text), text


def test_the_objects_are_the_same_each_time(find):
    first, second = (find(DENSE)[0][0][0].forward.weights for _ in range(2))
    assert np.array_equal(first, second)
