"""The values computed for one row of logits.

They come from softgrad's functions, from lines of the checker's catalogue, or from central differences.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from softgrad import losses
from softgrad._arrays import Array
from softgrad.check.derivatives.evaluate import unit
from softgrad.check.derivatives.numerical import along
from softgrad.explanation.arguments import FAR, Problem
from softgrad.explanation.error_bounds import Bounded, computed, exactly, rounded
from softgrad.formulas.language import Layout, functions, run, split
from softgrad.formulas.losses import FUSED, LOSSES
from softgrad.jacobian import SoftmaxJacobian
from softgrad.softmax import log_softmax, softmax, softmax_vjp

VECTOR = Layout(-1, 1)
TINY = 1e-130  # stands for a probability that is shown as 0, where a formula divides by it
COMPARABLE = 1e6  # the largest distance of scores at which the loss is compared with central differences


class RowValues:
    """The values of one row: K logits, their target, and everything computed from them."""

    def __init__(self, problem: Problem, r: int, shown: int) -> None:
        z, target = problem.z[r], problem.t[r]
        self.loss = problem.loss
        self.at_probabilities = LOSSES[problem.loss].at_probabilities  # the line of dL/dp
        self.simplifies = LOSSES[problem.loss].backward == (FUSED,)  # whether dL/dz is p - t
        self.temperature, self.smoothing = problem.temperature, problem.label_smoothing
        self.weight = problem.weight if problem.weights_classes else None
        self.given = problem.target_of(r)  # in the form that the losses accept
        is_hard = problem.labels is not None and not self.smoothing
        self.label = int(self.given) if is_hard else None  # where the target is 1 at one class
        self.mine: Array | None = None  # the reader's own gradient of this row, at the scores
        self.z = exactly(z)
        self.t = exactly(target) if self.weight is None and not self.smoothing else rounded(target)
        self.far = z.max() - z > FAR * self.temperature  # classes whose probability is shown as 0
        self.p = self._without_far(rounded(softmax(z, temperature=self.temperature)))
        self.log_p = rounded(log_softmax(z, temperature=self.temperature))
        largest = np.argsort(-np.maximum(self.p.value, target), kind="stable")[:shown]
        self.shown = tuple(sorted(map(int, largest)))  # the classes that are shown

    def _without_far(self, values: Bounded) -> Bounded:
        """The values with 0 for the classes whose probability is shown as 0."""
        return Bounded(*(np.where(self.far, 0.0, part) for part in values))

    @property
    def letter(self) -> str:
        """The letter of the scores that softmax is applied to: the logits, divided by the temperature."""
        return "z" if self.temperature == 1 else "u"

    @property
    def overflows(self) -> bool:
        """Whether 1/p is too large to be shown for a class of the target."""
        return self.simplifies and bool((self.far & (self.t.value > 0)).any())

    @property
    def is_comparable(self) -> bool:
        """Whether central differences of the loss have digits that count: not if the loss is enormous."""
        return bool(np.abs(self.shifted.value).max() <= COMPARABLE)

    @property
    def given_target(self) -> Array:
        """The target as a distribution, before it is smoothed and weighted."""
        is_label = np.ndim(self.given) == 0
        return np.eye(1, self.z.value.size, int(self.given))[0] if is_label else np.asarray(self.given)

    @cached_property
    def target_sum(self) -> Bounded:
        """The sum of the target: 1, or with weights of the classes another number."""
        return exactly(1.0) if self.weight is None else rounded(self.t.value.sum())

    @cached_property
    def scores(self) -> Bounded:
        """What softmax is applied to."""
        return self.z if self.temperature == 1 else rounded(self.z.value / self.temperature)

    @property
    def left_out(self) -> int:
        """The number of classes that are not shown."""
        return self.z.value.size - len(self.shown)

    @property
    def digits_of_z(self) -> int:
        """How many digits distinguish the logits, even if they are large and close together."""
        z = self.z.value
        span = float(z.max() - z.min())
        size = float(np.abs(z).max())
        return 6 if not span or size <= span else min(17, 6 + int(np.ceil(np.log10(size / span))))

    @cached_property
    def shifted(self) -> Bounded:
        """The scores minus their maximum."""
        return rounded((self.z.value - self.z.value.max()) / self.temperature)

    @cached_property
    def e(self) -> Bounded:
        """The exponentials of the shifted logits. An error of 1 ulp in an exponent s becomes |s| ulp in exp(s)."""
        e = np.exp(self.shifted.value)
        return self._without_far(rounded(e, e * (1 + np.abs(self.shifted.value))))

    @cached_property
    def sum_e(self) -> Bounded:
        """The sum of the exponentials."""
        return rounded(self.e.value.sum(), self.e.value.sum())

    @cached_property
    def loss_value(self) -> Bounded:
        """The loss of the row. Its error is relative to the sum of the absolute values of its terms."""
        t, log_p = self.t.value, self.log_p.value
        value = self._loss_of(self.z.value, temperature=self.temperature)
        if not self.simplifies:
            return rounded(value) if self.label is not None else computed(_half_of_squares, self.p, self.t)
        log_t = np.log(np.where(t > 0, t, 1)) if self.weight is None else np.log(_ratio(t, self.weight))
        return rounded(value, np.sum(t * (np.abs(log_p) + (np.abs(log_t) if self.loss == "kl_divergence" else 0))))

    @cached_property
    def dp(self) -> Bounded:
        """The gradient with respect to the probabilities."""
        return self._run(split(self.at_probabilities)[1], p=self.p)

    @cached_property
    def inner(self) -> Bounded:
        """<dL/dp, p>."""
        values = self.line("sum_k(p * dp)")
        return Bounded(values.value[0], values.error[0])

    @cached_property
    def jacobian(self) -> Bounded:
        """The Jacobian of the classes shown. The others count as one class, so that the probabilities sum to 1."""
        shown = list(self.shown)
        value, error = (
            np.append(each[shown], np.delete(each, shown).sum()) if self.left_out else each
            for each in (self.p.value, self.p.error)
        )
        jacobian = computed(lambda p: SoftmaxJacobian(p).to_dense(), Bounded(value, error))
        return Bounded(*(each[: len(shown), : len(shown)] for each in jacobian))

    @cached_property
    def product(self) -> Bounded:
        """J^T dL/dp."""
        return computed(softmax_vjp, self.p, self.dp)

    def _loss_of(self, scores: Array, *, temperature: float = 1.0) -> Any:
        """The loss of the row without its weight."""
        loss = getattr(losses, self.loss)
        return loss(scores, self.given, temperature=temperature, reduction="sum", **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {"label_smoothing": self.smoothing, "weight": self.weight}

    @cached_property
    def grad(self) -> Bounded:
        """The gradient with respect to the logits, computed by softgrad's loss function."""
        with_grad = getattr(losses, f"{self.loss}_with_grad")
        grad = with_grad(self.z.value, self.given, temperature=self.temperature, reduction="sum", **self._options).grad
        p, t = self.p.value, self.t.value
        if self.simplifies:
            size = np.abs(grad) if self.label is not None else (p * self.target_sum.value + t) / self.temperature
        else:
            larger = np.abs(self.dp.value) if self.label is not None else np.maximum(p, t)
            size = p * (larger + np.sum(p * larger)) / self.temperature
        found = rounded(grad, size)
        tiny = self.far & (np.abs(grad) < TINY)
        return Bounded(*(np.where(tiny, 0.0, part) for part in found))

    @cached_property
    def dz(self) -> Bounded:
        """The gradient with respect to the scores."""
        return self.grad if self.temperature == 1 else Bounded(*(self.temperature * part for part in self.grad))

    @cached_property
    def dz_by_differences(self) -> Bounded:
        """The same for the classes shown, from values of the loss alone; at the shifted scores, which are small."""
        found = [along(self._loss_of, self.shifted.value, unit(self.z.value, j)) for j in self.shown]
        return Bounded(np.array([float(one.value) for one in found]), np.array([float(one.error) for one in found]))

    @cached_property
    def jacobian_by_differences(self) -> Bounded:
        """The Jacobian of the classes shown, from values of softmax alone."""
        shown = list(self.shown)
        columns = [along(softmax, self.shifted.value, unit(self.z.value, j)) for j in shown]
        values, errors = [one.value[shown] for one in columns], [one.error[shown] for one in columns]
        return Bounded(np.stack(values, axis=-1), np.stack(errors, axis=-1))

    def line(self, expression: str) -> Bounded:
        """The value of an expression of the catalogue for this row, (K)."""
        return self._run(expression, p=self.p, dp=self.dp)

    def _run(self, expression: str, **inputs: Bounded) -> Bounded:
        z = self.scores.value
        fixed = {**functions(VECTOR), "z": z, "t": self.t.value, "m": 1, "K": z.size}

        def formula(*moved: Array) -> Any:
            given = {
                name: np.where(self.far, TINY, x) if name == "p" else x for name, x in zip(inputs, moved, strict=True)
            }
            names = {**fixed, **given, "logp": np.log(given["p"])}
            return np.broadcast_to(run([f"result = {expression}"], names)["result"], z.shape)

        found = computed(formula, *inputs.values())
        tiny = self.far & (np.abs(found.value) <= 100 * TINY)
        return Bounded(*(np.where(tiny, 0.0, part) for part in found))


def _half_of_squares(p: Array, t: Array) -> Any:
    return np.sum((p - t) ** 2) / 2


def _ratio(t: Array, weight: Array) -> Any:
    """T / weight, and 1 where t is 0."""
    return np.where(t > 0, t, 1) / np.where(t > 0, weight, 1)
