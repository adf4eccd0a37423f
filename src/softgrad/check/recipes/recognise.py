"""Finds out what a user's function computes: the recipe whose forward pass gives the numbers that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad.check.recipes import activations, losses
from softgrad.check.recipes.budget import Budget
from softgrad.check.recipes.built import Front
from softgrad.check.recipes.chains import Leaf, chains
from softgrad.check.recipes.head import Head
from softgrad.check.recipes.recipe import Recipe, matches
from softgrad.check.recipes.target import Options, Reading, Target, readings
from softgrad.formulas.language import IMPOSSIBLE, Layout, functions, run
from softgrad.formulas.numbers import Array

TRIES, SECONDS = 5_000, 4.0  # that the search may take


def recognise(
    samples: Sequence[tuple[Sequence[Leaf], Array]],
    context: Mapping[str, Any],
    *,
    gradient_at_logits: Array | None = None,
    rtol: float = 1e-8,
) -> Recipe | None:
    """The recipe that gives the user's outputs, or None where the catalogue knows no such function.

    Args:
        samples: the user's arrays and what the function makes of them, several times.
        context: what the user says: class_axis, layout, temperature, label_smoothing, class_weight, ignore_index, mask,
            keep, slope, epsilon, target.
        gradient_at_logits: the right gradient at the first sample, where there is one array, from which a target that
            the function keeps to itself can be read off.
        rtol: to which the recipe has to give the outputs.
    """
    budget = Budget(TRIES, SECONDS)
    others = [([leaf.array for leaf in leaves], output) for leaves, output in samples[1:]]
    with np.errstate(all="ignore"):
        for found in _candidates(*samples[0], context, gradient_at_logits, rtol):
            if found is not None and all(matches(found, arrays, output, rtol=rtol) for arrays, output in others):
                return found
            if budget.is_spent():
                return None
    return None


def _candidates(
    leaves: Sequence[Leaf],
    output: Array,
    context: Mapping[str, Any],
    gradient_at_logits: Array | None,
    rtol: float,
) -> Iterator[Recipe | None]:
    """The recipes that fit the first sample, the usual ones first; None for one that does not fit."""
    arrays = [leaf.array for leaf in leaves]
    if gradient_at_logits is not None and output.ndim == 0 and arrays[0].ndim:
        yield from _with_hidden_target(leaves, output, context, gradient_at_logits)
    found = list(readings(leaves, context))
    for usual in (True, False):
        for reading in found:
            if reading.target is None and output.ndim == 0 and not any(array.ndim == 1 for array in arrays):
                continue  # without a target only the logsumexp of a vector is a number
            for chain in chains(leaves, reading.used, context, _axes(context)):
                try:
                    front = Front(chain, arrays, rtol)
                except IMPOSSIBLE:
                    yield None
                    continue
                for head in _heads(front, output, reading, leaves, context, usual=usual):
                    yield front.with_head(head, output)
                    if reading.target is not None and output.ndim == 0 and chain.weights:
                        yield front.with_penalty(head, output)


def _axes(context: Mapping[str, Any]) -> tuple[int, ...]:
    """The class axes to try: the user's, else rows, then columns; the third is that of images (N, K, ...)."""
    axis = context.get("class_axis")
    if isinstance(axis, int):
        return (axis,)
    return (0, -1) if "column" in str(context.get("layout", "")) else (-1, 0, 1)


def _heads(
    front: Front, output: Array, reading: Reading, leaves: Sequence[Leaf], context: Mapping[str, Any], *, usual: bool
) -> Iterator[Head]:
    """The heads that could give an output of this shape."""
    z, chain = front.logits, front.chain
    if reading.target is not None:
        if output.ndim in (0, z.ndim - 1):
            yield from _losses(reading.target, reading.options, output.ndim == 0, not chain.forward, usual=usual)
    elif usual and output.shape == z.shape:
        if chain.forward:
            yield Head("", (), "z", (), "dz")
        yield from activations.of_its_shape(z, output, chain.layout.class_axis)
        yield from activations.masked(z, leaves, context.get("mask"))
        if not chain.forward:
            yield from activations.dropped(z, output, leaves)
    elif usual and output.ndim == z.ndim - 1:
        yield activations.logsumexp()


def _losses(target: Target, options: Options, scalar: bool, bare: bool, *, usual: bool) -> Iterator[Head]:
    plain = options.plain()
    bases: tuple[str | None, ...] = (None,)
    if usual:
        rows = [*losses.cross_entropies(target, plain), *losses.other_losses(target)]
        rows += losses.of_probabilities(target) if bare else ()
    else:
        rows = [
            *losses.cross_entropies(target, plain._replace(smoothings=options.smoothings)),
            *losses.cross_entropies(target, plain._replace(temperatures=options.temperatures)),
        ]
        if len(options.smoothings) == 1 or len(options.temperatures) == 1:
            rows += losses.cross_entropies(target, options)
        epsilons = (*options.epsilons, *losses.EPSILONS)
        rows += losses.away_from_0(target, epsilons)
        rows += losses.of_probabilities(target, epsilons) if bare else ()
    for row in rows:
        yield from row.heads(scalar=scalar, bases=bases)
    if not usual and scalar:
        for row in (*losses.cross_entropies(target, plain), *(losses.of_probabilities(target) if bare else ())):
            yield from row.heads(scalar=True, bases=losses.BASES)


def _with_hidden_target(
    leaves: Sequence[Leaf], output: Array, context: Mapping[str, Any], grad: Array
) -> Iterator[Recipe | None]:
    """A cross-entropy whose target the function keeps to itself: t = p - grad * m, if that is a target at all."""
    z = leaves[0].array
    for axis in _axes(context)[:2] if z.ndim == 2 else (-1,):
        p = run(("p = softmax(z)",), {**functions(Layout(axis, z.ndim)), "z": z})["p"]
        for divisor in (z.size / z.shape[axis], 1.0, float(z.size)):
            t = p - grad * divisor
            t = np.where(np.abs(t) < 1e-7, 0.0, np.where(np.abs(t - 1) < 1e-7, 1.0, t))
            if (t >= 0).all() and np.allclose(t.sum(axis=axis), 1, atol=1e-6):
                for chain in chains(leaves[:1], frozenset(), context, (axis,)):
                    front = Front(chain, [z], 1e-8)
                    for row in losses.cross_entropies(Target(None, {}, True, {"t": t}), Options()):
                        for head in row.heads(scalar=True):
                            yield front.with_head(head, output)
