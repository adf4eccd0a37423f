"""Finds dense layers in the shapes of the user's arrays.

An input x, then weights and biases that fit behind one another, in one of the forms in which a dense layer is written.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad.check.recognise.dense_layers import (
    FORMS,
    HIDDEN_ACTIVATIONS,
    VECTOR_FORMS,
    Arrangement,
    DenseForm,
    DenseLayers,
    no_layers,
    written_out,
)
from softgrad.check.recognise.interpretation import UserArray
from softgrad.formulas.language import Layout
from softgrad.formulas.numbers import Array

# Values to try where the context does not give one.
SLOPES = (0.01, 0.1, 0.2, 0.05, 0.3, 0.02, 0.001)
KEEPS = (0.5, 0.8, 0.9, 0.7, 0.75, 0.6)

MOST_STEPS = 2000  # of the search for an order of the layers: square layers fit in any order
MOST_ORDERS = 4
MOST_AXES = 64  # of an array of NumPy

Layers = tuple[tuple[int, int | None], ...]  # weight and bias of each, by their numbers


def dense_layers(
    arrays: Sequence[UserArray],
    used: frozenset[int],
    context: Mapping[str, Any],
    axes: Sequence[int],
    ndims: Container[int] = range(1, 1 + MOST_AXES),
) -> Iterator[DenseLayers]:
    """All dense layers that the shapes allow, of the arrays that have no other use; first of all, none.

    Args:
        arrays: of the user.
        used: the numbers of those that have another use.
        context: what the user says.
        axes: the class axes to try.
        ndims: how many axes the logits may have.
    """
    reals = [i for i, one in enumerate(arrays) if i not in used and one.array.dtype.kind == "f" and one.array.ndim]
    for i in reals:
        ndim = arrays[i].array.ndim
        if ndim not in ndims:
            continue
        for axis in axes[:2] if ndim == 2 else (axes[0], *axes[2:]) if ndim > 2 else (-1,):
            yield no_layers(i, Layout(axis, ndim))
    inputs = [i for i in reals if not arrays[i].parameter] or reals
    for x in sorted(inputs, key=lambda i: (-arrays[i].array.ndim, i)):
        ndim = arrays[x].array.ndim
        if ndim in (1, 2) and ndim in ndims:
            rest = sorted((i for i in reals if i != x), key=lambda i: (_layer_number(arrays[i].name), i))
            masks = [i for i, one in enumerate(arrays) if i not in used and i != x and _may_be_mask(one.array)]
            for network in _networks(arrays, x, rest, masks, context):
                yield written_out(network, Layout(0 if network.form.columns else -1, ndim))


def _layer_number(name: str) -> int:
    """The number in the name of a parameter; 0 without one."""
    numbers = re.findall(r"\d+", name)
    return int(numbers[-1]) if numbers else 0


def _may_be_mask(array: Array) -> bool:
    return array.dtype == bool or (array.ndim == 2 and 1 <= len(np.unique(array)) <= 2 and 0.0 in array)


def _networks(
    arrays: Sequence[UserArray], x: int, rest: Sequence[int], masks: Sequence[int], context: Mapping[str, Any]
) -> Iterator[Arrangement]:
    shape = arrays[x].array.shape
    for form in FORMS if len(shape) == 2 else VECTOR_FORMS:
        features = shape[0 if form.columns or len(shape) == 1 else 1]
        orders = _orders(arrays, rest, form, features, (), itertools.count())
        for layers in itertools.islice(orders, MOST_ORDERS):
            for activation, slope in _activations(len(layers), context):
                plain = Arrangement(x, layers, form, activation, slope)
                yield plain
                yield from _with_dropout(plain, arrays, masks, context)


def _orders(
    arrays: Sequence[UserArray], rest: Sequence[int], form: DenseForm, features: int, done: Layers, steps: Iterator[int]
) -> Iterator[Layers]:
    """Weights and biases that fit behind one another, the longest rows first. `steps` counts the calls."""
    if next(steps) > MOST_STEPS:
        return
    for w in rest:
        shape = arrays[w].array.shape
        if len(shape) != 2 or shape[form.weight_in] != features:
            continue
        units = shape[1 - form.weight_in]
        left = [i for i in rest if i != w]
        biases = [i for i in left if _is_bias(arrays[i].array.shape, units, form.columns)]
        for b in (*biases[:2], None):
            layers: Layers = (*done, (w, b))
            left_over = [i for i in left if i != b]
            yield from _orders(arrays, left_over, form, units, layers, steps)
            if not any(arrays[i].parameter for i in left_over):
                yield layers


def _is_bias(shape: tuple[int, ...], units: int, columns: bool) -> bool:
    return shape in ((units,), (units, 1) if columns else (1, units))


def _activations(count: int, context: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The activations that may stand behind the hidden layers, each with its slope."""
    for name in HIDDEN_ACTIVATIONS if count > 1 else ("no activation",):
        if name == "leaky ReLU":
            given = context.get("slope")
            yield from ((name, slope) for slope in ((float(given),) if isinstance(given, int | float) else SLOPES))
        else:
            yield name, 0.0


def _with_dropout(
    network: Arrangement, arrays: Sequence[UserArray], masks: Sequence[int], context: Mapping[str, Any]
) -> Iterator[Arrangement]:
    """The network with each mask behind its first activation."""
    parameters = {i for layer in network.layers for i in layer}
    given = context.get("keep")
    for mask in masks if len(network.layers) > 1 else ():
        if mask not in parameters:
            largest = float(np.unique(arrays[mask].array)[-1])
            keeps = (float(given),) if isinstance(given, int | float) else KEEPS
            for keep in (None, *(keeps if largest == 1.0 else ())):
                yield network._replace(mask=mask, keep=keep)
