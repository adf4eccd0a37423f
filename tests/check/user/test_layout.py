"""The functions see their arrays in the order of memory in which the user gave them, at every call."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.user.arguments import laid_out

A = np.random.default_rng(0).normal(size=(4, 3))
CUBE = np.random.default_rng(1).normal(size=(3, 4, 2))


def order_of(array):
    """The axes from the one with the longest stride to the one with the shortest."""
    return tuple(np.argsort([-abs(stride) for stride in array.strides], kind="stable").tolist())


LAYOUTS = {  # name: an array
    "C": A,
    "Fortran": np.asfortranarray(A),
    "transposed": A.T,
    "every other column": np.asfortranarray(np.repeat(A, 2, axis=1))[:, ::2],
    "reversed": np.asfortranarray(A)[::-1],
    "axes exchanged": CUBE.transpose(1, 0, 2),
    "Fortran of three axes": np.asfortranarray(CUBE),
}


@pytest.mark.parametrize("real_only", [False, True], ids=["complex step", "differences"])
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_at_every_call(name, wrong, real_only):
    given = LAYOUTS[name]

    def forward(x):
        assert not (real_only and np.iscomplexobj(x))
        assert order_of(x) == order_of(given)
        return np.sin(x)

    def vjp(x, y, g):
        for one in (x, y, g):
            assert order_of(one) == order_of(given)
        return (2 if wrong else 1) * g * np.cos(x)

    report = sg.check_vjp(forward, vjp, given)
    assert report.ok is not wrong, report.text()


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_copy_laid_out_like_another(name):
    like = LAYOUTS[name]
    array = np.arange(like.size, dtype=complex).reshape(like.shape)
    copied = laid_out(array, like)
    np.testing.assert_array_equal(copied, array)
    assert order_of(copied) == order_of(like)
    assert not np.shares_memory(copied, array)
