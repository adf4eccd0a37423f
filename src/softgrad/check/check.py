"""One check, from the first call of the user's functions to the report."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.arguments import Array, Key
from softgrad.check.backward import Backward
from softgrad.check.behaviour import (
    Findings,
    computes_in_float32,
    find_nonlinear,
    find_not_finite,
    find_truncation,
    find_types,
    first_calls,
    is_repeatable,
    takes_float64,
)
from softgrad.check.context import Context
from softgrad.check.diagnose.search import diagnose
from softgrad.check.judge import Judgement, judge
from softgrad.check.recognition import Recogniser
from softgrad.check.report import Curve, Place, Report
from softgrad.check.samples import Sample, Sampler
from softgrad.check.step_curve import step_curve
from softgrad.check.subject import Subject
from softgrad.check.trials import trials
from softgrad.check.unexplained import explore

EPS = float(np.finfo(np.float64).eps)
EPS32 = float(np.finfo(np.float32).eps)
SALT = 0x736F6674  # or the first draw were that of the user's own default_rng(seed)
SECONDS = 1.5  # that the numerical derivatives at the inputs given may take
FEWEST = 5  # draws that a name must fit
FEWER = 0.6  # and those at others


class WrongGradient(NamedTuple):
    """A wrong gradient."""

    error: float
    where: Place | None


class Check:
    """What is done for one call of check_vjp or check_grad; `checks.py` says what its arguments are."""

    def __init__(
        self,
        subject: Subject,
        context: Context,
        rtol: float,
        seed: int,
        draws: int,
        inputs: Callable[[np.random.Generator], Any] | None,
    ) -> None:
        self.subject = subject
        self.context = context
        self.rtol = rtol
        self.rng = np.random.default_rng([seed, SALT, 1])  # of the numerical derivatives, whose calls depend on time
        self.draws = draws
        self.sampler = Sampler(subject, np.random.default_rng([seed, SALT]), inputs)
        self.findings = Findings()
        self.eps = EPS

    def report(self) -> Report:
        """Runs the check; random generators stand afterwards where they stood before."""
        with self.subject.randomness.kept(), np.errstate(all="ignore"):
            return self._checked()

    def _checked(self) -> Report:
        subject, findings = self.subject, self.findings
        if not takes_float64(subject):
            self._in_short(np.float32, f"{subject.forward_name} does not take float64")
            self.sampler.exact = True
        if not is_repeatable(subject, subject.arrays(exact=self.sampler.exact), findings):
            return Report(subject.function, None, np.nan, facts=tuple(findings.facts))
        given, steady = first_calls(self.sampler, findings)
        if not self._can_be_judged(given):
            return Report(subject.function, None, np.nan, facts=tuple(findings.facts))
        if given.output.dtype in (np.float32, np.float16):
            self._in_short(given.output.dtype, f"{subject.forward_name} answers in {given.output.dtype}")
        elif computes_in_float32(subject, given.arrays):
            self._in_short(np.float32, f"{subject.forward_name} computes in float32")
        misshapen = find_types(subject, given, findings, short=self.eps != EPS)
        judged = {key: self._judge(given, key) for key in given.grads if key not in misshapen} if steady else {}
        if not steady:
            return self._report(given, judged, {}, misshapen)
        find_truncation(subject, given, findings)
        if self._note(judged):
            return Report(subject.function, None, np.nan, facts=tuple(findings.facts))
        off = [key for key, one in judged.items() if not one.ok]
        find_not_finite(subject, given, off, findings)
        start = self.sampler.shortened(given)
        redrawn = self.sampler.redrawn(start, self.draws, as_given=not off and not misshapen)
        for failure in self.sampler.failures[:1]:
            findings.note(f"at other inputs like those given, where {subject.forward_name} has a value: {failure}")
        # The digits of float16 are those of many functions.
        backward = self._recogniser().backward([start, *redrawn], judged) if self.eps <= EPS32 else None
        samples = [given, *redrawn]
        wrong = self._wrong(samples, judged, backward)
        if wrong or misshapen:
            self._explain(samples, judged, backward, wrong, misshapen)
        elif subject.takes_upstream and self.eps <= EPS32:
            find_nonlinear(subject, given, findings, rtol=max(self._within(), 10 * self.rtol))
        if not wrong and not misshapen:
            self._try_negative(given)
        return self._report(given, judged, wrong, misshapen)

    def _try_negative(self, given: Sample) -> None:
        """Inputs that are all positive hide what is wrong below 0; they are asked about, and nothing more."""
        if self.sampler.inputs is not None:
            return
        arrays = {key: given.arrays[key] for key in given.grads}
        positive = {key: a for key, a in arrays.items() if a.dtype.kind == "f" and a.size and (a > 0).all()}
        signs = {key: np.where(np.arange(a.size).reshape(a.shape) % 2, 1, -1) for key, a in positive.items()}
        moved = {key: a * signs[key] for key, a in positive.items()}
        sample = self.sampler.usable({**given.arrays, **moved}) if positive else None
        if sample is None:
            return
        for key in positive:
            if sample.grads[key].shape == sample.arrays[key].shape and not self._judge_fewer(sample, key).ok:
                name = self._name(key)
                self.findings.note(f"{name} is right for positive numbers, as given, and wrong where some are negative")

    def _in_short(self, dtype: Any, why: str) -> None:
        eps = float(np.finfo(dtype).eps)
        if eps > self.eps:
            self.eps = eps
            self.findings.note(f"{why}: checked at the accuracy that {np.dtype(dtype)} allows")

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
        elif given.output.size and not np.isfinite(given.output).any():
            value = "NaN" if np.isnan(given.output).any() else "infinite"
            name = self.subject.forward_name
            self.findings.note(f"cannot be checked: {name} is {value} at the inputs given; give others")
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

    def _recogniser(self) -> Recogniser:
        by, within = self._judge_fewer, self._within()
        return Recogniser(self.sampler, self.context, self.findings, by, users_rtol=self.rtol, within=within)

    def _within(self) -> float:
        """To which two ways of computing the same must agree."""
        short = self.eps != EPS or "float32-result" in {mistake.name for mistake in self.findings.mistakes}
        return 1e-4 if short else 1e-8

    # ---- what is wrong ----

    def _wrong(
        self, samples: list[Sample], judged: Mapping[Key, Judgement], backward: Backward | None
    ) -> dict[Key, WrongGradient]:
        """Each wrong gradient: at the inputs given, or at others like them."""
        wrong = {key: WrongGradient(one.error, self._place(key, one)) for key, one in judged.items() if not one.ok}
        keys = list(samples[0].arrays)
        if backward is None or self.eps != EPS:
            elsewhere = {}
            if not wrong:
                tried = [(key, self._judge_fewer(s, key)) for s in samples[1:3] for key in judged]
                elsewhere = {key: WrongGradient(one.error, self._place(key, one)) for key, one in tried if not one.ok}
        else:
            elsewhere = {keys[i]: self._worst(keys[i], backward, i) for i in backward.wrong() if keys[i] in judged}
        for key, one in elsewhere.items():
            if key not in wrong:
                self.findings.note(f"{self._name(key)} is right at the inputs given, and wrong at others like them")
                wrong[key] = one
        return wrong

    def _place(self, key: Key, one: Judgement) -> Place | None:
        return None if one.where is None else Place(self._name(key), one.where.entry, one.where.got, one.where.wanted)

    def _worst(self, key: Key, backward: Backward, i: int) -> WrongGradient:
        """The worst entry on the first draw on which the recognised function has another gradient."""
        n = next(n for n in range(len(backward.draws)) if i in backward.wrong_on(n))
        draw = backward.draws[n]
        got, wanted = draw.grads[i], np.reshape(backward.right(n)[i], np.shape(draw.arrays[i]))
        off = np.abs(got - wanted)
        at = tuple(int(k) for k in np.unravel_index(np.argmax(np.nan_to_num(off, nan=np.inf)), off.shape))
        place = Place(self._name(key), at, float(got[at]), float(wanted[at]))
        return WrongGradient(float(off[at] / max(abs(got[at]), abs(wanted[at]))), place)

    # ---- why ----

    def _explain(
        self,
        samples: list[Sample],
        judged: Mapping[Key, Judgement],
        backward: Backward | None,
        wrong: Mapping[Key, WrongGradient],
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
            count = len(backward.draws)
            if count < FEWEST:
                findings.note(
                    f"no name is given: the functions could be called at {count} of {FEWEST} inputs that it takes"
                )
            elif backward.wrong():
                keys = list(samples[0].arrays)
                if backward.draws[0].upstream is samples[0].upstream:  # the inputs given are among the draws
                    rights = {keys[i]: right for i, right in backward.right(0).items()}
                mistakes = diagnose(backward)
                findings.include(*mistakes)
                explained = bool(mistakes)
        for key, grad in misshapen.items():
            self._find_shape(samples[0], key, grad)
        if not explained:
            self._explore(samples, judged, backward, wrong, rights)
        if wrong and len(judged) > 1:
            first = self._name(self._first(wrong, samples[0], backward))
            right = ", ".join(self._name(key) for key in judged if key not in wrong) or "none"
            findings.note(f"the first wrong gradient from the end is that of {first}; right: {right}")

    def _explore(
        self,
        samples: list[Sample],
        judged: Mapping[Key, Judgement],
        backward: Backward | None,
        wrong: Mapping[Key, WrongGradient],
        rights: Mapping[Key, Array],
    ) -> None:
        """What is known of gradients that no wrong line explains."""
        given, judge = samples[0], self._judge_fewer
        at_given = {key: _with_wanted(judged[key], rights.get(key)) for key in wrong if not judged[key].ok}
        # What was recognised has no name by its ratio alone.
        samples = [given] if backward is not None else [*samples, *self.sampler.other_lengths(given)]
        explore(self.subject, samples, at_given, len(judged), self.context.numbers, judge, self.findings)
        if at_given:
            for fact in trials(self.sampler, given, at_given, judge):
                self.findings.note(fact)

    def _first(self, wrong: Mapping[Key, WrongGradient], given: Sample, backward: Backward | None) -> Key:
        """Of the wrong gradients, the first on the way back from the end.

        A recognised function has its order; elsewhere it is that of the layers' numbers, as in W2, b2, W1.
        """
        keys = list(given.arrays)
        ordered = [keys[i] for i in backward.wrong()] if backward is not None else []
        known = next((key for key in ordered if key in wrong), None)
        numbers = {key: int(found[-1]) for key in wrong if (found := re.findall(r"\d+", self._name(key)))}
        return known or max(wrong, key=lambda key: numbers.get(key, -1))

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
        wrong: Mapping[Key, WrongGradient],
        misshapen: Mapping[Key, Array],
    ) -> Report:
        for fact in self.context.facts:
            self.findings.note(fact)
        worst = max(wrong.values(), key=lambda one: one.error, default=WrongGradient(0.0, None))
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
            curves=(lambda: self._curves(given, judged)) if judged else None,
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
