"""Inputs of functions that bring a vector into shape, and single numbers among the inputs that a file draws."""

import pytest

HINGE = """
import numpy as np

def hinge(w, b, X, y):
    return np.maximum(0, 1 - y * (X @ w + b)).mean() + 0.01 * w @ w

def hinge_grad(w, b, X, y):
    on = 1 - y * (X @ w + b) > 0
    return -(X * (y * on)[:, None]).mean(0) + 0.02 * w, -(y * on).mean()

def inputs(rng):
    return rng.normal(size=3), rng.normal(), rng.normal(size=(9, 3)), rng.choice([-1, 1], 9)
"""
GRID = """
import numpy as np

def energy(u):
    u = u.reshape(5, 5)
    return 0.5 * np.sum((u[1:] - u[:-1]) ** 2) - u.sum() / 25

def energy_grad(u):
    v = u.reshape(5, 5)
    g = np.zeros((5, 5))
    g[1:] += v[1:] - v[:-1]
    g[:-1] -= v[1:] - v[:-1]
    return (g - 1 / 25).ravel()
"""
PENALTY = HINGE.replace(", b,", ", reg,").replace("+ b)", "+ reg)").replace(", -(y * on).mean()", "")
RIGHT = {  # name: (source, what is said)
    "a bias that is one number": (HINGE, "is read as the gradient for w, b"),
    "a penalty is none": (PENALTY, "is read as the gradient for w\n"),
    "a grid": (GRID, "u drawn as 25"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_gradient_passes(case, softgrad, tmp_path):
    source, said = RIGHT[case]
    (tmp_path / "mine.py").write_text(source)
    result = softgrad("check", "mine.py")
    assert result.code == 0, result.out
    assert said in result.out


def test_a_wrong_gradient_of_a_grid_is_wrong(softgrad, tmp_path):
    (tmp_path / "mine.py").write_text(GRID.replace("g - 1 / 25", "g - 1 / 5"))
    assert softgrad("check", "mine.py").code == 1
