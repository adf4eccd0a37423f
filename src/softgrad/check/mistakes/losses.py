"""Mistakes in the gradient of a loss: of softmax and loss in one at the logits, and of a loss at the probabilities.

For the cross-entropy -Σ_k t log p of p = softmax(z): dL/dz = p - t and dL/dp = -t / p.
"""

from __future__ import annotations

from softgrad.check.mistakes.entry import Entry, Listed

FUSED = "dz = p - t"
SMOOTHED = "dz = p - q"
AT_PROBABILITIES = "dp = -t / p"
SQUARED = ("dp = p - t", "dp = 2 * (p - t)")
AWAY_FROM_0 = "dp = -t / (p + eps)"
FUSED_AWAY_FROM_0 = "dz = p * (sum_k(t * p / (p + eps)) - t / (p + eps))"
REVERSED = "dz = p * (logp - log(t) - sum_k(p * (logp - log(t))))"
RIDGE = "dW = dW + reg * W"  # of a penalty on the squares
LASSO = "dW = dW + reg * sign(W)"  # of one on the sizes
BINARY = "dz = a - t"
BINARY_AT_PROBABILITIES = "dp = (a - t) / (a * (1 - a))"

ENTRIES = (
    Entry(
        "softmax-derivative-again",
        "The softmax derivative is applied to p - t, which contains it already",
        "p - t is the gradient at the logits: the Jacobian of softmax times dL/dp = -t / p has collapsed to it. "
        "Multiplying by the Jacobian, or by p (1 - p), differentiates the softmax twice.",
    ),
    Entry(
        "sigmoid-derivative-again",
        "A derivative p (1 - p) is applied to p - t, which contains it already",
        "p - t is the gradient at the logits of softmax or sigmoid with its cross-entropy: p (1 - p) was cancelled on"
        " the way to it, and is not to be multiplied in again.",
    ),
    Entry(
        "logits-gradient-at-probabilities",
        "p - t is given where the derivative at the probabilities is asked",
        "p - t is dL/dz, the gradient at the logits in front of softmax or sigmoid. At the probabilities themselves "
        "it is -t / p, and with both terms of the binary loss (p - t) / (p (1 - p)).",
    ),
    Entry(
        "probabilities-gradient-at-logits",
        "-t / p is given where the derivative at the logits is asked",
        "-t / p is dL/dp, the gradient at the probabilities. The Jacobian of softmax is still to be applied: together "
        "they are p - t.",
    ),
    Entry(
        "softmax-jacobian-missing",
        "The Jacobian of softmax is missing",
        "This is the derivative of the loss at the probabilities. The loss is asked at the logits: J = diag(p) - p pᵀ"
        " has to be applied. Only for the cross-entropy does the product collapse to p - t.",
    ),
    Entry(
        "squared-error-gradient",
        "This is the gradient of a squared error",
        "2 (p - t) or p - t comes from differentiating (p - t)². The loss that is computed is another one.",
    ),
    Entry(
        "binary-formula",
        "A formula for two classes is used for K of them",
        "(p - t) / (p (1 - p)) differentiates -t log p - (1 - t) log(1 - p). The categorical loss -Σ t log p has no "
        "term with 1 - t.",
    ),
    Entry(
        "true-class-only",
        "Only the entry of the true class is filled",
        "The logits of the other classes change the loss too, through the sum that p is divided by: their gradient is"
        " p_j.",
    ),
    Entry(
        "one-hot-not-subtracted",
        "The target is not subtracted",
        "The gradient is p - t. p alone is the derivative of logsumexp(z); the loss also contains -z of the true "
        "class, which gives the -1 at the target.",
    ),
    Entry(
        "probabilities-missing",
        "The probabilities are missing",
        "The gradient is p - t. -t alone is what -z of the true class gives; the derivative of logsumexp(z), p, is "
        "missing.",
    ),
    Entry(
        "label-off-by-one",
        "The target is off by one class",
        "The 1 is subtracted at the class beside the true one: labels that count from 1, or an index that was shifted.",
    ),
    Entry(
        "target-sign",
        "The target is added",
        "The gradient is p - t: the loss falls as the logit of the true class grows.",
    ),
    Entry(
        "target-inverted",
        "1 - t stands where t belongs",
        "The target has 1 at the true class and 0 elsewhere; here it is the other way round.",
    ),
    Entry(
        "smoothing-ignored",
        "Label smoothing is in the loss but not in the gradient",
        "The loss is taken against the smoothed target (1 - ε) t + ε / K, and so must the gradient be: p minus that.",
    ),
    Entry(
        "smoothing-mass",
        "The smoothed target of the gradient has the wrong mass",
        "The loss uses (1 - ε) t + ε / K, whose entries sum to 1; the gradient uses another share of ε.",
    ),
    Entry(
        "class-weight-missing",
        "The class weight is missing",
        "Each sample's loss is multiplied by the weight of its class, and so is its gradient.",
    ),
    Entry(
        "class-weight-per-column",
        "The class weight is applied to columns",
        "Each row is multiplied by the weight of its true class, w[target]: one number for the whole row. Here column"
        " j is multiplied by w[j].",
    ),
    Entry(
        "class-weight-normalisation",
        "The weighted mean is divided by the wrong number",
        "The loss and its gradient have to be divided by the same number: the sum of the weights of the samples, or "
        "the number of samples.",
    ),
    Entry(
        "ignored-rows-not-zeroed",
        "Ignored rows have a gradient",
        "A row whose target is the ignored one does not count in the loss, so its gradient is 0.",
    ),
    Entry(
        "ignored-rows-counted",
        "Ignored rows are counted in the mean",
        "The loss is the mean over the rows that count; the gradient has to be divided by their number too.",
    ),
    Entry(
        "mask-missing",
        "The mask is applied in the forward pass only",
        "What the mask sets to 0 in the forward pass has no effect on the loss: its gradient is multiplied by the "
        "same mask.",
    ),
    Entry(
        "clipping-one-sided",
        "The forward pass cuts its input off, and the backward pass does not",
        "Where the forward pass clips (np.clip, a maximum, a ReLU), a change of the input changes nothing and the "
        "gradient is 0. The backward pass has to multiply by the same condition.",
    ),
    Entry(
        "epsilon-one-sided",
        "A small constant is in one direction only",
        "The forward and the backward pass have to agree on the small constant that keeps a logarithm or a division "
        "finite.",
    ),
    Entry(
        "divergence-reversed",
        "The gradient is that of the divergence the other way round",
        "p - t is the gradient of KL(t || p), in which the target is the first argument. KL(p || t) has another one.",
    ),
    Entry(
        "upstream-ignored-by-loss",
        "The upstream gradient of the loss is not used",
        "The gradient has to be multiplied by what arrives from above, even where that is one number.",
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
        "log p stands where p belongs",
        "The loss contains log p; its gradient contains p.",
    ),
    Entry("class-weight-twice", "The class weight is applied twice", "Each sample's gradient carries its weight once."),
    Entry(
        "sample-weight-missing",
        "The weights of the samples are missing",
        "Each sample's loss is multiplied by its weight, and so is its gradient.",
    ),
    Entry("division-missing", "The division by p is missing", "The derivative of -t log p at p is -t / p."),
    Entry(
        "true-class-only-missing",
        "Every class is treated as the true one",
        "-Σ t log p has a term only where t is not 0: its derivative is -t / p, which is 0 at the other classes.",
    ),
    Entry(
        "loss-for-gradient",
        "The loss's own terms are returned",
        "-t log p is the loss of each entry; its derivative at p is -t / p.",
    ),
    Entry(
        "binary-second-term-missing",
        "The second term of the binary loss is missing",
        "-t log p - (1 - t) log(1 - p) has two terms, and so has its derivative: -t / p + (1 - t) / (1 - p).",
    ),
    Entry(
        "cross-entropy-gradient",
        "This is the gradient of the cross-entropy",
        "The loss that is computed is a squared error, whose derivative at the probabilities is a multiple of p - t.",
    ),
    Entry(
        "regulariser-missing",
        "The regulariser is in the loss but not in the gradient",
        "A penalty λ/2 ||W||² adds λ W to the gradient of W.",
    ),
    Entry(
        "regulariser-sign",
        "The regulariser has the wrong sign",
        "A penalty λ/2 ||W||² adds + λ W to the gradient of W.",
    ),
    Entry(
        "regulariser-factor",
        "The regulariser has the wrong factor",
        "The derivative of λ/2 W² is λ W, that of λ W² is 2 λ W; and if the penalty is divided by m, so is its "
        "gradient.",
    ),
    Entry(
        "regulariser-of-another",
        "The regulariser's derivative is that of another penalty",
        "λ/2 ||W||² adds λ W to the gradient of W, λ ||W||₁ adds λ sign(W).",
    ),
    Entry(
        "regulariser-on-bias",
        "The regulariser is applied to the bias",
        "The penalty of the loss is on the weights alone; the gradient of the bias has no such term.",
    ),
)


