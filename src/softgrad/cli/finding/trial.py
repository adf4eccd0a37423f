"""Calls the user's functions while their arguments are searched for: quietly, on copies, and within a limit."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from types import ModuleType
from typing import Any

import numpy as np

from softgrad._messages import text_of
from softgrad.check.user.descriptions import is_list_of_numbers
from softgrad.check.user.raised import where
from softgrad.check.user.state import State

MOST_CALLS = 4_000  # of all functions of one pair
OF_THE_CODE = (NameError, ImportError, NotImplementedError, OSError)  # errors that no other arguments mend


class Failed(Exception):
    """A call raised, or the calls ran out."""


class Trial:
    """The calls of one search. What the functions hold is put back after it.

    Args:
        roots: the functions, whose state is kept.
        most: how many calls there may be.
    """

    def __init__(self, roots: Iterable[Any], most: int = MOST_CALLS) -> None:
        self._state = State(roots)
        self.left = most
        self.errors: list[tuple[int, str]] = []  # how deep in the function each error was, and its text
        self._faults: list[tuple[Callable[..., Any], str]] = []  # functions, and what is wrong with their code

    def call(
        self, function: Callable[..., Any], arguments: Sequence[Any], *, before: Callable[[], Any] | None = None
    ) -> Any:
        """The result of one call, right after a call of `before`.

        Raises:
            Failed: the function raised, or there were too many calls.
        """
        if self.left <= 0:
            raise Failed("too many calls")
        self.left -= 1
        given = [copied(argument) for argument in arguments]
        quiet = io.StringIO()
        legacy = np.random.get_state()  # noqa: NPY002
        try:
            with (
                self._state.kept(),
                redirect_stdout(quiet),
                redirect_stderr(quiet),
                np.errstate(all="ignore"),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                if before is not None:
                    before()
                return detached(function(*given))
        except (Exception, SystemExit) as error:
            place = where(error)
            self.errors.append((_depth(error), f"{text_of(error)} ({place})" if place else text_of(error)))
            self._notice(function, error)
            raise Failed(text_of(error)) from error
        finally:
            np.random.set_state(legacy)  # noqa: NPY002

    def fault_of(self, function: Callable[..., Any]) -> str:
        """What is wrong with the code of a function, so that no other arguments mend it; "" if nothing is known."""
        return next((fault for one, fault in self._faults if one is function), "")

    def notice(self, function: Callable[..., Any], fault: str) -> None:
        """Notes what is wrong with a function, unless something was noted before."""
        if not self.fault_of(function):
            self._faults.append((function, fault))

    def notice_result(self, function: Callable[..., Any], value: Any) -> None:
        """Notes that a function returned nothing, or a list."""
        if value is None:
            self.notice(function, "returns None; is there a return?")
        elif is_list_of_numbers(value):
            self.notice(function, "returns a list, wanted an array; make it one, as np.array(...)")

    def _notice(self, function: Callable[..., Any], error: BaseException) -> None:
        """Notes an error that no other arguments mend, and the line that raised it."""
        misspelt = isinstance(error, AttributeError) and isinstance(error.obj, ModuleType)
        if isinstance(error, OF_THE_CODE) or misspelt:
            self.notice(function, f"raises {text_of(error).rstrip('.')} ({where(error)})")
        elif isinstance(error, TypeError) and "must be Tensor" in str(error):
            self.notice(function, "takes tensors of torch; check it in Python, with softgrad.torch.check")

    @property
    def deepest_error(self) -> str:
        """The error of the call that got furthest: it says most of what is missing."""
        return max(self.errors, key=lambda one: one[0], default=(0, ""))[1]


def detached(value: Any) -> Any:
    """A copy of a result, which the function may hold and change."""
    return copied(value)


def copied(value: Any) -> Any:
    """A copy of arrays and of what holds them; anything else as it is."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copied(entry) for key, entry in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(copied(entry) for entry in value)
    if isinstance(value, list | tuple):
        return type(value)(copied(entry) for entry in value)
    return copy.deepcopy(value) if isinstance(value, np.random.Generator) else value


def is_number(value: Any) -> bool:
    """Whether a value is one finite number."""
    return is_numeric(value) and np.size(value) == 1 and np.ndim(value) == 0


def is_numeric(value: Any) -> bool:
    """Whether a value is a number, or an array of numbers, all of them finite."""
    if isinstance(value, bool | str | dict | tuple | list) or value is None:
        return False
    try:
        array = np.asarray(value)
    except Exception:  # whatever an object of the user's raises
        return False
    return array.dtype.kind in "fiu" and bool(array.size) and bool(np.isfinite(array).all())


def _depth(error: BaseException) -> int:
    """The highest number of a line in the outermost function of the user's."""
    trace = error.__traceback__
    lines = []
    while trace is not None:
        lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[1] if len(lines) > 1 else 0
