"""Calls of a function on drawn arrays: where the result goes, what is written to, and what becomes of 16 bits."""

import numpy as np
from hypothesis import strategies as st

from layouts import LAYOUTS


@st.composite
def rooms(draw, of):
    """Where a result goes: None, the name of a layout, or "itself" for the argument's own memory."""
    reusable = of.array.flags.writeable and of.array.dtype.kind not in "iub"
    return draw(st.sampled_from([None, *["itself"] * 3 * reusable, *(name for name in LAYOUTS if name != "read-only")]))


def room(name, shape, dtype):
    """An array to write to; one number has no layout."""
    return LAYOUTS[name if shape else "C"](np.full(shape, 77, dtype))


def called(function, arrays, out, result_shape=None, **options):
    """The result, whose array or gradient is where `out` says; nothing else is written to."""
    first = arrays[0]
    before = [array.tobytes() for array in arrays]
    if out is None:
        result = function(*arrays, **options)
    else:
        shape = first.shape if result_shape is None else result_shape
        to = first if out == "itself" else room(out, shape, _of_result(first.dtype))
        result = function(*arrays, **options, out=to)
        assert _written(result) is to, "what is returned is not out"
    for array, was in zip(arrays, before, strict=True):
        if out != "itself" or array is not first:
            assert array.tobytes() == was, "an argument was written to"
    return result


def in_both_widths(function, arrays, out, result_shape=None, **options):
    """The result in the dtype that it is computed in, of which that in the dtype of the first array is a rounding."""
    first, *others = arrays
    with np.errstate(over="ignore"):  # a finite float32 may be infinite in float16
        result = called(function, [first.laid_out(first.array).array, *others], out, result_shape, **options)
    array, dtype = _written(result), _of_result(first.array.dtype)
    if not isinstance(array, np.ndarray):
        dtype = dtype.newbyteorder("=")  # a scalar's bytes are in the order of this machine
    assert array.dtype == dtype, f"the result is {array.dtype}, wanted {dtype}"
    if first.array.dtype == first.wide.dtype:
        return result
    wide = function(first.wide, *others, **options)
    assert_rounded_once(array, _written(wide))
    if array is not result:
        np.testing.assert_array_equal(result.loss, wide.loss, strict=True)
    return wide


def assert_rounded_once(got, wide):
    """`got` is `wide` in the dtype of `got`, bit by bit but for the sign of 0."""
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(np.asarray(got, "float64"), np.asarray(wide.astype(got.dtype), "float64"))


def _of_result(dtype):
    return np.dtype("float64") if dtype.kind in "iub" else dtype


def _written(result):
    """What `out` holds: the result itself, or the gradient of a loss."""
    return getattr(result, "grad", result)
