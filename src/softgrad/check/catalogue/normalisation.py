"""Mistakes in the backward pass of batch, layer and RMS norm, and of division by a length.

With x̂ = (x - mean) / std, and the gradient dxhat = dy gamma that arrives at x̂, means taken over what the forward pass
normalises (the rows in batch norm, the columns in layer norm):

    dx = (dxhat - mean(dxhat) - x̂ mean(dxhat x̂)) / std

The second term flows through the mean, the third through the standard deviation. RMS norm has no mean, so no second
term.
"""

from __future__ import annotations

from collections.abc import Iterator

from softgrad.check.catalogue.entry import Entry, WrongLine

GAMMA = "dgamma = sum_m(dy * xhat)"
BETA = "dbeta = sum_m(dy)"
AT_NORMALISED = "dxhat = dy * classes(gamma)"
RMS = "dx = (dxhat - xhat * mean_k(dxhat * xhat)) / rms"
UNIT = "dx = (dy - y * sum_k(dy * y)) / length"
GIVEN = "dx = dxhat / std"  # the mean and the variance are inputs


def through(over: str) -> str:
    """The line of dx, where the mean and the variance are taken `over` the rows, "m", or the columns, "k"."""
    return f"dx = (dxhat - mean_{over}(dxhat) - xhat * mean_{over}(dxhat * xhat)) / std"


def through_outside(over: str) -> str:
    """The line of dx, where std = sqrt(var) + epsilon."""
    return f"dx = (dxhat - mean_{over}(dxhat) - (x - mu) / sqrt(var) * mean_{over}(dxhat * xhat)) / std"


def through_unbiased(over: str) -> str:
    """The line of dx, where the variance divides by one less than the number of entries."""
    count = {"m": "m", "k": "K"}[over]
    return f"dx = (dxhat - mean_{over}(dxhat) - xhat * sum_{over}(dxhat * xhat) / ({count} - 1)) / std"


ENTRIES = (
    Entry(
        "norm-statistics-constant",
        "The mean and the standard deviation are treated as constants",
        "They are computed from x, so the gradient flows through them too: every entry of x changes them, and so "
        "all the outputs that they normalise.",
    ),
    Entry(
        "norm-mean-term-missing",
        "The term that flows through the mean is missing",
        "The mean that is subtracted depends on every entry that it averages. Its gradient is minus the mean of what "
        "arrives at x̂.",
    ),
    Entry(
        "norm-variance-term-missing",
        "The term that flows through the standard deviation is missing",
        "The number that x is divided by depends on every entry of x. This gives a term: minus x̂ times the mean of "
        "dxhat x̂.",
    ),
    Entry(
        "norm-sums-for-means",
        "Sums stand where means belong: 1/n is missing",
        "The mean and the variance divide by the number n of entries that they average, so the terms that flow through "
        "them are means as well. With sums, each of them is n times too large.",
    ),
    Entry(
        "norm-term-sign",
        "A term that flows through the mean or the standard deviation has the wrong sign",
        "Both terms are subtracted: the mean is subtracted in the forward pass, and a larger standard deviation makes "
        "the output smaller.",
    ),
    Entry(
        "norm-variance-term-factor",
        "The term that flows through the standard deviation has the wrong factor",
        "The variance has the derivative 2 (x - mean) / n, the square root 1 / (2 std). The 2 and the half "
        "cancel: x̂ mean(dxhat x̂) is left.",
    ),
    Entry(
        "norm-power",
        "The power of the standard deviation is wrong",
        "1 / std has the derivative -1 / std²; with x - mean in the place of x̂ there is 1 / std³ in front of the term. "
        "Count the powers: dx falls by the factor c where x grows by it.",
    ),
    Entry(
        "norm-scale-missing",
        "The division by the standard deviation is missing",
        "The forward pass divides by it, and so does the backward pass.",
    ),
    Entry(
        "norm-gamma-missing",
        "The factor gamma is missing",
        "The output is gamma x̂ + beta, so the gradient that arrives is multiplied by gamma on its way to x̂.",
    ),
    Entry(
        "norm-gamma-input",
        "The gradient of gamma is formed with the wrong array",
        "gamma multiplies the normalised x̂, so its gradient is the sum of dy x̂.",
    ),
    Entry(
        "norm-parameter-axis",
        "The gradient of gamma or beta is summed over the wrong axis",
        "Each feature has a gamma and a beta of its own, which all samples share: the sum runs over the samples.",
    ),
    Entry(
        "norm-axis",
        "The terms are averaged over the wrong axis",
        "The forward pass takes its mean and its variance over one axis. The backward pass averages over the same one.",
    ),
    Entry(
        "norm-mean-term-added",
        "There is a term of a mean that is not subtracted",
        "RMS norm divides by the root of the mean square and subtracts no mean, so no gradient flows through one.",
    ),
    Entry(
        "norm-statistics-given",
        "Terms flow through a mean and a variance that are given",
        "Here the mean and the variance are inputs, as in evaluation, and do not depend on x. The gradient of x is "
        "dxhat / std alone.",
    ),
    Entry(
        "norm-epsilon",
        "The small constant is left out or in another place in the backward pass",
        "The standard deviation of the backward pass is that of the forward pass, with the same small constant in the "
        "same place: sqrt(var + ε) is not sqrt(var) + ε.",
    ),
)


