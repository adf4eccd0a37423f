"""Calls that do not fit a signature, explained: other libraries' names, misspelled options, options without a name.

`explained` marks the public functions and the constructors. It looks at a call only after Python has refused it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from softgrad._options import TRANSLATED, unexpected

Function = TypeVar("Function", bound=Callable[..., Any])

BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def explained(function: Function) -> Function:
    """The same function, with a message of ours where the arguments do not fit its parameters."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        __tracebackhide__ = True  # pytest shows the caller
        try:
            return function(*args, **options)
        except TypeError as error:
            message = _refused(error, function, args, options)
            if message is None:
                raise
            raise TypeError(message) from None

    return cast(Function, call)


def explained_after(shortly: Callable[[tuple[Any, ...], dict[str, Any]], Any]) -> Callable[[Function], Function]:
    """`explained`, for a function with a short way: `shortly` gives its result for most calls, or None.

    One function does both, since each more would take a tenth of a microsecond.
    """

    def explained_function(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            result = shortly(args, options)
            if result is not None:
                return result
            try:
                return function(*args, **options)
            except TypeError as error:
                message = _refused(error, function, args, options)
                if message is None:
                    raise
                raise TypeError(message) from None

        return cast(Function, call)

    return explained_function


def _refused(
    error: TypeError, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
) -> str | None:
    """The message, if Python raised the error because the arguments do not fit; not if it was raised inside."""
    raised_inside = error.__traceback__ is None or error.__traceback__.tb_next is not None
    return None if raised_inside else _what_does_not_fit(function, args, options)


def _what_does_not_fit(function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> str | None:
    parameters = list(inspect.signature(function).parameters.values())
    name = function.__name__
    if name == "__init__":
        parameters, name, args = parameters[1:], _constructed(function, args[0]), args[1:]
    takes_more = {parameter.kind for parameter in parameters}
    by_position = [parameter.name for parameter in parameters if parameter.kind in BY_POSITION]
    by_name = [parameter.name for parameter in parameters if parameter.kind in BY_NAME]
    only_by_name = [other for other in by_name if other not in by_position]
    needed = [parameter.name for parameter in parameters if _is_needed(parameter)]
    missing = [other for other in needed if other not in options and other not in by_position[: len(args)]]
    for given in options:
        is_known = given in by_name or inspect.Parameter.VAR_KEYWORD in takes_more
        if not is_known or TRANSLATED.get(given) in missing:
            return unexpected(name, given, by_name, only_by_name or by_name)
    if len(args) > len(by_position) and inspect.Parameter.VAR_POSITIONAL not in takes_more:
        return _too_many(name, args, by_position, [*only_by_name, *by_position])
    for given in by_position[: len(args)]:
        if given in options:
            return f"{name}: {given} is given twice, by position and by name; give it once"
    if missing:
        one = len(missing) == 1
        call = f"{name}({', '.join(needed)}{', ...' if len(by_name) > len(needed) else ''})"
        return f"{name}: {' and '.join(missing)} {'is' if one else 'are'} missing, wanted {call}"
    return None


def _constructed(constructor: Callable[..., Any], instance: object) -> str:
    """The class whose constructor it is: that of the instance, unless a subclass with its own calls it."""
    kind = type(instance)
    inherited = inspect.unwrap(kind.__init__) is constructor
    return kind.__name__ if inherited else constructor.__qualname__.split(".")[-2]


def _too_many(name: str, args: tuple[Any, ...], by_position: list[str], options: list[str]) -> str:
    first = args[len(by_position)]
    some = {0: "no argument", 1: "one argument"}.get(len(by_position), f"{len(by_position)} arguments")
    which = f" ({', '.join(by_position)})" if by_position else ""
    is_axis = first is None or isinstance(first, int | tuple)
    if "axis" in options and is_axis and not isinstance(first, bool):
        advice = f"; name the axis, as axis={first!r:.40}"
    elif len(options) > len(by_position):
        advice = "; give options by name"
    else:
        advice = ""
    return f"{name}: got {len(args)} arguments by position, wanted {some}{which}{advice}"


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind in (*BY_POSITION, *BY_NAME)