def _fused(line: str, t: str) -> tuple[Listed, ...]:
    d = f"(p - {t})"
    return (
        Listed(line, f"p * ({d} - sum_k(p * {d}))", "softmax-derivative-again"),
        Listed(line, f"{d} * p * (1 - p)", "sigmoid-derivative-again", None),
        Listed(line, f"{d} * p", "softmax-derivative-again"),
        Listed(line, f"{d} / (p * (1 - p))", "binary-formula"),
        Listed(line, f"p * ({d} / (p * (1 - p)) - sum_k({d} / (1 - p)))", "binary-formula"),
        Listed(line, f"-{t} / p", "probabilities-gradient-at-logits"),
        Listed(line, f"-{t} / p + (1 - {t}) / (1 - p)", "binary-formula"),
        Listed(line, f"{t} * {d}", "true-class-only"),
        Listed(line, f"{t} * (p - 1)", "true-class-only"),
        Listed(line, f"-{t} * (1 - p)", "true-class-only"),
        Listed(line, f"{t} / p", "probabilities-gradient-at-logits", "sign"),
        Listed(line, f"p * (1 - p) * -({t} / p)", "diagonal-only"),
        Listed(line, "p * (1 - p)", "diagonal-only", "upstream-ignored"),
        Listed(line, f"sum_k({t} * p) - {t}", "true-class-only"),
        Listed(line, "p", "one-hot-not-subtracted"),
        Listed(line, f"-{t}", "probabilities-missing"),
        Listed(line, f"{t}", "probabilities-missing", "sign"),
        Listed(line, f"p - shift({t})", "label-off-by-one"),
        Listed(line, f"p - shift_back({t})", "label-off-by-one"),
        Listed(line, f"p - unwrapped_shift({t})", "label-off-by-one"),
        Listed(line, f"p - unwrapped_shift_back({t})", "label-off-by-one"),
        Listed(line, f"p + {t}", "target-sign"),
        Listed(line, f"{t} - p", "sign"),
        Listed(line, f"p - (1 - {t})", "target-inverted"),
        Listed(line, f"2 * {d}", "factor-2", "squared-error-gradient"),
        Listed(line, f"z - {t}", "logits-for-probabilities"),
        Listed(line, f"logp - {t}", "log-output-for-probabilities-in-loss"),
        Listed(line, f"exp(z) - {t}", "exponentials-not-normalised"),
        Listed(line, f"softmax(p) - {t}", "softmax-twice"),
        Listed(line, f"softmax_m(z) - {t}", "wrong-axis"),
        Listed(line, f"softmax_all(z) - {t}", "wrong-axis"),
        Listed(line, f"first_m(p) - {t}", "first-row-jacobian"),
        Listed(line, f"p - {t} * sum_k({d} * p)", "softmax-derivative-again"),
        Listed(line, f"log({t} * p)", "probabilities-gradient-at-logits"),
    )


