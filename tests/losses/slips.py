"""Slips to plant in a loss. Each takes a call with its right answer, and returns a wrong answer."""

from typing import NamedTuple

import numpy as np

import softgrad as sg
from cases import taken
from losses.any_batch import OPTIONS
from softgrad.formulas.losses import LOSSES as TABLE


class Call(NamedTuple):
    """A call, and its right answer."""

    function: object
    logits: np.ndarray
    target: np.ndarray
    options: dict
    right: sg.LossAndGrad

    def ask(self, logits=None, target=None, **options):
        """The answer for other logits, another target or other options."""
        logits, target = (given if new is None else new for given, new in zip(self[1:3], (logits, target), strict=True))
        return self.function(logits, target, **{**self.options, **options})

    def of_mean(self, **options):
        """The answer with other options if this is a mean; otherwise the right answer."""
        return self.ask(**options) if self.options.get("reduction") == "mean" else self.right

    def counted_as(self, rows):
        return self.of_mean(denominator=rows) if self.right.grad.any() else self.right

    @property
    def axis(self):
        return self.options["axis"]

    @property
    def K(self):
        return self.logits.shape[self.axis]

    @property
    def N(self):
        return self.logits.size // self.K

    @property
    def classes(self):
        return self.target.ndim < self.logits.ndim

    @property
    def ignored(self):
        return self.target == self.options["ignore_index"]

    @property
    def kept(self):
        """The number of rows that are not ignored."""
        return np.count_nonzero(~self.ignored) if self.classes else self.N

    @property
    def labels(self):
        """The class indices with a class axis; 0 where ignored."""
        return np.expand_dims(np.where(self.ignored, 0, self.target).astype(int), self.axis)

    @property
    def hard(self):
        """Whether the loss of a row depends on the probability of its class alone."""
        return self.classes and not any(self.options.get(name) for name in ("label_smoothing", "z_loss", "softcap"))

    @property
    def plain_rows(self):
        """Whether this is the gradient of each row, without any option."""
        return self.options.get("reduction") == "none" and all(
            self.options.get(name, no) is no for name, (no, _) in OPTIONS.items()
        )

    @property
    def p(self):
        """The softmax of the logits, rounded to the dtype of the loss."""
        return sg.softmax(self.logits.astype(self.right.loss.dtype), axis=self.axis)

    @property
    def of_another_loss(self):
        """The gradient of the squared error; for the squared error itself that of the cross-entropy."""
        other = "cross_entropy" if self.function is sg.squared_error_with_grad else "squared_error"
        return getattr(sg, f"{other}_with_grad")(self.logits, self.target, **taken(other, self.options)).grad

    def at_target(self, function):
        """A function of the scores at the labels, rounded to the dtype of the loss."""
        scores = self.logits.astype(self.right.loss.dtype)
        values = function(scores, axis=self.axis, temperature=self.options["temperature"])
        return np.take_along_axis(values, self.labels, self.axis).astype("float64")


def next_label(call):
    return call.ask(target=np.where(call.ignored, call.target, (call.target.astype(int) + 1) % call.K))


def of_rows(change):
    """A slip that changes the gradient as a matrix of rows (N, K)."""

    def changed(call):
        last = np.moveaxis(call.right.grad, call.axis, -1)
        return np.moveaxis(change(last.reshape(call.N, call.K)).reshape(last.shape), -1, call.axis)

    return changed


def without_the_last_of_each_256(call):
    logits = call.logits.astype(call.right.grad.dtype)
    np.moveaxis(logits, call.axis, 0)[255::256] = -np.inf
    return call.ask(logits)


def p_minus_1(call):
    if not call.hard:
        return call.right.grad
    others = -np.expm1(call.at_target(sg.log_softmax))
    slip = np.divide(1 - call.at_target(sg.softmax), others, out=np.ones_like(others), where=others > 0)
    grad = call.right.grad.copy()
    at_y = np.take_along_axis(grad, call.labels, call.axis) * slip
    np.put_along_axis(grad, call.labels, at_y.astype(grad.dtype), call.axis)
    return grad


def log_of_rounded_p(call):
    if not call.hard:
        return call.right.loss
    rows, log_p = call.ask(reduction="none", denominator=None).loss, call.at_target(sg.log_softmax)
    slip = np.divide(np.log(call.at_target(sg.softmax)), log_p, out=np.ones_like(log_p), where=log_p < 0)
    wrong = rows * slip.squeeze(call.axis)
    if call.options.get("reduction") == "none":
        return wrong
    return call.right.loss * wrong.sum() / rows.sum() if rows.sum() else call.right.loss


def p_minus_t(call):
    if call.classes or not call.plain_rows:
        return call.right.grad
    return call.p - call.target.astype(call.p.dtype)


def t_forgotten(call):
    return call.p if call.plain_rows else call.right.grad


def diagonal_of_j(call):
    """dL/dp is p - t for the squared error; for the cross-entropy it is 0 except at the target."""
    if not call.hard:
        return call.right.grad
    if call.function is not sg.squared_error_with_grad:
        at_y = np.zeros(call.right.grad.shape, bool)
        np.put_along_axis(at_y, call.labels, True, call.axis)
        return np.where(at_y, call.right.grad, 0)
    return call.of_another_loss * call.p * (1 - call.p)


def over_the_wrong_axis(call):
    others = 1 - call.axis % call.logits.ndim
    if call.logits.ndim != 2 or not (call.classes and call.N) or call.options["weight"] is not None:
        return call.right.grad
    target = np.resize(np.where(call.ignored, 0, call.target).astype(int) % call.N, call.K)
    return call.ask(target=target, axis=others, ignore_index=None).grad


