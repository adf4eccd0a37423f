"""What `softgrad check` takes for what in a file as people write it, and how it calls it."""

import inspect

import numpy as np
import pytest

import softgrad as sg
from softgrad.cli.finding.known import Known
from softgrad.cli.finding.made_parameters import made_parameters
from softgrad.cli.finding.search import search
from softgrad.cli.finding.values_in_file import values_in
from softgrad.cli.inputs import Asked, drawn

SOFTMAX = """
def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
SIGMOID = """
def sigmoid(x):
    return 1 / (1 + np.exp(-x))
"""
AFFINE = """
def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""
COURSE = """
def forward_propagation(X, parameters):
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    A2 = 1 / (1 + np.exp(-(parameters["W2"] @ A1 + parameters["b2"])))
    return A2, {"A1": A1, "A2": A2}

def compute_cost(A2, Y):
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1]

def backward_propagation(parameters, cache, X, Y):
    m, A1, A2 = X.shape[1], cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    return {"dW1": dZ1 @ X.T / m, "db1": dZ1.sum(axis=1, keepdims=True) / m,
            "dW2": dZ2 @ A1.T / m, "db2": dZ2.sum(axis=1, keepdims=True) / m, "dZ1": dZ1}
"""
FLAT = """
def nnCostFunction(nn_params, input_layer_size, hidden_layer_size, num_labels, X, y, lambda_):
    cut = hidden_layer_size * (input_layer_size + 1)
    Theta1 = nn_params[:cut].reshape(hidden_layer_size, input_layer_size + 1)
    Theta2 = nn_params[cut:].reshape(num_labels, hidden_layer_size + 1)
    m = X.shape[0]
    a1 = np.hstack([np.ones((m, 1)), X])
    s = 1 / (1 + np.exp(-a1 @ Theta1.T))
    a2 = np.hstack([np.ones((m, 1)), s])
    h = 1 / (1 + np.exp(-a2 @ Theta2.T))
    Y = np.eye(num_labels)[y]
    J = -np.sum(Y * np.log(h) + (1 - Y) * np.log(1 - h)) / m
    J += lambda_ / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))
    d2 = ((h - Y) @ Theta2)[:, 1:] * s * (1 - s)
    G1, G2 = d2.T @ a1 / m, (h - Y).T @ a2 / m
    G1[:, 1:] += lambda_ / m * Theta1[:, 1:]
    G2[:, 1:] += lambda_ / m * Theta2[:, 1:]
    return J, np.concatenate([G1.ravel(), G2.ravel()])
"""
RIGHT = {  # name: (the file, what is checked, what is said of it). All are right if they are called as they are meant
    "backward(dp, p)": (
        SOFTMAX + "def softmax_backward(dp, p):\n    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))",
        "softmax and softmax_backward", "called as softmax_backward(upstream gradient, output)"),
    "the derivative of each entry": (
        SIGMOID + "def sigmoid_prime(z):\n    return sigmoid(z) * (1 - sigmoid(z))",
        "sigmoid and sigmoid_prime", "called as sigmoid_prime(x), which returns the derivative of each entry"),
    "the derivative at the output": (
        SIGMOID + "def sigmoid_derivative(x):\n    return x * (1 - x)",
        "sigmoid and sigmoid_derivative", "called as sigmoid_derivative(output), which returns the derivative of each"),
    "a Jacobian": (
        "def softmax(x):\n    e = np.exp(x - np.max(x))\n    return e / e.sum()\n"
        "def softmax_grad(s):\n    s = s.reshape(-1, 1)\n    return np.diagflat(s) - s @ s.T",
        "softmax and softmax_grad", "called as softmax_grad(output), which returns the Jacobian"),
    "a Jacobian for each row": (
        SOFTMAX + "def softmax_jacobian(z):\n    p = softmax(z)\n    return p[..., None] * np.eye(p.shape[-1]) - "
        "p[..., None] * p[..., None, :]",
        "softmax and softmax_jacobian", "which returns the Jacobian"),
    "the gradient of each row's loss": (
        SOFTMAX + "def cross_entropy(z, y):\n    return -np.log(softmax(z)[np.arange(len(y)), y])\n"
        "def cross_entropy_grad(z, y):\n    return softmax(z) - np.eye(z.shape[1])[y]",
        "cross_entropy and cross_entropy_grad", "which returns the gradient of each row's loss"),
    "a cache": (AFFINE, "affine_forward and affine_backward", "x drawn as 5x7, w drawn as 7x3, b drawn as 3"),
    "relu with a cache": (
        "def relu(Z):\n    return np.maximum(0, Z), Z\ndef relu_backward(dA, cache):\n    return dA * (cache > 0)",
        "relu and relu_backward", "called as relu_backward(upstream gradient, cache)"),
    "a cache that is global": (
        "saved = {}\ndef relu(Z):\n    saved['Z'] = Z\n    return np.maximum(0, Z)\n"
        "def relu_backward(dA):\n    return dA * (saved['Z'] > 0)",
        "relu and relu_backward", "called as relu_backward(upstream gradient)"),
    "square arrays alone": (
        "def f(x):\n    return x / x.sum(axis=1)\n"
        "def f_backward(x, dy):\n    s = x.sum(axis=1)\n    return dy / s - (dy * x / s ** 2).sum(axis=0)[:, None]",
        "f and f_backward", "inputs: x drawn as 4x4"),
    "a number": ("def f(x):\n    return x ** 3\ndef df(x):\n    return 3 * x ** 2", "f and df", "called as df(x)"),
    "two variables": (
        "def f(x):\n    return (1 - x[0]) ** 2 + 9 * (x[1] - x[0] ** 2) ** 2\ndef grad_f(x):\n    "
        "return np.array([-2 * (1 - x[0]) - 36 * x[0] * (x[1] - x[0] ** 2), 18 * (x[1] - x[0] ** 2)])",
        "f and grad_f", "inputs: x drawn as 2"),
    "logistic regression": (
        SIGMOID + "def compute_cost(X, y, w, b):\n    a = sigmoid(X @ w + b)\n    return -np.mean(y * np.log(a) + "
        "(1 - y) * np.log(1 - a))\ndef compute_gradient(X, y, w, b):\n    d = sigmoid(X @ w + b) - y\n"
        "    return X.T @ d / len(y), np.mean(d)",
        "compute_cost and compute_gradient", "y as 5 of 0 and 1, w drawn as 7, b drawn as one number"),
    "linear regression": (
        "def cost(theta, X, y):\n    return np.sum((X @ theta - y) ** 2) / (2 * len(y))\n"
        "def gradient(theta, X, y):\n    return X.T @ (X @ theta - y) / len(y)",
        "cost and gradient", "theta drawn as 7, X drawn as 5x7, y drawn as 5"),
    "predictions": (
        "def bce(y_true, y_pred):\n    return -np.mean(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))\n"
        "def bce_prime(y_true, y_pred):\n    return ((1 - y_true) / (1 - y_pred) - y_true / y_pred) / np.size(y_true)",
        "bce and bce_prime", "y_true as one-hot rows 5x3, y_pred drawn as 5x3, rows of probabilities"),
    "a hinge": (
        "def hinge_loss(w, x, y, C=1.0):\n    return w @ w / 2 + C * np.maximum(0, 1 - y * (x @ w)).sum()\n"
        "def hinge_loss_gradient(w, x, y, C=1.0):\n    return w - C * ((y * (y * (x @ w) < 1)) @ x)",
        "hinge_loss and hinge_loss_gradient", "y as 5 of -1 and 1"),
    "loss and gradient together": (
        SOFTMAX + "def softmax_loss(x, y):\n    p = softmax(x)\n    n = len(y)\n    d = p.copy()\n    "
        "d[np.arange(n), y] -= 1\n    return -np.log(p[np.arange(n), y]).mean(), d / n",
        "softmax_loss", "it returns the loss and the gradient for x"),
    "with a penalty that is off by default": (
        "def ridge_loss(W, X, y, reg=0.0):\n    r = X @ W - y\n    return (r ** 2).mean() + reg * (W ** 2).sum(), "
        "2 * X.T @ r / r.size + 2 * reg * W",
        "ridge_loss", "reg = 0.1"),
    "a course's network": (
        COURSE, "forward_propagation and compute_cost and backward_propagation", "W1 drawn as 4x7, b1 drawn as 4x1"),
    "unrolled parameters": (FLAT, "nnCostFunction", "nn_params drawn as 47, input_layer_size = 7"),
    "a recurrent layer": (
        "def rnn_step_forward(x, prev_h, Wx, Wh, b):\n    h = np.tanh(x @ Wx + prev_h @ Wh + b)\n"
        "    return h, (x, prev_h, Wx, Wh, h)\ndef rnn_step_backward(dnext_h, cache):\n"
        "    x, prev_h, Wx, Wh, h = cache\n"
        "    d = dnext_h * (1 - h ** 2)\n    return d @ Wx.T, d @ Wh.T, x.T @ d, prev_h.T @ d, d.sum(axis=0)",
        "rnn_step_forward and rnn_step_backward", "Wx drawn as 7x4, Wh drawn as 4x4, b drawn as 4"),
    "the data of the file": (
        "X = np.random.default_rng(0).normal(size=(100, 4))\ny = (X[:, 0] > 0).astype(float)\nw = np.zeros(4)\n"
        "def loss(w, X, y):\n    return ((X @ w - y) ** 2).mean()\ndef grad(w, X, y):\n    return 2 * X.T @ "
        "(X @ w - y) / len(y)",
        "loss and grad", "inputs: w drawn as 4, X from the file, its first 6 of 100 rows"),
    "all arguments are in the file, one in order": (
        "z, target = np.array([0.1, 0.4, 0.8, 1.2]), np.array([0.3, 0.2, 0.9, 1.1])\n"
        "def cost(z, target):\n    return np.sum((z - target) ** 2) - np.sum(np.log(np.diff(z)))\n"
        "def gradient(z, target):\n    g, d = 2 * (z - target), 1 / np.diff(z)\n    g[:-1] += d\n    g[1:] -= d\n"
        "    return g",
        "cost and gradient", "inputs: z drawn near the one in the file, 4, target from the file, 4"),
    "all arguments are in the file": (
        "rng = np.random.default_rng(0)\np = rng.dirichlet(np.ones(6))\ncost = rng.normal(size=6)\n"
        "def loss(p, cost):\n    return np.sum(p * cost) + np.sum(p * np.log(p))\n"
        "def grad(p, cost):\n    return cost + np.log(p) + 1",
        "loss and grad", "inputs: p drawn near the one in the file, 6, cost from the file, 6"),
    "parameters as the file makes them": (
        "def initialize_parameters(layer_dims):\n    return {f'{k}{n}': np.zeros((b, a if k == 'W' else 1)) for "
        "n, (a, b) in "
        "enumerate(zip(layer_dims, layer_dims[1:]), 1) for k in 'Wb'}\n"
        "def loss(parameters, X):\n    for n in (1, 2):\n        X = np.tanh(parameters[f'W{n}'] @ X + "
        "parameters[f'b{n}'])\n"
        "    return X.sum()\ndef loss_gradients(parameters, X):\n    A = [X]\n    for n in (1, 2):\n"
        "        A.append(np.tanh("
        "parameters[f'W{n}'] @ A[-1] + parameters[f'b{n}']))\n    d, grads = np.ones_like(A[-1]), {}\n"
        "    for n in (2, 1):\n"
        "        d = d * (1 - A[n] ** 2)\n        grads[f'dW{n}'], grads[f'db{n}'] = d @ A[n - 1].T, d.sum(axis=1, "
        "keepdims=True)\n        d = parameters[f'W{n}'].T @ d\n    return grads",
        "loss and loss_gradients", "parameters drawn like those that the file makes, X drawn as 7x5"),
    "a list of layers": (
        "def init_params(sizes, rng):\n    return [(rng.normal(size=s), np.zeros(s[1])) for s in zip(sizes, "
        "sizes[1:])]\n"
        "def loss(params, x):\n    for W, b in params:\n        x = x @ W + b\n    return (x ** 2).sum()\n"
        "def grads(params, x):\n    a = [x]\n    for W, b in params:\n        a.append(a[-1] @ W + b)\n"
        "    d, g = 2 * a[-1], []\n"
        "    for n in (1, 0):\n        g.insert(0, (a[n].T @ d, d.sum(axis=0)))\n        d = d @ params[n][0].T\n"
        "    return g",
        "loss and grads", "params drawn like those that the file makes, x drawn as 5x7"),
    "global parameters": (
        "W, b = np.ones((4, 3)), np.zeros(3)\ndef forward(X):\n    return X @ W + b\n"
        "def backward(X, grad_output):\n    dW = X.T @ grad_output\n    db = grad_output.sum(axis=0)\n"
        "    return dW, db",
        "forward and backward", "b drawn as 3, X drawn as"),
    "two outputs": (
        "def step_forward(x, h):\n    return np.tanh(x + h), x * h, (x, h)\n"
        "def step_backward(da, dc, cache):\n    x, h = cache\n    d = da * (1 - np.tanh(x + h) ** 2)\n"
        "    return d + dc * h, d + dc * x",
        "step_forward and step_backward", "called as step_backward(da, dc, cache)"),
    "word vectors": (
        SOFTMAX + "def naiveLossAndGradient(centerVec, outsideIdx, outsideVectors):\n"
        "    p = softmax(outsideVectors @ centerVec)\n"
        "    loss = -np.log(p[outsideIdx])\n    p[outsideIdx] -= 1\n"
        "    return loss, outsideVectors.T @ p, np.outer(p, centerVec)",
        "naiveLossAndGradient", "the loss and the gradient for centerVec, outsideVectors"),
    "one sample": (
        SOFTMAX + "def cross_entropy(W, b, x, y):\n    return -np.log(softmax(W @ x + b)[y])\n"
        "def cross_entropy_gradient(W, b, x, y):\n    p = softmax(W @ x + b)\n    p[y] -= 1\n"
        "    return np.outer(p, x), p",
        "cross_entropy and cross_entropy_gradient", "W drawn as 3x7, b drawn as 3, x drawn as 7, y as class "
        "indices 0..2"),
    "an activation by its name": (
        "def activation_forward(z, activation):\n    return np.maximum(z, 0) if activation == 'relu' else np.tanh(z)\n"
        "def activation_backward(dout, z, activation):\n    return dout * ((z > 0) if activation == 'relu' else "
        "1 - np.tanh(z) ** 2)",
        "activation_forward and activation_backward", "activation = 'relu'"),
    "outputs of forward as arguments": (
        "X = np.random.default_rng(0).normal(size=(30, 2))\ny = X[:, :1] * X[:, 1:] > 0\n"
        "W1, W2 = np.full((2, 4), np.nan), np.zeros((4, 1))\n"
        "def forward(X):\n    A1 = np.tanh(X @ W1)\n    A2 = A1 @ W2\n    return A1, A2\n"
        "def compute_loss(A2, y):\n    return np.mean((A2 - y) ** 2)\n"
        "def backward(X, y, A1, A2):\n    d = 2 * (A2 - y) / len(y)\n    dW2 = A1.T @ d\n"
        "    dW1 = X.T @ (d @ W2.T * (1 - A1 ** 2))\n    return dW1, dW2",
        "forward and compute_loss and backward", "W2 drawn as 4x1, X from the file, its first 6 of 30 rows, y from the "
        "file, its first 6 of 30 rows; backward(X, y, A1, A2) is read as the gradient for W1, W2"),
    "a loss with gradients of global parameters": (
        "W, h0, inputs, targets = np.ones((3, 5)), np.ones(5), [0, 2, 1], [2, 1, 0]\n"
        "def lossFun(inputs, targets, h0):\n    loss, dW, h = 0, np.zeros_like(W), h0\n"
        "    for i, j in zip(inputs, targets):\n        loss += np.sum((W[i] - W[j]) ** 2)\n"
        "        dW[i] += 2 * (W[i] - W[j])\n        dW[j] -= 2 * (W[i] - W[j])\n    return loss, dW, h[-1:]",
        "lossFun", "it returns the loss and the gradient for W"),
    "a configuration": (
        "class NetConfig:\n    width = 6\n"
        "def init_net(cfg: NetConfig):\n    return {'W': np.ones((cfg.width, 2)), 'V': np.ones((cfg.width, 2))}\n"
        "def net_loss(params, x, eps):\n    logvar = x @ params['V']\n    z = x @ params['W'] + np.exp(logvar) * eps\n"
        "    dV = x.T @ (2 * z * eps * np.exp(logvar))\n    return (z ** 2).sum(), {'W': 2 * x.T @ z, 'V': dV}",
        "net_loss", "x drawn as 5x6, eps drawn as 5x2"),
    "parameters of the file in a dict": (
        "parameters = {'W1': np.ones((1, 7))}\n"
        "def cost(parameters, X, Y):\n    return np.sum((parameters['W1'] @ X - Y) ** 2)\n"
        "def cost_grad(parameters, X, Y):\n    return {'dW1': 2 * (parameters['W1'] @ X - Y) @ X.T}",
        "cost and cost_grad", "parameters drawn like those that the file makes, X drawn as 7x5"),
    "a loss of probabilities, and its derivative for logits": (
        SOFTMAX + "def cross_entropy(probs, y):\n    return -np.log(probs[np.arange(len(y)), y]).mean()\n"
        "def delta_cross_entropy(X, y):\n    return (softmax(X) - np.eye(X.shape[1])[y]) / len(y)",
        "softmax and cross_entropy and delta_cross_entropy", "inputs: z drawn as 5x3, y as class indices 0..2"),
    "a derivative with other names": (
        "def loss(p, t):\n    return ((p - t) ** 2).sum()\ndef loss_grad(q, t):\n    return 2 * (q - t)",
        "loss and loss_grad", "is read as the gradient for p"),
    "a matrix of ratings": (
        "def cofiCostFunc(params, Y, R, num_users, num_movies, num_features):\n"
        "    X = params[:num_movies * num_features].reshape(num_movies, num_features)\n"
        "    Theta = params[num_movies * num_features:].reshape(num_users, num_features)\n"
        "    D = (X @ Theta.T - Y) * R\n"
        "    return (D ** 2).sum() / 2, np.concatenate([(D @ Theta).ravel(), (D.T @ X).ravel()])",
        "cofiCostFunc", "params drawn as 63, Y drawn as 5x4, R as a mask of 5x4"),
    "one feature": (
        "def cost(w, b, x, y):\n    return np.mean((w * x + b - y) ** 2)\n"
        "def cost_grad(w, b, x, y):\n    e = 2 * (w * x + b - y)\n    return np.mean(e * x), np.mean(e)",
        "cost and cost_grad", "w drawn as one number, b drawn as one number, x drawn as 5, y drawn as 5"),
    "the lengths of the file": (
        "num_classes = 4\ndef loss(z, y):\n    return (np.eye(num_classes)[y] * z).sum()\n"
        "def grad(z, y):\n    return np.eye(num_classes)[y]",
        "loss and grad", "z drawn as 5x4, y as class indices 0..3"),
}  # fmt: skip


