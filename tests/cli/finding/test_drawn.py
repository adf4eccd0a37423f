"""The inputs that are found for functions of a file: vectors that are brought into shape, numbers, columns, dicts."""

import pytest

HINGE = """
import numpy as np

def hinge(w, b, X, y):
    return np.maximum(0, 1 - y * (X @ w + b)).mean() + 0.01 * w @ w

def hinge_grad(w, b, X, y):
    on = 1 - y * (X @ w + b) > 0
    return -(X * (y * on)[:, None]).mean(0) + 0.02 * w, -(y * on).mean()

def inputs(rng):
    return rng.normal(size=3), rng.normal(), rng.normal(size=(9, 3)), rng.choice([-1, 1], 9)
"""
GRID = """
import numpy as np

def energy(u):
    u = u.reshape(5, 5)
    return 0.5 * np.sum((u[1:] - u[:-1]) ** 2) - u.sum() / 25

def energy_grad(u):
    v = u.reshape(5, 5)
    g = np.zeros((5, 5))
    g[1:] += v[1:] - v[:-1]
    g[:-1] -= v[1:] - v[:-1]
    return (g - 1 / 25).ravel()
"""
TWO_LAYERS = """
import numpy as np

def forward(params, X):
    A = np.tanh(X @ params["W1"] + params["b1"])
    Z = A @ params["W2"] + params["b2"]
    return np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True), A

def loss_and_grads(params, X, Y):
    P, A = forward(params, X)
    dZ = (P - Y) / len(X)
    dA = dZ @ params["W2"].T * (1 - A**2)
    loss = -(Y * np.log(P)).sum() / len(X)
    return loss, {"W1": X.T @ dA, "b1": dA.sum(0), "W2": A.T @ dZ, "b2": dZ.sum(0)}
"""
ONE_UNIT = """
import numpy as np

class Net:
    def __init__(self):
        self.weights = np.random.RandomState(42).rand(3, 1)

    def feedforward(self, x):
        self.input = x
        self.output = np.tanh(x @ self.weights)
        return self.output

    def loss(self, output, y):
        return np.sum((y - output) ** 2)

    def backprop(self, y):
        self.d_weights = self.input.T @ (2 * (self.output - y) * (1 - self.output**2))
"""
PENALTY = HINGE.replace(", b,", ", reg,").replace("+ b)", "+ reg)").replace(", -(y * on).mean()", "")
OUTPUT_Y = """
import numpy as np

def forward(x, w):
    return np.tanh(x @ w)

def backward(x, w, y, dy):
    dh = dy * (1 - y**2)
    return dh @ w.T, x.T @ dh

def loss(z, t):
    return 0.5 * np.sum((z - t) ** 2)
"""
RIGHT = {  # name: (source, what is said)
    "a bias that is one number": (HINGE, "is read as the gradient for w, b"),
    "a penalty is none": (PENALTY, "is read as the gradient for w\n"),
    "loss and grad of two": (HINGE.replace("hinge_grad", "grad").replace("hinge", "loss"), "for w, b"),
    "keys that forward looks up": (TWO_LAYERS, "the loss and the gradient for params"),
    "targets in a column": (ONE_UNIT, "y drawn as 5x1"),
    "a grid": (GRID, "u drawn as 25"),
    "y, whose gradient is dy": (OUTPUT_Y, "backward(x, w, output, upstream gradient)"),
    "y, whose gradient is grad_y": (OUTPUT_Y.replace("dy", "grad_y"), "backward(x, w, output, upstream gradient)"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_gradient_passes(case, softgrad, tmp_path):
    source, said = RIGHT[case]
    (tmp_path / "mine.py").write_text(source)
    result = softgrad("check", "mine.py")
    assert result.code == 0, result.out
    assert said in result.out


SAMPLES = """
import numpy as np

def mse(p, y):
    return np.mean((p - y) ** 2)

def mse_grad(p, y):
    return 2 * (p - y) / (5 * p.shape[1])
"""
WRONG = {  # name: (source, what is said)
    "y, whose gradient is dy": (OUTPUT_Y.replace("1 - y**2", "1 - y"), "forward and backward:"),
    "a grid": (GRID.replace("g - 1 / 25", "g - 1 / 5"), "what flows back to `u` is "),
    "a column": (ONE_UNIT.replace("* (1 -", "/ (1 -"), "is divided by"),
    "as many samples as are drawn": (SAMPLES, "The length of an axis is hard-coded"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_gradient_is_wrong(case, softgrad, tmp_path):
    source, said = WRONG[case]
    (tmp_path / "mine.py").write_text(source)
    result = softgrad("check", "mine.py")
    assert result.code == 1
    assert said in result.out
