"""Options with a default, such as T=1.0: at 0, 1, 2 and 0.5 a number hides mistakes, so that it is given another value.

With T = 1 a gradient that lacks 1 / T is right, with p = 0.5 one that has 1 - p in the place of p, with weight=None one
that forgets the weight.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from softgrad.cli.finding.roles import NUMBERS, Value
from softgrad.cli.finding.word_sets import word_set

OTHERS = {0.0: 0.1, 0.5: 0.3, 1.0: 0.7, 2.0: 1.7}  # a number that hides mistakes, and one that does not
MARGIN = 3.0  # so that differences of random arrays are often below it
NO_NUMBERS = word_set(  # counts and switches, and rates that are 0 where there is none
    "axis dim stride pad padding seed random_state eps epsilon dropout dropout_rate drop_prob training train n k size "
    "lr learning_rate momentum"
)
CAN_BE_INTEGERS = word_set("t temp temperature tau alpha beta gamma delta margin slope scale lam lambda lambda_ c p")
WEIGHTS = word_set("weight weights sample_weight sample_weights class_weight class_weights mask pos_weight w")
SHAPES = ("NC", "N", "C", "N1")


def other_value(name: str, default: Any) -> float | None:
    """A number to give an option in the place of a default that hides mistakes; None where there is none.

    Args:
        name: of the option.
        default: its default.
    """
    low = name.lower().strip("_")
    if isinstance(default, bool) or low in NO_NUMBERS or low.startswith("n_"):
        return None
    if not isinstance(default, float) and not (isinstance(default, int) and low in CAN_BE_INTEGERS):
        return None
    if default == 0 and isinstance(NUMBERS.get(low), float):
        return float(NUMBERS[low])
    if low == "margin" and default == 1:
        return MARGIN
    other = OTHERS.get(abs(float(default)))
    return None if other is None else -other if default < 0 else other


def hiding(function: Callable[..., Any]) -> dict[str, Any]:
    """The options of a function whose defaults hide mistakes, by name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        one.name: one.default
        for one in parameters
        if one.kind in kinds
        and (
            other_value(one.name, one.default) is not None
            or (one.default is None and one.name.lower().strip("_") in WEIGHTS)
        )
    }


def shared_options(
    forward: Callable[..., Any], backward: Callable[..., Any], names: Sequence[str]
) -> dict[str, list[Value]]:
    """The options of both functions whose defaults hide mistakes, each with the values to try.

    Args:
        forward: the forward pass.
        backward: its derivative.
        names: of the arguments that forward gets without them.
    """
    theirs = hiding(backward)
    return {
        name: _values(name, default)
        for name, default in hiding(forward).items()
        if name in theirs and theirs[name] == default and name not in names
    }


def _values(name: str, default: Any) -> list[Value]:
    if default is None:
        return [Value("mask" if "mask" in name.lower() else "weights", axes) for axes in SHAPES]
    return [Value("constant", constant=other_value(name, default))]


def with_options(function: Callable[..., Any], options: Sequence[str]) -> Callable[..., Any] | None:
    """The function with these options as arguments after those that it always needs; None where that is impossible."""
    parameters = list(inspect.signature(function).parameters.values())
    if any(one.kind in (one.POSITIONAL_ONLY, one.VAR_POSITIONAL) for one in parameters):
        return None
    needed = [one for one in parameters if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given = [one for one in parameters if one.name in options]
    rest = [one for one in parameters if one not in needed and one not in given and one.kind is kind]
    own = [*needed, *(one.replace(default=one.empty, kind=kind) for one in given), *rest]

    def called(*values: Any) -> Any:
        return function(**{one.name: value for one, value in zip(own, values, strict=False)})

    called.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    called.parts = getattr(function, "parts", (function,))  # type: ignore[attr-defined]
    if hasattr(function, "parts"):
        return called
    called.same_arguments = True  # type: ignore[attr-defined]
    return called


def only(options: Mapping[str, Any]) -> str:
    """Says with which defaults alone a gradient was checked: "checked with T = 1.0 only"."""
    return f"checked with {', '.join(f'{name} = {value!r}' for name, value in options.items())} only"
