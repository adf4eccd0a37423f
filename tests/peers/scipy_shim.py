"""A pytest plugin that puts softgrad's functions in the place of SciPy's, for SciPy's own tests of them.

    PYTHONPATH=tests python -m pytest -p peers.scipy_shim --pyargs scipy.special.tests.test_logsumexp

Calls that softgrad does not offer skip the test, so that every failure is a disagreement.
"""

import numpy as np
import pytest
import scipy.special

import softgrad as sg

scipy_capabilities = __import__("scipy._lib._array_api", fromlist=["xp_capabilities_table"]).xp_capabilities_table


def softmax(x, axis=None):
    return _of_any_shape(sg.softmax, x, axis)


def log_softmax(x, axis=None):
    return _of_any_shape(sg.log_softmax, x, axis)


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    if b is not None or return_sign or np.iscomplexobj(a):
        pytest.skip("outside softgrad: complex numbers, b and return_sign")
    if np.ndim(a) == 0:
        return sg.logsumexp(np.reshape(a, 1))
    return sg.logsumexp(a, axis=axis, keepdims=keepdims)


def _of_any_shape(function, x, axis):
    """A single number is a row of one class."""
    return function(np.reshape(x, 1))[0] if np.ndim(x) == 0 else function(x, axis=axis)


for ours in (softmax, log_softmax, logsumexp):
    theirs = getattr(scipy.special, ours.__name__)
    scipy_capabilities[ours] = scipy_capabilities[theirs]
    setattr(scipy.special, ours.__name__, ours)
