"""What a backward pass reads from outside of itself, and what may stand for the length of an axis.

`/ n`, with `n = len(data)` outside of the function, may be right: the function may be meant for that data alone. So may
`/ len(data)`. A number that the same file assigns as a literal, as in `BATCH_SIZE = 4`, is hard-coded.
"""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import linecache
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from softgrad.check.user.randomness import is_empty

PACKAGE = str(Path(__file__).parents[2])
DEPTH = 6
MOST_OBJECTS = 2000
MOST_ENTRIES = 100  # of a dict or a list
BY_TEXT = {"getattr", "vars", "__dict__"}  # ways to read an attribute whose name is not in the code
OF_GLOBALS, OF_ATTRIBUTES, STORED = {"LOAD_GLOBAL", "LOAD_NAME"}, {"LOAD_ATTR", "LOAD_METHOD"}, {"STORE_ATTR"}


def held_length(backward: Callable[..., Any], method: str, own: int) -> str:
    """What `backward` reads from outside of itself that may stand for the length `own`, in words; "" for nothing.

    Of an object with several methods, the one called `method` is the backward pass.
    """
    for name, value in _values(backward, method):
        if _may_be_length(value, own):
            return f"{name} of shape {tuple(value.shape)}" if _is_array(value) else f"{name} = {value}"
    return ""


def _is_array(value: Any) -> bool:
    return isinstance(getattr(value, "shape", None), tuple) and bool(value.shape)


def _may_be_length(value: Any, own: int) -> bool:
    """Whether a number is a multiple of the length, of one less, or of the number of pairs, or 1 over one of these."""
    if _is_array(value):
        return own in value.shape
    if not 0 < abs(value) < np.inf:
        return False
    whole = value if value >= 1 else 1 / value
    count = round(whole)
    if abs(whole - count) > 1e-9 * count or count < own - 1 or count < 2:
        return False
    return count % own == 0 or 2 * count % (own * (own - 1)) == 0 or (own > 2 and count % (own - 1) == 0)


def _values(backward: Callable[..., Any], method: str) -> Iterator[tuple[str, Any]]:
    """The numbers and arrays that the user's functions read by a name, without numbers that are literals in their file.

    The arrays of objects are their parameters, and are left out.
    """
    seen: dict[int, Any] = {}
    read = {method}  # the names of attributes that the functions read
    left: list[tuple[Any, int]] = [(backward, 0)]
    while left and len(seen) < MOST_OBJECTS:
        value, depth = left.pop(0)
        if id(value) in seen or depth > DEPTH:
            continue
        seen[id(value)] = value
        file = _file(value)
        for name, one in _held(value, read):
            for inner in _entries(one):
                if _is_array(inner):
                    if file and isinstance(value, FunctionType):
                        yield name, inner
                elif not isinstance(inner, int | float | np.integer | np.floating):
                    left.append((inner, depth + 1))
                elif isinstance(inner, bool) or not file:
                    continue
                elif not _is_literal(file, name, float(inner), is_global=_is_global(value, name)):
                    yield name, inner


def _is_global(value: Any, name: str) -> bool:
    if not isinstance(value, FunctionType):
        return False
    code = value.__code__
    return name in value.__globals__ and name not in (*code.co_varnames, *code.co_freevars)


def _entries(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list | tuple):
        if len(value) <= MOST_ENTRIES:
            for one in value.values() if isinstance(value, dict) else value:
                yield from _entries(one) if isinstance(one, dict | list | tuple) else (one,)
    elif not isinstance(value, ModuleType | str | bytes | None):
        yield value


def _held(value: Any, read: set[str]) -> Iterator[tuple[str, Any]]:
    """What a function, a class or an object refers to, with the names. Adds the attributes that it reads to `read`."""
    if isinstance(value, functools.partial):
        yield from (("func", value.func), *value.keywords.items())
    elif isinstance(value, MethodType):
        yield from (("self", value.__self__), ("func", value.__func__))
    elif isinstance(value, FunctionType):
        code = value.__code__
        if not _file(value) and not code.co_filename.startswith(PACKAGE):
            return  # a function of NumPy, say
        read.update(_names(code, OF_ATTRIBUTES))
        yield from ((name, value.__globals__[name]) for name in _names(code, OF_GLOBALS) if name in value.__globals__)
        defaults = inspect.signature(value).parameters.values()
        yield from ((one.name, one.default) for one in defaults if one.default is not inspect.Parameter.empty)
        cells = zip(code.co_freevars, value.__closure__ or (), strict=True)
        yield from ((name, cell.cell_contents) for name, cell in cells if not is_empty(cell))
    elif isinstance(value, type):
        if _file(value):
            yield from ((name, getattr(one, "__func__", one)) for name, one in vars(value).items())
    elif hasattr(value, "__dict__"):
        yield "type", type(value)
        if not _file(value):
            if type(value).__module__.startswith("softgrad."):  # it holds the user's functions
                yield from vars(value).items()
            return
        methods = _methods(type(value))
        cached = {name for code in methods.values() for name in _names(code, STORED)}  # set anew by each forward pass
        names = _read_by(methods, read)
        read.update(names)
        kept = {name: one for name, one in vars(value).items() if name not in cached}
        yield from ((name, one) for name, one in kept.items() if not names or name in names)


