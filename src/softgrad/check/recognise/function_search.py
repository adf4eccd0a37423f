"""The search for the known function that gives the user's outputs."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.recognise import activations, losses, whole_functions
from softgrad.check.recognise.assemble import EvaluatedLayers
from softgrad.check.recognise.evidence import is_shown
from softgrad.check.recognise.interpretation import Interpretation, LossOptions, Target, UserArray, interpretations
from softgrad.check.recognise.known_function import KnownFunction
from softgrad.check.recognise.layer_search import MOST_AXES, dense_layers
from softgrad.check.recognise.output_function import OutputFunction
from softgrad.check.recognise.tries import Tries
from softgrad.formulas.language import IMPOSSIBLE, Layout, functions, run
from softgrad.formulas.numbers import Array

MOST_TRIES = 5_000
PER_TRY = 3  # functions that one try looks at: a loss, and the same with each of two penalties


def recognise(
    samples: Sequence[tuple[Sequence[UserArray], Array]],
    context: Mapping[str, Any],
    *,
    gradient_at_logits: Array | None = None,
    rtol: float = 1e-8,
) -> KnownFunction | None:
    """The known function that gives the user's outputs; None if there is none, or if the numbers do not show which.

    Args:
        samples: several times, the user's arrays and the output at them.
        context: what the user says: class_axis, layout, temperature, label_smoothing, class_weight, ignore_index, mask,
            keep, slope, epsilon, target, z_loss and the numbers that one loss takes.
        gradient_at_logits: the right gradient at the first sample, if there is one array only. A target that the
            function holds itself can be read off it.
        rtol: the relative error allowed in the outputs.
    """
    tries = Tries(MOST_TRIES, [one.array for one in samples[0][0]])
    drawn = [([one.array for one in arrays], output) for arrays, output in samples]
    with np.errstate(all="ignore"):
        for found in _candidates(*samples[0], context, gradient_at_logits, rtol):
            if (
                found is not None
                and all(found.matches(arrays, output, rtol=rtol) for arrays, output in drawn[1:])
                and is_shown(found, drawn, tries=PER_TRY * MOST_TRIES, rtol=rtol)
            ):
                return found
            if tries.is_spent():
                return None
    return None


def _candidates(
    arrays: Sequence[UserArray],
    output: Array,
    context: Mapping[str, Any],
    gradient_at_logits: Array | None,
    rtol: float,
) -> Iterator[KnownFunction | None]:
    """The functions that give the first output, the usual ones first; None for each that does not."""
    plain = [one.array for one in arrays]
    if gradient_at_logits is not None and output.ndim == 0 and plain[0].ndim:
        yield from _with_hidden_target(arrays, output, context, gradient_at_logits)
    if any(len(np.unique(array)) > 2 for array in plain):  # of one-hot rows, self-attention gives what softmax gives
        yield from whole_functions.matching(arrays, output, context, rtol)
    for meaning, usual in _in_order(list(interpretations(arrays, context))):
        if meaning.target is None and output.ndim == 0 and not any(array.ndim == 1 for array in plain):
            continue  # without a target, only the logsumexp of a vector is a number
        ndims = _ndims(output, meaning.target)
        for layers in dense_layers(arrays, meaning.used, context, _class_axes(context), ndims):
            try:
                evaluated = EvaluatedLayers(layers, plain, rtol)
            except IMPOSSIBLE:
                yield None
                continue
            if meaning.target is not None and not _fits(meaning.target, evaluated.logits, layers.layout, plain):
                continue
            penalised = meaning.target is not None and output.ndim == 0 and bool(layers.weights)
            for function in _output_functions(evaluated, output, meaning, arrays, context, usual=usual):
                yield from evaluated.fitting(function, output, penalised=penalised) or (None,)


def _ndims(output: Array, target: Target | None) -> Container[int]:
    """How many axes logits may have that give an output of this shape."""
    if target is None:
        return (output.ndim, output.ndim + 1)
    return range(1, 1 + MOST_AXES) if output.ndim == 0 else (output.ndim + 1,)


def _fits(target: Target, logits: Array, layout: Layout, arrays: Sequence[Array]) -> bool:
    """Whether the target has the shape of the logits; class indices, that without the classes."""
    given = {**target.constants, **{name: arrays[i] for name, i in target.roles.items()}}
    if "y" in given:
        rows = [length for axis, length in enumerate(logits.shape) if axis != layout.class_axis % logits.ndim]
        return bool(np.shape(given["y"]) == tuple(rows))
    return all(bool(np.shape(given[name]) == logits.shape) for name in ("t_", "t") if name in given)


def _in_order(found: Sequence[Interpretation]) -> Iterator[tuple[Interpretation, bool]]:
    """The interpretations, each with its usual and with its other functions: those of class indices come first."""
    of_classes = [one for one in found if one.options.integer_target]
    others = [one for one in found if not one.options.integer_target]
    for group in (of_classes, others):
        for usual in (True, False):
            yield from ((meaning, usual) for meaning in group)


def _class_axes(context: Mapping[str, Any]) -> tuple[int, ...]:
    """The class axes to try: that of the context; else rows, then columns, and a third for images (N, K, ...)."""
    axis = context.get("class_axis")
    if isinstance(axis, int):
        return (axis,)
    return (0, -1) if "column" in str(context.get("layout", "")) else (-1, 0, 1)


def _output_functions(
    evaluated: EvaluatedLayers,
    output: Array,
    meaning: Interpretation,
    arrays: Sequence[UserArray],
    context: Mapping[str, Any],
    *,
    usual: bool,
) -> Iterator[OutputFunction]:
    """The output functions that could give an output of this shape."""
    z, layers = evaluated.logits, evaluated.layers
    if meaning.target is not None:
        if output.ndim in (0, z.ndim - 1):
            kind = _Kind(output.ndim == 0, bare=not layers.forward, stacked=z.ndim > 2)
            yield from _losses(meaning.target, meaning.options, kind, usual=usual)
    elif usual and output.shape == z.shape:
        if layers.forward:
            yield OutputFunction("", (), "z", (), "dz")
        yield from activations.of_its_shape(z, output, layers.layout.class_axis)
        yield from activations.masked(z, arrays, context.get("mask"))
        if not layers.forward:
            yield from activations.dropped(z, output, arrays)
    elif usual and output.ndim == z.ndim - 1:
        yield activations.logsumexp()


class _Kind(NamedTuple):
    """What is known of a loss before it is tried."""

    scalar: bool
    bare: bool  # no layers stand in front, so that the input may be probabilities
    stacked: bool  # several axes count rows


def _losses(target: Target, options: LossOptions, kind: _Kind, *, usual: bool) -> Iterator[OutputFunction]:
    """Losses of this kind."""
    scalar, bare = kind.scalar, kind.bare
    plain = options.plain()
    if usual:
        rows = [*losses.cross_entropies(target, plain), *losses.other_losses(target)]
        rows += losses.of_probabilities(target) if bare else ()
    else:
        rows = [
            *losses.cross_entropies(target, plain._replace(smoothings=options.smoothings)),
            *losses.cross_entropies(target, plain._replace(temperatures=options.temperatures)),
            *losses.with_parameter(target, options),
        ]
        if len(options.smoothings) == 1 or len(options.temperatures) == 1:
            rows += losses.cross_entropies(target, options)
        rows += losses.of_shifted_labels(target, plain)
        rows += losses.smoothed_otherwise(target, options)
        epsilons = (*options.epsilons, *losses.EPSILONS)
        rows += losses.away_from_0(target, epsilons)
        rows += losses.of_probabilities(target, epsilons) if bare else ()
        rows += losses.of_probabilities_otherwise(target, options) if bare else ()
    for row in rows:
        yield from row.output_functions(scalar=scalar, stacked=kind.stacked)
    if not usual and scalar:
        for row in (*losses.cross_entropies(target, plain), *(losses.of_probabilities(target) if bare else ())):
            yield from row.output_functions(scalar=True, stacked=kind.stacked, bases=losses.BASES)


def _with_hidden_target(
    arrays: Sequence[UserArray], output: Array, context: Mapping[str, Any], grad: Array
) -> Iterator[KnownFunction | None]:
    """A cross-entropy whose target the function holds itself: t = p - grad * m, if that is a target at all."""
    z = arrays[0].array
    for axis in _class_axes(context)[:2] if z.ndim == 2 else (-1,):
        p = run(("p = softmax(z)",), {**functions(Layout(axis, z.ndim)), "z": z})["p"]
        for divisor in (z.size / z.shape[axis], 1.0, float(z.size)):
            t = p - grad * divisor
            t = np.where(np.abs(t) < 1e-7, 0.0, np.where(np.abs(t - 1) < 1e-7, 1.0, t))
            if (t >= 0).all() and np.allclose(t.sum(axis=axis), 1, atol=1e-6):
                for layers in dense_layers(arrays[:1], frozenset(), context, (axis,)):
                    evaluated = EvaluatedLayers(layers, [z], 1e-8)
                    for row in losses.cross_entropies(Target(None, {}, True, {"t": t}), LossOptions()):
                        for function in row.output_functions(scalar=True, stacked=z.ndim > 2):
                            yield from evaluated.fitting(function, output) or (None,)
