"""Where a hard-coded length is written: as a number in the function that has the wrong line.

The numbers of a backward pass are off from the first line that a change of length mends. In

    d = p - t
    d /= 8

that is the first line as well as the second one. The source tells: 8 is written in the second.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any

from softgrad.check.report.source import SourceLine, source_line
from softgrad.check.sampling.sampler import Sample

GOES_WRONG = "for other lengths, it goes wrong here"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OF_AXES = {"sum", "mean", "var", "std", "max", "min", "prod", "norm", "transpose", "permute", "swapaxes", "size"}


def line_of_length(found: SourceLine, given: Sample, shows: Sample) -> SourceLine:
    """The line where the length is written, if only one has it; else the line found.

    The product of that length and another one may be written as one number.

    Args:
        found: the line where the backward pass goes wrong.
        given: the inputs given.
        shows: inputs with another length.
    """
    own, lengths = _lengths(given, shows)
    here = replace(found, notes=(GOES_WRONG,))
    around = [one for one in _functions(found.file) if _has(one, found.number)]
    if not around:
        return here
    rows = [(one, _numbers(one)) for one in _statements(min(around, key=lambda one: len(list(ast.walk(one)))))]
    products = {own * length for length in lengths if length > 1}
    for wanted in ({own}, products):
        written = [(one, number) for one, numbers in rows for number in sorted(numbers & wanted)]
        own_line = [(one, number) for one, number in written if _has(one, found.number)]
        if len(own_line or written) == 1:
            one, number = (own_line or written)[0]
            is_told = _numbers(one) & {own, *products} == {number}  # in 2 * e / 64, either may be the length
            note = f"{GOES_WRONG}: {number} is written there" if is_told else GOES_WRONG
            line = found.number if own_line and not hasattr(one, "body") else one.lineno
            return replace(source_line(found.file, line, found.function), notes=(note,))
        if written:
            return here
    return here


def line_with_number(function: Callable[..., Any], number: int) -> SourceLine | None:
    """The first line of a function that has a number written out; None for none, or without a source."""
    line = numbers_written(function).get(number)
    return None if line is None else source_line(function.__code__.co_filename, line, function.__name__)


def numbers_written(function: Callable[..., Any]) -> Mapping[int, int]:
    """The whole numbers that a function has written out, and the first line of each; empty without a source."""
    function = getattr(function, "__func__", function)
    if not isinstance(function, FunctionType):
        return {}
    file, first = function.__code__.co_filename, function.__code__.co_firstlineno
    own = [one for one in _functions(file) if one.name == function.__name__ and _has_first(one, first)]
    found: dict[int, int] = {}
    for statement in (statement for one in own for statement in _statements(one)):
        for number in sorted(_numbers(statement)):
            found.setdefault(number, statement.lineno)
    return found


def _functions(file: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return []
    return [one for one in ast.walk(tree) if isinstance(one, FUNCTIONS)]


def _has_first(node: ast.FunctionDef | ast.AsyncFunctionDef, number: int) -> bool:
    """Whether this line is the first one of a function or of its decorators."""
    return number in {node.lineno, *(one.lineno for one in node.decorator_list)}


def _lengths(given: Sample, shows: Sample) -> tuple[int, set[int]]:
    """The length given that is another one in a sample, and all lengths given."""
    pairs = [
        pair for key, array in given.arrays.items() for pair in zip(array.shape, shows.arrays[key].shape, strict=True)
    ]
    return next(own for own, other in pairs if own != other), {own for own, _ in pairs}


def _has(node: ast.stmt, number: int) -> bool:
    return node.lineno <= number <= (node.end_lineno or node.lineno)


def _statements(function: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a function, without those of functions inside of it."""
    for one in ast.iter_child_nodes(function):
        if isinstance(one, FUNCTIONS):
            continue
        if isinstance(one, ast.stmt):
            yield one
        yield from _statements(one)


def _numbers(statement: ast.stmt) -> set[int]:
    """The integers in a statement, or in its head if it holds others; exponents, axes and options do not count."""
    found: set[int] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value == int(node.value):
            found.add(int(node.value))
        left: list[ast.AST] = [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.stmt | ast.keyword)]
        waiting += left[:1] if _has_exponent_or_axis(node) else left
    return found


def _has_exponent_or_axis(node: ast.AST) -> bool:
    """Whether what stands behind the first part of an expression is an exponent, an axis, or the place of a length."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Pow)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in OF_AXES
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape"