def without_the_last_row(call):
    if call.options.get("reduction") == "none" or not call.N:
        return call.right.loss
    rows = call.ask(reduction="none", denominator=None).loss
    return call.right.loss * (1 - rows.flat[-1] / rows.sum()) if rows.sum() else call.right.loss


def divided_after_rounding(call):
    summed = call.of_mean(reduction="sum").grad
    if call.options["weight"] is not None or summed is call.right.grad or not call.kept:
        return call.right.grad
    return summed / summed.dtype.type(call.kept)


def slope_forgotten(call):
    cap = call.options["softcap"]
    return call.right.grad if cap is None else call.ask(cap * np.tanh(call.logits / cap), softcap=None).grad


OF_GRADIENT = {
    "zeros": lambda call: 0 * call.right.grad,
    "sign": lambda call: -call.right.grad,
    "doubled": lambda call: 2 * call.right.grad,
    "divided by K": lambda call: call.right.grad / call.right.grad.dtype.type(call.K),
    "J once more, or not at all": lambda call: call.of_another_loss,
    "the diagonal of J alone": diagonal_of_j,
    "t forgotten": t_forgotten,
    "over the wrong axis": over_the_wrong_axis,
    "missing 1/N": lambda call: call.of_mean(reduction="sum").grad,
    "divided by N after it is rounded": divided_after_rounding,
    "laid out with the classes last": lambda call: np.moveaxis(call.right.grad, call.axis, -1).reshape(
        call.logits.shape
    ),
    "rows in reverse": of_rows(lambda rows: rows[::-1]),
    "NaN in the next row too": of_rows(lambda rows: np.where(np.isnan(np.roll(rows, 1, axis=0)), np.nan, rows)),
    "NaN swallowed": lambda call: np.where(np.isnan(call.right.grad), 0, call.right.grad),
    "subnormal numbers flushed to 0": lambda call: np.where(
        abs(call.right.grad) < np.finfo(call.right.loss.dtype).tiny, 0, call.right.grad
    ),
    "ignored rows trained": lambda call: call.ask(target=np.where(call.ignored, 0, call.target)).grad,
    "temperature forgotten": lambda call: call.right.grad * call.options["temperature"],
    "z-loss forgotten": lambda call: call.ask(z_loss=0.0).grad,
    "slope of the cap forgotten": slope_forgotten,
    "p - 1 at the target": p_minus_1,
    "p - t where t does not sum to 1": p_minus_t,
}
OF_LOSS = {
    "zero": lambda call: 0 * call.right.loss,
    "sign": lambda call: -call.right.loss,
    "the sum for the mean": lambda call: call.of_mean(reduction="sum").loss,
    "the mean over the entries": lambda call: call.right.loss / call.right.loss.dtype.type(call.K),
    "in bits": lambda call: call.right.loss / call.right.loss.dtype.type(np.log(2)),
    "the last row forgotten": without_the_last_row,
    "rounded to 16 bits": lambda call: call.right.loss.astype("float16"),
    "the logarithm of a rounded p": log_of_rounded_p,
}
OF_BOTH = {
    "label off by one": lambda call: next_label(call) if call.classes else call.right,
    "weight ignored": lambda call: call.ask(weight=None),
    "weights not counted": lambda call: call.counted_as(call.kept),
    "ignored rows counted": lambda call: call.counted_as(call.N),
    "denominator ignored": lambda call: call.ask(denominator=None),
    "smoothing shared by the other classes": lambda call: call.ask(
        label_smoothing=min(call.options["label_smoothing"] * call.K / max(call.K - 1, 1), 1)
    ),
    "smoothing ignored": lambda call: call.ask(label_smoothing=0.0),
    "temperature inverted": lambda call: call.ask(temperature=1 / call.options["temperature"]),
    "the last of each 256 classes left out": without_the_last_of_each_256,
    "target read in 16 bits": lambda call: call.ask(target=call.target.astype("float16" if not call.classes else int)),
    "negative strides read forwards": lambda call: call.ask(
        call.logits[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in call.logits.strides)]
    ),
}
SLIPS = (
    {f"gradient: {name}": lambda call, f=f: sg.LossAndGrad(call.right.loss, f(call)) for name, f in OF_GRADIENT.items()}
    | {f"loss: {name}": lambda call, f=f: sg.LossAndGrad(f(call), call.right.grad) for name, f in OF_LOSS.items()}
    | OF_BOTH
)
OF_LOG_P = [
    "gradient: p - 1 at the target",
    "gradient: p - t where t does not sum to 1",
    "loss: the logarithm of a rounded p",
]
NO_SLIP_IN = {
    loss: [
        *([*OF_LOG_P, "gradient: t forgotten"] if loss == "squared_error" else []),
        *([] if "z_loss" in row.options else ["gradient: z-loss forgotten"]),
    ]
    for loss, row in TABLE.items()
}


def with_slip(slip, right):
    """The function `right` with the slip in it."""

    def function(logits, target, *, out=None, **options):
        answer = right(logits, target, **options)
        wrong = slip(Call(right, logits, target, options, answer))
        loss, grad = np.asarray(wrong.loss, answer.loss.dtype)[()], np.asarray(wrong.grad, answer.grad.dtype)
        if out is not None:
            out[...] = grad
        return sg.LossAndGrad(loss, grad if out is None else out)

    return function
