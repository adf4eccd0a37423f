"""Batch, layer and RMS norm, and division by a length, as known functions.

Which axis is normalised is tried; the small constant, and the place where it stands, are read off the output.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.catalogue.normalisation import (
    AT_NORMALISED,
    BETA,
    GAMMA,
    GIVEN,
    RMS,
    UNIT,
    through,
    through_outside,
    through_unbiased,
)
from softgrad.check.recognise.interpretation import HELD, UserArray
from softgrad.check.recognise.known_function import BackwardLine, KnownFunction
from softgrad.formulas.language import Layout
from softgrad.formulas.numbers import Array

FEWEST = 3  # entries that are normalised together: two of them become 1 and -1, whatever they were
MOST_OTHERS = 4  # arrays beside x; a function of more is none of these


class Norm(NamedTuple):
    """A way to normalise: the lines up to xhat, and the line of dx."""

    title: str
    forward: tuple[str, ...]
    backward: str
    epsilon: float | None = None
    roles: Mapping[str, int] = {}


def norms(arrays: Sequence[UserArray], output: Array, context: Mapping[str, Any]) -> Iterator[KnownFunction]:
    """The norms that could give an output of this shape."""
    for i, one in enumerate(arrays):
        x = one.array
        inputs = [j for j, other in enumerate(arrays) if j != i and other.name != HELD]
        if (
            one.name == HELD
            or x.shape != output.shape
            or x.dtype.kind != "f"
            or x.ndim < 2
            or len(inputs) > MOST_OTHERS
        ):
            continue
        for axis in _axes(x.ndim, context):
            if all(_may_be_parameter(arrays[j].array, x.shape[axis]) for j in inputs):
                held = [j for j, other in enumerate(arrays) if other.name == HELD]
                held = [j for j in held if _may_be_parameter(arrays[j].array, x.shape[axis])]
                yield from _on_axis(arrays, i, inputs, held[:MOST_OTHERS], Layout(axis, x.ndim), output)


def _axes(ndim: int, context: Mapping[str, Any]) -> tuple[int, ...]:
    """The axis of the features: the last, then the first of a matrix and the second of images."""
    axis = context.get("class_axis")
    return (axis,) if isinstance(axis, int) else (-1, 0 if ndim == 2 else 1)


def _may_be_parameter(array: Array, features: int) -> bool:
    """Whether an array has one number for each feature."""
    return array.size == features and array.dtype.kind == "f"


def _on_axis(
    arrays: Sequence[UserArray], i: int, inputs: Sequence[int], held: Sequence[int], layout: Layout, output: Array
) -> Iterator[KnownFunction]:
    """The norms of x along one axis, with all of the inputs and perhaps arrays that forward holds."""
    x, axis = arrays[i].array, layout.class_axis
    if not inputs and x.shape[axis] >= 2:
        length = ("length = sqrt(sum_k(x ** 2) + epsilon)", "y = x / length")
        with np.errstate(all="ignore"):
            epsilon = _rounded((x / output) ** 2 - (x * x).sum(axis=axis, keepdims=True), x)
        if epsilon is not None:
            title = "division of each row by its length"
            yield _known(Norm(title, length, UNIT, epsilon), layout, i, None, None, plain=True)
    for statistics in itertools.permutations((*inputs, *held), 2):
        rest, left = ([j for j in some if j not in statistics] for some in (inputs, held))
        for gamma, beta in _parameters(rest, left):
            yield from _with_given_statistics(arrays, i, statistics, gamma, beta, layout, output)
    for gamma, beta in _parameters(inputs, held):
        normalised = _normalised(arrays, gamma, beta, layout, output)
        for norm in _fitted(x, normalised, layout):
            yield _known(norm, layout, i, gamma, beta)


def _parameters(inputs: Sequence[int], held: Sequence[int]) -> Iterator[tuple[int | None, int | None]]:
    """Which array is gamma and which is beta; every input is one or the other."""
    for gamma, beta in itertools.product((*inputs, *held, None), repeat=2):
        if {*inputs} <= {gamma, beta} and (gamma is None or gamma != beta):
            yield gamma, beta


def _normalised(
    arrays: Sequence[UserArray], gamma: int | None, beta: int | None, layout: Layout, output: Array
) -> Array:
    """The output before gamma and beta."""
    shape = [1] * layout.ndim
    shape[layout.class_axis] = -1
    with np.errstate(all="ignore"):
        shifted = output if beta is None else output - arrays[beta].array.reshape(shape)
        return shifted if gamma is None else shifted / arrays[gamma].array.reshape(shape)


def _fitted(x: Array, normalised: Array, layout: Layout) -> Iterator[Norm]:
    """The norms whose small constant, read off the output, is one that somebody would write."""
    batch, features = layout.batch_axes, layout.class_axis
    for over, axes, name in (("m", batch, "batch norm"), ("k", features, "layer norm")):
        mean = x.mean(axis=axes, keepdims=True)
        centred = x - mean
        square = np.square(centred).mean(axis=axes, keepdims=True)
        count = x.size / square.size
        if count < FEWEST:
            continue
        with np.errstate(all="ignore"):
            std = centred / normalised
            inside = _rounded(std**2 - square, square)
            outside = _rounded(std - np.sqrt(square), square)
            unbiased = _rounded(std**2 - square * count / (count - 1), square) if count > 1 else None
        first = (f"mu = mean_{over}(x)", f"var = mean_{over}((x - mu) ** 2)")
        last = "xhat = (x - mu) / std"
        if inside is not None:
            yield Norm(name, (*first, "std = sqrt(var + epsilon)", last), through(over), inside)
        if outside:
            yield Norm(name, (*first, "std = sqrt(var) + epsilon", last), through_outside(over), outside)
        if unbiased is not None:
            n = {"m": "m", "k": "K"}[over]
            lines = (first[0], f"var = sum_{over}((x - mu) ** 2) / ({n} - 1)", "std = sqrt(var + epsilon)", last)
            yield Norm(f"{name} with the unbiased variance", lines, through_unbiased(over), unbiased)
    if x.shape[features] < 2:
        return
    square = np.square(x).mean(axis=features, keepdims=True)
    with np.errstate(all="ignore"):
        epsilon = _rounded((x / normalised) ** 2 - square, square)
    if epsilon is not None:
        yield Norm("RMS norm", ("rms = sqrt(mean_k(x ** 2) + epsilon)", "xhat = x / rms"), RMS, epsilon)


def _with_given_statistics(
    arrays: Sequence[UserArray],
    i: int,
    statistics: tuple[int, int],
    gamma: int | None,
    beta: int | None,
    layout: Layout,
    output: Array,
) -> Iterator[KnownFunction]:
    """Batch norm with a mean and a variance that are inputs, as in evaluation."""
    shape = [1] * layout.ndim
    shape[layout.class_axis] = -1
    mean, var = (arrays[j].array.reshape(shape) for j in statistics)
    if (var < 0).any():
        return
    normalised = _normalised(arrays, gamma, beta, layout, output)
    with np.errstate(all="ignore"):
        epsilon = _rounded(((arrays[i].array - mean) / normalised) ** 2 - var, var)
    if epsilon is not None:
        lines = ("mu = classes(mean)", "var = classes(variance)", "std = sqrt(var + epsilon)", "xhat = (x - mu) / std")
        roles = {"mean": statistics[0], "variance": statistics[1]}
        yield _known(
            Norm("batch norm with a given mean and variance", lines, GIVEN, epsilon, roles), layout, i, gamma, beta
        )


def _rounded(seen: Array, size: Array) -> float | None:
    """The small constant that entries show, to three digits; None if they differ, or if it is below 0."""
    rough = 1e-9 * np.max(np.abs(size), initial=0.0)
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return None
    middle = float(np.median(seen))
    if not np.all(np.abs(seen - middle) <= rough + 1e-3 * abs(middle)):
        return None
    rounded = float(f"{middle:.3g}")
    return 0.0 if abs(middle) < 1e-14 * np.max(np.abs(size)) else rounded if rounded > 0 else None


def _known(
    norm: Norm, layout: Layout, x: int, gamma: int | None, beta: int | None, *, plain: bool = False
) -> KnownFunction:
    """The norm with its gamma and beta; `plain` where nothing stands behind it."""
    roles, grads, back = {"x": x, **norm.roles}, {x: "dx"}, []
    scale = "xhat" if gamma is None else "classes(gamma) * xhat"
    line = f"y = {scale}" + ("" if beta is None else " + classes(beta)")
    if beta is not None:
        roles["beta"], grads[beta] = beta, "dbeta"
        back.append(BETA)
    if gamma is not None:
        roles["gamma"], grads[gamma] = gamma, "dgamma"
        back += [GAMMA, AT_NORMALISED]
    elif not plain:
        back.append("dxhat = dy")
    return KnownFunction(
        title=norm.title,
        layout=layout,
        roles=roles,
        grads=grads,
        to_logits=(),
        from_logits=norm.forward if plain else (*norm.forward, line),
        output="y",
        backward=tuple(BackwardLine(one) for one in (*back, norm.backward)),
        upstream="dy",
        logits="x",
        entries="features",
        constants={"epsilon": norm.epsilon},
    )
