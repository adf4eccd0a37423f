"""Loading the user's Python file, finding functions in it, and reporting the line of an error in it."""

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

from softgrad._files import read_whole
from softgrad._messages import quoted, text_of
from softgrad.errors import OptionError

MOST_NAMES = 8  # in a message
MODULE = "_softgrad_user_file"  # a name that no module of the user has


@dataclass(frozen=True)
class UserFile:
    """A loaded file."""

    path: Path
    module: ModuleType

    def __contains__(self, name: str) -> bool:
        return callable(getattr(self.module, name, None))

    def functions(self) -> list[str]:
        """The names of the functions that the file defines, in its order."""
        return [
            name
            for name, value in vars(self.module).items()
            if callable(value) and not inspect.isclass(value) and getattr(value, "__module__", None) == MODULE
        ]

    def describe(self) -> str:
        """A phrase for messages that lists the functions of the file."""
        names = self.functions()
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

    Its output goes to standard error. It can import modules from its own folder.

    Raises:
        OptionError: the file cannot be read, or its code raised while it was loaded or within the block.
    """
    try:
        code = compile(read_whole(path), str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise OptionError(f"check: {path} cannot be read: {error.strerror}; give the path of a Python file") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # ValueError: null bytes, in Python 3.11 before 3.11.4. The last two: too deeply nested.
        line, reason = (error.lineno, error.msg) if isinstance(error, SyntaxError) else (None, str(error))
        place = f"{path}, line {line}" if line else str(path)
        raise OptionError(f"check: {place}: this is not valid Python: {reason}") from error
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    old_path = sys.path[:]
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[MODULE] = module  # dataclasses and pickle look the module up here
    try:
        with redirect_stdout(sys.stderr):
            exec(code, vars(module))
            yield UserFile(path, module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        line = _line(error, path)
        if line is None:  # the error does not come from the file
            raise
        raise OptionError(f"check: {path}, line {line}: {text_of(error)}") from error
    finally:
        sys.path[:] = old_path
        sys.modules.pop(MODULE, None)


def _line(error: BaseException, path: Path) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None
