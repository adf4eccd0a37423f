"""The loss of a network whose forward pass returns its output, and whose backward pass takes the targets.

    forward(X) -> output        loss(output, y) -> a number        backward(X, y)

The inputs of a check are those of forward, then those of the loss.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from softgrad.check.layer.methods import OUTPUT_ROLE, Role
from softgrad.check.user.argument_names import OUTPUTS, TARGETS
from softgrad.check.user.descriptions import kind_of
from softgrad.errors import CheckError, OptionError

LOSSES = (
    *("loss", "cost", "compute_loss", "compute_cost", "calculate_loss", "calc_loss", "get_loss", "loss_function"),
    *("loss_fn", "cost_function", "criterion", "objective", "cross_entropy", "cross_entropy_loss", "mse", "mse_loss"),
)


class Objective(NamedTuple):
    """The loss, and what it is called with."""

    call: Callable[..., Any]
    told: str  # such as "loss(output, y)"
    roles: tuple[Role, ...]  # the output, or the index of an input
    begin: int  # the inputs before are those of forward
    names: list[str]  # of all inputs


def find_objective(
    layer: Any, forward: str, backward: str | None, inputs: Sequence[Any], names: Sequence[str] | None, loss: Any
) -> Objective | None:
    """The loss of an object, if more inputs are given than its forward pass takes, or if the user names one.

    Args:
        layer: the object.
        forward: the name of its forward pass.
        backward: that of its backward pass.
        inputs: all inputs given.
        names: what to call them; None: as the methods do.
        loss: the option: a name, a function of the output and the further inputs, or None.

    Raises:
        CheckError: there is no loss.
        OptionError: loss is neither.
    """
    taken = _taken(getattr(layer, forward), inputs)
    if loss is None and len(inputs) <= len(taken):
        return None
    begin = len(taken)
    named = [*taken, *_targets(getattr(layer, str(backward), None), taken, len(inputs) - begin)]
    named = list(names) if names is not None and len(names) == len(inputs) else named
    if loss is not None and not isinstance(loss, str):
        if not callable(loss):
            raise OptionError(f"check_layer: loss is {kind_of(loss)}, wanted a function or the name of a method")
        rest = tuple(range(begin, len(inputs)))
        return Objective(loss, f"{_name(loss)}(output{_listed(named[begin:])})", (OUTPUT_ROLE, *rest), begin, named)
    found = [loss] if loss else [name for name in LOSSES if callable(getattr(layer, name, None)) and name != forward]
    if not found or not callable(getattr(layer, found[0], None)):
        given = "1 input was" if len(inputs) == 1 else f"{len(inputs)} inputs were"
        way = 'name the method that returns the loss, as in loss="compute_loss", or give a function loss(output, y)'
        if loss:
            raise CheckError(f"check_layer: the object has no method {loss}; {way}")
        raise CheckError(f"check_layer: {forward} takes {begin} and {given} given; {way}")
    call = getattr(layer, found[0])
    roles = _roles(call, named, begin)
    told = ", ".join("output" if role == OUTPUT_ROLE else named[int(role)] for role in roles)
    return Objective(call, f"{found[0]}({told})", roles, begin, named)


def _taken(forward: Callable[..., Any], inputs: Sequence[Any]) -> list[str]:
    """The names of those parameters of a forward pass that inputs are given for.

    An array is not given for a flag: of forward(x, training=True), the array y beside x is not training.
    """
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):  # some built-in functions have none
        return [f"input {i}" for i in range(len(inputs))]
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return [f"input {i}" for i in range(len(inputs))]
    names: list[str] = []
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    for one, value in zip(positional, inputs, strict=False):
        if isinstance(one.default, bool | str) and not isinstance(value, bool | str):
            break
        names.append(one.name)
    return names


def _targets(backward: Any, taken: Sequence[str], count: int) -> list[str]:
    """What the further inputs are called: as backward calls its targets."""
    try:
        parameters = list(inspect.signature(backward).parameters)
    except (TypeError, ValueError):
        parameters = []
    found = [name for name in parameters if name.strip("_").lower() in TARGETS and name not in taken][:count]
    return [*found, *("y" if i == 0 else f"y{i + 1}" for i in range(len(found), count))]


def _roles(loss: Callable[..., Any], names: Sequence[str], begin: int) -> tuple[Role, ...]:
    """What a loss is called with, by the names of its parameters."""
    try:
        parameters = list(inspect.signature(loss).parameters.values())
    except (TypeError, ValueError):
        return (OUTPUT_ROLE, *range(begin, len(names)))
    needed = [one.name for one in parameters if one.default is one.empty and one.kind in (0, 1)]
    found: list[Role | None] = []
    further = list(range(begin, len(names)))
    plains = [name.strip("_").lower() for name in needed]
    y_is_output = "y" in plains and any(plain in TARGETS and plain != "y" for plain in plains)  # as in loss(y, t)
    for name, plain in zip(needed, plains, strict=True):
        if y_is_output and plain == "y":
            found.append(OUTPUT_ROLE)
        elif name in names:
            found.append(list(names).index(name))
        elif plain in OUTPUTS:
            found.append(OUTPUT_ROLE)
        elif plain in TARGETS and further:
            found.append(further[0])
        else:
            found.append(None)
    has_input = any(isinstance(role, int) and role < begin for role in found)
    for i, role in enumerate(found):
        if role is None:
            rest = [one for one in further if one not in found]
            found[i] = OUTPUT_ROLE if OUTPUT_ROLE not in found and not has_input else rest[0] if rest else None
    if None in found:
        raise CheckError(f"check_layer: {_name(loss)} takes {', '.join(needed)}, and it cannot be told what they are")
    return tuple(role for role in found if role is not None)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", "loss"))


def _listed(names: Sequence[str]) -> str:
    return "".join(f", {name}" for name in names)
