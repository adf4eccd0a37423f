"""The steps from the loss of one row to its gradient with respect to the logits.

    dL/dp,    J = diag(p) - p p^T,    dL/dz = J^T dL/dp = p (dL/dp - <dL/dp, p>),    and p - t for the cross-entropy

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3 and 6.5; for p - t: Bridle, Probabilistic Interpretation of
Feedforward Classification Network Outputs (1990).
"""

from __future__ import annotations

from softgrad.check.catalogue.softmax import SOFTMAX
from softgrad.explanation.document import Compared, Step, Table
from softgrad.explanation.formula import (
    Frac,
    Math,
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
from softgrad.explanation.steps.row_values import RowValues
from softgrad.explanation.steps.shared import (
    WRITTEN_OUT,
    classes_left_out,
    compared,
    largest,
    main_class,
    num,
    p,
    t,
    vec,
    wrong,
    z,
)
from softgrad.formulas.losses import FUSED, SOFTMAX_IN_LOSS

DELTA = Sub("δ", "ij")
J_IJ = Sub("J", "ij")


def backward_steps(at: RowValues) -> tuple[Step, ...]:
    """The steps from dL/dp to dL/dz."""
    simplified = [_simplified(at)] if at.simplifies else []
    shortcut = _cross_entropy_of_class if at.simplifies else _squared_error_of_class
    of_class = [] if at.label is None else [shortcut(at, at.label)]
    return (
        _at_probabilities(at),
        _jacobian(at),
        _why_a_matrix(at),
        _product(at),
        _inner_product(at),
        *simplified,
        *of_class,
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
        why,
        (row(loss_by(p("i")), "=", formula),),
        (row(loss_by(p(i)), "=", with_numbers, "=", num(at.dp, i)), row(loss_by("p"), "=", vec(at, at.dp))),
        wrong=wrong(at, at.at_probabilities, mistakes, at.dp),
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
        "The quotient rule differentiates e_i / S. The numerator contains z_j only if i = j; the sum S always does.",
        (
            row(J_IJ, "=", Partial(p("i"), z("j")), "=", by_quotient_rule,
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
        "Each z_j affects the loss through every p_i. The chain rule sums these effects.",
        (
            row(loss_by(z("j")), "=", Sum("i", row(J_IJ, loss_by(p("i"))))),
            row(loss_by("z"), "=", Transposed("J"), loss_by("p")),
        ),
        (
            *(_entry_of_product(at, b) for b in range(len(at.shown))[:WRITTEN_OUT]),
            row(Transposed("J"), loss_by("p"), "=", vec(at, at.product)),
        ),
        compared=(compared(at, row(Transposed("J"), loss_by("p")), at.product),),
        wrong=wrong(at, SOFTMAX, mistakes, at.product),
    )


def _entry_of_product(at: RowValues, b: int) -> Math:
    """One entry of J^T dL/dp as a sum, without the terms in which dL/dp is 0."""
    counted = [(a, i) for a, i in enumerate(at.shown) if at.dp.value[i]]
    terms = [row(factor(num(at.jacobian, a, b)), "·", factor(num(at.dp, i))) for a, i in counted]
    left_out = int((at.dp.value != 0).sum()) - len(counted)
    j = at.shown[b]
    return row(loss_by(z(j)), "=", total(terms, left_out), "=", num(at.product, j))


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
            row(loss_by("z"), "=", "p", "(", loss_by("p"), "-", inner, ")", Words("   entry by entry")),
        ),
        (
            row(inner, "=", total(products, left_out), "=", num(at.inner)),
            row(loss_by(z(j)), "=", with_numbers, "=", num(at.dz, j)),
            row(loss_by("z"), "=", vec(at, at.dz)),
        ),
        compared=(compared(at, loss_by("z"), at.dz),) if not at.simplifies else (),
        wrong=wrong(at, SOFTMAX_IN_LOSS, ("softmax-jacobian-missing", "mean-for-sum"), at.dz),
    )  # fmt: skip


def _simplified(at: RowValues) -> Step:
    lines = (row(loss_by(z(j)), "=", num(at.p, j), "-", num(at.t, j), "=", num(at.dz, j)) for j in at.shown)
    return Step(
        "The sum simplifies to p - t",
        "Each p_i cancels the 1/p_i of the loss, and the target sums to 1.",
        (
            row(loss_by(z("j")), "=", Sum("i", row(p("i"), "(", DELTA, "-", p("j"), ")",
                row("(", "negative", Frac(t("i"), p("i")), ")")))),
            row(loss_by(z("j")), "=", "negative", t("j"), "+", p("j"), Sum("i", t("i")), "=", p("j"), "-", t("j")),
        ),
        (*tuple(lines)[:WRITTEN_OUT], row(loss_by("z"), "=", "p", "-", "t", "=", vec(at, at.dz))),
        compared=(compared(at, row("p", "-", "t"), at.dz),),
        wrong=wrong(at, FUSED, ("softmax-derivative-again", "sign", "factor-2", "probabilities-gradient-at-logits"),
                    at.dz),
    )  # fmt: skip


def _cross_entropy_of_class(at: RowValues, y: int) -> Step:
    mistakes = ("label-off-by-one", "true-class-only", "one-hot-not-subtracted")
    return Step(
        "The shortcut for a class index",
        "The target is 1 at one class and 0 at the others. So no vector t is needed: 1 is subtracted from one entry of "
        "p.",
        (
            row("L", "=", "negative", "log", p(y)),
            row(loss_by("z"), "=", "p", Words("   with 1 subtracted at class "), str(y)),
        ),
        (
            row("L", "=", "negative", "log", num(at.p, y), "=", num(at.loss_value)),
            row(loss_by(z(y)), "=", num(at.p, y), "-", "1", "=", num(at.dz, y)),
            row(loss_by("z"), "=", vec(at, at.dz)),
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
