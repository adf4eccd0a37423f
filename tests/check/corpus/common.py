"""Forwards and inputs that several families use. The axis of the classes is the last, unless told."""

import numpy as np


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(z, axis=-1):
    shifted = z - z.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def relu(z):
    return np.maximum(z, 0)


def one_hot(classes, K):
    return np.eye(K)[classes]


def row_losses(z, classes):
    """Cross-entropy of each row, against class indices."""
    return -log_softmax(z)[np.arange(len(z)), classes]


def mean_loss(z, classes):
    return row_losses(z, classes).mean()


def sum_loss(z, classes):
    return row_losses(z, classes).sum()


def mean_loss_one_hot(z, t):
    return -(t * log_softmax(z)).sum() / len(z)


def mean_loss_columns(z, t):
    """Of logits (K, m) against one-hot columns."""
    return -(t * log_softmax(z, axis=0)).sum() / z.shape[1]


# Inputs -------------------------------------------------------------------------------------------------------------


def logits(*shape, spread=1.0):
    def draw(rng):
        return (rng.normal(0, spread, shape),)

    return draw


def with_classes(m, K, spread=1.0):
    def draw(rng):
        return rng.normal(0, spread, (m, K)), rng.integers(0, K, m)

    return draw


def with_one_hot(m, K, spread=1.0):
    def draw(rng):
        z, classes = with_classes(m, K, spread)(rng)
        return z, one_hot(classes, K)

    return draw


def with_one_hot_columns(K, m):
    def draw(rng):
        z, t = with_one_hot(m, K)(rng)
        return z.T.copy(), t.T.copy()

    return draw


def any_logits(rng):
    return logits(*rng.integers(2, 8, 2))(rng)


def any_with_classes(rng):
    return with_classes(*rng.integers(2, 8, 2))(rng)


def any_with_one_hot(rng):
    return with_one_hot(*rng.integers(2, 8, 2))(rng)
