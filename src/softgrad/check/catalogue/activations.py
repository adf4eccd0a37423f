"""Mistakes in the backward pass of an activation, and of dropout.

An activation a = f(z) gives dz = da f'(z). Dropout y = x mask / keep gives dx = dy mask / keep.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine

RELU = "dz = da * (z > 0)"
TANH = "dz = da * (1 - a ** 2)"
SIGMOID = "dz = da * a * (1 - a)"
LEAKY = "dz = da * where(z > 0, 1, slope)"
ELU = "dz = da * where(z > 0, 1, a + alpha)"
SWISH = "dz = da * (s + a * (1 - s))"
DROPOUT = "dx = dy * mask / keep"

ENTRIES = (
    Entry(
        "activation-derivative-missing",
        "The derivative of the activation is missing",
        "The gradient at the input z of the activation is da times f'(z). Here it is da alone.",
    ),
    Entry(
        "relu-derivative-one",
        "The gradient passes everywhere, also where z < 0",
        "Where z < 0, ReLU is 0 and so is its derivative. Here the derivative is 1 everywhere: either da is passed on"
        " unchanged, or the output is tested with >=. The output of ReLU is never negative, so y >= 0 always holds. "
        "Test z > 0.",
    ),
    Entry(
        "activation-derivative-at-output",
        "The derivative of the activation is taken at its output, but the formula needs its input",
        "f'(z) is evaluated at a = f(z), so the activation is applied twice.",
    ),
    Entry(
        "activation-derivative-at-input",
        "The derivative of the activation is taken at its input, but the formula needs its output",
        "The formula is written in the output a = f(z). Here z stands in its place.",
    ),
    Entry(
        "input-for-derivative",
        "The input stands where the derivative belongs",
        "The gradient is multiplied by the slope f'(z). Here it is multiplied by z.",
    ),
    Entry(
        "activation-derivative-at-upstream",
        "The derivative of the activation is taken at the upstream gradient",
        "f' is evaluated at the layer's own value, and the upstream gradient is multiplied by it.",
    ),
    Entry(
        "activation-derivative-wrong-layer",
        "The derivative of the activation is taken at another layer's values",
        "The derivative of each activation is taken at the layer's own values of the forward pass.",
    ),
    Entry(
        "activation-derivative-of-another",
        "This is the derivative of another activation",
        "The forward pass uses one activation, the backward pass the derivative of another one.",
    ),
    Entry(
        "activation-not-squared",
        "The square is missing in the derivative of tanh",
        "The derivative of tanh is 1 - a², not 1 - a.",
    ),
    Entry(
        "leaky-slope-missing",
        "The slope for negative values is missing",
        "Where its input is negative, a leaky ReLU multiplies the gradient by the slope, not by 0.",
    ),
    Entry(
        "dropout-mask-missing",
        "The mask is missing",
        "An entry that the mask sets to 0 has no effect on the output. Its gradient is 0.",
    ),
    Entry(
        "dropout-scale-missing",
        "The scale 1/keep of dropout is missing",
        "The forward pass divides what is kept by the keep probability, and so must the backward pass.",
    ),
    Entry(
        "dropout-scale-twice",
        "The scale 1/keep of dropout is applied twice",
        "What is kept is divided by keep once in the forward pass, and its gradient once in the backward pass.",
    ),
    Entry(
        "activation-for-derivative",
        "The activation itself is used where its derivative belongs",
        "The gradient is multiplied by f'(z), the slope of the activation, not by its value.",
    ),
    Entry(
        "elu-alpha-missing",
        "The alpha of the ELU is missing in its derivative",
        "For negative z the output is alpha (exp(z) - 1), whose derivative alpha exp(z) is the output plus alpha.",
    ),
    Entry(
        "comparison-reversed",
        "The comparison is reversed",
        "The gradient passes where z > 0. Where z < 0 it is stopped, or scaled by the slope. Here it is the other way"
        " round.",
    ),
    Entry(
        "leaky-slope-sign",
        "The slope for negative values has the wrong sign",
        "For negative z the activation is slope * z, whose derivative is + slope.",
    ),
    Entry(
        "tanh-sign",
        "The square has the wrong sign",
        "The derivative of tanh is 1 - a², which falls to 0 as a nears 1 or -1; 1 + a² grows there.",
    ),
    Entry("one-minus-missing", "The factor 1 - a is missing", "The derivative of the sigmoid is a (1 - a)."),
    Entry(
        "dropout-scale-inverted",
        "The scale of dropout is inverted",
        "What is kept is divided by keep. Here it is multiplied by keep.",
    ),
    Entry(
        "dropout-mask-inverted",
        "The mask is inverted",
        "The gradient passes where the mask is 1. Here it passes where the mask is 0.",
    ),
    Entry(
        "dropout-rate-for-keep",
        "The drop rate stands where the keep probability belongs",
        "The scale is 1 / keep, where keep = 1 - rate.",
    ),
)

WRONG_LINES = (
    WrongLine(RELU, "da", "relu-derivative-one"),
    WrongLine(RELU, "da * (da > 0)", "activation-derivative-at-upstream"),
    WrongLine(RELU, "da * z", "input-for-derivative"),
    WrongLine(RELU, "da * maximum(z, 0)", "activation-for-derivative"),
    WrongLine(RELU, "1.0 * (z > 0)", "upstream-ignored"),
    WrongLine(RELU, "da * (z < 0)", "comparison-reversed"),
    WrongLine(RELU, "da * where(z > 0, 1, 0.01)", "activation-derivative-of-another"),
    WrongLine(RELU, "da * (1 - maximum(z, 0) ** 2)", "activation-derivative-of-another"),
    WrongLine(RELU, "da * maximum(z, 0) * (1 - maximum(z, 0))", "activation-derivative-of-another"),
    WrongLine(LEAKY, "da * (z > 0)", "leaky-slope-missing"),
    WrongLine(LEAKY, "da", "activation-derivative-missing"),
    WrongLine(LEAKY, "da * where(z > 0, 1, -slope)", "leaky-slope-sign"),
    WrongLine(LEAKY, "da * where(z > 0, slope, 1)", "comparison-reversed"),
    WrongLine(LEAKY, "da * where(da > 0, 1, slope)", "activation-derivative-at-upstream"),
    WrongLine(LEAKY, "da * where(z > 0, z, slope * z)", "activation-for-derivative"),
    WrongLine(LEAKY, "where(z > 0, 1, slope)", "upstream-ignored"),
    WrongLine(ELU, "da", "activation-derivative-missing"),
    WrongLine(ELU, "da * where(z > 0, 1, exp(a))", "activation-derivative-at-output"),
    WrongLine(ELU, "da * where(z > 0, 1, alpha * exp(a))", "activation-derivative-at-output"),
    WrongLine(ELU, "da * where(z > 0, 1, a)", "elu-alpha-missing"),
    WrongLine(ELU, "da * (z > 0)", "activation-derivative-of-another"),
    WrongLine(TANH, "da", "activation-derivative-missing"),
    WrongLine(TANH, "da * (1 - a)", "activation-not-squared"),
    WrongLine(TANH, "da * (1 - tanh(a) ** 2)", "activation-derivative-at-output"),
    WrongLine(TANH, "da * (1 - z ** 2)", "activation-derivative-at-input"),
    WrongLine(TANH, "da * (1 - da ** 2)", "activation-derivative-at-upstream"),
    WrongLine(TANH, "da * a", "activation-for-derivative"),
    WrongLine(TANH, "da * a * (1 - a)", "activation-derivative-of-another"),
    WrongLine(TANH, "da * (z > 0)", "activation-derivative-of-another"),
    WrongLine(TANH, "1 - a ** 2", "upstream-ignored"),
    WrongLine(TANH, "da * (1 + a ** 2)", "tanh-sign"),
    WrongLine(SIGMOID, "da", "activation-derivative-missing"),
    WrongLine(SIGMOID, "da * sigmoid(a) * (1 - sigmoid(a))", "activation-derivative-at-output"),
    WrongLine(SIGMOID, "da * z * (1 - z)", "activation-derivative-at-input"),
    WrongLine(SIGMOID, "da * da * (1 - da)", "activation-derivative-at-upstream"),
    WrongLine(SIGMOID, "a * (1 - a)", "upstream-ignored"),
    WrongLine(SIGMOID, "da * a", "one-minus-missing"),
    WrongLine(SIGMOID, "da * (1 - a)", "output-factor-missing"),
    WrongLine(SIGMOID, "da * (1 - a ** 2)", "activation-derivative-of-another"),
    WrongLine(SIGMOID, "da * (z > 0)", "activation-derivative-of-another"),
    WrongLine(SIGMOID, "a * (da - sum_k(a * da))", "softmax-for-sigmoid"),
    WrongLine(SIGMOID, "softmax(z) * (da - sum_k(softmax(z) * da))", "softmax-for-sigmoid"),
    WrongLine(SWISH, "da * (s * (1 + a * (1 - s)))", "activation-derivative-at-output"),
    WrongLine(DROPOUT, "dy", "dropout-mask-missing", "dropout-scale-missing"),
    WrongLine(DROPOUT, "dy / keep", "dropout-mask-missing"),
    WrongLine(DROPOUT, "dy * mask", "dropout-scale-missing"),
    WrongLine(DROPOUT, "dy * mask * keep", "dropout-scale-inverted"),
    WrongLine(DROPOUT, "dy * mask / keep / keep", "dropout-scale-twice"),
    WrongLine(DROPOUT, "dy * (1 - mask) / keep", "dropout-mask-inverted"),
    WrongLine(DROPOUT, "dy * mask / (1 - keep)", "dropout-rate-for-keep"),
    WrongLine("dx = dy * mask", "dy", "dropout-mask-missing"),
)  # fmt: skip
