"""The inputs on which accuracy is measured: cases in which implementations of softmax are known to lose digits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.questions.base import Array

SPREADS = (1.0, 30.0, 300.0, 1e4)
OFFSETS = (0.0, 1e4, 1e8)
ROWS = {1: 3, 2: 48, 3: 48, 10: 48, 1000: 6, 100_000: 3, 1_000_000: 3}  # number of classes: number of rows
MAX_CLASSES_IN_MPMATH = 1000  # for longer rows, mpmath would take hours


class Case(NamedTuple):
    """Rows of logits, with a target in both forms."""

    name: str
    logits: Array  # (N, K)
    classes: Array  # (N,): in turn the class of the largest logit, a random class, the class of the smallest logit
    probs: Array  # (N, K): each row sums to 1 up to rounding; 0 where the logit is -inf


def cases(dtype: str, max_classes: int) -> Iterator[Case]:
    """All cases with at most `max_classes` classes."""
    rng = np.random.default_rng(0)
    for classes, spread, offset in itertools.product(ROWS, SPREADS, OFFSETS):
        if classes <= max_classes:
            logits = offset + spread * rng.uniform(-1, 1, (ROWS[classes], classes))
            name = f"K = {classes:,}, spread {spread:g}, offset {offset:g}"
            yield _case(name, logits.astype(dtype), rng)
    for name, rows in _special(np.dtype(dtype)).items():
        yield _case(name, np.repeat(np.array(rows, dtype), 3, axis=0), rng)


def _special(dtype: np.dtype[np.floating]) -> dict[str, list[list[float]]]:
    info = np.finfo(dtype)
    log_smallest_normal = float(np.log(info.smallest_normal))
    log_smallest_subnormal = float(np.log(info.smallest_subnormal))
    inf = float("inf")
    return {
        "confident, [17, 0, 0]": [[17, 0, 0]],
        "confident, [1 - ln eps, 0]": [[1 - float(np.log(info.eps)), 0]],
        "confident, [0, -20 .. -90]": [[0, -x] for x in range(20, 91, 5)],
        "subnormal probabilities": [[0, x] for x in np.linspace(log_smallest_normal, log_smallest_subnormal, 16)],
        "ties": [[0, 0], [5, 5], [-1e4, -1e4]],
        "ties among others": [[3, 3, -1, 2, 3, -1], [1e8, 0, 1e8, 0, 1e8, 1e8]],
        "-inf entries": [[-inf, 0, 1], [2, -inf, -inf], [-inf, 1e4, 1e4]],
    }


def _case(name: str, logits: Array, rng: np.random.Generator) -> Case:
    rows, classes = logits.shape
    random_class = rng.integers(classes, size=rows)
    choices = np.stack([logits.argmax(axis=1), random_class, logits.argmin(axis=1)])
    weights = np.where(np.isneginf(logits), 0, rng.exponential(size=logits.shape) ** 3)
    probs = (weights / weights.sum(axis=1, keepdims=True)).astype(logits.dtype)
    return Case(name, logits, choices[np.arange(rows) % 3, np.arange(rows)], probs)