def _terms(right: str, over: str, unit: str = "xhat") -> Iterator[WrongLine]:
    """The wrong lines of one line of dx with a mean."""
    other = {"m": "k", "k": "m"}[over]
    mean, inner = f"mean_{over}(dxhat)", f"mean_{over}(dxhat * xhat)"
    total, inner_total = f"sum_{over}(dxhat)", f"sum_{over}(dxhat * xhat)"
    centred = f"mean_{over}(dxhat * (x - mu))"
    for wrong, name in (
        ("dxhat / std", "norm-statistics-constant"),
        (f"(dxhat - {unit} * {inner}) / std", "norm-mean-term-missing"),
        (f"(dxhat - {mean}) / std", "norm-variance-term-missing"),
        (f"(dxhat - {total} - {unit} * {inner_total}) / std", "norm-sums-for-means"),
        (f"(dxhat - {total} - {unit} * {inner}) / std", "norm-sums-for-means"),
        (f"(dxhat - {mean} - {unit} * {inner_total}) / std", "norm-sums-for-means"),
        (f"(dxhat + {mean} - {unit} * {inner}) / std", "norm-term-sign"),
        (f"(dxhat - {mean} + {unit} * {inner}) / std", "norm-term-sign"),
        (f"(dxhat + {mean} + {unit} * {inner}) / std", "norm-term-sign"),
        (f"(dxhat - {mean} - 2 * {unit} * {inner}) / std", "norm-variance-term-factor"),
        (f"(dxhat - {mean} - {unit} * {inner} / 2) / std", "norm-variance-term-factor"),
        (f"(dxhat - {mean} - (x - mu) * {centred}) / std", "norm-power"),
        (f"(dxhat - {mean} - (x - mu) * {centred} / std) / std", "norm-power"),
        (f"(dxhat - {mean} - {unit} * {inner} * std) / std", "norm-power"),
        (f"(dxhat - {mean} - {unit} * {inner} / std) / std", "norm-power"),
        (f"(dxhat - {mean} - {unit} * {inner}) / std ** 2", "norm-power"),
        (f"(dxhat - {mean} - x * {inner}) / std", "norm-power"),
        (f"dxhat - {mean} - {unit} * {inner}", "norm-scale-missing"),
        (f"(dxhat - mean_{other}(dxhat) - {unit} * mean_{other}(dxhat * xhat)) / std", "norm-axis"),
        (f"(dxhat - mean_all(dxhat) - {unit} * mean_all(dxhat * xhat)) / std", "norm-axis"),
        (f"(dxhat - {mean} - {unit} * {inner}) / sqrt(var)", "norm-epsilon"),
        (f"(dxhat - {mean} - (x - mu) / var * mean_{over}(dxhat * (x - mu))) / sqrt(var)", "norm-epsilon"),
    ):
        if f"dx = {wrong}" != right:
            yield WrongLine(right, wrong, name)


