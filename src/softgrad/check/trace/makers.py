"""What replaces NumPy's functions that make arrays, and those that do not look into lists."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np

from softgrad.check.trace.array import (
    Traced,
    TracedScalar,
    holds_traced,
    node_of,
    plain,
    stacked,
    traced_array,
    view_of,
)
from softgrad.check.trace.methods import moved
from softgrad.check.trace.session import Session, paused, recording
from softgrad.formulas.numbers import Array

_array = np.array
FRESH = ("zeros", "empty", "ones", "full", "eye", "identity", "linspace", "tri", "zeros_like", "empty_like",
         "ones_like", "full_like")  # fmt: skip
CONVERTING = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "copy")
OF_A_LIST = (
    "sum", "mean", "var", "std", "max", "min", "amax", "amin", "prod", "cumsum", "cumprod", "average", "median",
    "percentile", "quantile", "sort", "argmax", "argmin", "dot", "outer", "inner", "transpose", "swapaxes", "squeeze",
    "expand_dims", "reshape", "ravel", "tile", "repeat", "flip", "roll", "diff", "clip", "diag", "trace",
)  # fmt: skip
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
            value = _recovered(session, value)
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


def _recovered(session: Session, value: Any) -> Any:
    """A plain array of whose memory something is known, as a traced one."""
    if type(value) is not np.ndarray or (buffer := session.buffer_of(value)) is None:
        return value
    return view_of(value, buffer, None, "index")


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


class _Ufunc:
    """A ufunc that looks into lists; in everything else it is the original."""

    def __init__(self, original: np.ufunc) -> None:
        self.__wrapped__ = original
        self.__name__ = original.__name__
        self.reduce = _of_a_list(original.reduce)

    def __call__(self, *args: Any, **options: Any) -> Any:
        session = recording()
        if session is not None and any(isinstance(one, list | tuple) and holds_traced(one) for one in args):
            with paused():
                args = tuple(stacked(session, one) if isinstance(one, list | tuple) else one for one in args)
        return self.__wrapped__(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __reduce__(self) -> Any:
        return _ufunc, (self.__name__,)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return np.ufunc  # isinstance(np.exp, np.ufunc) is true


def _ufunc(name: str) -> Any:
    return getattr(np, name)


def _isscalar(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(element: Any) -> Any:
        return isinstance(element, TracedScalar) or original(element)

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


def as_strided(original: Callable[..., Any]) -> Callable[..., Any]:
    """Views with any strides: their entries come from where those of an array of numbers come from."""

    @wraps(original)
    def view(x: Any, *args: Any, **options: Any) -> Any:
        if recording() is None or not isinstance(x, Traced):
            return original(x, *args, **options)
        return moved(recording(), lambda one: original(one, *args, **options), [x])

    return view


def vectorized(original: Callable[..., Any]) -> Callable[..., Any]:
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


UFUNCS = (  # those that people call with lists
    "abs", "absolute", "add", "subtract", "multiply", "divide", "power", "square", "sqrt", "exp", "log", "log1p",
    "expm1", "tanh", "sin", "cos", "negative", "sign", "maximum", "minimum", "logaddexp", "matmul",
)  # fmt: skip
ORIGINALS = {name: getattr(np, name) for name in (*FRESH, *CONVERTING, *OF_A_LIST, "fromiter", "isscalar", *UFUNCS)}


@cache
def replacement(name: str) -> Any:
    """What replaces the function of this name in the module numpy."""
    original = ORIGINALS[name]
    if name in UFUNCS:
        return _Ufunc(original)
    if name == "full":
        return _full(original)
    if name == "fromiter":
        return _fromiter(original)
    if name == "isscalar":
        return _isscalar(original)
    if name in FRESH:
        return _fresh(original)
    if name in CONVERTING:
        return _with_ndmin(_converting(original, copies=name in ("array", "copy")))
    return _of_a_list(original)
