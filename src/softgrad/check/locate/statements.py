"""The statement of a line: what it assigns, for words, and where it begins. Nothing is wrong because of its text."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache

from softgrad.check.mutate.texts import is_module
from softgrad.check.user.arguments import Key

MOST_ROWS = 20_000
LONGEST = 30  # characters of a name
RETURNED = "what is returned"


@lru_cache(maxsize=8)
def parsed(text: str) -> ast.Module | None:
    """The tree of a file; None where it is not Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _statement_at(file: str, number: int) -> ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | None:
    """The innermost assignment or return that a line belongs to."""
    try:
        rows = linecache.getlines(file)
    except Exception:  # a loader of the user's own
        return None
    module = parsed("".join(rows)) if 0 < number <= len(rows) <= MOST_ROWS else None
    if module is None:
        return None
    inside = [
        one
        for one in ast.walk(module)
        if isinstance(one, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return)
        and one.lineno <= number <= (one.end_lineno or one.lineno)
    ]
    return max(inside, key=lambda one: (one.lineno, one.col_offset), default=None)


def target_of(file: str, number: int) -> tuple[str, ast.expr | None]:
    """The name that the statement of a line assigns to, and the expression assigned; "" where it assigns none."""
    statement = _statement_at(file, number)
    if statement is None:
        return "", None
    if isinstance(statement, ast.Return):
        return RETURNED, statement.value
    target = statement.targets[-1] if isinstance(statement, ast.Assign) else statement.target
    name = ast.unparse(target)
    if isinstance(target, ast.Tuple | ast.List) or len(name) > LONGEST:
        return "", None
    return name, statement.value


def writes_out(file: str, number: int, a: Key, b: Key) -> bool:
    """Whether the return at a line has both gradients in the tuple, list or dict that it writes out."""
    statement = _statement_at(file, number)
    value = statement.value if isinstance(statement, ast.Return) else None
    if isinstance(value, ast.Tuple | ast.List):
        return bool(a[0] != b[0])
    return isinstance(value, ast.Dict) and a[:-1] == b[:-1]


def rows_of(file: str, number: int) -> range:
    """The lines of the assignment or the return that a line belongs to; the line alone where it belongs to none."""
    statement = _statement_at(file, number)
    if statement is None:
        return range(number, number + 1)
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def whole_of(name: str) -> str:
    """The array that an entry belongs to: db in db[f]; grads["W"] is an array itself."""
    try:
        tree = ast.parse(name, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return name
    while isinstance(tree, ast.Subscript):
        if isinstance(tree.slice, ast.Constant) and isinstance(tree.slice.value, str):
            break
        tree = tree.value
    return ast.unparse(tree)


def owner_in(text: str) -> str:
    """What a method is called on, or a function of one array is given: x in x.sum(axis=0) and in np.sum(x)."""
    try:
        call = ast.parse(text, mode="eval").body if text else None
    except (SyntaxError, ValueError, RecursionError):
        return ""
    if not isinstance(call, ast.Call):
        return ""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is not None and not is_module(owner):
        return ast.unparse(owner)
    return ast.unparse(call.args[0]) if call.args else ""
