"""A length that is hard-coded: gradients are right at the inputs given, and wrong for other lengths of an axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.other_lengths import WrongLength
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.check.user.functions import UserFunctions
from softgrad.formulas.numbers import constant_ratio

WITHIN = 1e-6


def find_hard_coded_size(backward: KnownBackward, given: Sample, sampler: Sampler, findings: Findings) -> Sample | None:
    """Adds the finding; returns a sample that shows it.

    Args:
        backward: the right backward pass, on draws of several lengths.
        given: the inputs given, where the gradients are right.
        sampler: calls the user's functions.
        findings: to be added to.
    """
    wrong, keys = backward.wrong(), list(given.arrays)
    shapes = [array.shape for array in given.arrays.values()]
    evidence, shows = "", None
    for n, draw in enumerate(backward.draws):
        others = [np.shape(array) for array in draw.arrays[: len(shapes)]]
        changed = {
            (own, new)
            for shape, other in zip(shapes, others, strict=True)
            for own, new in zip(shape, other, strict=True)
            if own != new
        }
        off = backward.wrong_on(n)
        if not changed and not off:
            continue
        if len(changed) != 1:
            return None
        own, new = changed.pop()
        if not off:
            continue  # another axis
        if any(draw.grads[i].shape != draw.arrays[i].shape for i in wrong):
            return None
        rights = {i: np.reshape(backward.right(n)[i], draw.arrays[i].shape) for i in off}
        ratios = [constant_ratio(draw.grads[i], right) for i, right in rights.items()]
        texts = {_in_lengths(ratio or 0.0, own, new) for ratio in ratios}
        axes = {
            sampler.functions.name_of(key): (axis, len(shape))
            for key, shape, other in zip(keys, shapes, others, strict=True)
            for axis in range(len(shape))
            if shape[axis] != other[axis]
        }
        name = sampler.functions.name_of(keys[off[0]])
        told = _told(name, axes, own, new, texts.pop() if len(texts) == 1 else "")
        evidence = f"the gradient of {name} is right where {told.right}, as given; {told.wrong}"
        shows = sampler.usable(dict(zip(keys, draw.arrays, strict=False)))
    if shows is not None:
        findings.add("size-hard-coded", evidence)
    return shows


def name_hard_coded_size(
    length: WrongLength, functions: UserFunctions, judge: GradientJudge, findings: Findings
) -> Sample:
    """Adds the finding for gradients that are wrong at another length alone; returns the sample that shows it."""
    told = told_length(length, functions, judge)
    findings.add("size-hard-coded", f"the gradient of {told.name} is right where {told.right}, as given; {told.wrong}")
    return length.shows


class ToldLength(NamedTuple):
    """In words, where a gradient is right, and where it is wrong."""

    name: str  # of the array whose gradient it is
    right: str
    wrong: str


def told_length(length: WrongLength, functions: UserFunctions, judge: GradientJudge) -> ToldLength:
    """What is known of gradients that are wrong at another length alone."""
    key, shows = length.wrong[0], length.shows
    grad, wanted = shows.grads[key], judge(shows, key).wanted
    name, shape = functions.name_of(key), shows.arrays[key].shape
    ratio = None if wanted is None else constant_ratio(grad, wanted)
    ndims = {key: shows.arrays[key].ndim for key in length.axes}
    axes = {functions.name_of(key): (axis % ndims[key], ndims[key]) for key, axis in length.axes.items()}
    told = _told(name, axes, length.own, length.other, _in_lengths(ratio or 0.0, length.own, length.other))
    if grad.shape != shape:
        return told._replace(wrong=f"{told.wrong}: its shape is {grad.shape}, wanted {shape}")
    return told


def _in_lengths(ratio: float, own: int, new: int) -> str:
    """A ratio of gradients as one of the two lengths; empty if it is none."""
    texts = {f"{new} / {own}": new / own, f"{own} / {new}": own / new}
    return next((text for text, value in texts.items() if abs(ratio / value - 1) < WITHIN), "")


def _told(name: str, axes: Mapping[str, tuple[int, int]], own: int, new: int, ratio: str) -> ToldLength:
    """In words, what is wrong where.

    Args:
        name: of the array whose gradient is wrong.
        axes: by the name of an array, its axis of the other length, and how many axes it has.
        own: the length given.
        new: the other length.
        ratio: what the gradient is times the right one, or "".
    """
    first = next(iter(axes))
    if len({axis for axis, _ in axes.values()}) == 1:
        where = f"axis {axes[first][0]}"
    else:
        where = "the last axis" if all(axis == ndim - 1 for axis, ndim in axes.values()) else "an axis"
    of = "" if name in axes or where == "an axis" else f" of {first}"
    said = f"it is {ratio} times the right one" if ratio else "it is wrong"
    if ratio == f"{own} / {new}":  # the gradient divides by a length where forward divides by a number
        said += f": is {own} hard-coded in forward?"
    return ToldLength(name, f"{where}{of} has length {own}", f"for length {new} {said}")
