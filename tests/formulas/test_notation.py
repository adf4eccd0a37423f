"""How lines are shown: the line of NumPy gives the numbers of the line, and a formula reads as mathematics."""

import numpy as np
import pytest

from check.right_lines import LAYOUTS, layouts_of, quantities, right_lines
from softgrad.formulas.language import Layout, run, split
from softgrad.formulas.notation import as_formula, as_numpy

CASES = [(line, layout) for line in right_lines() for layout in layouts_of(line)]


def softmax(z, axis):
    e = np.exp(z)
    return e / e.sum(axis=axis, keepdims=True)


HELPERS = {"np": np, "softmax": softmax, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}  # what a reader has


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_numpy_gives_the_numbers_of_the_line(layout, keepdims):
    """For every right line, in each of its layouts; the text is Python that needs NumPy and the reader's own names."""
    for line in (line for line, there in CASES if there == layout):
        names = quantities(line, LAYOUTS[layout])
        target, wanted = split(line)[0], run((line,), dict(names))[split(line)[0]]
        text = as_numpy(line, LAYOUTS[layout], keepdims=keepdims)
        data = {name: value for name, value in names.items() if not callable(value)} | HELPERS
        exec(text, {"__builtins__": {}}, data)
        got = data[target]
        if keepdims:
            assert np.shape(got) == np.shape(wanted), text
        np.testing.assert_allclose(np.squeeze(got), np.squeeze(wanted), rtol=1e-12, err_msg=text)


WRITTEN = {  # line: on rows, on columns, of a vector
    "dz = p * (dp - sum_k(p * dp))": (
        "dz = p * (dp - np.sum(p * dp, axis=-1, keepdims=True))",
        "dz = p * (dp - np.sum(p * dp, axis=0, keepdims=True))",
        "dz = p * (dp - np.sum(p * dp, axis=-1, keepdims=True))",
    ),
    "db = sum_m(dz)": ("db = np.sum(dz, axis=0)", "db = np.sum(dz, axis=1)", "db = dz"),
    "dz = rows(g) * p": ("dz = np.expand_dims(g, -1) * p", "dz = np.expand_dims(g, 0) * p", "dz = g * p"),
    "t = one_hot(y)": ("t = np.eye(K)[y]", "t = np.eye(K)[y].T", "t = np.eye(K)[y]"),
    "dz = softmax(z) - mean_all(t)": (
        "dz = softmax(z, axis=-1) - np.mean(t)",
        "dz = softmax(z, axis=0) - np.mean(t)",
        "dz = softmax(z, axis=-1) - np.mean(t)",
    ),
}


@pytest.mark.parametrize("line", WRITTEN)
def test_written_as_numpy(line):
    assert tuple(as_numpy(line, LAYOUTS[name]) for name in ("rows", "columns", "vector")) == WRITTEN[line]


def test_of_images():
    assert as_numpy("dz = p - sum_k(p) * rows(g)", LAYOUTS["images"]) == (
        "dz = p - np.sum(p, axis=1, keepdims=True) * np.expand_dims(g, 1)"
    )
    assert as_numpy("db = sum_m(dz)", LAYOUTS["images"]) == "db = np.sum(dz, axis=(0, 2))"


def test_a_bias_that_is_a_row_keeps_its_axis():
    assert as_numpy("db = sum_m(dz)", Layout(-1, 2), keepdims=True) == "db = np.sum(dz, axis=0, keepdims=True)"


FORMULAS = {
    "dz = p * (dp - sum_k(p * dp))": "dz = p * (dp - Σ_k(p * dp))",
    "dW = x.T @ dz": "dW = xᵀ dz",
    "dz = da * (1 - a ** 2)": "dz = da * (1 - a²)",
    "db = sum_m(dz) + sum_all(dz)": "db = Σ_m(dz) + Σ(dz)",
}


@pytest.mark.parametrize("line", FORMULAS)
def test_written_as_a_formula(line):
    assert as_formula(line) == FORMULAS[line]
