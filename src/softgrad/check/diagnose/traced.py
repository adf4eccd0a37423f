"""Explains wrong gradients of any function: forward is traced, and its right backward pass changed in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.belief import agrees_with_derivatives, agrees_with_right_ones
from softgrad.check.diagnose.wrong_gradients import WrongGradient
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.explain import explained
from softgrad.check.report.findings import Findings, plain_mistake
from softgrad.check.sampling.redraw import is_free
from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.check.trace import Graph, trace_forward
from softgrad.check.user.arguments import Key
from softgrad.check.user.calls import OutOfCalls
from softgrad.check.user.options import FEWEST_DRAWS
from softgrad.formulas.numbers import nearly_equal

MOST_DRAWS = 6


def explain_by_trace(
    samples: Sequence[Sample],
    judged: Mapping[Key, Judgement],
    wrong: Mapping[Key, WrongGradient],
    sampler: Sampler,
    numbers: Mapping[str, float],
    judge: GradientJudge,
    findings: Findings,
) -> bool:
    """Adds the mistake that a change of the right backward pass shows; whether there is one.

    Args:
        samples: the inputs given, then others.
        judged: the judgement of each gradient at the inputs given.
        wrong: the wrong gradients.
        sampler: calls the user's functions.
        numbers: of the context; a factor may equal one of them.
        judge: judges gradients by numerical derivatives.
        findings: to be added to.
    """
    keys = [key for key in wrong if key in judged]
    try:
        return bool(keys) and _explained(samples, judged, keys, sampler, numbers, judge, findings)
    except Exception:  # a fault of this search is not the user's: the report does without it
        return False


def _explained(
    samples: Sequence[Sample],
    judged: Mapping[Key, Judgement],
    keys: Sequence[Key],
    sampler: Sampler,
    numbers: Mapping[str, float],
    judge: GradientJudge,
    findings: Findings,
) -> bool:
    given = samples[0]
    first = _draw(sampler, given)
    if first is None or not agrees_with_derivatives(first.rights, given, judged, judge):
        if first is not None and first.graph.untraced:
            findings.note(f"{sampler.functions.forward_name} is not traced through {', '.join(first.graph.untraced)}")
        return False

    def with_first(others: Sequence[Sample]) -> list[Draw]:
        drawn = [draw for sample in others[: MOST_DRAWS - 1] if (draw := _draw(sampler, sample)) is not None]
        return [first, *(draw for draw in drawn if agrees_with_right_ones(draw.rights, draw.users, keys))]

    def like_given() -> list[Draw]:
        if sampler.inputs is not None or all(key in given.grads or not is_free(a) for key, a in given.arrays.items()):
            return []
        try:
            return with_first(sampler.redrawn(given, MOST_DRAWS - 1, as_given=True))
        except OutOfCalls:
            return []

    draws = with_first(samples[1:])
    if len(draws) < FEWEST_DRAWS and (more := _wrong_elsewhere(samples[1:MOST_DRAWS], judged, keys, sampler, judge)):
        keys = [*keys, *more]
        draws = with_first(samples[1:])
    if len(draws) < FEWEST_DRAWS:
        return False
    if not any(np.any(draw.rights[key]) for draw in draws for key in keys):
        return False  # a function that moves in steps has no derivative
    if all(nearly_equal(draw.users[key], draw.rights[key]) for draw in draws for key in keys if key in draw.users):
        return False  # they are wrong at other inputs alone
    names = {key: sampler.functions.name_of(key) for key in given.arrays}
    pair = _exchanged(draws, keys)
    if pair is not None:
        a, b = (names[key] for key in pair)
        said = f"what is returned for {a} is the gradient of {b}, and the other way round"
        findings.include(plain_mistake("gradients-exchanged", f"{said}, on {len(draws)} of {len(draws)} draws"))
        return True
    found = explained(draws, keys, names, numbers, like_given)
    if found is None:
        return False
    findings.include(*found.mistakes)
    findings.forward_line = found.forward_line
    if found.unexplained:
        left = [names[key] for key in found.unexplained]
        findings.note(f"{', '.join(left)} {'is' if len(left) == 1 else 'are'} wrong in another way too")
    return True


def _wrong_elsewhere(
    others: Sequence[Sample],
    judged: Mapping[Key, Judgement],
    keys: Sequence[Key],
    sampler: Sampler,
    judge: GradientJudge,
) -> list[Key]:
    """The gradients that are right at the inputs given and wrong at others, where those of a trace are right."""
    for sample in others:
        draw = _draw(sampler, sample)
        if draw is None or set(keys) >= draw.rights.keys():
            continue
        off = [
            key
            for key, right in draw.rights.items()
            if key in judged and key not in keys and not agrees_with_right_ones({key: right}, draw.users, ())
        ]
        if off and all(judge(sample.with_grads({**sample.grads, key: draw.rights[key]}), key).ok for key in off):
            return off
    return []


def _exchanged(draws: Sequence[Draw], keys: Sequence[Key]) -> tuple[Key, Key] | None:
    """Two arrays whose gradients are right, each in the place of the other; None where no others are wrong."""
    if len(keys) != 2:
        return None
    a, b = keys
    both = all({a, b} <= draw.users.keys() for draw in draws)
    fits = both and all(
        nearly_equal(draw.users[one], draw.rights[other]) for draw in draws for one, other in ((a, b), (b, a))
    )
    return (a, b) if fits else None


def _draw(sampler: Sampler, sample: Sample) -> Draw | None:
    graph: Graph | None = trace_forward(sampler.functions, sample.arrays)
    if graph is None or graph.output.shape != np.shape(sample.output):
        return None
    if not np.allclose(graph.output.value, sample.output, rtol=1e-9, atol=0, equal_nan=True):
        return None
    users = {
        key: np.asarray(grad, dtype=float)
        for key, grad in sample.grads.items()
        if key in graph.inputs and np.shape(grad) == graph.inputs[key].shape and np.isfinite(grad).all()
    }
    return Draw(graph, sample.upstream, users)
