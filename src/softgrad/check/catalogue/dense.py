"""Mistakes in the backward pass of a dense layer, and between the layers of a network.

With z = x W + b and dz arriving: dW = xᵀ dz, db = Σ_m dz, dx = dz Wᵀ.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine

# One line for each way in which a product is laid out: rows x W, rows x Wᵀ, columns W x, columns Wᵀ x, a vector.
WEIGHT = ("dW = x.T @ dz", "dW = dz.T @ x", "dW = dz @ x.T", "dW = x @ dz.T", "dW = outer(x, dz)", "dW = outer(dz, x)")
INPUT = ("dx = dz @ W.T", "dx = dz @ W", "dx = W.T @ dz", "dx = W @ dz")
BIAS = "db = sum_m(dz)"

ENTRIES = (
    Entry(
        "bias-not-summed",
        "The gradient of the bias is not summed over the samples",
        "The same bias is added to every sample, so its gradient is the sum over all of them.",
    ),
    Entry(
        "bias-averaged",
        "The gradient of the bias is averaged over the samples, not summed",
        "The gradient of the bias is the sum of dz over the samples. If the loss is a mean, its 1/m is in dz already.",
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
        "The gradient is a sum over the samples. An index such as [0] takes one of them. In a loop, = in the place of"
        " += keeps the last one.",
    ),
    Entry(
        "weight-not-transposed",
        "The weight is the wrong way round in the backward pass",
        "The backward pass multiplies by the transpose of what the forward pass multiplied by: by Wᵀ where that was "
        "W, and by W where it was Wᵀ. With a square W the shapes do not show it.",
    ),
    Entry(
        "weight-gradient-transposed",
        "The gradient of the weight is transposed",
        "The gradient of a matrix has the shape of the matrix: entry (i, j) belongs to W[i, j].",
    ),
    Entry(
        "weight-gradient-averaged",
        "The gradient of the weight is averaged over the samples, not summed",
        "The product with the input sums over the samples. If the loss is a mean, its 1/m is in dz already.",
    ),
    Entry(
        "elementwise-for-matrix-product",
        "An elementwise product stands where a matrix product belongs",
        "The forward pass multiplies matrices, which sums over an axis, and so must the backward pass: @ or np.dot. "
        "With * each entry meets one other entry alone. Where the shapes broadcast, nothing raises an error.",
    ),
    Entry(
        "matrix-product-for-elementwise",
        "A matrix product stands where an elementwise product belongs",
        "The factors belong together entry by entry: write *. With @ or np.dot, rows are multiplied by columns and "
        "summed. Where the arrays are square, nothing raises an error.",
    ),
    Entry(
        "input-for-activation",
        "Another layer's values stand where this layer's input belongs",
        "The gradient of a weight is the product of dz with what was multiplied by that weight in the forward pass.",
    ),
    Entry(
        "activation-for-input",
        "The value before the activation is used where the value after it belongs",
        "The next layer multiplied a = f(z), so the gradient of its weight is formed with a, not with z.",
    ),
    Entry(
        "upstream-of-wrong-layer",
        "The gradient of another layer is passed on",
        "A layer's gradients are formed with the gradient that arrives at this layer.",
    ),
    Entry(
        "updated-weights",
        "The weights were updated before the gradient had passed through them",
        "The backward pass has to use the weights of the forward pass. Compute every gradient first, then update.",
    ),
)


def _weight(line: str) -> tuple[WrongLine, ...]:
    right = line.partition(" = ")[2]
    exchanged = "outer(dz, x)" if right == "outer(x, dz)" else "outer(x, dz)"
    return (
        WrongLine(line, f"({right}).T", "weight-gradient-transposed"),
        *((WrongLine(line, exchanged, "weight-gradient-transposed"),) if "outer" in right else ()),
        WrongLine(line, f"{right} / m", "weight-gradient-averaged"),
        *(
            WrongLine(line, right.replace("x", f"{one}(x)").replace("dz", f"{one}(dz)"), "last-sample-only")
            for one in ("last_m", "first_m")
        ),
    )


WRONG_LINES = (
    *(wrong for line in WEIGHT for wrong in _weight(line)),
    WrongLine(BIAS, "dz", "bias-not-summed"),
    WrongLine(BIAS, "mean_m(dz)", "bias-averaged"),
    WrongLine(BIAS, "sum_m(dz) / m", "bias-averaged"),
    WrongLine(BIAS, "sum_all(dz)", "bias-summed-to-scalar"),
    WrongLine(BIAS, "sum_all(dz) * ones(b)", "bias-summed-to-scalar"),
    WrongLine(BIAS, "mean_all(dz)", "bias-summed-to-scalar", "bias-averaged"),
    WrongLine(BIAS, "mean_all(dz) * ones(b)", "bias-summed-to-scalar", "bias-averaged"),
    WrongLine(BIAS, "sum_all(dz) / m * ones(b)", "bias-summed-to-scalar", "bias-averaged"),
    WrongLine(BIAS, "sum_k(dz)", "bias-wrong-axis"),
    WrongLine(BIAS, "mean_k(dz)", "bias-wrong-axis", "bias-averaged"),
    WrongLine(BIAS, "last_m(dz)", "last-sample-only"),
    WrongLine(BIAS, "first_m(dz)", "last-sample-only"),
    WrongLine(BIAS, "ones(b)", "upstream-ignored"),
    WrongLine(BIAS, "m * ones(b)", "upstream-ignored"),
    WrongLine(INPUT[0], "dz @ W", "weight-not-transposed"),
    WrongLine(INPUT[1], "dz @ W.T", "weight-not-transposed"),
    WrongLine(INPUT[2], "W @ dz", "weight-not-transposed"),
    WrongLine(INPUT[3], "W.T @ dz", "weight-not-transposed"),
)  # fmt: skip
