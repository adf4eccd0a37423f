"""Which values of a backward pass are known to be right, and what a change of one does to the gradients."""

import numpy as np
import pytest

from softgrad.check.locate.known import is_trivial, layout_of
from softgrad.check.locate.partly import PartlyKnown
from softgrad.check.locate.projections import Projections
from softgrad.check.locate.suspects import Backward
from softgrad.check.trace import trace_backward
from softgrad.check.user.functions import UserFunctions

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2))


def forward(x, w):
    z = x @ w
    h = np.tanh(z)
    return h + z


def backward(x, w, y, g):
    h = np.tanh(x @ w)
    through = g * (1 - h**2)
    unnamed = 3 * through + g
    dz = through + g + 0 * unnamed
    wrong = dz * h
    return wrong @ w.T, x.T @ dz


def run():
    functions = UserFunctions(
        "check_vjp", forward, backward, (X, W), takes_upstream=True, names=None, wrt=None, max_calls=99
    )
    upstream = np.random.default_rng(1).normal(size=(4, 2))
    functions.gradients(functions.arrays(), upstream)
    return Backward(trace_backward(functions, functions.arrays(), upstream), upstream)


def line(one):
    return one.site.number - backward.__code__.co_firstlineno


TRIVIAL = {
    "nothing": ([], True),
    "zeros": ([0, 0.0], True),
    "one number": ([2.5, 2.5], True),
    "a mask": ([0, 1.0, 1.0], True),
    "a half": ([0.5], True),
    "a number": ([0.7313], False),
    "numbers": ([0.5, 0.25], False),
    "not finite": ([np.nan, 1.5], True),
}


@pytest.mark.parametrize("name", TRIVIAL)
def test_what_tells_nothing(name):
    values, trivial = TRIVIAL[name]
    assert is_trivial(np.array(values, dtype=float)) is trivial


LAYOUTS = {
    "the same": (lambda a: a, ("", 1.0)),
    "with another axis": (lambda a: a[:, None], ("", 1.0)),
    "transposed": (lambda a: a.T, ("transposed", 1.0)),
    "flat": (lambda a: a.ravel(), ("reshaped", 1.0)),
    "negative": (lambda a: -a, ("", -1.0)),
    "flat in the order of Fortran": (lambda a: a.ravel("F"), None),
    "another": (lambda a: a + 1e-6, None),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_counts(name):
    change, wanted = LAYOUTS[name]
    assert layout_of(change(X), X) == wanted


def test_what_feeds_a_right_value_is_innocent():
    found = run()
    assert found.wrong == [(0,)]
    assert {line(one) for one in found.suspects} == {5, 6}
    assert {line(one) for one in found.innocent if one.active} == {1, 2, 3, 4, 6}
    assert {line(one) for one in found.last_known} == {1, 4, 6}
    kinds = {line(one): match.known.kind for one, match in found.matches.items() if one.op in ("multiply", "add")}
    assert kinds == {2: "share", 4: "gradient"}


def test_projections_tell_what_mends():
    found = run()
    node = next(one for one in found.suspects if one.op == "multiply")
    dz = next(one for one, match in found.matches.items() if match.known.kind == "gradient" and line(one) == 4)
    projections = Projections(found, np.random.default_rng(0))
    (flow,) = projections.of([node])
    change = flow @ (dz.value - node.value).ravel()
    size = np.abs(flow) @ np.abs(dz.value - node.value).ravel()
    assert projections.mended(change[None], size[None]) == [frozenset({(0,)})]
    for slip in (0.999 * change, -change, np.zeros_like(change)):
        assert projections.mended(slip[None], size[None]) == [frozenset()]


def test_products_of_known_arrays_are_partly_known():
    found = run()
    partly = PartlyKnown(found.known)
    gradient = found.known.gradients[found.trace.graph.output]
    h = found.trace.graph.output.parents[0].value
    assert partly.holds(gradient * h)
    assert partly.holds(gradient / h * 7)
    assert partly.holds(1 / h)
    assert not partly.holds(gradient + 1e-3 * h)
    assert not partly.holds(np.zeros(3))
