"""The inputs of the questions. They are the same in every process."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.questions.base import Array

_rng = np.random.default_rng(0)

Z = _rng.normal(0, 2, (4, 5))  # logits
Y = np.array([1, 0, 4, 2])  # class indices
T = _rng.dirichlet(np.ones(5), 4)  # probabilities
W = _rng.uniform(0.5, 2, 5)  # class weights
G = _rng.normal(size=4)  # an upstream gradient for each row
G_STRIDE_0 = np.broadcast_to(0.75, 4)
V = _rng.normal(size=(4, 5))  # a direction
IGNORED, ALL_IGNORED = np.array([1, -100, 4, 2]), np.full(4, -100)
OUTSIDE = np.array([1, 0, 5, 2])
ALLOWED = np.array([[1, 1, 0, 1, 1], [1, 0, 1, 1, 0], [0, 1, 1, 0, 1], [1, 1, 1, 1, 0]], bool)  # holds the classes Y
MASKED = np.where(ALLOWED, Z, -np.inf)
T_MASKED = np.where(ALLOWED, T, 0) / np.where(ALLOWED, T, 0).sum(1, keepdims=True)
VOLUME, VOLUME_Y = _rng.normal(0, 2, (2, 5, 3)), _rng.integers(5, size=(2, 3))  # classes on axis 1

CONFIDENT = np.array([[x, 0, 0] for x in (4.0, 8.0, 12.0, 17.0, 30.0, 60.0)])  # 16 bits hold them
CONFIDENT_Y = np.zeros(len(CONFIDENT), int)
OF_ENTROPY = np.zeros(len(CONFIDENT)), np.ones(len(CONFIDENT))  # upstream gradients
MANY = _rng.integers(-48, 49, (8, 300)) / 16  # 16 bits hold them
MANY_Y = _rng.integers(300, size=8)

G_ENTROPY = _rng.normal(size=4)  # an upstream gradient for the entropy of each row
X, HEAD = _rng.normal(size=(4, 3)), _rng.normal(size=(5, 3))  # features, and the weights of the last layer


class Vocabulary(NamedTuple):
    """The inputs of a linear layer with many classes, in float32."""

    x: Array
    w: Array
    y: Array


def vocabulary(rows: int, classes: int = 32_000, features: int = 256) -> Vocabulary:
    """Random features, weights and classes."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, features)).astype(np.float32)
    w = rng.normal(0, 0.05, (classes, features)).astype(np.float32)
    return Vocabulary(x, w, rng.integers(classes, size=rows))
