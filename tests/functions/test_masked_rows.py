"""Masks in every function, and the two kinds of rows without a class.

A row that `where` leaves no class has probabilities 0, logsumexp -inf and gradient 0. A row of -inf without a mask is
NaN, as in SciPy, torch and JAX; its logsumexp is -inf there as here.
"""

import numpy as np
import pytest

import softgrad as sg
from cases import LOSSES

Z = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]])
WHERE = np.array([[True, False, True], [True, True, False]])
V = np.array([[1.0, 5.0, -2.0], [0.5, 3.0, 7.0]])
LEFT_OUT = np.where(WHERE, V, np.nan)  # entries that no function may read
NOTHING = np.full((2, 3), -np.inf)

OF_MASKED_CLASSES = {  # name: (the function with where, the function of the classes that take part)
    "softmax_vjp": lambda z, v, **mask: sg.softmax_vjp(sg.softmax(z, **mask), v, **mask),
    "softmax_jvp": lambda z, v, **mask: sg.softmax_jvp(sg.softmax(z, **mask), v, **mask),
    "log_softmax_vjp": lambda z, v, **mask: sg.log_softmax_vjp(sg.log_softmax(z, **mask), v, **mask),
    "log_softmax_jvp": lambda z, v, **mask: sg.log_softmax_jvp(sg.log_softmax(z, **mask), v, **mask),
    "logsumexp_vjp": lambda z, v, **mask: sg.logsumexp_vjp(z, [2.0] * len(z) if z.ndim > 1 else 2.0, **mask),
    "logsumexp_jvp": lambda z, v, **mask: sg.logsumexp_jvp(z, v, **mask),
}


@pytest.mark.parametrize("name", OF_MASKED_CLASSES)
@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8"])
def test_a_product_is_that_of_the_classes_that_take_part(name, dtype):
    function = OF_MASKED_CLASSES[name]
    got = function(Z.astype(dtype), LEFT_OUT.astype(dtype), where=WHERE)
    tolerance = 4 * np.finfo(np.dtype(dtype).newbyteorder("=")).eps
    assert got.dtype == dtype
    for row in range(2):
        classes = WHERE[row]
        want = function(Z[row, classes], V[row, classes])
        if np.ndim(want) == 0:
            np.testing.assert_allclose(got[row], want, rtol=4 * tolerance)
        else:
            np.testing.assert_allclose(got[row, classes], want, rtol=tolerance, atol=8 * tolerance)
            assert got[row, ~classes] == 0


def test_the_outputs_of_masked_classes_are_constants():
    y = sg.log_softmax([1.0, 2.0, 3.0], where=[True, False, True])
    got = sg.log_softmax_vjp(y, [1.0, 1.0, 1.0], where=[True, False, True])
    np.testing.assert_allclose(got, [np.tanh(1), 0, -np.tanh(1)], rtol=1e-15)


@pytest.mark.parametrize("name", OF_MASKED_CLASSES)
def test_no_gradient_reaches_a_row_without_classes(name):
    assert not np.any(OF_MASKED_CLASSES[name](Z, np.full((2, 3), np.nan), where=False))
    if name == "logsumexp_vjp":
        assert not np.any(sg.logsumexp_vjp(Z, [np.nan, np.inf], where=False))


def test_values_of_rows_without_classes():
    assert sg.softmax(Z, where=False).tolist() == [[0.0] * 3] * 2
    assert sg.log_softmax(Z, where=False).tolist() == NOTHING.tolist()
    assert sg.logsumexp(Z, where=False).tolist() == [-np.inf] * 2


UNMASKED = {
    "softmax": lambda z: sg.softmax(z),
    "softmax_vjp": lambda z: sg.softmax_vjp(sg.softmax(z), V),
    "softmax_jvp": lambda z: sg.softmax_jvp(sg.softmax(z), V),
    "log_softmax": lambda z: sg.log_softmax(z),
    "log_softmax_vjp": lambda z: sg.log_softmax_vjp(sg.log_softmax(z), V),
    "log_softmax_jvp": lambda z: sg.log_softmax_jvp(sg.log_softmax(z), V),
    "logsumexp_vjp": lambda z: sg.logsumexp_vjp(z, [1.0, 1.0]),
    "logsumexp_jvp": lambda z: sg.logsumexp_jvp(z, V),
    "SoftmaxJacobian": lambda z: sg.SoftmaxJacobian(sg.softmax(z)) @ V,
    **{name: lambda z, f=loss.value: f(z, [0, 1], reduction="none") for name, loss in LOSSES.items()},
    **{f"{name}_with_grad": lambda z, f=loss.with_grad: f(z, [0, 1]).grad for name, loss in LOSSES.items()},
    **{
        f"{name} of probabilities": lambda z, f=loss.with_grad: f(z, np.full((2, 3), 1 / 3)).grad
        for name, loss in LOSSES.items()
    },
    **{f"{name}_jvp": lambda z, f=loss.jvp: f(z, [0, 1], V, reduction="none") for name, loss in LOSSES.items()},
    "entropy": lambda z: sg.cross_entropy_with_stats(z, [0, 1]).stats.entropy,
    "linear_cross_entropy": lambda z: sg.linear_cross_entropy(
        [[1.0], [1.0]], np.zeros((3, 1)), [0, 1], z[0], reduction="none"
    ),
}


@pytest.mark.parametrize("name", UNMASKED)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_row_of_minus_infinity_without_a_mask_is_nan(name):
    assert np.isnan(UNMASKED[name](NOTHING)).all()


def test_its_logsumexp_is_minus_infinity():
    assert sg.logsumexp(NOTHING).tolist() == [-np.inf] * 2
