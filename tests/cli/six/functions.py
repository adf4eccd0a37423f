"""A script: functions, some data, and a training loop under the guard."""

import numpy as np

rng = np.random.default_rng(42)
X = rng.normal(size=(150, 4))
y = rng.integers(0, 3, size=150)


def softmax(scores):
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    exps = np.exp(shifted)
    return exps / np.sum(exps, axis=1, keepdims=True)


def loss(W, b, X, y, reg=1e-2):
    probs = softmax(X @ W + b)
    data_loss = -np.log(probs[np.arange(len(y)), y]).mean()
    return data_loss + 0.5 * reg * np.sum(W * W)


def loss_gradient(W, b, X, y, reg=1e-2):
    probs = softmax(X @ W + b)
    dscores = probs.copy()
    dscores[np.arange(len(y)), y] -= 1
    dscores /= len(y)
    dW = X.T @ dscores + reg * W
    db = dscores.mean(axis=0)  # the mistake: the sum
    return dW, db


if __name__ == "__main__":
    W, b = 0.01 * rng.normal(size=(4, 3)), np.zeros(3)
    for step in range(10_000_000):
        dW, db = loss_gradient(W, b, X, y)
        W -= 0.1 * dW
        b -= 0.1 * db
