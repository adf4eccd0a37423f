"""Which known function the user's forward computes. Its right backward pass is then known, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.recognise.function_search import recognise
from softgrad.check.recognise.interpretation import HELD, UserArray
from softgrad.check.recognise.known_backward import Draw, KnownBackward
from softgrad.check.recognise.known_function import KnownFunction
from softgrad.check.recognise.nearly import NearForward, nearly_known
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.check.user.context import Context
from softgrad.formulas.language import IMPOSSIBLE
from softgrad.formulas.numbers import Array


class Recogniser:
    """Recognises a function. It trusts what it recognised only where the numerical derivatives agree.

    Args:
        sampler: the user's functions, and inputs for them.
        context: what the user says of the functions.
        findings: the facts of the report; added to.
        judge: judges gradients by numerical derivatives.
        users_rtol: the relative error that passes.
        within: the relative error within which two ways of computing the same agree.
    """

    def __init__(
        self,
        sampler: Sampler,
        context: Context,
        findings: Findings,
        judge: GradientJudge,
        *,
        users_rtol: float,
        within: float,
    ) -> None:
        self.sampler, self.functions = sampler, sampler.functions
        self.context, self.findings, self.judge = context, findings, judge
        self.users_rtol, self.within = users_rtol, within

    def backward(self, samples: list[Sample], judged: Mapping[Key, Judgement]) -> KnownBackward | None:
        """The right backward pass, at every sample at which the function was recognised; None for unknown functions."""
        function = self._function(samples, judged, self.context.known)
        if function is None and self.context.known:
            function = self._function(samples, judged, {})
            if function is not None:
                self.findings.note("context does not fit what forward computes, and was not used")
        if function is None:
            return None
        function = self._of_more_samples(function, samples, judged)
        at = [*samples, *self._resized(function, samples[-1])]
        drawn = [(sample, draw) for sample in at if (draw := self._draw(function, sample)) is not None]
        if not drawn:
            return None
        whole = self._known_backward([draw for _, draw in drawn], function)
        kept = self._trusted(whole, [sample for sample, _ in drawn], samples[0], judged)
        if not kept:
            return None
        backward = self._known_backward([whole.draws[n] for n in kept], function)
        # Where the known function disagrees with the user, its own gradients are judged too: it may be what is wrong.
        return backward if not backward.wrong() or self._is_right(backward, samples) else None

    def nearly(self, samples: list[Sample]) -> list[NearForward]:
        """The forward passes that the function may nearly be, if it is an unknown one."""
        drawn = [(self._arrays(sample), np.asarray(sample.output, dtype=np.float64)) for sample in samples[:4]]
        with np.errstate(all="ignore"):
            return list(nearly_known(drawn, self.context.known, rtol=self.within))

    def is_right_for(self, near: NearForward, samples: list[Sample]) -> bool:
        """Whether the user's gradients are right for the known function that the forward pass nearly is."""
        for function in near.functions:
            draws = [self._draw(function, sample) for sample in samples]
            if all(draw is not None for draw in draws):
                try:
                    backward = self._known_backward([draw for draw in draws if draw is not None], function)
                except IMPOSSIBLE:
                    continue
                if backward.keys and not backward.wrong():
                    return True
        return False

    def _known_backward(self, draws: list[Draw], function: KnownFunction) -> KnownBackward:
        upstream, rtol = self.functions.takes_upstream, self.within
        return KnownBackward(function, draws, upstream=upstream, rtol=rtol, allowed=max(100 * rtol, self.users_rtol))

    def _resized(self, function: KnownFunction, sample: Sample) -> list[Sample]:
        """The sample with another number m of rows, so that m cannot be mistaken for a number that it equals."""
        keys = list(sample.arrays)
        axes = function.batch_axes(list(sample.arrays.values()))
        if axes is None:
            return []
        other = self.sampler.resized(sample, {keys[i]: axis for i, axis in axes.items()})
        return [] if other is None else [other]

    def _of_more_samples(
        self, function: KnownFunction, samples: list[Sample], judged: Mapping[Key, Judgement]
    ) -> KnownFunction:
        """The function that fits two samples as well. Of one sample, the mean over the samples is the sum."""
        if function.layout.ndim < 2 or function.forward(_plain(self._arrays(samples[0])))["m"] != 1:
            return function
        more = self._resized(function, samples[-1])
        if all(function.matches(_plain(self._arrays(one)), one.output, rtol=self.within) for one in more):
            return function
        return self._function([*samples[:3], *more], judged, self.context.known) or function

    def _trusted(
        self, backward: KnownBackward, samples: list[Sample], given: Sample, judged: Mapping[Key, Judgement]
    ) -> list[int]:
        """The draws on which the known function is trusted.

        Not on a kink, where it has one of many right slopes. Where it disagrees with the user, numerical derivatives
        decide, until they have said "wrong" once.
        """
        kept = []
        wrong = any(not one.ok for one in judged.values())
        for n, sample in enumerate(samples):
            keys = list(sample.arrays)
            off = [keys[i] for i in backward.wrong_on(n) if keys[i] in judged]
            if not all(np.isfinite(right).all() for right in backward.right(n).values()):
                continue
            if off and (sample is given or not wrong):
                verdicts = [judged[key] if sample is given else self.judge(sample, key) for key in off]
                if any(one.ok for one in verdicts):
                    continue
                wrong = True
            kept.append(n)
        return kept

    def _function(
        self, samples: list[Sample], judged: Mapping[Key, Judgement], context: Mapping[str, Any]
    ) -> KnownFunction | None:
        alone = judged.get((0,)) if len(self.functions.leaves) == 1 and not self.functions.takes_upstream else None
        wanted = None if alone is None else alone.wanted
        if wanted is not None and wanted.shape != samples[0].arrays[0,].shape:  # of more rows than the samples have
            wanted = None
        return recognise(
            [(self._arrays(sample), np.asarray(sample.output, dtype=np.float64)) for sample in samples[:4]],
            context,
            gradient_at_logits=wanted,
            rtol=self.within,
        )

    def _arrays(self, sample: Sample) -> list[UserArray]:
        """The arrays of the inputs, then those that forward holds, which may be the data.

        Parameters are the arrays in a dict, and those that gradients are asked for.
        """
        held = self.functions.captured
        fewer = len(sample.grads) < len(sample.arrays) + len(held)
        asked = fewer and (len(sample.grads) > 1 or not self.functions.takes_upstream)
        names = {leaf.key: leaf.name for leaf in self.functions.leaves}
        return [
            *(
                UserArray(names[key], _in_float64(array), len(key) > 1 or (asked and key in sample.grads))
                for key, array in sample.arrays.items()
            ),
            *(UserArray(HELD, _in_float64(array)) for array in held),
        ]

    def _draw(self, function: KnownFunction, sample: Sample) -> Draw | None:
        keys = list(sample.arrays)
        arrays = [_in_float64(array) for array in (*sample.arrays.values(), *self.functions.captured)]
        if not function.matches(arrays, sample.output, rtol=self.within):
            return None
        return Draw(arrays, sample.upstream, {keys.index(key): grad for key, grad in sample.grads.items()})

    def _is_right(self, backward: KnownBackward, samples: list[Sample]) -> bool:
        """Whether the gradients of the known function agree with the numerical derivatives."""
        draw, keys = backward.draws[0], list(samples[0].arrays)
        sample = next(one for one in samples if one.upstream is draw.upstream)
        rights = {keys[i]: np.reshape(one, np.shape(draw.arrays[i])) for i, one in backward.right(0).items()}
        return all(self.judge(sample.with_grads(rights), key).ok for key in rights)


def _in_float64(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _plain(arrays: list[UserArray]) -> list[Array]:
    return [one.array for one in arrays]
