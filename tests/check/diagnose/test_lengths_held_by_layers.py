"""Lengths that a layer holds: only those that its backward pass reads may be what its gradients are meant for."""

import numpy as np
import pytest

import softgrad as sg

x = np.random.default_rng(0).normal(size=(4, 3))  # a global name, and an attribute of the layers below
y = np.random.default_rng(1).normal(size=(4, 2))


class ForRowsHeld:
    def __init__(self, rows):
        self.rows = rows
        self.W = np.random.default_rng(2).normal(size=(3, 2))

    def forward(self, x):
        self.x = x
        self.p = x @ self.W
        return self.p

    def loss(self, p, y):
        return ((p - y) ** 2).sum() / len(y)

    def backward(self, x, y):
        self.dW = 2 * self.x.T @ (self.p - y) / self.rows


class ByAMethod(ForRowsHeld):
    def backward(self, x, y):
        self.dW = self.scaled(2 * self.x.T @ (self.p - y))

    def scaled(self, d):
        return d / self.rows


class ByAProperty(ForRowsHeld):
    @property
    def scale(self):
        return 2 / self.rows

    def backward(self, x, y):
        self.dW = self.scale * self.x.T @ (self.p - y)


class ByText(ForRowsHeld):
    def backward(self, x, y):
        self.dW = 2 * self.x.T @ (self.p - y) / getattr(self, "ro" + "ws")


class WrittenOut(ForRowsHeld):
    def backward(self, x, y):
        self.dW = 2 * self.x.T @ (self.p - y) / 4


class InTheLossAlone(WrittenOut):
    def loss(self, p, y):
        return ((p - y) ** 2).sum() / len(y) + 0 * self.rows


@pytest.mark.parametrize("layer", [ForRowsHeld, ByAMethod, ByAProperty, ByText])
def test_a_length_that_backward_reads_is_a_fact(layer):
    report = sg.check_layer(layer(len(x)), x, y)
    assert report.ok is True
    assert any("backward uses rows = 4, from outside of it" in fact for fact in report.facts)


@pytest.mark.parametrize("layer", [WrittenOut, InTheLossAlone])
def test_a_length_that_backward_does_not_read_excuses_nothing(layer):
    report = sg.check_layer(layer(len(x)), x, y)
    assert report.mistake.name == "size-hard-coded", report.text()
    assert report.backward_line.notes == ("for other lengths, it goes wrong here: 4 is written there",)


class Centered:
    def forward(self, x):
        self.x = x
        return self.x - self.x.mean(axis=0)

    def backward(self, g):
        assert self.x.shape == g.shape
        return g - g.sum(axis=0) / 4


def test_a_global_array_with_the_name_of_an_attribute_excuses_nothing():
    assert sg.check_layer(Centered(), x).mistake.name == "size-hard-coded"
