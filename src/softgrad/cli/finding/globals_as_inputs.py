"""Functions whose parameters are global arrays of the file, as functions of these arrays.

W1 = np.random.randn(3, 5) stands in the file, loss(X, y) uses it, and backward(X, y) returns dW1: then loss is read as
a function of W1, X and y. The arrays are put into the file before each call, and those of the file put back after it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from softgrad.cli.finding.conventions import undotted
from softgrad.cli.finding.fit import names_used, wanted
from softgrad.cli.finding.returned_names import returned_names
from softgrad.cli.finding.roles import Value

MOST = 12  # arrays


def global_parameters(forward: Callable[..., Any], backward: Callable[..., Any]) -> list[str]:
    """The global arrays that forward uses and that backward returns the gradients of, in the order returned."""
    space = _globals(forward)
    arrays = {
        name
        for name in names_used(forward)
        if isinstance(space.get(name), np.ndarray) and space[name].dtype.kind == "f"
    }
    named = [undotted(name) for name in returned_names(backward)]
    return [name for name in dict.fromkeys(named) if name in arrays][:MOST]


def global_values(forward: Callable[..., Any], arrays: Sequence[str]) -> dict[str, Value]:
    """These arrays as values that are drawn: only their shapes are used."""
    return {name: Value("like", constant=_globals(forward)[name]) for name in arrays}


def _globals(function: Callable[..., Any]) -> dict[str, Any]:
    """The names of the user's file."""
    return getattr(getattr(function, "parts", (function,))[0], "__globals__", {})


def with_globals(function: Callable[..., Any], arrays: Sequence[str]) -> Callable[..., Any]:
    """The function as one of these global arrays, in front of its own arguments."""
    space, own = _globals(function), wanted(function) or []

    def putting(one: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            before = {name: space[name] for name in arrays}
            space.update(zip(arrays, values, strict=False))
            try:
                return one(*values[len(arrays) :])
            finally:
                space.update(before)

        return call

    call = putting(function)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in (*arrays, *own)]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.parts = getattr(function, "parts", (function,))  # type: ignore[attr-defined]
    if hasattr(function, "predict"):
        call.predict = putting(function.predict)  # type: ignore[attr-defined]
    return call


def by_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns a loss and gradients, as one that returns the loss and a dict of them by their names.

    return loss, dW1, db1, h: what has no name of its own is left out.
    """
    names = returned_names(function)[1:]

    def called(*inputs: Any) -> Any:
        loss, *rest = function(*inputs)
        return loss, {name: one for name, one in zip(names, rest, strict=False) if name}

    called.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    called.parts = (function,)  # type: ignore[attr-defined]
    return called
