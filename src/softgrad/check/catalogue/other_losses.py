"""Mistakes in the gradients of other losses: of probabilities, squared errors, binary losses, divergences.

For the loss -Σ_k t log p at the probabilities themselves: dL/dp = -t / p.
"""

from __future__ import annotations

from softgrad.check.catalogue.cross_entropy import SMOOTHINGS
from softgrad.check.catalogue.entry import Entry, WrongLine
from softgrad.formulas.losses import AT_PROBABILITIES, FOCAL_AT_PROBABILITIES, FUSED, HALF_SQUARED

AWAY_FROM_0 = "dp = -t / (p + eps)"
SQUARED = (HALF_SQUARED, "dp = 2 * (p - t)")
REVERSED_AT_PROBABILITIES = "dp = log(p) - log(t) + 1"
REVERSED = "dz = p * (logp - log(t) - sum_k(p * (logp - log(t))))"
BINARY = "dz = a - t"
REVERSED_BINARY = "dz = (log(1 - t) - log(t)) * a * (1 - a)"
SMOOTHED_AT_PROBABILITIES = "dp = -q / p"
BINARY_AT_PROBABILITIES = "dp = (a - t) / (a * (1 - a))"

ENTRIES = (
    Entry(
        "logits-gradient-at-probabilities",
        "The gradient at the logits is returned where that at the probabilities is wanted",
        "Probability minus target is the gradient at the logits, in front of the probabilities. Here the "
        "probabilities are the input, and the derivative of the loss at them is wanted.",
    ),
    Entry(
        "squared-error-gradient",
        "This is the gradient of a squared error",
        "2 (p - t) comes from differentiating (p - t)². The loss that is computed is a different one.",
    ),
    Entry(
        "division-missing",
        "The target is not divided by p",
        "The derivative of -t log p at p is -t / p.",
    ),
    Entry(
        "true-class-only-missing",
        "Every class is treated as the true one",
        "-Σ t log p has a term only where t is not 0. Its derivative is -t / p, which is 0 at the other classes.",
    ),
    Entry(
        "loss-for-gradient",
        "The terms of the loss itself are returned",
        "-t log p is the loss of each entry; its derivative at p is -t / p.",
    ),
    Entry(
        "binary-second-term-missing",
        "The second term of the binary loss is missing",
        "-t log a - (1 - t) log(1 - a) has two terms, and so has its derivative at a: -t / a + (1 - t) / (1 - a).",
    ),
    Entry(
        "sigmoid-derivative-missing",
        "The derivative of the sigmoid is missing",
        "This is a derivative at the output a of the sigmoid. At the logits it has to be multiplied by a (1 - a). The"
        " factor cancels, and a - t is left.",
    ),
    Entry(
        "sigmoid-derivative-again",
        "The derivative of the output is applied a second time",
        "Output minus target is the gradient at the logits. It contains the derivative of the output already, which "
        "has cancelled against that of the loss. Here the product output times (1 - output) is multiplied in once "
        "more.",
    ),
    Entry(
        "cross-entropy-gradient",
        "This is the gradient of a cross-entropy",
        "-t / p is the derivative of the cross-entropy -t log p. The loss that is computed is a squared error, whose "
        "derivative at p is a multiple of p - t.",
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
        "KL(t || p) and KL(p || t) are different functions. At p the first has the gradient -t / p, and the second "
        "log(p / t) + 1. The loss is one of the two, and this is the gradient of the other.",
    ),
    Entry(
        "binary-cross-entropy-reversed",
        "This is the gradient of the binary cross-entropy with its arguments exchanged",
        "With t as the target, -t log a - (1 - t) log(1 - a) has the gradient a - t at the logits. With a and t "
        "exchanged, t stands inside the logarithms, and the gradient is log((1 - t) / t) a (1 - a).",
    ),
    Entry(
        "product-rule-one-missing",
        "The 1 of the product rule is missing",
        "In p log p, both factors depend on p: the derivative is log p + 1.",
    ),
    Entry(
        "softmax-for-sigmoid",
        "softmax(z) stands where sigmoid(z) belongs, or its Jacobian where a (1 - a) does",
        "The forward pass uses a sigmoid. It looks at each logit alone, and its derivative is a (1 - a), entry by "
        "entry. Softmax, which divides by a sum, has other values and another derivative.",
    ),
)

