"""Checks that the user's functions take the arguments that the checker passes, and otherwise suggests an adapter.

forward(*inputs)    vjp(*inputs, output, grad_output)    loss(*inputs)    grad(*inputs)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from softgrad.errors import OptionError

ADAPTER = "checked_vjp"


def takes(function: Callable[..., Any], arguments: int) -> bool:
    """Whether the function can be called with this number of arguments; True if it has no signature."""
    signature = _signature(function)
    try:
        if signature is not None:
            signature.bind(*[None] * arguments)
    except TypeError:
        return False
    return True


def check_takes(name: str, function: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Raises OptionError if a forward, loss or grad cannot be called with the inputs."""
    if takes(function, len(inputs)):
        return
    raise OptionError(
        f"check: {_shown(name, function)} cannot be called with {len(inputs)} input{'s' * (len(inputs) != 1)}; give "
        "--shape once for each of its inputs, or return all of them as a tuple from inputs(rng)"
    )


def check_takes_vjp(name: str, vjp: Callable[..., Any], forward: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Raises OptionError if a vjp does not take inputs, output and grad_output. The message contains an adapter."""
    if takes(vjp, len(inputs) + 2):
        return
    names = [*_input_names(forward, len(inputs)), "output", "grad_output"]
    wanted = ", ".join(names)
    arguments = ", ".join(_guess_arguments(parameters(vjp), names))
    raise OptionError(
        f"check: {_shown(name, vjp)} cannot be called as vjp({wanted}); add the line  "
        f"{ADAPTER} = lambda {wanted}: {name}({arguments})  to the file, and give --vjp {ADAPTER}"
    )


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # compiled functions may have none
        return None


def parameters(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters; none if the function has no signature."""
    signature = _signature(function)
    return [] if signature is None else list(signature.parameters)


def _shown(name: str, function: Callable[..., Any]) -> str:
    return f"{name}({', '.join(parameters(function))})"


def _input_names(forward: Callable[..., Any], inputs: int) -> list[str]:
    """The names of the inputs in the signature of forward, such as "z"; or input0, input1, ... if it has no names."""
    names = parameters(forward)[:inputs]
    taken = {"output", "grad_output"} & set(names)
    return names if len(names) == inputs and not taken else [f"input{i}" for i in range(inputs)]


def _guess_arguments(parameters: Sequence[str], names: Sequence[str]) -> list[str]:
    """For each parameter of the user's vjp, a guess of which of `names` it stands for; ["..."] if this is unclear.

    The guess is only a suggestion in a message: nothing is computed from it.
    """
    guesses = []
    for parameter in parameters:
        if parameter in names:
            guesses.append(parameter)
        elif parameter.startswith("d") or "grad" in parameter or parameter in ("g", "upstream"):
            guesses.append("grad_output")
        else:
            guesses.append("..." if "cache" in parameter else "output")  # a cache may hold anything
    clear = len(set(guesses)) == len(guesses) and "..." not in guesses
    return guesses if clear else ["..."]
