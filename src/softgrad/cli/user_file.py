"""Loading the user's Python file or notebook, finding functions in it, and reporting the line of an error in it."""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from softgrad._files import read_whole
from softgrad._messages import quoted, text_of
from softgrad.cli.interrupt import said_if_slow
from softgrad.cli.parts import is_notebook, package, place, read, run
from softgrad.errors import OptionError

MOST_NAMES = 8  # in a message
MODULE = "_softgrad_user_file"  # a name that no module of the user has


@dataclass(frozen=True)
class UserFile:
    """A loaded file."""

    path: Path
    module: ModuleType
    failures: tuple[str, ...] = ()  # where the file, or a cell of a notebook, was left since it raised
    notes: tuple[str, ...] = ()  # how it was read
    stopped: str = ""  # the line at which Ctrl-C stopped it
    is_empty: bool = False

    @property
    def is_notebook(self) -> bool:
        """Whether it is a notebook."""
        return is_notebook(self.path)

    def __contains__(self, name: str) -> bool:
        return callable(getattr(self.module, name, None))

    def functions(self) -> list[str]:
        """The names of the functions that the file defines, in its order."""
        return [name for name, value in self._own() if callable(value) and not inspect.isclass(value)]

    def classes(self) -> list[str]:
        """The names of the classes that the file defines, in its order; exceptions are no layers."""
        found = [(name, value) for name, value in self._own() if inspect.isclass(value)]
        return [name for name, value in found if not issubclass(value, BaseException)]

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
    under `if __name__ == "__main__":` is not run. A file can be stopped by Ctrl-C; it then has what it had by then.

    Raises:
        OptionError: the file cannot be read, it ended the program, or its code raised within the block.
    """
    try:
        content = read_whole(path)
    except OSError as error:
        raise OptionError(
            f"check: {path} cannot be read: {error.strerror}; give the path of a Python file or a notebook"
        ) from error
    found = read(path, content)
    names = [part.name for part in found.parts]
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    old_path, old_backend = sys.path[:], os.environ.get("MPLBACKEND")
    sys.path.insert(0, str(path.resolve().parent))
    inside = package(path, found)
    if inside is not None:
        module.__package__ = inside[0]
        sys.path.insert(1, str(inside[1]))
    sys.modules[MODULE] = module  # dataclasses and pickle look the module up here
    os.environ["MPLBACKEND"] = "Agg"  # draws into memory
    if is_notebook(path):
        vars(module).update(display=print, get_ipython=lambda: None)
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*non-interactive")  # what plt.show says of it
            with said_if_slow(f"{path} is still running; Ctrl-C checks what it has by then"):
                outcome = run(found, module)
            failures = (*found.unread, *outcome.failures)
            yield UserFile(path, module, failures, tuple(found.notes), outcome.stopped, not content.strip())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        at = place(error, names)
        if at is None:  # the error does not come from the file
            raise
        raise OptionError(f"check: {at}: {text_of(error)}") from error
    finally:
        sys.path[:] = old_path
        sys.modules.pop(MODULE, None)
        for name in names:
            linecache.cache.pop(name, None)
        if old_backend is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = old_backend
