"""The steps of one row from the loss back to the gradient with respect to its logits.

    dL/dp,    J = diag(p) - p p^T,    dL/dz = J^T dL/dp = p (dL/dp - <dL/dp, p>),    and p - t for the cross-entropy

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3 and 6.5; Bridle, Probabilistic Interpretation of Feedforward
Classification Network Outputs (1990), for p - t.
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
    """From dL/dp to dL/dz."""
    collapse = [_collapse(at)] if at.collapses else []
    of_class = _cross_entropy_of_class if at.collapses else _squared_error_of_class
    sparse = [] if at.label is None else [of_class(at, at.label)]
    return _at_probabilities(at), _jacobian(at), _why_a_matrix(at), _product(at), _inner_product(at), *collapse, *sparse


def _at_probabilities(at: RowValues) -> Step:
    i = main_class(at)
    if not at.collapses:
        why = "The square brings down a 2, which cancels the 1/2 in front."
        formula: Math = row(p("i"), "-", t("i"))
        put_in: Math = row(num(at.p, i), "-", num(at.t, i))
        mistakes = ("sign", "factor-2", "cross-entropy-gradient")
    else:
        why = "The derivative of log p is 1/p, and the minus of the loss stays in front of it."
        formula = row("negative", Frac(t("i"), p("i")))
        put_in = row("negative", Frac(num(at.t, i), num(at.p, i)))
        mistakes = ("sign", "logits-gradient-at-probabilities", "true-class-only-missing")
    return Step(
        "The gradient at the probabilities",
        why,
        (row(loss_by(p("i")), "=", formula),),
        (row(loss_by(p(i)), "=", put_in, "=", num(at.dp, i)), row(loss_by("p"), "=", vec(at, at.dp))),
        wrong=wrong(at, at.at_probabilities, mistakes, at.dp),
    )


def _jacobian(at: RowValues) -> Step:
    places = range(len(at.shown))
    by_quotient_rule = Frac(row(DELTA, Sub("e", "i"), "S", "-", Sub("e", "i"), Sub("e", "j")), Squared("S"))
    one_of_each = (_entry(at, a, b) for a in places[:WRITTEN_OUT] for b in places[a:WRITTEN_OUT])
    table = Table(
        "The Jacobian J, row i, column j",
        (Words("i, j"), *map(str, at.shown)),
        tuple((str(i), *(num(at.jacobian, a, b) for b in places)) for a, i in enumerate(at.shown)),
        "heat",
        tuple(tuple(_entry(at, a, b) for b in places) for a in places),
        classes_left_out(at),
    )
    return Step(
        "The Jacobian, entry by entry",
        "The quotient e_i / S is differentiated: z_j stands in the numerator only if i = j, in the sum S always.",
        (
            row(J_IJ, "=", Partial(p("i"), z("j")), "=", by_quotient_rule,
                Words("   with "), "S", "=", Sum("k", Sub("e", "k"))),
            row(Sub("J", "ii"), "=", p("i"), "(", "1", "-", p("i"), ")", Words("   if "), "i", "=", "j"),
            row(J_IJ, "=", "negative", p("i"), p("j"), Words("   if "), "i", "≠", "j"),
            row(J_IJ, "=", p("i"), "(", DELTA, "-", p("j"), ")", Words("   for both: the Kronecker "), DELTA,
                Words(" is 1 if "), "i", "=", "j", Words(", else 0")),
            row("J", "=", "diag", "(", "p", ")", "-", "p", Transposed("p")),
        ),
        tuple(one_of_each),
        (table,),
        (Compared("J", None, largest(at.jacobian.value, at.jacobian_by_differences.value)),),
    )  # fmt: skip


def _entry(at: RowValues, a: int, b: int) -> Math:
    """One entry of the Jacobian with the numbers put in."""
    i, j = at.shown[a], at.shown[b]
    p_i, p_j = num(at.p, i), num(at.p, j)
    put_in = row(p_i, "(", "1", "-", p_i, ")") if a == b else row("negative", p_i, "·", p_j)
    return row(Sub("J", f"{i},{j}"), "=", put_in, "=", num(at.jacobian, a, b))


def _why_a_matrix(at: RowValues) -> Step:
    j = main_class(at)
    b = at.shown.index(j)
    column = [num(at.jacobian, a, b) for a in range(len(at.shown))]
    diagonal = [num(at.jacobian, a, a) for a in range(len(at.shown))]
    return Step(
        "Why a matrix and not a vector",
        "Every logit moves every probability through the sum S: a vector has room for J_ii alone, and loses what the "
        "other classes give up when one gains.",
        (
            row(Sum("i", J_IJ), "=", p("j"), "-", p("j"), Sum("i", p("i")), "=", "0",
                Words("   since probabilities go on summing to 1")),
        ),
        (
            row(Words(f"column {j} of J:  "), total(map(factor, column), at.left_out), "=", "0"),
            row(Words("the diagonal alone:  "), Vec(tuple(diagonal), at.left_out)),
        ),
    )  # fmt: skip


def _product(at: RowValues) -> Step:
    mistakes = ("diagonal-only", "jacobian-summed", "inner-product-missing", "off-diagonal-sign")
    return Step(
        "The product with the Jacobian",
        "The chain rule: z_j acts on the loss through every p_i, and these ways add up.",
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
    put_in = row(num(at.p, j), "(", num(at.dp, j), "-", factor(num(at.inner)), ")")
    return Step(
        "The product without the matrix",
        "With J_ij = p_i (δ_ij - p_j) the sum has one term with δ and one inner product, the same for every j: J is "
        "never formed.",
        (
            row(Sum("i", row(p("i"), "(", DELTA, "-", p("j"), ")", loss_by(p("i")))), "=",
                p("j"), loss_by(p("j")), "-", p("j"), Sum("i", row(p("i"), loss_by(p("i"))))),
            row(loss_by("z"), "=", "p", "(", loss_by("p"), "-", inner, ")", Words("   entry by entry")),
        ),
        (
            row(inner, "=", total(products, left_out), "=", num(at.inner)),
            row(loss_by(z(j)), "=", put_in, "=", num(at.dz, j)),
            row(loss_by("z"), "=", vec(at, at.dz)),
        ),
        compared=(compared(at, loss_by("z"), at.dz),) if not at.collapses else (),
        wrong=wrong(at, SOFTMAX_IN_LOSS, ("softmax-jacobian-missing", "mean-for-sum"), at.dz),
    )  # fmt: skip


def _collapse(at: RowValues) -> Step:
    lines = (row(loss_by(z(j)), "=", num(at.p, j), "-", num(at.t, j), "=", num(at.dz, j)) for j in at.shown)
    return Step(
        "The sum collapses to p - t",
        "Each p_i cancels against the 1/p_i of the loss, and the target sums to 1.",
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
        "The short cut for a class number",
        "The target is 1 at one class: no vector t is needed, one number is subtracted at one place.",
        (
            row("L", "=", "negative", "log", p(y)),
            row(loss_by("z"), "=", "p", Words("   and 1 less at class "), str(y)),
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
        "The short cut for a class number",
        "The target is 1 at one class: no vector t is needed, and the inner product is a sum of squares.",
        (
            row(loss_by("p"), "=", "p", Words("   and 1 less at class "), str(y)),
            row(inner, "=", Sum("i", Squared(p("i"))), "-", p(y)),
        ),
        (row(loss_by("p"), "=", vec(at, at.dp)), row(inner, "=", num(at.inner))),
        wrong=wrong(at, at.at_probabilities, ("label-off-by-one", "one-hot-not-subtracted"), at.dp),
    )
