"""The number of threads that a large call may use, and a warning if the widest vector instructions are not used."""

from __future__ import annotations

import os
import warnings

import numpy as np

from softgrad import _kernels
from softgrad._calls import explained
from softgrad._options import shown
from softgrad.errors import OptionError

__all__ = ["get_num_threads", "set_num_threads"]


@explained
def get_num_threads() -> int:
    """The maximum number of threads that one call uses.

    The default is OMP_NUM_THREADS if that environment variable is set, and otherwise the number of processors that this
    process may use. Small arrays are always computed on the calling thread. Results do not depend on the number of
    threads, except where a BLAS adds the terms of a matrix product: in `linear_cross_entropy` and in networks. On
    processors with other vector instructions (`SOFTGRAD_ISA`), the last digits may differ within the stated bounds.

    Example:
        >>> sg.get_num_threads() >= 1
        True
    """
    return _kernels.get_num_threads()


@explained
def set_num_threads(n: int) -> None:
    """Sets the maximum number of threads that one call uses, for the whole process.

    Args:
        n: the number of threads, from 1 to 2^31 - 1.

    Raises:
        OptionError: n is not an integer in this range.

    Example:
        >>> sg.set_num_threads(2)
        >>> sg.get_num_threads()
        2
    """
    integer = type(n) is not bool and isinstance(n, int | np.integer)
    if not integer or not 1 <= n < 2**31:
        raise OptionError(f"set_num_threads: n is {shown(n)}, wanted an integer from 1 to {2**31 - 1}")
    _kernels.set_num_threads(int(n))


def _default_num_threads() -> int:
    setting = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # the first number is for the outer level
    if setting.isdecimal() and 1 <= int(setting) < 2**31:
        return int(setting)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


set_num_threads(_default_num_threads())
if _kernels.ISA_WARNING:
    warnings.warn(_kernels.ISA_WARNING, RuntimeWarning, stacklevel=2)
