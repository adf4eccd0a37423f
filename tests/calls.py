"""Calls of a function on drawn arrays, which check the result's dtype, where it is stored, and its rounding."""

import numpy as np
from hypothesis import strategies as st

from layouts import LAYOUTS


@st.composite
def output_choices(draw, argument):
    """A choice of `out`: None, the name of a layout for a new array, or "argument" for the argument itself."""
    reusable = argument.array.flags.writeable and argument.array.dtype.kind not in "iub"
    layouts = [name for name in LAYOUTS if name != "read-only"]
    return draw(st.sampled_from([None, *["argument"] * 3 * reusable, *layouts]))


def output_array(layout, shape, dtype):
    """An array to write to. A single number has no layout."""
    return LAYOUTS[layout if shape else "C"](np.full(shape, 77, dtype))


def called(function, arrays, out, result_shape=None, **options):
    """The result of a call with the given choice of `out`. Asserts that the function writes to no other array."""
    first = arrays[0]
    before = [array.tobytes() for array in arrays]
    if out is None:
        result = function(*arrays, **options)
    else:
        shape = first.shape if result_shape is None else result_shape
        output = first if out == "argument" else output_array(out, shape, _result_dtype(first.dtype))
        result = function(*arrays, **options, out=output)
        assert _output_of(result) is output, "the returned array is not `out`"
    for array, content in zip(arrays, before, strict=True):
        if out != "argument" or array is not first:
            assert array.tobytes() == content, "the function wrote to an argument"
    return result


def in_both_widths(function, arrays, out, result_shape=None, **options):
    """The result in the dtype in which it is computed.

    Asserts that the result in the dtype of the first array is this result, rounded once.
    """
    first, *others = arrays
    with np.errstate(over="ignore"):  # a finite float32 can become infinite in float16
        result = called(function, [first.laid_out(first.array).array, *others], out, result_shape, **options)
    array, dtype = _output_of(result), _result_dtype(first.array.dtype)
    if not isinstance(array, np.ndarray):
        dtype = dtype.newbyteorder("=")  # scalars have the byte order of the machine
    assert array.dtype == dtype, f"the result is {array.dtype}, wanted {dtype}"
    if first.array.dtype == first.wide.dtype:
        return result
    wide = function(first.wide, *others, **options)
    assert_rounded_once(array, _output_of(wide))
    if array is not result:
        np.testing.assert_array_equal(result.loss, wide.loss, strict=True)
    return wide


def assert_rounded_once(got, wide):
    """`got` equals `wide` rounded to the dtype of `got`, to the bit except for the sign of 0."""
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(np.asarray(got, "float64"), np.asarray(wide.astype(got.dtype), "float64"))


def _result_dtype(dtype):
    return np.dtype("float64") if dtype.kind in "iub" else dtype


def _output_of(result):
    """The array that `out` stands for: the result itself, or the gradient of a loss."""
    return getattr(result, "grad", result)
