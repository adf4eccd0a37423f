"""Functions that are called otherwise than forward(*inputs) and vjp(*inputs, output, grad_output).

    relu_backward(dA, Z)      the upstream gradient and the input
    softmax_backward(dp, p)   the upstream gradient and the output
    sigmoid_prime(z)          the derivative of each entry

An argument is read by its name. Nothing is called here.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from softgrad.check.user.argument_names import is_output, is_upstream, plain

MOST_TRIED = 8
HIDDEN = {0: "terms with this factor were not checked", 1: "a missing factor would not be noticed"}
DERIVATIVES = ("prime", "deriv", "dash", "d_")


class Called(NamedTuple):
    """What the arguments of a backward pass are: the index of an input, "output" or "upstream"."""

    roles: tuple[int | str, ...]
    times_upstream: bool  # it returns the derivative of each entry

    def function(self, backward: Callable[..., Any], inputs: int) -> Callable[..., Any]:
        """The backward pass as vjp(*inputs, output, grad_output)."""
        at = {"output": inputs, "upstream": inputs + 1}

        def vjp(*arguments: Any) -> Any:
            value = backward(*(arguments[at[role] if isinstance(role, str) else role] for role in self.roles))
            return arguments[-1] * value if self.times_upstream else value

        return vjp

    def shown(self, name: str, names: Sequence[str], words: dict[str, str]) -> str:
        """The call in words: relu_backward(grad_output, x)."""
        given = [words[role] if isinstance(role, str) else names[role] for role in self.roles]
        call = f"{name}({', '.join(given)})"
        return f"{words['upstream']} * {call}" if self.times_upstream else call


def needed(function: Callable[..., Any], given: Sequence[str] = ()) -> list[str] | None:
    """The names of the arguments that a function cannot be called without; None where they are not known.

    Args:
        function: the function.
        given: plain names of arguments that are passed also if they have a default.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some built-in functions have none
        return None
    if any(one.kind is one.KEYWORD_ONLY and one.default is one.empty for one in parameters):
        return None
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return [
        one.name
        for one in itertools.takewhile(lambda one: one.default is one.empty or plain(one.name) in given, positional)
    ]


def takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # it has no signature
        return True
    return True


def readings(backward: Callable[..., Any], names: Sequence[str]) -> list[Called]:
    """What the arguments of a backward pass may be, the likeliest first; empty where it cannot be told."""
    inputs = {plain(name): i for i, name in reversed(list(enumerate(names)))}
    arguments = needed(backward, [name for name in inputs if name])
    if not arguments:
        return []
    found: list[list[int | str]] = []
    for argument in arguments:
        if plain(argument) in inputs:
            found.append([inputs[plain(argument)]])
        elif is_output(argument):
            found.append(["output"])
        elif is_upstream(argument):
            found.append(["upstream"])
        else:
            found.append([*range(len(names)), "output"])
    times = not any("upstream" in roles for roles in found)
    if times and not (len(arguments) == 1 and any(word in plain(name_of(backward, "")) for word in DERIVATIVES)):
        return []
    each = itertools.islice(itertools.product(*found), 100)
    return [Called(roles, times) for roles in each if len(set(roles)) == len(roles)][:MOST_TRIED]


def way_to_wrap(name: str, backward: Callable[..., Any], names: Sequence[str], *, takes_upstream: bool) -> str:
    """The lambda with which a backward pass is called as it should be, for a message; empty where it is not known.

    Args:
        name: what the backward pass is called where it has no name of its own.
        backward: the backward pass.
        names: of the inputs.
        takes_upstream: whether it is a vjp.
    """
    names = [one if one.isidentifier() else f"x{i}" for i, one in enumerate(names)]
    own, called = needed(backward), name_of(backward, name)
    if own is None or len(own) > len(names) + 2 * takes_upstream:
        return ""
    if not takes_upstream:
        given = own if set(own) <= set(names) else names[: len(own)]
        return f"lambda {', '.join(names)}: {called}({', '.join(given)})"
    words = {"output": _free("out", names), "upstream": _free("dout", names)}
    reading = next(iter(readings(backward, names)), None) or _likely(own, len(names))
    return f"lambda {', '.join([*names, *words.values()])}: {reading.shown(called, names, words)}"


def misfit(function: str, forward: Callable[..., Any], backward: Callable[..., Any], count: int) -> str:
    """What to do where forward does not take so many inputs; empty where it does.

    Args:
        function: the public function that the user called.
        forward: the forward pass.
        backward: the backward pass.
        count: the number of inputs.
    """
    own = needed(forward)
    if own is None or takes(forward, count):
        return ""
    name, other = name_of(forward, "forward"), name_of(backward, "vjp")
    call = f"{function}({name}, {other}, {', '.join(own)})"
    if not count:
        return f"; give the inputs at which to check, as {call}"
    if takes(backward, count) and any(map(is_upstream, own)):
        return f"; {name} looks like the backward pass, which comes second, as {function}({other}, {name}, ...)"
    return f"; give its inputs, as {call}"


def hidden_by_defaults(forward: Callable[..., Any], count: int) -> list[str]:
    """Facts on arguments without an input that are 0 or 1 by default, such as the factor of a penalty."""
    try:
        parameters = list(inspect.signature(forward).parameters.values())[count:]
    except (TypeError, ValueError):  # some built-in functions have none
        return []
    facts = []
    for number, said in HIDDEN.items():
        names = [
            one.name
            for one in parameters
            if one.kind is one.POSITIONAL_OR_KEYWORD and isinstance(one.default, float) and one.default == number
        ]
        if names:
            are, it = ("is", "it as a further input") if len(names) == 1 else ("are", "them as further inputs")
            facts.append(f"{' and '.join(names)} {are} {number} by default: {said}; give {it}")
    return facts


def name_of(function: Any, otherwise: str) -> str:
    """The name of a function, if it can be written in code."""
    name = str(getattr(function, "__name__", otherwise))
    return name if name.isidentifier() else otherwise


def _likely(arguments: Sequence[str], count: int) -> Called:
    """A guess where the names of the arguments leave it open."""
    places: list[int | str] = [*range(count), "output"]
    at = next((i for i, name in enumerate(arguments) if is_upstream(name)), None)
    if at is None and len(arguments) <= count:
        return Called(tuple(places[: len(arguments)]), True)
    at = len(arguments) - 1 if at is None else at
    rest = places[: len(arguments) - 1]
    return Called((*rest[:at], "upstream", *rest[at:]), False)


def _free(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else f"{name}_"
