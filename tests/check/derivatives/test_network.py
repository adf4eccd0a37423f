"""compare_gradients: what it lets pass, what it finds, and what it says of it."""

import numpy as np
import pytest

from softgrad import DtypeError, ShapeError
from softgrad.check import compare_gradients

LIMIT = 1e-6


def problem():
    """A loss of three parameters of 0, 1 and 2 dimensions, and its gradient."""
    rng = np.random.default_rng(0)
    parameters = {"scale": np.array(0.7), "bias": rng.normal(0, 1, 3), "weight": rng.normal(0, 1, (2, 3))}
    x = rng.normal(0, 1, (4, 2))

    def loss():
        return float(parameters["scale"] * np.exp(np.tanh(x @ parameters["weight"] + parameters["bias"])).sum())

    y = np.tanh(x @ parameters["weight"] + parameters["bias"])
    g = parameters["scale"] * np.exp(y) * (1 - y * y)
    grads = {"scale": np.exp(y).sum(), "bias": g.sum(axis=0), "weight": x.T @ g}
    return loss, parameters, {name: np.array(grad) for name, grad in grads.items()}


def test_a_right_gradient_passes():
    worst = compare_gradients(*problem())
    assert worst.error < 1e-9
    assert worst.name in ("scale", "bias", "weight")


ENTRIES = [("scale", ()), ("bias", (0,)), ("bias", (2,)), ("weight", (0, 0)), ("weight", (1, 2))]


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
@pytest.mark.parametrize("off", [1e-5, 1e-2, 10.0, -10.0])
def test_a_wrong_entry_is_found_and_measured(name, entry, off):
    loss, parameters, grads = problem()
    right = float(grads[name][entry])
    grads[name][entry] += off
    worst = compare_gradients(loss, parameters, grads)
    assert (worst.name, worst.entry) == (name, entry)
    assert worst.got == right + off
    assert abs(worst.wanted - right) < 1e-8
    assert abs(worst.error - abs(off) / max(abs(right), abs(right + off))) < 1e-3 * worst.error


SLIPS = {  # name: what the gradient is turned into
    "zeros": np.zeros_like,
    "sign": np.negative,
    "mean for sum": lambda grad: grad / 4,
    "in reverse": lambda grad: grad[::-1],
    "NaN": lambda grad: np.full_like(grad, np.nan),
    "infinite": lambda grad: np.full_like(grad, np.inf),
    "one NaN": lambda grad: np.where(np.arange(3) == 1, np.nan, grad),
}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("name", ["bias", "weight"])
def test_a_wrong_gradient_is_found(slip, name):
    loss, parameters, grads = problem()
    worst = compare_gradients(loss, parameters, {**grads, name: SLIPS[slip](grads[name])})
    assert worst.error > 0.1
    assert worst.name == name


def test_a_nan_is_shown_where_it_is():
    loss, parameters, grads = problem()
    grads["weight"][1, 1] = np.nan
    worst = compare_gradients(loss, parameters, grads)
    assert (worst.error, worst.name, worst.entry) == (np.inf, "weight", (1, 1))
    assert str(worst).startswith("inf at weight[1, 1]: got nan, central difference ")


def test_a_loss_of_nan_does_not_pass():
    w = np.array([1.0])
    assert compare_gradients(lambda: float("nan"), {"w": w}, {"w": w}).error == np.inf


# Curves on which a difference with the usual step is far off, though the gradient is right.
HARD = {  # name: (loss of w, its derivative, w)
    "kink inside the step": (np.abs, np.sign, 1e-6),
    "kink inside a shorter step": (np.abs, np.sign, -1e-7),
    "kink and slope": (lambda w: 3 * w + np.maximum(w, 0), lambda w: 3 + (w > 0), 3e-7),
    "steep": (lambda w: np.exp(400 * w), lambda w: 400 * np.exp(400 * w), 0.01),
    "outlier": (lambda w: np.tanh(1e3 * w), lambda w: 1e3 / np.cosh(1e3 * w) ** 2, 1e-3),
    "far from 0": (lambda w: np.sin(w), lambda w: np.cos(w), 1e4),
    "far from 0 and even": (lambda w: w**8, lambda w: 8 * w**7, 1e3),
    "cancelling": (lambda w: 1e3 + w * w, lambda w: 2 * w, 1.0),
}


@pytest.mark.parametrize("case", HARD)
def test_a_right_gradient_passes_on_a_hard_curve(case):
    f, derivative, at = HARD[case]
    w = np.array([at])
    assert compare_gradients(lambda: float(f(w[0])), {"w": w}, {"w": derivative(w)}).error < LIMIT


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("factor", [0, -1, 0.5, 1.001])
def test_a_wrong_gradient_is_found_on_a_hard_curve(case, factor):
    f, derivative, at = HARD[case]
    w = np.array([at])
    assert compare_gradients(lambda: float(f(w[0])), {"w": w}, {"w": factor * derivative(w)}).error > 1e-4


@pytest.mark.parametrize("size", [1e-3, 1e-5])
def test_a_small_gradient_beside_a_large_loss_is_held_to_what_differences_resolve(size):
    """A difference of a loss near 1 is good to 1e-10: one that is 1e-8 off is found, whatever the step."""
    w = np.linspace(-1, 1, 50)
    right = {"w": size * np.cos(w)}
    wrong = {"w": right["w"] + 1e-8}

    def loss():
        return float(1 + size * np.sin(w).sum())

    assert compare_gradients(loss, {"w": w}, right).error < LIMIT
    assert compare_gradients(loss, {"w": w}, wrong).error > LIMIT


@pytest.mark.parametrize("loss", [0.0, 1.0, 1e6])
def test_a_gradient_of_0_passes_where_the_loss_does_not_move(loss):
    w = np.ones((2, 2))
    assert compare_gradients(lambda: loss, {"w": w}, {"w": np.zeros((2, 2))}).error == 0
    assert compare_gradients(lambda: loss, {"w": w}, {"w": np.full((2, 2), 1e-3 * max(loss, 1))}).error > LIMIT


def test_parameters_are_put_back_and_every_entry_is_told():
    loss, parameters, grads = problem()
    before, told = {name: value.copy() for name, value in parameters.items()}, []
    compare_gradients(loss, parameters, {**grads, "bias": -grads["bias"]}, on_entry=lambda: told.append(1))
    assert len(told) == 1 + 3 + 6
    for name, value in parameters.items():
        assert value.tobytes() == before[name].tobytes()


REFUSED = {  # name: (parameters, grads, error, message)
    "another shape": (
        np.ones((2, 3)),
        {"w": np.ones((3, 2))},
        ShapeError,
        r".*shape is \(3, 2\), wanted \(2, 3\), that of",
    ),
    "a row for a column": (
        np.ones((2, 1)),
        {"w": np.ones(2)},
        ShapeError,
        r".*shape is \(2,\), wanted \(2, 1\), that of",
    ),
    "missing": (np.ones(2), {"v": np.ones(2)}, ShapeError, "grads has no 'w'; wanted one gradient for each parameter"),
    "float32": (np.ones(2, "f4"), {"w": np.ones(2)}, DtypeError, r"parameters\['w'\].dtype is float32, wanted float64"),
    "integers": (np.ones(2, int), {"w": np.ones(2)}, DtypeError, r"parameters\['w'\].dtype is int64, wanted float64"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case):
    w, grads, error, message = REFUSED[case]
    with pytest.raises(error, match=f"compare_gradients: {message}"):
        compare_gradients(lambda: 0.0, {"w": w}, grads)
