"""Which methods of an object are its forward and its backward pass, and what its backward pass is called with.

    backward(grad_output)                    backward(grad_output, learning_rate)
    backward()                               gradient(x, t), beside loss(x, t)
    backward(x, grad_output)                 backward(grad_output, cache), where forward returns (output, cache)

An argument is read by its name; an only argument is the upstream gradient, whatever its name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from softgrad.check.user.argument_names import TARGETS, is_output, is_upstream
from softgrad.check.user.cached import CACHES
from softgrad.check.user.descriptions import kind_of
from softgrad.errors import CheckError, OptionError

FORWARDS = (
    *("forward", "forward_pass", "forward_prop", "forward_propagation", "forward_propagate", "feedforward"),
    *("feed_forward", "fprop", "fwd", "propagate", "__call__"),
)
BACKWARDS = (
    *("backward", "backward_pass", "backprop", "back_prop", "backpropagate", "backpropagation", "back_propagation"),
    *("backward_prop", "backward_propagation", "backward_propagate", "bprop", "bwd", "back"),
)
LOSSES = ("loss", "cost", "compute_loss", "compute_cost", "loss_function", "objective")
GRADIENTS = ("gradient", "gradients", "grad", "grads", "compute_gradients", "compute_gradient", "compute_grads")
PAIRS = ((FORWARDS, BACKWARDS), (LOSSES, GRADIENTS), (LOSSES, BACKWARDS))

RATES = ("learning_rate", "learningrate", "learn_rate", "lr", "eta", "alpha", "rate", "step_size", "stepsize")
UPSTREAM_ROLE, OUTPUT_ROLE, RATE_ROLE, CACHE_ROLE, HELD_ROLE = "grad_output", "output", "rate", "cache", "held"
Role = str | int  # what an argument of backward is: one of the above, or the index of an input


class Methods(NamedTuple):
    """The two methods of an object."""

    forward: str
    backward: str | None  # None: forward returns the loss and its gradients


def find_methods(layer: Any, forward: Any, backward: Any) -> Methods:
    """The methods that are the forward and the backward pass.

    Args:
        layer: the object.
        forward: the name that the user gave, or None.
        backward: the name that the user gave, None, or True: forward returns the gradients too.

    Raises:
        CheckError: the object has no such methods.
        OptionError: a name is no text.
    """
    if isinstance(layer, type):
        raise CheckError(f"check_layer: layer is the class {layer.__name__}, wanted an object: {layer.__name__}(...)")
    if any(kind.__module__.partition(".")[0] == "torch" for kind in type(layer).__mro__):
        raise CheckError(
            f"check_layer: layer is a {type(layer).__name__} of torch, which takes tensors; torch differentiates it, "
            "and torch.autograd.gradcheck checks a torch.autograd.Function"
        )
    for option, value in (("forward", forward), ("backward", backward)):
        if value is not None and not isinstance(value, str) and not (option == "backward" and value is True):
            raise OptionError(f"check_layer: {option} is {kind_of(value)}, wanted the name of a method")
    for forwards, backwards in PAIRS:
        first = [forward] if forward else [name for name in forwards if _has(layer, name)]
        second = [backward] if backward else [name for name in backwards if _has(layer, name)]
        if first and second and (forward or backward or _has(layer, first[0])):
            found = Methods(first[0], None if second[0] is True else second[0])
            for name in (found.forward, found.backward):
                if name is not None and not _has(layer, name):
                    raise CheckError(f"check_layer: {_kind(layer)} has no method {name}; it has {_methods_of(layer)}")
            return found
    alone = [forward] if forward else [name for name in LOSSES if _has(layer, name)]
    if backward is None and alone and alone[0] in LOSSES and _has(layer, alone[0]):
        return Methods(alone[0], None)
    raise CheckError(
        f"check_layer: {_kind(layer)} has no forward and backward; it has {_methods_of(layer)}; name two of them, as "
        'in forward="predict", backward="gradient"'
    )


def roles(
    backward: Callable[..., Any], name: str, inputs: Sequence[str], *, is_loss: bool, has_cache: bool
) -> tuple[Role, ...]:
    """What each argument of a backward pass is, by its name.

    Args:
        backward: the method.
        name: its name, for messages.
        inputs: the names of forward's parameters.
        is_loss: whether forward returns one number. The upstream gradient is then 1, and may be left out.
        has_cache: whether forward returns (output, cache).

    Raises:
        CheckError: it cannot be told.
    """
    try:
        parameters = list(inspect.signature(backward).parameters.values())
    except (TypeError, ValueError):  # some built-in functions have none
        return (UPSTREAM_ROLE,)
    if any(one.kind is inspect.Parameter.KEYWORD_ONLY and one.default is one.empty for one in parameters):
        raise CheckError(
            f"check_layer: {name}{inspect.signature(backward)} needs an argument that is given by name only"
        )
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if not positional and any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return (UPSTREAM_ROLE,)
    found: list[Role] = []
    needed = [one for one in positional if one.default is one.empty]
    for one in positional:
        role = _role(one.name, inputs, is_loss=is_loss, has_cache=has_cache, alone=len(needed) == 1, taken=found)
        may_be_left_out = role is None or role == OUTPUT_ROLE or (is_loss and role == UPSTREAM_ROLE)
        if one.default is not one.empty and may_be_left_out:
            break  # what follows has a default too
        if role is None:
            told = f"check_layer: {name}{inspect.signature(backward)} takes {one.name}"
            if one.name.lower() in TARGETS:
                raise CheckError(
                    f"{told}, which forward does not; give it after the inputs of forward, and as the option loss a "
                    "function of the output and of it, unless the object has a method loss"
                )
            raise CheckError(f"{told}, which is not known; wrap the layer in a class with {name}(grad_output)")
        found.append(role)
    return tuple(found)


def _role(
    name: str, inputs: Sequence[str], *, is_loss: bool, has_cache: bool, alone: bool, taken: Sequence[Role]
) -> Role | None:
    plain = name.strip("_").lower()
    if plain in RATES:
        return RATE_ROLE
    if has_cache and plain in CACHES:
        return CACHE_ROLE
    if name in inputs and (is_loss or not alone):
        return list(inputs).index(name)
    if alone and UPSTREAM_ROLE not in taken and plain not in TARGETS:
        return UPSTREAM_ROLE
    if is_output(name):
        return OUTPUT_ROLE
    if UPSTREAM_ROLE not in taken and is_upstream(name):
        return UPSTREAM_ROLE
    return None


def _has(layer: Any, name: str) -> bool:
    return callable(getattr(layer, name, None))


def _kind(layer: Any) -> str:
    return f"an object of type {type(layer).__name__}"


def _methods_of(layer: Any) -> str:
    names = [name for name in dir(layer) if not name.startswith("_") and _has(layer, name)]
    return ", ".join(names[:8]) if names else "no methods"
