"""Mistakes of scale and sign, in whatever line they are made."""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "sign",
        "The sign is wrong",
        "There is a minus too few or too many, or an update was returned in the place of a gradient. A gradient "
        "points uphill.",
    ),
    Entry(
        "factor-2",
        "There is an extra factor of 2",
        "A factor of 2 comes from the derivative of a square. It cancels if there is 1/2 in front, and without a "
        "square there is none.",
    ),
    Entry(
        "factor-half",
        "A factor of 2 is missing",
        "The derivative of a square has a factor of 2. It cancels only if there is 1/2 in front.",
    ),
    Entry(
        "size-hard-coded",
        "The length of an axis is hard-coded",
        "The gradient is right for the length given, and wrong for another one. Read the length off the array, as in "
        "x.shape[0].",
    ),
    Entry(
        "mean-missing",
        "The division by {m} is missing",
        "The loss divides by {m}, and so does its gradient.",
    ),
    Entry(
        "weighted-mean-missing",
        "The division by the sum of the weights is missing",
        "The loss is a weighted mean, and its gradient is divided by the sum of the weights.",
    ),
    Entry(
        "counted-mean-missing",
        "The division by the number of rows that count is missing",
        "The loss is a mean over the rows that count, without those that are ignored or masked. Its gradient is "
        "divided by their number.",
    ),
    Entry(
        "entries-mean-missing",
        "The division by the number of all entries is missing",
        "The loss is a mean over all entries, and its gradient is divided by their number.",
    ),
    Entry(
        "mean-extra",
        "There is an extra division by {m}",
        "The function takes no mean over the {samples}, so its gradient is not divided by their number.",
    ),
    Entry(
        "mean-twice",
        "The division by {m} is applied twice",
        "The loss is a mean, so its gradient is divided once. Often it was divided at the loss, and again at a "
        "parameter.",
    ),
    Entry(
        "mean-inverted",
        "The gradient is multiplied by {m}, not divided by it",
        "The loss is a mean over the {samples}, and its gradient is divided by their number.",
    ),
    Entry(
        "divided-by-classes",
        "The gradient is divided by {K}",
        "The function does not divide by {K}. Where it takes a mean, that runs over the {samples}.",
    ),
    Entry(
        "divided-by-size",
        "The gradient is divided by the number of all entries",
        "The function does not divide by that number. `np.mean` of a whole array and `.size` count all entries. Where"
        " the function takes a mean, that runs over the {samples}.",
    ),
    Entry(
        "divided-by-one-length",
        "Divided by the length of one axis of the batch",
        "The loss is a mean over every position: all samples times all steps, or all pixels. len(z) counts the first "
        "axis only.",
    ),
    Entry(
        "classes-missing",
        "The division by {K} is missing",
        "The loss is a mean over all entries, and its gradient is divided by the number of all of them. Here {K} is "
        "left out of that number.",
    ),
    Entry(
        "multiplied-by-classes",
        "The gradient is multiplied by {K}",
        "This factor is too many. Often a sum was taken of something that is the same for all of them, or a mean is "
        "missing.",
    ),
    Entry(
        "multiplied-by-samples",
        "The gradient is multiplied by {m}",
        "This factor is too many. Often a sum over the {samples} was taken of something that is the same for all of "
        "them.",
    ),
    Entry(
        "temperature-missing",
        "The temperature is missing",
        "softmax(z / T) is differentiated at z: the chain rule gives a factor 1/T.",
    ),
    Entry(
        "temperature-missing-in-softmax",
        "The temperature is missing inside the softmax",
        "The forward pass computes softmax(z / T). Here softmax(z) stands in its place.",
    ),
    Entry(
        "temperature-inverted",
        "The temperature is inverted",
        "softmax(z / T) is differentiated at z: the chain rule gives 1/T, not T.",
    ),
    Entry(
        "temperature-twice",
        "The temperature is applied twice",
        "The logits are divided by T once in the forward pass, so the chain rule gives 1/T once.",
    ),
    Entry(
        "log-base",
        "The factor of the logarithm's base is wrong",
        "The derivative of log2(p) is 1 / (p ln 2), and that of log10(p) is 1 / (p ln 10). A loss in that base has "
        "this factor once. With the natural logarithm there is no such factor.",
    ),
)
