"""The steps from the logits of one row to its loss.

    s = z - max z,    e = exp s,    p = e / sum e,    L = -sum t log p   or another loss

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3, and 4.1 for the shift.
"""

from __future__ import annotations

from softgrad.explanation.document import Step, Table
from softgrad.explanation.formula import Frac, Math, Num, Squared, Sub, Sum, Vec, Words, factor, row, total
from softgrad.explanation.steps.row_values import RowValues
from softgrad.explanation.steps.shared import WRITTEN_OUT, classes_left_out, num, p, t, vec, z


def forward_steps(at: RowValues) -> tuple[Step, ...]:
    """The shift, the exponentials, the probabilities and the loss."""
    loss = {"cross_entropy": _cross_entropy, "squared_error": _squared_error, "kl_divergence": _kl_divergence}
    return _shift(at), _exponentials(at), _probabilities(at), loss[at.loss](at)


def _shift(at: RowValues) -> Step:
    logits = Vec(tuple(Num(float(at.z.value[i]), 0.0, at.digits_of_z) for i in at.shown), at.left_out)
    maximum = Num(float(at.z.value.max()), 0.0, at.digits_of_z)
    classes = ", ".join(map(str, at.shown))
    shown = [Words(f"classes {classes}; {classes_left_out(at)}")] if at.left_out else []
    return Step(
        "Shift by the maximum",
        "softmax(z) and softmax(z - c) are equal for every constant c. With c = max z, no exponential overflows.",
        (row(Sub("s", "i"), "=", z("i"), "-", Sub("max", "j"), z("j")),),
        (*shown, row("z", "=", logits), row("s", "=", "z", "-", factor(maximum), "=", vec(at, at.shifted))),
    )


def _exponentials(at: RowValues) -> Step:
    return Step(
        "Exponentials",
        "The exponential function makes every score positive and keeps their order. The largest score becomes 1.",
        (row(Sub("e", "i"), "=", "exp", "(", Sub("s", "i"), ")"),),
        (row("e", "=", "exp", "(", vec(at, at.shifted), ")", "=", vec(at, at.e)),),
    )


def _probabilities(at: RowValues) -> Step:
    sum_e = num(at.sum_e)
    lines = (row(p(i), "=", Frac(num(at.e, i), sum_e), "=", num(at.p, i)) for i in at.shown[:WRITTEN_OUT])
    bars = tuple((str(i), num(at.p, i), num(at.t, i)) for i in at.shown)
    return Step(
        "Probabilities",
        "The exponentials are divided by their sum, so that they sum to 1. Each probability therefore depends on every "
        "logit.",
        (row(p("i"), "=", Frac(Sub("e", "i"), Sum("j", Sub("e", "j")))),),
        (
            row(Sum("j", Sub("e", "j")), "=", total((num(at.e, i) for i in at.shown), at.left_out), "=", sum_e),
            *lines,
            row("p", "=", vec(at, at.p)),
        ),
        (Table("Probabilities p and target t", (Words("class"), "p", "t"), bars, "bars", (), classes_left_out(at)),),
    )


def _cross_entropy(at: RowValues) -> Step:
    terms, left_out = _terms(at)
    if len(terms) == 1 and not left_out:
        with_numbers: Math = terms[0]
    else:
        with_numbers = row("(", total(terms, left_out), ")")
    return Step(
        "The loss: cross-entropy",
        "The negative logarithm of the probability of the target: 0 if that probability is 1, and large if it is small."
        if at.label is not None
        else "The negative logarithms of the probabilities, averaged with the target as weights.",
        (row("L", "=", "negative", Sum("i", row(t("i"), "log", p("i")))),),
        (row("L", "=", "negative", with_numbers, "=", num(at.loss_value)),),
    )


def _terms(at: RowValues) -> tuple[list[Math], int]:
    """The terms t_i log p_i that are not 0, and how many of them are left out."""
    counted = [i for i in at.shown if at.t.value[i]]
    ones = (() if at.t.value[i] == 1 else (num(at.t, i), "·") for i in counted)
    terms: list[Math] = [row(*one, "log", num(at.p, i)) for i, one in zip(counted, ones, strict=True)]
    return terms, int((at.t.value != 0).sum()) - len(counted)


def _kl_divergence(at: RowValues) -> Step:
    counted = [i for i in at.shown if at.t.value[i]]
    terms = [row(num(at.t, i), "(", "log", num(at.t, i), "-", "log", num(at.p, i), ")") for i in counted]
    left_out = int((at.t.value != 0).sum()) - len(counted)
    return Step(
        "The loss: Kullback-Leibler divergence",
        "It measures how far p is from the target. Σ t log t does not depend on the logits; the rest is the "
        "cross-entropy.",
        (row("L", "=", Sum("i", row(t("i"), "(", "log", t("i"), "-", "log", p("i"), ")"))),),
        (row("L", "=", total(terms, left_out), "=", num(at.loss_value)),),
    )


def _squared_error(at: RowValues) -> Step:
    terms = [Squared(row(num(at.p, i), "-", num(at.t, i))) for i in at.shown]
    return Step(
        "The loss: squared error",
        "Half the squared distance between the probabilities and the target. The factor 1/2 cancels a 2 in the "
        "derivative.",
        (row("L", "=", Frac("1", "2"), Sum("i", Squared(row(p("i"), "-", t("i"))))),),
        (row("L", "=", Frac("1", "2"), "(", total(terms, at.left_out), ")", "=", num(at.loss_value)),),
    )
