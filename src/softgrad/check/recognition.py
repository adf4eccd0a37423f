"""Which function the user's forward computes: its backward pass is then known, line by line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from softgrad.check.arguments import Array, Key
from softgrad.check.backward import Backward, Draw
from softgrad.check.behaviour import Findings
from softgrad.check.context import Context
from softgrad.check.judge import Judgement
from softgrad.check.recipes import Leaf, Recipe, matches, recognise
from softgrad.check.samples import Sample, Sampler


class Recogniser:
    """Recognises a function, and believes what it recognises only where the numerical derivatives agree.

    Args:
        sampler: the user's functions, and inputs for them.
        context: what the user knows.
        findings: to be added to.
        judge: judges one gradient at one sample.
        users_rtol: the relative error that passes.
        within: to which two ways of computing the same must agree.
    """

    def __init__(
        self,
        sampler: Sampler,
        context: Context,
        findings: Findings,
        judge: Callable[[Sample, Key], Judgement],
        *,
        users_rtol: float,
        within: float,
    ) -> None:
        self.sampler, self.subject = sampler, sampler.subject
        self.context, self.findings, self.judge = context, findings, judge
        self.users_rtol, self.within = users_rtol, within

    def backward(self, samples: list[Sample], judged: Mapping[Key, Judgement]) -> Backward | None:
        """The recognised function at every sample that its recipe holds for."""
        recipe = self._recipe(samples, judged, self.context.known)
        if recipe is None and self.context.known:
            recipe = self._recipe(samples, judged, {})
            if recipe is not None:
                self.findings.note("what context says does not fit what forward computes, and was left out")
        if recipe is None:
            return None
        at = [*samples, *self.sampler.other_batch(recipe, samples[-1])]
        drawn = [(sample, draw) for sample in at if (draw := self._draw(recipe, sample)) is not None]
        if not drawn:
            return None
        held = self._held([draw for _, draw in drawn], recipe)
        kept = self._believed(held, [sample for sample, _ in drawn], samples[0], judged)
        if not kept:
            return None
        backward = self._held([held.draws[n] for n in kept], recipe)
        # A recipe that disagrees with the user has to agree with the numerical derivatives: it may be what errs.
        return backward if not backward.wrong() or self._is_right(backward, samples) else None

    def _held(self, draws: list[Draw], recipe: Recipe) -> Backward:
        """The recipe on these draws, as wide as the numerical derivatives are: `rtol` is the user's for both."""
        rtol, upstream = self.within, self.subject.takes_upstream
        return Backward(recipe, draws, upstream=upstream, rtol=rtol, allowed=max(100 * rtol, self.users_rtol))

    def _believed(
        self, backward: Backward, samples: list[Sample], given: Sample, judged: Mapping[Key, Judgement]
    ) -> list[int]:
        """The draws on which the recipe's word is good: not on a kink, where it has one slope of all between two.

        Where it disagrees with the user, the numerical derivatives decide, until they have once said "wrong".
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

    def _recipe(
        self, samples: list[Sample], judged: Mapping[Key, Judgement], context: Mapping[str, Any]
    ) -> Recipe | None:
        alone = judged.get((0,)) if len(self.subject.slots) == 1 and not self.subject.takes_upstream else None
        return recognise(
            [(self._leaves(sample), np.asarray(sample.output, dtype=np.float64)) for sample in samples[:4]],
            context,
            gradient_at_logits=None if alone is None else alone.wanted,
            rtol=self.within,
        )

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
        if not matches(recipe, arrays, sample.output, rtol=self.within):
            return None
        return Draw(arrays, sample.upstream, {keys.index(key): grad for key, grad in sample.grads.items()})

    def _is_right(self, backward: Backward, samples: list[Sample]) -> bool:
        """Whether the recognised function's own gradients are those of the numerical derivatives."""
        draw, keys = backward.draws[0], list(samples[0].arrays)
        sample = next(one for one in samples if one.upstream is draw.upstream)
        rights = {keys[i]: np.reshape(one, np.shape(draw.arrays[i])) for i, one in backward.right(0).items()}
        return all(self.judge(sample.with_grads(rights), key).ok for key in rights)


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array
