"""Files of functions that a student would check, and the options for them."""

SOFTMAX = """
import numpy as np

def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def softmax_backward(z, p, dp):
    return p * (1 - p) * dp

def course_backward(dp, p):
    return p * (1 - p) * dp
"""
PAIR = """
def forward(z):
    return z

def vjp(z, p, dp):
    return dp
"""
LOSS = """
def loss(z, t):
    return ((z - t) ** 2).sum()

def grad(z, t):
    return 2 * (z - t)

def inputs(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
"""
NAMED = ("--forward", "softmax", "--vjp", "softmax_backward")
SHAPE = ("--shape", "4x3")
