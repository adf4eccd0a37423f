"""The language of the catalogue's lines: what each function computes, and that the line shown is the line run."""

import numpy as np
import pytest

from check.right_lines import LAYOUTS, K, M, layouts_of, quantities, right_lines
from softgrad.formulas.language import Layout, functions, run

CASES = [(line, layout) for line in right_lines() for layout in layouts_of(line)]
Z = np.array([[0.3, -1.2, 2.0], [1.0, 0.4, -0.5], [-2.0, 0.1, 0.6], [0.0, 1.5, -0.7]])
Y = np.array([2, 0, -1, 1])  # the third row is none of the classes
W = np.array([0.5, 2.0, 3.0])
SCALE = 1 / np.exp(Z).sum(axis=1, keepdims=True)
ONE_HOT = np.array([[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0]])

FUNCTIONS = {  # a call on rows: what it is
    "sum_k(z)": Z.sum(axis=1, keepdims=True),
    "sum_m(z)": Z.sum(axis=0, keepdims=True),
    "sum_all(z)": Z.sum(),
    "mean_k(z)": Z.mean(axis=1, keepdims=True),
    "mean_m(z)": Z.mean(axis=0, keepdims=True),
    "mean_all(z)": Z.mean(),
    "max_k(z)": Z.max(axis=1, keepdims=True),
    "first_k(z)": Z[:, :1],
    "last_k(z)": Z[:, 2:],
    "first_m(z)": Z[:1],
    "last_m(z)": Z[3:],
    "first(z)": 0.3,
    "softmax(z)": np.exp(Z) * SCALE,
    "softmax_m(z)": np.exp(Z) / np.exp(Z).sum(axis=0),
    "softmax_all(z)": np.exp(Z) / np.exp(Z).sum(),
    "log_softmax(z)": Z + np.log(SCALE),
    "masked_softmax(z, z > 0)": np.exp(Z) * (Z > 0) / (np.exp(Z) * (Z > 0)).sum(axis=1, keepdims=True),
    "one_hot(y)": ONE_HOT,
    "pick(w, y)": np.array([[3.0], [0.5], [0.0], [2.0]]),
    "rows(y)": Y[:, None],
    "classes(w)": W[None],
    "per_row(sum_k(z))": Z.sum(axis=1),
    "shift(z)": Z[:, [2, 0, 1]],
    "shift_back(z)": Z[:, [1, 2, 0]],
    "unwrapped_shift(z)": np.column_stack([np.zeros(4), Z[:, :2]]),
    "unwrapped_shift_back(z)": np.column_stack([Z[:, 1:], np.zeros(4)]),
    "first_one(z)": np.array([[1, 0, 0]] * 4),
    "last_one(z)": np.array([[0, 0, 1]] * 4),
    "sigmoid(z)": 1 / (1 + np.exp(-Z)),
    "softplus(z)": np.log(1 + np.exp(Z)),
    "relu(z)": Z * (Z > 0),
    "ones(z)": np.ones((4, 3)),
    "zeros(z)": np.zeros((4, 3)),
}


def named(layout, **given):
    names = functions(layout)
    names.update(given, K=3.0)
    return names


def turned(value):
    """The same for classes on axis 0."""
    return value.T if np.ndim(value) == 2 else value


@pytest.mark.parametrize("call", FUNCTIONS)
def test_functions_on_rows(call):
    got, wanted = run((f"r = {call}",), named(Layout(-1, 2), z=Z, y=Y, w=W))["r"], FUNCTIONS[call]
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("call", FUNCTIONS)
def test_functions_on_columns(call):
    got, wanted = run((f"r = {call}",), named(Layout(0, 2), z=Z.T, y=Y, w=W))["r"], turned(FUNCTIONS[call])
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-15)


OF_A_VECTOR = [call for call in FUNCTIONS if not any(part in call for part in ("_m(", "y)", "per_row"))]


@pytest.mark.parametrize("call", OF_A_VECTOR)
def test_functions_on_a_vector(call):
    """As on the only row of a matrix."""
    one_row, vector = named(Layout(-1, 2), z=Z[:1], w=W), named(Layout(-1, 1), z=Z[0], w=W)
    wanted, got = (run((f"r = {call}",), names)["r"] for names in (one_row, vector))
    np.testing.assert_allclose(np.squeeze(got), np.squeeze(wanted), rtol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sum_keeps_what_it_summed_as_an_axis_of_length_1(layout):
    """So that it can be broadcast, and so that a second sum along it changes nothing."""
    names = quantities("dz = z", LAYOUTS[layout])
    run(("a = sum_k(z)", "b = sum_k(sum_k(z))"), names)
    assert np.ndim(names["a"]) == LAYOUTS[layout].ndim
    np.testing.assert_array_equal(names["a"], names["b"])


def test_sigmoid_and_softplus_do_not_overflow():
    names = named(Layout(-1, 1), z=np.array([-800.0, 800.0]))
    run(("a = sigmoid(z)", "b = softplus(z)"), names)
    np.testing.assert_array_equal(names["a"], [0, 1])
    np.testing.assert_array_equal(names["b"], [0, 800])


def test_lines_are_run_one_after_the_other():
    names = run(("dz = p - t", "dz = dz / m"), {"p": 3.0, "t": 1.0, "m": 4.0})
    assert names["dz"] == 0.5


def test_a_line_reaches_nothing_but_its_names():
    with pytest.raises(NameError):
        run(("dz = open('x')",), {})


def test_layouts_in_words():
    assert [str(layout) for layout in LAYOUTS.values()] == [
        "rows (m, K)",
        "columns (K, m)",
        "a vector",
        "classes on axis 1 of 3",
        "classes on axis -1 of 3",
    ]
    assert str(Layout(1, 2)) == "rows (m, K)"
    assert [layout.batch_axes for layout in LAYOUTS.values()] == [(0,), (1,), (), (0, 2), (0, 1)]
    assert Layout(1, 4).batch_axes == (0, 2, 3)


def test_the_quantities_are_of_unlike_lengths():
    """Otherwise a sum along the wrong axis could give the right numbers."""
    assert len({M, K, quantities("dz = z", LAYOUTS["rows"])["x"].shape[1]}) == 3
