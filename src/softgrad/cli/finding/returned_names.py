"""The names of what a function returns, from its source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def returned_names(function: Callable[..., Any]) -> list[str]:
    """The names that the last return of a function has, "" for what has none.

    return dW1, db1, or return {"dW1": dW1, "db1": db1}.
    """
    value = _last_return(function)
    if isinstance(value, ast.Dict):
        return [str(key.value) for key in value.keys if isinstance(key, ast.Constant)]
    if value is None:
        return []
    entries = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return [entry.id if isinstance(entry, ast.Name) else "" for entry in entries]


def returns_several(function: Callable[..., Any]) -> bool:
    """Whether the last return of a function has several entries: return loss, grads."""
    value = _last_return(function)
    return isinstance(value, ast.Tuple) and len(value.elts) > 1


def _last_return(function: Callable[..., Any]) -> ast.expr | None:
    part = getattr(function, "parts", (function,))[0]
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
    except (OSError, TypeError, SyntaxError):
        return None
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    return max(found, key=lambda node: node.lineno).value if found else None
