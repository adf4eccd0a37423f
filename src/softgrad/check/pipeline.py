"""One check, step by step, from the first call of the user's functions to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from io import StringIO

import numpy as np

from softgrad.check.conduct.linearity import find_nonlinear
from softgrad.check.conduct.precision import EPS32, precision_of_output, shortened_precision, takes_float64
from softgrad.check.conduct.preconditions import can_be_checked, has_entries
from softgrad.check.conduct.repeatability import OVERWRITES, first_gradients, is_repeatable
from softgrad.check.conduct.types_and_shapes import find_not_finite, find_short_types, find_truncation, misshapen
from softgrad.check.derivatives.evaluate import EPS
from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge, can_be_trusted
from softgrad.check.derivatives.pictured import curve_of, entries_of, is_as_it_was
from softgrad.check.diagnose.explain import Evidence, explain
from softgrad.check.diagnose.other_inputs import find_wrong_below_zero
from softgrad.check.diagnose.symmetric import find_right_for_symmetric
from softgrad.check.diagnose.wrong_forward import name_wrong_forward
from softgrad.check.diagnose.wrong_gradients import WrongGradient, wrong_as_given, wrong_elsewhere
from softgrad.check.recognise.nearly import remark_on
from softgrad.check.recognise.recogniser import Recogniser
from softgrad.check.report.findings import Findings
from softgrad.check.report.mistake import Curve
from softgrad.check.report.pictures import Pictures
from softgrad.check.report.report import Report
from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.check.user.calls import OutOfCalls
from softgrad.check.user.functions import UserFunctions
from softgrad.check.user.options import Options
from softgrad.check.user.progress import ProgressLine
from softgrad.check.user.unpacking import unpacked
from softgrad.formulas.numbers import Array

SALT = 0x736F6674  # without it, the first draw could be that of the user's own default_rng(seed)


class Check:
    """One call of check_vjp, check_grad or check_layer, whose arguments `api.py` explains.

    Args:
        functions: the user's functions.
        options: the options of the check.
        facts: what was found out before.
    """

    def __init__(self, functions: UserFunctions, options: Options, facts: Sequence[str] = ()) -> None:
        self.functions, self.options = functions, options
        self.sampler = Sampler(functions, np.random.default_rng([options.seed, SALT]), options.inputs)
        self.rng = np.random.default_rng([options.seed, SALT, 1])  # for the numerical derivatives
        self.findings = Findings()
        for fact in facts:
            self.findings.note(fact)
        # What is found, step by step. If the calls run out, the report says what was found by then.
        self.given: Sample | None = None
        self.judge: GradientJudge | None = None
        self.judged: dict[Key, Judgement] = {}
        self.wrong: dict[Key, WrongGradient] = {}
        self.misshapen: dict[Key, Array] = {}
        self.not_done = "nothing was judged"  # in words, if the calls run out now

    def report(self) -> Report:
        """Runs the check. Afterwards, whatever the functions hold is as it was before."""
        functions = self.functions
        line = ProgressLine(functions.function, functions.calls.limit)
        functions.calls.on_call = line.advance
        with line, functions.kept(), np.errstate(all="ignore"):
            try:
                self._unpack()
                judged = self._run()
            except OutOfCalls:
                judged = self._stop()
        functions.calls.release()
        return self._report() if judged else self._unchecked()

    def _unpack(self) -> None:
        """Flat vectors of parameters are told by the names that forward unpacks them into."""
        unpacking = unpacked(self.functions, self.options.inputs)
        self.functions = self.sampler.functions = unpacking.functions
        self.sampler.inputs = unpacking.inputs
        for fact in unpacking.facts:
            self.findings.note(fact)

    def _run(self) -> bool:
        """The steps of a check, in their order. Returns whether the gradients could be judged."""
        functions, sampler, findings, options = self.functions, self.sampler, self.findings, self.options

        # 1. Call the two functions, twice. Do they take float64, agree, and leave their arguments alone?
        eps = EPS
        if not takes_float64(functions):
            eps = shortened_precision(np.float32, f"{functions.forward_name} does not take float64", eps, findings)
            sampler.exact = True
        if not is_repeatable(functions, functions.arrays(exact=sampler.exact), findings):
            return False
        given, steady = first_gradients(sampler, findings)
        if not can_be_checked(functions, given, findings):
            return False

        # 2. Do the gradients have the right types and shapes?
        self.given = given
        eps = precision_of_output(functions, given, eps, findings)
        has_short = eps == EPS and find_short_types(functions, given, findings)
        self.misshapen = misshapen(given)
        if not steady:
            return True
        if not self.misshapen and not findings.mistakes and not has_entries(functions, given, findings):
            return False

        # 3. Judge each gradient at the inputs given, by numerical derivatives.
        self.judge = judge = GradientJudge(sampler, options.rtol, eps, self.rng)
        for key in (key for key in given.grads if key not in self.misshapen):
            self.judged[key] = judge(given, key)
        self.wrong = wrong_as_given(functions, given, self.judged)
        find_truncation(functions, given, findings)
        if not can_be_trusted(functions, given, self.judged, findings):
            return False
        find_not_finite(functions, given, self.wrong, findings)

        # 4. Call the functions at other inputs like those given.
        self.not_done = "no other inputs were tried, and no cause was looked for"
        start = sampler.shortened(given)
        redrawn = sampler.redrawn(start, options.draws, as_given=not self.wrong and not self.misshapen)
        for failure in sampler.failures[:1]:
            findings.note(f"at other inputs like those given: {failure}")

        self.not_done = "not all other inputs and causes were tried"

        # 5. Recognise the function: its right backward pass is then known. (Many functions agree in float16.)
        short = eps != EPS or has_short
        within = 1e-4 if short else 1e-8  # the relative error within which two ways of computing the same agree
        recogniser = Recogniser(sampler, options.context, findings, judge, users_rtol=options.rtol, within=within)
        empty = any(not array.size for array in (given.output, *given.arrays.values()))
        backward = recogniser.backward([start, *redrawn], self.judged) if eps <= EPS32 and not empty else None

        unknown = backward is None and eps <= EPS32 and not empty
        near = recogniser.nearly([start, *redrawn]) if unknown else []

        # 6. Which gradients are wrong, and why? (In float32 a recognised function does not tell right from wrong.)
        samples = [given, *redrawn]
        exact = backward if eps == EPS else None
        elsewhere = wrong_elsewhere(sampler, samples, self.judged, exact, judge, findings)
        self.wrong |= elsewhere.wrong
        if self.wrong or self.misshapen:
            if near and name_wrong_forward(near, recogniser, [start, *redrawn], findings):
                return True
            find_right_for_symmetric(functions, given, self.wrong, judge, findings)
            evidence = Evidence(samples, start, self.judged, self.wrong, self.misshapen, backward, elsewhere.length)
            explain(evidence, sampler, options.context.numbers, judge, findings)
            return True

        remarks = [one.remark for one in near] if backward is None else [remark_on(backward.function)]
        if remarks and remarks[0] is not None:
            findings.note_first(remarks[0])

        # 7. What may still be wrong with right gradients?
        if functions.takes_upstream and eps <= EPS32:
            find_nonlinear(functions, given, findings, rtol=max(within, 10 * options.rtol))
        if sampler.inputs is None:
            find_wrong_below_zero(sampler, given, judge, findings)
        if findings.mistakes and all(one.name in OVERWRITES for one in findings.mistakes):
            findings.note("the gradients returned are right: an argument that is overwritten is the only mistake")
        return True

    def _stop(self) -> bool:
        """The calls have run out. What was judged by then stands; returns whether that is enough for a verdict."""
        self.wrong = self.wrong or wrong_as_given(self.functions, self.given, self.judged)
        grads = {} if self.given is None else self.given.grads
        left = [self.functions.name_of(key) for key in grads if key not in self.judged and key not in self.misshapen]
        what = self.not_done
        if left:
            what = f"not judged: {', '.join(left)}"
        self.findings.note(f"stopped at max_calls = {self.functions.calls.made:,}: {what}")
        return bool(grads) and bool(self.wrong or self.misshapen or self.findings.mistakes or not left)

    def _unchecked(self) -> Report:
        calls, facts = self.functions.calls.made, tuple(self.findings.facts)
        return Report(self.functions.function, None, np.nan, facts=facts, calls=calls)

    def _report(self) -> Report:
        given, judge, judged, findings = self.given, self.judge, self.judged, self.findings
        assert given is not None
        for fact in self.options.context.facts:
            findings.note(fact)
        worst = max(self.wrong.values(), key=lambda one: one.error, default=WrongGradient(0.0, None))
        largest = max((one.error for one in judged.values()), default=0.0)
        drawn = self.wrong or (judged and not self.misshapen and not findings.mistakes)
        errors = {key: one.error for key, one in judged.items()} | {key: one.error for key, one in self.wrong.items()}
        return Report(
            function=self.functions.function,
            ok=not (self.wrong or self.misshapen or findings.mistakes),
            error=worst.error if self.wrong else largest,
            where=worst.where,
            mistakes=tuple(findings.mistakes),
            facts=tuple(findings.facts),
            method="; ".join(dict.fromkeys(f"{one.method}, {one.extent}" for one in judged.values())),
            checked={self.functions.name_of(key): given.arrays[key].shape for key in given.grads},
            calls=self.functions.calls.made,
            curves=(lambda: self._curves(judge, given)) if judge is not None and judged else None,
            pictures=cache(lambda: self._pictures(judge, given)) if judge is not None and drawn else None,
            backward_line=findings.backward_line,
            forward_line=findings.forward_line,
            right=tuple(self.functions.name_of(key) for key in judged if key not in self.wrong),
            errors={self.functions.name_of(key): error for key, error in errors.items()},
        )

    def _curves(self, judge: GradientJudge, given: Sample) -> Mapping[str, Curve]:
        with self.functions.kept():
            return judge.curves(given, self.judged)

    def _pictures(self, judge: GradientJudge, given: Sample) -> Pictures:
        """Of the gradient that is furthest off. They are measured with the calls that the check has left."""
        key = max(self.wrong or self.judged, key=lambda key: (self.wrong or self.judged)[key].error)
        wrong = self.wrong.get(key, WrongGradient(0.0, None, given))
        calls, made = self.functions.calls, self.functions.calls.made
        entries, curve = wrong.entries, None
        try:
            calls.limit = max(self.options.max_calls, made)
            with self.functions.kept(), np.errstate(all="ignore"), redirect_stdout(StringIO()):
                if wrong.sample is not None and is_as_it_was(judge, wrong.sample, key):
                    if self.wrong:
                        entries = entries_of(judge, wrong.sample, key, calls.limit - calls.made)
                    curve = curve_of(judge, wrong.sample, key, calls.limit - calls.made)
        except (OutOfCalls, Exception):  # the user's functions may raise anything
            pass
        finally:
            taken, calls.made = calls.made - made, made
            calls.release()
        return Pictures(entries, curve, self.options.rtol, taken)
