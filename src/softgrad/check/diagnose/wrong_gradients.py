"""Which gradients are wrong: at the inputs given, or at others like them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.held_lengths import held_length
from softgrad.check.diagnose.held_samples import note_held_samples
from softgrad.check.diagnose.other_lengths import WrongLength, find_wrong_length
from softgrad.check.diagnose.samples_axis import has_samples
from softgrad.check.diagnose.settling import is_settled, settled_loops
from softgrad.check.diagnose.written_width import note_width
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.report.findings import Findings
from softgrad.check.report.mistake import Place
from softgrad.check.report.pictures import Entries
from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions


class WrongGradient(NamedTuple):
    """How wrong a gradient is, and where."""

    error: float
    where: Place | None
    sample: Sample | None = None  # the inputs where it is wrong; None for those of `entries`
    entries: Entries | None = None  # where a known backward pass tells what is right


def wrong_as_given(
    functions: UserFunctions, given: Sample | None, judged: Mapping[Key, Judgement]
) -> dict[Key, WrongGradient]:
    """The gradients that are wrong at the inputs given, by array."""
    return {key: _by_judgement(functions, key, one, given) for key, one in judged.items() if not one.ok}


class Elsewhere(NamedTuple):
    """What is wrong at other inputs than those given."""

    wrong: dict[Key, WrongGradient]
    length: WrongLength | None = None  # where it is wrong for the length alone


def wrong_elsewhere(
    sampler: Sampler,
    samples: Sequence[Sample],
    judged: Mapping[Key, Judgement],
    backward: KnownBackward | None,
    judge: GradientJudge,
    findings: Findings,
) -> Elsewhere:
    """The gradients that are right at the inputs given and wrong at others, by array.

    Args:
        sampler: calls the user's functions.
        samples: the inputs given, and others; these may have fewer rows.
        judged: the judgement of each gradient at the inputs given.
        backward: the right backward pass, where forward was recognised and it can be trusted at other inputs.
        judge: judges gradients at other inputs, where there is no right backward pass.
        findings: to be added to.
    """
    functions = sampler.functions
    is_right = judged.keys() == samples[0].grads.keys() and all(one.ok for one in judged.values())
    wrong: dict[Key, WrongGradient] = {}
    length = width = None
    if backward is not None:
        wrong = _wrong_by_backward(functions, samples[0], judged, backward, findings)
        found = (_length_where_wrong(one, samples, sampler, backward) for one in (samples[0], samples[-1]))
        changed = next(filter(None, found), None) if wrong and is_right else None
        if changed is not None and not changed.varies:
            wrong, width = {}, changed
        elif changed is not None and _may_be_meant(functions, changed.own, changed.other, findings):
            return Elsewhere({})
    elif is_right:
        samples, wrong = _wrong_by_derivatives(sampler, samples, judge, findings)
    if is_right and not wrong and sampler.inputs is None:
        alike = [sample for sample in samples if _shapes(sample) == _shapes(samples[-1])]
        length = find_wrong_length(alike, sampler, judge, findings, rows=alike[0] is samples[0])
        if length is None:
            note_held_samples(alike, sampler, findings)
        if length is None or not length.varies:
            width, length = width or length, None
        elif _may_be_meant(functions, length.own, length.other, findings):
            length = None
        else:
            wrong = {key: _by_judgement(functions, key, judge(length.shows, key), length.shows) for key in length.wrong}
    if width is not None and not wrong:
        note_width(width, samples[0], judged, functions, judge, findings)
    for key in wrong:
        findings.note(
            f"the gradient of {functions.name_of(key)} is right at the inputs given, and wrong at others like them"
        )
    if wrong:
        findings.note("if forward is not meant for such inputs, the option inputs draws those that it is meant for")
    return Elsewhere(wrong, length)


def _wrong_by_backward(
    functions: UserFunctions,
    given: Sample,
    judged: Mapping[Key, Judgement],
    backward: KnownBackward,
    findings: Findings,
) -> dict[Key, WrongGradient]:
    """The gradients that are right at the inputs given, and not those of the right backward pass at others."""
    keys, wrong = list(given.arrays), {}
    for i in backward.wrong():
        if keys[i] in judged and judged[keys[i]].ok:
            if _is_of_one_sample(given, backward, i):
                said = f"the gradient of {functions.name_of(keys[i])} is right for one sample, as given, and wrong for"
                findings.note(f"{said} several at once")
                continue
            wrong[keys[i]] = _by_backward(functions, keys[i], backward, i, findings)
    return wrong


def _wrong_by_derivatives(
    sampler: Sampler, samples: Sequence[Sample], judge: GradientJudge, findings: Findings
) -> tuple[Sequence[Sample], dict[Key, WrongGradient]]:
    """The gradients that are wrong at two other inputs. Also the samples, of all rows where fewer are not enough."""

    def wrong_at(others: Sequence[Sample]) -> dict[Key, WrongGradient]:
        tried = [(key, judge(sample, key), sample) for sample in others[:2] for key in sample.grads]
        return {key: _by_judgement(sampler.functions, key, one, sample) for key, one, sample in tried if not one.ok}

    given, *others = samples
    wrong = wrong_at(others)
    if wrong and sampler.inputs is None and _shapes(others[0]) != _shapes(given):
        # Are the numbers the reason, or the fewer rows? Functions of a sequence may be meant for other lengths.
        others = sampler.redrawn(given, 2, as_given=True) or others
        wrong = wrong_at(others)
    loops = settled_loops(sampler, given) if wrong and sampler.inputs is None else ()
    settled = [sample for sample in others if is_settled(sampler, sample, loops)] if loops else others
    if len(settled) < len(others):
        line, name = loops[0].number, sampler.functions.forward_name
        findings.note(
            f"the loop of {name} in line {line} converges at the inputs given, and does not at others like them, which "
            f"were left out: there, the gradient of a fixed point is not that of {name}"
        )
        near = [sampler.near(given) for _ in others]
        others = [*settled, *(one for one in near if one is not None and is_settled(sampler, one, loops))]
        wrong = wrong_at(others)
    return [given, *others], wrong


def _may_be_meant(functions: UserFunctions, own: int, other: int, findings: Findings) -> bool:
    """Whether backward reads what may stand for the length given: then it may be meant for that length alone."""
    held = held_length(functions.backward, functions.backward_name, own)
    if held:
        findings.note(
            f"the gradients are right where an axis has length {own}, as given, and wrong for length {other}: "
            f"{functions.backward_name} uses {held}, from outside of it, and may be meant for length {own} alone"
        )
    return bool(held)


def _length_where_wrong(
    usual: Sample, samples: Sequence[Sample], sampler: Sampler, backward: KnownBackward
) -> WrongLength | None:
    """Another length than at the usual sample, if gradients are wrong exactly where an axis has another length."""
    given, found = usual.arrays, None
    for n, draw in enumerate(backward.draws):
        if backward.wrong_on(n):
            others = dict(zip(given, draw.arrays, strict=False))
            places = [
                (key, axis)
                for key, array in given.items()
                for axis in range(array.ndim)
                if array.shape[axis] != others[key].shape[axis]
            ]
            lengths = {(given[key].shape[axis], others[key].shape[axis]) for key, axis in places}
            shows = sampler.usable(others, draw.upstream) if len(lengths) == 1 else None
            if shows is None:
                return None
            wrong = tuple(key for i, key in enumerate(given) if i in backward.wrong_on(n))
            found = WrongLength(shows, wrong, dict(places), *lengths.pop())
    alike = [sample for sample in samples if _shapes(sample) == _shapes(usual)]
    if found is None or len(alike) < 2:
        return found
    return found._replace(varies=has_samples(found.axes, alike, sampler))


def _shapes(sample: Sample) -> list[tuple[int, ...]]:
    return [array.shape for array in sample.arrays.values()]


def _is_of_one_sample(given: Sample, backward: KnownBackward, i: int) -> bool:
    """Whether one sample was given, and the gradient is right for one: code for one sample need not take several."""
    shapes = [array.shape for array in given.arrays.values()]
    for n, draw in enumerate(backward.draws):
        if i in backward.wrong_on(n):
            others = [np.shape(array) for array in draw.arrays[: len(shapes)]]
            changed = [
                own
                for shape, other in zip(shapes, others, strict=True)
                for own, new in zip(shape, other, strict=True)
                if own != new
            ]
            if not changed or set(changed) != {1}:
                return False
    return True


def _by_judgement(functions: UserFunctions, key: Key, one: Judgement, sample: Sample | None) -> WrongGradient:
    place = None if one.where is None else Place(functions.name_of(key), *one.where)
    return WrongGradient(one.error, place, sample)


def _by_backward(
    functions: UserFunctions, key: Key, backward: KnownBackward, i: int, findings: Findings
) -> WrongGradient:
    """The worst entry on the first draw on which the right backward pass gives another gradient."""
    n = next(n for n in range(len(backward.draws)) if i in backward.wrong_on(n))
    draw = backward.draws[n]
    got, wanted = draw.grads[i], np.reshape(backward.right(n)[i], np.shape(draw.arrays[i]))
    if got.shape != wanted.shape:
        said = f"the gradient of {functions.name_of(key)} has shape {got.shape} at other inputs, wanted {wanted.shape}"
        findings.add("wrong-shape", said)
        return WrongGradient(np.inf, None)
    off = np.abs(got - wanted)
    at = tuple(int(k) for k in np.unravel_index(np.argmax(np.nan_to_num(off, nan=np.inf)), off.shape))
    name = functions.name_of(key)
    place = Place(name, at, float(got[at]), float(wanted[at]))
    entries = Entries(name, np.asarray(got), np.asarray(wanted), at, (0,) * got.ndim, got.shape)
    return WrongGradient(float(off[at] / max(abs(got[at]), abs(wanted[at]))), place, entries=entries)


def first_from_the_end(
    functions: UserFunctions, wrong: Mapping[Key, WrongGradient], given: Sample, backward: KnownBackward | None
) -> Key:
    """The first wrong gradient on the way back from the output.

    A known backward pass has an order. Otherwise the numbers of the layers decide, as in W2, b2, W1.
    """
    keys = list(given.arrays)
    ordered = [keys[i] for i in backward.wrong()] if backward is not None else []
    known = next((key for key in ordered if key in wrong), None)
    numbers = {key: int(found[-1]) for key in wrong if (found := re.findall(r"\d+", functions.name_of(key)))}
    return known or max(wrong, key=lambda key: numbers.get(key, -1))
