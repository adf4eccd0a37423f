"""Lines of the user's source: of an error, of an operation, of a statement that keeps something outside of ctx."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from softgrad.check.report.source import SourceLine, source_line
from softgrad.check.trace.node import OUTPUTS, Site
from softgrad.check.user.state import is_of_a_package


def line_of_error(error: BaseException) -> SourceLine | None:
    """The innermost line of the user's own code that an exception came through."""
    found, step = None, error.__traceback__
    while step is not None:
        code, module = step.tb_frame.f_code, step.tb_frame.f_globals.get("__name__", "")
        if not is_of_a_package(module) and str(module).partition(".")[0] != "softgrad":
            found = source_line(code.co_filename, step.tb_lineno, code.co_name)
        step = step.tb_next
    return found


def line_of(site: Site | None) -> SourceLine | None:
    """The line of an operation."""
    return None if site is None else source_line(site.file, site.number, site.function)


def line_of_return(function: Callable[..., Any]) -> SourceLine | None:
    """The last return of a function."""
    found = [node for node in _statements(function) if isinstance(node, ast.Return)]
    return _line(function, found[-1]) if found else None


def site_of_outputs(function: Callable[..., Any]) -> Site | None:
    """The expressions that a function returns as its outputs; None where there are several such returns, or none."""
    returns = [node for node in _statements(function) if isinstance(node, ast.Return) and node.value is not None]
    if len(returns) != 1 or not isinstance(returns[0].value, ast.Tuple):
        return None
    value, code = returns[0].value, inspect.unwrap(function).__code__
    rows, begin = inspect.getsourcelines(inspect.unwrap(function))
    margin = len(rows[0]) - len(rows[0].lstrip())
    first, last = begin + value.lineno - 1, begin + (value.end_lineno or value.lineno) - 1
    span = (first, last, value.col_offset + margin, (value.end_col_offset or 0) + margin)
    return Site(code.co_filename, first, code.co_name, -1, "assemble", OUTPUTS, span)


def line_of_state(function: Callable[..., Any]) -> SourceLine | None:
    """The first statement that keeps something elsewhere than in ctx: on a class, in a module, in a closure."""
    statements = list(_statements(function))
    own = {one.arg for node in statements if isinstance(node, ast.FunctionDef) for one in node.args.args}
    shared = {name for node in statements if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    own |= {one.id for node in statements for one in _targets(node) if isinstance(one, ast.Name)} - shared
    for node in statements:
        for target in _targets(node):
            root: ast.expr = target
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            name = root.id if isinstance(root, ast.Name) else ""
            if name and name not in own and (root is not target or name in shared):
                return _line(function, node)
    return None


def _statements(function: Callable[..., Any]) -> Iterator[ast.stmt]:
    """The statements of a function, itself first; none where its source is not known."""
    function = inspect.unwrap(function)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.stmt))


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        nested = [one.elts if isinstance(one, ast.Tuple | ast.List) else [one] for one in node.targets]
        return [one for many in nested for one in many]
    return [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For) else []


def _line(function: Callable[..., Any], node: ast.stmt) -> SourceLine | None:
    function = inspect.unwrap(function)
    code = function.__code__
    number = code.co_firstlineno + node.lineno - 1
    return source_line(code.co_filename, number, code.co_name)
