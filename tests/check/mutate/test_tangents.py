"""Tangents are the transpose of what flows back: <g, J t> = <J' g, t> for every operation."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.mutate import tangents
from softgrad.check.mutate.tangents import tangents_of
from softgrad.check.trace import trace_forward
from softgrad.check.user.functions import UserFunctions

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 3))
FORWARDS = {
    "elementwise": lambda a, b: np.tanh(a) * np.exp(b.T) / (1 + a * a) - np.maximum(a, b.T),
    "products": lambda a, b: (a @ b) @ (a @ b).T,
    "einsum with a broadcast axis": lambda a, b: np.einsum("ij,jk->ki", a, b) + a[:, :1],
    "reductions": lambda a, b: np.array([a.mean(), b.var(), a.std(), b.max(), np.linalg.norm(a), a.prod()]),
    "reductions along an axis": lambda a, b: a.mean(axis=1, keepdims=True) + b.max(axis=0),
    "views and writes": lambda a, b: np.concatenate([a[1:], a[[0, 0]], b.T[::-1]], axis=0),
    "an index that repeats": lambda a, b: a[[0, 0, 2, 1]] * b[[1, 1, 1, 0], 0][:, None],
    "where": lambda a, b: np.where(a > 0, a * a, b.T),
    "cumulative": lambda a, b: np.cumsum(a, axis=1) * np.cumprod(b.T, axis=1),
    "inverse": lambda a, b: np.linalg.inv(a @ b + 5 * np.eye(3)),
}


def graph_of(forward):
    functions = UserFunctions(
        "check_vjp", forward, forward, (A, B), takes_upstream=True, names=None, wrt=None, max_calls=99
    )
    return trace_forward(functions, functions.arrays())


def off(forward):
    """By how much <g, J t> and <J' g, t> differ."""
    graph = graph_of(forward)
    g = RNG.normal(size=graph.output.shape)
    grads = graph.gradients(g)
    worst = 0.0
    for key, node in graph.inputs.items():
        t = RNG.normal(size=node.shape)
        moved = tangents_of(graph.live, {node: t}, graph.silent)
        left = (g * moved.get(graph.output, np.zeros(graph.output.shape))).sum()
        worst = max(worst, abs(left - (grads[key] * t).sum()))
    return worst


@pytest.mark.parametrize("name", FORWARDS)
def test_a_tangent_is_the_transpose_of_what_flows_back(name):
    assert off(FORWARDS[name]) < 1e-11


SLIPS = {  # of tangents.py: an operation, and what is put in the place of its derivative
    "a product takes the wrong operand": ("contract", lambda subscripts, *arrays: 2 * np.einsum(subscripts, *arrays)),
    "a derivative without its factor": ("partial", lambda op, k, y, operands: np.ones(y.shape)),
    "a reduction without its derivative": ("contribution", lambda node, k, g: np.ones(node.parents[k].shape)),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_slip_is_caught(slip, monkeypatch):
    name, wrong = SLIPS[slip]
    monkeypatch.setattr(tangents, name, wrong)
    assert max(off(forward) for forward in FORWARDS.values()) > 1e-3


def test_a_right_gradient_is_not_searched(monkeypatch):
    def fails(*args):
        raise AssertionError("the search was started")

    monkeypatch.setattr("softgrad.check.diagnose.traced._explained", fails)
    assert sg.check_vjp(lambda x: np.sinh(x), lambda x, y, g: g * np.cosh(x), A).ok
