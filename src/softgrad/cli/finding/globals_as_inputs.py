"""Functions whose parameters are global arrays of the file, as functions of these arrays.

W1 = np.random.randn(3, 5) stands in the file, loss(X, y) uses it, and backward(X, y) returns dW1: then loss is read as
a function of W1, X and y. The arrays are put into the file before each call, and those of the file put back after it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from softgrad.cli.finding.conventions import undotted
from softgrad.cli.finding.fit import names_used, wanted

MOST = 12  # arrays


def global_parameters(forward: Callable[..., Any], backward: Callable[..., Any]) -> list[str]:
    """The global arrays that forward uses and that backward returns the gradients of, in the order returned."""
    space = getattr(forward, "__globals__", {})
    arrays = {
        name
        for name in names_used(forward)
        if isinstance(space.get(name), np.ndarray) and space[name].dtype.kind == "f"
    }
    named = [undotted(name) for name in _returned(backward)]
    return [name for name in dict.fromkeys(named) if name in arrays][:MOST]


def _returned(function: Callable[..., Any]) -> list[str]:
    """The names that the last return of a function has: return dW1, db1, or return {"dW1": dW1}."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return []
    returns = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    if not returns:
        return []
    last = returns[-1]
    if isinstance(last, ast.Dict):
        return [str(key.value) for key in last.keys if isinstance(key, ast.Constant)]
    entries = last.elts if isinstance(last, ast.Tuple | ast.List) else [last]
    return [entry.id if isinstance(entry, ast.Name) else "" for entry in entries]


def with_globals(function: Callable[..., Any], arrays: Sequence[str]) -> Callable[..., Any]:
    """The function as one of these global arrays, in front of its own arguments."""
    space, own = function.__globals__, wanted(function) or []

    def call(*values: Any) -> Any:
        before = {name: space[name] for name in arrays}
        space.update(zip(arrays, values, strict=False))
        try:
            return function(*values[len(arrays) :])
        finally:
            space.update(before)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in (*arrays, *own)]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.parts = (function,)  # type: ignore[attr-defined]
    return call
