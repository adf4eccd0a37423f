"""Mistakes in the gradient of the cross-entropy of softmax at the logits, with and without label smoothing.

For the loss -Σ_k t log p with p = softmax(z): dL/dz = p - t. With label smoothing, q stands in the place of t.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine
from softgrad.formulas.losses import FUSED

SMOOTHED = "dz = p - q"
FUSED_AWAY_FROM_0 = "dz = p * (sum_k(t * p / (p + eps)) - t / (p + eps))"

ENTRIES = (
    Entry(
        "softmax-derivative-again",
        "The derivative of softmax is applied a second time",
        "Probability minus target is the gradient at the logits. It contains the Jacobian of softmax already. Here it"
        " is multiplied by that Jacobian, or by a part of it such as p, once more.",
    ),
    Entry(
        "probabilities-gradient-at-logits",
        "-t / p is returned where the derivative at the logits is wanted",
        "The target divided by p, with a minus, is the gradient at the probabilities. The Jacobian of softmax still "
        "has to be applied: together they give probability minus target.",
    ),
    Entry(
        "loss-derivative-missing",
        "The derivative of the loss is missing",
        "p (1 - p) is the diagonal of the Jacobian of softmax. The derivative of the loss at p is not in it: the "
        "target does not occur. Both together, with the whole Jacobian, give probability minus target.",
    ),
    Entry(
        "softmax-jacobian-missing",
        "The Jacobian of softmax is missing",
        "This is the derivative of the loss at the probabilities. At the logits, the Jacobian J = diag(p) - p pᵀ has "
        "to be applied to it. Only for the cross-entropy does the product simplify to p - t.",
    ),
    Entry(
        "binary-formula",
        "A formula for two classes is used for K classes",
        "(p - t) / (p (1 - p)) differentiates -t log p - (1 - t) log(1 - p). The categorical loss -Σ t log p has no "
        "term with 1 - t.",
    ),
    Entry(
        "true-class-only",
        "The gradient is multiplied by the target",
        "With one-hot rows only the entry of the true class is then filled. The logits of the other classes change "
        "the loss too, through the sum that softmax divides by: their gradient is p_j.",
    ),
    Entry(
        "true-probability-for-all",
        "The probability of the true class stands in every entry",
        "Each class needs its own probability: the gradient of class j is p_j minus the target of class j.",
    ),
    Entry(
        "one-hot-not-subtracted",
        "The target is not subtracted",
        "The gradient contains the output minus the target. Here the target is missing.",
    ),
    Entry(
        "probabilities-missing",
        "The probabilities are missing",
        "The gradient is probability minus target. Here p is missing: the logits of all classes enter the sum that "
        "softmax divides by.",
    ),
    Entry(
        "label-off-by-one",
        "The target is off by one class",
        "The target is taken from the class next to the right one. Either the labels count from 1, or an index is "
        "shifted.",
    ),
    Entry(
        "target-sign",
        "The target is added",
        "The gradient contains the output minus the target. Here the target is added.",
    ),
    Entry(
        "target-inverted",
        "1 - t stands where t belongs",
        "Each entry of the target is subtracted from 1. With one-hot rows, that marks every class but the true one.",
    ),
    Entry(
        "smoothing-ignored",
        "Label smoothing is in the loss but not in the gradient",
        "The loss uses the smoothed target (1 - ε) t + ε / K, so the gradient is p minus that target.",
    ),
    Entry(
        "smoothing-mass",
        "The smoothed target of the gradient is not that of the loss",
        "The loss uses the target (1 - ε) t + ε / K, and its gradient is p minus that target. Here t and ε are "
        "combined in another way.",
    ),
    Entry(
        "logits-for-probabilities",
        "z stands where p belongs",
        "The gradient is written in the probabilities p = softmax(z), not in the logits.",
    ),
    Entry(
        "exponentials-not-normalised",
        "exp(z) stands where p belongs",
        "The exponentials have to be divided by their sum along the classes.",
    ),
    Entry(
        "log-output-for-probabilities-in-loss",
        "log p stands where p belongs in the gradient of a loss",
        "The loss contains log p; its gradient contains p.",
    ),
    Entry(
        "epsilon-one-sided",
        "A small constant is used in one pass only",
        "The forward and the backward pass have to use the same small constant that keeps a logarithm or a division "
        "finite.",
    ),
)


def _fused(line: str, t: str) -> tuple[WrongLine, ...]:
    d = f"(p - {t})"
    return (
        WrongLine(line, f"p * ({d} - sum_k(p * {d}))", "softmax-derivative-again"),
        WrongLine(line, f"{d} * p * (1 - p)", "sigmoid-derivative-again", None),
        WrongLine(line, f"{d} * p", "softmax-derivative-again"),
        WrongLine(line, f"{d} / (p * (1 - p))", "binary-formula"),
        WrongLine(line, f"p * ({d} / (p * (1 - p)) - sum_k({d} / (1 - p)))", "binary-formula"),
        WrongLine(line, f"-{t} / p", "probabilities-gradient-at-logits"),
        WrongLine(line, f"-{t} / p + (1 - {t}) / (1 - p)", "binary-formula"),
        WrongLine(line, f"{t} * {d}", "true-class-only"),
        WrongLine(line, f"{t} * (p - 1)", "true-class-only"),
        WrongLine(line, f"-{t} * (1 - p)", "true-class-only"),
        WrongLine(line, f"{t} / p", "probabilities-gradient-at-logits", "sign"),
        WrongLine(line, f"p * (1 - p) * -({t} / p)", "diagonal-only"),
        WrongLine(line, "p * (1 - p)", "loss-derivative-missing"),
        WrongLine(line, f"sum_k({t} * p) - {t}", "true-probability-for-all"),
        WrongLine(line, "p", "one-hot-not-subtracted"),
        WrongLine(line, f"-{t}", "probabilities-missing"),
        WrongLine(line, f"{t}", "probabilities-missing", "sign"),
        WrongLine(line, f"p - shift({t})", "label-off-by-one"),
        WrongLine(line, f"p - shift_back({t})", "label-off-by-one"),
        WrongLine(line, f"p - unwrapped_shift({t})", "label-off-by-one"),
        WrongLine(line, f"p - unwrapped_shift_back({t})", "label-off-by-one"),
        WrongLine(line, f"p + {t}", "target-sign"),
        WrongLine(line, f"{t} - p", "sign"),
        WrongLine(line, f"p - (1 - {t})", "target-inverted"),
        WrongLine(line, f"2 * {d}", "factor-2", "squared-error-gradient"),
        WrongLine(line, f"z - {t}", "logits-for-probabilities"),
        WrongLine(line, f"logp - {t}", "log-output-for-probabilities-in-loss"),
        WrongLine(line, f"exp(z) - {t}", "exponentials-not-normalised"),
        WrongLine(line, f"softmax(p) - {t}", "softmax-twice"),
        WrongLine(line, f"softmax_m(z) - {t}", "wrong-axis"),
        WrongLine(line, f"softmax_all(z) - {t}", "wrong-axis"),
        WrongLine(line, f"first_m(p) - {t}", "first-row-jacobian"),
    )


WRONG_LINES = (
    *_fused(FUSED, "t"),
    *_fused(SMOOTHED, "q"),
    WrongLine(SMOOTHED, "p - t", "smoothing-ignored"),
    WrongLine(SMOOTHED, "p - (1 - eps) * t", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - ((1 - eps) * t + eps / (K - 1) * (1 - t))", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - ((1 - eps) * t + eps / (K - 1))", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - (t + eps / K)", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - ((1 - eps) * t + eps)", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - ((1 - eps) * t + eps * (1 - t))", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - ((1 - eps) * t + eps / m)", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - ((1 - eps) * t + eps / K * (1 - t))", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - (eps * t + (1 - eps) / K)", "smoothing-mass"),
    WrongLine(SMOOTHED, "(1 - eps) * (p - t)", "smoothing-mass"),
    WrongLine(SMOOTHED, "p - t + eps / K", "smoothing-mass"),
    WrongLine(FUSED_AWAY_FROM_0, "p - t", "epsilon-one-sided"),
)  # fmt: skip
