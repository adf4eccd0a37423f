"""A gradient that is right at the inputs given alone: the report says how to draw others, or why they do not count."""

import numpy as np
import pytest

import softgrad as sg

X, W = np.linspace(-0.4, 0.5, 12), np.linspace(0.4, -0.5, 12)


def clipped(x):
    return np.sin(np.clip(x, -1, 1))


def back_of_clipped(x, y, g):
    """For numbers between -1 and 1."""
    return g * np.cos(x)


def test_the_option_inputs_is_named_and_helps():
    report = sg.check_vjp(clipped, back_of_clipped, X)
    assert report.ok is False
    assert "if forward is not meant for such inputs, the option inputs draws those that it is meant for" in report.facts
    assert sg.check_vjp(clipped, back_of_clipped, X, inputs=lambda rng: rng.uniform(-0.9, 0.9, 12)).ok is True


def settled(x, w):
    """The fixed point y = tanh(w y + x): for w below -1, about, the steps go to and fro."""
    y = np.zeros_like(x)
    for _ in range(100):
        y = np.tanh(w * y + x)
    return y


def settled_at_last(x, w):
    """The same, with as many steps as it takes."""
    y = np.zeros_like(x)
    for _ in range(300):
        y, before = np.tanh(w * y + x), y
        if np.abs(y - before).max() < 1e-12:
            break
    return y


def backward(x, w, y, g):
    slope = 1 - y**2
    dx = g * slope / (1 - w * slope)
    return dx, dx * y


@pytest.mark.parametrize("forward", [settled, settled_at_last])
def test_inputs_at_which_an_iteration_does_not_converge_do_not_count(forward):
    report = sg.check_vjp(forward, backward, X, W)
    assert report.ok is True, report.text()
    line = forward.__code__.co_firstlineno + 4
    said = f"the loop of forward in line {line} converges at the inputs given, and does not at others like them"
    assert any(fact.startswith(said) for fact in report.facts), report.facts


def test_a_wrong_gradient_of_a_fixed_point_is_found():
    assert sg.check_vjp(settled, lambda *a: (0.5 * backward(*a)[0], backward(*a)[1]), X, W).ok is False


@pytest.mark.thorough
def test_those_at_which_it_does_are_judged():
    rows = np.stack([X, -X, X / 2, X / 3])

    def mean(x, w):
        return settled(x, w).mean(axis=0)

    def by_four(x, w, y, g):
        y = settled(x, w)
        slope = 1 - y**2
        dx = g / 4 * slope / (1 - w * slope)
        return dx, (dx * y).sum(axis=0)

    report = sg.check_vjp(mean, by_four, rows, W)
    assert report.ok is False
    assert report.mistake.name == "size-hard-coded"


def recurrent(x, w):
    """No iteration: each round has another input."""
    h = np.zeros(3)
    for row in x:
        h = np.tanh(np.maximum(w, -1) @ h + row)
    return h


def back_of_recurrent(x, w, y, g):
    states = [np.zeros(3)]
    for row in x:
        states.append(np.tanh(w @ states[-1] + row))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in reversed(range(len(x))):
        dx[t] = g * (1 - states[t + 1] ** 2)
        dw += np.outer(dx[t], states[t])
        g = w.T @ dx[t]
    return dx, dw


def test_other_loops_hide_nothing():
    rng = np.random.default_rng(0)
    report = sg.check_vjp(recurrent, back_of_recurrent, rng.normal(size=(10, 3)), 0.1 * rng.normal(size=(3, 3)))
    assert report.ok is False
