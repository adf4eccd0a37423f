"""Mistakes in the backward pass of a dense layer, of an activation, of dropout, and between the layers of a network.

With z = x W + b and dz arriving: dW = xᵀ dz, db = Σ_m dz, dx = dz Wᵀ. An activation a = f(z) gives dz = da f'(z).
"""

from __future__ import annotations

from softgrad.check.mistakes.entry import Entry, Listed

# One line for each way in which a product is laid out: rows x W, rows x Wᵀ, columns W x, columns Wᵀ x, a vector.
WEIGHT = ("dW = x.T @ dz", "dW = dz.T @ x", "dW = dz @ x.T", "dW = x @ dz.T", "dW = outer(x, dz)", "dW = outer(dz, x)")
INPUT = ("dx = dz @ W.T", "dx = dz @ W", "dx = W.T @ dz", "dx = W @ dz")
BIAS = "db = sum_m(dz)"
RELU = "dz = da * (z > 0)"
TANH = "dz = da * (1 - a ** 2)"
SIGMOID = "dz = da * a * (1 - a)"
LEAKY = "dz = da * where(z > 0, 1, slope)"
ELU = "dz = da * where(z > 0, 1, a + alpha)"
DROPOUT = "dx = dy * mask / keep"

ENTRIES = (
    Entry(
        "bias-not-summed",
        "The gradient of the bias is not summed over the samples",
        "The same bias is added to every sample, so its gradient is the sum over all of them.",
    ),
    Entry(
        "bias-averaged",
        "The gradient of the bias is averaged once more",
        "The bias's gradient is the sum of dz over the samples; dz has the 1/m of a mean loss already, where there is"
        " one.",
    ),
    Entry(
        "bias-summed-to-scalar",
        "The gradient of the bias is summed to one number",
        "Each unit has a bias of its own: the sum runs over the samples only, not over the units.",
    ),
    Entry(
        "bias-wrong-axis",
        "The gradient of the bias is summed over the wrong axis",
        "The sum runs over the samples, and leaves one number for each unit.",
    ),
    Entry(
        "last-sample-only",
        "Only one sample enters a sum over all of them",
        "With = instead of += inside a loop over the samples, only the last one is kept.",
    ),
    Entry(
        "weight-not-transposed",
        "The weight is the wrong way round on the way back",
        "The backward pass multiplies by the transpose of what the forward pass multiplied by: by Wᵀ where that was "
        "W, and by W where it was Wᵀ. With a square W the shapes do not tell.",
    ),
    Entry(
        "weight-gradient-transposed",
        "The gradient of the weight is transposed",
        "The gradient of a matrix has its shape and its order: entry (i, j) belongs to W[i, j].",
    ),
    Entry(
        "weight-gradient-averaged",
        "The gradient of the weight is divided by m once more",
        "The product with the input sums over the samples; where the loss is a mean, dz has its 1/m already.",
    ),
    Entry(
        "input-for-activation",
        "Another layer's values stand where this layer's input belongs",
        "The gradient of a weight is the product of dz with what was multiplied by that weight in the forward pass.",
    ),
    Entry(
        "activation-for-input",
        "The value before the activation is used where the one behind it belongs",
        "The next layer multiplied a = f(z), so the gradient of its weight is formed with a, not with z.",
    ),
    Entry(
        "activation-derivative-missing",
        "The derivative of the activation is missing",
        "The gradient at the layer's pre-activation z is da times f'(z).",
    ),
    Entry(
        "activation-derivative-at-output",
        "The derivative of the activation is taken at its output, though the formula is one in its input",
        "f'(z) was applied to a = f(z), so the activation is applied twice.",
    ),
    Entry(
        "activation-derivative-at-input",
        "The derivative of the activation is taken at its input, though the formula is one in its output",
        "a (1 - a) and 1 - a² are derivatives written in the output a = f(z); here z stands in its place.",
    ),
    Entry(
        "activation-derivative-at-upstream",
        "The derivative of the activation is taken at the upstream gradient",
        "f' belongs at this layer's own value; the upstream gradient is multiplied by it.",
    ),
    Entry(
        "activation-derivative-wrong-layer",
        "The derivative of the activation is taken at another layer's values",
        "Each layer's derivative is taken at its own values of the forward pass.",
    ),
    Entry(
        "activation-derivative-of-another",
        "The derivative is that of another activation",
        "The forward pass uses one activation, the backward pass the derivative of another.",
    ),
    Entry(
        "activation-not-squared",
        "The square is missing in the derivative of tanh",
        "The derivative of tanh is 1 - a², not 1 - a.",
    ),
    Entry(
        "leaky-slope-missing",
        "The slope for negative values is missing",
        "A leaky ReLU passes slope times the gradient where its input is negative, not 0.",
    ),
    Entry(
        "dropout-mask-missing",
        "The dropout mask is missing",
        "A unit that was dropped has no effect: its gradient is 0.",
    ),
    Entry(
        "dropout-scale-missing",
        "The scale 1/keep of dropout is missing",
        "The forward pass divides what is kept by the keep probability, and so must the backward pass.",
    ),
    Entry(
        "dropout-scale-twice", "The scale 1/keep of dropout is applied twice", "1/keep belongs once in each direction."
    ),
    Entry(
        "updated-weights",
        "The weights were updated before the gradient had passed through them",
        "The backward pass has to use the weights of the forward pass. Compute every gradient first, then update.",
    ),
    Entry(
        "upstream-of-wrong-layer",
        "The gradient of another layer is passed on",
        "A layer's gradients are formed with the gradient that arrives at this layer.",
    ),
    Entry(
        "activation-for-derivative",
        "The activation itself is used where its derivative belongs",
        "The gradient is multiplied by f'(z), the slope of the activation, not by its value.",
    ),
    Entry(
        "elu-alpha-missing",
        "The derivative of the ELU has lost its alpha",
        "For negative z the output is alpha (exp(z) - 1), whose derivative alpha exp(z) is the output plus alpha.",
    ),
    Entry("comparison-reversed", "The comparison is the wrong way round", "The slope is 1 where z > 0."),
    Entry(
        "leaky-slope-sign",
        "The slope for negative values has the wrong sign",
        "For negative z the activation is slope * z, whose derivative is + slope.",
    ),
    Entry("tanh-sign", "The square has the wrong sign", "The derivative of tanh is 1 - a²."),
    Entry("one-minus-missing", "The factor 1 - a is missing", "The derivative of the sigmoid is a (1 - a)."),
    Entry(
        "dropout-scale-inverted", "The scale of dropout is inverted", "What is kept is divided by keep, not multiplied."
    ),
    Entry("dropout-mask-inverted", "The dropout mask is inverted", "The gradient passes where the mask is 1."),
    Entry(
        "dropout-rate-for-keep",
        "The drop rate stands where the keep probability belongs",
        "The scale is 1 / keep, where keep = 1 - rate.",
    ),
    Entry(
        "gradient-stopped",
        "The gradient is not passed on",
        "Everything below this line gets no gradient at all.",
    ),
)


