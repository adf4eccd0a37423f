"""Mistakes of scale and sign, in whatever line they are made."""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "sign",
        "The sign is wrong",
        "The gradient points the other way: there is a minus too few or too many, as in t - p for p - t, or an update "
        "was returned instead of a gradient. A step against it makes the loss grow.",
    ),
    Entry(
        "factor-2",
        "There is an extra factor of 2",
        "The derivative of a square has a factor of 2. It cancels in a loss with 1/2 in front, and a cross-entropy "
        "has none.",
    ),
    Entry(
        "factor-half",
        "A factor of 2 is missing",
        "The derivative of a square has a factor of 2, which cancels only in a loss with 1/2 in front.",
    ),
    Entry(
        "mean-missing",
        "The division by the number of samples is missing",
        "The loss is a mean over the samples, so each sample's gradient is divided by their number as well.",
    ),
    Entry(
        "mean-extra",
        "There is an extra division by the number of samples",
        "The loss is a sum over the samples: its gradient is not divided by their number.",
    ),
    Entry(
        "mean-twice",
        "The division by the number of samples is applied twice",
        "The loss is a mean, and contains 1/m once. Often it was divided in the gradient of the loss and again at a "
        "parameter.",
    ),
    Entry(
        "mean-inverted",
        "The gradient is multiplied by the number of samples",
        "The loss is a mean over the samples; its gradient is divided by their number.",
    ),
    Entry(
        "divided-by-classes",
        "Divided by the number of classes",
        "The mean runs over the samples. The classes of one sample are summed, not averaged.",
    ),
    Entry(
        "divided-by-size",
        "Divided by the number of entries, samples times classes",
        "The mean runs over the samples only. `np.mean` of the whole array, or `.size`, also divides by the number of"
        " classes.",
    ),
    Entry(
        "divided-by-one-length",
        "Divided by the length of one axis of the batch",
        "The loss is a mean over every position: all samples times all steps, or all pixels. len(z) counts the first "
        "axis only.",
    ),
    Entry(
        "classes-missing",
        "The division by the number of classes is missing",
        "The loss is a mean over all entries, samples times classes; the gradient is divided by the samples only.",
    ),
    Entry(
        "multiplied-by-classes",
        "Multiplied by the number of classes",
        "A sum over the classes was taken of something that is the same for all of them, or a mean over them is "
        "missing.",
    ),
    Entry(
        "multiplied-by-samples",
        "Multiplied by the number of samples",
        "A sum over the samples was taken of something that is the same for all of them.",
    ),
    Entry(
        "temperature-missing",
        "The temperature is missing",
        "softmax(z / T) is differentiated at z: the chain rule gives a factor 1/T.",
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
        "The base of the logarithm is missing",
        "The derivative of log2(p) is 1 / (p ln 2): a loss in bits has a gradient with 1/ln 2. With the natural "
        "logarithm there is no such factor.",
    ),
)
