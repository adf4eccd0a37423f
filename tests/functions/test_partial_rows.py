"""The kernels of rows whose classes come some at a time: the sums over these, and the exponentials below a maximum."""

import numpy as np
import pytest

from softgrad import _kernels
from softgrad._rows import bits

CASES = {  # name: (rows, classes, offset of the logits, temperature, softcap)
    "one class": (3, 1, 0.0, 1.0, 0.0),
    "short rows": (9, 37, 0.0, 1.0, 0.0),
    "far from 0": (5, 300, 1e4, 1.0, 0.0),
    "tempered": (7, 129, -3.0, 2.5, 0.0),
    "capped": (7, 129, 1.0, 0.5, 3.0),
    "two threads": (64, 4000, 0.0, 1.0, 0.0),
    "long rows": (2, 2**18 + 5, 0.0, 0.7, 0.0),
}
DTYPES = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": None}


def logits(case, dtype):
    """The logits as stored, and as float64."""
    rows, classes, offset, _, _ = CASES[case]
    z = np.random.default_rng(0).normal(0, 2, (rows, classes)) + offset
    if dtype != "bfloat16":
        stored = z.astype(DTYPES[dtype])
        return (stored.view(np.uint16) if dtype == "float16" else stored), stored.astype(float)
    stored = (z.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return stored, as_float(stored, dtype)


def as_float(stored, dtype):
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32).astype(float)
    return stored.view(DTYPES[dtype]).astype(float)


def scores_below(z, largest, temperature, softcap):
    z, largest = np.longdouble(z), np.longdouble(largest)
    if softcap:
        z, largest = softcap * np.tanh(z / softcap), softcap * np.tanh(largest / softcap)
    return (z - largest) / temperature


def sums_of(stored, dtype, temperature=1.0, softcap=0.0):
    computed_in = np.float64 if dtype == "float64" else np.float32
    largest, others = np.empty(len(stored), computed_in), np.empty(len(stored))
    _kernels.partial_sums(stored[:, :, None], largest, others, temperature, softcap, bfloat16=dtype == "bfloat16")
    return largest, others


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_the_maximum_and_the_sum_of_the_others(case, dtype):
    stored, z = logits(case, dtype)
    _, _, _, temperature, softcap = CASES[case]
    largest, others = sums_of(stored, dtype, temperature, softcap)
    np.testing.assert_array_equal(largest, z.max(axis=1))
    e = np.exp(scores_below(z, z.max(axis=1, keepdims=True), temperature, softcap))
    e[np.arange(len(z)), z.argmax(axis=1)] = 0
    np.testing.assert_allclose(others, e.sum(axis=1).astype(float), rtol=1e-12 if dtype == "float64" else 3e-7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_the_exponentials_below_a_maximum(case, dtype):
    """Each within a few ulp of its storage; those that underflow there are compared with the smallest normal number."""
    stored, z = logits(case, dtype)
    _, _, _, temperature, softcap = CASES[case]
    computed_in = np.float64 if dtype == "float64" else np.float32
    largest = (z.max(axis=1) + 0.5).astype(computed_in)  # of classes elsewhere
    factor = np.linspace(-1.5, 2, len(z))
    _kernels.scaled_exponentials(
        stored[:, :, None], largest, factor, temperature, softcap, bfloat16=dtype == "bfloat16"
    )
    exact = factor[:, None] * np.exp(scores_below(z, largest[:, None], temperature, softcap))
    if softcap:
        exact /= np.cosh(np.longdouble(z) / softcap) ** 2
    eps = 2.0**-8 if dtype == "bfloat16" else np.finfo(DTYPES[dtype]).eps
    smallest = 2.0**-14 if dtype == "float16" else 2.0**-126
    tolerance = 5 * eps * np.maximum(np.abs(exact), smallest)
    assert (np.abs(as_float(stored, dtype) - exact) <= tolerance).all()


def test_masked_classes_and_what_is_no_number():
    inf, nan = np.inf, np.nan
    z = np.array([[-inf, -inf], [0, -inf], [nan, 0], [-inf, nan], [inf, 0]], np.float32)
    largest, others = sums_of(z, "float32")
    np.testing.assert_array_equal(largest, [-inf, 0, 0, -inf, inf])
    np.testing.assert_array_equal(others, [-1, 0, nan, nan, nan])  # a sum of 0 is 1 - 1
    _kernels.scaled_exponentials(z[:, :, None], np.zeros(5, np.float32), np.ones(5), 1.0, 0.0)
    np.testing.assert_array_equal(z[:3], [[0, 0], [1, 0], [nan, 1]])


def test_bits_are_what_the_kernels_take():
    z = np.zeros((1, 2), np.float16)
    assert sums_of(bits(z), "float16") == (0, 1)
