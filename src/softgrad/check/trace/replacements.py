"""Functions that are replaced while a user's function is traced, because they ask no traced array what to do.

np.zeros and its like take no array; what they make must be traced, since results are written into it. np.array and
np.sum of a list do not look into the list. Those of `math` turn their argument into a float.

They are replaced in their modules while at least one thread traces. In any other thread, and between traces, the
replacements call the originals.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

import numpy as np

from softgrad.check.trace.array import Traced, TracedScalar, holds_traced, node_of, plain, stacked, traced, traced_array
from softgrad.check.trace.methods import moved
from softgrad.check.trace.session import Session, paused, recording
from softgrad.formulas.numbers import Array

_array = np.array
FRESH = ("zeros", "empty", "ones", "full", "eye", "identity", "linspace", "tri", "zeros_like", "empty_like",
         "ones_like", "full_like")  # fmt: skip
CONVERTING = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "copy")
OF_A_LIST = ("sum", "mean", "var", "std", "max", "min", "amax", "amin", "prod", "cumsum", "average", "median", "sort",
             "dot", "argmax", "argmin", "outer", "inner", "diff", "tile", "repeat", "reshape", "ravel")  # fmt: skip
REPLACED = frozenset((*FRESH, *CONVERTING, "fromiter"))  # in NumPy's own code, too


def _fresh(original: Callable[..., Any]) -> Callable[..., Any]:
    """A new array of floats is traced, as a constant."""

    @wraps(original)
    def make(*args: Any, **options: Any) -> Any:
        session = recording()
        if session is None or any(isinstance(one, Traced) for one in args):
            return original(*args, **options)
        with paused():
            result = original(*args, **options)
            if type(result) is not np.ndarray or result.dtype.kind != "f":
                return result
            return traced_array(result, session.node("constant", (), result))

    return make


def _full(original: Callable[..., Any]) -> Callable[..., Any]:
    """np.full, whose number may be traced."""
    fresh = _fresh(original)

    @wraps(original)
    def make(shape: Any, fill_value: Any, *args: Any, **options: Any) -> Any:
        if recording() is None or not holds_traced(fill_value):
            return fresh(shape, fill_value, *args, **options)
        result = replacement("empty")(shape, *args, **options)
        result[...] = fill_value
        return result

    return make


def _converting(original: Callable[..., Any], *, copies: bool) -> Callable[..., Any]:
    """np.array and its like: of a traced array, and of lists of traced numbers."""

    @wraps(original)
    def make(value: Any = None, *args: Any, **options: Any) -> Any:
        session = recording()
        if session is None:
            return original(value, *args, **options)
        with paused():
            if not holds_traced(value):
                result = original(value, *args, **options)
                is_new = type(result) is np.ndarray and result is not value and result.base is None
                if not is_new or result.dtype.kind != "f":
                    return result
                return traced_array(result, session.node("constant", (), result))
            dtype = args[0] if args and original is not ORIGINALS["copy"] else options.get("dtype")
            if dtype is not None and np.dtype(dtype).kind == "O":
                return original(plain(value), *args, **options)
            array = value if isinstance(value, Traced) else stacked(session, value)
            return _converted(session, array, value, dtype, original, copies and options.get("copy", True) is True)

    return make


def _converted(session: Session, array: Any, value: Any, dtype: Any, original: Callable[..., Any], copies: bool) -> Any:
    node, given = node_of(session, array), plain(array)
    if dtype is not None and np.dtype(dtype) != array.dtype:
        result: Array = given.astype(dtype)
        if result.dtype.kind != "f":
            if node.active:
                session.lose(f"an array of {result.dtype}")
            return result
        return traced_array(_array(result), session.node("cast", (node,), result))
    if original in (ORIGINALS["ascontiguousarray"], ORIGINALS["asfortranarray"]):
        result = original(given)
        return array if result is given else traced_array(result, node)
    if isinstance(array, TracedScalar) or (copies and array is value):
        return traced_array(_array(given), node)
    return array


def _with_ndmin(make: Callable[..., Any]) -> Callable[..., Any]:
    """np.array, which may add axes in front."""

    @wraps(make)
    def wrapped(value: Any = None, *args: Any, **options: Any) -> Any:
        result = make(value, *args, **options)
        least = options.get("ndmin", 0)
        if isinstance(result, Traced) and result.ndim < least:
            return result.reshape((1,) * (least - result.ndim) + result.shape)
        return result

    return wrapped


def _of_a_list(original: Callable[..., Any]) -> Callable[..., Any]:
    """np.sum and others, of a list of traced arrays."""

    @wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        session = recording()
        if session is None or not any(isinstance(one, list | tuple) and holds_traced(one) for one in args[:2]):
            return original(*args, **options)
        with paused():
            args = (*(stacked(session, one) if holds_traced(one) else one for one in args[:2]), *args[2:])
        return original(*args, **options)

    return call


def _fromiter(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def make(iterable: Any, *args: Any, **options: Any) -> Any:
        if recording() is None:
            return original(iterable, *args, **options)
        entries = list(iterable)
        if holds_traced(entries):
            return replacement("array")(entries, *args[:1])
        return original(entries, *args, **options)

    return make


def _as_strided(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def view(x: Any, *args: Any, **options: Any) -> Any:
        if recording() is None or not isinstance(x, Traced):
            return original(x, *args, **options)
        return moved(recording(), lambda one: original(one, *args, **options), [x])

    return view


def _vectorized(original: Callable[..., Any]) -> Callable[..., Any]:
    """How an object of np.vectorize is called: its function is called entry by entry."""

    @wraps(original)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        session = recording()
        if session is None or options or self.signature is not None or self.excluded or not holds_traced(list(args)):
            return original(self, *args, **options)
        arrays = np.broadcast_arrays(*[stacked(session, one) for one in args])
        entries = [self.pyfunc(*[one[i] for one in arrays]) for i in np.ndindex(arrays[0].shape)]
        if not holds_traced(entries):
            return original(self, *[plain(one) for one in args])
        return stacked(session, entries).reshape(arrays[0].shape)

    return call


def _special_sum(op: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """softmax, log_softmax and logsumexp of scipy.special, as one operation."""

    @wraps(original)
    def call(a: Any, axis: Any = None, *args: Any, **options: Any) -> Any:
        session = recording()
        keep = options.get("keepdims", False)
        if session is None or not holds_traced(a) or args or set(options) - {"keepdims"}:
            return original(a, axis, *args, **options)
        with paused():
            x = node_of(session, stacked(session, a))
            axes = tuple(range(x.value.ndim)) if axis is None else tuple(np.atleast_1d(axis) % max(x.value.ndim, 1))
            value = original(x.value, axis, **options)
            return traced(value, session.node(op, (x,), value, {"axis": axes, "keepdims": bool(keep)}))

    return call


# math -------------------------------------------------------------------------------------------------------------

MATH = {  # function of math: operation
    **{name: name for name in ("exp", "expm1", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh",
                               "tanh", "fabs", "hypot", "erf", "erfc", "fmod", "copysign", "degrees", "radians")},
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh",
       "atanh": "arctanh", "pow": "power", "lgamma": "gammaln", "exp2": "exp2", "cbrt": "cbrt",
}  # fmt: skip


def _of_math(op: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(*args: Any) -> Any:
        session = recording()
        if session is None or not any(isinstance(one, Traced) for one in args):
            return original(*args)
        with paused():
            value = original(*[float(plain(one)) for one in args])
            nodes = [_scalar_node(session, one) for one in args]
            return traced(value, session.node(op, nodes, value))

    return call


def _scalar_node(session: Session, value: Any) -> Any:
    node = node_of(session, value)
    return session.part(node, np.zeros((), dtype=int)) if node.value.ndim else node


def _log(original: Callable[..., Any]) -> Callable[..., Any]:
    """math.log, which takes a base."""
    natural = _of_math("log", math.log)

    @wraps(original)
    def call(x: Any, *base: Any) -> Any:
        if recording() is None or not (isinstance(x, Traced) or holds_traced(base)):
            return original(x, *base)
        return natural(x) / natural(*base) if base else natural(x)

    return call


def _fsum(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(entries: Any) -> Any:
        entries = list(entries)
        if recording() is None or not holds_traced(entries):
            return original(entries)
        return sum(entries)

    return call


def _math_prod(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(entries: Any, *, start: Any = 1) -> Any:
        entries = list(entries)
        if recording() is None or not holds_traced(entries):
            return original(entries, start=start)
        for one in entries:
            start = start * one
        return start

    return call


# Putting them in their places. ------------------------------------------------------------------------------------

ORIGINALS = {name: getattr(np, name) for name in (*FRESH, *CONVERTING, *OF_A_LIST, "fromiter")}


@cache
def replacement(name: str) -> Any:
    """What replaces the function of this name in the module numpy."""
    original = ORIGINALS[name]
    if name == "full":
        return _full(original)
    if name == "fromiter":
        return _fromiter(original)
    if name in FRESH:
        return _fresh(original)
    if name in CONVERTING:
        return _with_ndmin(_converting(original, copies=name in ("array", "copy")))
    return _of_a_list(original)


@cache
def _of_module(module: str, name: str) -> Any:
    """What replaces a function of another module than numpy; None where there is no such function."""
    original = getattr(sys.modules[module], name, None)
    if original is None:
        return None
    if module == "math":
        makers = {"log": _log, "fsum": _fsum, "prod": _math_prod}
        return makers[name](original) if name in makers else _of_math(MATH[name], original)
    if module == "scipy.special":
        return _special_sum(name, original)
    return _as_strided(original)


PLACES = (
    *(("math", name) for name in (*MATH, "log", "fsum", "prod")),
    *(("scipy.special", name) for name in ("softmax", "log_softmax", "logsumexp")),
    ("numpy.lib.stride_tricks", "as_strided"),
)

_lock = threading.Lock()
_tracing = 0
_undo: list[Callable[[], None]] = []


def _put(owner: Any, name: str, value: Any) -> None:
    original = getattr(owner, name)
    setattr(owner, name, value)

    def undo() -> None:
        if getattr(owner, name) is value:
            setattr(owner, name, original)

    _undo.append(undo)


@contextmanager
def replaced() -> Iterator[None]:
    """While this runs, the replacements are in place."""
    global _tracing
    with _lock:
        _tracing += 1
        if _tracing == 1:
            for name in ORIGINALS:
                _put(np, name, replacement(name))
            for module, name in PLACES:
                if module in sys.modules and (one := _of_module(module, name)) is not None:
                    _put(sys.modules[module], name, one)
            _put(np.vectorize, "__call__", _vectorized(np.vectorize.__call__))
    try:
        yield
    finally:
        with _lock:
            _tracing -= 1
            if not _tracing:
                while _undo:
                    _undo.pop()()


def replacements_of() -> dict[int, Any]:
    """By the identity of an original function: its replacement, for names that were imported from a module."""
    known = {id(original): replacement(name) for name, original in ORIGINALS.items()}
    for module, name in PLACES:
        if module in sys.modules and (one := _of_module(module, name)) is not None:
            known[id(one.__wrapped__)] = one
    return known