WRONG_LINES = (
    WrongLine(REVERSED, "p - t", "divergence-reversed"),
    WrongLine(FUSED, "p * (logp - log(t) - sum_k(p * (logp - log(t))))", "divergence-reversed"),
    WrongLine(REVERSED_AT_PROBABILITIES, "-t / p", "divergence-reversed"),
    WrongLine(REVERSED_AT_PROBABILITIES, "log(p) - log(t)", "product-rule-one-missing"),
    WrongLine(AT_PROBABILITIES, "log(p) - log(t) + 1", "divergence-reversed"),
    WrongLine(AT_PROBABILITIES, "log(p) - log(t)", "divergence-reversed", "product-rule-one-missing"),
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
    WrongLine(SMOOTHED_AT_PROBABILITIES, "-t / p", "smoothing-ignored"),
    WrongLine(SMOOTHED_AT_PROBABILITIES, "-(1 - eps) * t / p", "smoothing-mass"),
    WrongLine(SMOOTHED_AT_PROBABILITIES, "p - q", "logits-gradient-at-probabilities"),
    *(WrongLine(SMOOTHED_AT_PROBABILITIES, f"-({q}) / p", "smoothing-mass") for q in SMOOTHINGS),
    WrongLine(REVERSED_BINARY, "a - t", "binary-cross-entropy-reversed"),
    WrongLine(REVERSED_BINARY, "log(1 - t) - log(t)", "sigmoid-derivative-missing"),
    WrongLine(BINARY, "(log(1 - t) - log(t)) * a * (1 - a)", "binary-cross-entropy-reversed"),
    WrongLine(BINARY, "(a - t) * a * (1 - a)", "sigmoid-derivative-again"),
    WrongLine(BINARY, "t - a", "sign"),
    WrongLine(BINARY, "softmax(z) - t", "softmax-for-sigmoid"),
    WrongLine(BINARY, "(a - t) / (a * (1 - a))", "sigmoid-derivative-missing"),
    WrongLine(BINARY, "-t / a", "sigmoid-derivative-missing", "binary-second-term-missing"),
    WrongLine(BINARY, "a", "one-hot-not-subtracted"),
    WrongLine(BINARY, "a + t", "target-sign"),
    WrongLine(BINARY_AT_PROBABILITIES, "a - t", "logits-gradient-at-probabilities"),
    WrongLine(BINARY_AT_PROBABILITIES, "-t / a", "binary-second-term-missing"),
    WrongLine(SQUARED[0], "t - p", "sign"),
    WrongLine(SQUARED[0], "p", "one-hot-not-subtracted"),
    WrongLine(SQUARED[0], "p + t", "target-sign"),
    WrongLine(SQUARED[0], "p - shift(t)", "label-off-by-one"),
    WrongLine(SQUARED[1], "2 * (t - p)", "sign"),
    WrongLine(SQUARED[1], "2 * p", "one-hot-not-subtracted"),
    WrongLine(SQUARED[1], "2 * (p + t)", "target-sign"),
    WrongLine(SQUARED[1], "2 * (p - shift(t))", "label-off-by-one"),
    WrongLine(SQUARED[1], "t - p", "sign", "factor-half"),
    WrongLine(SQUARED[1], "p", "one-hot-not-subtracted", "factor-half"),
    WrongLine(SQUARED[1], "p + t", "target-sign", "factor-half"),
    WrongLine(SQUARED[1], "p - shift(t)", "label-off-by-one", "factor-half"),
    *(WrongLine(line, "-t / p", "cross-entropy-gradient") for line in SQUARED),
    WrongLine(SQUARED[1], "p - t", "factor-half"),
    WrongLine(SQUARED[0], "2 * (p - t)", "factor-2"),
)  # fmt: skip
