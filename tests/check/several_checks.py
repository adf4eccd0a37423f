"""Prints the reports on several functions as JSON: test_same_report.py runs it, on an idle and on a busy machine."""

import json
import time

import numpy as np

import softgrad as sg

RNG = np.random.default_rng(0)
Z, Y = RNG.normal(size=(4, 3)), np.array([0, 2, 1, 1])


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(z, p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def network(P, x, y):
    h = np.maximum(x @ P["W1"] + P["b1"], 0)
    return -np.log(softmax(h @ P["W2"] + P["b2"])[np.arange(len(y)), y]).mean()


def network_grad(P, x, y):
    h = np.maximum(x @ P["W1"] + P["b1"], 0)
    dz2 = (softmax(h @ P["W2"] + P["b2"]) - np.eye(P["b2"].size)[y]) / len(y)
    dz1 = dz2 @ P["W2"].T  # the derivative of the ReLU is missing
    return {"W1": x.T @ dz1, "b1": dz1.sum(axis=0), "W2": h.T @ dz2, "b2": dz2.sum(axis=0)}


def parameters(features, units, classes):
    return {
        "W1": RNG.normal(0, 0.3, (features, units)),
        "b1": RNG.normal(0, 0.1, units),
        "W2": RNG.normal(0, 0.3, (units, classes)),
        "b2": RNG.normal(0, 0.1, classes),
    }


def waves(x, w):
    return np.cosh(x @ w) * np.sin(x @ w)


def waves_backward(x, w, y, g):
    slope = np.sinh(x @ w) * np.sin(x @ w) + np.cosh(x @ w) * np.cos(x @ w)
    return g * slope @ w.T, x.T @ (g * slope) + x.T @ g


def slow(x):
    time.sleep(0.01)
    return float(sum(float(entry) ** 3 for entry in x))


CHECKS = {
    "softmax, right": lambda: sg.check_vjp(softmax, softmax_backward, Z),
    "softmax, wrong": lambda: sg.check_vjp(softmax, lambda z, p, dp: p * (1 - p) * dp, Z),
    "network": lambda: sg.check_grad(
        network, network_grad, parameters(4, 5, 3), RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6)
    ),
    "large network": lambda: sg.check_grad(
        network, network_grad, parameters(64, 48, 10), RNG.normal(size=(300, 64)), RNG.integers(0, 10, 300)
    ),
    "unknown": lambda: sg.check_vjp(waves, waves_backward, RNG.normal(size=(6, 4)), RNG.normal(size=(4, 3))),
    "slow": lambda: sg.check_grad(slow, lambda x: 3 * x**2, RNG.normal(size=5)),
    "stopped": lambda: sg.check_grad(
        network, network_grad, parameters(4, 5, 3), RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6), max_calls=100
    ),
}


if __name__ == "__main__":
    made = {name: make() for name, make in CHECKS.items()}
    print(json.dumps({name: {"text": one.text(), "dict": one.to_dict()} for name, one in made.items()}))
