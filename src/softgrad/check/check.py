"""One check, from the first call of the user's functions to the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad.check.diagnose import Diagnosis, Draw
from softgrad.check.draws import nudged, redraw
from softgrad.check.experiments import clipped, constant_ratio, facts_of
from softgrad.check.judge import Judgement, judge
from softgrad.check.mistakes import ENTRIES
from softgrad.check.recipes import Leaf, Recipe, fits, matches, recognise
from softgrad.check.report import Curve, Mistake, Place, Report
from softgrad.check.step_curve import step_curve
from softgrad.check.subject import Key, Subject
from softgrad.errors import CheckError

Array = npt.NDArray[Any]
Arrays = Mapping[Key, Array]
EPS32 = float(np.finfo(np.float32).eps)
SECONDS = 0.6  # that the numerical derivatives at one set of redrawn inputs may take


class Sample(NamedTuple):
    """The functions at one set of inputs."""

    arrays: Arrays
    output: Array
    upstream: Array
    grads: Mapping[Key, Array]


class Check:
    """What is done for one call of check_vjp or check_grad."""

    def __init__(
        self,
        subject: Subject,
        context: Mapping[str, Any],
        rtol: float,
        seed: int,
        draws: int,
        inputs: Callable[[np.random.Generator], tuple[Any, ...]] | None,
    ) -> None:
        self.subject = subject
        self.context = context
        self.rtol = rtol
        self.rng = np.random.default_rng(seed)
        self.count = draws
        self.inputs = inputs
        self.eps = float(np.finfo(np.float64).eps)
        self.facts: list[str] = []
        self.findings: list[Mistake] = []
        self.misshapen: dict[Key, Array] = {}
        self.whole: list[Key] = []  # gradients of whole numbers
        self.spoiled = False  # whether a second call answers differently, so that no later one says anything
        self.method = ""

    def report(self) -> Report:
        """Runs the check."""
        if not self._is_repeatable():
            return Report(self.subject.function, None, np.nan, facts=tuple(self.facts))
        given = self._first_calls()
        if self.spoiled:
            return self._report(given, {})
        judged = {key: self._judge(given, key) for key in given.grads if key not in self.misshapen}
        self._note(judged)
        samples = [given, *self._redrawn(given)]
        recipe = self._recipe(samples, judged)
        diagnosis = None if recipe is None else self._diagnosis(recipe, samples, judged)
        wrong = self._wrong(samples, judged, diagnosis)
        if wrong or self.misshapen:
            self._explain(samples, judged, diagnosis, wrong)
        self._tell_context()
        return self._report(given, wrong)

    # ---- 1. how the functions behave ----

    def _is_repeatable(self) -> bool:
        """Whether forward answers the same twice; NumPy's global seed is set where that is what it takes."""
        subject = self.subject
        arrays = self._readable()
        if self._answers_the_same(arrays):
            if subject.random:
                self.facts.append(
                    "the random generators that the functions use were put back to one state for each call"
                )
            return True
        subject.seeded = True
        if self._answers_the_same(arrays):
            self.facts.append("forward draws random numbers; NumPy's global seed was set before each call")
            return True
        self.facts.append(
            "not repeatable: forward answers differently when it is called twice with the same inputs. Seed it: take the "
            "generator as an input or in context, or use one that is made once, outside of the function"
        )
        return False

    def _readable(self) -> Arrays:
        """The inputs in float64, or as they were given where the functions cannot take that."""
        arrays = self.subject.arrays()
        try:
            self.subject.output(arrays)
        except CheckError:
            exact = self.subject.arrays(exact=True)
            if all(exact[key].dtype == arrays[key].dtype for key in arrays):
                raise
            self.subject.output(exact)
            self.eps = EPS32
            self.facts.append("forward does not take float64: checked at the accuracy of the inputs' own type")
            return exact
        return arrays

    def _answers_the_same(self, arrays: Arrays) -> bool:
        first, second = self.subject.output(arrays), self.subject.output(arrays)
        return first.shape == second.shape and bool(np.array_equal(first, second, equal_nan=True))

    def _first_calls(self) -> Sample:
        """The gradients at the inputs given, with what there is to say of how they came."""
        subject = self.subject
        arrays = self._readable() if self.eps == EPS32 else subject.arrays()
        output = subject.output(arrays)
        upstream = self._upstream(output)
        first = subject.gradients(arrays, upstream)
        if self.eps != EPS32 and any(subject.arrays()[key].dtype != arrays[key].dtype for key in arrays):
            arrays = subject.arrays()  # of whole numbers, for which a gradient was returned: in float64 from here on
            first = subject.gradients(arrays, upstream)
        for name in first.overwritten:
            self._find(
                {"output": "output-overwritten", "grad_output": "grad-output-overwritten"}.get(
                    name, "input-overwritten"
                ),
                f"{name} has changed after the call",
            )
        sample = self._sample(arrays, upstream)
        for key, grad in first.grads.items():
            again = sample.grads[key]
            if grad.shape == again.shape and not np.array_equal(grad, again, equal_nan=True):
                if fits(grad, again, rtol=1e-10):
                    continue
                self.spoiled = True
                ratio = constant_ratio(again, grad)
                times = f": it is {ratio:.4g} times the first" if ratio is not None else ""
                self._find("accumulated-gradient", f"the second call's gradient of {self._name(key)} differs{times}")
                break
        self._find_types(sample)
        return sample._replace(grads={key: np.asarray(first.grads[key], dtype=np.float64) for key in first.grads})

    def _find_types(self, sample: Sample) -> None:
        """Shapes, NaN, and types too short."""
        short = [key for key, grad in sample.grads.items() if grad.dtype in (np.float32, np.float16)]
        if np.asarray(sample.output).dtype in (np.float32, np.float16):
            self.eps = EPS32
            self.facts.append(f"forward answers in {sample.output.dtype}: checked at the accuracy of that")
        elif short and self.eps != EPS32:
            grad = sample.grads[short[0]]
            self._find(
                "float32-result",
                f"the gradient of {self._name(short[0])} is {grad.dtype}, the output {sample.output.dtype}",
            )
        self.whole = [key for key, grad in sample.grads.items() if grad.dtype.kind in "iu"]
        for key, grad in sample.grads.items():
            wanted = sample.arrays[key].shape
            if grad.shape != wanted:
                self.misshapen[key] = grad
            elif not np.isfinite(grad).all():
                where = tuple(int(i) for i in np.argwhere(~np.isfinite(grad))[0])
                self._find("not-finite", f"the gradient of {self._name(key)} is {grad[where]} at {list(where)}")
        self._find_truncation(sample)

    def _find_truncation(self, sample: Sample) -> None:
        """Whole numbers as the inputs give the same gradient as the same numbers in float64."""
        asked = [slot for slot in self.subject.slots if slot.key in sample.grads and slot.given.dtype.kind in "iu"]
        if not asked or self.misshapen:
            return
        exact = dict(sample.arrays) | {slot.key: slot.given for slot in asked}
        try:
            grads = self.subject.gradients(exact, sample.upstream).grads
        except CheckError as error:
            self.facts.append(f"with the whole numbers as they are, not in float64: {error}")
            return
        for slot in asked:
            if slot.key in grads and not fits(grads[slot.key], sample.grads[slot.key], rtol=1e-6):
                self._find(
                    "integer-truncation", f"with {slot.name} of type {slot.given.dtype} the gradient has other numbers"
                )

    def _find(self, name: str, evidence: str) -> None:
        entry = ENTRIES[name]
        if name not in [mistake.name for mistake in self.findings]:
            self.findings.append(Mistake(entry.name, entry.title, entry.explanation, "", "", evidence))

    def _sample(self, arrays: Arrays, upstream: Array | None = None) -> Sample:
        output = self.subject.output(arrays)
        upstream = self._upstream(output) if upstream is None else upstream
        return Sample(arrays, output, upstream, self.subject.gradients(arrays, upstream).grads)

    def _upstream(self, output: Array) -> Array:
        if not self.subject.takes_upstream:
            return np.ones(())
        return self.rng.standard_normal(np.shape(output))

    def _name(self, key: Key) -> str:
        return next(slot.name for slot in self.subject.slots if slot.key == key)

    # ---- 2. numerical derivatives ----

    def _function(self, sample: Sample, key: Key) -> Callable[[Array], Array]:
        arrays = dict(sample.arrays)
        dtype = arrays[key].dtype

        def of_one(x: Array) -> Array:
            arrays[key] = x if dtype == np.float64 else x.astype(dtype)
            return self.subject.output(arrays)

        return of_one

    def _judge(self, sample: Sample, key: Key, budget: float = 1.5) -> Judgement:
        budget /= max(len(sample.grads), 1)
        x = np.asarray(sample.arrays[key], dtype=np.float64)
        return judge(
            self._function(sample, key), x, sample.upstream, sample.grads[key],
            rng=self.rng, rtol=self.rtol, eps=self.eps, budget=budget,
        )  # fmt: skip

    def _note(self, judged: Mapping[Key, Judgement]) -> None:
        self.method = "; ".join(dict.fromkeys(f"{one.method}, {one.extent}" for one in judged.values()))
        for key, one in judged.items():
            if one.kinks:
                self.facts.append(
                    f"{self._name(key)} has {one.kinks} {'entry' if one.kinks == 1 else 'entries'} on a kink: any value "
                    "between the slopes on its two sides is right"
                )
            if one.unresolved:
                self.facts.append(f"{self._name(key)} has {one.unresolved} derivatives that no step could resolve")

    # ---- 3. other inputs ----

    def _redrawn(self, given: Sample) -> list[Sample]:
        samples = []
        for n in range(self.count):
            for arrays in self._tries(given, n):
                sample = self._usable(arrays)
                if sample is not None:
                    samples.append(sample)
                    break
        return samples

    def _tries(self, given: Sample, n: int) -> list[Arrays]:
        """Inputs like those given, and nearer and nearer to them in case the functions want that."""
        if self.inputs is not None:
            return [self._fresh()]
        drawn = {key: redraw(array, self.rng, standard=bool(n % 2)) for key, array in given.arrays.items()}
        spread = {key: redraw(array, self.rng, standard=False) for key, array in given.arrays.items()}
        near = {key: nudged(array, self.rng) for key, array in given.arrays.items()}
        return [self._typed(given, arrays) for arrays in (drawn, spread, near)]

    def _typed(self, given: Sample, arrays: Arrays) -> Arrays:
        return {key: array.astype(given.arrays[key].dtype) for key, array in arrays.items()}

    def _fresh(self) -> Arrays:
        assert self.inputs is not None
        values = self.inputs(self.rng)
        values = values if isinstance(values, tuple) else (values,)
        subject = self.subject
        if len(values) != len(subject.inputs):
            raise CheckError(
                f"{subject.function}: inputs returned {len(values)} arrays, wanted {len(subject.inputs)}, one for each input"
            )
        fresh = Subject(
            subject.function, subject._forward, subject._backward, values,
            takes_upstream=subject.takes_upstream, names=subject.names, wrt=subject.wrt,
        )  # fmt: skip
        return fresh.arrays(exact=self.eps == EPS32 and any("does not take" in fact for fact in self.facts))

    def _usable(self, arrays: Arrays) -> Sample | None:
        """The functions at these inputs, if they are defined there."""
        try:
            sample = self._sample(arrays)
        except CheckError:
            return None
        if not np.isfinite(sample.output).all():
            return None
        return sample

    # ---- 4. the function recognised ----

    def _recipe(self, samples: list[Sample], judged: Mapping[Key, Judgement]) -> Recipe | None:
        if self.eps == EPS32:
            samples = [self._widened(sample) for sample in samples]
        first = judged.get((0, None))
        alone = len(samples[0].arrays) == 1 and not self.subject.takes_upstream and first is not None
        return recognise(
            [(self._leaves(sample), np.asarray(sample.output, dtype=np.float64)) for sample in samples[:4]],
            self.context,
            gradient_at_logits=first.wanted if alone and first is not None else None,
        )

    def _widened(self, sample: Sample) -> Sample:
        wide = {
            key: array.astype(np.float64) if array.dtype.kind == "f" else array for key, array in sample.arrays.items()
        }
        return sample._replace(arrays=wide)

    def _leaves(self, sample: Sample) -> list[Leaf]:
        asked = {key for key in sample.grads}
        several = len(sample.grads) > 1 or not self.subject.takes_upstream
        return [
            Leaf(
                slot.name,
                sample.arrays[slot.key],
                (slot.key[1] is not None) or (several and slot.key in asked and len(asked) < len(self.subject.slots)),
            )
            for slot in self.subject.slots
        ]

    def _diagnosis(self, recipe: Recipe, samples: list[Sample], judged: Mapping[Key, Judgement]) -> Diagnosis | None:
        """The recipe on every sample that it holds for; the inputs given are left out where they are on a kink."""
        keys = [slot.key for slot in self.subject.slots]
        draws = []
        for sample in [*samples, *self._other_batches(recipe, samples[-1])]:
            arrays = [sample.arrays[key] for key in keys]
            if matches(recipe, arrays, sample.output):
                grads = {keys.index(key): grad for key, grad in sample.grads.items()}
                draws.append(Draw(arrays, sample.output, sample.upstream, grads))
        if not draws:
            return None
        diagnosis = Diagnosis(recipe, draws, upstream=self.subject.takes_upstream)
        usable = [
            draw
            for n, draw in enumerate(draws)
            if all(np.isfinite(right).all() for right in diagnosis.right(n).values())
            and not (n == 0 and draw.arrays[0] is samples[0].arrays[keys[0]] and self._too_strict(diagnosis, judged))
        ]
        return Diagnosis(recipe, usable, upstream=self.subject.takes_upstream) if usable else None

    def _too_strict(self, diagnosis: Diagnosis, judged: Mapping[Key, Judgement]) -> bool:
        """Whether the numerical derivatives at the inputs given accept what the recipe does not, as they do on a kink."""
        keys = [slot.key for slot in self.subject.slots]
        return any(
            keys[i] in judged and judged[keys[i]].ok and not fits(diagnosis.draws[0].grads[i], right, rtol=self.rtol)
            for i, right in diagnosis.right(0).items()
        )

    def _other_batches(self, recipe: Recipe, sample: Sample) -> list[Sample]:
        """The same with one sample less, or one more: so that m is not taken for another number that it equals."""
        layout, keys = recipe.layout, [slot.key for slot in self.subject.slots]
        if layout.ndim != 2 or self.inputs is not None:
            return []
        axis = layout.batch_axes[0]
        arrays = dict(sample.arrays)
        for name, i in recipe.roles.items():
            array = arrays[keys[i]]
            if name in ("z", "p", "x", "t_", "mask", "y", "s_", "mask_", "logp") and array.ndim:
                along = axis if array.ndim == 2 else 0
                count = array.shape[along]
                take = np.arange(count - 1) if count > 2 else np.arange(count + 1) % count
                arrays[keys[i]] = np.take(array, take, axis=along)
        other = self._usable(arrays)
        return [] if other is None else [other]

    # ---- 5. what is wrong ----

    def _wrong(
        self, samples: list[Sample], judged: Mapping[Key, Judgement], diagnosis: Diagnosis | None
    ) -> dict[Key, tuple[float, Place | None]]:
        """Each wrong gradient with its error and its worst entry: at the inputs given, or at others."""
        wrong = {key: (one.error, self._place(key, one)) for key, one in judged.items() if not one.ok}
        keys = [slot.key for slot in self.subject.slots]
        if diagnosis is not None and self.eps != EPS32:
            for i in diagnosis.wrong:
                if keys[i] not in wrong and keys[i] not in self.misshapen:
                    wrong[keys[i]] = self._worst(keys[i], diagnosis, i)
        elif diagnosis is None and not wrong:
            for sample in samples[1:3]:
                for key in sample.grads:
                    if sample.grads[key].shape != sample.arrays[key].shape:
                        continue
                    one = self._judge(sample, key, SECONDS)
                    if not one.ok and key not in wrong:
                        wrong[key] = (one.error, self._place(key, one))
                        self.facts.append(
                            f"{self._name(key)} is right at the inputs given, and wrong at others like them"
                        )
        return wrong

    def _place(self, key: Key, one: Judgement) -> Place | None:
        return None if one.where is None else Place(self._name(key), one.where.entry, one.where.got, one.where.wanted)

    def _worst(self, key: Key, diagnosis: Diagnosis, i: int) -> tuple[float, Place | None]:
        """The worst entry on the first draw on which the recognised function has another gradient."""
        for n, draw in enumerate(diagnosis.draws):
            got, wanted = np.asarray(draw.grads[i]), np.reshape(diagnosis.right(n)[i], np.shape(draw.arrays[i]))
            if got.shape == wanted.shape and not fits(got, wanted, rtol=self.rtol):
                off = np.abs(got - wanted)
                where = tuple(int(k) for k in np.unravel_index(np.nanargmax(off), off.shape))
                self.facts.append(f"{self._name(key)} is right at the inputs given, and wrong at others like them")
                error = float(off[where] / max(abs(got[where]), abs(wanted[where])))
                return error, Place(self._name(key), where, float(got[where]), float(wanted[where]))
        return np.inf, None

    def _explain(
        self,
        samples: list[Sample],
        judged: Mapping[Key, Judgement],
        diagnosis: Diagnosis | None,
        wrong: Mapping[Key, tuple[float, Place | None]],
    ) -> None:
        found: tuple[Mistake, ...] = ()
        if diagnosis is not None:
            self.facts.append(f"forward computes {diagnosis.recipe.title}, {diagnosis.recipe.layout}")
            if self._recipe_is_right(diagnosis, samples):
                found = diagnosis.mistakes()
        for key in self.whole:
            if key in wrong:
                self._find("integer-truncation", f"the gradient of {self._name(key)} is an array of whole numbers")
        self.findings += [mistake for mistake in found if mistake.name not in {one.name for one in self.findings}]
        self._find_shapes(samples[0], judged)
        if not found:
            self._experiment(samples, judged, wrong)

    def _recipe_is_right(self, diagnosis: Diagnosis, samples: list[Sample]) -> bool:
        """Whether the recognised function's own gradients are those of the numerical derivatives."""
        keys = [slot.key for slot in self.subject.slots]
        draw = diagnosis.draws[0]
        sample = next(one for one in samples if one.arrays[keys[0]] is draw.arrays[0])
        rights = {keys[i]: np.reshape(right, np.shape(draw.arrays[i])) for i, right in diagnosis.right(0).items()}
        judged = [self._judge(sample._replace(grads=rights), key, SECONDS) for key in rights]
        return all(one.ok for one in judged)

    def _find_shapes(self, given: Sample, judged: Mapping[Key, Judgement]) -> None:
        for key, grad in self.misshapen.items():
            wanted = given.arrays[key].shape
            numbers = f"the gradient of {self._name(key)} has shape {grad.shape}, wanted {wanted}"
            if grad.shape == wanted[::-1] and self._judge(given._replace(grads={key: grad.T}), key).ok:
                self._find("transposed", numbers)
            self._find("wrong-shape", numbers)

    def _experiment(
        self, samples: list[Sample], judged: Mapping[Key, Judgement], wrong: Mapping[Key, tuple[float, Place | None]]
    ) -> None:
        """Findings and facts that need no formula."""
        given = samples[0]
        if self.subject.takes_upstream:
            self._try_upstream(given)
        for key in wrong:
            one = judged.get(key)
            if one is None or one.wanted is None:
                continue
            got, wanted = given.grads[key], one.wanted
            shape = wanted.shape
            quantities = {f"the size of axis {axis}": float(n) for axis, n in enumerate(shape)}
            quantities |= {f"1/the size of axis {axis}": 1.0 / n for axis, n in enumerate(shape) if n}
            quantities |= {
                "the number of its entries": float(wanted.size),
                "1/the number of its entries": 1 / max(wanted.size, 1),
            }
            quantities |= {f"context's {k}": float(v) for k, v in self.context.items() if isinstance(v, int | float)}
            ratio = constant_ratio(got, wanted)
            name = {-1.0: "sign", 2.0: "factor-2", 0.5: "factor-half"}.get(
                round(ratio, 4) if ratio is not None else 0.0
            )
            if name is not None and name not in [m.name for m in self.findings] and len(wrong) == len(judged):
                self._find(name, f"the gradient of {self._name(key)} is {ratio:.4g} times the right one everywhere")
            self.facts += facts_of(self._name(key), got, wanted, quantities)
            self._try_clipping(samples, key)
        if len(wrong) < len(judged):
            right = [self._name(key) for key in judged if key not in wrong]
            self.facts.append(f"{', '.join(map(self._name, wrong))} wrong; {', '.join(right)} right")

    def _try_clipping(self, samples: list[Sample], key: Key) -> None:
        """Whether the right gradient is the user's, but 0 outside of an interval."""
        seen = []
        for sample in samples[:4]:
            one = self._judge(sample, key, SECONDS)
            if one.wanted is None:
                return
            seen.append((np.asarray(sample.arrays[key]), sample.grads[key], one.wanted))
        bounds = clipped(seen)
        if bounds is not None:
            self._find(
                "clipping-one-sided",
                f"the right gradient is 0 where {self._name(key)} is {bounds}, and this one elsewhere",
            )

    def _try_upstream(self, given: Sample) -> None:
        """What the gradients make of another upstream gradient."""
        try:
            twice = self.subject.gradients(given.arrays, 2 * given.upstream).grads
            ones = self.subject.gradients(given.arrays, np.ones_like(given.upstream)).grads
        except CheckError:
            return
        moved = [key for key in twice if np.any(given.grads[key]) and not np.array_equal(twice[key], given.grads[key])]
        if not moved and any(np.any(grad) for grad in given.grads.values()):
            self._find("upstream-ignored", "the gradient stays the same when the upstream gradient is doubled")
        elif any(not fits(twice[key], 2 * np.asarray(given.grads[key]), rtol=1e-7) for key in moved):
            self._find("upstream-not-linear", "twice the upstream gradient does not give twice the gradient")
        at_ones = given._replace(upstream=np.ones_like(given.upstream), grads=ones)
        if given.upstream.size > 1 and all(
            ones[key].shape == given.arrays[key].shape and self._judge(at_ones, key, SECONDS).ok for key in ones
        ):
            self.facts.append("right when grad_output is all ones, and only then")

    def _tell_context(self) -> None:
        known = {
            "class_axis",
            "layout",
            "temperature",
            "label_smoothing",
            "class_weight",
            "ignore_index",
            "target",
            "keep",
            "slope",
        }
        for key, value in self.context.items():
            if key not in known and np.ndim(value) == 0 and not callable(value):
                self.facts.append(f"{key}: {value}")

    def _report(self, given: Sample, wrong: Mapping[Key, tuple[float, Place | None]]) -> Report:
        places = [wrong[key] for key in wrong] or [(0.0, None)]
        error, where = max(places, key=lambda one: one[0])
        ok = not wrong and not self.findings and not self.misshapen
        return Report(
            function=self.subject.function,
            ok=ok,
            error=error,
            where=where,
            mistakes=tuple(self.findings),
            facts=tuple(dict.fromkeys(self.facts)),
            method=self.method,
            checked={self._name(key): given.arrays[key].shape for key in given.grads},
            curves=lambda: self._curves(given),
        )

    def _curves(self, given: Sample) -> Mapping[str, Curve]:
        rng = np.random.default_rng(0)
        return {
            self._name(key): step_curve(
                self._function(given, key), np.asarray(given.arrays[key], float), given.upstream, grad, rng
            )
            for key, grad in given.grads.items()
            if key not in self.misshapen
        }
