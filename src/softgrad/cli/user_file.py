"""Loading the user's Python file or notebook, finding functions in it, and reporting the line of an error in it."""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from softgrad._files import read_whole
from softgrad._messages import quoted, text_of
from softgrad.cli.interrupt import said_if_slow
from softgrad.cli.notebook import Cell, cells
from softgrad.errors import OptionError

MOST_NAMES = 8  # in a message
MODULE = "_softgrad_user_file"  # a name that no module of the user has


@dataclass(frozen=True)
class UserFile:
    """A loaded file."""

    path: Path
    module: ModuleType
    failures: tuple[str, ...] = ()  # where the file, or a cell of a notebook, was left since it raised

    @property
    def is_notebook(self) -> bool:
        """Whether it is a notebook."""
        return _is_notebook(self.path)

    def __contains__(self, name: str) -> bool:
        return callable(getattr(self.module, name, None))

    def functions(self) -> list[str]:
        """The names of the functions that the file defines, in its order."""
        return [name for name, value in self._own() if callable(value) and not inspect.isclass(value)]

    def classes(self) -> list[str]:
        """The names of the classes that the file defines, in its order."""
        return [name for name, value in self._own() if inspect.isclass(value)]

    def _own(self) -> list[tuple[str, Any]]:
        named = vars(self.module).items()
        return [(name, value) for name, value in named if getattr(value, "__module__", None) == MODULE]

    def describe(self) -> str:
        """A phrase for messages that lists the functions of the file."""
        names = [*self.functions(), *self.classes()]
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        return f"it has {', '.join(names[:MOST_NAMES])}{more}" if names else "it has no functions"

    def function(self, name: str, option: str) -> Callable[..., Any]:
        """The function of this name.

        Raises:
            OptionError: there is no such function. The message lists the functions, and names `option`.
        """
        if name in self:
            function: Callable[..., Any] = getattr(self.module, name)
            return function
        raise OptionError(
            f"check: {self.path} has no function {quoted(name)}; {self.guess(name)}{self.describe()}; "
            f"choose one with {option}"
        )

    def guess(self, *names: str) -> str:
        """A question whether the user meant a function with a similar name; "" if there is no such function."""
        similar = [match for name in names for match in get_close_matches(name, self.functions(), n=1)]
        return f"did you mean {similar[0]!r}? " if similar else ""


@contextmanager
def user_file(path: Path) -> Iterator[UserFile]:
    """Loads the file. Its functions can be called within the block.

    Its output goes to standard error, and its plots nowhere. It can import modules from its own folder. What stands
    under `if __name__ == "__main__":` is not run. A file that takes long can be stopped by Ctrl-C; it then has what it
    had by then.

    Raises:
        OptionError: the file cannot be read, it ended the program, or its code raised within the block.
    """
    try:
        content = read_whole(path)
    except OSError as error:
        raise OptionError(
            f"check: {path} cannot be read: {error.strerror}; give the path of a Python file or a notebook"
        ) from error
    parts, codes, unread = _parts(path, content)
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    old_path, old_backend = sys.path[:], os.environ.get("MPLBACKEND")
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[MODULE] = module  # dataclasses and pickle look the module up here
    os.environ["MPLBACKEND"] = "Agg"  # draws into memory
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*non-interactive")  # what plt.show says of it
            with said_if_slow(f"{path} is still running; Ctrl-C checks what it has by then") as said:
                try:
                    failures = _run(codes, module, is_notebook=_is_notebook(path))
                except KeyboardInterrupt as interrupt:
                    if not said.is_set():
                        raise
                    failures = (f"{_place(interrupt, [part.name for part in parts])}: stopped",)
            yield UserFile(path, module, (*unread, *failures))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        place = _place(error, [part.name for part in parts])
        if place is None:  # the error does not come from the file
            raise
        raise OptionError(f"check: {place}: {text_of(error)}") from error
    finally:
        sys.path[:] = old_path
        sys.modules.pop(MODULE, None)
        for part in parts:
            linecache.cache.pop(part.name, None)
        if old_backend is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = old_backend


def _is_notebook(path: Path) -> bool:
    return path.suffix == ".ipynb"


def _parts(path: Path, content: bytes) -> tuple[list[Cell], list[CodeType], list[str]]:
    """The parts of the file, one for each cell of a notebook, their code, and why a cell has none.

    Raises:
        OptionError: a file is not valid Python, or not a notebook.
    """
    if not _is_notebook(path):
        return [Cell(str(path), "")], [_code(content, str(path))], []
    try:
        parts = cells(str(path), content)
    except ValueError as error:
        raise OptionError(f"check: {path} is not a notebook: {error}; give the path of a Python file") from error
    for part in parts:  # so that a report can show the lines of a cell
        lines = part.code.splitlines(keepends=True)
        linecache.cache[part.name] = (len(part.code), None, lines, part.name)
    codes, failures = [], []
    for part in parts:
        try:
            codes.append(_code(part.code, part.name))
        except OptionError as error:  # text, or another language
            failures.append(str(error).removeprefix("check: "))
    return parts, codes, failures


def _code(source: bytes | str, name: str) -> CodeType:
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # ValueError: null bytes, in Python 3.11 before 3.11.4. The last two: too deeply nested.
        line, reason = (error.lineno, error.msg) if isinstance(error, SyntaxError) else (None, str(error))
        place = f"{name}, line {line}" if line else name
        raise OptionError(f"check: {place}: this is not valid Python: {reason}") from error


def _run(codes: Sequence[CodeType], module: ModuleType, *, is_notebook: bool) -> tuple[str, ...]:
    """Runs the parts of a file, one after the other. What raises, say for want of a data file, is left where it did."""
    failures = []
    if is_notebook:
        vars(module).update(display=print, get_ipython=lambda: None)
    for code in codes:
        try:
            exec(code, vars(module))
        except Exception as error:
            place = _place(error, [code.co_filename])
            if place is None:
                raise
            failures.append(f"{place}: {text_of(error)}")
    return tuple(failures)


def _place(error: BaseException, names: Sequence[str]) -> str | None:
    """The last line of the file that an error went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None
