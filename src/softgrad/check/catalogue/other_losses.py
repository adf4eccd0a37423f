"""Mistakes in the gradients of other losses: of probabilities, squared errors, binary losses, divergences.

For the loss -Σ_k t log p at the probabilities themselves: dL/dp = -t / p.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine
from softgrad.formulas.losses import AT_PROBABILITIES, FOCAL_AT_PROBABILITIES, HALF_SQUARED

AWAY_FROM_0 = "dp = -t / (p + eps)"
SQUARED = (HALF_SQUARED, "dp = 2 * (p - t)")
REVERSED = "dz = p * (logp - log(t) - sum_k(p * (logp - log(t))))"
BINARY = "dz = a - t"
BINARY_AT_PROBABILITIES = "dp = (a - t) / (a * (1 - a))"

ENTRIES = (
    Entry(
        "logits-gradient-at-probabilities",
        "p - t is returned where the derivative at the probabilities is wanted",
        "p - t is dL/dz, the gradient at the logits in front of softmax or sigmoid. At the probabilities themselves "
        "the gradient is -t / p; with both terms of the binary loss it is (p - t) / (p (1 - p)).",
    ),
    Entry(
        "squared-error-gradient",
        "This is the gradient of a squared error",
        "2 (p - t) or p - t comes from differentiating (p - t)². The loss that is computed is a different one.",
    ),
    Entry("division-missing", "The division by p is missing", "The derivative of -t log p at p is -t / p."),
    Entry(
        "true-class-only-missing",
        "Every class is treated as the true one",
        "-Σ t log p has a term only where t is not 0: its derivative is -t / p, which is 0 at the other classes.",
    ),
    Entry(
        "loss-for-gradient",
        "The terms of the loss itself are returned",
        "-t log p is the loss of each entry; its derivative at p is -t / p.",
    ),
    Entry(
        "binary-second-term-missing",
        "The second term of the binary loss is missing",
        "-t log p - (1 - t) log(1 - p) has two terms, and so has its derivative: -t / p + (1 - t) / (1 - p).",
    ),
    Entry(
        "sigmoid-derivative-again",
        "A derivative p (1 - p) is applied to p - t, which contains it already",
        "p - t is the gradient at the logits of softmax or sigmoid with its cross-entropy. The factor p (1 - p) has "
        "cancelled, and is not multiplied in again.",
    ),
    Entry(
        "cross-entropy-gradient",
        "This is the gradient of the cross-entropy",
        "The loss that is computed is a squared error, whose derivative at the probabilities is a multiple of p - t.",
    ),
    Entry(
        "focal-factor-constant",
        "The factor (1 - p)^gamma is treated as a constant",
        "The focal loss is -t (1 - p)^gamma log p, and its first factor depends on p too. By the product rule the "
        "gradient has a second term, with the derivative -gamma (1 - p)^(gamma - 1) of that factor.",
    ),
    Entry(
        "focal-factor-missing",
        "The factor (1 - p)^gamma is missing",
        "The focal loss is the cross-entropy times (1 - p)^gamma; this is the gradient of the cross-entropy.",
    ),
    Entry(
        "divergence-reversed",
        "This is the gradient of the divergence the other way round",
        "p - t is the gradient of KL(t || p), in which the target is the first argument. KL(p || t) has another "
        "gradient.",
    ),
)

WRONG_LINES = (
    WrongLine(REVERSED, "p - t", "divergence-reversed"),
    WrongLine(FOCAL_AT_PROBABILITIES, "-t * (1 - p) ** gamma / p", "focal-factor-constant"),
    WrongLine(FOCAL_AT_PROBABILITIES, "-t / p", "focal-factor-missing"),
    WrongLine(AT_PROBABILITIES, "p - t", "logits-gradient-at-probabilities"),
    WrongLine(AT_PROBABILITIES, "p * (-t / p - sum_k(p * (-t / p)))", "logits-gradient-at-probabilities"),
    WrongLine(AT_PROBABILITIES, "t / p", "sign"),
    WrongLine(AT_PROBABILITIES, "-t", "division-missing"),
    WrongLine(AT_PROBABILITIES, "-1 / p", "true-class-only-missing"),
    WrongLine(AT_PROBABILITIES, "-t / p + (1 - t) / (1 - p)", "binary-formula"),
    WrongLine(AT_PROBABILITIES, "(p - t) / (p * (1 - p))", "binary-formula"),
    WrongLine(AT_PROBABILITIES, "-t * log(p)", "loss-for-gradient"),
    WrongLine(AT_PROBABILITIES, "2 * (p - t)", "squared-error-gradient"),
    WrongLine(AT_PROBABILITIES, "-t * p", "division-missing"),
    WrongLine(AWAY_FROM_0, "-t / p", "epsilon-one-sided"),
    *(WrongLine(AT_PROBABILITIES, f"-t / (p + 1e-{n})", "epsilon-one-sided") for n in range(1, 13)),
    WrongLine(BINARY, "(a - t) * a * (1 - a)", "sigmoid-derivative-again"),
    WrongLine(BINARY, "t - a", "sign"),
    WrongLine(BINARY, "(a - t) / (a * (1 - a))", "probabilities-gradient-at-logits"),
    WrongLine(BINARY, "-t / a", "true-class-only"),
    WrongLine(BINARY, "a", "one-hot-not-subtracted"),
    WrongLine(BINARY, "a + t", "target-sign"),
    WrongLine(BINARY_AT_PROBABILITIES, "a - t", "logits-gradient-at-probabilities"),
    WrongLine(BINARY_AT_PROBABILITIES, "-t / a", "binary-second-term-missing"),
    *(
        wrong
        for line in SQUARED
        for wrong in (
            WrongLine(line, "t - p", "sign"),
            WrongLine(line, "p", "one-hot-not-subtracted"),
            WrongLine(line, "p + t", "target-sign"),
            WrongLine(line, "p - shift(t)", "label-off-by-one"),
            WrongLine(line, "-t / p", "cross-entropy-gradient"),
        )
    ),
    WrongLine(SQUARED[1], "p - t", "factor-half"),
    WrongLine(SQUARED[0], "2 * (p - t)", "factor-2"),
)  # fmt: skip
