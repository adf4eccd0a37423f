"""NumPy's functions on traced arrays.

Functions that only move entries, products, choices and linear algebra have a row in the tables of `moving.py`,
`products.py` and `defined.py`. All others are traced by their definition: NumPy's own Python code runs on traced
arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from softgrad.check.trace.array import Traced, buffer_of, node_of, plain, plain_all, traced
from softgrad.check.trace.defined import DEFINED
from softgrad.check.trace.makers import ORIGINALS, REPLACED, replacement
from softgrad.check.trace.moving import MOVERS, moving
from softgrad.check.trace.products import PRODUCTS
from softgrad.check.trace.session import Session, paused, recording

_asarray = np.asarray
HANDLERS: dict[Any, Callable[..., Any]] = {**PRODUCTS, **DEFINED}
NAMES_OF_PLAIN = (  # their results are no floats, or are not meant to be traced
    "argmax", "argmin", "argsort", "argwhere", "nonzero", "flatnonzero", "searchsorted", "shape", "ndim", "size",
    "result_type", "can_cast", "min_scalar_type", "common_type", "iscomplexobj", "isrealobj", "array_equal",
    "array_equiv", "allclose", "isclose", "shares_memory", "may_share_memory", "unravel_index", "ravel_multi_index",
    "lexsort", "digitize", "count_nonzero", "unique", "isin", "array2string", "array_repr", "array_str", "save",
    "savetxt", "nanargmax", "nanargmin", "argpartition", "packbits", "unpackbits",
)  # fmt: skip
STEPS = frozenset((np.round, np.around, np.fix))  # their derivative is 0
PLAINLY = frozenset(getattr(np, name) for name in NAMES_OF_PLAIN if hasattr(np, name))


def call_function(function: Any, args: Any, options: Any, default: Callable[..., Any]) -> Any:
    """What NumPy does for one of its functions, some of whose arguments are traced arrays."""
    session = recording()
    if session is None:
        return function(*plain_all(args), **plain_all(options))
    handler = HANDLERS.get(function)
    if handler is not None:
        found = handler(session, *args, **options)
        if found is not NotImplemented:
            return found
    if function in MOVERS:
        return moving(session, function, args, options)
    if function in PLAINLY:
        return function(*plain_all(args), **plain_all(options))
    definition = _definition(function)
    session.inside.append(_name(function))
    try:
        result = definition(*args, **options) if definition else default(function, (Traced,), args, options)
    finally:
        session.inside.pop()
    return _adopted(session, function, args, options, result)


@lru_cache(maxsize=512)
def _definition(function: Any) -> Callable[..., Any] | None:
    """NumPy's Python code of a function, in which np.asarray and its like keep traces; None for code in C."""
    code = getattr(function, "_implementation", None)
    if not isinstance(code, FunctionType):
        return None
    known = dict(code.__globals__)
    for name, value in known.items():
        if isinstance(value, ModuleType) and value.__name__.startswith("numpy"):
            known[name] = _Module(value)
        elif name in REPLACED and value is ORIGINALS[name]:
            known[name] = replacement(name)
    copy = FunctionType(code.__code__, known, code.__name__, code.__defaults__, code.__closure__)
    copy.__kwdefaults__ = code.__kwdefaults__
    return copy


class _Module:
    """A module of NumPy's, with the replacements in place of the functions that make arrays."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return replacement(name) if name in REPLACED else getattr(self._module, name)


def _adopted(session: Session, function: Any, args: Any, options: Any, result: Any) -> Any:
    """A result of NumPy's own code. Where the trace was lost on the way, it is a constant."""
    if isinstance(result, tuple | list):
        entries = [_adopted(session, function, args, options, one) for one in result]
        return type(result)(*entries) if hasattr(result, "_make") else type(result)(entries)
    if not isinstance(result, np.ndarray | np.floating) or result.dtype.kind not in "fc":
        return result
    buffer = buffer_of(result) if isinstance(result, Traced) else None
    is_part = bool(session.inside) or function in STEPS
    if buffer is not None and (is_part or not buffer.is_constant):
        return result
    with paused():
        parents = [node_of(session, one) for one in _traced_in((args, options))]
        array = _asarray(plain(result))
        if any(node.active for node in parents):
            session.lose(_name(function))
        if buffer is not None:
            return result
        return traced(array, session.node("unknown", parents, array, active=False))


def _name(function: Any) -> str:
    module = str(getattr(function, "__module__", "numpy")).replace("numpy", "np", 1)
    return f"{module}.{getattr(function, '__name__', function)}"


def _traced_in(value: Any) -> list[Any]:
    if isinstance(value, Traced):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [found for one in value for found in _traced_in(one)] if isinstance(value, list | tuple) else []
