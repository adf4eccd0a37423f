"""Whether the user's functions take the arguments that the checker gives, and what to write where they do not.

forward(*inputs)    vjp(*inputs, output, grad_output)    loss(*inputs)    grad(*inputs)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from softgrad.errors import OptionError

ADAPTER = "checked_vjp"


def takes(function: Callable[..., Any], arguments: int) -> bool:
    """Whether it can be called with so many; True where it does not say."""
    signature = _signature(function)
    try:
        if signature is not None:
            signature.bind(*[None] * arguments)
    except TypeError:
        return False
    return True


def check_takes(name: str, function: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Refuses a forward, loss or grad that cannot be called with the inputs."""
    if takes(function, len(inputs)):
        return
    raise OptionError(
        f"check: {_shown(name, function)} was to be called with {len(inputs)} input{'s' * (len(inputs) != 1)}; give "
        "--shape once for each that it takes, or a tuple of them from inputs(rng)"
    )


def check_takes_vjp(name: str, vjp: Callable[..., Any], forward: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Refuses a vjp that does not take all inputs, the output and grad_output; says what adapts it."""
    if takes(vjp, len(inputs) + 2):
        return
    names = [*_input_names(forward, len(inputs)), "output", "grad_output"]
    wanted = ", ".join(names)
    given = ", ".join(_meant(_parameters(vjp), names))
    raise OptionError(
        f"check: {_shown(name, vjp)} cannot be called as vjp({wanted}); add to the file the line  "
        f"{ADAPTER} = lambda {wanted}: {name}({given})  and give --vjp {ADAPTER}"
    )


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # compiled functions need not have one
        return None


def _parameters(function: Callable[..., Any]) -> list[str]:
    signature = _signature(function)
    return [] if signature is None else list(signature.parameters)


def _shown(name: str, function: Callable[..., Any]) -> str:
    return f"{name}({', '.join(_parameters(function))})"


def _input_names(forward: Callable[..., Any], inputs: int) -> list[str]:
    """What forward calls its inputs, where that can be told: "z"."""
    names = _parameters(forward)[:inputs]
    taken = {"output", "grad_output"} & set(names)
    return names if len(names) == inputs and not taken else [f"input{i}" for i in range(inputs)]


def _meant(parameters: Sequence[str], names: Sequence[str]) -> list[str]:
    """Which of `names` each parameter of the user's vjp means, by its own name; "..." where that cannot be told.

    This is a suggestion to the reader alone: nothing is computed from it.
    """
    meant = []
    for parameter in parameters:
        if parameter in names:
            meant.append(parameter)
        elif parameter.startswith("d") or "grad" in parameter or parameter in ("g", "upstream"):
            meant.append("grad_output")
        else:
            meant.append("..." if "cache" in parameter else "output")  # a cache may hold anything
    told_apart = len(set(meant)) == len(meant) and "..." not in meant
    return meant if told_apart else ["..."]
