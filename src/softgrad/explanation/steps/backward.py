"""The steps from the loss of one row to its gradient with respect to the logits.

    dL/dp,    J = diag(p) - p p^T,    dL/dz = J^T dL/dp = p (dL/dp - <dL/dp, p>),    and p - t for the cross-entropy

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3 and 6.5; for p - t: Bridle, Probabilistic Interpretation of
Feedforward Classification Network Outputs (1990).
"""

from __future__ import annotations

from dataclasses import replace

from softgrad.check.catalogue.cross_entropy import ANY_SUM
from softgrad.check.catalogue.softmax import SOFTMAX
from softgrad.explanation.document import Compared, Step, Table
from softgrad.explanation.error_bounds import computed
from softgrad.explanation.formula import (
    Frac,
    Math,
    Num,
    Partial,
    Squared,
    Sub,
    Sum,
    Transposed,
    Vec,
    Words,
    factor,
    loss_by,
    row,
    total,
)
from softgrad.explanation.steps.row_values import VECTOR, RowValues
from softgrad.explanation.steps.shared import (
    WRITTEN_OUT,
    classes_left_out,
    close,
    compared,
    differ,
    largest,
    log_p,
    main_class,
    num,
    p,
    score,
    t,
    vec,
    wrong,
    wrong_of,
)
from softgrad.explanation.steps.wrong_lines import wrong_line
from softgrad.formulas.language import run
from softgrad.formulas.losses import FUSED, SOFTMAX_IN_LOSS

DELTA = Sub("δ", "ij")
J_IJ = Sub("J", "ij")


def backward_steps(at: RowValues) -> tuple[Step, ...]:
    """The steps from dL/dp to dL/dz."""
    simplified = [_simplified(at)] if at.simplifies else []
    shortcut = _cross_entropy_of_class if at.simplifies else _squared_error_of_class
    of_class = [] if at.label is None else [shortcut(at, at.label)]
    scaled = [_through_temperature(at)] if at.temperature != 1 else []
    return (
        _at_probabilities(at),
        _jacobian(at),
        _why_a_matrix(at),
        _product(at),
        _inner_product(at),
        *simplified,
        *of_class,
        *scaled,
    )


def _too_large(at: RowValues) -> str:
    """A sentence on the numbers that are left out, because they contain 1/p where p is shown as 0."""
    if not at.overflows:
        return ""
    i = next(i for i in range(len(at.far)) if at.far[i] and at.t.value[i])
    return (
        f" Here 1/p_{i} is too large to be shown. The gradient at the logits is finite all the same: see p - t below."
    )


def _at_probabilities(at: RowValues) -> Step:
    i = main_class(at)
    if not at.simplifies:
        why = "The derivative of the square has a factor of 2, which cancels the 1/2 of the loss."
        formula: Math = row(p("i"), "-", t("i"))
        with_numbers: Math = row(num(at.p, i), "-", num(at.t, i))
        mistakes = ("sign", "factor-2", "cross-entropy-gradient")
    else:
        why = "The derivative of log p is 1/p. The minus sign of the loss remains."
        formula = row("negative", Frac(t("i"), p("i")))
        with_numbers = row("negative", Frac(num(at.t, i), num(at.p, i)))
        mistakes = ("sign", "logits-gradient-at-probabilities", "true-class-only-missing")
    return Step(
        "The gradient at the probabilities",
        why + _too_large(at),
        (row(loss_by(p("i")), "=", formula),),
        ()
        if at.overflows
        else (row(loss_by(p(i)), "=", with_numbers, "=", num(at.dp, i)), row(loss_by("p"), "=", vec(at, at.dp))),
        wrong=() if at.overflows else wrong(at, at.at_probabilities, mistakes, at.dp),
    )


def _jacobian(at: RowValues) -> Step:
    positions = range(len(at.shown))
    by_quotient_rule = Frac(row(DELTA, Sub("e", "i"), "S", "-", Sub("e", "i"), Sub("e", "j")), Squared("S"))
    upper_triangle = (_entry(at, a, b) for a in positions[:WRITTEN_OUT] for b in positions[a:WRITTEN_OUT])
    table = Table(
        "The Jacobian J: row i, column j",
        (Words("i, j"), *map(str, at.shown)),
        tuple((str(i), *(num(at.jacobian, a, b) for b in positions)) for a, i in enumerate(at.shown)),
        "heat",
        tuple(tuple(_entry(at, a, b) for b in positions) for a in positions),
        classes_left_out(at),
    )
    return Step(
        "The Jacobian, entry by entry",
        f"The quotient rule differentiates e_i / S. The numerator contains {at.letter}_j only if i = j; the sum S "
        "always does.",
        (
            row(J_IJ, "=", Partial(p("i"), score(at, "j")), "=", by_quotient_rule,
                Words("   with "), "S", "=", Sum("k", Sub("e", "k"))),
            row(Sub("J", "ii"), "=", p("i"), "(", "1", "-", p("i"), ")", Words("   if "), "i", "=", "j"),
            row(J_IJ, "=", "negative", p("i"), p("j"), Words("   if "), "i", "≠", "j"),
            row(J_IJ, "=", p("i"), "(", DELTA, "-", p("j"), ")", Words("   in both cases; the Kronecker delta "), DELTA,
                Words(" is 1 if "), "i", "=", "j", Words(" and 0 otherwise")),
            row("J", "=", "diag", "(", "p", ")", "-", "p", Transposed("p")),
        ),
        tuple(upper_triangle),
        (table,),
        (Compared("J", None, largest(at.jacobian.value, at.jacobian_by_differences.value)),),
    )  # fmt: skip


