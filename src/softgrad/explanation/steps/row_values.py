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
from softgrad.explanation.error_bounds import Bounded, computed, exactly, rounded
from softgrad.formulas.language import Layout, functions, run, split
from softgrad.formulas.losses import FUSED, LOSSES
from softgrad.jacobian import SoftmaxJacobian
from softgrad.softmax import log_softmax, softmax, softmax_vjp

VECTOR = Layout(-1, 1)


class RowValues:
    """The values of one row: K logits, their target, and everything computed from them."""

    def __init__(self, z: Array, target: Array, label: int | None, loss: str, shown: int) -> None:
        self.loss = loss
        self.at_probabilities = LOSSES[loss].at_probabilities  # the line of dL/dp
        self.simplifies = LOSSES[loss].backward == (FUSED,)  # whether dL/dz is p - t
        self.label = label
        self.target: Any = target if label is None else label  # in the form that the losses accept
        self.z = exactly(z)
        self.t = exactly(target)
        self.p = rounded(softmax(z))
        self.log_p = rounded(log_softmax(z))
        largest = np.argsort(-np.maximum(self.p.value, target), kind="stable")[:shown]
        self.shown = tuple(sorted(map(int, largest)))  # the classes that are shown

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
        """The logits minus their maximum."""
        return rounded(self.z.value - self.z.value.max())

    @cached_property
    def e(self) -> Bounded:
        """The exponentials of the shifted logits. An error of 1 ulp in an exponent s becomes |s| ulp in exp(s)."""
        e = np.exp(self.shifted.value)
        return rounded(e, e * (1 + np.abs(self.shifted.value)))

    @cached_property
    def sum_e(self) -> Bounded:
        """The sum of the exponentials."""
        return rounded(self.e.value.sum(), self.e.value.sum())

    @cached_property
    def loss_value(self) -> Bounded:
        """The loss of the row. Its error is relative to the sum of the absolute values of its terms."""
        t, log_p = self.t.value, self.log_p.value
        value = getattr(losses, self.loss)(self.z.value, self.target)
        if not self.simplifies:
            return rounded(value) if self.label is not None else computed(_half_of_squares, self.p, self.t)
        log_t = np.log(np.where(t > 0, t, 1))
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

    @cached_property
    def dz(self) -> Bounded:
        """The gradient with respect to the logits, computed by softgrad's loss function."""
        grad = getattr(losses, f"{self.loss}_with_grad")(self.z.value, self.target).grad
        p, t = self.p.value, self.t.value
        if self.simplifies:
            return rounded(grad) if self.label is not None else rounded(grad, p + t)
        larger = np.abs(self.dp.value) if self.label is not None else np.maximum(p, t)
        return rounded(grad, p * (larger + np.sum(p * larger)))

    @cached_property
    def dz_by_differences(self) -> Bounded:
        """The same for the classes shown, from values of the loss alone; at the shifted logits, which are small."""

        def value(z: Array) -> Any:
            return getattr(losses, self.loss)(z, self.target)

        found = [along(value, self.shifted.value, unit(self.z.value, j)) for j in self.shown]
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
        z = self.z.value
        fixed = {**functions(VECTOR), "z": z, "t": self.t.value, "m": 1, "K": z.size}

        def formula(*moved: Array) -> Any:
            names = {**fixed, **dict(zip(inputs, moved, strict=True)), "logp": np.log(moved[0])}
            return np.broadcast_to(run([f"result = {expression}"], names)["result"], z.shape)

        return computed(formula, *inputs.values())


def _half_of_squares(p: Array, t: Array) -> Any:
    return np.sum((p - t) ** 2) / 2
