"""Functions that are replaced while a user's function is traced, because they ask no traced array what to do.

np.zeros and its like take no array; what they make must be traced, since results are written into it. np.array and
np.sum of a list do not look into the list. Those of `math` and of SciPy make plain numbers of their arguments.

They are replaced in their modules while at least one thread traces. In any other thread, and between traces, the
replacements call the originals.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from softgrad.check.trace import of_math, of_scipy
from softgrad.check.trace.makers import ORIGINALS, as_strided, replacement, vectorized

numpys_as_strided, numpys_vectorized = np.lib.stride_tricks.as_strided, np.vectorize.__call__
_of_math = cache(of_math.replacement_of)
_of_scipy = cache(of_scipy.replacement_of)


def _all() -> Iterator[tuple[Any, str, Any]]:
    """Where each stands, its name, and what replaces it."""
    for name in ORIGINALS:
        yield np, name, replacement(name)
    for name in of_math.NAMES:
        if hasattr(math, name):
            yield math, name, _of_math(name)
    for place, name in of_scipy.TABLE:
        if hasattr(of_scipy.owner_of(place), name):
            yield of_scipy.owner_of(place), name, _of_scipy(place, name)
    yield np.lib.stride_tricks, "as_strided", _as_strided()
    yield np.vectorize, "__call__", _vectorized()


@cache
def _as_strided() -> Any:
    return as_strided(numpys_as_strided)


@cache
def _vectorized() -> Any:
    return vectorized(numpys_vectorized)


_lock = threading.Lock()
_tracing = 0
_undo: list[Callable[[], None]] = []


def _put(owner: Any, name: str, value: Any) -> None:
    original = vars(owner).get(name)  # None: of the class
    setattr(owner, name, value)

    def undo() -> None:
        if getattr(owner, name) is value:
            delattr(owner, name) if original is None else setattr(owner, name, original)

    _undo.append(undo)


@contextmanager
def replaced() -> Iterator[None]:
    """While this runs, the replacements are in place."""
    global _tracing
    with _lock:
        _tracing += 1
        if _tracing == 1:
            for owner, name, value in list(_all()):
                _put(owner, name, value)
    try:
        yield
    finally:
        with _lock:
            _tracing -= 1
            if not _tracing:
                while _undo:
                    _undo.pop()()


def replacements_by_identity() -> dict[int, Any]:
    """By the identity of an original function: its replacement, for names that were imported from a module."""
    return {id(value.__wrapped__): value for _, name, value in _all() if name != "__call__"}
