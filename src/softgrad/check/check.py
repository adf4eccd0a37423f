"""One check, from the first call of the user's functions to the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.arguments import Array, Key
from softgrad.check.backward import Backward, Draw
from softgrad.check.behaviour import (
    Findings,
    computes_in_float32,
    find_truncation,
    find_types,
    first_calls,
    is_repeatable,
    takes_float64,
)
from softgrad.check.diagnose import diagnose
from softgrad.check.judge import Judgement, judge
from softgrad.check.recipes import Leaf, Recipe, fits, matches, recognise
from softgrad.check.report import Curve, Place, Report
from softgrad.check.samples import Sample, Sampler
from softgrad.check.step_curve import step_curve
from softgrad.check.subject import Subject
from softgrad.check.unexplained import explore

EPS = float(np.finfo(np.float64).eps)
EPS32 = float(np.finfo(np.float32).eps)
SALT = 0x736F6674  # or the first draw were that of the user's own default_rng(seed)
SECONDS = 1.5  # that the numerical derivatives at the inputs given may take
FEWER = 0.6  # and those at others
UNDERSTOOD = (
    "class_axis", "layout", "temperature", "label_smoothing", "class_weight", "ignore_index", "mask", "target", "keep",
    "slope", "eps", "epsilon", "z_loss",
)  # fmt: skip


class Wrong(NamedTuple):
    """A wrong gradient."""

    error: float
    where: Place | None


class Check:
    """What is done for one call of check_vjp or check_grad; `checks.py` says what its arguments are."""

    def __init__(
        self,
        subject: Subject,
        context: Mapping[str, Any],
        rtol: float,
        seed: int,
        draws: int,
        inputs: Callable[[np.random.Generator], Any] | None,
    ) -> None:
        self.subject = subject
        self.context = context
        self.rtol = rtol
        self.rng = np.random.default_rng([seed, SALT])
        self.draws = draws
        self.sampler = Sampler(subject, self.rng, inputs)
        self.findings = Findings()
        self.eps = EPS

    def report(self) -> Report:
        """Runs the check."""
        subject, findings = self.subject, self.findings
        if not takes_float64(subject):
            self._in_float32("forward does not take float64")
            self.sampler.exact = True
        if not is_repeatable(subject, subject.arrays(exact=self.sampler.exact), findings):
            return Report(subject.function, None, np.nan, facts=tuple(findings.facts))
        given, steady = first_calls(self.sampler, findings)
        if not self._can_be_judged(given):
            return Report(subject.function, None, np.nan, facts=tuple(findings.facts))
        if given.output.dtype in (np.float32, np.float16):
            self._in_float32(f"forward answers in {given.output.dtype}")
        elif computes_in_float32(subject, given.arrays):
            self._in_float32("forward computes in float32")
        misshapen = find_types(subject, given, findings, short=self.eps != EPS)
        judged = {key: self._judge(given, key) for key in given.grads if key not in misshapen} if steady else {}
        if not steady:
            return self._report(given, judged, {}, misshapen)
        find_truncation(subject, given, findings)
        if self._note(judged):
            return Report(subject.function, None, np.nan, facts=tuple(findings.facts))
        samples = [given, *self.sampler.redrawn(given, self.draws)]
        backward = self._recognised(samples, judged)
        wrong = self._wrong(samples, judged, backward)
        if wrong or misshapen:
            self._explain(samples, judged, backward, wrong, misshapen)
        return self._report(given, judged, wrong, misshapen)

    def _in_float32(self, why: str) -> None:
        if self.eps == EPS:
            self.eps = EPS32
            self.findings.note(f"{why}: checked at the accuracy that float32 allows")

    def _name(self, key: Key) -> str:
        return self.subject.arguments.name_of(key)

    # ---- numerical derivatives ----

    def _function(self, sample: Sample, key: Key) -> Callable[[Array], Array]:
        """The forward function, of one array."""
        arrays, dtype = dict(sample.arrays), sample.arrays[key].dtype

        def of_one(x: Array) -> Array:
            arrays[key] = x.astype(dtype) if self.sampler.exact else x
            return self.subject.output(arrays)

        return of_one

    def _judge(self, sample: Sample, key: Key, seconds: float = SECONDS) -> Judgement:
        return judge(
            self._function(sample, key),
            np.asarray(sample.arrays[key], dtype=np.float64),
            sample.upstream,
            sample.grads[key],
            rng=self.rng,
            rtol=self.rtol,
            eps=self.eps,
            budget=seconds / len(sample.grads),
        )

    def _judge_fewer(self, sample: Sample, key: Key) -> Judgement:
        return self._judge(sample, key, FEWER)

    def _can_be_judged(self, given: Sample) -> bool:
        """Whether there is a gradient of real numbers, and no NaN to take it of."""
        if not given.grads:
            self.findings.note("cannot be checked: there is no array of real numbers that a gradient was returned for")
            return False
        spoiled = [
            self._name(key) for key, array in given.arrays.items() if array.dtype.kind == "f" and np.isnan(array).any()
        ]
        if spoiled:
            self.findings.note(f"cannot be checked: {', '.join(spoiled)} holds NaN; give inputs without")
        elif np.isnan(given.output).all() and given.output.size:
            self.findings.note("cannot be checked: forward is NaN at the inputs given")
        else:
            return True
        return False

    def _note(self, judged: Mapping[Key, Judgement]) -> bool:
        """What is particular about the numerical derivatives; and whether there are none to be trusted."""
        for key, one in judged.items():
            name, entries = self._name(key), "entry" if one.kinks == 1 else "entries"
            if one.kinks:
                said = "any value between the slopes of its two sides is right"
                self.findings.note(f"{name} has {one.kinks} {entries} on a kink: {said}")
            if one.unresolved:
                count = f"{one.unresolved} derivative{'s' if one.unresolved > 1 else ''}"
                self.findings.note(f"{name} has {count} that no step of any length resolves: not judged")
        if self.subject.takes_upstream:
            left = [slot.name for slot in self.subject.slots if slot.given.dtype.kind == "f" and slot.given.ndim]
            left = [name for name in left if name not in map(self._name, judged)]
            if left and judged:
                self.findings.note(f"not checked, as no gradient was returned for it: {', '.join(left)}")
        sizes = [one.wanted.size for one in judged.values() if one.wanted is not None]
        unresolved = sum(one.unresolved for one in judged.values())
        if len(sizes) == len(judged) and unresolved == sum(sizes) > 0 and all(one.ok for one in judged.values()):
            self.findings.note("cannot be checked: no numerical derivative of forward can be trusted here")
            return True
        return False

    # ---- the function recognised ----

    def _recognised(self, samples: list[Sample], judged: Mapping[Key, Judgement]) -> Backward | None:
        """The recognised function at every sample that its recipe holds for."""
        recipe = self._recipe(samples, judged, self.context)
        if recipe is None and any(key in self.context for key in UNDERSTOOD):
            recipe = self._recipe(samples, judged, {})
            if recipe is not None:
                self.findings.note("what context says does not fit what forward computes, and was left out")
        if recipe is None:
            return None
        usable = []
        for sample in [*samples, *self.sampler.other_batch(recipe, samples[-1])]:
            draw = self._draw(recipe, sample)
            if draw is not None:
                right = Backward(recipe, [draw], upstream=self.subject.takes_upstream).right(0)
                finite = all(np.isfinite(one).all() for one in right.values())
                if finite and not (sample is samples[0] and self._too_strict(right, sample, judged)):
                    usable.append(draw)
        upstream = self.subject.takes_upstream
        if not usable:
            return None
        backward = Backward(recipe, usable, upstream=upstream, rtol=self._rtol())
        # A recipe that disagrees with the user has to agree with the numerical derivatives: it may be what errs.
        return backward if not backward.wrong() or self._is_right(backward, samples) else None

    def _recipe(
        self, samples: list[Sample], judged: Mapping[Key, Judgement], context: Mapping[str, Any]
    ) -> Recipe | None:
        alone = judged.get((0,)) if len(self.subject.slots) == 1 and not self.subject.takes_upstream else None
        return recognise(
            [(self._leaves(sample), np.asarray(sample.output, dtype=np.float64)) for sample in samples[:4]],
            context,
            gradient_at_logits=None if alone is None else alone.wanted,
            rtol=self._rtol(),
        )

    def _rtol(self) -> float:
        """To which two ways of computing the same must agree."""
        short = self.eps != EPS or "float32-result" in {mistake.name for mistake in self.findings.mistakes}
        return 1e-4 if short else 1e-8

    def _leaves(self, sample: Sample) -> list[Leaf]:
        """The arrays, and which of them are parameters: those of a dict, or those that gradients are asked for.

        The arrays that forward keeps to itself stand behind them: they may be the data.
        """
        kept = self.subject.captured
        fewer = len(sample.grads) < len(sample.arrays) + len(kept)
        asked = fewer and (len(sample.grads) > 1 or not self.subject.takes_upstream)
        names = {slot.key: slot.name for slot in self.subject.slots}
        return [
            *(
                Leaf(names[key], _wide(array), len(key) > 1 or (asked and key in sample.grads))
                for key, array in sample.arrays.items()
            ),
            *(Leaf("its own", _wide(array)) for array in kept),
        ]

    def _draw(self, recipe: Recipe, sample: Sample) -> Draw | None:
        keys = list(sample.arrays)
        arrays = [_wide(array) for array in (*sample.arrays.values(), *self.subject.captured)]
        if not matches(recipe, arrays, sample.output, rtol=self._rtol()):
            return None
        return Draw(arrays, sample.upstream, {keys.index(key): grad for key, grad in sample.grads.items()})

    def _too_strict(self, right: Mapping[int, Any], given: Sample, judged: Mapping[Key, Judgement]) -> bool:
        """Whether the numerical derivatives at the inputs given accept what the recipe does not: on a kink."""
        keys = list(given.arrays)
        accepted = [i for i in right if keys[i] in judged and judged[keys[i]].ok]
        return any(not fits(given.grads[keys[i]], right[i], rtol=self.rtol) for i in accepted)

    # ---- what is wrong ----

    def _wrong(
        self, samples: list[Sample], judged: Mapping[Key, Judgement], backward: Backward | None
    ) -> dict[Key, Wrong]:
        """Each wrong gradient: at the inputs given, or at others like them."""
        wrong = {key: Wrong(one.error, self._place(key, one)) for key, one in judged.items() if not one.ok}
        keys = list(samples[0].arrays)
        if backward is None or self.eps != EPS:
            elsewhere = {}
            if not wrong:
                tried = [(key, self._judge_fewer(s, key)) for s in samples[1:3] for key in judged]
                elsewhere = {key: Wrong(one.error, self._place(key, one)) for key, one in tried if not one.ok}
        else:
            elsewhere = {keys[i]: self._worst(keys[i], backward, i) for i in backward.wrong() if keys[i] in judged}
        for key, one in elsewhere.items():
            if key not in wrong:
                self.findings.note(f"{self._name(key)} is right at the inputs given, and wrong at others like them")
                wrong[key] = one
        return wrong

    def _place(self, key: Key, one: Judgement) -> Place | None:
        return None if one.where is None else Place(self._name(key), one.where.entry, one.where.got, one.where.wanted)

    def _worst(self, key: Key, backward: Backward, i: int) -> Wrong:
        """The worst entry on the first draw on which the recognised function has another gradient."""
        for n, draw in enumerate(backward.draws):
            got, wanted = draw.grads[i], np.reshape(backward.right(n)[i], np.shape(draw.arrays[i]))
            if not fits(got, wanted, rtol=self.rtol):
                off = np.abs(got - wanted)
                at = tuple(int(k) for k in np.unravel_index(np.argmax(np.nan_to_num(off, nan=np.inf)), off.shape))
                place = Place(self._name(key), at, float(got[at]), float(wanted[at]))
                return Wrong(float(off[at] / max(abs(got[at]), abs(wanted[at]))), place)
        return Wrong(np.inf, None)

    # ---- why ----

    def _explain(
        self,
        samples: list[Sample],
        judged: Mapping[Key, Judgement],
        backward: Backward | None,
        wrong: Mapping[Key, Wrong],
        misshapen: Mapping[Key, Array],
    ) -> None:
        findings = self.findings
        for key in wrong:
            if samples[0].grads[key].dtype.kind in "iu":
                findings.add("integer-truncation", f"the gradient of {self._name(key)} is an array of whole numbers")
        explained = False
        rights: dict[Key, Array] = {}
        if backward is not None:
            findings.note(f"forward computes {backward.recipe.title}, {backward.recipe.layout}")
            if backward.wrong():
                keys = list(samples[0].arrays)
                if backward.draws[0].upstream is samples[0].upstream:  # the inputs given are among the draws
                    rights = {keys[i]: right for i, right in backward.right(0).items()}
                mistakes = diagnose(backward)
                findings.include(*mistakes)
                explained = bool(mistakes)
        for key, grad in misshapen.items():
            self._find_shape(samples[0], key, grad)
        if not explained:
            at_given = {key: _with_wanted(judged[key], rights.get(key)) for key in wrong if not judged[key].ok}
            explore(self.subject, samples, at_given, len(judged), self.context, self._judge_fewer, findings)
            if wrong and len(wrong) < len(judged):
                right = ", ".join(self._name(key) for key in judged if key not in wrong)
                findings.note(f"wrong: {', '.join(map(self._name, wrong))}; right: {right}")

    def _is_right(self, backward: Backward, samples: list[Sample]) -> bool:
        """Whether the recognised function's own gradients are those of the numerical derivatives."""
        draw, keys = backward.draws[0], list(samples[0].arrays)
        sample = next(one for one in samples if one.upstream is draw.upstream)
        rights = {keys[i]: np.reshape(one, np.shape(draw.arrays[i])) for i, one in backward.right(0).items()}
        return all(self._judge_fewer(sample.with_grads(rights), key).ok for key in rights)

    def _find_shape(self, given: Sample, key: Key, grad: Array) -> None:
        wanted = given.arrays[key].shape
        said = f"the gradient of {self._name(key)} has shape {grad.shape}, wanted {wanted}"
        self.findings.note(said)
        if grad.shape == wanted[::-1] and self._judge(given.with_grads({key: grad.T}), key).ok:
            self.findings.add("transposed", said)
        self.findings.add("wrong-shape", said)

    def _report(
        self,
        given: Sample,
        judged: Mapping[Key, Judgement],
        wrong: Mapping[Key, Wrong],
        misshapen: Mapping[Key, Array],
    ) -> Report:
        for key, value in self.context.items():
            if key not in UNDERSTOOD and isinstance(value, str | int | float):
                self.findings.note(f"{key}: {value}")
        worst = max(wrong.values(), key=lambda one: one.error, default=Wrong(0.0, None))
        within = max((one.error for one in judged.values()), default=0.0)
        return Report(
            function=self.subject.function,
            ok=not (wrong or misshapen or self.findings.mistakes),
            error=worst.error if wrong else within,
            where=worst.where,
            mistakes=tuple(self.findings.mistakes),
            facts=tuple(self.findings.facts),
            method="; ".join(dict.fromkeys(f"{one.method}, {one.extent}" for one in judged.values())),
            checked={self._name(key): given.arrays[key].shape for key in given.grads},
            curves=lambda: self._curves(given, judged),
        )

    def _curves(self, given: Sample, judged: Mapping[Key, Judgement]) -> Mapping[str, Curve]:
        rng = np.random.default_rng(0)
        wide = {key: np.asarray(given.arrays[key], dtype=np.float64) for key in judged}
        return {
            self._name(key): step_curve(self._function(given, key), x, given.upstream, given.grads[key], rng)
            for key, x in wide.items()
        }


def _with_wanted(one: Judgement, right: Array | None) -> Judgement:
    """A judgement by projections has no gradient to compare with; that of the recognised function is one."""
    return one._replace(wanted=right) if one.wanted is None and right is not None else one


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array
