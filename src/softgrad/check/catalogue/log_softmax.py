"""Mistakes in the backward pass of log-softmax.

With logp = log_softmax(z), p = exp(logp) and dp the gradient that arrives at logp: dz = dp - p Σ_k dp.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine

LOG_SOFTMAX = "dz = dp - p * sum_k(dp)"

ENTRIES = (
    Entry(
        "softmax-formula",
        "This is the backward pass of softmax",
        "p (dp - Σ p dp) belongs to p itself. For log p the backward pass is dp - p Σ dp.",
    ),
    Entry(
        "sum-missing",
        "The sum over the classes is missing",
        "log p_i = z_i - logsumexp(z), and the second part depends on every logit: it adds - p Σ dp.",
    ),
    Entry(
        "probabilities-factor-missing",
        "The factor p is missing",
        "The derivative of logsumexp(z) is p: the sum of the upstream gradient has to be multiplied by p.",
    ),
    Entry(
        "log-output-for-probabilities",
        "log p stands where p belongs",
        "The derivative is written in the probabilities p. Here their logarithms stand in their place.",
    ),
    Entry(
        "upstream-sum-missing",
        "The sum of the upstream gradient is missing",
        "dp - p is right only where the upstream gradient sums to 1: p has to be multiplied by Σ dp.",
    ),
    Entry(
        "log-alone",
        "Only the logarithm is differentiated",
        "1 / p is the derivative of the logarithm at p. The softmax in front of the logarithm has to be "
        "differentiated too.",
    ),
)

WRONG_LINES = (
    WrongLine(LOG_SOFTMAX, "p * (dp - sum_k(p * dp))", "softmax-formula"),
    WrongLine(LOG_SOFTMAX, "p * (1 - p) * dp", "softmax-formula", "diagonal-only"),
    WrongLine(LOG_SOFTMAX, "(1 - p) * dp", "diagonal-only"),
    WrongLine(LOG_SOFTMAX, "(1 - p) * ones(dp)", "diagonal-only", "upstream-ignored"),
    WrongLine(LOG_SOFTMAX, "dp", "sum-missing"),
    WrongLine(LOG_SOFTMAX, "dp - sum_k(dp)", "probabilities-factor-missing"),
    WrongLine(LOG_SOFTMAX, "dp - p * mean_k(dp)", "mean-for-sum"),
    WrongLine(LOG_SOFTMAX, "dp - logp * sum_k(dp)", "log-output-for-probabilities"),
    WrongLine(LOG_SOFTMAX, "dp - p * sum_m(dp)", "wrong-axis"),
    WrongLine(LOG_SOFTMAX, "dp - p * per_row(sum_k(dp))", "axis-dropped"),
    WrongLine(LOG_SOFTMAX, "dp - p * sum_all(dp)", "inner-product-over-batch"),
    WrongLine(LOG_SOFTMAX, "dp + p * sum_k(dp)", "off-diagonal-sign"),
    WrongLine(LOG_SOFTMAX, "dp - p * dp", "diagonal-only"),
    WrongLine(LOG_SOFTMAX, "dp * (1 - sigmoid(z))", "sigmoid-for-softmax"),
    WrongLine(LOG_SOFTMAX, "dp - p", "upstream-sum-missing"),
    WrongLine(LOG_SOFTMAX, "1 - K * p", "upstream-ignored"),
    WrongLine(LOG_SOFTMAX, "dp / p", "log-alone"),
    WrongLine(LOG_SOFTMAX, "dp - softmax(p) * sum_k(dp)", "softmax-twice"),
    WrongLine(LOG_SOFTMAX, "dp - softmax_m(z) * sum_k(dp)", "wrong-axis"),
    WrongLine(LOG_SOFTMAX, "dp - softmax_m(z) * sum_m(dp)", "wrong-axis"),
    WrongLine(LOG_SOFTMAX, "dp - p * first_k(dp)", "assignment-for-sum"),
)
