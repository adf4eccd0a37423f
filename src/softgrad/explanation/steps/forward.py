"""The steps from the logits of one row to its loss.

    s = z - max z,    e = exp s,    p = e / sum e,    L = -sum t log p   or another loss

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3, and 4.1 for the shift.
"""

from __future__ import annotations

from softgrad.explanation.document import Step, Table
from softgrad.explanation.formula import Frac, Math, Num, Squared, Sub, Sum, Vec, Words, factor, row, total
from softgrad.explanation.steps.row_values import RowValues
from softgrad.explanation.steps.shared import WRITTEN_OUT, classes_left_out, log_p, num, p, score, t, vec


def forward_steps(at: RowValues) -> tuple[Step, ...]:
    """The shift, the exponentials, the probabilities and the loss."""
    loss = {"cross_entropy": _cross_entropy, "squared_error": _squared_error, "kl_divergence": _kl_divergence}
    changed = [_target(at)] if at.smoothing or at.weight is not None else []
    scaled = [_temperature(at)] if at.temperature != 1 else []
    return *changed, *scaled, _shift(at), _exponentials(at), _probabilities(at), loss[at.loss](at)


def _target(at: RowValues) -> Step:
    """The target with label smoothing, and with the weights of the classes."""
    spread = "A fraction ε of the target is spread evenly over all K classes." if at.smoothing else ""
    weighted = "The loss multiplies the term of each class by its weight w_i." if at.weight is not None else ""
    new = " and ".join(filter(None, ("smoothed" if spread else "", "weighted" if weighted else "")))
    smoothed: Math = row("(", "1", "-", "ε", ")", Sub("y", "i"), "+", Frac("ε", "K")) if spread else Sub("y", "i")
    if weighted:
        smoothed = row(Sub("w", "i"), *(("(", smoothed, ")") if spread else (smoothed,)))
    return Step(
        f"The {new} target",
        f"{spread} {weighted} ".lstrip() + f"From here on t is the {new} target. The target that was given is y.",
        (row(t("i"), "=", smoothed),),
        (*(row(t(i), "=", _target_entry(at, i), "=", num(at.t, i)) for i in at.shown[:WRITTEN_OUT]),
         row("t", "=", vec(at, at.t))),
    )  # fmt: skip


def _target_entry(at: RowValues, i: int) -> Math:
    entry: Math = Num(float(at.given_target[i]), 0.0)
    if at.smoothing:
        eps = Num(at.smoothing, 0.0)
        entry = row("(", "1", "-", eps, ")", "·", entry, "+", Frac(eps, str(at.z.value.size)))
    if at.weight is not None:
        entry = row(Num(float(at.weight[i]), 0.0), *(("(", entry, ")") if at.smoothing else ("·", entry)))
    return entry


def _temperature(at: RowValues) -> Step:
    logits = Vec(tuple(Num(float(at.z.value[i]), 0.0, at.digits_of_z) for i in at.shown), at.left_out)
    return Step(
        "Divide by the temperature",
        "A temperature T above 1 brings the probabilities nearer to each other, and one below 1 moves them apart. From "
        "here on the scores are u = z / T.",
        (row(score(at, "i"), "=", Frac(Sub("z", "i"), "T")),),
        (row("z", "=", logits), row("u", "=", Frac("z", Num(at.temperature, 0.0)), "=", vec(at, at.scores))),
    )


def _shift(at: RowValues) -> Step:
    digits, z = at.digits_of_z, at.letter
    values, errors = at.scores
    scores = Vec(tuple(Num(float(values[i]), float(errors[i]), digits) for i in at.shown), at.left_out)
    maximum = Num(float(values.max()), float(errors[values.argmax()]), digits)
    classes = ", ".join(map(str, at.shown))
    shown = [Words(f"classes {classes}; {classes_left_out(at)}")] if at.left_out else []
    return Step(
        "Shift by the maximum",
        f"softmax({z}) and softmax({z} - c) are equal for every constant c. With c = max {z}, no exponential "
        "overflows.",
        (row(Sub("s", "i"), "=", score(at, "i"), "-", Sub("max", "j"), score(at, "j")),),
        (*shown, row(z, "=", scores), row("s", "=", z, "-", factor(maximum), "=", vec(at, at.shifted))),
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
    far = [i for i in at.shown if at.far[i]]
    return Step(
        "Probabilities",
        "The exponentials are divided by their sum, so that they sum to 1. Each probability therefore depends on every "
        "logit." + (" Probabilities below 1e-130 are shown as 0; their logarithms are exact." if far else ""),
        (row(p("i"), "=", Frac(Sub("e", "i"), Sum("j", Sub("e", "j")))),),
        (
            row(Sum("j", Sub("e", "j")), "=", total((num(at.e, i) for i in at.shown), at.left_out), "=", sum_e),
            *lines,
            row("p", "=", vec(at, at.p)),
            *(_log_of_far(at, i) for i in far[:WRITTEN_OUT]),
        ),
        (Table("Probabilities p and target t", (Words("class"), "p", "t"), bars, "bars", (), classes_left_out(at)),),
    )


def _log_of_far(at: RowValues, i: int) -> Math:
    """The logarithm of a probability that is shown as 0."""
    log_sum = row("log", num(at.sum_e))
    return row("log", p(i), "=", Sub("s", str(i)), "-", "log", Sum("j", Sub("e", "j")), "=", num(at.shifted, i), "-",
               log_sum, "=", num(at.log_p, i))  # fmt: skip


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
    terms: list[Math] = [row(*one, log_p(at, i)) for i, one in zip(counted, ones, strict=True)]
    return terms, int((at.t.value != 0).sum()) - len(counted)


def _kl_divergence(at: RowValues) -> Step:
    counted = [i for i in at.shown if at.t.value[i]]
    terms = [row(num(at.t, i), "(", "log", _ratio(at, i), "-", log_p(at, i), ")") for i in counted]
    left_out = int((at.t.value != 0).sum()) - len(counted)
    ratio: Math = t("i") if at.weight is None else Frac(t("i"), Sub("w", "i"))
    return Step(
        "The loss: Kullback-Leibler divergence",
        "It measures how far p is from the target. Σ t log t does not depend on the logits; the rest is the "
        "cross-entropy.",
        (row("L", "=", Sum("i", row(t("i"), "(", "log", ratio, "-", "log", p("i"), ")"))),),
        (row("L", "=", total(terms, left_out), "=", num(at.loss_value)),),
    )


def _ratio(at: RowValues, i: int) -> Math:
    """t_i without its weight."""
    return num(at.t, i) if at.weight is None else Frac(num(at.t, i), Num(float(at.weight[i]), 0.0))


def _squared_error(at: RowValues) -> Step:
    terms = [Squared(row(num(at.p, i), "-", num(at.t, i))) for i in at.shown]
    return Step(
        "The loss: squared error",
        "Half the squared distance between the probabilities and the target. The factor 1/2 cancels a 2 in the "
        "derivative.",
        (row("L", "=", Frac("1", "2"), Sum("i", Squared(row(p("i"), "-", t("i"))))),),
        (row("L", "=", Frac("1", "2"), "(", total(terms, at.left_out), ")", "=", num(at.loss_value)),),
    )