@pytest.fixture
def functions(names_in):
    """Loads a file, and returns its functions and what it holds."""

    def load(source):
        names = names_in(source)
        return {name: one for name, one in names.items() if inspect.isfunction(one)}, names

    return load


def reports(ways):
    for way in ways:
        inputs = way.draw(np.random.default_rng(0))
        if way.takes_upstream:
            yield sg.check_vjp(way.forward, way.backward, *inputs, names=way.names)
        else:
            yield sg.check_grad(way.forward, way.backward, *inputs, names=way.names, wrt=way.wrt)


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_taken_for_what(case, functions):
    source, title, said = RIGHT[case]
    found, names = functions(source)
    values, lengths = values_in(names)
    gradients, missing = search(found, Known(Asked(), None, values, lengths, made_parameters(found, lengths)))
    ways = next(ways for ways in gradients if ways[0].title == title)
    assert missing == []
    right = next(way for way, report in zip(ways, reports(ways), strict=True) if report.ok)
    assert said in "; ".join(right.said), right.said
    assert right.fits


def test_the_inputs_that_are_given_are_used(functions):
    found, names = functions(RIGHT["backward(dp, p)"][0])
    known = Known(Asked(), lambda function, names: drawn(Asked(((None, (2, 9)),)), names), *values_in(names))
    ((way, *_),), _ = search(found, known)
    assert way.draw(np.random.default_rng(0))[0].shape == (2, 9)
    assert way.said == ("called as softmax_backward(upstream gradient, output)",)


