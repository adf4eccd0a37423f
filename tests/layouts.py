"""The same numbers elsewhere in memory: each returns an array of its own that is equal to the one it is given."""

import numpy as np


def negative_strides(array):
    backwards = (slice(None, None, -1),) * array.ndim
    return array[backwards].copy()[backwards]


def every_other_entry(array):
    room = np.full([2 * side for side in array.shape], 77, array.dtype)  # what lies between is not to be read
    room[(slice(None, None, 2),) * array.ndim] = array
    return room[(slice(None, None, 2),) * array.ndim]


def within_something_larger(array):
    room = np.full([side + 2 for side in array.shape], 77, array.dtype)
    room[(slice(1, -1),) * array.ndim] = array
    return room[(slice(1, -1),) * array.ndim]


def shifted_by_a_byte(array):
    room = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    room[...] = array
    return room


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
    "a view of something larger": within_something_larger,
    "unaligned": shifted_by_a_byte,
    "read-only": read_only,
}
