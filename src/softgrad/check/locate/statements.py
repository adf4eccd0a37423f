"""What the statement of a line assigns, for words. Nothing is decided by it."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache

MOST_ROWS = 20_000
LONGEST = 30  # characters of a name
RETURNED = "what is returned"
MODULES = ("np", "numpy", "scipy", "special")


@lru_cache(maxsize=8)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def target_of(file: str, number: int) -> tuple[str, ast.expr | None]:
    """The name that the statement of a line assigns to, and the expression assigned; "" where it assigns none."""
    try:
        rows = linecache.getlines(file)
    except Exception:  # a loader of the user's own
        return "", None
    module = _parsed("".join(rows)) if 0 < number <= len(rows) <= MOST_ROWS else None
    if module is None:
        return "", None
    inside = [
        one
        for one in ast.walk(module)
        if isinstance(one, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return)
        and one.lineno <= number <= (one.end_lineno or one.lineno)
    ]
    if not inside:
        return "", None
    statement = max(inside, key=lambda one: (one.lineno, one.col_offset))
    if isinstance(statement, ast.Return):
        return RETURNED, statement.value
    target = statement.targets[-1] if isinstance(statement, ast.Assign) else statement.target
    name = ast.unparse(target)
    if isinstance(target, ast.Tuple | ast.List) or len(name) > LONGEST:
        return "", None
    return name, statement.value


def owner_in(text: str) -> str:
    """What a method is called on, or a function of one array is given: x in x.sum(axis=0) and in np.sum(x)."""
    try:
        call = ast.parse(text, mode="eval").body if text else None
    except (SyntaxError, ValueError, RecursionError):
        return ""
    if not isinstance(call, ast.Call):
        return ""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is not None and not (isinstance(owner, ast.Name) and owner.id in MODULES):
        return ast.unparse(owner)
    return ast.unparse(call.args[0]) if call.args else ""
