"""Mistakes in the gradient of a penalty that stands alone: λ/2 Σ W², λ Σ |W|, λ ||W||, and λ Σ ||rows of W||."""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine

SQUARES = "dW = reg * W"  # of reg / 2 times the sum of squares
ABSOLUTES = "dW = reg * sign(W)"
LENGTH = "dW = reg * W / length"  # of reg times the root of the sum of squares
ROW_LENGTHS = "dW = reg * W / lengths"  # of reg times the sum of the lengths of the rows, or columns
NOT_PENALISED = "dW = zeros(W)"

ENTRIES = (
    Entry(
        "penalty-derivative",
        "The derivative of the penalty is wrong",
        "The derivative of W² is 2 W, that of |W| is sign(W): +1 or -1. Each entry keeps its sign.",
    ),
    Entry(
        "penalty-of-another",
        "The derivative belongs to another penalty",
        "λ/2 Σ W² has the gradient λ W, λ Σ |W| has λ sign(W), and the length λ ||W|| has λ W / ||W||.",
    ),
    Entry(
        "penalty-length-missing",
        "The division by the length is missing",
        "The length is a square root of a sum of squares. Its gradient is W divided by the length.",
    ),
    Entry(
        "penalty-factor-missing",
        "The factor λ of the penalty is missing",
        "The penalty is multiplied by λ, and so is its gradient.",
    ),
    Entry(
        "penalty-on-others",
        "An array that has no penalty gets a gradient of one",
        "The penalty is on some of the arrays. The gradient of the others is 0.",
    ),
)

WRONG_LINES = (
    WrongLine(SQUARES, "W", "penalty-factor-missing"),
    WrongLine(SQUARES, "reg * abs(W)", "penalty-derivative"),
    WrongLine(SQUARES, "reg * W ** 2", "penalty-derivative"),
    WrongLine(SQUARES, "reg * W ** 2 / 2", "penalty-derivative"),
    WrongLine(SQUARES, "reg * sum_all(W ** 2) * ones(W)", "penalty-derivative"),
    WrongLine(SQUARES, "reg * sum_all(W) * ones(W)", "penalty-derivative"),
    WrongLine(SQUARES, "reg * ones(W)", "penalty-derivative"),
    WrongLine(SQUARES, "reg * sign(W)", "penalty-of-another"),
    WrongLine(SQUARES, "reg * W / sqrt(sum_all(W ** 2))", "penalty-of-another"),
    WrongLine(ABSOLUTES, "sign(W)", "penalty-factor-missing"),
    WrongLine(ABSOLUTES, "reg * abs(W)", "penalty-derivative"),
    WrongLine(ABSOLUTES, "reg * ones(W)", "penalty-derivative"),
    WrongLine(ABSOLUTES, "reg * (W > 0)", "penalty-derivative"),
    WrongLine(ABSOLUTES, "reg * W", "penalty-of-another"),
    WrongLine(ABSOLUTES, "2 * reg * W", "penalty-of-another"),
    WrongLine(LENGTH, "W / length", "penalty-factor-missing"),
    WrongLine(LENGTH, "reg * W", "penalty-length-missing"),
    WrongLine(LENGTH, "2 * reg * W", "penalty-of-another"),
    WrongLine(LENGTH, "reg * W / length ** 2", "penalty-derivative"),
    WrongLine(LENGTH, "reg * W / (2 * length)", "penalty-derivative"),
    WrongLine(LENGTH, "reg * abs(W) / length", "penalty-derivative"),
    WrongLine(LENGTH, "reg * sign(W)", "penalty-of-another"),
    WrongLine(ROW_LENGTHS, "W / lengths", "penalty-factor-missing"),
    WrongLine(ROW_LENGTHS, "reg * W", "penalty-length-missing"),
    WrongLine(ROW_LENGTHS, "reg * W / sqrt(sum_all(W ** 2))", "penalty-of-another"),
    WrongLine(ROW_LENGTHS, "reg * W / lengths ** 2", "penalty-derivative"),
    WrongLine(ROW_LENGTHS, "reg * W / (2 * lengths)", "penalty-derivative"),
    WrongLine(ROW_LENGTHS, "reg * sign(W)", "penalty-of-another"),
    WrongLine(NOT_PENALISED, "reg * W", "penalty-on-others"),
    WrongLine(NOT_PENALISED, "reg * sign(W)", "penalty-on-others"),
)