WRONG_LINES = (
    WrongLine(GAMMA, "sum_m(dy * x)", "norm-gamma-input"),
    WrongLine(GAMMA, "sum_m(dy * y)", "norm-gamma-input"),
    WrongLine(GAMMA, "sum_m(dy)", "norm-gamma-input"),
    WrongLine(GAMMA, "sum_k(dy * xhat)", "norm-parameter-axis"),
    WrongLine(GAMMA, "sum_all(dy * xhat) * ones(gamma)", "norm-parameter-axis"),
    WrongLine(GAMMA, "mean_m(dy * xhat)", "mean-for-sum"),
    WrongLine(BETA, "sum_k(dy)", "norm-parameter-axis"),
    WrongLine(BETA, "sum_all(dy) * ones(beta)", "norm-parameter-axis"),
    WrongLine(BETA, "mean_m(dy)", "mean-for-sum"),
    WrongLine(AT_NORMALISED, "dy", "norm-gamma-missing"),
    *(wrong for over in "mk" for wrong in _terms(through(over), over)),
    *(
        WrongLine(through(over), through(over).removeprefix("dx = ").replace("/ std", "/ (sqrt(var) + epsilon)"), name)
        for over in "mk"
        for name in ("norm-epsilon",)
    ),
    *(wrong for over in "mk" for wrong in _terms(through_outside(over), over, "(x - mu) / sqrt(var)")),
    *(WrongLine(through_outside(over), through(over).removeprefix("dx = "), "norm-epsilon") for over in "mk"),
    *(WrongLine(through_unbiased(over), wrong.wrong, wrong.name) for over in "mk" for wrong in _terms("", over)),
    WrongLine(RMS, "dxhat / rms", "norm-statistics-constant"),
    WrongLine(RMS, "(dxhat - xhat * sum_k(dxhat * xhat)) / rms", "norm-sums-for-means"),
    WrongLine(RMS, "(dxhat + xhat * mean_k(dxhat * xhat)) / rms", "norm-term-sign"),
    WrongLine(RMS, "(dxhat - 2 * xhat * mean_k(dxhat * xhat)) / rms", "norm-variance-term-factor"),
    WrongLine(RMS, "(dxhat - xhat * mean_k(dxhat * xhat) / 2) / rms", "norm-variance-term-factor"),
    WrongLine(RMS, "(dxhat - x * mean_k(dxhat * x)) / rms", "norm-power"),
    WrongLine(RMS, "(dxhat - x * mean_k(dxhat * x) / rms) / rms", "norm-power"),
    WrongLine(RMS, "(dxhat - x * mean_k(dxhat * x) / rms ** 3) / rms", "norm-power"),
    WrongLine(RMS, "(dxhat - x * mean_k(dxhat * xhat)) / rms", "norm-power"),
    WrongLine(RMS, "(dxhat - xhat * mean_k(dxhat * xhat)) / rms ** 2", "norm-power"),
    WrongLine(RMS, "dxhat - xhat * mean_k(dxhat * xhat)", "norm-scale-missing"),
    WrongLine(RMS, "(dxhat - xhat * mean_m(dxhat * xhat)) / rms", "norm-axis"),
    WrongLine(RMS, "(dxhat - xhat * mean_all(dxhat * xhat)) / rms", "norm-axis"),
    WrongLine(RMS, "(dxhat - mean_k(dxhat) - xhat * mean_k(dxhat * xhat)) / rms", "norm-mean-term-added"),
    WrongLine(UNIT, "dy / length", "norm-statistics-constant"),
    WrongLine(UNIT, "(dy + y * sum_k(dy * y)) / length", "norm-term-sign"),
    WrongLine(UNIT, "(dy - y * mean_k(dy * y)) / length", "mean-for-sum"),
    WrongLine(UNIT, "(dy - x * sum_k(dy * x)) / length", "norm-power"),
    WrongLine(UNIT, "(dy - x * sum_k(dy * x) / length) / length", "norm-power"),
    WrongLine(UNIT, "(dy - x * sum_k(dy * x) / length ** 3) / length", "norm-power"),
    WrongLine(UNIT, "(dy - y * sum_k(dy * y)) / length ** 2", "norm-power"),
    WrongLine(UNIT, "dy - y * sum_k(dy * y)", "norm-scale-missing"),
    WrongLine(UNIT, "(dy - y * sum_m(dy * y)) / length", "norm-axis"),
    WrongLine(UNIT, "(dy - y * sum_all(dy * y)) / length", "norm-axis"),
    WrongLine(GIVEN, through("m").removeprefix("dx = "), "norm-statistics-given"),
    WrongLine(GIVEN, "dxhat", "norm-scale-missing"),
    WrongLine(GIVEN, "dxhat / std ** 2", "norm-power"),
    WrongLine(GIVEN, "dxhat * std", "norm-power"),
    WrongLine(GIVEN, "dxhat / sqrt(var)", "norm-epsilon"),
)  # fmt: skip
