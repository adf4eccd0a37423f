"""What replaces the functions of `math`, which turn their argument into a float."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from softgrad.check.trace.array import Traced, holds_traced, node_of, plain, traced
from softgrad.check.trace.session import Session, paused, recording

OPERATIONS = {  # function of math: operation
    **{name: name for name in ("exp", "expm1", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh",
                               "tanh", "fabs", "hypot", "erf", "erfc", "fmod", "copysign", "degrees", "radians")},
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh",
       "atanh": "arctanh", "pow": "power", "lgamma": "gammaln", "exp2": "exp2", "cbrt": "cbrt",
}  # fmt: skip


def _of_one_number(op: str, original: Callable[..., Any]) -> Callable[..., Any]:
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
    natural = _of_one_number("log", math.log)

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


def _prod(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(entries: Any, *, start: Any = 1) -> Any:
        entries = list(entries)
        if recording() is None or not holds_traced(entries):
            return original(entries, start=start)
        for one in entries:
            start = start * one
        return start

    return call


def replacement_of(name: str) -> Any:
    """What replaces a function of `math`; None where Python has none of this name."""
    original = getattr(math, name, None)
    if original is None:
        return None
    makers = {"log": _log, "fsum": _fsum, "prod": _prod}
    return makers[name](original) if name in makers else _of_one_number(OPERATIONS[name], original)


NAMES = (*OPERATIONS, "log", "fsum", "prod")
