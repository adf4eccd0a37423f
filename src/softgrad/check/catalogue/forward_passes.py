"""Forward passes that are nearly softmax, its logarithm or a loss: what people write where they mean the known one.

A `NearLine` computes what such a forward pass returns, in the language of the lines: p the probabilities, logp their
logarithm, z the logits, t the target. A function like this can be what somebody wants, so that it is only a remark on
a right gradient. Where a gradient is wrong, and right for the known function, it is what was done wrong.
"""

from __future__ import annotations

from typing import NamedTuple

from softgrad.check.catalogue.entry import Entry


class NearLine(NamedTuple):
    """An expression that stands in a forward pass where another one is usual."""

    name: str  # the entry that describes it
    expression: str
    remark: str  # what is true of it, whatever was meant; {axis} is that of the classes, {row} a row or a column
    fix: str  # the usual line in NumPy


P_FIX = "p = e / np.sum(e, axis={axis}, keepdims=True)"
E_FIX = "e = np.exp(z - np.max(z, axis={axis}, keepdims=True))"
MAXIMUM = "  # m = np.max(z, axis={axis}, keepdims=True)"
LOG_FIX = "logp = z - m - np.log(np.sum(np.exp(z - m), axis={axis}, keepdims=True))" + MAXIMUM
LSE_FIX = "lse = m + np.log(np.sum(np.exp(z - m), axis={axis}, keepdims=True))" + MAXIMUM
LOSS_FIX = "loss = -np.mean(logp[np.arange(m), y])"

ENTRIES = (
    Entry(
        "forward-axis-dropped",
        "The forward pass divides by the sums of other rows",
        "The sum over the classes is one number for each row. Without keepdims=True its axis is dropped, and NumPy "
        "lays the numbers along the last axis: the sum of row j divides column j of every row. With as many rows as "
        "classes there is no error. The gradient is right for softmax, but this is not softmax.",
    ),
    Entry(
        "forward-maximum-axis-dropped",
        "The forward pass takes off the maxima of other rows",
        "The maximum of each row may be taken off, since softmax does not change when one number is added to a row. "
        "Without keepdims=True the maximum of row j is taken off column j of every row, and this does change it.",
    ),
    Entry(
        "forward-maximum-wrong-axis",
        "The forward pass takes off the maximum along the other axis",
        "Softmax does not change when one number is added to all classes of a row. Here a different number is taken "
        "off each class, and this does change it.",
    ),
    Entry(
        "forward-sum-over-batch",
        "The forward pass divides by the sum over the whole batch",
        "The sum has no axis, so it runs over all rows. The entries sum to 1 over the whole array, not in each row, "
        "and every row depends on the others.",
    ),
    Entry(
        "forward-wrong-axis",
        "The forward pass sums along the other axis",
        "The probabilities of a sample sum to 1 over the classes. Here the sum that they are divided by runs over the "
        "samples.",
    ),
    Entry(
        "forward-mean-for-sum",
        "The forward pass divides by a mean, not by a sum",
        "The mean over the classes is the sum divided by their number, so the probabilities are too large by that "
        "factor.",
    ),
    Entry(
        "forward-softmax-twice",
        "The forward pass applies softmax twice",
        "Softmax is applied to what is a probability already. It makes the probabilities nearly equal, and its "
        "gradient is another one.",
    ),
    Entry(
        "forward-maximum-in-one-place",
        "The forward pass takes off the maximum in one place only",
        "log Σ exp(z) is m + log Σ exp(z - m). What is taken off inside the exponential has to be added outside it.",
    ),
    Entry(
        "forward-every-label",
        "The forward pass takes the labels of all rows for each row",
        "p[:, y] has a column for every label, so it is a square array: the loss is over all pairs of a row and a "
        "label. p[np.arange(m), y] takes from each row the entry of its own label.",
    ),
    Entry(
        "forward-log-of-sum",
        "The forward pass takes the logarithm of a sum over the batch",
        "The loss is a sum of logarithms, one for each row. Here the probabilities of all rows are summed first, "
        "since the sum inside the logarithm does not run along the classes alone.",
    ),
    Entry(
        "forward-mean-over-classes",
        "The forward pass divides the loss by the number of classes",
        "The mean over the samples divides by the number of rows. Here the mean runs along the other axis.",
    ),
    Entry(
        "forward-term-missing",
        "The forward pass lacks the term of the target 0",
        "The binary cross-entropy of a target t is -(t log(a) + (1 - t) log(1 - a)). Only its first term is there.",
    ),
    Entry(
        "forward-term-sign",
        "A term of the forward pass has the wrong sign",
        "The binary cross-entropy of a target t is -(t log(a) + (1 - t) log(1 - a)). Here the second term is "
        "subtracted inside the brackets.",
    ),
    Entry(
        "forward-every-pair",
        "The forward pass compares every prediction with every target",
        "The predictions are a column and the targets a vector, so that their difference is a square array. Reshape "
        "one of them: z[:, 0], or y.reshape(-1, 1).",
    ),
)

