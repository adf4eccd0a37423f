"""A Python file of the user's: loaded, searched for functions, and named with the line where it raises."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from softgrad.errors import OptionError

MODULE = "_softgrad_user_file"  # a name that hides no module of the user's


class UserFile(NamedTuple):
    """A file that was loaded."""

    path: Path
    module: ModuleType

    def __contains__(self, name: object) -> bool:
        return callable(getattr(self.module, str(name), None))

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
        close = get_close_matches(name, self.functions(), n=1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        raise OptionError(
            f"check: {self.path} has no function {name!r}; {guess}{self.describe()}; name one by {option}"
        )


@contextmanager
def user_file(path: Path) -> Iterator[UserFile]:
    """The file, loaded; within the block its functions can be called.

    What it prints goes to standard error, and modules that stand beside it can be imported.

    Raises:
        OptionError: the file cannot be read; or it raised, while it was loaded or in the block.
    """
    loader = SourceFileLoader(MODULE, str(path))
    spec = spec_from_loader(MODULE, loader)
    assert spec is not None
    module = module_from_spec(spec)
    folder, writes_no_bytecode = str(path.resolve().parent), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.modules[MODULE] = module
    sys.dont_write_bytecode = True  # to check a file leaves nothing beside it
    try:
        path.read_bytes()
        with redirect_stdout(sys.stderr):
            loader.exec_module(module)
            yield UserFile(path, module)
    except OSError as error:
        if _line(error, path) is None and error.filename == str(path):
            raise OptionError(f"check: {path} cannot be read: {error.strerror}") from error
        raise _blamed(error, path) from error
    except (Exception, SystemExit) as error:
        raise _blamed(error, path) from error
    finally:
        sys.dont_write_bytecode = writes_no_bytecode
        del sys.modules[MODULE]
        sys.path.remove(folder)


def _blamed(error: BaseException, path: Path) -> BaseException:
    """The error as a sentence with the line of the file that raised it; an error from elsewhere as it is."""
    line = _line(error, path)
    if line is None:
        return error
    said = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return OptionError(f"check: {path}, line {line}: {type(error).__name__}" + (f": {said}" if said else ""))


def _line(error: BaseException, path: Path) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None
