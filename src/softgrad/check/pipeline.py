"""One check, step by step, from the first call of the user's functions to the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from softgrad.check.conduct.linearity import find_nonlinear
from softgrad.check.conduct.precision import EPS, EPS32, precision_of_output, shortened_precision, takes_float64
from softgrad.check.conduct.preconditions import can_be_checked
from softgrad.check.conduct.repeatability import first_gradients, is_repeatable
from softgrad.check.conduct.returned_types import find_not_finite, find_short_types, find_truncation, misshapen
from softgrad.check.derivatives.at_samples import GradientJudge, can_be_trusted
from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.diagnose.explain import Evidence, explain
from softgrad.check.diagnose.other_inputs import find_wrong_below_zero
from softgrad.check.diagnose.wrong_gradients import WrongGradient, wrong_gradients
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.recognise.recogniser import Recogniser
from softgrad.check.report.findings import Findings
from softgrad.check.report.report import Report
from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.check.user.context import Context
from softgrad.check.user.functions import UserFunctions
from softgrad.formulas.numbers import Array

SALT = 0x736F6674  # without it, the first draw could be that of the user's own default_rng(seed)


class Check:
    """One call of check_vjp or check_grad, whose arguments `api.py` explains."""

    def __init__(
        self,
        functions: UserFunctions,
        context: Context,
        rtol: float,
        seed: int,
        draws: int,
        inputs: Callable[[np.random.Generator], Any] | None,
    ) -> None:
        self.functions, self.context = functions, context
        self.rtol, self.draws = rtol, draws
        self.sampler = Sampler(functions, np.random.default_rng([seed, SALT]), inputs)
        self.rng = np.random.default_rng([seed, SALT, 1])  # for the numerical derivatives
        self.findings = Findings()
        self.judged: Mapping[Key, Judgement] = {}
        self.wrong: Mapping[Key, WrongGradient] = {}
        self.misshapen: Mapping[Key, Array] = {}

    def report(self) -> Report:
        """Runs the check. Afterwards, random generators have the states that they had before."""
        with self.functions.randomness.kept(), np.errstate(all="ignore"):
            return self._run()

    def _run(self) -> Report:
        functions, sampler, findings = self.functions, self.sampler, self.findings

        # 1. Call the two functions, twice. Do they take float64, agree, and leave their arguments alone?
        eps = EPS
        if not takes_float64(functions):
            eps = shortened_precision(np.float32, f"{functions.forward_name} does not take float64", eps, findings)
            sampler.exact = True
        if not is_repeatable(functions, functions.arrays(exact=sampler.exact), findings):
            return self._unchecked()
        given, steady = first_gradients(sampler, findings)
        if not can_be_checked(functions, given, findings):
            return self._unchecked()

        # 2. Do the gradients have the right types and shapes?
        eps = precision_of_output(functions, given, eps, findings)
        if eps == EPS:
            find_short_types(functions, given, findings)
        self.misshapen = misshapen(given)
        judge = GradientJudge(sampler, self.rtol, eps, self.rng)
        if not steady:
            return self._report(given, judge)

        # 3. Judge each gradient at the inputs given, by numerical derivatives.
        self.judged = {key: judge.at_given(given, key) for key in given.grads if key not in self.misshapen}
        find_truncation(functions, given, findings)
        if not can_be_trusted(functions, self.judged, findings):
            return self._unchecked()
        off = [key for key, one in self.judged.items() if not one.ok]
        find_not_finite(functions, given, off, findings)

        # 4. Call the functions at other inputs like those given.
        start = sampler.shortened(given)
        redrawn = sampler.redrawn(start, self.draws, as_given=not off and not self.misshapen)
        for failure in sampler.failures[:1]:
            findings.note(f"at other inputs like those given, where {functions.forward_name} has a value: {failure}")

        # 5. Recognise the function: its right backward pass is then known. (Many functions agree in float16.)
        backward = self._recognised([start, *redrawn], judge, eps) if eps <= EPS32 else None

        # 6. Which gradients are wrong, and why?
        samples = [given, *redrawn]
        exact = backward if eps == EPS else None  # digits of float32 do not tell right from wrong at other inputs
        self.wrong = wrong_gradients(functions, samples, self.judged, exact, judge, findings)
        if self.wrong or self.misshapen:
            evidence = Evidence(samples, self.judged, self.wrong, self.misshapen, backward)
            explain(evidence, sampler, self.context.numbers, judge, findings)
            return self._report(given, judge)

        # 7. What may still be wrong with right gradients?
        if functions.takes_upstream and eps <= EPS32:
            find_nonlinear(functions, given, findings, rtol=max(self._within(eps), 10 * self.rtol))
        if sampler.inputs is None:
            find_wrong_below_zero(sampler, given, judge.elsewhere, findings)
        return self._report(given, judge)

    def _recognised(self, samples: list[Sample], judge: GradientJudge, eps: float) -> KnownBackward | None:
        within = self._within(eps)
        recogniser = Recogniser(
            self.sampler, self.context, self.findings, judge.elsewhere, users_rtol=self.rtol, within=within
        )
        return recogniser.backward(samples, self.judged)

    def _within(self, eps: float) -> float:
        """The relative error within which two ways of computing the same agree."""
        short = eps != EPS or any(mistake.name == "float32-result" for mistake in self.findings.mistakes)
        return 1e-4 if short else 1e-8

    def _unchecked(self) -> Report:
        return Report(self.functions.function, None, np.nan, facts=tuple(self.findings.facts))

    def _report(self, given: Sample, judge: GradientJudge) -> Report:
        judged, findings = self.judged, self.findings
        for fact in self.context.facts:
            findings.note(fact)
        worst = max(self.wrong.values(), key=lambda one: one.error, default=WrongGradient(0.0, None))
        largest = max((one.error for one in judged.values()), default=0.0)
        return Report(
            function=self.functions.function,
            ok=not (self.wrong or self.misshapen or findings.mistakes),
            error=worst.error if self.wrong else largest,
            where=worst.where,
            mistakes=tuple(findings.mistakes),
            facts=tuple(findings.facts),
            method="; ".join(dict.fromkeys(f"{one.method}, {one.extent}" for one in judged.values())),
            checked={self.functions.name_of(key): given.arrays[key].shape for key in given.grads},
            curves=(lambda: judge.curves(given, judged)) if judged else None,
        )