def _methods(kind: type) -> dict[str, CodeType]:
    """The code of the methods and properties of a class, without its initializer."""
    found = {name: one for base in reversed(kind.__mro__) for name, one in vars(base).items() if name != "__init__"}
    functions = {name: getattr(one, "fget", getattr(one, "__func__", one)) for name, one in found.items()}
    return {name: one.__code__ for name, one in functions.items() if isinstance(one, FunctionType)}


def _read_by(methods: Mapping[str, CodeType], called: Collection[str]) -> set[str]:
    """The attributes that these methods read, and the methods that they call; empty if that cannot be told."""
    left = [name for name in methods if name in called]
    names: set[str] = set()
    for name in left:
        names.update(_names(methods[name], OF_ATTRIBUTES))
        left += [one for one in names if one in methods and one not in left]
        if BY_TEXT & {*methods[name].co_names}:
            return set()
    return names


def _names(code: CodeType, operations: set[str]) -> list[str]:
    names = [str(one.argval) for one in dis.get_instructions(code) if one.opname in operations]
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return list(dict.fromkeys([*names, *(name for one in inner for name in _names(one, operations))]))


def _file(value: Any) -> str:
    """The file of the user's function or class; "" for one of ours and of what is installed."""
    value = value.func if isinstance(value, functools.partial) else value
    if isinstance(value, FunctionType):
        file = value.__code__.co_filename
    else:
        kind = value if isinstance(value, type) else type(value)
        codes = (getattr(one, "__func__", one) for one in vars(kind).values())
        file = next((one.__code__.co_filename for one in codes if inspect.isfunction(one)), "")
    return "" if file.startswith(PACKAGE) or "site-packages" in file else file


def _is_literal(file: str, name: str, value: float, *, is_global: bool) -> bool:
    """Whether every assignment to this name in the file is one of a literal, and one of them gives this value.

    For a global name, those inside of functions and classes do not count: they are other variables.
    """
    everywhere, global_ones = _assigned(file, len(linecache.getlines(file)))
    assigned = (global_ones if is_global else everywhere).get(name, [])
    return bool(assigned) and all(isinstance(one, int | float) for one in assigned) and value in assigned


@functools.lru_cache(maxsize=8)
def _assigned(file: str, lines: int) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """What each name and attribute of a file is assigned, everywhere and outside of functions and classes.

    These are the values of literals, and None for everything else.
    """
    del lines  # a file that has grown is read again
    everywhere: dict[str, list[Any]] = {}
    global_ones: dict[str, list[Any]] = {}
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return everywhere, global_ones
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    inside = {id(one) for node in ast.walk(tree) if isinstance(node, inner) for one in ast.walk(node)}
    declared = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    for node in ast.walk(tree):
        for name, value in _assignments(node):
            everywhere.setdefault(name, []).append(value)
            if id(node) not in inside or name in declared:
                global_ones.setdefault(name, []).append(value)
    return everywhere, global_ones


def _assignments(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """The names and attributes that a statement, or the arguments of a function, assign; None for no literal."""
    if isinstance(node, ast.arguments):
        with_default = node.args[len(node.args) - len(node.defaults) :]
        given_by_name = zip(node.kwonlyargs, node.kw_defaults, strict=True)
        for argument, default in (*zip(with_default, node.defaults, strict=False), *given_by_name):
            if default is not None:
                yield argument.arg, getattr(default, "value", None)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            pairs: list[tuple[ast.expr, ast.expr | None]] = [(target, node.value)]
            if isinstance(target, ast.Tuple):
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [None] * len(target.elts)
                pairs = list(zip(target.elts, values, strict=False))
            for one, value in pairs:
                literal = value.value if isinstance(value, ast.Constant) else None
                yield getattr(one, "id", getattr(one, "attr", "")), literal
