"""Backward passes in many styles, each wrong in one line, which is marked.

A style is a function of an rng that returns (kind, function, derivative, inputs, options). The wrong line is marked.
"""

import inspect
from dataclasses import dataclass

import numpy as np

MARK = "# wrong"
STYLES = {}


@dataclass
class Style:
    make: object

    @property
    def lines(self):
        rows, first = inspect.getsourcelines(self.make)
        return {first + i for i, row in enumerate(rows) if row.rstrip().endswith(MARK)}


def style(make):
    STYLES[make.__name__.replace("_", " ")] = Style(make)
    return make


def expit(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
