"""A network behind a flat vector of parameters, with a column of ones for the biases: its slips are named."""

import numpy as np
import pytest

import softgrad as sg
from sampled import every, sampled

RNG = np.random.default_rng(5)
INPUTS, HIDDEN, CLASSES, LAMBDA = 3, 5, 5, 0.8
X = RNG.normal(size=(7, INPUTS))
Y = RNG.permutation([0, 1, 2, 3, 4, 0, 2])
THETA = RNG.normal(0, 0.7, HIDDEN * (INPUTS + 1) + CLASSES * (HIDDEN + 1))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_gradient(z):
    return sigmoid(z) * (1 - sigmoid(z))


def with_ones(a):
    return np.hstack([np.ones((len(a), 1)), a])


def unpacked(nn_params):
    Theta1 = nn_params[: HIDDEN * (INPUTS + 1)].reshape(HIDDEN, INPUTS + 1)
    Theta2 = nn_params[HIDDEN * (INPUTS + 1) :].reshape(CLASSES, HIDDEN + 1)
    return Theta1, Theta2


def cost(nn_params, X, y):
    Theta1, Theta2 = unpacked(nn_params)
    m = len(X)
    a1 = with_ones(X)
    z2 = a1 @ Theta1.T
    a2 = with_ones(sigmoid(z2))
    a3 = sigmoid(a2 @ Theta2.T)
    Y = np.eye(CLASSES)[y]
    J = -(Y * np.log(a3) + (1 - Y) * np.log(1 - a3)).sum() / m
    J += LAMBDA / (2 * m) * ((Theta1[:, 1:] ** 2).sum() + (Theta2[:, 1:] ** 2).sum())
    return J


def gradient(slip):
    def grad(nn_params, X, y):
        Theta1, Theta2 = unpacked(nn_params)
        m = len(X)
        a1 = with_ones(X)
        z2 = a1 @ Theta1.T
        a2 = with_ones(sigmoid(z2))
        a3 = sigmoid(a2 @ Theta2.T)
        delta3 = a3 - np.eye(CLASSES)[y]
        back = delta3 @ Theta2[:, 1:]
        if slip == "missing transpose":
            back = delta3 @ Theta2[:, 1:].T
        elif slip == "the wrong column is stripped":
            back = delta3 @ Theta2[:, :-1]
        if slip == "the bias is not stripped":
            delta2 = (delta3 @ Theta2) * sigmoid_gradient(with_ones(z2))
        elif slip == "the derivative at a2":
            delta2 = back * sigmoid_gradient(a2[:, 1:])
        elif slip == "no derivative":
            delta2 = back
        else:
            delta2 = back * sigmoid_gradient(z2)
        Theta1_grad, Theta2_grad = delta2.T @ a1, delta3.T @ a2
        if slip != "not divided by m":
            Theta1_grad, Theta2_grad = Theta1_grad / m, Theta2_grad / m
        factor = {"no penalty": 0.0, "penalty times 2": 2.0}.get(slip, 1.0) * LAMBDA / m
        begin = 0 if slip == "the bias is penalised" else 1
        if slip != "the bias is not stripped":
            Theta1_grad[:, begin:] += factor * Theta1[:, begin:]
            Theta2_grad[:, begin:] += factor * Theta2[:, begin:]
        return np.concatenate([Theta1_grad.ravel(), Theta2_grad.ravel()])

    return grad


def test_the_right_gradient_is_right():
    report = sg.check_grad(cost, gradient(""), THETA, X, Y)
    assert report.ok is True
    assert dict(report.checked) == {"Theta1": (5, 4), "Theta2": (5, 6)}


SLIPS = {  # slip: (its name, what its report says, the gradients that are wrong)
    "the bias is penalised": ("parameter-added", "[:, 0]` is added", ["Theta1", "Theta2"]),
    "not divided by m": ("wrong-factor", "m times what it should be", ["Theta1", "Theta2"]),
    "the derivative at a2": ("derivative-at-output", "is taken at the result", ["Theta1"]),
    "no derivative": ("skipped", "without the derivative", ["Theta1"]),
    "the wrong column is stripped": ("wrong-part", "is read from another part of the gradient", ["Theta1"]),
    "the bias is not stripped": ("wrong-shape", "4 entries more than nn_params: as many as a row of Theta1 has", []),
    "missing transpose": ("transposed-product", "by a part of a matrix the wrong way round", ["Theta1"]),
    "no penalty": ("left-out", "nothing flows back", ["Theta1", "Theta2"]),
    "penalty times 2": ("wrong-factor", "is 2 times what it should be", ["Theta1", "Theta2"]),
}


