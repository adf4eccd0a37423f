"""The functions with which NumPy makes arrays, replaced while a user's function is traced.

np.zeros and its like take no traced argument, so NumPy asks nobody. What they make must be traced, since results are
written into it. They are replaced in the module `numpy` while at least one thread traces; in any other thread the
replacements call the originals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

from softgrad.check.trace.array import Traced, TracedScalar, holds_traced, node_of, plain, traced, traced_array
from softgrad.check.trace.methods import moved
from softgrad.check.trace.session import Session, paused, recording
from softgrad.formulas.numbers import Array

_asarray, _array = np.asarray, np.array
FRESH = ("zeros", "empty", "ones", "full", "eye", "identity", "linspace", "zeros_like", "empty_like",
         "ones_like", "full_like", "tri")  # fmt: skip
CONVERTING = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "copy")


def as_constant(session: Session, result: Any) -> Any:
    """A new array as a traced one, so that what is written into it is known."""
    if type(result) is not np.ndarray or result.dtype.kind != "f":
        return result
    return traced_array(result, session.node("constant", (), result))


def stacked(session: Session, value: Any) -> Any:
    """Nested lists with traced numbers in them, as one array."""
    if isinstance(value, Traced):
        return value
    if not isinstance(value, list | tuple) or not holds_traced(value):
        return _asarray(value)
    parts = [stacked(session, one) for one in value]
    return moved(session, lambda *ones: np.stack(ones), parts)


def _fresh(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def make(*args: Any, **options: Any) -> Any:
        session = recording()
        if session is None:
            return original(*args, **options)
        with paused():
            result = original(*args, **options)
            return result if isinstance(result, Traced) else as_constant(session, result)

    return make


def _filled(original: Callable[..., Any]) -> Callable[..., Any]:
    """np.full, whose number may be traced."""
    fresh = _fresh(original)

    @wraps(original)
    def make(shape: Any, fill_value: Any, *args: Any, **options: Any) -> Any:
        if recording() is None or not holds_traced(fill_value):
            return fresh(shape, fill_value, *args, **options)
        result = np.empty(shape, *args, **options)
        result[...] = fill_value
        return result

    return make


def _converting(original: Callable[..., Any], *, copies: bool) -> Callable[..., Any]:
    @wraps(original)
    def make(value: Any = None, *args: Any, **options: Any) -> Any:
        session = recording()
        if session is None:
            return original(value, *args, **options)
        with paused():
            if not holds_traced(value):
                result = original(value, *args, **options)
                if type(result) is np.ndarray and result is not value and result.base is None:
                    return as_constant(session, result)
                return result
            dtype = args[0] if args else options.get("dtype")
            array = value if isinstance(value, Traced) else stacked(session, value)
            return _converted(session, array, value, dtype, options, copies)

    return make


def _converted(session: Session, array: Any, value: Any, dtype: Any, options: dict[str, Any], copies: bool) -> Any:
    if dtype is not None and np.dtype(dtype) != array.dtype:
        node = node_of(session, array)
        result: Array = plain(array).astype(dtype)
        if result.dtype.kind != "f":
            if node.active:
                session.lose(f"an array of {result.dtype}")
            return result
        return traced_array(_array(result), session.node("cast", (node,), result))
    if array is not value:
        result = array
    elif isinstance(array, TracedScalar) or (copies and options.get("copy", True)):
        result = traced_array(_array(plain(array)), node_of(session, array))
    else:
        result = array
    if isinstance(result, TracedScalar):
        result = traced_array(_array(plain(result)), node_of(session, result))
    least = options.get("ndmin", 0)
    return result.reshape((1,) * (least - result.ndim) + result.shape) if result.ndim < least else result


def _made(name: str) -> Callable[..., Any]:
    original = getattr(np, name)
    if name == "full":
        return _filled(original)
    if name in CONVERTING:
        return _converting(original, copies=name in ("array", "copy"))
    return _fresh(original)


_lock = threading.Lock()
_tracing = 0
_originals: dict[str, Any] = {}
_replacements: dict[str, Any] = {}


@contextmanager
def replaced() -> Iterator[None]:
    """While this runs, NumPy's makers are the replacements."""
    global _tracing
    with _lock:
        _tracing += 1
        if _tracing == 1:
            for name in (*FRESH, *CONVERTING):
                _originals[name] = getattr(np, name)
                _replacements[name] = _made(name)
                setattr(np, name, _replacements[name])
    try:
        yield
    finally:
        with _lock:
            _tracing -= 1
            if not _tracing:
                for name, original in _originals.items():
                    if getattr(np, name) is _replacements[name]:
                        setattr(np, name, original)


__all__ = ["as_constant", "replaced", "stacked", "traced"]
