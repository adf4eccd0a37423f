"""Mistakes with class weights, sample weights, masks and ignored rows, which multiply the loss of a row; and penalties.

A loss Σ_m c_m L_m has the gradient c_m dL_m/dz in row m. A penalty λ/2 ||W||² adds λ W to the gradient of W.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine

RIDGE = "dW = dW + reg * W"  # the penalty is reg / 2 times the sum of squares
LASSO = "dW = dW + reg * sign(W)"  # the penalty is reg times the sum of absolute values

ENTRIES = (
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
    Entry("class-weight-twice", "The class weight is applied twice", "Each sample's gradient carries its weight once."),
    Entry(
        "class-weight-normalisation",
        "The weighted mean is divided by the wrong number",
        "The loss and its gradient have to be divided by the same number: the sum of the weights of the samples, or "
        "the number of samples.",
    ),
    Entry(
        "sample-weight-missing",
        "The weights of the samples are missing",
        "Each sample's loss is multiplied by its weight, and so is its gradient.",
    ),
    Entry(
        "ignored-rows-not-zeroed",
        "Ignored rows have a gradient",
        "A row whose target is ignored does not count in the loss, so its gradient is 0.",
    ),
    Entry(
        "ignored-rows-counted",
        "Rows that do not count are counted in the mean",
        "The loss is the mean over the rows that count, without those that are ignored or masked. The gradient has to"
        " be divided by their number too.",
    ),
    Entry(
        "ignored-rows-not-counted",
        "Rows that do not count are left out of the mean",
        "The loss divides by the number of all rows, also of those that are ignored or masked. The gradient has to be"
        " divided by that number too.",
    ),
    Entry(
        "mask-missing",
        "The mask is applied in the forward pass only",
        "What the mask sets to 0 in the forward pass has no effect on the result. The backward pass has to apply the "
        "same mask.",
    ),
    Entry(
        "regulariser-missing",
        "The regulariser is in the loss but not in the gradient",
        "A penalty adds its derivative to the gradient of W: λ W for λ/2 ||W||², and λ sign(W) for λ ||W||₁.",
    ),
    Entry(
        "regulariser-sign",
        "The regulariser has the wrong sign",
        "The derivative of a penalty is added to the gradient of W. Here it is subtracted.",
    ),
    Entry(
        "regulariser-factor",
        "The regulariser has the wrong factor",
        "The derivative of λ/2 W² is λ W, that of λ W² is 2 λ W, and that of λ |W| is λ sign(W). If the penalty is "
        "divided by the number of samples, so is its derivative.",
    ),
    Entry(
        "regulariser-derivative",
        "The derivative of the regulariser is wrong",
        "The derivative of λ/2 ||W||² has the entries λ W, and that of λ ||W||₁ has the entries λ sign(W). Each entry"
        " depends on its own weight alone, and keeps its sign.",
    ),
    Entry(
        "regulariser-of-another",
        "The regulariser's derivative belongs to another penalty",
        "λ/2 ||W||² adds λ W to the gradient of W; λ ||W||₁ adds λ sign(W).",
    ),
    Entry(
        "regulariser-on-bias",
        "The regulariser is applied to the bias",
        "The penalty of the loss is on the weights alone; the gradient of the bias has no such term.",
    ),
)

WRONG_LINES = (
    WrongLine("dz = c * dz", "dz", "class-weight-missing"),
    WrongLine("dz = c * dz", "classes(w) * dz", "class-weight-per-column"),
    WrongLine("dz = c * dz", "c * c * dz", "class-weight-twice"),
    WrongLine("dz = s * dz", "dz", "sample-weight-missing"),
    WrongLine("dz = v * dz", "dz", "ignored-rows-not-zeroed"),
    WrongLine("dz = v * dz", "v * dz + (1 - v) * p", "ignored-rows-not-zeroed"),
    WrongLine("dz = v * dz", "dz + (1 - v) * -first_one(dz)", "ignored-rows-not-zeroed"),
    WrongLine("dz = v * dz", "dz + (1 - v) * -last_one(dz)", "ignored-rows-not-zeroed"),
    WrongLine("dz = mask * dz", "dz", "mask-missing"),
    WrongLine("dp = mask * dp", "dp", "mask-missing"),
    WrongLine("dz = dz / sum_w", "dz / m", "class-weight-normalisation"),
    WrongLine("dz = dz / sum_w", "dz / sum_all(w)", "class-weight-normalisation"),
    WrongLine("dz = dz / sum_w", "dz / K", "class-weight-normalisation"),
    WrongLine("dz = dz / sum_w", "dz", "weighted-mean-missing"),
    WrongLine("dz = dz / m", "dz / sum_w", "class-weight-normalisation"),
    WrongLine("dz = dz / n", "dz / m", "ignored-rows-counted"),
    WrongLine("dz = dz / m", "dz / n", "ignored-rows-not-counted"),
    WrongLine(RIDGE, "dW", "regulariser-missing"),
    WrongLine(RIDGE, "dW - reg * W", "regulariser-sign"),
    *(
        WrongLine(RIDGE, wrong, "regulariser-factor")
        for wrong in (
            "dW + 2 * reg * W", "dW + reg * W / 2", "dW + W", "dW + reg * W * m", "dW + reg * W / m",
            "dW + 2 * reg * m * W",
        )
    ),
    *(
        WrongLine(RIDGE, wrong, "regulariser-derivative")
        for wrong in (
            "dW + reg", "dW + reg * W * W", "dW + reg * W * W / 2", "dW + reg * sum_all(W * W)", "dW + reg * abs(W)",
            "dW + reg * sum_all(W * W) / 2", "dW + reg * sum_all(W)",
        )
    ),
    WrongLine(LASSO, "dW", "regulariser-missing"),
    WrongLine(LASSO, "dW - reg * sign(W)", "regulariser-sign"),
    WrongLine(LASSO, "dW + sign(W)", "regulariser-factor"),
    WrongLine(LASSO, "dW + reg * sign(W) / m", "regulariser-factor"),
    WrongLine(LASSO, "dW + reg * W", "regulariser-of-another"),
    WrongLine(RIDGE, "dW + reg * sign(W)", "regulariser-of-another"),
    WrongLine(LASSO, "dW + reg", "regulariser-derivative"),
    WrongLine("db = sum_m(dz)", "sum_m(dz) + reg * b", "regulariser-on-bias"),
    WrongLine("db = sum_m(dz)", "sum_m(dz) + reg * sign(b)", "regulariser-on-bias"),
)  # fmt: skip
