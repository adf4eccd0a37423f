"""Memory layouts. Each function returns a new array with the same numbers in another layout."""

import numpy as np


def negative_strides(array):
    backwards = (slice(None, None, -1),) * array.ndim
    return array[backwards].copy()[backwards]


def every_other_entry(array):
    buffer = np.full([2 * length for length in array.shape], 77, array.dtype)  # nothing may read the entries between
    buffer[(slice(None, None, 2),) * array.ndim] = array
    return buffer[(slice(None, None, 2),) * array.ndim]


def within_a_larger_array(array):
    buffer = np.full([length + 2 for length in array.shape], 77, array.dtype)
    buffer[(slice(1, -1),) * array.ndim] = array
    return buffer[(slice(1, -1),) * array.ndim]


def shifted_by_a_byte(array):
    buffer = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    buffer[...] = array
    return buffer


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


LAYOUTS = {
    "C": np.array,
    "Fortran": lambda a: np.array(a, order="F"),
    "the first axis innermost": lambda a: np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0),
    "negative strides": negative_strides,
    "every other entry": every_other_entry,
    "a view of a larger array": within_a_larger_array,
    "unaligned": shifted_by_a_byte,
    "read-only": read_only,
}