LISTED = (
    *_fused(FUSED, "t"),
    *_fused(SMOOTHED, "q"),
    Listed(SMOOTHED, "p - t", "smoothing-ignored"),
    Listed(SMOOTHED, "p - (1 - eps) * t", "smoothing-mass"),
    Listed(SMOOTHED, "p - ((1 - eps) * t + eps / (K - 1) * (1 - t))", "smoothing-mass"),
    Listed(SMOOTHED, "p - ((1 - eps) * t + eps / (K - 1))", "smoothing-mass"),
    Listed(SMOOTHED, "p - (t + eps / K)", "smoothing-mass"),
    Listed(SMOOTHED, "p - ((1 - eps) * t + eps)", "smoothing-mass"),
    Listed(SMOOTHED, "p - ((1 - eps) * t + eps * (1 - t))", "smoothing-mass"),
    Listed(SMOOTHED, "p - ((1 - eps) * t + eps / m)", "smoothing-mass"),
    Listed(SMOOTHED, "p - ((1 - eps) * t + eps / K * (1 - t))", "smoothing-mass"),
    Listed(SMOOTHED, "p - (eps * t + (1 - eps) / K)", "smoothing-mass"),
    Listed(SMOOTHED, "(1 - eps) * (p - t)", "smoothing-mass"),
    Listed(SMOOTHED, "p - t + eps / K", "smoothing-mass"),
    Listed(REVERSED, "p - t", "divergence-reversed"),
    Listed("dz = c * dz", "dz", "class-weight-missing"),
    Listed("dz = c * dz", "classes(w) * dz", "class-weight-per-column"),
    Listed("dz = c * dz", "c * c * dz", "class-weight-twice"),
    Listed("dz = s * dz", "dz", "sample-weight-missing"),
    Listed("dz = v * dz", "dz", "ignored-rows-not-zeroed"),
    Listed("dz = v * dz", "v * dz + (1 - v) * p", "ignored-rows-not-zeroed"),
    Listed("dz = v * dz", "dz + (1 - v) * -first_one(dz)", "ignored-rows-not-zeroed"),
    Listed("dz = v * dz", "dz + (1 - v) * -last_one(dz)", "ignored-rows-not-zeroed"),
    Listed("dz = mask * dz", "dz", "mask-missing"),
    Listed("dp = mask * dp", "dp", "mask-missing"),
    Listed("dz = dz / sum_w", "dz / m", "class-weight-normalisation"),
    Listed("dz = dz / sum_w", "dz / sum_all(w)", "class-weight-normalisation"),
    Listed("dz = dz / sum_w", "dz / K", "class-weight-normalisation"),
    Listed("dz = dz / sum_w", "dz", "mean-missing"),
    Listed("dz = dz / m", "dz / sum_w", "class-weight-normalisation"),
    Listed("dz = dz / n", "dz / m", "ignored-rows-counted"),
    Listed("dz = dz / m", "dz / n", "ignored-rows-counted"),
    Listed(AT_PROBABILITIES, "p - t", "logits-gradient-at-probabilities"),
    Listed(AT_PROBABILITIES, "p * (-t / p - sum_k(p * (-t / p)))", "logits-gradient-at-probabilities"),
    Listed(AT_PROBABILITIES, "t / p", "sign"),
    Listed(AT_PROBABILITIES, "-t", "division-missing"),
    Listed(AT_PROBABILITIES, "-1 / p", "true-class-only-missing"),
    Listed(AT_PROBABILITIES, "-t / p + (1 - t) / (1 - p)", "binary-formula"),
    Listed(AT_PROBABILITIES, "(p - t) / (p * (1 - p))", "binary-formula"),
    Listed(AT_PROBABILITIES, "-t * log(p)", "loss-for-gradient"),
    Listed(AT_PROBABILITIES, "2 * (p - t)", "squared-error-gradient"),
    Listed(AT_PROBABILITIES, "-t * p", "division-missing"),
    Listed(AWAY_FROM_0, "-t / p", "epsilon-one-sided"),
    Listed(FUSED_AWAY_FROM_0, "p - t", "epsilon-one-sided"),
    *(Listed(AT_PROBABILITIES, f"-t / (p + 1e-{n})", "epsilon-one-sided") for n in range(1, 13)),
    Listed(BINARY, "(a - t) * a * (1 - a)", "sigmoid-derivative-again"),
    Listed(BINARY, "t - a", "sign"),
    Listed(BINARY, "(a - t) / (a * (1 - a))", "probabilities-gradient-at-logits"),
    Listed(BINARY, "-t / a", "true-class-only"),
    Listed(BINARY, "a", "one-hot-not-subtracted"),
    Listed(BINARY, "a + t", "target-sign"),
    Listed(BINARY_AT_PROBABILITIES, "a - t", "logits-gradient-at-probabilities"),
    Listed(BINARY_AT_PROBABILITIES, "-t / a", "binary-second-term-missing"),
    *(
        listed
        for line in SQUARED
        for listed in (
            Listed(line, "t - p", "sign"),
            Listed(line, "p", "one-hot-not-subtracted"),
            Listed(line, "p + t", "target-sign"),
            Listed(line, "p - shift(t)", "label-off-by-one"),
            Listed(line, "-t / p", "cross-entropy-gradient"),
        )
    ),
    Listed(SQUARED[1], "p - t", "factor-half"),
    Listed(SQUARED[0], "2 * (p - t)", "factor-2"),
    Listed(RIDGE, "dW", "regulariser-missing"),
    Listed(RIDGE, "dW - reg * W", "regulariser-sign"),
    *(
        Listed(RIDGE, wrong, "regulariser-factor")
        for wrong in (
            "dW + 2 * reg * W", "dW + reg * W / 2", "dW + W", "dW + reg", "dW + reg * W * m", "dW + reg * W / m",
            "dW + reg * W * W", "dW + reg * W * W / 2", "dW + reg * sum_all(W * W)", "dW + reg * abs(W)",
            "dW + reg * sum_all(W * W) / 2", "dW + reg * sum_all(W)", "dW + 2 * reg * m * W",
        )
    ),
    Listed(LASSO, "dW", "regulariser-missing"),
    Listed(LASSO, "dW - reg * sign(W)", "regulariser-sign"),
    Listed(LASSO, "dW + sign(W)", "regulariser-factor"),
    Listed(LASSO, "dW + reg * sign(W) / m", "regulariser-factor"),
    Listed(LASSO, "dW + reg * W", "regulariser-of-another"),
    Listed(RIDGE, "dW + reg * sign(W)", "regulariser-of-another"),
    Listed(LASSO, "dW + reg", "regulariser-of-another"),
    Listed("db = sum_m(dz)", "sum_m(dz) + reg * b", "regulariser-on-bias"),
    Listed("db = sum_m(dz)", "sum_m(dz) + reg * sign(b)", "regulariser-on-bias"),
)  # fmt: skip