def _entry(at: RowValues, a: int, b: int) -> Math:
    """One entry of the Jacobian with the numbers put in."""
    i, j = at.shown[a], at.shown[b]
    p_i, p_j = num(at.p, i), num(at.p, j)
    with_numbers = row(p_i, "(", "1", "-", p_i, ")") if a == b else row("negative", p_i, "·", p_j)
    return row(Sub("J", f"{i},{j}"), "=", with_numbers, "=", num(at.jacobian, a, b))


def _why_a_matrix(at: RowValues) -> Step:
    j = main_class(at)
    b = at.shown.index(j)
    column = [num(at.jacobian, a, b) for a in range(len(at.shown))]
    diagonal = [num(at.jacobian, a, a) for a in range(len(at.shown))]
    return Step(
        "Why a matrix and not a vector",
        "Every logit changes every probability through the sum S. A vector could hold only the diagonal J_ii; it would "
        "miss what the other classes lose when one class gains.",
        (
            row(Sum("i", J_IJ), "=", p("j"), "-", p("j"), Sum("i", p("i")), "=", "0",
                Words("   because the probabilities always sum to 1")),
        ),
        (
            row(Words(f"column {j} of J:  "), total(map(factor, column), at.left_out), "=", "0"),
            row(Words("diagonal of J:  "), Vec(tuple(diagonal), at.left_out)),
        ),
    )  # fmt: skip


def _product(at: RowValues) -> Step:
    mistakes = ("diagonal-only", "jacobian-summed", "inner-product-missing", "off-diagonal-sign")
    return Step(
        "The product with the Jacobian",
        f"Each {at.letter}_j affects the loss through every p_i. The chain rule sums these effects.",
        (
            row(loss_by(score(at, "j")), "=", Sum("i", row(J_IJ, loss_by(p("i"))))),
            row(loss_by(at.letter), "=", Transposed("J"), loss_by("p")),
        ),
        ()
        if at.overflows
        else (
            *(_entry_of_product(at, b) for b in range(len(at.shown))[:WRITTEN_OUT]),
            row(Transposed("J"), loss_by("p"), "=", vec(at, at.product)),
        ),
        compared=() if at.overflows else compared(at, row(Transposed("J"), loss_by("p")), at.product),
        wrong=wrong(at, SOFTMAX, mistakes, at.dz),
    )


def _entry_of_product(at: RowValues, b: int) -> Math:
    """One entry of J^T dL/dp as a sum, without the terms in which dL/dp is 0."""
    counted = [(a, i) for a, i in enumerate(at.shown) if at.dp.value[i]]
    terms = [row(factor(num(at.jacobian, a, b)), "·", factor(num(at.dp, i))) for a, i in counted]
    left_out = int((at.dp.value != 0).sum()) - len(counted)
    j = at.shown[b]
    return row(loss_by(score(at, j)), "=", total(terms, left_out), "=", num(at.product, j))


def _inner_product(at: RowValues) -> Step:
    counted = [i for i in at.shown if at.dp.value[i]]
    left_out = int((at.dp.value != 0).sum()) - len(counted)
    products = [row(factor(num(at.dp, i)), "·", num(at.p, i)) for i in counted]
    inner = row("⟨", loss_by("p"), ",", "p", "⟩")
    j = main_class(at)
    with_numbers = row(num(at.p, j), "(", num(at.dp, j), "-", factor(num(at.inner)), ")")
    return Step(
        "The product without the matrix",
        "With J_ij = p_i (δ_ij - p_j), the δ selects the term i = j, and what remains is an inner product that is the "
        "same for every j. The matrix J is not needed.",
        (
            row(Sum("i", row(p("i"), "(", DELTA, "-", p("j"), ")", loss_by(p("i")))), "=",
                p("j"), loss_by(p("j")), "-", p("j"), Sum("i", row(p("i"), loss_by(p("i"))))),
            row(loss_by(at.letter), "=", "p", "(", loss_by("p"), "-", inner, ")", Words("   entry by entry")),
        ),
        ()
        if at.overflows
        else (
            row(inner, "=", total(products, left_out), "=", num(at.inner)),
            row(loss_by(score(at, j)), "=", with_numbers, "=", num(at.dz, j)),
            row(loss_by(at.letter), "=", vec(at, at.dz)),
        ),
        compared=compared(at, loss_by(at.letter), at.dz) if not at.simplifies else (),
        wrong=wrong(at, SOFTMAX_IN_LOSS, ("softmax-jacobian-missing", "mean-for-sum"), at.dz),
    )  # fmt: skip


