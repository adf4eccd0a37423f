"""Logits and targets, each named by what is special about them."""

import numpy as np

rng = np.random.default_rng(7)
VECTORS = {
    "three logits": ([2, 1, 0.1], 0),
    "target is the smallest": ([2, 1, 0.1], 2),
    "soft target": ([2, 1, 0.1], [0.7, 0.2, 0.1]),
    "target 0 at a class": ([0.5, -1, 3], [0.0, 0.25, 0.75]),
    "one class": ([3.5], 0),
    "two equal logits": ([1.0, 1.0], 1),
    "equal logits, equal targets": ([0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]),
    "confident and right": ([40, 0, 1], 0),
    "confident and wrong": ([0, 40, 1], 0),
    "logits near 1e8": ([1e8 + 2, 1e8 + 1, 1e8], 1),
    "equal and enormous": ([1e100, 1e100], 0),
    "neighbours near 1e16": ([1e16, 1e16 + 2], 1),
    "a target of 1e-300": ([0, 0], [1e-300, 1]),
    "float32, near a target in float64": (np.float32([0, 1]), [0.26894142, 0.73105858]),
    "logits of 1e-9": ([1e-9, -2e-9, 3e-9], 2),
    "as far apart as allowed": ([300, 0, 150], 1),
    "target near the probabilities": ([0.0, np.log(2)], [1 / 3 + 1e-12, 2 / 3 - 1e-12]),
    "two terms cancel": ([1, 2, 3, 4], [0.0321, 0.0871, 0.2369, 0.6439]),
    "many classes": (3 * rng.normal(size=20), 7),
    "many classes, soft": (rng.normal(size=12).round(3), np.arange(12) / 66),
}
BATCHES = {
    "one row": ([[2, 1, 0.1]], [0]),
    "rows": (rng.normal(size=(3, 4)).round(2), [0, 3, 1]),
    "soft targets": (rng.normal(size=(4, 3)), rng.dirichlet(np.ones(3), size=4)),
    "as many features as classes": (rng.normal(size=(3, 2)), [0, 1, 1]),
    "more than a table shows": (rng.normal(size=(25, 3)), np.arange(25) % 3),
    "many classes": (2 * rng.normal(size=(3, 15)), [0, 14, 3]),
}
