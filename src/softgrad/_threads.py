"""How many threads a large call may use."""

from __future__ import annotations

import os

from softgrad import _kernels
from softgrad.errors import OptionError


def get_num_threads() -> int:
    """The most threads that one call uses: OMP_NUM_THREADS if that was set, or the processors this process may use.

    Small work stays on the calling thread whatever this says, and results do not depend on it.

    Example:
        >>> sg.get_num_threads() >= 1
        True
    """
    return _kernels.get_num_threads()


def set_num_threads(n: int) -> None:
    """Sets the most threads that one call uses, for the whole process.

    Args:
        n: at least 1.

    Raises:
        OptionError: n is less than 1.

    Example:
        >>> sg.set_num_threads(2)
        >>> sg.get_num_threads()
        2
    """
    if n < 1:
        raise OptionError(f"set_num_threads: n is {n}, wanted at least 1")
    _kernels.set_num_threads(n)


def _default() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2": the first is for the outer level
    if wanted.isdecimal() and 1 <= int(wanted) < 2**31:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


set_num_threads(_default())