def _weight(line: str) -> tuple[Listed, ...]:
    right = line.partition(" = ")[2]
    exchanged = "outer(dz, x)" if right == "outer(x, dz)" else "outer(x, dz)"
    return (
        Listed(line, f"({right}).T", "weight-gradient-transposed"),
        *((Listed(line, exchanged, "weight-gradient-transposed"),) if "outer" in right else ()),
        Listed(line, f"{right} / m", "weight-gradient-averaged"),
        *(
            Listed(line, right.replace("x", f"{one}(x)").replace("dz", f"{one}(dz)"), "last-sample-only")
            for one in ("last_m", "first_m")
        ),
    )


LISTED = (
    *(listed for line in WEIGHT for listed in _weight(line)),
    Listed(BIAS, "dz", "bias-not-summed"),
    Listed(BIAS, "mean_m(dz)", "bias-averaged"),
    Listed(BIAS, "sum_m(dz) / m", "bias-averaged"),
    Listed(BIAS, "sum_all(dz)", "bias-summed-to-scalar"),
    Listed(BIAS, "sum_all(dz) * ones(b)", "bias-summed-to-scalar"),
    Listed(BIAS, "mean_all(dz)", "bias-summed-to-scalar", "bias-averaged"),
    Listed(BIAS, "mean_all(dz) * ones(b)", "bias-summed-to-scalar", "bias-averaged"),
    Listed(BIAS, "sum_all(dz) / m * ones(b)", "bias-summed-to-scalar", "bias-averaged"),
    Listed(BIAS, "sum_k(dz)", "bias-wrong-axis"),
    Listed(BIAS, "mean_k(dz)", "bias-wrong-axis", "bias-averaged"),
    Listed(BIAS, "last_m(dz)", "last-sample-only"),
    Listed(BIAS, "first_m(dz)", "last-sample-only"),
    Listed(BIAS, "ones(b)", "upstream-ignored"),
    Listed(BIAS, "m * ones(b)", "upstream-ignored"),
    Listed(INPUT[0], "dz @ W", "weight-not-transposed"),
    Listed(INPUT[1], "dz @ W.T", "weight-not-transposed"),
    Listed(INPUT[2], "W @ dz", "weight-not-transposed"),
    Listed(INPUT[3], "W.T @ dz", "weight-not-transposed"),
    Listed(RELU, "da", "activation-derivative-missing"),
    Listed(RELU, "da * (da > 0)", "activation-derivative-at-upstream"),
    Listed(RELU, "da * z", "activation-derivative-at-input"),
    Listed(RELU, "da * maximum(z, 0)", "activation-for-derivative"),
    Listed(RELU, "1.0 * (z > 0)", "upstream-ignored"),
    Listed(RELU, "da * (z < 0)", "comparison-reversed"),
    Listed(RELU, "da * where(z > 0, 1, 0.01)", "activation-derivative-of-another"),
    Listed(RELU, "da * (1 - maximum(z, 0) ** 2)", "activation-derivative-of-another"),
    Listed(RELU, "da * maximum(z, 0) * (1 - maximum(z, 0))", "activation-derivative-of-another"),
    Listed(LEAKY, "da * (z > 0)", "leaky-slope-missing"),
    Listed(LEAKY, "da", "activation-derivative-missing"),
    Listed(LEAKY, "da * where(z > 0, 1, -slope)", "leaky-slope-sign"),
    Listed(LEAKY, "da * where(z > 0, slope, 1)", "comparison-reversed"),
    Listed(LEAKY, "da * where(da > 0, 1, slope)", "activation-derivative-at-upstream"),
    Listed(LEAKY, "da * where(z > 0, z, slope * z)", "activation-for-derivative"),
    Listed(LEAKY, "where(z > 0, 1, slope)", "upstream-ignored"),
    Listed(ELU, "da", "activation-derivative-missing"),
    Listed(ELU, "da * where(z > 0, 1, exp(a))", "activation-derivative-at-output"),
    Listed(ELU, "da * where(z > 0, 1, alpha * exp(a))", "activation-derivative-at-output"),
    Listed(ELU, "da * where(z > 0, 1, a)", "elu-alpha-missing"),
    Listed(ELU, "da * (z > 0)", "activation-derivative-of-another"),
    Listed(TANH, "da", "activation-derivative-missing"),
    Listed(TANH, "da * (1 - a)", "activation-not-squared"),
    Listed(TANH, "da * (1 - tanh(a) ** 2)", "activation-derivative-at-output"),
    Listed(TANH, "da * (1 - z ** 2)", "activation-derivative-at-input"),
    Listed(TANH, "da * (1 - da ** 2)", "activation-derivative-at-upstream"),
    Listed(TANH, "da * a", "activation-for-derivative"),
    Listed(TANH, "da * a * (1 - a)", "activation-derivative-of-another"),
    Listed(TANH, "da * (z > 0)", "activation-derivative-of-another"),
    Listed(TANH, "1 - a ** 2", "upstream-ignored"),
    Listed(TANH, "da * (1 + a ** 2)", "tanh-sign"),
    Listed(SIGMOID, "da", "activation-derivative-missing"),
    Listed(SIGMOID, "da * sigmoid(a) * (1 - sigmoid(a))", "activation-derivative-at-output"),
    Listed(SIGMOID, "da * z * (1 - z)", "activation-derivative-at-input"),
    Listed(SIGMOID, "da * da * (1 - da)", "activation-derivative-at-upstream"),
    Listed(SIGMOID, "a * (1 - a)", "upstream-ignored"),
    Listed(SIGMOID, "da * a", "one-minus-missing"),
    Listed(SIGMOID, "da * (1 - a)", "output-factor-missing"),
    Listed(SIGMOID, "da * (1 - a ** 2)", "activation-derivative-of-another"),
    Listed(SIGMOID, "da * (z > 0)", "activation-derivative-of-another"),
    Listed(DROPOUT, "dy", "dropout-mask-missing", "dropout-scale-missing"),
    Listed(DROPOUT, "dy / keep", "dropout-mask-missing"),
    Listed(DROPOUT, "dy * mask", "dropout-scale-missing"),
    Listed(DROPOUT, "dy * mask * keep", "dropout-scale-inverted"),
    Listed(DROPOUT, "dy * mask / keep / keep", "dropout-scale-twice"),
    Listed(DROPOUT, "dy * (1 - mask) / keep", "dropout-mask-inverted"),
    Listed(DROPOUT, "dy * mask / (1 - keep)", "dropout-rate-for-keep"),
    Listed("dx = dy * mask", "dy", "dropout-mask-missing"),
)  # fmt: skip
