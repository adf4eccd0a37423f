"""Functions that are replaced while a user's function is traced, because they ask no traced array what to do.

np.zeros and its like take no array; what they make must be traced, since results are written into it. np.array and
np.sum of a list do not look into the list. Those of `math` and of SciPy make plain numbers of their arguments.

They are replaced in their modules while at least one thread traces. In any other thread, and between traces, the
replacements call the originals.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from softgrad.check.trace import of_math, of_scipy
from softgrad.check.trace.makers import ORIGINALS, as_strided, replacement, vectorized
from softgrad.check.user.interrupts import surely

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
_tracers: set[object] = set()  # one for each trace that is under way
_replaced: list[tuple[Any, str, Any, Any]] = []  # where, the name, the replacement, the original (None: of the class)


def _begin(tracer: object) -> None:
    with _lock:
        _tracers.add(tracer)
        if not _replaced:
            for owner, name, value in list(_all()):
                _replaced.append((owner, name, value, vars(owner).get(name)))
                setattr(owner, name, value)


def _end(tracer: object) -> None:
    with _lock:
        _tracers.discard(tracer)
        if _tracers:
            return
        for owner, name, value, original in reversed(_replaced):
            if vars(owner).get(name) is not value:
                continue
            if original is None:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
        _replaced.clear()


@contextmanager
def replaced() -> Iterator[None]:
    """While this runs, the replacements are in place."""
    tracer = object()
    try:
        _begin(tracer)
        yield
    finally:
        surely(lambda: _end(tracer))


def replacements_by_identity() -> dict[int, Any]:
    """By the identity of an original function: its replacement, for names that were imported from a module."""
    return {id(value.__wrapped__): value for _, name, value in _all() if name != "__call__"}
