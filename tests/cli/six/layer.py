"""Layers as classes, as in courses that build a small framework."""

import numpy as np


class Module:
    def __init__(self):
        self.params = {}
        self.grads = {}

    def forward(self, *inputs):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError


class LayerNorm(Module):
    def __init__(self, dim, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.params["gamma"] = np.linspace(0.5, 1.5, dim)
        self.params["beta"] = np.zeros(dim)

    def forward(self, x):
        mean = x.mean(axis=-1, keepdims=True)
        centred = x - mean
        self.std = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.eps)
        self.normed = centred / self.std
        return self.params["gamma"] * self.normed + self.params["beta"]

    def backward(self, grad):
        self.grads["gamma"] = (grad * self.normed).sum(axis=0)
        self.grads["beta"] = grad.sum(axis=0)
        dnormed = grad * self.params["gamma"]
        # the mistake: the term of the standard deviation is missing
        return (dnormed - dnormed.mean(axis=-1, keepdims=True)) / self.std
