"""A backward pass that takes other arguments, as vjp(*inputs, output, grad_output).

An argument is read by its name. Where the names leave it open, as in relu_backward(dA, Z), the reading is taken with
which the gradients agree with a difference.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions, parameter_names
from softgrad.check.user.signatures import name_of, readings, takes
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array

STEP, WITHIN = 1e-5, 1e-4
BESIDE = 1e-2  # how far the inputs are moved: at 0, a ReLU has a kink

Makes = Callable[[Callable[..., Any]], UserFunctions]


class Adapted(NamedTuple):
    """A backward pass as vjp(*inputs, output, grad_output)."""

    vjp: Callable[..., Any]
    fact: str  # how the user's is called
    calls: int  # that were made to find it out


def as_vjp(forward: Callable[..., Any], backward: Callable[..., Any], count: int, makes: Makes) -> Adapted | None:
    """A backward pass as a vjp. None where it is one, or where it cannot be told what it takes.

    Args:
        forward: the forward pass.
        backward: the backward pass.
        count: the number of inputs.
        makes: the functions of a check, for a backward pass.
    """
    names = parameter_names(forward, count)
    if names is None or inspect.ismethod(backward):
        return None
    calls, found = 0, readings(backward, names)
    if takes(backward, count + 2):  # perhaps by arguments with a default, as in leaky_relu_backward(dA, Z, slope=0.01)
        if not found or found[0].times_upstream or len(found[0].roles) == count + 2:
            return None
        functions = makes(backward)
        if _agrees(functions):
            return None
        calls = functions.calls.made
    is_certain = len(found) == 1 and not _may_take(backward, count + 2)
    for one in found:
        vjp = one.function(backward, count)
        functions = makes(vjp)
        if is_certain or _agrees(functions):
            said = one.shown(name_of(backward, "vjp"), names, {"output": "output", "upstream": "grad_output"})
            return Adapted(vjp, f"vjp is taken as {said}", calls + functions.calls.made)
        calls += functions.calls.made
    return None


def _may_take(backward: Callable[..., Any], count: int) -> bool:
    """Whether a function may be meant to be called with so many arguments: their defaults are no numbers."""
    if not takes(backward, count):
        return False
    parameters = list(inspect.signature(backward).parameters.values())
    return not isinstance(parameters[min(count, len(parameters)) - 1].default, int | float)


def _agrees(functions: UserFunctions) -> bool:
    """Whether the gradients agree with a difference along one direction: at the inputs given, or beside their kinks."""
    try:
        with functions.kept(), np.errstate(all="ignore"):
            arrays = functions.arrays()
            functions.gradients(arrays, np.ones_like(functions.output(arrays), dtype=float))
            given = functions.arrays()  # integers that have a gradient are float64 from now on
            ways = {
                key: np.sin(2.0 + 3.0 * np.arange(array.size)).reshape(array.shape)
                for key, array in given.items()
                if array.dtype.kind == "f"
            }
            return any(_agree_at(functions, _moved(given, ways, far), ways) for far in (0.0, BESIDE))
    except CheckError:
        return False


def _agree_at(functions: UserFunctions, arrays: Mapping[Key, Array], ways: Mapping[Key, Array]) -> bool:
    output = functions.output(arrays)
    upstream = np.cos(1.0 + 2.0 * np.arange(output.size)).reshape(output.shape)
    grads = functions.gradients(arrays, upstream).grads
    if not grads or any(key not in ways or grad.shape != ways[key].shape for key, grad in grads.items()):
        return False
    own = {key: ways[key] for key in grads}
    above, below = (functions.output(_moved(arrays, own, step)) for step in (STEP, -STEP))
    wanted = float((upstream * (above - below)).sum()) / (2 * STEP)
    terms = np.concatenate([(grads[key] * way).ravel() for key, way in own.items()])
    return abs(float(terms.sum()) - wanted) <= WITHIN * float(np.abs(terms).sum()) + 1e-12


def _moved(arrays: Mapping[Key, Array], ways: Mapping[Key, Array], step: float) -> dict[Key, Array]:
    return {key: array + step * ways[key] if key in ways else array for key, array in arrays.items()}
