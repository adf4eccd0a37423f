"""Which gradient is for which input, whatever way a backward function returns them."""

import numpy as np
import pytest

from softgrad.check.user.arguments import Arguments
from softgrad.check.user.returned_gradients import ReturnedGradients
from softgrad.errors import CheckError

X, W, Y = np.ones((4, 3)), np.ones((3, 2)), np.array([0, 1, 1, 0])
P = {"W": W, "b": np.ones(2)}
GX, GW, GP = X + 1, W + 1, {"W": W + 1, "b": np.zeros(2)}


def returned(inputs, value, wrt=None):
    return ReturnedGradients(Arguments("check_vjp", inputs, None), "vjp", value, wrt)


WAYS = {  # what is returned: (the inputs, the value, wrt, the keys of the gradients)
    "one": ((X,), GX, None, [(0,)]),
    "one in a tuple": ((X,), (GX,), None, [(0,)]),
    "one of two": ((X, W), GX, None, [(0,)]),
    "two of two": ((X, W), (GX, GW), None, [(0,), (1,)]),
    "none for class indices": ((X, Y), (GX, None), None, [(0,)]),
    "without the class indices": ((X, Y), GX, None, [(0,)]),
    "class indices first": ((Y, X), GX, None, [(1,)]),
    "two real ones among three": ((X, Y, W), (GX, GW), None, [(0,), (2,)]),
    "none in the middle": ((X, Y, W), (GX, None, GW), None, [(0,), (2,)]),
    "none for a real one": ((X, W), (None, GW), None, [(1,)]),
    "for one by wrt": ((X, W), GW, [1], [(1,)]),
    "for several by wrt": ((X, Y, W), (GX, GW), [0, 2], [(0,), (2,)]),
    "in the order of wrt": ((X, Y, W), (GW, GX), [2, 0], [(2,), (0,)]),
    "all, of which wrt asks one": ((X, W), (GX, GW), [1], [(1,)]),
    "a dict": ((P,), GP, None, [(0, "W"), (0, "b")]),
    "a dict behind an array": ((X, P), (GX, GP), None, [(0,), (1, "W"), (1, "b")]),
    "a dict in another order": ((P,), dict(reversed(GP.items())), None, [(0, "W"), (0, "b")]),
    "a dict with more in it": ((P,), {**GP, "x": GX}, None, [(0, "W"), (0, "b")]),
    "a list": (([X, W],), [GX, GW], None, [(0, 0), (0, 1)]),
    "a tuple for a list, by wrt": (([X, W],), (GX, GW), [0], [(0, 0), (0, 1)]),
    "a tuple for a list": (([X, W],), (GX, GW), None, [(0, 0), (0, 1)]),
    "a list in a tuple": (([X, W],), ([GX, GW],), None, [(0, 0), (0, 1)]),
    "nested": (({"a": [X, {"W": W}]},), {"a": [GX, {"W": GW}]}, None, [(0, "a", 0), (0, "a", 1, "W")]),
    "a number": ((np.array(2.0),), 1.5, None, [(0,)]),
    "integers that are asked for": ((Y,), np.zeros(4), [0], [(0,)]),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_which_gradient_is_for_which_input(way):
    inputs, value, wrt, keys = WAYS[way]
    got = returned(inputs, value, wrt)
    assert list(got.grads) == keys
    assert got.wrt == list(dict.fromkeys(key[0] for key in keys))


def test_the_numbers_are_those_returned():
    got = returned((X, Y, P), (GX, None, GP)).grads
    np.testing.assert_array_equal(got[0,], GX)
    np.testing.assert_array_equal(got[2, "W"], GP["W"])
    np.testing.assert_array_equal(got[2, "b"], GP["b"])


def test_copies_are_kept():
    """A function may fill the same array again."""
    buffer = np.ones((4, 3))
    got = returned((X,), buffer).grads
    buffer[:] = 7
    np.testing.assert_array_equal(got[0,], np.ones((4, 3)))


@pytest.mark.parametrize("grad", [np.ones(5), np.ones((3, 4)), np.float32(1)])
def test_shapes_and_types_are_left_to_others(grad):
    got = returned((X,), grad).grads[0,]
    assert got.shape == np.shape(grad)
    assert got.dtype == np.asarray(grad).dtype


REFUSED = {  # what is returned: (the inputs, the value, wrt, the sentence)
    "None": ((X,), None, None, "vjp returned None, wanted the gradient; is there a return"),
    "None in a tuple, asked": ((X, W), (None, GW), [0, 1], "returned None as the gradient of input 0.*return"),
    "too many": ((X,), (GX, GX), None, "returned 2 gradients for 1 input"),
    "too many for the real ones": ((X, Y, Y), (GX, GX), None, "returned 2 gradients for 3 inputs, wanted one for each"),
    "too few for wrt": ((X, W, Y), (GX,), [0, 1], "returned 1 gradients?, wanted 2, for input 0, input 1"),
    "a list": ((X,), [1.0], None, "returned a list as the gradient of input 0, .* np.array makes"),
    "text": ((X,), "dx", None, "returned 'dx' of type str as the gradient of input 0, wanted an array of numbers"),
    "complex": ((X,), GX * 1j, None, "returned an array of complex128 as the gradient of input 0"),
    "a missing key": ((P,), {"W": GW}, None, "returned no gradient 'b'; wanted the keys of input 0, got 'W'"),
    "a list that is too short": (([X, W],), [GX], None, "returned no gradient 1; wanted the keys of input 0, got 0"),
    "an array for a dict": ((X, P), (GX, 1.0), None, "returned 1.0 of type float for input 1, wanted a dict with a"),
    "a gradient of a name": ((X, "fast"), (GX, GX), None, "returned a gradient for input 1, which is 'fast' of type"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    inputs, value, wrt, message = REFUSED[case]
    with pytest.raises(CheckError, match=f"^check_vjp: vjp {message.removeprefix('vjp ')}"):
        returned(inputs, value, wrt)
