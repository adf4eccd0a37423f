import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_grad(dp, p):
    return p * (1 - p) * dp


def compute_cost(X, y, W):
    p = softmax(X @ W)
    return -np.log(p[np.arange(len(y)), y]).mean()


def compute_gradient(X, y, W):
    dz = softmax(X @ W)
    dz[np.arange(len(y)), y] -= 1
    return X.T @ dz / len(y)