@pytest.mark.parametrize("slip", every(2, SLIPS))
def test_a_slip_is_named_in_the_functions_terms(slip):
    name, said, wrong = SLIPS[slip]
    report = sg.check_grad(cost, gradient(slip), THETA, X, Y)
    assert report.ok is False
    assert report.mistake.name == name, report.text()
    assert said in " ".join(report.text().split()), report.text()
    if wrong:
        assert report.where.name in wrong
        assert len(report.where.index) == 2


def logistic(theta, X, y):
    h = sigmoid(X @ theta)
    return (-y * np.log(h) - (1 - y) * np.log(1 - h)).mean() + LAMBDA / (2 * len(y)) * (theta[1:] ** 2).sum()


def logistic_grad(theta, X, y):
    grad = X.T @ (sigmoid(X @ theta) - y) / len(y)
    grad[1:] += LAMBDA / len(y) * theta[1:]
    return grad


def test_a_penalty_of_the_first_entry_is_named():
    x, y = with_ones(X), (Y > 1).astype(float)
    theta = RNG.normal(size=INPUTS + 1)
    assert sg.check_grad(logistic, logistic_grad, theta, x, y).ok is True

    def wrong(theta, X, y):
        return X.T @ (sigmoid(X @ theta) - y) / len(y) + LAMBDA / len(y) * theta

    report = sg.check_grad(logistic, wrong, theta, x, y)
    assert report.mistake.name == "parameter-added", report.text()
    assert "`theta[0]` is added to the gradient of `theta[0]`" in " ".join(report.text().split())


def in_a_loop(nn_params, X, y, slip=""):
    """The loss and its gradient from one function, sample by sample; the vector is in Fortran's order."""
    cut = HIDDEN * (INPUTS + 1)
    Theta1 = np.reshape(nn_params[:cut], (HIDDEN, INPUTS + 1), order="F")
    Theta2 = np.reshape(nn_params[cut:], (CLASSES, HIDDEN + 1), order="F")
    Theta1_grad, Theta2_grad = np.zeros(Theta1.shape), np.zeros(Theta2.shape)
    J, m = 0, len(y)
    X = np.column_stack((np.ones((m, 1)), X))
    for i in range(m):
        a1 = X[i]
        z2 = np.dot(Theta1, a1)
        a2 = np.append(1, sigmoid(z2))
        a3 = sigmoid(np.dot(Theta2, a2))
        d3 = a3 - np.eye(CLASSES)[y[i]]
        J -= np.sum(np.log(np.where(np.eye(CLASSES)[y[i]] == 1, a3, 1 - a3)))
        back = np.dot(Theta2.T, d3)
        back = back[:-1] if slip == "the wrong column is stripped" else back[1:]
        d2 = back * sigmoid_gradient(a2[1:] if slip == "the derivative at a2" else z2)
        Theta1_grad += np.outer(d2, a1)
        Theta2_grad += np.outer(d3, a2)
    J = J / m + LAMBDA / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))
    if slip != "not divided by m":
        Theta1_grad, Theta2_grad = Theta1_grad / m, Theta2_grad / m
    factor = {"no penalty": 0.0, "penalty times 2": 2.0}.get(slip, 1.0) * LAMBDA / m
    begin = 0 if slip == "the bias is penalised" else 1
    Theta1_grad[:, begin:] += factor * Theta1[:, begin:]
    Theta2_grad[:, begin:] += factor * Theta2[:, begin:]
    return J, np.hstack((Theta1_grad.flatten(order="F"), Theta2_grad.flatten(order="F")))


LOOP_SLIPS = [slip for slip in SLIPS if slip not in ("no derivative", "the bias is not stripped", "missing transpose")]


def test_a_loop_over_the_samples_is_right():
    report = sg.check_grad(in_a_loop, True, THETA, X[:4], Y[:4])
    assert report.ok is True
    assert dict(report.checked) == {"Theta1": (5, 4), "Theta2": (5, 6)}


@pytest.mark.parametrize("slip", sampled(LOOP_SLIPS, lambda slip: slip == "not divided by m"))
def test_a_slip_in_a_loop_over_the_samples_is_named(slip):
    report = sg.check_grad(lambda theta: in_a_loop(theta, X[:4], Y[:4], slip), True, THETA)
    assert report.ok is False
    assert report.mistake.name == SLIPS[slip][0], report.text()
    assert report.where.name in SLIPS[slip][2]
