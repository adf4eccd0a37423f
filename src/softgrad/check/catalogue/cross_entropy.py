"""Mistakes in the gradient of the cross-entropy of softmax at the logits, with and without label smoothing.

For the loss -Σ_k t log p with p = softmax(z): dL/dz = p - t. With label smoothing, q stands in the place of t.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine
from softgrad.formulas.losses import FUSED

SMOOTHED = "dz = p - q"
SMOOTHED_TO_ANY_SUM = "dz = p * sum_k(q) - q"
ANY_SUM = "dz = p * sum_k(t) - t"
NEXT_STEP = "dz = sum_k(t) * (p - t)"  # each row of t is a one-hot row, or 0 for the last step
REVERSED_CROSS_ENTROPY = "dz = p * (sum_k(p * log(t)) - log(t))"
SMOOTHINGS = {  # the smoothed target: (what a title says of it, whether each row sums to 1)
    "(1 - eps) * t + eps / K": ("", True),
    "(1 - eps) * t + eps / (K - 1) * (1 - t)": (" over the other classes", True),
    "(1 - eps) * t + eps / (K - 1)": (" by eps / (K - 1)", False),
    "(1 - eps) * t + eps": (" by eps for each class", False),
}
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
        "one-subtracted-everywhere",
        "1 is subtracted from every entry",
        "The target is 1 at the true class alone, and 0 at the others. Here 1 is subtracted at every class.",
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
        "target-sum-missing",
        "p is not multiplied by the sum of the target",
        "p - t is the gradient where each row of the target sums to 1. In general the log of the sum in softmax is "
        "subtracted once for each unit of the target: p has to be multiplied by Σ_k t.",
    ),
    Entry(
        "label-of-another-step",
        "The target of another step is used",
        "The loss compares each step with the label of the step after it, and has none for the last step. The gradient "
        "uses the labels without that shift, or gives the last step a gradient.",
    ),
    Entry(
        "sigmoid-for-softmax",
        "sigmoid(z) stands where softmax(z) belongs",
        "The forward pass uses softmax, whose probabilities sum to 1 over the classes. A sigmoid looks at one logit "
        "alone, and gives other numbers.",
    ),
    Entry(
        "cross-entropy-reversed",
        "This is the gradient of the cross-entropy with its arguments exchanged",
        "At the logits, -Σ t log p has the gradient p - t, and -Σ p log t has p (Σ p log t - log t). The loss is one of"
        " the two, and this is the gradient of the other.",
    ),
    Entry(
        "smoothing-ignored",
        "Label smoothing is in the loss but not in the gradient",
        "The loss uses the smoothed target q, so the gradient is written with q too. Here it is written with the hard "
        "target.",
    ),
    Entry(
        "smoothing-mass",
        "The smoothed target of the gradient is not that of the loss",
        "The gradient is written with the same smoothed target q as the loss. Here t and ε are combined in another "
        "way.",
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
        WrongLine(line, "p - 1", "one-subtracted-everywhere"),
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
        WrongLine(line, f"sigmoid(z) - {t}", "sigmoid-for-softmax"),
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
    *(
        WrongLine(line, wrong, name)
        for line in (SMOOTHED, SMOOTHED_TO_ANY_SUM)
        for wrong, name in (
            ("p - t", "smoothing-ignored"),
            *((f"p - ({q})", "smoothing-mass") for q, (_, sums_to_1) in SMOOTHINGS.items() if sums_to_1),
            ("p - (1 - eps) * t", "smoothing-mass"),
            ("p - (t + eps / K)", "smoothing-mass"),
            ("p - ((1 - eps) * t + eps * (1 - t))", "smoothing-mass"),
            ("p - ((1 - eps) * t + eps / m)", "smoothing-mass"),
            ("p - ((1 - eps) * t + eps / K * (1 - t))", "smoothing-mass"),
            ("p - (eps * t + (1 - eps) / K)", "smoothing-mass"),
            ("(1 - eps) * (p - t)", "smoothing-mass"),
            ("p - t + eps / K", "smoothing-mass"),
        )
    ),
    *(
        WrongLine(SMOOTHED, f"p - ({q})", "smoothing-mass")
        for q, (_, sums_to_1) in SMOOTHINGS.items()
        if not sums_to_1
    ),
    WrongLine(SMOOTHED_TO_ANY_SUM, "p - q", "target-sum-missing"),
    WrongLine(ANY_SUM, "p - t", "target-sum-missing"),
    WrongLine(NEXT_STEP, "p - t", "label-of-another-step"),
    WrongLine(NEXT_STEP, "sum_k(t) * (p - one_hot(y))", "label-of-another-step"),
    WrongLine(NEXT_STEP, "p - one_hot(y)", "label-of-another-step"),
    WrongLine(REVERSED_CROSS_ENTROPY, "p - t", "cross-entropy-reversed"),
    WrongLine(FUSED, "p * (sum_k(p * log(t)) - log(t))", "cross-entropy-reversed"),
    WrongLine(FUSED_AWAY_FROM_0, "p - t", "epsilon-one-sided"),
)  # fmt: skip
