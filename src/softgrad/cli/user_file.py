"""A Python file of the user's: loaded, searched for functions, and named with the line where it raises."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from softgrad.errors import OptionError

MODULE = "_softgrad_user_file"  # a name that hides no module of the user's


@dataclass(frozen=True)
class UserFile:
    """A file that was loaded."""

    path: Path
    module: ModuleType

    def __contains__(self, name: str) -> bool:
        return callable(getattr(self.module, name, None))

    def functions(self) -> list[str]:
        """Those that are defined in the file, in its order."""
        return [
            name
            for name, value in vars(self.module).items()
            if callable(value) and not inspect.isclass(value) and getattr(value, "__module__", None) == MODULE
        ]

    def describe(self) -> str:
        """Its functions, in words."""
        return f"it has {', '.join(self.functions())}" if self.functions() else "it has no functions"

    def function(self, name: str, option: str) -> Callable[..., Any]:
        """The function of that name.

        Raises:
            OptionError: there is none; says which there are, and by which option one is named.
        """
        if name in self:
            function: Callable[..., Any] = getattr(self.module, name)
            return function
        raise OptionError(
            f"check: {self.path} has no function {name!r}; {self.guess(name)}{self.describe()}; name one by {option}"
        )

    def guess(self, *names: str) -> str:
        """Which function may have been meant by one of the names, as a question; "" where none is near."""
        near = [match for name in names for match in get_close_matches(name, self.functions(), n=1)]
        return f"did you mean {near[0]!r}? " if near else ""


@contextmanager
def user_file(path: Path) -> Iterator[UserFile]:
    """The file, loaded; within the block its functions can be called.

    What it prints goes to standard error, and modules that stand beside it can be imported.

    Raises:
        OptionError: the file cannot be read; or it raised, while it was loaded or in the block.
    """
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise OptionError(f"check: {path} cannot be read: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes, in Python 3.11 before 3.11.4
        line, said = (error.lineno, error.msg) if isinstance(error, SyntaxError) else (None, str(error))
        place = f"{path}, line {line}" if line else str(path)
        raise OptionError(f"check: {place}: this is not Python: {said}") from error
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    found_at = sys.path[:]
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[MODULE] = module  # where dataclasses and pickle look for what it defines
    try:
        with redirect_stdout(sys.stderr):
            exec(code, vars(module))
            yield UserFile(path, module)
    except (Exception, SystemExit) as error:
        line = _line(error, path)
        if line is None:  # not of the file's doing
            raise
        said = " ".join(str(error).split())
        what = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise OptionError(f"check: {path}, line {line}: {what}") from error
    finally:
        sys.path[:] = found_at
        sys.modules.pop(MODULE, None)


def _line(error: BaseException, path: Path) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None