NEAR_SOFTMAX = (
    *(
        NearLine(
            "forward-axis-dropped",
            f"exp({shifted}) / per_row(sum_k(exp({shifted})))",
            "the sum without keepdims=True divides column j by the sum of {row} j, so the {row}s do not sum to 1",
            P_FIX,
        )
        for shifted in ("z", "z - max_k(z)", "z - per_row(max_k(z))")
    ),
    NearLine(
        "forward-maximum-axis-dropped",
        "exp(z - per_row(max_k(z))) / sum_k(exp(z - per_row(max_k(z))))",
        "the maximum without keepdims=True is taken off column j, not {row} j, which changes the result",
        E_FIX,
    ),
    NearLine(
        "forward-maximum-wrong-axis",
        "exp(z - max_m(z)) / sum_k(exp(z - max_m(z)))",
        "the maximum is taken along the axis of the samples, which changes the result",
        E_FIX,
    ),
    *(
        NearLine(
            "forward-sum-over-batch",
            line,
            "the entries sum to 1 over the whole array, not in each {row}",
            P_FIX,
        )
        for line in ("softmax_all(z)", "exp(z - max_k(z)) / sum_all(exp(z - max_k(z)))")
    ),
    NearLine(
        "forward-wrong-axis",
        "exp(z - max_k(z)) / sum_m(exp(z - max_k(z)))",
        "the maximum is taken along axis {axis} and the sum along the other one, so no {row} sums to 1",
        P_FIX,
    ),
    *(
        NearLine(
            "forward-mean-for-sum",
            f"exp(z) / {mean}(exp(z))",
            "it divides by a mean, so the entries of a {row} do not sum to 1",
            P_FIX,
        )
        for mean in ("mean_k", "mean_all")
    ),
    NearLine(
        "forward-softmax-twice",
        "softmax(softmax(z))",
        "softmax is applied to what is a probability already",
        "p = softmax(z)",
    ),
)

ALONG_ROWS = NearLine(  # softmax of the columns: a known function by itself, but not in front of a loss of the rows
    "forward-wrong-axis",
    "softmax_m(z)",
    "the probabilities sum to 1 over the samples, not in each {row}",
    P_FIX,
)

NEAR_LOG_SOFTMAX = tuple(
    NearLine("forward-maximum-in-one-place", line, "the maximum is taken off in one place only", LOG_FIX)
    for line in ("z - log(sum_k(exp(z - max_k(z))))", "z - max_k(z) - log(sum_k(exp(z)))")
)

NEAR_LOGSUMEXP = (
    NearLine(
        "forward-maximum-in-one-place",
        "log(sum_k(exp(z - max_k(z))))",
        "the maximum is taken off inside the exponential and not added outside it",
        LSE_FIX,
    ),
)

NEAR_SUMS = (  # in the place of the sum of t * log(p) over all rows and classes
    NearLine(
        "forward-every-label",
        "sum_all(sum_m(t) * sum_m(logp))",
        "the loss is over all pairs of a {row} and a label, as p[:, y] has a column for every label",
        LOSS_FIX,
    ),
    *(
        NearLine(
            "forward-log-of-sum",
            line,
            "the probabilities of different {row}s are summed inside the logarithm",
            "loss = -np.mean(np.sum(t * np.log(p), axis={axis}))",
        )
        for line in ("log(sum_all(t * p))", "log(sum_all(t * p) / m)", "sum_all(log(sum_m(t * p)))")
    ),
    NearLine(
        "forward-mean-over-classes",
        "sum_all(t * logp) * m / K",
        "the loss is divided by the number of classes, not by that of the samples",
        LOSS_FIX,
    ),
)

NEAR_BINARY = (  # in the place of the sum of t * log(a) + (1 - t) * log(1 - a)
    NearLine(
        "forward-term-missing",
        "sum_all(t * log(a))",
        "it has the term t * log(a) of the binary cross-entropy, and not the term (1 - t) * log(1 - a)",
        "loss = -np.mean(t * np.log(a) + (1 - t) * np.log(1 - a))",
    ),
    NearLine(
        "forward-term-sign",
        "sum_all(t * log(a) - (1 - t) * log(1 - a))",
        "the two terms of the binary cross-entropy have opposite signs",
        "loss = -np.mean(t * np.log(a) + (1 - t) * np.log(1 - a))",
    ),
)

NEAR_SQUARED = (
    NearLine(
        "forward-every-pair",
        "sum_all((z - t) ** 2)",
        "predictions of shape (m, 1) and targets of shape (m,) make differences of shape (m, m)",
        "loss = np.mean((z[:, 0] - t) ** 2)",
    ),
)

NEAR_LINES = (*NEAR_SOFTMAX, ALONG_ROWS, *NEAR_LOG_SOFTMAX, *NEAR_LOGSUMEXP, *NEAR_SUMS, *NEAR_BINARY, *NEAR_SQUARED)