def _simplified(at: RowValues) -> Step:
    one = at.weight is None  # the target sums to 1
    total_t: tuple[Math, ...] = () if one else (Sum("i", t("i")),)
    by_sum: tuple[Math, ...] = () if one else ("·", num(at.target_sum))
    lines = (
        row(loss_by(score(at, j)), "=", num(at.p, j), *by_sum, "-", num(at.t, j), "=", num(at.dz, j)) for j in at.shown
    )
    right = FUSED if one else ANY_SUM
    names = ("softmax-derivative-again", "sign", "factor-2", "probabilities-gradient-at-logits") if one else (
        "target-sum-missing", "sign", "factor-2")  # fmt: skip
    of_p: Math = row("p", "-", "t") if one else row("p", *total_t, "-", "t")
    return Step(
        "The sum simplifies to p - t" if one else "The sum simplifies to p Σ t - t",
        "Each p_i cancels the 1/p_i of the loss, and the target sums to 1."
        if one
        else "Each p_i cancels the 1/p_i of the loss. The weighted target does not sum to 1, so its sum stays.",
        (
            row(loss_by(score(at, "j")), "=", Sum("i", row(p("i"), "(", DELTA, "-", p("j"), ")",
                row("(", "negative", Frac(t("i"), p("i")), ")")))),
            row(loss_by(score(at, "j")), "=", "negative", t("j"), "+", p("j"), Sum("i", t("i")), "=",
                p("j"), *total_t, "-", t("j")),
        ),
        (*tuple(lines)[:WRITTEN_OUT], row(loss_by(at.letter), "=", of_p, "=", vec(at, at.dz))),
        compared=compared(at, of_p, at.dz),
        wrong=wrong(at, right, names, at.dz),
    )  # fmt: skip


def _through_temperature(at: RowValues) -> Step:
    """From the gradient at u = z / T to that at the logits."""
    line = "dz = dz / T"
    found = []
    for name in ("temperature-missing", "temperature-inverted", "temperature-twice"):
        text = wrong_line(line, name)
        gives = computed(lambda du, text=text: run([text], {"dz": du, "T": at.temperature})["dz"], at.dz)
        if differ(gives.value, at.grad.value):
            shown = f"dz = {text.removeprefix('dz = ').replace('dz', 'du')}"
            mine = None if at.mine is None else at.mine / at.temperature
            one = wrong_of(name, shown, VECTOR, vec(at, gives), vec(at, at.grad))
            found.append(replace(one, is_readers=mine is not None and close(mine, gives.value)))
    T, j = Num(at.temperature, 0.0), main_class(at)
    return Step(
        "Back through the temperature",
        "u_i = z_i / T, so the chain rule divides by T once more.",
        (row(loss_by(Sub("z", "i")), "=", Frac("1", "T"), loss_by(Sub("u", "i"))),),
        (
            row(loss_by(Sub("z", str(j))), "=", Frac(num(at.dz, j), T), "=", num(at.grad, j)),
            row(loss_by("z"), "=", vec(at, at.grad)),
        ),
        wrong=tuple(found),
    )


def _cross_entropy_of_class(at: RowValues, y: int) -> Step:
    mistakes = ("label-off-by-one", "true-class-only", "one-hot-not-subtracted")
    return Step(
        "The shortcut for a class index",
        "The target is 1 at one class and 0 at the others. So no vector t is needed: 1 is subtracted from one entry of "
        "p.",
        (
            row("L", "=", "negative", "log", p(y)),
            row(loss_by(at.letter), "=", "p", Words("   with 1 subtracted at class "), str(y)),
        ),
        (
            row("L", "=", "negative", log_p(at, y), "=", num(at.loss_value)),
            row(loss_by(score(at, y)), "=", num(at.p, y), "-", "1", "=", num(at.dz, y)),
            row(loss_by(at.letter), "=", vec(at, at.dz)),
        ),
        wrong=wrong(at, FUSED, mistakes, at.dz),
    )


def _squared_error_of_class(at: RowValues, y: int) -> Step:
    inner = row("⟨", loss_by("p"), ",", "p", "⟩")
    return Step(
        "The shortcut for a class index",
        "The target is 1 at one class and 0 at the others. So no vector t is needed: 1 is subtracted from one entry of "
        "p, and the inner product is a sum of squares minus one entry of p.",
        (
            row(loss_by("p"), "=", "p", Words("   with 1 subtracted at class "), str(y)),
            row(inner, "=", Sum("i", Squared(p("i"))), "-", p(y)),
        ),
        (row(loss_by("p"), "=", vec(at, at.dp)), row(inner, "=", num(at.inner))),
        wrong=wrong(at, at.at_probabilities, ("label-off-by-one", "one-hot-not-subtracted"), at.dp),
    )