def test_a_target_that_is_asked_for_is_used(functions):
    source = "def loss(a, b):\n    return (a * b).sum()\ndef grad(a, b):\n    return a, b"
    found, _ = functions(source)
    ((way, *_),), _ = search(found, Known(Asked(target="one-hot", place="a")))
    assert way.said[0] == "inputs: a as one-hot rows 5x3, b drawn as 5x3"


CANNOT = {  # name: (the file, why)
    "no partner": ("def relu_backward(d, x):\n    return d", "there is no function that it is the gradient of"),
    "no inputs": (
        "def f(x):\n    raise KeyError('data')\ndef df(x):\n    return x",
        "no inputs were found for f(x): KeyError: 'data'",
    ),
    "no call": (
        SIGMOID + "def sigmoid_grad(x):\n    return x['a']",
        "sigmoid_grad could not be called with what sigmoid takes and returns: IndexError",
    ),
    "always the same": ("def f(x):\n    return np.ones(3)\ndef df(x):\n    return x", "no inputs were found for f(x)"),
    "a loss that cannot be called": (
        "def loss(table, x):\n    return table['x'], x",
        "no inputs were found for loss(table, x): IndexError",
    ),
    "a name that is not defined": (
        "def f(x):\n    return undefined(x)\ndef df(x):\n    return x",
        "f raises NameError: name 'undefined' is not defined (user_functions.py, line 3, in f)",
    ),
    "a misspelt function of NumPy": (
        SIGMOID + "def sigmoid_grad(x):\n    return np.sigmoyd(x)",
        "sigmoid_grad raises AttributeError: module 'numpy' has no attribute 'sigmoyd' (user_functions.py, line 6,",
    ),
    "no return": (
        "def f(x):\n    np.exp(x)\ndef df(x):\n    return np.exp(x)",
        "f returns None; is there a return?",
    ),
    "no return in the derivative": (
        SIGMOID + "def sigmoid_grad(x, dy):\n    s = sigmoid(x)",
        "sigmoid_grad returns None; is there a return?",
    ),
    "a list": (
        "def f(x):\n    return [float(v) ** 2 for v in x]\ndef df(x):\n    return [2 * v for v in x]",
        "f returns a list, wanted an array; make it one, as np.array(...)",
    ),
    "more gradients than inputs": (
        SOFTMAX + "def softmax_grad(z, dp):\n    return dp - dp.mean(axis=1, keepdims=True), z",
        "softmax_grad returns 2 values, wanted one gradient for each input of softmax",
    ),
    "tensors": (
        "import torch\ndef f(x):\n    return torch.exp(x)\ndef df(x):\n    return torch.exp(x)",
        "f takes tensors of torch; check it in Python, with softgrad.torch.check",
    ),
    "a target without a loss": (
        SOFTMAX + "def one_hot(y):\n    return np.eye(3)[y]\ndef softmax_grad(z, y):\n    return softmax(z['a'])",
        "softmax_grad takes the target y, and no function returns the loss; add one, such as loss(z, y)",
    ),
    "a line that always raises": (
        SOFTMAX + "def softmax_grad(z, p, dp):\n    return np.diag(p) @ np.zeros((100, 1))",
        "(user_functions.py, line 7, in softmax_grad)",
    ),
    "no arguments": ("def f():\n    return 1\ndef df():\n    return 0", "f takes no arguments by position"),
}


