"""Judges the gradients of the user's functions at samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from softgrad.check.derivatives.gradient import Judgement, judge_gradient
from softgrad.check.derivatives.step_curve import step_curve
from softgrad.check.report.findings import Findings
from softgrad.check.report.mistake import Curve
from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.formulas.numbers import Array

SHARE = 3 / 4  # of all calls is the most that the gradients at one sample may take
WORK = 50_000_000  # calls at one sample, times the entries that each of them handles
OF_WRONG_SHAPE = Judgement(False, np.inf, None, None, method="", extent="", kinks=0, unresolved=0)


class GradientJudge:
    """Judges the gradients of the user's functions, each of them once.

    Args:
        sampler: the user's functions.
        rtol: the relative error that passes.
        eps: the machine epsilon of the type in which forward computes.
        rng: for random directions and steps.
    """

    def __init__(self, sampler: Sampler, rtol: float, eps: float, rng: np.random.Generator) -> None:
        self.sampler = sampler
        self.rtol, self.eps, self.rng = rtol, eps, rng
        self._judged: dict[tuple[int, Key], tuple[Sample, Judgement]] = {}  # by the identity of the sample

    def __call__(self, sample: Sample, key: Key) -> Judgement:
        """Judges one gradient at one sample by numerical derivatives."""
        if (id(sample), key) not in self._judged:
            self._judged[id(sample), key] = sample, self._judge(sample, key)
        return self._judged[id(sample), key][1]

    def _judge(self, sample: Sample, key: Key) -> Judgement:
        if sample.grads[key].shape != sample.arrays[key].shape:
            return OF_WRONG_SHAPE
        return judge_gradient(
            self.function(sample, key),
            np.asarray(sample.arrays[key], dtype=np.float64),
            sample.upstream,
            sample.grads[key],
            rng=self.rng,
            rtol=self.rtol,
            eps=self.eps,
            calls=self._calls(sample),
        )

    def is_right_for_symmetric(self, sample: Sample, key: Key) -> bool:
        """Whether a gradient at symmetric matrices is right for changes that keep them symmetric.

        These are the changes of f((x + x^T) / 2), whose gradient is the symmetric part.
        """
        f = self.function(sample, key)

        def symmetric(x: Array) -> Array:
            return np.asarray((x + np.swapaxes(x, -1, -2)) / 2)

        one = judge_gradient(
            lambda x: f(symmetric(x)),
            np.asarray(sample.arrays[key], dtype=np.float64),
            sample.upstream,
            symmetric(np.asarray(sample.grads[key], dtype=np.float64)),
            rng=self.rng,
            rtol=self.rtol,
            eps=self.eps,
            calls=self._calls(sample),
        )
        return one.ok and not one.unresolved

    def _calls(self, sample: Sample) -> int:
        """How many calls one gradient of a sample may take."""
        functions = self.sampler.functions
        handled = (*sample.arrays.values(), *functions.captured, sample.output)
        affordable = WORK // (1 + sum(array.size for array in handled))
        return int(min(SHARE * functions.calls.limit, affordable)) // len(sample.grads)

    def function(self, sample: Sample, key: Key) -> Callable[[Array], Array]:
        """Forward as a function of one array; all others stay as they are in the sample."""
        arrays, dtype = dict(sample.arrays), sample.arrays[key].dtype

        def of_one(x: Array) -> Array:
            arrays[key] = x.astype(dtype) if self.sampler.exact else x
            return self.sampler.functions.output(arrays)

        return of_one

    def curves(self, sample: Sample, keys: Iterable[Key]) -> Mapping[str, Curve]:
        """For each of the gradients, the step sizes of central differences and the error of the gradient at each."""
        rng = np.random.default_rng(0)
        curves = {}
        for key in keys:
            x = np.asarray(sample.arrays[key], dtype=np.float64)
            curve = step_curve(self.function(sample, key), x, sample.upstream, sample.grads[key], rng)
            curves[self.sampler.functions.name_of(key)] = curve
        return curves


def can_be_trusted(
    functions: UserFunctions, given: Sample, judged: Mapping[Key, Judgement], findings: Findings
) -> bool:
    """Whether some numerical derivative can be trusted. Notes kinks, and what was not judged."""
    for key, one in judged.items():
        name, entries = functions.name_of(key), "entry" if one.kinks == 1 else "entries"
        if one.kinks:
            said = "any value between the slopes on both sides is right"
            findings.note(f"{name} has {one.kinks} {entries} on a kink: {said}")
        if one.plateaus:
            findings.note(
                f"{functions.forward_name} is constant near the inputs and changes further away: its derivative is 0 "
                f"there"
            )
            if one.across:
                findings.note(
                    f"the gradient of {name} is the slope across the steps, that of a straight-through estimator"
                )
        if one.left_out:
            findings.note(
                f"{_counted(one.left_out, 'entry')} of the gradient of {name} {'is' if one.left_out == 1 else 'are'} "
                f"not finite, and neither is a numerical derivative: left out"
            )
        if one.unresolved:
            findings.note(f"{name} has {_counted(one.unresolved, 'derivative')} that no step size resolves: not judged")
    if functions.takes_upstream:
        real = [leaf.name for leaf in functions.leaves if leaf.given.dtype.kind == "f" and leaf.given.ndim]
        left = [name for name in real if name not in map(functions.name_of, given.grads)]
        if left and judged:
            findings.note(f"not checked, because no gradient was returned: {', '.join(left)}")
    looked_at = sum(one.judged for one in judged.values())
    nothing = sum(one.unresolved + one.left_out for one in judged.values())
    if nothing >= looked_at > 0 and all(one.ok for one in judged.values()):
        findings.note("cannot be checked: no numerical derivative of forward can be trusted here")
        return False
    return True


def _counted(count: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
