"""The short way to a result, for the calls that most programs make: arrays of NumPy in C order, and no mask.

On a small array a kernel takes a microsecond, and the checks in Python ten. Here the compiled module makes them. What
does not fit goes the long way, which has the messages; the results are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import numpy as np

from softgrad._arrays import Array


def shortly(
    kernel: Callable[..., bool], axis: object, temperature: object, out: object, x: object, *others: object
) -> Array | None:
    """What the kernel computes of x and the others; None for a call that goes the long way."""
    if not is_plain(x) or (others and not is_plain(others[0])):
        return None
    if out is None:
        result: Array = np.empty_like(x)
        return result if kernel(x, *others, result, axis, temperature, True) else None
    return out if is_plain(out) and kernel(x, *others, out, axis, temperature, False) else None


def is_plain(x: object) -> TypeGuard[Array]:
    """Whether it is an array of no subclass, in the byte order of the machine, which the compiled module cannot see."""
    return type(x) is np.ndarray and x.dtype.isnative