def test_with_the_arrays_of_the_file_a_gradient_may_have_the_wrong_shape(functions):
    """Other arrays than these, with which the shapes fit by chance, would hide that it is transposed."""
    found, names = functions(
        "def loss(w, x, y):\n    z = w @ x\n    return np.log(np.exp(z).sum()) - z[y]\n"
        "def loss_grad(w, x, y):\n    p = np.exp(w @ x)\n    p /= p.sum()\n    p[y] -= 1\n    return np.outer(x, p)\n"
        "w, x, y = np.ones((3, 4)), np.arange(4.0), 1"
    )
    values, lengths = values_in(names)
    ((way,),), _ = search(found, Known(values=values, lengths=lengths))
    assert way.said[0] == "inputs: w drawn as 3x4, x from the file, 4, y = 1"
    (report,) = reports([way])
    assert report.mistake.name == "weight-gradient-transposed"


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_checked_is_said(case, functions):
    source, why = CANNOT[case]
    gradients, (missing,) = search(functions(source)[0], Known())
    assert not gradients
    assert why in missing.why


def test_scores_of_any_kind_are_not_drawn_as_probabilities_too(functions):
    """Where every margin is violated, as with probabilities, half of a hinge is never reached."""
    source = (
        "def hinge(scores, y):\n    m = np.maximum(0, scores - scores[np.arange(len(y)), y][:, None] + 1)\n"
        "    return m.sum()\ndef hinge_grad(scores, y):\n    return scores"
    )
    (ways,), _ = search(functions(source)[0], Known())
    assert not any("probabilities" in line for way in ways for line in way.said)


def test_functions_are_left_as_they_were(functions, capsys):
    found, names = functions(
        "seen = []\ndef f(x):\n    seen.append(np.random.normal())\n    print('called')\n    return x.sum()\n"
        "def df(x):\n    return x * 0 + 1"
    )
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert search(found, Known())[0]
    assert names["seen"] == []
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert capsys.readouterr() == ("", "")
