"""A forward pass of several outputs, whose backward pass takes an upstream gradient for each."""

import numpy as np
import pytest

import softgrad as sg
from check.layer.objects import X, normal


class Cell:
    """Two outputs: the state of a cell, and a gate of it."""

    def __init__(self, slip=1.0):
        self.W, self.slip = normal(4, 3), slip

    def forward(self, x, c_prev):
        self.x = x
        self.c = np.tanh(x @ self.W) + c_prev
        return self.c**2, self.c

    def backward(self, dh, dc):
        dc = dc + self.slip * 2 * self.c * dh
        dz = dc * (1 - np.tanh(self.x @ self.W) ** 2)
        self.dW = self.x.T @ dz
        return dz @ self.W.T, dc


class OfOtherShape(Cell):
    def forward(self, x, c_prev):
        return super().forward(x, c_prev)[1], self.c.sum(axis=1)

    def backward(self, dc, dtotal):
        return super().backward(0 * dc, dc + self.slip * dtotal[:, None])


@pytest.mark.parametrize("kind", [Cell, OfOtherShape])
def test_is_checked(kind):
    report = sg.check_layer(kind(), X, normal(len(X), 3))
    assert report.ok is True, report
    assert list(report.checked) == ["x", "c_prev", "W"]
    assert any(fact.startswith("forward returns 2 outputs: d") for fact in report.facts)


@pytest.mark.parametrize("kind", [Cell, OfOtherShape])
def test_a_slip_in_one_of_them_is_found(kind):
    report = sg.check_layer(kind(-1.0), X, normal(len(X), 3))
    assert report.ok is False
    assert "softgrad" not in str(report)
