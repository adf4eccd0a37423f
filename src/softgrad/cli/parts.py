"""The code of the user's file in parts, one for each cell of a notebook, and running them."""

from __future__ import annotations
import __future__

import ast
import io
import linecache
import tokenize
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

from softgrad._messages import text_of
from softgrad.cli.notebook import Cell, cells
from softgrad.errors import OptionError

ANNOTATIONS = __future__.annotations.compiler_flag


class Read(NamedTuple):
    """What was read of a file."""

    parts: list[Cell]
    codes: list[CodeType]  # of the parts that are Python
    unread: list[str]  # why a part has none
    notes: list[str]  # how the file was read


class Outcome(NamedTuple):
    """How the parts of a file ran."""

    failures: tuple[str, ...] = ()  # where one was left since it raised
    stopped: str = ""  # the line at which Ctrl-C stopped it


def is_notebook(path: Path) -> bool:
    """Whether the path is that of a notebook."""
    return path.suffix == ".ipynb"


def read(path: Path, content: bytes) -> Read:
    """The parts of a file.

    Raises:
        OptionError: a file is not valid Python, or not a notebook.
    """
    if not is_notebook(path):
        return _of_file(str(path), content)
    try:
        parts = cells(str(path), content)
    except ValueError as error:
        raise OptionError(f"check: {path} is not a notebook: {error}; give the path of a Python file") from error
    codes, unread = [], []
    for part in parts:
        _show(part)
        try:
            codes.append(_code(part.code, part.name))
        except OptionError as error:  # text, or another language
            unread.append(str(error).removeprefix("check: "))
    return Read(parts, codes, unread, [])


def _of_file(name: str, content: bytes) -> Read:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        text = content.decode("latin-1")
        part = Cell(name, text)
        code = _code(text, name)
        _show(part)
        return Read([part], [code], [], [f"{name} is not UTF-8, which Python wants; it is read as Latin-1"])
    return Read([Cell(name, text)], [_code(content, name)], [], [])


def _show(part: Cell) -> None:
    """Lets reports show the lines of a part that Python cannot read from a file."""
    lines = part.code.splitlines(keepends=True)
    linecache.cache[part.name] = (len(part.code), None, lines, part.name)


def _code(source: bytes | str, name: str) -> CodeType:
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # ValueError: null bytes, in Python 3.11 before 3.11.4. The last two: too deeply nested.
        line, reason = (error.lineno, error.msg) if isinstance(error, SyntaxError) else (None, str(error))
        at = f"{name}, line {line}" if line else name
        raise OptionError(f"check: {at}: this is not valid Python: {reason}") from error


def run(found: Read, module: ModuleType) -> Outcome:
    """Runs the parts, one after the other. What raises, say for want of a data file, is left where it did.

    The functions, classes and imports behind that line are taken too. After Ctrl-C no further part is run.
    """
    failures: list[str] = []
    sources = {part.name: part.code for part in found.parts}
    stopped = ""
    for code in found.codes:
        source = sources[code.co_filename]
        if stopped:
            _define(source, code, 0, module)
            continue
        try:
            exec(code, vars(module))
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            at = place(error, [code.co_filename])
            if at is None:
                raise
            if isinstance(error, KeyboardInterrupt):
                stopped = at
            else:
                failures.append(f"{at}: {text_of(error)}")
            _define(source, code, _outermost_line(error, code), module)
    return Outcome(tuple(failures), stopped)


def _define(source: str, code: CodeType, after: int, module: ModuleType) -> None:
    """Runs the definitions and imports of a part that begin after this line."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    for node in ast.parse(source.lstrip("\ufeff")).body:
        if node.lineno <= after or not isinstance(node, kinds):
            continue
        tree = ast.Module([node], [])
        try:
            exec(
                compile(tree, code.co_filename, "exec", flags=code.co_flags & ANNOTATIONS, dont_inherit=True),
                vars(module),
            )
        except (Exception, SystemExit):  # say a class whose base is what failed
            continue


def _outermost_line(error: BaseException, code: CodeType) -> int:
    """The line of the part itself at which it raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return next(frame.lineno or 0 for frame in frames if (frame.filename, frame.name) == (code.co_filename, "<module>"))


def place(error: BaseException, names: Sequence[str]) -> str | None:
    """The last line of the file that an error went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None


def package(path: Path, found: Read) -> tuple[str, Path] | None:
    """The package that relative imports of the file are from, and the folder that it is in; None without any."""
    levels = [0]
    for part, code in ((part, code) for part in found.parts for code in found.codes if code.co_filename == part.name):
        if "import" in part.code:
            nodes = ast.walk(ast.parse(part.code.lstrip("\ufeff"), code.co_filename))
            levels += [node.level for node in nodes if isinstance(node, ast.ImportFrom)]
    if not max(levels):
        return None
    folder = path.resolve().parent
    names: list[str] = []
    while folder.name and (len(names) < max(levels) or (folder / "__init__.py").exists()):
        names.insert(0, folder.name)
        folder = folder.parent
    return ".".join(names), folder
